package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// aggregates and windowed tell what a function's name may be.
func isKind(name, kind string) bool {
	for _, o := range signatures()[name] {
		if o.kind == kind {
			return true
		}
	}
	return false
}

func functionName(e *parse.Expr) string {
	name := e.Name
	name = strings.TrimPrefix(name, "system.builtin.")
	return name
}

func (a *analyzer) callExpr(e *parse.Expr, s *scope) *ex {
	name := functionName(e)
	if e.Over != nil {
		return a.windowCall(e, s)
	}
	if isAggregate(name) {
		return a.aggregateCall(e, s)
	}
	if isKind(name, "window") {
		a.fail("MISSING_OVER", e.Pos, "Window function system.builtin.%s requires an OVER clause", name)
	}
	if len(e.Order) > 0 {
		a.fail("FUNCTION_NOT_AGGREGATE", e.Pos, "ORDER BY is not supported for non-aggregation function: %s", name)
	}
	if e.Filter != nil {
		a.fail("FUNCTION_NOT_AGGREGATE", e.Pos, "Filter is only valid for aggregation functions")
	}
	if e.Distinct {
		a.fail("FUNCTION_NOT_AGGREGATE", e.Pos, "DISTINCT is not supported for non-aggregation functions")
	}
	switch name {
	case "coalesce":
		xs := a.exprs(e.A, s)
		t := a.common(xs, e.A, "All COALESCE operands")
		parts := make([]string, len(xs))
		for i, x := range xs {
			parts[i] = a.coerce(x, t).sql
		}
		return &ex{sql: "coalesce(" + strings.Join(parts, ", ") + ")", t: t}
	case "if":
		return a.ifCall(e, s)
	case "nullif":
		x, y := a.expr(e.A[0], s), a.expr(e.A[1], s)
		t, ok := types.Common(x.t, y.t)
		if !ok || !t.Comparable() {
			a.fail("TYPE_MISMATCH", e.Pos, "Types are not comparable with NULLIF: %s vs %s", x.t, y.t)
		}
		eq := a.compareAs("=", e.Pos, a.coerce(x, t), a.coerce(y, t))
		return &ex{sql: "(CASE WHEN " + eq.sql + " THEN " + castSQL("NULL", x.t) + " ELSE " + x.sql + " END)", t: x.t}
	case "typeof":
		if len(e.A) == 1 && e.A[0].Kind != parse.Lambda {
			x := a.expr(e.A[0], s)
			c := constant(x.t.String(), types.VarcharOf(types.Unbounded))
			// The argument is computed all the same: it may fail.
			return &ex{sql: "(" + c.sql + " || left(CAST(hash(" + x.sql + ") AS VARCHAR), 0))", t: c.t}
		}
	case "now", "current_timezone", "current_date":
		if len(e.A) == 0 {
			switch name {
			case "now":
				return a.current(&parse.Expr{Pos: e.Pos, Name: "current_timestamp", N: 3})
			case "current_timezone":
				return constant("UTC", types.VarcharOf(types.Unbounded))
			}
		}
	case "format":
		return a.formatCall(e, s)
	}
	return a.functionWithLambdas(name, e, s)
}

func (a *analyzer) ifCall(e *parse.Expr, s *scope) *ex {
	cond := a.condition(e.A[0], s, "IF condition")
	yes := a.expr(e.A[1], s)
	no := null(yes.t)
	t := yes.t
	if len(e.A) == 3 {
		no = a.expr(e.A[2], s)
		c, ok := types.Common(yes.t, no.t)
		if !ok {
			a.fail("TYPE_MISMATCH", e.Pos, "Result types for IF must be the same: %s vs %s", yes.t, no.t)
		}
		t = c
	}
	return &ex{sql: "(CASE WHEN " + cond.sql + " THEN " + a.coerce(yes, t).sql + " ELSE " + a.coerce(no, t).sql + " END)", t: t}
}

func (a *analyzer) formatCall(e *parse.Expr, s *scope) *ex {
	xs := a.exprs(e.A, s)
	if xs[0].t.Base == types.Unknown {
		xs[0] = null(types.VarcharOf(types.Unbounded))
	}
	if xs[0].t.Base != types.Varchar {
		a.fail("TYPE_MISMATCH", e.A[0].Pos, "Type of first argument to format() must be VARCHAR (actual: %s)", xs[0].t)
	}
	for i, x := range xs[1:] {
		if x.t.Is(types.Array, types.Map, types.Row, types.Varbinary, types.IPAddress) {
			a.refuse(e.A[i+1].Pos, "Type not supported for formatting: %s", x.t)
		}
	}
	return a.mustCall(e.Pos, "format", "format", types.VarcharOf(types.Unbounded), xs...)
}

// function calls a scalar function with generated arguments.
func (a *analyzer) function(name string, e *parse.Expr, xs []*ex, s *scope) *ex {
	ts := make([]types.Type, len(xs))
	for i, x := range xs {
		ts[i] = x.t
	}
	c, ambiguous := choose(name, ts, "scalar")
	if ambiguous {
		a.fail("AMBIGUOUS_FUNCTION_CALL", e.Pos, "Could not choose a best candidate operator. Explicit type casts must be added.")
	}
	if name == "map_concat" && c != nil && len(ts) == 1 {
		a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "There must be two or more concatenation arguments to map_concat")
	}
	if c == nil {
		if len(ts) == 1 {
			a.loneArgument(name, ts[0])
		}
		a.noOverload(e.Pos, name, ts)
	}
	for i := range xs {
		xs[i] = a.coerceArg(xs[i], c.args[i])
	}
	return a.emit(name, e, resultType(name, c), xs)
}

// loneArgument fails for functions of any number of arguments that got one.
func (a *analyzer) loneArgument(name string, t types.Type) {
	says := ""
	switch {
	case name == "concat" && t.Is(types.Varchar, types.Varbinary):
		says = "There must be two or more concatenation arguments"
	case name == "concat" && t.Base == types.Array:
		says = "There must be two or more arguments to concat"
	case name == "concat_ws" && t.Base == types.Varchar:
		says = "There must be two or more arguments"
	default:
		return
	}
	a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "%s", says)
}

// coerceArg coerces to a parameter's type; the types of patterns and paths are texts.
func (a *analyzer) coerceArg(x *ex, t types.Type) *ex {
	if t.Is(types.JoniRegexp, types.JSONPath, types.CodePoints) {
		t = types.VarcharOf(types.Unbounded)
		if x.t.Base == types.Char {
			return a.mustCall(parse.Pos{}, "conversion", "$cast", t, x)
		}
	}
	return a.coerce(x, t)
}

// resultType computes the result types that a signature only names.
func resultType(name string, c *chosen) types.Type {
	t := c.result
	arg := func(i int) types.Type {
		if i < len(c.args) {
			return c.args[i]
		}
		return types.Type{}
	}
	length := func(i int) int { return arg(i).P }
	switch name {
	case "ceil", "ceiling", "floor":
		if x := arg(0); x.Base == types.Decimal {
			return types.DecimalOf(max(1, x.P-x.S+min(x.S, 1)), 0)
		}
	case "round":
		if x := arg(0); x.Base == types.Decimal {
			if len(c.args) == 1 {
				return types.DecimalOf(max(1, min(types.MaxDecimal, x.P-x.S+min(1, x.S))), 0)
			}
			return types.DecimalOf(min(types.MaxDecimal, x.P+1), x.S)
		}
	case "truncate":
		if x := arg(0); x.Base == types.Decimal && len(c.args) == 1 {
			return types.DecimalOf(max(1, x.P-x.S), 0)
		}
	case "mod":
		if x, y := arg(0), arg(1); x.Base == types.Decimal {
			return decimalResult("mod", map[string]int{"a": x.P, "b": x.S, "c": y.P, "d": y.S})
		}
	case "concat":
		if t.Base == types.Char {
			n := 0
			for _, x := range c.args {
				n += x.P
			}
			return types.With(types.Char, min(n, 65536))
		}
	case "replace":
		if len(c.args) == 3 {
			return types.VarcharOf(saturate(length(0) + saturate(length(2)*saturate(length(0)+1))))
		}
	case "regexp_replace":
		if len(c.args) == 3 {
			x, y := length(0), length(2)
			return types.VarcharOf(saturate(x + saturate(max(saturate(x*y)/2, y)*saturate(x+1))))
		}
	case "url_encode":
		return types.VarcharOf(saturate(length(0) * 12))
	case "to_iso8601":
		switch x := arg(0); x.Base {
		case types.Timestamp, types.TimestampTZ:
			n := 22
			if x.Base == types.TimestampTZ {
				n = 28
			}
			if x.P > 0 {
				n += 1 + x.P
			}
			return types.VarcharOf(n)
		}
	}
	return t
}

func saturate(n int) int {
	if n < 0 || n > types.Unbounded {
		return types.Unbounded
	}
	return n
}

// emit generates a scalar function: natively where DuckDB's is the same, else by package scalar, else it is refused.
func (a *analyzer) emit(name string, e *parse.Expr, t types.Type, xs []*ex) *ex {
	if f, ok := nativeFunctions[name]; ok {
		if sql, ok := f(xs); ok {
			return &ex{sql: castSQL(sql, t), t: t}
		}
	}
	x, ok := a.call(name, t, xs...)
	if !ok {
		a.refuse(e.Pos, "function %s is not supported", name)
	}
	return x
}

// unary builds a native function of one argument of some types.
func unary(name string, bases ...types.Base) func([]*ex) (string, bool) {
	return func(xs []*ex) (string, bool) {
		if len(xs) != 1 || !xs[0].t.Is(bases...) {
			return "", false
		}
		return name + "(" + xs[0].sql + ")", true
	}
}

// nativeFunctions are those of DuckDB that answer as Trino's do, for speed over many rows.
var nativeFunctions = map[string]func([]*ex) (string, bool){
	"length": unary("length", types.Varchar), "year": unary("year", types.Date, types.Timestamp), "month": unary("month", types.Date, types.Timestamp),
	"day": unary("day", types.Date, types.Timestamp), "day_of_month": unary("day", types.Date, types.Timestamp),
	"quarter": unary("quarter", types.Date, types.Timestamp), "hour": unary("hour", types.Timestamp), "minute": unary("minute", types.Timestamp),
	"second": unary("second", types.Timestamp), "cardinality": unary("len", types.Array, types.Map),
	"concat": func(xs []*ex) (string, bool) {
		parts := make([]string, len(xs))
		for i, x := range xs {
			if x.t.Base != types.Varchar {
				return "", false
			}
			parts[i] = x.sql
		}
		return "(" + strings.Join(parts, " || ") + ")", true
	},
	"starts_with": func(xs []*ex) (string, bool) { return "starts_with(" + xs[0].sql + ", " + xs[1].sql + ")", true },
}
