package jsonata

import (
	"math"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// transformSignature is that of every transform.
var transformSignature = &signature{params: []parameter{{set: "oam", typ: "(oa)"}}}

// transformer returns the function that a transform |pattern|update,delete| is.
func (ev *evaluator) transformer(n *node, f *frame) *function {
	return &function{kind: fnHost, sig: transformSignature, arity: 1, host: func(args []any) (any, error) {
		return ev.transform(n, argument(args, 0), f)
	}}
}

func (ev *evaluator) transform(n *node, v any, f *frame) (any, error) {
	if isUndef(v) {
		return undef, nil
	}
	clone, ok := ev.variable("clone", n.builtin, f).(*function)
	if !ok {
		return nil, fail("T2013").at(n.pos)
	}
	result, err := ev.apply(clone, []any{v}, nil, f)
	if err != nil {
		return nil, err
	}
	matches, err := ev.eval(n.lhs, result, f)
	if err != nil || isUndef(matches) {
		return result, err
	}
	list, ok := matches.(*array)
	if !ok {
		list = &array{items: []any{matches}}
	}
	for i, count := 0, list.len(); i < count; i++ {
		if err := ev.change(n, list.at(i), f); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// change applies the update and the deletion of a transform to one match, in place.
func (ev *evaluator) change(n *node, match any, f *frame) error {
	if fn, ok := match.(*function); ok && !fn.hasKeys() {
		return fail("D1010").at(n.pos)
	}
	update, err := ev.eval(n.rhs, match, f)
	if err != nil {
		return err
	}
	if !isUndef(update) {
		o, ok := update.(*jsonvalue.Object)
		if fn, isFn := update.(*function); isFn && fn.hasKeys() {
			o, ok = jsonvalue.NewObject(), true
		}
		if !ok {
			return fail("T2011").at(n.rhs.pos).val(update)
		}
		if err := assign(match, o); err != nil {
			return err
		}
	}
	if n.other == nil {
		return nil
	}
	deletions, err := ev.eval(n.other, match, f)
	if err != nil || isUndef(deletions) {
		return err
	}
	list, ok := deletions.(*array)
	if !ok {
		list = &array{items: []any{deletions}}
	}
	if !stringsOnly(list) {
		return fail("T2012").at(n.other.pos).val(deletions)
	}
	if o, ok := match.(*jsonvalue.Object); ok {
		for i, count := 0, list.len(); i < count; i++ {
			o.Delete(list.at(i).(string))
		}
	}
	return nil
}

func assign(match any, update *jsonvalue.Object) error {
	switch m := match.(type) {
	case *jsonvalue.Object:
		for _, k := range orderedKeys(update) {
			v, _ := update.Get(k)
			m.Set(k, v)
		}
	case *array, *function: // members of these are not seen again, but for indexes, which are left alone
	default:
		if update.Len() > 0 {
			return scriptError("Cannot create property '%s' on a value", update.Keys()[0])
		}
	}
	return nil
}

// copyDocument copies a value from outside for an expression with a transform: its pattern may select what is not part of
// the clone, and that is changed then.
func copyDocument(v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = copyDocument(x[i])
		}
		return out
	case *jsonvalue.Object:
		out := &jsonvalue.Object{}
		for k, m := range x.All() {
			out.Set(k, copyDocument(m))
		}
		return out
	}
	return v
}

// clone copies a value as reading its JSON text again would: numbers with 15 digits, functions as empty text.
func (ev *evaluator) clone(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, circular()
	}
	if err := ev.step(); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case float64:
		if _, err := isNumeric(x); err != nil {
			return nil, err
		}
		if math.IsNaN(x) {
			return nil, nil
		}
		return round15(x), nil
	case undefinedType:
		return nil, nil
	case *function:
		return "", nil
	case *array:
		n := x.len()
		if err := ev.grown(n * itemSize); err != nil {
			return nil, err
		}
		out := &array{items: make([]any, n)}
		for i := range n {
			item, err := ev.clone(x.at(i), depth+1)
			if err != nil {
				return nil, err
			}
			out.items[i] = item
		}
		return out, nil
	case *jsonvalue.Object:
		if err := ev.grown(2 * x.Len() * itemSize); err != nil {
			return nil, err
		}
		out := &jsonvalue.Object{}
		for _, k := range orderedKeys(x) {
			m := member(x, k)
			if isUndef(m) {
				continue
			}
			item, err := ev.clone(m, depth+1)
			if err != nil {
				return nil, err
			}
			out.Set(k, item)
		}
		return out, nil
	}
	return v, nil
}
