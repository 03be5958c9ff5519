package sqlfront

import (
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// prune finds the conditions of a WHERE clause that restrict partition keys and adds them to their tables. It only looks at
// what all rows must satisfy: the parts of a conjunction.
func (a *analyzer) prune(e *parse.Expr, s *scope) {
	if e.Kind == parse.Logical && e.S == "AND" {
		for _, x := range e.A {
			a.prune(x, s)
		}
		return
	}
	switch e.Kind {
	case parse.Compare:
		if f := a.partitionKey(e.A[0], s); f != nil {
			a.restrict(f, e.S, e.A[1], s)
		} else if f := a.partitionKey(e.A[1], s); f != nil {
			flip := map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
			a.restrict(f, flip[e.S], e.A[0], s)
		}
	case parse.InList:
		f := a.partitionKey(e.A[0], s)
		if f == nil || e.Not {
			return
		}
		filter := Filter{Column: f.name}
		for _, x := range e.A[1:] {
			v, ok := a.constantFor(x, f.t)
			if !ok {
				return
			}
			filter.Values = append(filter.Values, v)
		}
		f.use.Filters = append(f.use.Filters, filter)
	case parse.Between:
		f := a.partitionKey(e.A[0], s)
		if f == nil || e.Not {
			return
		}
		lo, ok1 := a.constantFor(e.A[1], f.t)
		hi, ok2 := a.constantFor(e.A[2], f.t)
		if ok1 && ok2 {
			f.use.Filters = append(f.use.Filters, Filter{Column: f.name, Low: lo, High: hi})
		}
	}
}

func (a *analyzer) partitionKey(e *parse.Expr, s *scope) *field {
	names := chain(e)
	if names == nil {
		return nil
	}
	f, n, at := a.lookup(s, names)
	if f == nil || at != s || n != len(names) || f.use == nil || !f.use.Columns[f.useIndex].Partition {
		return nil
	}
	return f
}

func (a *analyzer) restrict(f *field, op string, e *parse.Expr, s *scope) {
	v, ok := a.constantFor(e, f.t)
	if !ok {
		return
	}
	filter := Filter{Column: f.name}
	switch op {
	case "=":
		filter.Values = []any{v}
	case "<", "<=":
		filter.High, filter.HighOpen = v, op == "<"
	case ">", ">=":
		filter.Low, filter.LowOpen = v, op == ">"
	default:
		return
	}
	f.use.Filters = append(f.use.Filters, filter)
}

// constantFor returns the value of a constant as one of a partition key's type, if the key is what gets compared.
func (a *analyzer) constantFor(e *parse.Expr, t types.Type) (any, bool) {
	switch e.Kind {
	case parse.Int, parse.Dec, parse.Str, parse.Typed:
	default:
		return nil, false
	}
	x := a.literal(e)
	if !x.isLit || x.lit == nil {
		return nil, false
	}
	if c, ok := types.Common(x.t, t); !ok || c.Base != t.Base {
		return nil, false
	}
	f, ok := scalar.Cast(x.t, t)
	if !ok {
		return nil, false
	}
	v, err := f(x.lit)
	return v, err == nil && v != nil
}

// Match tells whether a value of the key's type, not nil, satisfies the filter.
func (f Filter) Match(v any, t types.Type) bool {
	if len(f.Values) > 0 {
		for _, x := range f.Values {
			if scalar.Order(v, x, t) == 0 {
				return true
			}
		}
		return false
	}
	if f.Low != nil {
		if c := scalar.Order(v, f.Low, t); c < 0 || c == 0 && f.LowOpen {
			return false
		}
	}
	if f.High != nil {
		if c := scalar.Order(v, f.High, t); c > 0 || c == 0 && f.HighOpen {
			return false
		}
	}
	return true
}
