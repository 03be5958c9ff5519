package scalar

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var compareTable = map[string]entry{
	"$eq": withNulls(typed(comparison(func(c *bool) any { return nullable(c, false) }))),
	"$ne": withNulls(typed(comparison(func(c *bool) any { return nullable(c, true) }))),
	"$distinct": withNulls(typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) { return !same(a[0], a[1], s.Args[0]), nil }, nil
	})),
	"$lt": typed(ordering(func(c int) bool { return c < 0 })), "$le": typed(ordering(func(c int) bool { return c <= 0 })),
	"$gt": typed(ordering(func(c int) bool { return c > 0 })), "$ge": typed(ordering(func(c int) bool { return c >= 0 })),
	"greatest": typed(extreme(1)), "least": typed(extreme(-1)),
}

func nullable(c *bool, negate bool) any {
	if c == nil {
		return nil
	}
	return *c != negate
}

func comparison(answer func(*bool) any) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0]
		return func(a []any) (any, error) { return answer(equal(a[0], a[1], t)), nil }, nil
	}
}

var yes, no = true, false

// equal is Trino's =: nil is unknown. NaN is equal to nothing.
func equal(a, b any, t types.Type) *bool {
	if a == nil || b == nil {
		return nil
	}
	answer := func(x bool) *bool {
		if x {
			return &yes
		}
		return &no
	}
	switch t.Base {
	case types.Double:
		return answer(dbl(a) == dbl(b))
	case types.Real:
		return answer(a.(float32) == b.(float32))
	case types.Array, types.Row:
		x, y := list(a), list(b)
		if len(x) != len(y) {
			return &no
		}
		var unknown bool
		for i := range x {
			et := t.Args[0]
			if t.Base == types.Row {
				et = t.Args[i]
			}
			switch c := equal(x[i], y[i], et); {
			case c == nil:
				unknown = true
			case !*c:
				return &no
			}
		}
		if unknown {
			return nil
		}
		return &yes
	case types.Map:
		x, y := list(a), list(b)
		if len(x) != len(y) {
			return &no
		}
		var unknown bool
		for _, e := range x {
			v, ok := lookup(y, list(e)[0], t.Args[0])
			if !ok {
				return &no
			}
			switch c := equal(list(e)[1], v, t.Args[1]); {
			case c == nil:
				unknown = true
			case !*c:
				return &no
			}
		}
		if unknown {
			return nil
		}
		return &yes
	}
	return answer(order(a, b, t) == 0)
}

// lookup finds a key of a map.
func lookup(m []any, key any, t types.Type) (any, bool) {
	for _, e := range m {
		if same(list(e)[0], key, t) {
			return list(e)[1], true
		}
	}
	return nil, false
}

// same is IS NOT DISTINCT FROM: NULL and NaN are the same as themselves.
func same(a, b any, t types.Type) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	switch t.Base {
	case types.Double:
		return dbl(a) == dbl(b) || dbl(a) != dbl(a) && dbl(b) != dbl(b)
	case types.Real:
		x, y := a.(float32), b.(float32)
		return x == y || x != x && y != y
	case types.Array, types.Row:
		x, y := list(a), list(b)
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			et := t.Args[0]
			if t.Base == types.Row {
				et = t.Args[i]
			}
			if !same(x[i], y[i], et) {
				return false
			}
		}
		return true
	case types.Map:
		x, y := list(a), list(b)
		if len(x) != len(y) {
			return false
		}
		for _, e := range x {
			v, ok := lookup(y, list(e)[0], t.Args[0])
			if !ok || !same(list(e)[1], v, t.Args[1]) {
				return false
			}
		}
		return true
	}
	return order(a, b, t) == 0
}

// order compares values that are not NULL; NaN is the greatest number. It panics with nestedNull on a NULL inside.
func order(a, b any, t types.Type) int {
	switch x := a.(type) {
	case int64:
		return cmp.Compare(x, num(b))
	case float64:
		return floatOrder(x, dbl(b))
	case float32:
		return floatOrder(float64(x), float64(b.(float32)))
	case string:
		return strings.Compare(x, str(b))
	case []byte:
		return bytes.Compare(x, raw(b))
	case *big.Int:
		return x.Cmp(dec(b))
	case bool:
		switch {
		case x == boolean(b):
			return 0
		case x:
			return 1
		}
		return -1
	}
	x, y := list(a), list(b)
	switch t.Base {
	case types.TimestampTZ:
		return cmp.Compare(num(x[0]), num(y[0]))
	case types.TimeTZ:
		return cmp.Compare(floorMod(num(x[0])-num(x[1])*60e6, microsPerDay), floorMod(num(y[0])-num(y[1])*60e6, microsPerDay))
	}
	for i := range min(len(x), len(y)) {
		et := t.Args[0]
		if t.Base == types.Row {
			et = t.Args[i]
		}
		if x[i] == nil || y[i] == nil {
			panic(nestedNull{t.Base})
		}
		if c := order(x[i], y[i], et); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// nestedNull is thrown by order.
type nestedNull struct{ base types.Base }

func floatOrder(x, y float64) int {
	switch {
	case math.IsNaN(x) && math.IsNaN(y):
		return 0
	case math.IsNaN(x):
		return 1
	case math.IsNaN(y):
		return -1
	}
	return cmp.Compare(x, y)
}

func catchNestedNull(err *error) {
	if p := recover(); p != nil {
		n, ok := p.(nestedNull)
		if !ok {
			panic(p)
		}
		if n.base == types.Row {
			*err = unsupported("ROW comparison not supported for fields with null elements")
		} else {
			*err = unsupported("ARRAY comparison not supported for arrays with null elements")
		}
	}
}

func ordering(holds func(int) bool) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0]
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			if isNaN(a[0]) || isNaN(a[1]) {
				return false, nil
			}
			return holds(order(a[0], a[1], t)), nil
		}, nil
	}
}

// isNaN reports a number that is none; inside arrays and rows NaN has its place in the order.
func isNaN(v any) bool {
	switch f := v.(type) {
	case float64:
		return f != f
	case float32:
		return f != f
	}
	return false
}

// extreme is greatest and least. NaN loses against every number.
func extreme(sign int) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0]
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			best := a[0]
			for _, x := range a[1:] {
				if isNaN(best) || !isNaN(x) && order(x, best, t)*sign > 0 {
					best = x
				}
			}
			return best, nil
		}, nil
	}
}
