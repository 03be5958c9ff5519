package jsonata

import (
	"errors"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func objectFunctions() []builtin {
	return []builtin{
		{name: "keys", sig: sig("<x-:a<s>>"), arity: 1, fn: keys},
		{name: "lookup", sig: sig("<x-s:x>"), arity: 2, fn: lookupFn},
		{name: "spread", sig: sig("<x-:a<o>>"), arity: 1, fn: spreadFn},
		{name: "merge", sig: sig("<a<o>:o>"), arity: 1, fn: merge},
		{name: "each", sig: sig("<o-f:a>"), arity: 2, fn: each},
		{name: "sift", sig: sig("<o-f?:o>"), arity: 2, fn: sift},
		{name: "error", sig: sig("<s?:x>"), arity: 1, fn: errorFn},
		{name: "assert", sig: sig("<bs?:x>"), arity: 2, fn: assert},
		{name: "type", sig: sig("<x:s>"), arity: 1, fn: typeFn},
		{name: "clone", sig: sig("<(oa)-:o>"), arity: 1, fn: cloneFn},
		{name: "eval", sig: sig("<sx?:x>"), arity: 2, dialect: plainOnly, fn: evalFn},
	}
}

func keys(_ *call, args []any) (any, error) {
	out := sequence()
	var collect func(v any, into *jsonvalue.Object, depth int) error
	collect = func(v any, into *jsonvalue.Object, depth int) error {
		if depth > maxNesting {
			return stackOverflow()
		}
		switch x := v.(type) {
		case *array:
			for i, n := 0, x.len(); i < n; i++ {
				if err := collect(x.at(i), into, depth+1); err != nil {
					return err
				}
			}
		case *jsonvalue.Object:
			for _, k := range orderedKeys(x) {
				into.Set(k, true)
			}
		}
		return nil
	}
	all := &jsonvalue.Object{}
	if err := collect(argument(args, 0), all, 0); err != nil {
		return nil, err
	}
	for _, k := range orderedKeys(all) {
		out.items = append(out.items, k)
	}
	return out, nil
}

func lookupFn(c *call, args []any) (any, error) {
	key, ok, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		key = "undefined"
	}
	return c.ev.lookup(argument(args, 0), key, 0)
}

func spreadFn(c *call, args []any) (any, error) { return spread(argument(args, 0), 0) }

func spread(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, stackOverflow()
	}
	switch x := v.(type) {
	case *array:
		out, plain := sequence(), false
		for i, n := 0, x.len(); i < n; i++ {
			s, err := spread(x.at(i), depth+1)
			if err != nil {
				return nil, err
			}
			switch s := s.(type) {
			case undefinedType:
			case *array:
				out.items = append(out.items, s.list()...)
				plain = true
			default:
				out.items = append(out.items, s)
				plain = true
			}
		}
		out.seq = !plain
		return out, nil
	case *jsonvalue.Object:
		out := sequence()
		for _, k := range orderedKeys(x) {
			out.items = append(out.items, jsonvalue.NewObject(k, member(x, k)))
		}
		return out, nil
	}
	return v, nil
}

func merge(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	out := &jsonvalue.Object{}
	for i, n := 0, a.len(); i < n; i++ {
		if o, ok := a.at(i).(*jsonvalue.Object); ok {
			for _, k := range orderedKeys(o) {
				out.Set(k, member(o, k))
			}
		}
	}
	return out, c.ev.grown(2 * out.Len() * itemSize)
}

func each(c *call, args []any) (any, error) {
	out := sequence()
	o, ok := argument(args, 0).(*jsonvalue.Object)
	if !ok {
		return out, nil
	}
	fn, err := callable(args, 1)
	if err != nil && o.Len() > 0 {
		return nil, err
	}
	for _, k := range orderedKeys(o) {
		v, err := c.visitMember(fn, member(o, k), k, o)
		if err != nil {
			return nil, err
		}
		if !isUndef(v) {
			out.items = append(out.items, v)
		}
	}
	return out, nil
}

func sift(c *call, args []any) (any, error) {
	o, ok := argument(args, 0).(*jsonvalue.Object)
	if !ok || o.Len() == 0 {
		return undef, nil
	}
	fn, err := callable(args, 1)
	if err != nil {
		return nil, err
	}
	out := &jsonvalue.Object{}
	for _, k := range orderedKeys(o) {
		v, err := c.visitMember(fn, member(o, k), k, o)
		if err != nil {
			return nil, err
		}
		ok, err := truth(v)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Set(k, member(o, k))
		}
	}
	if out.Len() == 0 {
		return undef, nil
	}
	return out, nil
}

func errorFn(_ *call, args []any) (any, error) {
	return nil, fail("D3137").with("message", messageOr(argument(args, 0), "$error() function evaluated"))
}

func messageOr(v any, otherwise string) string {
	if s, ok := v.(string); ok && s != "" {
		return s
	}
	return otherwise
}

func assert(_ *call, args []any) (any, error) {
	if scriptTruth(argument(args, 0)) {
		return undef, nil
	}
	return nil, fail("D3141").with("message", messageOr(argument(args, 1), "$assert() statement failed"))
}

func typeFn(_ *call, args []any) (any, error) {
	v := argument(args, 0)
	if isUndef(v) {
		return undef, nil
	}
	if _, err := isNumeric(v); err != nil {
		return nil, err
	}
	return typeName(v), nil
}

func cloneFn(c *call, args []any) (any, error) {
	v := argument(args, 0)
	if isUndef(v) {
		return undef, nil
	}
	if a, ok := v.(*array); ok && a.outer {
		v = a.at(0)
	}
	return c.ev.clone(v, 0)
}

// evalFn evaluates text as an expression. Step Functions does not have it.
func evalFn(c *call, args []any) (any, error) {
	src, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	input := c.input
	if v := argument(args, 1); !isUndef(v) {
		input = v
		if a, ok := v.(*array); ok && !a.seq {
			input = &array{items: []any{a}, seq: true, outer: true}
		}
	}
	wrap := func(code string, err error) (any, error) {
		e := &Error{}
		if !errors.As(err, &e) {
			return nil, err
		}
		return nil, fail(code).val(e.finish().Message)
	}
	n, err := c.ev.parse(src)
	if err != nil {
		return wrap("D3120", err)
	}
	v, err := c.ev.eval(n, input, c.env)
	if err != nil {
		return wrap("D3121", err)
	}
	return v, nil
}
