package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// errSyntax is the cause of every error for text that is not the JSON, XML or form that the model asks for.
var errSyntax = errors.New("malformed message")

// maxDepth bounds the nesting of JSON and XML: no model comes near, and a stack must not be a way to crash a process.
const maxDepth = 200

// jsonDec decodes by the model. Members that the model does not have are skipped, as AWS does.
type jsonDec struct {
	b     []byte
	i     int
	depth int
	buf   []byte // of the last string with escapes
	rep   *report

	// loose is the form of in-process calls: members by their names in the model in any case of the first letter, blobs
	// as text or any JSON, timestamps as ISO 8601.
	loose bool
}

// decodeJSON reads all of b into v.
func decodeJSON(p *plan, b []byte, v reflect.Value, rep *report, loose bool) error {
	d := jsonDec{b: b, rep: rep, loose: loose}
	d.space()
	if !d.null() {
		if err := d.value(p, v); err != nil {
			return err
		}
	} else if p.shape.Kind == model.Structure {
		d.absentMembers(p, &bits{})
	}
	if d.space(); d.i != len(b) {
		return d.fail("end of text")
	}
	return nil
}

// value reads one value; the caller has skipped space and null.
func (d *jsonDec) value(p *plan, v reflect.Value) error {
	v = deref(v)
	s := p.shape
	switch s.Kind {
	case model.Structure:
		return d.structure(p, v)
	case model.List:
		return d.list(p, v)
	case model.Map:
		return d.dict(p, v)
	case model.String:
		x, err := d.text("String")
		if err != nil {
			return err
		}
		str := string(x)
		d.rep.checkString(s, str)
		v.SetString(str)
	case model.Blob:
		return d.blob(s, v)
	case model.Boolean:
		x, err := d.boolean()
		if err != nil {
			return err
		}
		v.SetBool(x)
	case model.Integer, model.Long:
		x, err := d.integer(s.Kind == model.Integer)
		if err != nil {
			return err
		}
		d.rep.checkNumber(s, float64(x))
		v.SetInt(x)
	case model.Float, model.Double:
		x, err := d.number()
		if err != nil {
			return err
		}
		d.rep.checkNumber(s, x)
		v.SetFloat(x)
	case model.Timestamp:
		x, err := d.time()
		if err != nil {
			return err
		}
		*v.Addr().Interface().(*time.Time) = x
	case model.Document:
		start := d.i
		if err := d.skip(); err != nil {
			return err
		}
		dec := json.NewDecoder(bytes.NewReader(d.b[start:d.i]))
		dec.UseNumber()
		var x any
		if err := dec.Decode(&x); err != nil {
			return fmt.Errorf("%w: %w", errSyntax, err)
		}
		v.Set(reflect.ValueOf(&x).Elem())
	}
	return nil
}

func (d *jsonDec) member(s *model.Shape, k []byte) *model.Member {
	if !d.loose {
		return s.ByWire(string(k))
	}
	name := string(k)
	if m := s.ByName(name); m != nil {
		return m
	}
	for _, m := range s.Members {
		if strings.EqualFold(m.Name, name) || m.Loc == model.Body && strings.EqualFold(m.Wire, name) {
			return m
		}
	}
	return nil
}

func (d *jsonDec) structure(p *plan, v reflect.Value) error {
	s := p.shape
	var seen bits
	err := d.object("Structure", func(k []byte) error {
		m := d.member(s, k)
		if m == nil {
			if d.loose {
				d.rep.refuse(string(k))
			}
			return d.skip()
		}
		if d.null() {
			return nil
		}
		seen.set(m.Index)
		f := &p.fields[m.Index]
		if f.index < 0 {
			if m.Support != model.Ignored {
				d.rep.refuse(m.Name)
			}
			return d.skip()
		}
		d.rep.push(m.Name)
		err := d.value(f.plan, v.Field(f.index))
		d.rep.pop()
		return err
	})
	if err != nil {
		return err
	}
	d.absentMembers(p, &seen)
	return nil
}

func (d *jsonDec) absentMembers(p *plan, seen *bits) {
	for _, i := range p.req {
		if m := p.shape.Members[i]; (m.Loc == model.Body || d.loose) && !seen.has(i) {
			d.rep.missing(m.Name)
		}
	}
	if p.shape.Union {
		d.rep.checkUnion(seen.count())
	}
}

// checkUnion checks that exactly one member is given.
func (r *report) checkUnion(n int) {
	if n != 1 {
		r.add(fmt.Sprintf("Value with %d members at '%s' failed to satisfy constraint: Exactly one member must be set", n, r.at("")))
	}
}

func (d *jsonDec) list(p *plan, v reflect.Value) error {
	n, found := 0, len(d.rep.violations)
	v.SetLen(0)
	err := d.array(func() error {
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		e := v.Index(n)
		e.SetZero()
		d.rep.pushIndex(n)
		n++
		var err error
		if d.null() {
			d.rep.missing("")
		} else {
			err = d.value(p.elem, e)
		}
		d.rep.pop()
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	d.rep.scalars(found, "Member", p.elem.shape, v)
	d.rep.checkList(p.shape, v)
	return nil
}

func (d *jsonDec) dict(p *plan, v reflect.Value) error {
	t := v.Type()
	mv := reflect.MakeMap(t)
	kv := reflect.New(t.Key()).Elem()
	badKeys := false
	found := len(d.rep.violations)
	err := d.object("Map", func(k []byte) error {
		kv.SetString(string(k))
		n := len(d.rep.violations)
		d.rep.checkString(p.shape.Key.Shape, kv.String())
		badKeys = badKeys || len(d.rep.violations) > n
		d.rep.violations = d.rep.violations[:n]
		d.rep.pushKey(kv.String())
		ev := reflect.New(t.Elem()).Elem()
		var err error
		if !d.null() {
			err = d.value(p.elem, ev)
		}
		d.rep.pop()
		mv.SetMapIndex(kv, ev)
		return err
	})
	if err != nil {
		return err
	}
	d.rep.checkMap(p, found, badKeys, mv)
	v.Set(mv)
	return nil
}

func (d *jsonDec) blob(s *model.Shape, v reflect.Value) error {
	var out []byte
	switch {
	case d.loose && d.peek() != '"':
		start := d.i
		if err := d.skip(); err != nil {
			return err
		}
		var c bytes.Buffer
		if err := json.Compact(&c, d.b[start:d.i]); err != nil {
			return fmt.Errorf("%w: %w", errSyntax, err)
		}
		out = c.Bytes()
	default:
		x, err := d.text("Blob")
		if err != nil {
			return err
		}
		if d.loose {
			out = bytes.Clone(x)
			break
		}
		out = make([]byte, base64.StdEncoding.DecodedLen(len(x)))
		n, err := base64.StdEncoding.Decode(out, x)
		if err != nil {
			return fmt.Errorf("%w: byte %d: a blob is not base64: %w", errSyntax, d.i, err)
		}
		out = out[:n]
	}
	d.rep.checkBounds(s, len(out), func() string { return fmt.Sprintf("[%d bytes]", len(out)) })
	if v.Kind() == reflect.Interface {
		v.Set(reflect.ValueOf(nopReadCloser{bytes.NewReader(out)}))
		return nil
	}
	v.SetBytes(out)
	return nil
}

type nopReadCloser struct{ *bytes.Reader }

func (nopReadCloser) Close() error { return nil }

// time reads seconds since 1970 with a fraction, or text in RFC 3339 or HTTP's form.
func (d *jsonDec) time() (time.Time, error) {
	if d.peek() == '"' {
		x, err := d.str()
		if err != nil {
			return time.Time{}, err
		}
		t, err := parseTime(string(x), "")
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: byte %d: %w", errSyntax, d.i, err)
		}
		return t, nil
	}
	x, err := d.number()
	if err != nil {
		return time.Time{}, err
	}
	return epoch(x)
}

func epoch(x float64) (time.Time, error) {
	if math.IsNaN(x) || math.Abs(x) > 1e12 {
		return time.Time{}, fmt.Errorf("%w: %v is not a time in seconds since 1970", errSyntax, x)
	}
	sec, frac := math.Modf(x)
	return time.Unix(int64(sec), int64(math.Round(frac*1e3))*1e6).UTC(), nil
}

// parseTime reads a timestamp of the given format; "" tries all that AWS's clients send.
func parseTime(s, format string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if format == "unixTimestamp" || format == "" {
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return epoch(x)
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05.999 GMT", "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a timestamp", s)
}
