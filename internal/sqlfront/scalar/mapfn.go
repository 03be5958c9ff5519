package scalar

import (
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var mapTable = map[string]entry{
	"map": typed(makeMap), "$map_check": typed(checkMap),
	"map_keys": plain(func(a []any) (any, error) { return column(a[0], 0), nil }), "map_values": plain(func(a []any) (any, error) { return column(a[0], 1), nil }),
	"map_entries":      plain(func(a []any) (any, error) { return a[0], nil }),
	"map_from_entries": typed(mapFromEntries), "multimap_from_entries": typed(multimapFromEntries), "map_concat": typed(mapConcat),
	"$map_pairs": typed(mapPairs),
}

func column(m any, i int) []any {
	out := make([]any, len(list(m)))
	for n, e := range list(m) {
		out[n] = list(e)[i]
	}
	return out
}

// hasNull tells whether a key or a part of it is NULL.
func hasNull(v any, t types.Type) bool {
	if v == nil {
		return true
	}
	switch t.Base {
	case types.Array:
		for _, x := range list(v) {
			if hasNull(x, t.Elem()) {
				return true
			}
		}
	case types.Row:
		for i, x := range list(v) {
			if hasNull(x, t.Args[i]) {
				return true
			}
		}
	}
	return false
}

func keyText(v any, t types.Type) string {
	if f, ok := textOf(t); ok && v != nil {
		return f(v)
	}
	return "…"
}

// addKey checks a key and whether it is new.
func addKey(out []any, k any, t types.Type) error {
	if k == nil {
		return invalid("map key cannot be null")
	}
	if hasNull(k, t) {
		return invalid("map key cannot be indeterminate: %s", keyText(k, t))
	}
	if _, dup := lookup(out, k, t); dup {
		return invalid("Duplicate map keys (%s) are not allowed", keyText(k, t))
	}
	return nil
}

func makeMap(s Signature) (Func, error) {
	if len(s.Args) == 0 {
		return func([]any) (any, error) { return []any{}, nil }, nil
	}
	kt := s.Args[0].Elem()
	return func(a []any) (any, error) {
		ks, vs := list(a[0]), list(a[1])
		if len(ks) != len(vs) {
			return nil, invalid("Key and value arrays must be the same length")
		}
		out := []any{}
		for i := range ks {
			if err := addKey(out, ks[i], kt); err != nil {
				return nil, err
			}
			out = append(out, []any{ks[i], vs[i]})
		}
		return out, nil
	}, nil
}

// checkMap checks the keys that a lambda made.
func checkMap(s Signature) (Func, error) {
	kt := s.Args[0].Args[0]
	return func(a []any) (any, error) {
		for i, e := range list(a[0]) {
			if err := addKey(list(a[0])[:i], list(e)[0], kt); err != nil {
				return nil, err
			}
		}
		return a[0], nil
	}, nil
}

func mapFromEntries(s Signature) (Func, error) {
	kt := s.Args[0].Elem().Args[0]
	return func(a []any) (any, error) {
		out := []any{}
		for _, e := range list(a[0]) {
			if e == nil {
				return nil, invalid("map entry cannot be null")
			}
			if err := addKey(out, list(e)[0], kt); err != nil {
				return nil, err
			}
			out = append(out, list(e))
		}
		return out, nil
	}, nil
}

func multimapFromEntries(s Signature) (Func, error) {
	kt := s.Args[0].Elem().Args[0]
	return func(a []any) (any, error) {
		for _, e := range list(a[0]) {
			switch {
			case e == nil:
				return nil, invalid("map entry cannot be null")
			case list(e)[0] == nil:
				return nil, invalid("map key cannot be null")
			}
		}
		return groupPairs(list(a[0]), kt), nil
	}, nil
}

// groupPairs collects the values of equal keys.
func groupPairs(entries []any, kt types.Type) []any {
	out := []any{}
next:
	for _, e := range entries {
		k, v := list(e)[0], list(e)[1]
		for _, o := range out {
			if p := list(o); same(p[0], k, kt) {
				p[1] = append(list(p[1]), v)
				continue next
			}
		}
		out = append(out, []any{k, []any{v}})
	}
	return out
}

func mapConcat(s Signature) (Func, error) {
	kt := s.Args[0].Args[0]
	return func(a []any) (any, error) {
		out := []any{}
		for i := len(a) - 1; i >= 0; i-- {
			for _, e := range list(a[i]) {
				if _, have := lookup(out, list(e)[0], kt); !have {
					out = append(out, e)
				}
			}
		}
		return out, nil
	}, nil
}

// mapPairs joins two maps by key into entries of key, first value, second value.
func mapPairs(s Signature) (Func, error) {
	kt := s.Args[0].Args[0]
	return func(a []any) (any, error) {
		out := []any{}
		for _, e := range list(a[0]) {
			v, _ := lookup(list(a[1]), list(e)[0], kt)
			out = append(out, []any{list(e)[0], list(e)[1], v})
		}
		for _, e := range list(a[1]) {
			if _, both := lookup(list(a[0]), list(e)[0], kt); !both {
				out = append(out, []any{list(e)[0], nil, list(e)[1]})
			}
		}
		return out, nil
	}, nil
}
