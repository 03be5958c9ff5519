// Package eventpattern matches JSON documents against event patterns: those of EventBridge's rules, of the filters of event
// source mappings and of SNS's subscriptions.
//
// A pattern is an object of the same shape as the event. Its leaves are lists of alternatives: values, or objects with one
// operator (prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr). "$or" holds a list
// of patterns of which one must match. A leaf matches an array of the event if it matches one of its elements. A field whose name
// has dots also names the path that they part: "a.b" is "b" of "a".
//
// Source: "Creating Amazon EventBridge event patterns" in the EventBridge user guide.
package eventpattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// ErrInvalid reports a pattern that cannot be read; its text says what is wrong.
var ErrInvalid = errors.New("event pattern is not valid")

// Pattern is a compiled pattern. It is immutable and safe for concurrent use.
type Pattern struct{ root node }

// node is a test of a value of the event; present is false where the event has none.
type node interface {
	match(v any, present bool) bool
}

type (
	object struct {
		fields map[string]node
		or     [][]*object // each list must have one that matches
	}
	leaf []test
	test interface {
		match(v any, present bool) bool
	}
)

const (
	maxDepth = 32
	maxTests = 10_000
)

// Compile reads a pattern. Errors wrap ErrInvalid and say, as AWS's do, at which line and column.
func Compile(text []byte) (*Pattern, error) {
	root, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	c := compiler{}
	o, r := c.root(root)
	if r != nil {
		return nil, r.in(string(text))
	}
	return &Pattern{o}, nil
}

// Decode reads a JSON document in the form that Match takes: numbers are json.Number.
func Decode(text []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// Match reports whether an event, as Decode gives it, matches.
func (p *Pattern) Match(event any) bool { return p.root.match(event, true) }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w. Reason: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

type compiler struct{ tests int }

func (c *compiler) root(v *value) (*object, *refusal) {
	if v.kind != '{' {
		return nil, refuse(v.start, "Filter is not an object")
	}
	return c.object(v, 0)
}

func (c *compiler) object(v *value, depth int) (*object, *refusal) {
	if len(v.members) == 0 {
		return nil, refuse(v.end, "Empty objects are not allowed")
	}
	if depth > maxDepth {
		return nil, refuse(v.start, "it is nested more than %d levels deep", maxDepth)
	}
	o := &object{fields: map[string]node{}}
	for _, m := range v.members {
		if m.value.kind == '[' && m.name == "$or" && len(m.value.items) > 0 {
			if alternatives, ok, r := c.or(m.value.items, depth); r != nil {
				return nil, r
			} else if ok {
				o.or = append(o.or, alternatives)
				continue
			}
		}
		switch m.value.kind {
		case '{':
			n, r := c.object(m.value, depth+1)
			if r != nil {
				return nil, r
			}
			o.fields[m.name] = n
		case '[':
			n, r := c.leaf(m.value)
			if r != nil {
				return nil, r
			}
			o.fields[m.name] = n
		default:
			return nil, refuse(m.value.start, "%q must be an object or an array", m.name)
		}
	}
	return o, nil
}

// or reads the alternatives of "$or", unless they are the values of a field of that name.
func (c *compiler) or(list []*value, depth int) (alternatives []*object, ok bool, r *refusal) {
	for _, e := range list {
		if e.kind != '{' {
			return nil, false, nil
		}
		o, r := c.object(e, depth+1)
		if r != nil {
			return nil, false, r
		}
		alternatives = append(alternatives, o)
	}
	return alternatives, true, nil
}

func (o *object) match(v any, present bool) bool {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			switch e.(type) {
			case map[string]any, []any:
				if o.match(e, true) {
					return true
				}
			}
		}
		return false
	}
	m, _ := v.(map[string]any)
	for k, n := range o.fields {
		if !field(m, k, n) {
			return false
		}
	}
	for _, alternatives := range o.or {
		any := false
		for _, a := range alternatives {
			any = any || a.match(v, present)
		}
		if !any {
			return false
		}
	}
	return true
}

// field tests the field k of m, or what the parts of k between its dots lead to.
func field(m map[string]any, k string, n node) bool {
	if _, nested := n.(*object); nested {
		if joined := dotted(m, k); joined != nil {
			return n.match(joined, true)
		}
	}
	if e, ok := m[k]; ok {
		return n.match(e, true)
	}
	found := false
	for i := range len(k) {
		if k[i] != '.' {
			continue
		}
		switch sub := m[k[:i]].(type) {
		case map[string]any, []any:
			if (&object{fields: map[string]node{k[i+1:]: n}}).match(sub, true) {
				return true
			}
			found = true
		}
	}
	return !found && n.match(nil, false)
}

// dotted is the object k of m together with the members of m whose names begin with k and a dot, which stand for members of k;
// nil where m has none of those.
func dotted(m map[string]any, k string) map[string]any {
	var joined map[string]any
	for name, v := range m {
		if len(name) > len(k)+1 && name[len(k)] == '.' && name[:len(k)] == k {
			if joined == nil {
				joined = map[string]any{}
				if sub, ok := m[k].(map[string]any); ok {
					maps.Copy(joined, sub)
				}
			}
			joined[name[len(k)+1:]] = v
		}
	}
	return joined
}

func (l leaf) match(v any, present bool) bool {
	for _, t := range l {
		if list, ok := v.([]any); ok && present {
			if x, exists := t.(existence); exists {
				if x.match(v, true) {
					return true
				}
				continue
			}
			for _, e := range list {
				if _, nested := e.([]any); nested && (leaf{t}).match(e, true) || !nested && t.match(e, true) {
					return true
				}
			}
			continue
		}
		if t.match(v, present) {
			return true
		}
	}
	return false
}

func (c *compiler) leaf(v *value) (leaf, *refusal) {
	if len(v.items) == 0 {
		return nil, refuse(v.end, "Empty arrays are not allowed")
	}
	var l leaf
	for _, e := range v.items {
		if c.tests++; c.tests > maxTests {
			return nil, refuse(e.start, "it has more than %d values", maxTests)
		}
		switch {
		case e.kind == '[':
			return nil, refuse(e.start, "Match value must be String, number, true, false, or null")
		case e.kind != '{':
			l = append(l, equals{e.scalar})
			continue
		case len(e.members) == 0:
			return nil, refuse(e.end, "Empty objects are not allowed")
		}
		t, r := operator(e.members[0].name, e.members[0].value)
		if r != nil {
			return nil, r
		}
		if len(e.members) > 1 {
			return nil, refuse(e.members[1].value.start, "Only one key allowed in match expression")
		}
		l = append(l, t)
	}
	return l, nil
}

// equals is a value that must be the same: numbers by value, strings by their bytes.
type equals struct{ want any }

func (t equals) match(v any, present bool) bool { return present && same(t.want, v) }

func same(a, b any) bool {
	x, ok := a.(json.Number)
	y, ok2 := b.(json.Number)
	if !ok || !ok2 {
		switch b.(type) {
		case map[string]any, []any:
			return false // not comparable
		}
		return ok == ok2 && a == b
	}
	if x == y {
		return true
	}
	p, q := number(x), number(y)
	return p != nil && q != nil && p.Cmp(q) == 0
}

// number reads a number exactly; nil where its exponent is beyond what any event has use for.
func number(n json.Number) *big.Rat {
	s := string(n)
	if i := strings.IndexAny(s, "eE"); len(s) > 400 || i >= 0 && len(s)-i > 5 {
		return nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return r
}

type existence struct{ want bool }

func (t existence) match(v any, present bool) bool { return (present && leafy(v)) == t.want }

// leafy reports whether a value is a leaf, or a list with one: AWS does not see that others exist.
func leafy(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return false
	case []any:
		return slices.ContainsFunc(x, leafy)
	}
	return true
}

// text is a test of strings.
type text func(string) bool

func (t text) match(v any, present bool) bool {
	s, ok := v.(string)
	return present && ok && t(s)
}

// not is anything-but: the value must be there, and match none.
type not struct{ leaf }

func (t not) match(v any, present bool) bool { return present && !t.leaf.match(v, true) }

type network struct{ netip.Prefix }

func (t network) match(v any, present bool) bool {
	s, _ := v.(string)
	a, err := netip.ParseAddr(s)
	return present && err == nil && t.Contains(a)
}
