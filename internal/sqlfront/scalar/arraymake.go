package scalar

import (
	"math"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func slice(a []any) (any, error) {
	l, from, n := list(a[0]), num(a[1]), num(a[2])
	if n < 0 {
		return nil, invalid("length must be greater than or equal to 0")
	}
	if from == 0 {
		return nil, invalid("SQL array indices start at 1")
	}
	if from < 0 {
		from += int64(len(l)) + 1
	}
	if from <= 0 || from > int64(len(l)) {
		return []any{}, nil
	}
	return l[from-1 : min(int64(len(l)), from-1+min(n, int64(len(l))))], nil
}

func trimArray(a []any) (any, error) {
	l, n := list(a[0]), num(a[1])
	if n < 0 {
		return nil, invalid("size must not be negative: %d", n)
	}
	if n > int64(len(l)) {
		return nil, invalid("size must not exceed array cardinality %d: %d", len(l), n)
	}
	return l[:int64(len(l))-n], nil
}

func repeat(a []any) (any, error) {
	if a[1] == nil {
		return nil, nil
	}
	n := num(a[1])
	if n < 0 {
		return nil, invalid("count argument of repeat function must be greater than or equal to 0")
	}
	if n > 10000 {
		return nil, invalid("count argument of repeat function must be less than or equal to 10000")
	}
	out := make([]any, n)
	for i := range out {
		out[i] = a[0]
	}
	return out, nil
}

const maxSequence = 10000

func sequence(s Signature) (Func, error) {
	t := s.Args[0]
	step := types.Type{Base: types.BigInt}
	if len(s.Args) == 3 {
		step = s.Args[2]
	}
	return func(a []any) (any, error) {
		from, to := num(a[0]), num(a[1])
		by := int64(1)
		switch {
		case len(a) == 3:
			by = num(a[2])
		case t.Base == types.BigInt && from > to || t.Base == types.Date && from > to:
			by = -1
		}
		months := step.Base == types.IntervalYear
		if step.Base == types.IntervalDay {
			if t.Base == types.Date {
				if by%86400000 != 0 {
					return nil, invalid("sequence step must be a day interval if start and end values are dates")
				}
				by /= 86400000
			} else {
				by *= 1000
			}
		}
		if by == 0 {
			return nil, invalid("step must not be zero")
		}
		if by > 0 && to < from || by < 0 && to > from {
			return nil, invalid("sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start")
		}
		out := []any{}
		for i := int64(0); ; i++ {
			v := from + i*by
			if months {
				local := from
				if t.Base == types.Date {
					local *= microsPerDay
				}
				v = addMonths(local, i*by)
				if t.Base == types.Date {
					v /= microsPerDay
				}
			}
			if by > 0 && v > to || by < 0 && v < to || i > 0 && (by > 0) != (v > from) {
				return out, nil
			}
			if out = append(out, v); len(out) > maxSequence {
				return nil, invalid("result of sequence function must not have more than %d entries", maxSequence)
			}
		}
	}, nil
}

func combinations(a []any) (any, error) {
	l, n := list(a[0]), num(a[1])
	switch {
	case n < 0:
		return nil, invalid("combination size must not be negative: %d", n)
	case n > 5:
		return nil, invalid("combination size must not exceed 5: %d", n)
	}
	out := []any{}
	if n > int64(len(l)) {
		return out, nil
	}
	pick := make([]int, n)
	for i := range pick {
		pick[i] = i
	}
	for {
		c := make([]any, n)
		for i, p := range pick {
			c[i] = l[p]
		}
		if out = append(out, c); len(out) > 100000 {
			return nil, invalid("combinations exceed 100000")
		}
		// The order of Trino: the leftmost index that can move does, those before it start anew.
		i := 0
		for i < len(pick) && pick[i]+1 == nextPick(pick, i, len(l)) {
			i++
		}
		if i == len(pick) {
			return out, nil
		}
		pick[i]++
		for j := range i {
			pick[j] = j
		}
	}
}

func nextPick(pick []int, i, n int) int {
	if i+1 < len(pick) {
		return pick[i+1]
	}
	return n
}

func ngrams(a []any) (any, error) {
	l, n := list(a[0]), num(a[1])
	if n <= 0 {
		return nil, invalid("N must be positive")
	}
	if n >= int64(len(l)) {
		return []any{l}, nil
	}
	out := []any{}
	for i := int64(0); i+n <= int64(len(l)); i++ {
		out = append(out, l[i:i+n])
	}
	return out, nil
}

func zip(a []any) (any, error) {
	n := 0
	for _, l := range a {
		if l == nil {
			return nil, nil
		}
		n = max(n, len(list(l)))
	}
	out := make([]any, n)
	for i := range out {
		row := make([]any, len(a))
		for j, l := range a {
			if i < len(list(l)) {
				row[j] = list(l)[i]
			}
		}
		out[i] = row
	}
	return out, nil
}

func vectors(a []any, f func(x, y []float64) (float64, error)) (any, error) {
	p, q := list(a[0]), list(a[1])
	if len(p) != len(q) {
		return nil, invalid("The arguments must have the same length")
	}
	x, y := make([]float64, len(p)), make([]float64, len(p))
	for i := range p {
		if p[i] == nil || q[i] == nil {
			return nil, nil
		}
		x[i], y[i] = dbl(p[i]), dbl(q[i])
	}
	v, err := f(x, y)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

func cosine(distance bool) builder {
	return func(s Signature) (Func, error) {
		if s.Args[0].Base == types.Map {
			return cosineOfMaps, nil
		}
		return func(a []any) (any, error) {
			return vectors(a, func(x, y []float64) (float64, error) {
				nx, ny := dot(x, x), dot(y, y)
				if nx == 0 || ny == 0 {
					return 0, invalid("Vector magnitude cannot be zero")
				}
				c := dot(x, y) / math.Sqrt(nx*ny)
				if distance {
					c = 1 - c
				}
				return c, nil
			})
		}, nil
	}
}

func cosineOfMaps(a []any) (any, error) {
	x, y := list(a[0]), list(a[1])
	norm := func(m []any) (float64, bool) {
		s := 0.0
		for _, e := range m {
			v := list(e)[1]
			if v == nil {
				return 0, false
			}
			s += dbl(v) * dbl(v)
		}
		return math.Sqrt(s), true
	}
	nx, ok1 := norm(x)
	ny, ok2 := norm(y)
	if !ok1 || !ok2 {
		return nil, nil
	}
	d := 0.0
	for _, e := range x {
		if v, ok := lookup(y, list(e)[0], types.Of(types.Varchar)); ok {
			d += dbl(list(e)[1]) * dbl(v)
		}
	}
	return d / (nx * ny), nil
}
