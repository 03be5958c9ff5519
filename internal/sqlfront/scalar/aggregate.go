package scalar

import (
	"math"
	"math/big"
	"sort"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// aggregateTable finishes aggregates that DuckDB only collects: the first argument is the list of the rows' values, or of
// rows of several. The list of no rows is NULL.
var aggregateTable = map[string]entry{
	"$agg_histogram": typed(func(s Signature) (Func, error) {
		t := s.Args[0].Elem()
		return func(a []any) (any, error) { return nilIfEmpty(histogram(list(a[0]), t)), nil }, nil
	}),
	"$agg_map_agg": typed(func(s Signature) (Func, error) {
		kt := s.Args[0].Elem().Args[0]
		return func(a []any) (any, error) {
			out := []any{}
			for _, e := range list(a[0]) {
				k := list(e)[0]
				if k == nil {
					continue
				}
				if _, have := lookup(out, k, kt); !have {
					out = append(out, []any{k, list(e)[1]})
				}
			}
			return nilIfEmpty(out), nil
		}, nil
	}),
	"$agg_multimap_agg": typed(func(s Signature) (Func, error) {
		kt := s.Args[0].Elem().Args[0]
		return func(a []any) (any, error) {
			rows := keep(list(a[0]), func(e any) bool { return list(e)[0] != nil })
			return nilIfEmpty(groupPairs(rows, kt)), nil
		}, nil
	}),
	"$agg_map_union": typed(func(s Signature) (Func, error) {
		kt := s.Args[0].Elem().Args[0]
		return func(a []any) (any, error) {
			var out []any
			for _, m := range list(a[0]) {
				if m == nil {
					continue
				}
				if out == nil {
					out = []any{}
				}
				for _, e := range list(m) {
					if _, have := lookup(out, list(e)[0], kt); !have {
						out = append(out, e)
					}
				}
			}
			if out == nil {
				return nil, nil
			}
			return out, nil
		}, nil
	}),
	"$agg_max": typed(topN(1, "max")), "$agg_min": typed(topN(-1, "min")),
	"$agg_max_by": typed(topBy(1, "max_by")), "$agg_min_by": typed(topBy(-1, "min_by")),
	"$agg_geometric_mean": typed(moments(func(x []float64) (float64, bool) {
		s := 0.0
		for _, v := range x {
			s += math.Log(v)
		}
		return math.Exp(s / float64(len(x))), len(x) > 0
	})),
	"$agg_skewness": typed(moments(func(x []float64) (float64, bool) {
		n, m2, m3, _ := central(x)
		return math.Sqrt(n) * m3 / math.Pow(m2, 1.5), n >= 3
	})),
	"$agg_kurtosis": typed(moments(func(x []float64) (float64, bool) {
		n, m2, _, m4 := central(x)
		return (n-1)*n*(n+1)/((n-2)*(n-3))*m4/(m2*m2) - 3*((n-1)*(n-1))/((n-2)*(n-3)), n >= 4
	})),
	"$agg_var_pop":     typed(moments(func(x []float64) (float64, bool) { n, m2, _, _ := central(x); return m2 / n, n > 0 })),
	"$agg_var_samp":    typed(moments(func(x []float64) (float64, bool) { n, m2, _, _ := central(x); return m2 / (n - 1), n > 1 })),
	"$agg_stddev_pop":  typed(moments(func(x []float64) (float64, bool) { n, m2, _, _ := central(x); return math.Sqrt(m2 / n), n > 0 })),
	"$agg_stddev_samp": typed(moments(func(x []float64) (float64, bool) { n, m2, _, _ := central(x); return math.Sqrt(m2 / (n - 1)), n > 1 })),
	"$bounded": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) { return bounded(dec(a[0]), s.Result) }, nil
	}),
	"$finite": plain(func(a []any) (any, error) {
		if f := dbl(a[0]); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil
		}
		return a[0], nil
	}),
	"$nonulls": typed(func(s Signature) (Func, error) {
		t := s.Args[0]
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			checkNested(a[0], t)
			return a[0], nil
		}, nil
	}),
	"$avg_decimal": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) {
			if num(a[1]) == 0 {
				return nil, nil
			}
			return divRound(dec(a[0]), big.NewInt(num(a[1]))), nil
		}, nil
	}),
	"$avg_interval": plain(func(a []any) (any, error) {
		if num(a[1]) == 0 {
			return nil, nil
		}
		return int64(math.Floor(float64(num(a[0]))/float64(num(a[1])) + 0.5)), nil
	}),
	"$agg_approx_most_frequent": typed(mostFrequent),
}

// checkNested panics as order does when an array or row has a NULL inside.
func checkNested(v any, t types.Type) {
	if !t.Is(types.Array, types.Row) {
		return
	}
	for i, x := range list(v) {
		et := t.Args[0]
		if t.Base == types.Row {
			et = t.Args[i]
		}
		if x == nil {
			panic(nestedNull{t.Base})
		}
		checkNested(x, et)
	}
}

func nilIfEmpty(l []any) any {
	if len(l) == 0 {
		return nil
	}
	return l
}

func moments(f func(x []float64) (float64, bool)) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0].Elem()
		if !t.Numeric() {
			return nil, errSignature
		}
		return func(a []any) (any, error) {
			var x []float64
			for _, v := range list(a[0]) {
				if v != nil {
					x = append(x, asDouble(v, t))
				}
			}
			r, ok := f(x)
			if !ok {
				return nil, nil
			}
			if s.Result.Base == types.Real {
				return float32(r), nil
			}
			return r, nil
		}, nil
	}
}

// central returns the count and the sums of powers of the distance from the mean.
func central(x []float64) (n, m2, m3, m4 float64) {
	mean := 0.0
	for _, v := range x {
		d := v - mean
		n1 := n
		n++
		dn := d / n
		dn2 := dn * dn
		t := d * dn * n1
		mean += dn
		m4 += t*dn2*(n*n-3*n+3) + 6*dn2*m2 - 4*dn*m3
		m3 += t*dn*(n-2) - 3*dn*m2
		m2 += t
	}
	return n, m2, m3, m4
}

func checkN(v any, name string, ordinal string) (int64, error) {
	n := num(v)
	if n <= 0 {
		return 0, invalid("%s argument of %s must be a positive integer", ordinal, name)
	}
	if n > 10000 {
		return 0, invalid("%s argument of %s must be less than or equal to 10000; found %d", ordinal, name, n)
	}
	return n, nil
}

// topN is max(x, n) and min(x, n).
func topN(sign int, name string) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0].Elem()
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			l := keep(list(a[0]), func(x any) bool { return x != nil })
			if len(l) == 0 {
				return nil, nil
			}
			n, err := checkN(a[1], name, "second")
			if err != nil {
				return nil, err
			}
			sort.SliceStable(l, func(i, j int) bool { return order(l[i], l[j], t)*sign > 0 })
			return nilIfEmpty(l[:min(n, int64(len(l)))]), nil
		}, nil
	}
}

// topBy is max_by(x, y, n) and min_by(x, y, n).
func topBy(sign int, name string) builder {
	return func(s Signature) (Func, error) {
		t := s.Args[0].Elem().Args[1]
		return func(a []any) (v any, err error) {
			defer catchNestedNull(&err)
			l := keep(list(a[0]), func(x any) bool { return list(x)[1] != nil })
			if len(l) == 0 {
				return nil, nil
			}
			n, err := checkN(a[1], name, "third")
			if err != nil {
				return nil, err
			}
			sort.SliceStable(l, func(i, j int) bool { return order(list(l[i])[1], list(l[j])[1], t)*sign > 0 })
			out := []any{}
			for _, e := range l[:min(n, int64(len(l)))] {
				out = append(out, list(e)[0])
			}
			return nilIfEmpty(out), nil
		}, nil
	}
}

// mostFrequent counts exactly: a better answer than the estimate it stands for.
func mostFrequent(s Signature) (Func, error) {
	t := s.Args[0].Elem()
	return func(a []any) (any, error) {
		if num(a[1]) <= 1 {
			return nil, invalid("approx_most_frequent bucket count must be greater than one, input bucket count: %d", num(a[1]))
		}
		h := histogram(list(a[0]), t)
		sort.SliceStable(h, func(i, j int) bool { return num(list(h[i])[1]) > num(list(h[j])[1]) })
		return nilIfEmpty(h[:min(num(a[1]), int64(len(h)))]), nil
	}, nil
}
