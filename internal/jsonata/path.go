package jsonata

import (
	"math"
	"unicode/utf16"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// path evaluates the steps of a path one after the other, each for every item that the one before it gave.
func (ev *evaluator) path(n *node, input any, f *frame) (any, error) {
	if v, ok := ev.members(n, input, f); ok {
		return v, ev.step()
	}
	for _, s := range n.list {
		if s.tuple {
			return ev.longPath(n, input, f)
		}
	}
	if n.list[0].cons {
		return ev.longPath(n, input, f)
	}
	// The common case: as long as there is one item, no sequence is made around it.
	one, many := input, (*array)(nil)
	if a, ok := input.(*array); ok && n.list[0].kind != kindVariable {
		many = a
	}
	last := len(n.list) - 1
	for i, s := range n.list {
		if many == nil && s.kind != kindSort {
			v, err := ev.item(s, one, f)
			if err != nil {
				return nil, err
			}
			a, isArray := v.(*array)
			switch {
			case isUndef(v):
				many = sequence()
			case isArray && i == last && !a.seq:
				many = a
			case isArray && !a.cons:
				if a.len() == 1 && i < last {
					one = a.at(0)
					continue
				}
				many = &array{items: a.items, span: a.span, low: a.low, seq: true}
				many.items = many.items[:len(many.items):len(many.items)]
			default:
				one = v
			}
		} else {
			if many == nil {
				many = sequence(one)
			}
			out, err := ev.pathStep(s, many, f, i == last)
			if err != nil {
				return nil, err
			}
			many = out
		}
		if many != nil && many.len() == 0 {
			break
		}
	}
	if many == nil {
		if n.group == nil && !n.keepSingleton {
			return one, nil
		}
		many = sequence(one)
	}
	return ev.endPath(n, many, many, f)
}

// members evaluates the most frequent paths: names of members of objects, perhaps of a variable. ok is false for any other,
// also where a list is in the way, and nothing has been done then.
func (ev *evaluator) members(n *node, input any, f *frame) (v any, ok bool) {
	if n.group != nil || n.keepSingleton {
		return nil, false
	}
	v = input
	for i, s := range n.list {
		if s.stages != nil || s.predicate != nil || s.group != nil || s.tuple || s.keepArray {
			return nil, false
		}
		switch {
		case s.kind == kindVariable && i == 0 && s.str != "":
			v = ev.variable(s.str, s.builtin, f)
		case s.kind == kindName:
			o, isObject := v.(*jsonvalue.Object)
			if !isObject {
				return nil, false
			}
			v = member(o, s.str)
		default:
			return nil, false
		}
	}
	if a, isList := v.(*array); isList && len(n.list) > 1 && (a.seq || a.cons) {
		return nil, false
	}
	return v, true
}

// item evaluates a step for one item, with the step's predicates.
func (ev *evaluator) item(s *node, item any, f *frame) (any, error) {
	var v any
	var err error
	if s.kind == kindName && s.predicate == nil && s.group == nil && !s.keepArray {
		if v, err = ev.lookup(item, s.str, 0); err != nil {
			return nil, err
		}
		if a, ok := v.(*array); ok && a.seq {
			switch a.len() {
			case 0:
				v = undef
			case 1:
				v = a.at(0)
			}
		}
		if err = ev.step(); err != nil {
			return nil, err
		}
	} else if v, err = ev.eval(s, item, f); err != nil {
		return nil, err
	}
	for i := range s.stages {
		if s.stages[i].filter == nil {
			return nil, scriptError("Cannot read properties of undefined (reading 'type')")
		}
		if v, err = ev.filter(s.stages[i].filter, v, f); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// pathStep evaluates a step for each item of the input and puts the results into one sequence.
func (ev *evaluator) pathStep(s *node, input *array, f *frame, last bool) (*array, error) {
	if s.kind == kindSort {
		out, err := ev.orderBy(s, input, f)
		if err != nil {
			return nil, err
		}
		v, err := ev.applyStages(s.stages, out, f)
		if err != nil {
			return nil, err
		}
		if a, ok := v.(*array); ok {
			return a, nil
		}
		return sequence(v), nil
	}
	out := sequence()
	n := input.len()
	if err := ev.grown(n * itemSize); err != nil {
		return nil, err
	}
	if n > 4 {
		out.items = make([]any, 0, n)
	}
	results, first := 0, any(nil)
	for i := range n {
		v, err := ev.item(s, input.at(i), f)
		if err != nil {
			return nil, err
		}
		if isUndef(v) {
			continue
		}
		if results++; results == 1 {
			first = v
		}
		if a, ok := v.(*array); ok && !a.cons {
			if err := ev.grown(a.len() * itemSize); err != nil {
				return nil, err
			}
			out.items = append(out.items, a.list()...)
			continue
		}
		out.items = append(out.items, v)
	}
	if a, ok := first.(*array); ok && results == 1 && last && !a.seq {
		return a, nil
	}
	return out, nil
}

// longPath evaluates paths whose steps bind variables, and those that start with an array constructor.
func (ev *evaluator) longPath(n *node, input any, f *frame) (any, error) {
	var in, result any = input, undef
	if _, ok := input.(*array); !ok || n.list[0].kind == kindVariable {
		in = sequence(input)
	}
	tupled := false
	var tuples *array
	for i, s := range n.list {
		tupled = tupled || s.tuple
		switch {
		case i == 0 && s.cons:
			v, err := ev.eval(s, in, f)
			if err != nil {
				return nil, err
			}
			result = v
		case tupled:
			out, err := ev.tupleStep(s, in, tuples, f)
			if err != nil {
				return nil, err
			}
			tuples = out
		case s.kind == kindSort && !isList(in):
			out, err := ev.applyStages(s.stages, in, f) // what is no list is not sorted
			if err != nil {
				return nil, err
			}
			result = out
		default:
			out, err := ev.pathStep(s, indexed(in), f, i == len(n.list)-1)
			if err != nil {
				return nil, err
			}
			result = out
		}
		if !tupled && (isUndef(result) || emptyList(result)) {
			break
		}
		if !s.hasFocus {
			in = result
		}
	}
	if tupled {
		if n.tuple {
			result = tuples
		} else {
			out := sequence()
			for i := range tuples.items {
				out.items = append(out.items, tupleOf(tuples.items[i], "@"))
			}
			result = out
		}
		return ev.endPath(n, result, tuples, f)
	}
	return ev.endPath(n, result, result, f)
}

// endPath applies what belongs to a path as a whole: "[]" and grouping, the latter of grouped.
func (ev *evaluator) endPath(n *node, result, grouped any, f *frame) (any, error) {
	if n.keepSingleton {
		a, ok := result.(*array)
		if !ok {
			if isUndef(result) || result == nil {
				return nil, scriptError("Cannot set properties of undefined (setting 'keepSingleton')")
			}
			if _, isObject := result.(*jsonvalue.Object); !isObject {
				return nil, scriptError("Cannot create property 'keepSingleton' on a value")
			}
		} else {
			if a.cons && !a.seq {
				a = sequence(a)
			} else {
				c := *a
				a = &c
			}
			a.keepSingleton = true
			if grouped == result {
				grouped = a
			}
			result = a
		}
	}
	if n.group != nil {
		return ev.groupBy(n.group.pairs, n.group.pos, grouped, f)
	}
	return result, nil
}

// indexed gives a value the form of a list as JavaScript's indexing sees it: text is a list of its units.
func indexed(v any) *array {
	switch x := v.(type) {
	case *array:
		return x
	case string:
		out := &array{}
		for _, u := range utf16.Encode([]rune(x)) {
			out.items = append(out.items, string(rune(u)))
		}
		return out
	case *jsonvalue.Object:
		out := &array{}
		if n, ok := member(x, "length").(float64); ok {
			for i := 0; float64(i) < n && i < 1e6; i++ {
				out.items = append(out.items, member(x, numberText(float64(i))))
			}
		}
		return out
	}
	return &array{}
}

func isList(v any) bool {
	_, ok := v.(*array)
	return ok
}

func emptyList(v any) bool {
	switch x := v.(type) {
	case *array:
		return x.len() == 0
	case string:
		return x == ""
	}
	return false
}

// filter keeps the items for which the predicate is true, or whose positions it gives.
func (ev *evaluator) filter(predicate *node, input any, f *frame) (any, error) {
	out := sequence()
	list, ok := input.(*array)
	if !ok {
		list = sequence(input)
	}
	out.tuples = list.tuples
	n := list.len()
	if predicate.kind == kindNumber {
		i := math.Floor(predicate.num)
		if i < 0 {
			i += float64(n)
		}
		if i < 0 || i >= float64(n) {
			return out, nil
		}
		v := list.at(int(i))
		if a, ok := v.(*array); ok {
			return a, nil
		}
		if !isUndef(v) {
			out.items = []any{v}
		}
		return out, nil
	}
	for i := range n {
		item := list.at(i)
		context, env := item, f
		if list.tuples {
			t, _ := item.(*jsonvalue.Object)
			context, env = tupleOf(item, "@"), &frame{parent: f, tuple: t}
		}
		v, err := ev.eval(predicate, context, env)
		if err != nil {
			return nil, err
		}
		if err := out.pick(item, v, i, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pick adds an item at position i of n to the results if its predicate's value says so.
func (a *array) pick(item, verdict any, i, n int) error {
	at := func(f float64) {
		if f = math.Floor(f); f < 0 {
			f += float64(n)
		}
		if f == float64(i) {
			a.items = append(a.items, item)
		}
	}
	if ok, err := isNumeric(verdict); err != nil {
		return err
	} else if ok {
		at(verdict.(float64))
		return nil
	}
	if list, ok := verdict.(*array); ok {
		numbers, err := numbersOnly(list)
		if err != nil {
			return err
		}
		if numbers {
			for j, m := 0, list.len(); j < m; j++ {
				at(list.at(j).(float64))
			}
			return nil
		}
	}
	ok, err := truth(verdict)
	if ok {
		a.items = append(a.items, item)
	}
	return err
}
