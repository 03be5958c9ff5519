package jsonata

import (
	"slices"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// arrayOf evaluates an array constructor. Results that are lists are flattened into it, unless they are written as
// constructors themselves.
func (ev *evaluator) arrayOf(n *node, input any, f *frame) (any, error) {
	values := make([]any, len(n.list))
	for i, e := range n.list {
		v, err := ev.eval(e, input, f)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	out := &array{cons: n.cons}
	for i, v := range values {
		a, isArray := v.(*array)
		switch {
		case isUndef(v):
		case isArray && n.list[i].kind != kindArray:
			if len(out.items) == 0 && len(values) == 1 {
				out.items, out.span, out.low = a.items[:len(a.items):len(a.items)], a.span, a.low
				continue
			}
			if err := ev.grown(a.len() * itemSize); err != nil {
				return nil, err
			}
			out.items = append(out.items, a.list()...)
		default:
			out.items = append(out.items, v)
		}
	}
	return out, nil
}

// entry is a group: the items whose key expression, the one at pair, gave its key.
type entry struct {
	pair int
	data any
}

// groupBy evaluates an object constructor or a grouping clause: the items are grouped by the value of the key
// expressions, then the value expressions are evaluated for each group.
func (ev *evaluator) groupBy(pairs [][2]*node, pos int, input any, f *frame) (any, error) {
	if _, ok := input.(*array); !ok {
		if v, ok, err := ev.object(pairs, pos, input, f); ok {
			return v, err
		}
	}
	list, ok := input.(*array)
	tuples := ok && list.tuples
	if !ok {
		list = sequence(input)
	}
	if list.len() == 0 {
		list = sequence(undef)
	}
	groups := jsonvalue.Object{}
	for i, n := 0, list.len(); i < n; i++ {
		item := list.at(i)
		context, env := item, f
		if tuples {
			t, ok := item.(*jsonvalue.Object)
			if !ok {
				return nil, scriptError("Cannot read properties of undefined (reading '@')")
			}
			context, env = member(t, "@"), &frame{parent: f, tuple: t}
		}
		for p := range pairs {
			k, err := ev.eval(pairs[p][0], context, env)
			if err != nil {
				return nil, err
			}
			if isUndef(k) {
				continue
			}
			key, ok := k.(string)
			if !ok {
				return nil, fail("T1003").at(pos).val(k)
			}
			old, ok := groups.Get(key)
			if !ok {
				groups.Set(key, &entry{pair: p, data: item})
				continue
			}
			e := old.(*entry)
			if e.pair != p {
				return nil, fail("D1009").at(pos).val(key)
			}
			if a, ok := item.(*array); ok {
				if err := ev.grown(a.len() * itemSize); err != nil {
					return nil, err
				}
			}
			e.add(item)
		}
	}
	out := &jsonvalue.Object{}
	for _, key := range orderedKeys(&groups) {
		v, _ := groups.Get(key)
		e := v.(*entry)
		context, env := e.data, f
		if g, ok := context.(*grouped); ok {
			context = &g.array
		}
		if tuples {
			var err error
			if context, env, err = reduceTuples(context, f); err != nil {
				return nil, err
			}
		}
		v, err := ev.eval(pairs[e.pair][1], context, env)
		if err != nil {
			return nil, err
		}
		if !isUndef(v) {
			out.Set(key, v)
		}
	}
	return out, ev.grown(out.Len() * 2 * itemSize)
}

// object evaluates a constructor for a single item, which needs no groups. ok is false, and
// nothing evaluated, if there are too many pairs.
func (ev *evaluator) object(pairs [][2]*node, pos int, input any, f *frame) (_ any, ok bool, err error) {
	var space [8]string
	if len(pairs) > len(space) {
		return nil, false, nil
	}
	keys, values := space[:0], [8]*node{}
	for p := range pairs {
		k, err := ev.eval(pairs[p][0], input, f)
		if err != nil {
			return nil, true, err
		}
		if isUndef(k) {
			continue
		}
		key, ok := k.(string)
		if !ok {
			return nil, true, fail("T1003").at(pos).val(k)
		}
		if slices.Contains(keys, key) {
			return nil, true, fail("D1009").at(pos).val(key)
		}
		values[len(keys)] = pairs[p][1]
		keys = append(keys, key)
	}
	out := &jsonvalue.Object{}
	for _, k := range inOrder(keys) {
		v, err := ev.eval(values[slices.Index(keys, k)], input, f)
		if err != nil {
			return nil, true, err
		}
		if !isUndef(v) {
			out.Set(k, v)
		}
	}
	return out, true, ev.grown(out.Len() * 2 * itemSize)
}

// grouped is a list that its group owns and appends to in place.
type grouped struct{ array }

// add appends an item to the group as $append would.
func (e *entry) add(item any) {
	g, ok := e.data.(*grouped)
	if !ok {
		switch first := appendValues(e.data, item).(type) {
		case *array:
			if isUndef(e.data) || isUndef(item) {
				e.data = first
				return
			}
			e.data = &grouped{array{items: first.list()}}
		default:
			e.data = first
		}
		return
	}
	switch a := item.(type) {
	case undefinedType:
	case *array:
		g.items = append(g.items, a.list()...)
	default:
		g.items = append(g.items, item)
	}
}

// reduceTuples makes one tuple of those of a group: each variable holds the values of all.
func reduceTuples(data any, f *frame) (context any, env *frame, err error) {
	one := &jsonvalue.Object{}
	list, ok := data.(*array)
	if !ok {
		list = &array{items: []any{data}}
	}
	for i, n := 0, list.len(); i < n; i++ {
		t, ok := list.at(i).(*jsonvalue.Object)
		if !ok {
			continue
		}
		for k, v := range t.All() {
			if old, ok := one.Get(k); ok && i > 0 {
				one.Set(k, appendValues(norm(old), norm(v)))
				continue
			}
			one.Set(k, v)
		}
	}
	context = member(one, "@")
	one.Delete("@")
	return context, &frame{parent: f, tuple: one}, nil
}
