package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// chosen is the overload of a call with the types its arguments are coerced to.
type chosen struct {
	o      *overload
	b      *bindings
	args   []types.Type // a lambda's is Function without arguments
	result types.Type
	known  bool // the result does not depend on a lambda
}

// variadic functions take their last argument any number of times.
var variadic = map[string]int{"concat": 1, "concat_ws": 1, "greatest": 1, "least": 1, "map_concat": 1}

// expand returns the patterns for n arguments; nil if the overload cannot take them.
func (o *overload) expand(n int) []*pattern {
	if len(o.args) == n {
		if o.name == "concat" && n == 1 {
			return nil
		}
		return o.args
	}
	if _, ok := variadic[o.name]; !ok || len(o.args) == 0 || n < len(o.args) {
		return nil
	}
	switch o.name {
	case "concat":
		if len(o.args) != 1 {
			return nil
		}
	case "concat_ws":
		if o.args[1].base != types.Varchar {
			return nil
		}
	}
	out := append([]*pattern(nil), o.args...)
	for len(out) < n {
		out = append(out, o.args[len(o.args)-1])
	}
	return out
}

func (o *overload) match(actual []types.Type, exact bool) *chosen {
	ps := o.expand(len(actual))
	if ps == nil && len(actual)+len(o.args) > 0 {
		return nil
	}
	b := &bindings{types: map[string]types.Type{}, numbers: map[string]int{}}
	for i, p := range ps {
		if !b.bind(p, actual[i], exact) {
			return nil
		}
	}
	c := &chosen{o: o, b: b}
	for i, p := range ps {
		t := types.Of(types.Function)
		if p.base != types.Function {
			var ok bool
			if t, ok = b.resolve(p); !ok {
				return nil
			}
			if p.base == types.Varchar && len(p.numbers) > 0 && actual[i].Base == types.Varchar {
				t = actual[i]
			}
			if t.Base == types.Unknown && p.base != "" {
				return nil
			}
			if !types.Coercible(actual[i], t) {
				return nil
			}
		}
		c.args = append(c.args, t)
	}
	if !o.allowed(c.args) {
		return nil
	}
	c.result, c.known = b.resolve(o.result)
	return c
}

// allowed checks what the signatures' constraints ask: arguments that have an order, or can be compared.
func (o *overload) allowed(args []types.Type) bool {
	switch o.name {
	case "min", "max", "greatest", "least":
		return len(args) > 0 && args[0].Orderable()
	case "min_by", "max_by":
		return args[1].Orderable()
	case "array_sort":
		return len(args) == 2 || args[0].Elem().Orderable()
	case "array_min", "array_max":
		return args[0].Elem().Orderable()
	case "array_distinct", "array_except", "array_intersect", "array_union", "arrays_overlap", "array_position", "array_remove", "contains", "histogram", "approx_distinct":
		for _, a := range args {
			if !a.Comparable() {
				return false
			}
		}
	}
	return true
}

// choose resolves a call as Trino does: an exact overload, an exact generic one, then the most specific by coercion. It
// returns nil if there is none and ambiguous if several are as good.
func choose(name string, actual []types.Type, kinds string) (best *chosen, ambiguous bool) {
	if name == "concat" && len(actual) == 0 {
		return nil, true
	}
	var all []*overload
	for _, o := range signatures()[name] {
		if strings.Contains(kinds, o.kind) {
			all = append(all, o)
		}
	}
	for _, generic := range []bool{false, true} {
		for _, o := range all {
			if o.generic == generic {
				if c := o.match(actual, true); c != nil {
					return c, false
				}
			}
		}
	}
	var fits []*chosen
	for _, o := range all {
		if c := o.match(actual, false); c != nil {
			fits = append(fits, c)
		}
	}
	// Overloads that need no more than a type for NULLs go before those that convert values.
	var nullsOnly []*chosen
	for _, c := range fits {
		only := true
		for i, t := range actual {
			only = only && (t.Base == types.Unknown || t.Equal(c.args[i]) || t.Base == types.Function)
		}
		if only {
			nullsOnly = append(nullsOnly, c)
		}
	}
	if len(nullsOnly) > 0 {
		fits = nullsOnly
	}
	var most []*chosen
	for _, c := range fits {
		beats := true
		for _, d := range fits {
			if c != d && !c.moreSpecific(d) {
				beats = false
				break
			}
		}
		if beats {
			most = append(most, c)
		}
	}
	switch {
	case len(fits) == 0:
		return nil, false
	case len(fits) == 1:
		return fits[0], false
	case len(most) >= 1:
		return most[0], false
	}
	same := true
	unknown := false
	for _, t := range actual {
		unknown = unknown || t.Base == types.Unknown
	}
	for _, c := range fits[1:] {
		same = same && c.result.Equal(fits[0].result)
	}
	if same && unknown {
		return fits[0], false
	}
	return nil, true
}

func (c *chosen) moreSpecific(d *chosen) bool {
	return d.o.match(c.args, false) != nil
}

// noOverload reports a call that no overload can take.
func (a *analyzer) noOverload(at parse.Pos, name string, actual []types.Type) {
	if len(signatures()[name]) == 0 {
		a.fail("FUNCTION_NOT_FOUND", at, "Function '%s' not registered", name)
	}
	var ts, expected []string
	for _, t := range actual {
		if t.Base == types.Function {
			ts = append(ts, "<function>")
		} else {
			ts = append(ts, t.String())
		}
	}
	for _, o := range signatures()[name] {
		expected = append(expected, o.text)
	}
	a.fail("FUNCTION_NOT_FOUND", at, "Unexpected parameters (%s) for function %s. Expected: %s", strings.Join(ts, ", "), name, strings.Join(expected, ", "))
}
