package scalar

import (
	"math"
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var arrayTable = map[string]entry{
	"cardinality":    plain(func(a []any) (any, error) { return int64(len(list(a[0]))), nil }),
	"array_distinct": typed(onElement(func(l []any, t types.Type) (any, error) { return distinct(l, t), nil })),
	"array_sort":     typed(arraySort),
	"array_max":      typed(arrayExtreme(1)), "array_min": typed(arrayExtreme(-1)),
	"array_position": typed(arrayPosition), "array_remove": typed(arrayRemove),
	"array_union": typed(setOf(func(x, y []any, t types.Type) []any { return distinct(append(append([]any{}, x...), y...), t) })),
	"array_intersect": typed(setOf(func(x, y []any, t types.Type) []any {
		if len(y) > len(x) { // the order is that of the longer one
			x, y = y, x
		}
		return distinct(keep(x, func(v any) bool { return holds(y, v, t) }), t)
	})),
	"array_except": typed(setOf(func(x, y []any, t types.Type) []any {
		if len(y) == 0 {
			return x // as it is, with what occurs more than once
		}
		return distinct(keep(x, func(v any) bool { return !holds(y, v, t) }), t)
	})),
	"arrays_overlap": typed(overlap), "contains": typed(contains), "contains_sequence": typed(containsSequence),
	"array_join": typed(arrayJoin), "array_histogram": typed(arrayHistogram), "flatten": plain(flatten),
	"slice": plain(slice), "trim_array": plain(trimArray), "repeat": withNulls(plain(repeat)), "sequence": typed(sequence),
	"combinations": plain(combinations), "ngrams": plain(ngrams), "zip": withNulls(plain(zip)),
	"$subscript": typed(subscript), "element_at": typed(elementAt),
	"any_match": plain(matchAny), "all_match": plain(matchAll), "none_match": plain(matchNone),
	"shuffle": {volatile: true, build: func(Signature) (Func, error) {
		return func(a []any) (any, error) {
			l := append([]any{}, list(a[0])...)
			rand.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
			return l, nil
		}, nil
	}},
	"dot_product": plain(func(a []any) (any, error) {
		return vectors(a, func(x, y []float64) (float64, error) { return dot(x, y), nil })
	}),
	"euclidean_distance": plain(func(a []any) (any, error) {
		return vectors(a, func(x, y []float64) (float64, error) {
			s := 0.0
			for i := range x {
				d := x[i] - y[i]
				s += d * d
			}
			return math.Sqrt(s), nil
		})
	}),
	"cosine_similarity": typed(cosine(false)), "cosine_distance": typed(cosine(true)),
}

func onElement(f func(l []any, t types.Type) (any, error)) builder {
	return func(s Signature) (Func, error) {
		if s.Args[0].Base != types.Array {
			return nil, errSignature
		}
		t := s.Args[0].Elem()
		return func(a []any) (any, error) { return f(list(a[0]), t) }, nil
	}
}

func setOf(f func(x, y []any, t types.Type) []any) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0].Elem()
		return func(a []any) (any, error) { return f(list(a[0]), list(a[1]), t), nil }, nil
	}
}

func holds(l []any, v any, t types.Type) bool {
	for _, x := range l {
		if same(x, v, t) {
			return true
		}
	}
	return false
}

func keep(l []any, f func(any) bool) []any {
	out := []any{}
	for _, x := range l {
		if f(x) {
			out = append(out, x)
		}
	}
	return out
}

// hashable returns a key under which equal values of simple types meet; false for the others.
func hashable(v any) (any, bool) {
	switch v := v.(type) {
	case nil, int64, string, bool:
		return v, true
	case []byte:
		return "b" + string(v), true
	}
	return nil, false
}

func distinct(l []any, t types.Type) []any {
	out := []any{}
	seen := map[any]bool{}
	for _, x := range l {
		if k, ok := hashable(x); ok {
			if seen[k] {
				continue
			}
			seen[k] = true
		} else if holds(out, x, t) {
			continue
		}
		out = append(out, x)
	}
	return out
}

func arraySort(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	return func(a []any) (v any, err error) {
		defer catchNestedNull(&err)
		l := append([]any{}, list(a[0])...)
		sort.SliceStable(l, func(i, j int) bool {
			if l[i] == nil || l[j] == nil {
				return l[i] != nil
			}
			return order(l[i], l[j], t) < 0
		})
		return l, nil
	}, nil
}

func arrayExtreme(sign int) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0].Elem()
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			var best any
			for _, x := range list(a[0]) {
				if x == nil {
					return nil, nil
				}
				if f, ok := x.(float64); ok && math.IsNaN(f) {
					return x, nil
				}
				if best == nil || order(x, best, t)*sign > 0 {
					best = x
				}
			}
			return best, nil
		}, nil
	}
}

func arrayPosition(s Signature) (Func, error) {
	t := s.Args[1]
	return func(a []any) (any, error) {
		for i, x := range list(a[0]) {
			if c := equal(x, a[1], t); c != nil && *c {
				return int64(i + 1), nil
			}
		}
		return int64(0), nil
	}, nil
}

func arrayRemove(s Signature) (Func, error) {
	t := s.Args[1]
	return func(a []any) (any, error) {
		return keep(list(a[0]), func(x any) bool { return x == nil || !same(x, a[1], t) }), nil
	}, nil
}

func contains(s Signature) (Func, error) {
	if s.Args[0].Base != types.Array {
		return nil, errSignature
	}
	t := s.Args[1]
	return func(a []any) (any, error) {
		unknown := false
		for _, x := range list(a[0]) {
			switch c := equal(x, a[1], t); {
			case c == nil:
				unknown = true
			case *c:
				return true, nil
			}
		}
		if unknown {
			return nil, nil
		}
		return false, nil
	}, nil
}

func containsSequence(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	return func(a []any) (any, error) {
		x, y := list(a[0]), list(a[1])
		for i := 0; i+len(y) <= len(x); i++ {
			match := true
			for j := range y {
				if !same(x[i+j], y[j], t) {
					match = false
					break
				}
			}
			if match {
				return true, nil
			}
		}
		return len(y) == 0, nil
	}, nil
}

func overlap(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	return func(a []any) (any, error) {
		x, y := list(a[0]), list(a[1])
		if len(x) == 0 || len(y) == 0 {
			return false, nil
		}
		unknown := false
		for _, v := range x {
			for _, w := range y {
				if v == nil || w == nil {
					unknown = true
				} else if same(v, w, t) {
					return true, nil
				}
			}
		}
		if unknown {
			return nil, nil
		}
		return false, nil
	}, nil
}

func arrayJoin(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	text, ok := textOf(t)
	if t.Base == types.JSON {
		text, ok = str, true
	}
	if t.Base == types.Unknown {
		text, ok = str, true
	}
	if !ok {
		return nil, errSignature
	}
	return func(a []any) (any, error) {
		var parts []string
		for _, x := range list(a[0]) {
			switch {
			case x != nil:
				parts = append(parts, text(x))
			case len(a) == 3:
				parts = append(parts, str(a[2]))
			}
		}
		return strings.Join(parts, str(a[1])), nil
	}, nil
}

func arrayHistogram(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	return func(a []any) (any, error) { return histogram(list(a[0]), t), nil }, nil
}

func histogram(l []any, t types.Type) []any {
	out := []any{}
next:
	for _, x := range l {
		if x == nil {
			continue
		}
		for _, e := range out {
			if p := list(e); same(p[0], x, t) {
				p[1] = num(p[1]) + 1
				continue next
			}
		}
		out = append(out, []any{x, int64(1)})
	}
	return out
}

func flatten(a []any) (any, error) {
	out := []any{}
	for _, x := range list(a[0]) {
		out = append(out, list(x)...)
	}
	return out, nil
}

func subscript(s Signature) (Func, error) {
	if s.Args[0].Base == types.Map {
		key, ok := textOf(s.Args[1])
		return func(a []any) (any, error) {
			v, found := lookup(list(a[0]), a[1], s.Args[1])
			if !found {
				if ok {
					return nil, invalid("Key not present in map: %s", key(a[1]))
				}
				return nil, invalid("Key not present in map")
			}
			return v, nil
		}, nil
	}
	return func(a []any) (any, error) {
		l, i := list(a[0]), num(a[1])
		switch {
		case i == 0:
			return nil, invalid("SQL array indices start at 1")
		case i < 0:
			return nil, invalid("Array subscript is negative: %d", i)
		case i > int64(len(l)):
			return nil, invalid("Array subscript must be less than or equal to array length: %d > %d", i, len(l))
		}
		return l[i-1], nil
	}, nil
}

func elementAt(s Signature) (Func, error) {
	if s.Args[0].Base == types.Map {
		return func(a []any) (any, error) {
			v, _ := lookup(list(a[0]), a[1], s.Args[1])
			return v, nil
		}, nil
	}
	return func(a []any) (any, error) {
		l, i := list(a[0]), num(a[1])
		if i == 0 {
			return nil, invalid("SQL array indices start at 1")
		}
		if i < 0 {
			i += int64(len(l)) + 1
		}
		if i < 1 || i > int64(len(l)) {
			return nil, nil
		}
		return l[i-1], nil
	}, nil
}

// The match functions get what their lambda answered for each element.
func matchAny(a []any) (any, error)  { return match(list(a[0]), true, true, false), nil }
func matchAll(a []any) (any, error)  { return match(list(a[0]), false, false, true), nil }
func matchNone(a []any) (any, error) { return match(list(a[0]), true, false, true), nil }

// match answers hit on the first element that is want, NULL if one is unknown, else other.
func match(l []any, want, hit, other bool) any {
	unknown := false
	for _, x := range l {
		if x == nil {
			unknown = true
		} else if boolean(x) == want {
			return hit
		}
	}
	if unknown {
		return nil
	}
	return other
}
