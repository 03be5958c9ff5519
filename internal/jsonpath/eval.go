package jsonpath

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// Get returns what the path selects in root: the value of a definite path, or a *NotFoundError; the list of an
// indefinite one. The result shares root's parts.
func (p *Path) Get(root any) (any, error) {
	if p.definite {
		v, err := p.one(root, root)
		if err != nil {
			return nil, err
		}
		return p.apply(root, v, true)
	}
	list := p.all(root, root)
	return p.apply(root, list, false)
}

// Exists reports whether a definite path has a value, or an indefinite one selects something.
func (p *Path) Exists(root any) bool {
	v, err := p.Get(root)
	if err != nil {
		return false
	}
	if list, ok := v.([]any); ok && !p.definite {
		return len(list) > 0
	}
	return true
}

func (p *Path) one(root, cur any) (any, error) {
	for i, s := range p.steps {
		next, ok := s.(singleStep).one(cur)
		if !ok {
			return nil, p.missing(i, cur)
		}
		cur = next
	}
	return cur, nil
}

// missing words the failure of step i as Jayway does.
func (p *Path) missing(i int, cur any) error {
	var at strings.Builder
	at.WriteByte('$')
	for _, s := range p.steps[:i] {
		at.WriteString(s.canonical())
	}
	s := p.steps[i]
	if _, isName := s.(*nameStep); isName {
		if _, ok := cur.(*jsonvalue.Object); !ok {
			typ := map[string]string{"null": "null", "string": "java.lang.String", "boolean": "java.lang.Boolean",
				"array": "net.minidev.json.JSONArray", "number": "java.lang.Integer"}[jsonvalue.TypeName(cur)]
			return &NotFoundError{"Expected to find an object with property " + s.canonical() + " in path " + at.String() + " but found '" + typ +
				"'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."}
		}
		if i < len(p.steps)-1 {
			return &NotFoundError{"Missing property in path " + at.String() + s.canonical()}
		}
	}
	return &NotFoundError{"No results for path: " + p.Canonical()}
}

func (p *Path) all(root, cur any) []any {
	nodes := []any{cur}
	for _, s := range p.steps {
		var next []any
		for _, n := range nodes {
			next = s.each(root, n, next)
		}
		nodes = next
	}
	if nodes == nil {
		nodes = []any{}
	}
	return nodes
}

// step selects children of a node.
type step interface {
	// each appends what the step selects in cur to out.
	each(root, cur any, out []any) []any
	canonical() string
}

// singleStep is a step that can select exactly one value.
type singleStep interface {
	one(cur any) (any, bool)
}

type nameStep struct{ names []string }

func (s *nameStep) one(cur any) (any, bool) {
	o, ok := cur.(*jsonvalue.Object)
	if !ok {
		return nil, false
	}
	if len(s.names) == 1 {
		return o.Get(s.names[0])
	}
	merged := &jsonvalue.Object{}
	for _, n := range s.names {
		if v, ok := o.Get(n); ok {
			merged.Set(n, v)
		}
	}
	return merged, true
}

func (s *nameStep) each(_, cur any, out []any) []any {
	if v, ok := s.one(cur); ok {
		if o, isObj := v.(*jsonvalue.Object); len(s.names) > 1 && isObj && o.Len() == 0 {
			return out
		}
		out = append(out, v)
	}
	return out
}

func (s *nameStep) canonical() string {
	return "['" + strings.Join(s.names, "','") + "']"
}

type indexStep struct{ idx []int }

func (s *indexStep) one(cur any) (any, bool) {
	list, ok := cur.([]any)
	if !ok {
		return nil, false
	}
	i := s.idx[0]
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

func (s *indexStep) each(_, cur any, out []any) []any {
	for _, i := range s.idx {
		if v, ok := (&indexStep{idx: []int{i}}).one(cur); ok {
			out = append(out, v)
		}
	}
	return out
}

func (s *indexStep) canonical() string {
	parts := make([]string, len(s.idx))
	for i, n := range s.idx {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

type sliceStep struct {
	from, to       int
	hasFrom, hasTo bool
}

func (s *sliceStep) each(_, cur any, out []any) []any {
	list, ok := cur.([]any)
	if !ok {
		return out
	}
	from, to := 0, len(list)
	if s.hasFrom {
		if from = s.from; from < 0 {
			from += len(list)
		}
	}
	if s.hasTo {
		if to = s.to; to < 0 {
			to += len(list)
		}
	}
	from, to = max(from, 0), min(to, len(list))
	if from >= to {
		return out
	}
	return append(out, list[from:to]...)
}

func (s *sliceStep) canonical() string {
	b := func(n int, has bool) string {
		if !has {
			return ""
		}
		return strconv.Itoa(n)
	}
	return "[" + b(s.from, s.hasFrom) + ":" + b(s.to, s.hasTo) + "]"
}

type anyStep struct{}

func (anyStep) each(_, cur any, out []any) []any {
	switch c := cur.(type) {
	case []any:
		return append(out, c...)
	case *jsonvalue.Object:
		for _, v := range c.All() {
			out = append(out, v)
		}
	}
	return out
}

func (anyStep) canonical() string { return "[*]" }

// scanStep selects the node and all its descendants that are objects or arrays; the step after it does the choosing.
type scanStep struct{}

func (s scanStep) each(root, cur any, out []any) []any {
	switch c := cur.(type) {
	case []any:
		out = append(out, cur)
		for _, v := range c {
			out = s.each(root, v, out)
		}
	case *jsonvalue.Object:
		out = append(out, cur)
		for _, v := range c.All() {
			out = s.each(root, v, out)
		}
	}
	return out
}

func (scanStep) canonical() string { return ".." }
