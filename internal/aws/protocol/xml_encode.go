package protocol

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// xmlEnc appends values as XML by the model.
type xmlEnc struct {
	query  bool // names and lists of the query protocol
	millis bool // timestamps always with milliseconds, as S3 writes them
}

// root appends v as a whole document or as the result of a query answer.
func (e xmlEnc) root(b []byte, p *plan, name, ns string, v reflect.Value) []byte {
	b = append(append(b, '<'), name...)
	if ns != "" {
		b = append(append(append(b, ` xmlns="`...), ns...), '"')
	}
	b = append(b, '>')
	b = e.body(b, p, nil, v)
	return closeTag(b, name)
}

func closeTag(b []byte, name string) []byte {
	return append(append(append(b, "</"...), name...), '>')
}

func (e xmlEnc) name(m *model.Member) string {
	if e.query {
		return m.QueryWire
	}
	return m.Wire
}

func (e xmlEnc) flat(m *model.Member) bool {
	if m.Shape.Kind != model.List && m.Shape.Kind != model.Map {
		return false
	}
	if e.query {
		return m.QueryFlattened
	}
	return m.Flattened
}

// element appends <name>v</name>; the items of a flattened list or map become elements of that name.
func (e xmlEnc) element(b []byte, p *plan, m *model.Member, name string, v reflect.Value) []byte {
	if e.flat(m) {
		return e.body(b, p, m, v)
	}
	b = append(append(b, '<'), name...)
	if m.NSURI != "" {
		b = append(b, " xmlns"...)
		if m.NSPrefix != "" {
			b = append(append(b, ':'), m.NSPrefix...)
		}
		b = append(append(append(b, `="`...), m.NSURI...), '"')
	}
	if p.shape.Kind == model.Structure {
		b = e.attributes(b, p, v)
	}
	b = append(b, '>')
	b = e.body(b, p, m, v)
	return closeTag(b, name)
}

func (e xmlEnc) attributes(b []byte, p *plan, v reflect.Value) []byte {
	v, ok := indirect(v)
	if !ok {
		return b
	}
	for i := range p.fields {
		f := &p.fields[i]
		if !f.m.Attr || f.index < 0 {
			continue
		}
		fv := v.Field(f.index)
		if absent(f.m, fv) {
			continue
		}
		b = append(append(append(b, ' '), f.m.Wire...), `="`...)
		b = e.body(b, f.plan, f.m, fv)
		b = append(b, '"')
	}
	return b
}

func (e xmlEnc) body(b []byte, p *plan, m *model.Member, v reflect.Value) []byte {
	v, ok := indirect(v)
	if !ok {
		return b
	}
	s := p.shape
	switch s.Kind {
	case model.Structure:
		for i := range p.fields {
			f := &p.fields[i]
			if f.index < 0 || f.m.Loc != model.Body || f.m.Attr {
				continue
			}
			if fv := v.Field(f.index); !absent(f.m, fv) {
				b = e.element(b, f.plan, f.m, e.name(f.m), fv)
			}
		}
	case model.List:
		name := e.name(s.Elem)
		if m != nil && e.flat(m) {
			name = e.name(m)
		}
		for i := range v.Len() {
			b = e.element(b, p.elem, s.Elem, name, v.Index(i))
		}
	case model.Map:
		return e.dict(b, p, m, v)
	case model.String:
		return appendEscaped(b, v.String())
	case model.Integer, model.Long:
		return strconv.AppendInt(b, v.Int(), 10)
	case model.Float, model.Double:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	case model.Boolean:
		return strconv.AppendBool(b, v.Bool())
	case model.Blob:
		return base64.StdEncoding.AppendEncode(b, v.Bytes())
	case model.Timestamp:
		t := *v.Addr().Interface().(*time.Time)
		switch timeFormat(s, m) {
		case "unixTimestamp":
			return appendEpoch(b, t)
		case "rfc822":
			return t.UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
		}
		return appendISO(b, t, e.millis)
	}
	return b
}

func (e xmlEnc) dict(b []byte, p *plan, m *model.Member, v reflect.Value) []byte {
	name := "entry"
	if m != nil && e.flat(m) {
		name = e.name(m)
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		b = append(append(append(b, '<'), name...), '>')
		kn := e.name(p.shape.Key)
		b = append(append(append(b, '<'), kn...), '>')
		b = closeTag(appendEscaped(b, k.String()), kn)
		ev := reflect.New(v.Type().Elem()).Elem()
		ev.Set(v.MapIndex(k))
		b = e.element(b, p.elem, p.shape.Val, e.name(p.shape.Val), ev)
		b = closeTag(b, name)
	}
	return b
}

// appendEscaped appends s as the text of an element or an attribute. What XML cannot hold becomes U+FFFD, and a
// carriage return a reference, which parsers would turn into a line feed.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		n, esc := 1, ""
		switch {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '"':
			esc = "&quot;"
		case c == '\r':
			esc = "&#xD;"
		case c < 0x20 && c != '\t' && c != '\n':
			esc = "\uFFFD"
		case c >= utf8.RuneSelf:
			r, w := utf8.DecodeRuneInString(s[i:])
			n = w
			if r == utf8.RuneError && w == 1 || r == 0xFFFE || r == 0xFFFF {
				esc = "\uFFFD"
			}
		}
		if esc != "" {
			b = append(append(b, s[start:i]...), esc...)
			start = i + n
		}
		i += n
	}
	return append(b, s[start:]...)
}
