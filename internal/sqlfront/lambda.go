package sqlfront

import (
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// functionWithLambdas resolves a call whose arguments may be lambdas: first by the others' types, then each lambda is
// generated with the types that its parameters have by then.
func (a *analyzer) functionWithLambdas(name string, e *parse.Expr, s *scope) *ex {
	xs := make([]*ex, len(e.A))
	ts := make([]types.Type, len(e.A))
	lambdas := false
	for i, arg := range e.A {
		if arg.Kind == parse.Lambda {
			lambdas = true
			ts[i] = types.Of(types.Function)
			continue
		}
		xs[i] = a.expr(arg, s)
		ts[i] = xs[i].t
	}
	if !lambdas {
		return a.function(name, e, xs, s)
	}
	c, ambiguous := choose(name, ts, "scalar")
	if ambiguous {
		a.fail("AMBIGUOUS_FUNCTION_CALL", e.Pos, "Could not choose a best candidate operator. Explicit type casts must be added.")
	}
	if c == nil {
		a.noOverload(e.Pos, name, ts)
	}
	for i := range xs {
		if xs[i] != nil {
			xs[i] = a.coerceArg(xs[i], c.args[i])
		}
	}
	return a.higherOrder(name, e, c, xs, s, ts)
}

// lambda generates the body of a lambda; params stand for its parameters.
func (a *analyzer) lambda(e *parse.Expr, s *scope, params ...*ex) *ex {
	if len(e.Names) != len(params) {
		a.fail("INVALID_PARAMETER_USAGE", e.Pos, "Expected a lambda that takes %d argument(s) but got %d", len(params), len(e.Names))
	}
	inner := &scope{outer: s, lambda: map[string]*ex{}}
	for i, n := range e.Names {
		inner.lambda[n] = params[i]
	}
	return a.expr(e.A[0], inner)
}

// variable makes a fresh parameter of a DuckDB lambda.
func (a *analyzer) variable(t types.Type) *ex {
	a.aliases++
	return &ex{sql: "v" + itoa(a.aliases), t: t, simple: true}
}

func part(x *ex, name string, t types.Type) *ex {
	return &ex{sql: "(" + x.sql + ")." + name, t: t, simple: true}
}

func (a *analyzer) higherOrder(name string, e *parse.Expr, c *chosen, xs []*ex, s *scope, ts []types.Type) *ex {
	mismatch := func() { a.noOverload(e.Pos, name, ts) }
	truth := func(body *ex) *ex {
		if body.t.Base != types.Boolean {
			mismatch()
		}
		return body
	}
	in := xs[0].t
	switch name {
	case "transform":
		v := a.variable(in.Elem())
		body := a.lambda(e.A[1], s, v)
		return &ex{sql: "list_transform(" + xs[0].sql + ", lambda " + v.sql + ": " + body.sql + ")", t: types.ArrayOf(body.t)}
	case "filter":
		v := a.variable(in.Elem())
		body := truth(a.lambda(e.A[1], s, v))
		return &ex{sql: "list_filter(" + xs[0].sql + ", lambda " + v.sql + ": " + body.sql + ")", t: in}
	case "any_match", "all_match", "none_match":
		v := a.variable(in.Elem())
		body := truth(a.lambda(e.A[1], s, v))
		answers := &ex{sql: "list_transform(" + xs[0].sql + ", lambda " + v.sql + ": " + body.sql + ")", t: types.ArrayOf(body.t)}
		return a.mustCall(e.Pos, name, name, types.Of(types.Boolean), answers)
	case "map_filter", "transform_values", "transform_keys":
		entry := a.variable(types.Of(types.Unknown))
		k, v := part(entry, "k", in.Args[0]), part(entry, "v", in.Args[1])
		body := a.lambda(e.A[1], s, k, v)
		if name == "map_filter" {
			return &ex{sql: "list_filter(" + xs[0].sql + ", lambda " + entry.sql + ": " + truth(body).sql + ")", t: in}
		}
		list := func(kx, vx string) string {
			return "list_transform(" + xs[0].sql + ", lambda " + entry.sql + ": {'k': " + kx + ", 'v': " + vx + "})"
		}
		if name == "transform_values" {
			return &ex{sql: list(k.sql, body.sql), t: types.MapOf(in.Args[0], body.t)}
		}
		out := types.MapOf(body.t, in.Args[1])
		return a.mustCall(e.Pos, name, "$map_check", out, &ex{sql: list(body.sql, v.sql), t: out})
	case "zip_with":
		row := types.RowOf(in.Elem(), xs[1].t.Elem())
		zipped := a.mustCall(e.Pos, name, "zip", types.ArrayOf(row), xs[0], xs[1])
		v := a.variable(row)
		body := a.lambda(e.A[2], s, part(v, "f0", row.Args[0]), part(v, "f1", row.Args[1]))
		return &ex{sql: "list_transform(" + zipped.sql + ", lambda " + v.sql + ": " + body.sql + ")", t: types.ArrayOf(body.t)}
	case "map_zip_with":
		row := types.RowOf(in.Args[0], in.Args[1], xs[1].t.Args[1])
		pairs := a.mustCall(e.Pos, name, "$map_pairs", types.ArrayOf(row), xs[0], xs[1])
		v := a.variable(row)
		body := a.lambda(e.A[2], s, part(v, "f0", row.Args[0]), part(v, "f1", row.Args[1]), part(v, "f2", row.Args[2]))
		return &ex{sql: "list_transform(" + pairs.sql + ", lambda " + v.sql + ": {'k': (" + v.sql + ").f0, 'v': " + body.sql + "})", t: types.MapOf(in.Args[0], body.t)}
	case "reduce":
		return a.reduce(e, xs, s, mismatch)
	}
	a.refuse(e.Pos, "function %s with a lambda is not supported", name)
	return nil
}

// reduce folds a list. DuckDB's list_reduce wants state and elements of one type, so both travel in a struct.
func (a *analyzer) reduce(e *parse.Expr, xs []*ex, s *scope, mismatch func()) *ex {
	elem, state := xs[0].t.Elem(), xs[1].t
	var step *ex
	acc, cur := a.variable(types.Of(types.Unknown)), a.variable(types.Of(types.Unknown))
	for range 4 {
		step = a.lambda(e.A[2], s, part(acc, "s", state), part(cur, "x", elem))
		if step.t.Equal(state) {
			break
		}
		t, ok := types.Common(state, step.t)
		if !ok {
			mismatch()
		}
		if t.Equal(state) {
			step = a.coerce(step, state)
			break
		}
		state = t
	}
	if !step.t.Equal(state) {
		mismatch()
	}
	wrap := "STRUCT(s " + reprSQL(state) + ", x " + reprSQL(elem) + ")"
	v := a.variable(elem)
	items := "list_transform(" + xs[0].sql + ", lambda " + v.sql + ": CAST({'s': NULL, 'x': " + v.sql + "} AS " + wrap + "))"
	first := "CAST({'s': " + a.coerce(xs[1], state).sql + ", 'x': NULL} AS " + wrap + ")"
	folded := "list_reduce(" + items + ", lambda " + acc.sql + ", " + cur.sql + ": CAST({'s': " + step.sql + ", 'x': (" + cur.sql + ").x} AS " + wrap + "), " + first + ")"
	final := a.lambda(e.A[3], s, &ex{sql: "(" + folded + ").s", t: state})
	// A NULL list gives NULL, whatever the last lambda makes of it.
	return &ex{sql: "(CASE WHEN " + xs[0].sql + " IS NULL THEN " + castSQL("NULL", final.t) + " ELSE " + final.sql + " END)", t: final.t}
}
