package protocol

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// jsonEnc appends values as JSON by the model. Absent members are left out.
type jsonEnc struct {
	// loose is the form of in-process calls: every member, whatever its place in an HTTP answer, by its name in the model
	// with an upper-case first letter; blobs as text, timestamps as ISO 8601.
	loose bool
}

func (e jsonEnc) append(b []byte, p *plan, m *model.Member, v reflect.Value) []byte {
	v, ok := indirect(v)
	if !ok {
		return append(b, "null"...)
	}
	s := p.shape
	switch s.Kind {
	case model.Structure:
		b = append(b, '{')
		first := true
		for i := range p.fields {
			f := &p.fields[i]
			if f.index < 0 || f.m.Loc != model.Body && !e.loose {
				continue
			}
			fv := v.Field(f.index)
			if absent(f.m, fv) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			name := f.m.Wire
			if e.loose {
				name = model.GoName(f.m.Name)
			}
			b = append(appendString(b, name), ':')
			b = e.append(b, f.plan, f.m, fv)
		}
		return append(b, '}')
	case model.List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.append(b, p.elem, nil, v.Index(i))
		}
		return append(b, ']')
	case model.Map:
		return e.dict(b, p, v)
	case model.String:
		return appendString(b, v.String())
	case model.Integer, model.Long:
		return strconv.AppendInt(b, v.Int(), 10)
	case model.Float, model.Double:
		return appendFloat(b, v.Float())
	case model.Boolean:
		return strconv.AppendBool(b, v.Bool())
	case model.Blob:
		return e.blob(b, v)
	case model.Timestamp:
		t := *v.Addr().Interface().(*time.Time)
		if e.loose || timeFormat(s, m) == "iso8601" {
			b = append(b, '"')
			b = appendISO(b, t, e.loose)
			return append(b, '"')
		}
		return appendEpoch(b, t)
	case model.Document:
		x, err := json.Marshal(v.Interface())
		if err != nil {
			panic("BUG: encode document: " + err.Error())
		}
		return append(b, x...)
	}
	return append(b, "null"...)
}

func (e jsonEnc) dict(b []byte, p *plan, v reflect.Value) []byte {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int {
		if x.String() < y.String() {
			return -1
		}
		return 1
	})
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k.String()), ':')
		ev := reflect.New(v.Type().Elem()).Elem()
		ev.Set(v.MapIndex(k))
		b = e.append(b, p.elem, nil, ev)
	}
	return append(b, '}')
}

// blob appends bytes as base64, or as text in process. A stream is read to its end and closed: the caller of Invoke
// asks for the value.
func (e jsonEnc) blob(b []byte, v reflect.Value) []byte {
	var x []byte
	if v.Kind() == reflect.Slice {
		x = v.Bytes()
	} else if r, ok := v.Interface().(io.Reader); ok {
		x, _ = io.ReadAll(r)
	}
	if e.loose && utf8.Valid(x) {
		return appendString(b, string(x))
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, x)
	return append(b, '"')
}

func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return append(strconv.AppendFloat(b, f, 'f', -1, 64), ".0"...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func timeFormat(s *model.Shape, m *model.Member) string {
	if m != nil && m.Format != "" {
		return m.Format
	}
	return s.Format
}

// appendEpoch appends seconds since 1970 with milliseconds where there are any.
func appendEpoch(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		return strconv.AppendFloat(b, float64(ms)/1000, 'f', -1, 64)
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}

func appendISO(b []byte, t time.Time, millis bool) []byte {
	if millis || t.Nanosecond() >= 1e6 {
		return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, s[start:i]...), `\ufffd`...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
