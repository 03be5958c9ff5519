package jsonata

import "github.com/tarn-data/tarn/internal/jsonvalue"

func tupleOf(v any, key string) any {
	if o, ok := v.(*jsonvalue.Object); ok {
		return member(o, key)
	}
	return undef
}

// tupleStep evaluates a step that binds variables: its results are tuples of the bindings so far and its own.
func (ev *evaluator) tupleStep(s *node, in any, tuples *array, f *frame) (*array, error) {
	out := &array{seq: true, tuples: true}
	if s.kind == kindSort {
		if tuples != nil {
			sorted, err := ev.orderBy(s, tuples, f)
			if err != nil {
				return nil, err
			}
			out = sorted
		} else {
			sorted, err := ev.orderBy(s, indexed(in), f)
			if err != nil {
				return nil, err
			}
			for i, n := 0, sorted.len(); i < n; i++ {
				t := jsonvalue.NewObject("@", sorted.at(i))
				name := "undefined"
				if s.hasIndex {
					name = s.index
				}
				t.Set(name, float64(i))
				out.items = append(out.items, t)
			}
		}
		return ev.tupleStages(s, out, f)
	}
	if tuples == nil {
		list, ok := in.(*array)
		if !ok {
			return nil, scriptError("input.map is not a function")
		}
		tuples = &array{}
		for i, n := 0, list.len(); i < n; i++ {
			tuples.items = append(tuples.items, jsonvalue.NewObject("@", list.at(i)))
		}
	}
	for i := range tuples.items {
		t, ok := tuples.items[i].(*jsonvalue.Object)
		if !ok {
			return nil, scriptError("Cannot read properties of undefined (reading '@')")
		}
		context := member(t, "@")
		v, err := ev.eval(s, context, &frame{parent: f, tuple: t})
		if err != nil {
			return nil, err
		}
		if isUndef(v) {
			continue
		}
		list, ok := v.(*array)
		if !ok {
			list = &array{items: []any{v}}
		}
		if err := ev.grown(list.len() * 4 * itemSize); err != nil {
			return nil, err
		}
		for j, n := 0, list.len(); j < n; j++ {
			out.items = append(out.items, bindTuple(s, t, context, list, j))
		}
	}
	return ev.tupleStages(s, out, f)
}

func bindTuple(s *node, t *jsonvalue.Object, context any, list *array, j int) *jsonvalue.Object {
	tuple := t.Clone()
	if list.tuples {
		if o, ok := list.at(j).(*jsonvalue.Object); ok {
			for k, v := range o.All() {
				tuple.Set(k, v)
			}
		}
		return tuple
	}
	if s.hasFocus && s.focus != "" {
		tuple.Set(s.focus, list.at(j))
		tuple.Set("@", context)
	} else {
		tuple.Set("@", list.at(j))
	}
	if s.hasIndex && s.index != "" {
		tuple.Set(s.index, float64(j))
	}
	if s.ancestor != nil {
		tuple.Set(s.ancestor.label, context)
	}
	return tuple
}

func (ev *evaluator) tupleStages(s *node, tuples *array, f *frame) (*array, error) {
	v, err := ev.applyStages(s.stages, tuples, f)
	if err != nil {
		return nil, err
	}
	if a, ok := v.(*array); ok {
		return a, nil
	}
	return sequence(v), nil
}

func (ev *evaluator) applyStages(stages []stage, input any, f *frame) (v any, err error) {
	v = input
	for _, s := range stages {
		if s.filter != nil {
			if v, err = ev.filter(s.filter, v, f); err != nil {
				return nil, err
			}
			continue
		}
		if a, ok := v.(*array); ok {
			for i := range a.items {
				if t, ok := a.items[i].(*jsonvalue.Object); ok && a.tuples {
					t.Set(s.index, float64(i))
				}
			}
		}
	}
	return v, nil
}
