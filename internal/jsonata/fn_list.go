package jsonata

import (
	"math/rand/v2"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func listFunctions() []builtin {
	return []builtin{
		{name: "map", sig: sig("<af>"), arity: 2, fn: mapFn},
		{name: "filter", sig: sig("<af>"), arity: 2, fn: filterFn},
		{name: "single", sig: sig("<af?>"), arity: 2, fn: single},
		{name: "reduce", sig: sig("<afj?:j>"), arity: 3, fn: reduce},
		{name: "zip", sig: sig("<a+>"), fn: zip},
		{name: "append", sig: sig("<xx:a>"), arity: 2, fn: appendFn},
		{name: "reverse", sig: sig("<a:a>"), arity: 1, fn: reverse},
		{name: "sort", sig: sig("<af?:a>"), arity: 2, fn: sortFn},
		{name: "shuffle", sig: sig("<a:a>"), arity: 1, fn: shuffle},
		{name: "distinct", sig: sig("<x:x>"), arity: 1, fn: distinct},
		{name: "boolean", sig: sig("<x-:b>"), arity: 1, fn: booleanFn},
		{name: "not", sig: sig("<x-:b>"), arity: 1, fn: not},
		{name: "exists", sig: sig("<x:b>"), arity: 1, fn: func(_ *call, args []any) (any, error) { return !isUndef(argument(args, 0)), nil }},
	}
}

// visit calls fn with as many of an item of a list, its position and the list as it declares.
func (c *call) visit(fn *function, item any, i int, whole any) (any, error) {
	switch {
	case fn.arity >= 3:
		return c.callback(fn, item, float64(i), whole)
	case fn.arity == 2:
		return c.callback(fn, item, float64(i))
	}
	return c.callback(fn, item)
}

// visitMember is visit for a member of an object.
func (c *call) visitMember(fn *function, value, key, whole any) (any, error) {
	switch {
	case fn.arity >= 3:
		return c.callback(fn, value, key, whole)
	case fn.arity == 2:
		return c.callback(fn, value, key)
	}
	return c.callback(fn, value)
}

func mapFn(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	fn, err := callable(args, 1)
	if err != nil && a.len() > 0 {
		return nil, err
	}
	n := a.len()
	if err := c.ev.grown(n * itemSize); err != nil {
		return nil, err
	}
	out := &array{seq: true, items: make([]any, 0, n)}
	for i := range n {
		v, err := c.visit(fn, a.at(i), i, a)
		if err != nil {
			return nil, err
		}
		if !isUndef(v) {
			out.items = append(out.items, v)
		}
	}
	return out, nil
}

func filterFn(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	fn, err := callable(args, 1)
	if err != nil && a.len() > 0 {
		return nil, err
	}
	out := sequence()
	for i, n := 0, a.len(); i < n; i++ {
		item := a.at(i)
		v, err := c.visit(fn, item, i, a)
		if err != nil {
			return nil, err
		}
		ok, err := truth(v)
		if err != nil {
			return nil, err
		}
		if ok {
			out.items = append(out.items, item)
		}
	}
	return out, nil
}

func single(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	result, has := any(undef), false
	for i, n := 0, a.len(); i < n; i++ {
		ok := true
		if f := argument(args, 1); !isUndef(f) {
			fn, err := callable(args, 1)
			if err != nil {
				return nil, err
			}
			v, err := c.visit(fn, a.at(i), i, a)
			if err != nil {
				return nil, err
			}
			if ok, err = truth(v); err != nil {
				return nil, err
			}
		}
		if !ok {
			continue
		}
		if has {
			return nil, fail("D3138").with("index", float64(i))
		}
		result, has = a.at(i), true
	}
	if !has {
		return nil, fail("D3139")
	}
	return result, nil
}

func reduce(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	fn, err := callable(args, 1)
	if err != nil {
		return nil, err
	}
	if fn.arity < 2 {
		return nil, fail("D3050").with("index", 1.0)
	}
	acc, i := argument(args, 2), 0
	if isUndef(acc) && a.len() > 0 {
		acc, i = a.at(0), 1
	}
	for n := a.len(); i < n; i++ {
		switch {
		case fn.arity == 2:
			acc, err = c.callback(fn, acc, a.at(i))
		case fn.arity == 3:
			acc, err = c.callback(fn, acc, a.at(i), float64(i))
		default:
			acc, err = c.callback(fn, acc, a.at(i), float64(i), a)
		}
		if err != nil {
			return nil, err
		}
	}
	return acc, nil
}

func zip(c *call, args []any) (any, error) {
	n := -1
	for _, v := range args {
		size := 0
		if a, ok := v.(*array); ok {
			size = a.len()
		}
		if n < 0 || size < n {
			n = size
		}
	}
	if n < 0 {
		return nil, scriptError("Invalid array length")
	}
	if err := c.ev.grown(n * (len(args) + 2) * itemSize); err != nil {
		return nil, err
	}
	out := &array{}
	for i := range n {
		tuple := &array{items: make([]any, len(args))}
		for j, v := range args {
			tuple.items[j] = v.(*array).at(i)
		}
		out.items = append(out.items, tuple)
	}
	return out, nil
}

func appendFn(c *call, args []any) (any, error) {
	v := appendValues(argument(args, 0), argument(args, 1))
	if a, ok := v.(*array); ok {
		return v, c.ev.grown(len(a.items) * itemSize)
	}
	return v, nil
}

func reverse(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	n := a.len()
	if n <= 1 {
		return a, nil
	}
	out := &array{items: make([]any, n)}
	for i := range n {
		out.items[n-1-i] = a.at(i)
	}
	return out, c.ev.grown(n * itemSize)
}

func sortFn(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	if a.len() <= 1 {
		return a, nil
	}
	if isUndef(argument(args, 1)) {
		numbers, err := numbersOnly(a)
		if err != nil {
			return nil, err
		}
		if !numbers && !stringsOnly(a) {
			return nil, fail("D3070").with("index", 1.0)
		}
		return c.ev.mergeSort(a, func(x, y any) (bool, error) {
			if s, ok := x.(string); ok {
				return less16(y.(string), s), nil
			}
			return x.(float64) > y.(float64), nil
		})
	}
	fn, err := callable(args, 1)
	if err != nil {
		return nil, err
	}
	if fn.kind == fnNative || fn.kind == fnLambda {
		return nil, scriptError("comp is not a function")
	}
	return c.ev.mergeSort(a, func(x, y any) (bool, error) {
		v, err := c.callback(fn, x, y)
		return err == nil && scriptTruth(v), err
	})
}

func shuffle(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	n := a.len()
	if n <= 1 {
		return a, nil
	}
	if err := c.ev.grown(n * itemSize); err != nil {
		return nil, err
	}
	out := make([]any, n)
	for i := range n {
		j := rand.IntN(i + 1)
		if i != j {
			out[i] = out[j]
		}
		out[j] = a.at(i)
	}
	return &array{items: out}, nil
}

func distinct(c *call, args []any) (any, error) {
	v := argument(args, 0)
	a, ok := v.(*array)
	if !ok || a.len() <= 1 {
		return v, nil
	}
	out := &array{seq: a.seq}
	seen := map[any]bool{} // the simple values; others are compared one by one
	var others []any
	for i, n := 0, a.len(); i < n; i++ {
		item := a.at(i)
		known := false
		switch x := item.(type) {
		case *array, *jsonvalue.Object:
			for _, o := range others {
				same, err := c.ev.equal(item, o, 0)
				if err != nil {
					return nil, err
				}
				if known = same; known {
					break
				}
			}
			if !known {
				others = append(others, item)
			}
		default:
			known = seen[x]
			seen[x] = true
		}
		if !known {
			out.items = append(out.items, item)
		}
	}
	return out, c.ev.grown(len(out.items) * itemSize)
}

func booleanFn(_ *call, args []any) (any, error) {
	if isUndef(argument(args, 0)) {
		return undef, nil
	}
	return truthValue(argument(args, 0))
}

func not(_ *call, args []any) (any, error) {
	if isUndef(argument(args, 0)) {
		return undef, nil
	}
	ok, err := truth(argument(args, 0))
	return !ok, err
}
