package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var arithNames = map[string]string{"+": "$add", "-": "$subtract", "*": "$multiply", "/": "$divide", "%": "$modulus"}

func (a *analyzer) arith(e *parse.Expr, s *scope) *ex {
	x, y := a.expr(e.A[0], s), a.expr(e.A[1], s)
	c, ambiguous := choose(arithNames[e.S], []types.Type{x.t, y.t}, "scalar")
	if ambiguous {
		a.fail("AMBIGUOUS_FUNCTION_CALL", parse.Pos{}, "Could not choose a best candidate operator. Explicit type casts must be added.")
	}
	if c == nil {
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot apply operator: %s %s %s", x.t, e.S, y.t)
	}
	x, y = a.coerce(x, c.args[0]), a.coerce(y, c.args[1])
	return a.apply(e, x, y, c.result)
}

// apply generates an arithmetic operator over operands of the overload's types.
func (a *analyzer) apply(e *parse.Expr, x, y *ex, t types.Type) *ex {
	infix := func(op string) *ex {
		return &ex{sql: castSQL("("+x.sql+" "+op+" "+y.sql+")", t), t: t}
	}
	switch {
	case !x.t.Numeric() || !y.t.Numeric():
		impl := map[string]string{"+": "$plus", "-": "$minus", "*": "$imul", "/": "$idiv"}[e.S]
		return a.mustCall(e.Pos, "operator "+e.S, impl, t, x, y)
	case t.Integral():
		switch e.S {
		case "/":
			return infixInt(a, e, "//", x, y, t)
		case "%":
			return a.mustCall(e.Pos, "operator %", "$mod", t, x, y)
		}
		return infix(e.S)
	case t.Is(types.Double, types.Real):
		switch e.S {
		case "/", "%":
			return a.mustCall(e.Pos, "operator "+e.S, map[string]string{"/": "$div", "%": "$mod"}[e.S], t, x, y)
		}
		return infix(e.S)
	}
	// Decimals: natively where the result cannot overflow, else exactly in Go.
	switch e.S {
	case "+", "-":
		if t.P < types.MaxDecimal {
			return &ex{sql: castSQL("("+castSQL(x.sql, t)+" "+e.S+" "+castSQL(y.sql, t)+")", t), t: t}
		}
		if e.S == "-" {
			y = a.mustCall(e.Pos, "operator -", "$neg", y.t, y)
		}
		return a.mustCall(e.Pos, "operator +", "$add", t, x, y)
	case "*":
		if x.t.P+y.t.P <= types.MaxDecimal {
			if x.t.P <= 18 && y.t.P <= 18 && x.t.P+y.t.P > 18 {
				// DuckDB keeps products of narrow decimals narrow.
				x = &ex{sql: castSQL(x.sql, types.DecimalOf(19, x.t.S)), t: x.t}
			}
			return infix("*")
		}
		if t.S > types.MaxDecimal {
			a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "DECIMAL scale must be in range [0, precision (38)]: %d", t.S)
		}
		return a.mustCall(e.Pos, "operator *", "$mul", t, x, y)
	case "/":
		return a.mustCall(e.Pos, "operator /", "$div", t, x, y)
	}
	return a.mustCall(e.Pos, "operator %", "$mod", t, x, y)
}

// infixInt divides integers: natively when the divisor is a constant other than zero and minus one.
func infixInt(a *analyzer, e *parse.Expr, op string, x, y *ex, t types.Type) *ex {
	if n, ok := y.lit.(int64); !ok || n == 0 || n == -1 {
		y = a.mustCall(e.Pos, "operator /", "$nonzero", y.t, y)
	}
	return &ex{sql: castSQL("("+x.sql+" "+op+" "+y.sql+")", t), t: t}
}

func (a *analyzer) sign(e *parse.Expr, s *scope) *ex {
	x := a.expr(e.A[0], s)
	ok := x.t.Numeric() || x.t.Is(types.IntervalDay, types.IntervalYear)
	if e.Kind == parse.Pos_ {
		if !x.t.Numeric() || x.t.Base == types.Decimal {
			a.fail("TYPE_MISMATCH", e.Pos, "Unary '+' operator cannot by applied to %s type", x.t)
		}
		return x
	}
	if x.t.Base == types.Unknown {
		a.fail("AMBIGUOUS_FUNCTION_CALL", parse.Pos{}, "Could not choose a best candidate operator. Explicit type casts must be added.")
	}
	if !ok {
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot negate %s", x.t)
	}
	if x.t.Is(types.Double, types.Real) {
		return &ex{sql: "(- " + x.sql + ")", t: x.t}
	}
	return a.mustCall(e.Pos, "negation", "$neg", x.t, x)
}

var compareImpl = map[string]string{"=": "$eq", "<>": "$ne", "<": "$lt", "<=": "$le", ">": "$gt", ">=": "$ge"}

// compare generates a comparison after coercing both sides to their common type.
func (a *analyzer) compare(op string, at parse.Pos, x, y *ex) *ex {
	t, ok := types.Common(x.t, y.t)
	if ok && (op == "=" || op == "<>") && !t.Comparable() || ok && op != "=" && op != "<>" && !t.Orderable() {
		ok = false
	}
	if !ok {
		shown := op
		if shown == ">" || shown == ">=" { // Trino turns them round
			shown = map[string]string{">": "<", ">=": "<="}[op]
			x, y = y, x
		}
		a.fail("TYPE_MISMATCH", at, "Cannot apply operator: %s %s %s", x.t, shown, y.t)
	}
	return a.compareAs(op, at, a.coerce(x, t), a.coerce(y, t))
}

// compareAs compares values of one type.
func (a *analyzer) compareAs(op string, at parse.Pos, x, y *ex) *ex {
	t := x.t
	switch {
	case native(t):
		return boolean("(" + x.sql + " " + op + " " + y.sql + ")")
	case t.Base == types.TimestampTZ:
		return boolean("((" + x.sql + ").t " + op + " (" + y.sql + ").t)")
	case t.Is(types.Double, types.Real) && (x.simple && y.simple):
		// DuckDB takes NaN for the greatest number and equal to itself, Trino for unequal to all.
		cond := "(" + x.sql + " " + op + " " + y.sql + ")"
		for _, v := range []*ex{x, y} {
			if v.isLit {
				if f, ok := v.lit.(float64); ok && f == f {
					continue
				}
				if f, ok := v.lit.(float32); ok && f == f {
					continue
				}
			}
			if op == "<>" {
				cond = "(" + cond + " OR isnan(" + v.sql + "))"
			} else {
				cond = "(" + cond + " AND NOT isnan(" + v.sql + "))"
			}
		}
		return boolean(cond)
	}
	return a.mustCall(at, "comparison", compareImpl[op], types.Of(types.Boolean), x, y)
}

func (a *analyzer) distinctFrom(e *parse.Expr, s *scope) *ex {
	x, y := a.expr(e.A[0], s), a.expr(e.A[1], s)
	t, ok := types.Common(x.t, y.t)
	if !ok || !t.Comparable() {
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot apply operator: %s IS DISTINCT FROM %s", x.t, y.t)
	}
	x, y = a.coerce(x, t), a.coerce(y, t)
	var out *ex
	switch {
	case native(t) || t.Is(types.Double, types.Real):
		out = boolean("(" + x.sql + " IS DISTINCT FROM " + y.sql + ")")
	case t.Base == types.TimestampTZ:
		out = boolean("((" + x.sql + ").t IS DISTINCT FROM (" + y.sql + ").t)")
	default:
		out = a.mustCall(e.Pos, "IS DISTINCT FROM", "$distinct", types.Of(types.Boolean), x, y)
	}
	if e.Not {
		out = boolean("(NOT " + out.sql + ")")
	}
	return out
}

func (a *analyzer) between(e *parse.Expr, s *scope) *ex {
	v, lo, hi := a.expr(e.A[0], s), a.expr(e.A[1], s), a.expr(e.A[2], s)
	t, ok := types.Common(v.t, lo.t)
	if ok {
		t, ok = types.Common(t, hi.t)
	}
	if !ok || !t.Orderable() {
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot check if %s is BETWEEN %s and %s", v.t, lo.t, hi.t)
	}
	v, lo, hi = a.coerce(v, t), a.coerce(lo, t), a.coerce(hi, t)
	var sql string
	if native(t) {
		sql = "(" + v.sql + " BETWEEN " + lo.sql + " AND " + hi.sql + ")"
	} else {
		sql = "(" + a.compareAs(">=", e.Pos, v, lo).sql + " AND " + a.compareAs("<=", e.Pos, v, hi).sql + ")"
	}
	if e.Not {
		sql = "(NOT " + sql + ")"
	}
	return boolean(sql)
}

func (a *analyzer) inList(e *parse.Expr, s *scope) *ex {
	xs := a.exprs(e.A, s)
	t := xs[0].t
	for i, x := range xs[1:] {
		c, ok := types.Common(t, x.t)
		if !ok {
			a.fail("TYPE_MISMATCH", e.A[i+1].Pos, "IN value and list items must be the same type or coercible to a common type. Cannot find common type between %s and %s, all types (without duplicates): [%s, %s]", t, x.t, t, x.t)
		}
		t = c
	}
	if !t.Comparable() {
		a.fail("TYPE_MISMATCH", e.Pos, "IN cannot be applied to %s", t)
	}
	v := a.coerce(xs[0], t)
	parts := make([]string, len(xs)-1)
	for i, x := range xs[1:] {
		parts[i] = a.coerce(x, t).sql
	}
	var sql string
	switch {
	case native(t):
		sql = "(" + v.sql + " IN (" + strings.Join(parts, ", ") + "))"
	default:
		for i, x := range xs[1:] {
			parts[i] = a.compareAs("=", e.Pos, v, a.coerce(x, t)).sql
		}
		sql = "(" + strings.Join(parts, " OR ") + ")"
	}
	if e.Not {
		sql = "(NOT " + sql + ")"
	}
	return boolean(sql)
}

func (a *analyzer) like(e *parse.Expr, s *scope) *ex {
	xs := a.exprs(e.A, s)
	for i, what := range []string{"Left side of LIKE expression", "Pattern for LIKE expression", "Escape for LIKE expression"} {
		if i >= len(xs) {
			break
		}
		if xs[i].t.Base == types.Unknown {
			xs[i] = a.coerce(xs[i], types.VarcharOf(types.Unbounded))
		}
		if !xs[i].t.Text() || i > 0 && xs[i].t.Base == types.Char {
			a.fail("TYPE_MISMATCH", e.A[i].Pos, "%s must evaluate to a varchar (actual: %s)", what, xs[i].t)
		}
	}
	var out *ex
	if len(xs) == 2 && xs[0].t.Base == types.Varchar {
		out = boolean("(" + xs[0].sql + " LIKE " + xs[1].sql + ")")
	} else {
		out = a.mustCall(e.Pos, "LIKE", "$like", types.Of(types.Boolean), xs...)
	}
	if e.Not {
		out = boolean("(NOT " + out.sql + ")")
	}
	return out
}

func (a *analyzer) atZone(e *parse.Expr, s *scope) *ex {
	v, zone := a.expr(e.A[0], s), a.expr(e.A[1], s)
	switch v.t.Base {
	case types.Timestamp:
		v = a.coerce(v, types.With(types.TimestampTZ, v.t.P))
	case types.Time:
		v = a.coerce(v, types.With(types.TimeTZ, v.t.P))
	case types.TimestampTZ, types.TimeTZ:
	default:
		a.fail("TYPE_MISMATCH", e.A[0].Pos, "Type of value must be a time or timestamp with or without time zone (actual %s)", v.t)
	}
	if !zone.t.Text() {
		if zone.t.Base != types.IntervalDay {
			a.fail("TYPE_MISMATCH", e.A[1].Pos, "Type of time zone must be varchar or interval (actual %s)", zone.t)
		}
		a.refuse(e.A[1].Pos, "AT TIME ZONE with an interval is not supported")
	}
	return a.mustCall(e.Pos, "AT TIME ZONE", "at_timezone", v.t, v, a.coerce(zone, types.VarcharOf(types.Unbounded)))
}

// extractFunctions maps the fields of EXTRACT to functions, with the types they take.
var extractFunctions = map[string]string{
	"YEAR": "year", "QUARTER": "quarter", "MONTH": "month", "WEEK": "week", "DAY": "day", "DAY_OF_MONTH": "day", "DAY_OF_WEEK": "day_of_week",
	"DOW": "day_of_week", "DAY_OF_YEAR": "day_of_year", "DOY": "day_of_year", "YEAR_OF_WEEK": "year_of_week", "YOW": "year_of_week", "HOUR": "hour",
	"MINUTE": "minute", "SECOND": "second", "TIMEZONE_HOUR": "timezone_hour", "TIMEZONE_MINUTE": "timezone_minute",
}

func (a *analyzer) extract(e *parse.Expr, s *scope) *ex {
	x := a.expr(e.A[0], s)
	t, ok := x.t, false
	switch e.Name {
	case "YEAR", "MONTH":
		ok = t.Is(types.Date, types.Timestamp, types.TimestampTZ, types.IntervalYear)
	case "DAY", "DAY_OF_MONTH":
		ok = t.Is(types.Date, types.Timestamp, types.TimestampTZ, types.IntervalDay)
	case "HOUR", "MINUTE", "SECOND":
		ok = t.Is(types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ, types.IntervalDay)
	case "TIMEZONE_HOUR", "TIMEZONE_MINUTE":
		ok = t.Is(types.TimestampTZ, types.TimeTZ)
	default:
		ok = t.Is(types.Date, types.Timestamp, types.TimestampTZ)
	}
	if !ok {
		a.fail("TYPE_MISMATCH", e.A[0].Pos, "Cannot extract %s from %s", e.Name, t)
	}
	return a.emit(extractFunctions[e.Name], e, types.Of(types.BigInt), []*ex{x})
}

func (a *analyzer) current(e *parse.Expr) *ex {
	us := a.opts.Now.UnixMicro()
	p := e.N
	if p < 0 {
		p = 3
	}
	if p > 12 {
		a.fail("INVALID_FUNCTION_ARGUMENT", e.Pos, "%s precision must be in range [0, 12]: %d", e.Name, p)
	}
	unit := int64(1)
	for i := p; i < 6; i++ {
		unit *= 10
	}
	us -= us % unit
	const day = 86400 * 1_000_000
	switch e.Name {
	case "current_date":
		return constant(us/day, types.Of(types.Date))
	case "current_timestamp":
		return constant([]any{us, "UTC"}, types.With(types.TimestampTZ, p))
	case "localtimestamp":
		return constant(us, types.With(types.Timestamp, p))
	case "localtime":
		return constant(us%day, types.With(types.Time, p))
	case "current_time":
		return constant([]any{us % day, int64(0)}, types.With(types.TimeTZ, p))
	case "current_user":
		return constant(a.opts.User, types.VarcharOf(types.Unbounded))
	case "current_catalog":
		return constant(a.opts.CatalogName, types.VarcharOf(types.Unbounded))
	case "current_schema":
		return constant(a.opts.Database, types.VarcharOf(types.Unbounded))
	}
	a.refuse(e.Pos, "%s is not supported", e.Name)
	return nil
}
