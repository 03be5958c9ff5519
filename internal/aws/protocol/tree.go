package protocol

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// node is an XML element, or a component of a dotted form key: both protocols decode from one tree.
type node struct {
	name string
	text string
	kids []*node
}

func (n *node) kid(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// treeDec decodes from a tree by the model.
type treeDec struct {
	rep   *report
	query bool // names and lists of the query protocol
}

func (d *treeDec) value(p *plan, m *model.Member, n *node, v reflect.Value) error {
	s := p.shape
	v = deref(v)
	switch s.Kind {
	case model.Structure:
		return d.structure(p, n, v)
	case model.List:
		return d.list(p, m, n, v)
	case model.Map:
		return d.dict(p, m, n, v)
	}
	return setScalar(s, m, n.text, v, d.rep)
}

func (d *treeDec) structure(p *plan, n *node, v reflect.Value) error {
	given := 0
	for i, m := range p.shape.Members {
		if m.Loc != model.Body && !d.query {
			continue
		}
		g := d.find(m, n)
		if g == nil {
			if m.Required && m.Support == model.Served {
				d.rep.missing(m.Name)
			}
			continue
		}
		given++
		f := &p.fields[i]
		if f.index < 0 {
			if m.Support != model.Ignored {
				d.rep.refuse(m.Name)
			}
			continue
		}
		d.rep.push(m.Name)
		err := d.value(f.plan, m, g, v.Field(f.index))
		d.rep.pop()
		if err != nil {
			return err
		}
	}
	if p.shape.Union {
		d.rep.checkUnion(given)
	}
	return nil
}

// find returns the node of a member. The elements of a flattened list or map of XML are gathered into one node.
func (d *treeDec) find(m *model.Member, n *node) *node {
	if d.query {
		return n.kid(m.QueryWire)
	}
	name := m.Wire
	if m.Attr {
		name = "@" + name
	}
	if !m.Flattened {
		return n.kid(name)
	}
	var g *node
	for _, k := range n.kids {
		if k.name != name {
			continue
		}
		if g == nil {
			g = &node{name: name}
		}
		g.kids = append(g.kids, k)
	}
	return g
}

// items returns the elements of a list or the entries of a map.
func (d *treeDec) items(m *model.Member, n *node, elem string) []*node {
	if !d.query {
		return n.kids
	}
	if m == nil || !m.QueryFlattened {
		if n = n.kid(elem); n == nil {
			return nil
		}
	}
	ks := slices.Clone(n.kids)
	slices.SortStableFunc(ks, func(a, b *node) int {
		x, _ := strconv.Atoi(a.name)
		y, _ := strconv.Atoi(b.name)
		return x - y
	})
	return ks
}

func (d *treeDec) list(p *plan, m *model.Member, n *node, v reflect.Value) error {
	name := p.shape.Elem.Wire
	if d.query {
		name = p.shape.Elem.QueryWire
	}
	ks := d.items(m, n, name)
	v.Set(reflect.MakeSlice(v.Type(), len(ks), len(ks)))
	found := len(d.rep.violations)
	for i, k := range ks {
		d.rep.pushIndex(i)
		err := d.value(p.elem, nil, k, v.Index(i))
		d.rep.pop()
		if err != nil {
			return err
		}
	}
	d.rep.scalars(found, "Member", p.elem.shape, v)
	d.rep.checkList(p.shape, v)
	return nil
}

func (d *treeDec) dict(p *plan, m *model.Member, n *node, v reflect.Value) error {
	t := v.Type()
	mv := reflect.MakeMap(t)
	found, badKeys := len(d.rep.violations), false
	key, val := p.shape.Key.Wire, p.shape.Val.Wire
	if d.query {
		key, val = p.shape.Key.QueryWire, p.shape.Val.QueryWire
	}
	for _, e := range d.items(m, n, "entry") {
		kn, vn := e.kid(key), e.kid(val)
		if kn == nil || vn == nil {
			return fmt.Errorf("%w: an entry of %s needs %s and %s", errSyntax, n.name, key, val)
		}
		n := len(d.rep.violations)
		d.rep.checkString(p.shape.Key.Shape, kn.text)
		badKeys = badKeys || len(d.rep.violations) > n
		d.rep.violations = d.rep.violations[:n]
		d.rep.pushKey(kn.text)
		ev := reflect.New(t.Elem()).Elem()
		err := d.value(p.elem, nil, vn, ev)
		d.rep.pop()
		if err != nil {
			return err
		}
		mv.SetMapIndex(reflect.ValueOf(kn.text).Convert(t.Key()), ev)
	}
	d.rep.checkMap(p, found, badKeys, mv)
	v.Set(mv)
	return nil
}

// setScalar sets v from the text of a header, a label, a parameter, a form value or an element.
func setScalar(s *model.Shape, m *model.Member, text string, v reflect.Value, rep *report) error {
	v = deref(v)
	bad := func(kind string) error { return fmt.Errorf("%w: %q is not %s", errSyntax, text, kind) }
	switch s.Kind {
	case model.String:
		if m != nil && m.JSONValue {
			x, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return bad("base64")
			}
			text = string(x)
		}
		rep.checkString(s, text)
		v.SetString(text)
	case model.Integer, model.Long:
		size := 64
		if s.Kind == model.Integer {
			size = 32
		}
		x, err := strconv.ParseInt(strings.TrimSpace(text), 10, size)
		if err != nil {
			return bad("an integer of " + strconv.Itoa(size) + " bits")
		}
		rep.checkNumber(s, float64(x))
		v.SetInt(x)
	case model.Float, model.Double:
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return bad("a number")
		}
		rep.checkNumber(s, x)
		v.SetFloat(x)
	case model.Boolean:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true":
			v.SetBool(true)
		case "false":
			v.SetBool(false)
		default:
			return bad("a boolean")
		}
	case model.Blob:
		x, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return bad("base64")
		}
		rep.checkBounds(s, len(x), func() string { return fmt.Sprintf("[%d bytes]", len(x)) })
		v.SetBytes(x)
	case model.Timestamp:
		x, err := parseTime(text, timeFormat(s, m))
		if err != nil {
			return bad("a timestamp")
		}
		*v.Addr().Interface().(*time.Time) = x
	}
	return nil
}
