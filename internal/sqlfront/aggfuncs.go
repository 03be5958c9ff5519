package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// aggCall builds one call of a DuckDB aggregate with the modifiers of the call it stands for.
type aggCall struct {
	distinct string // "DISTINCT "
	order    string // " ORDER BY …"
	filter   string // condition or ""
	over     string // " OVER (…)" or ""
}

func (c *aggCall) make(name, args string, extra ...string) string {
	filter := c.filter
	for _, f := range extra {
		if filter != "" {
			filter += " AND "
		}
		filter += f
	}
	sql := name + "(" + c.distinct + args + c.order + ")"
	if filter != "" {
		sql += " FILTER (WHERE " + filter + ")"
	}
	return sql + c.over
}

// aggregateSQL generates an aggregate over the rows of s, as a plain aggregate or, with over, as a window.
func (a *analyzer) aggregateSQL(e *parse.Expr, s *scope, over string) (string, types.Type) {
	name := functionName(e)
	c := &aggCall{over: over}
	if e.Star {
		if name != "count" {
			a.noOverload(e.Pos, name, nil)
		}
		c.filter = a.filterSQL(e, s)
		return c.make("count", "*"), types.Of(types.BigInt)
	}
	for _, x := range e.A {
		if x.Kind == parse.Lambda {
			a.refuse(e.Pos, "aggregate function %s is not supported", name)
		}
	}
	xs := a.exprs(e.A, s)
	ts := make([]types.Type, len(xs))
	for i, x := range xs {
		ts[i] = x.t
	}
	if name == "listagg" {
		if ts[0].Base == types.Unknown {
			xs[0], ts[0] = null(types.VarcharOf(types.Unbounded)), types.VarcharOf(types.Unbounded)
		}
		if ts[0].Base != types.Varchar {
			a.fail("TYPE_MISMATCH", e.Pos, "Expected expression of varchar, but '%s' has %s type", e.A[0].Text, ts[0])
		}
	} else {
		ch, ambiguous := choose(name, ts, "aggregate")
		if ambiguous {
			a.fail("AMBIGUOUS_FUNCTION_CALL", e.Pos, "Could not choose a best candidate operator. Explicit type casts must be added.")
		}
		if ch == nil {
			a.noOverload(e.Pos, name, ts)
		}
		for i := range xs {
			xs[i] = a.coerceArg(xs[i], ch.args[i])
		}
		ts = ch.args
		ts = append([]types.Type{ch.result}, ts...)
	}
	if e.Distinct {
		for i, x := range xs {
			if !x.t.Comparable() {
				a.fail("TYPE_MISMATCH", e.A[i].Pos, "DISTINCT can only be applied to comparable types (actual: %s)", x.t)
			}
		}
		c.distinct = "DISTINCT "
	}
	c.filter = a.filterSQL(e, s)
	if len(e.Order) > 0 {
		var keys []string
		for _, o := range e.Order {
			x := a.expr(o.Expr, s)
			if e.Distinct {
				found := false
				for _, arg := range e.A {
					found = found || a.canon(arg, s) == a.canon(o.Expr, s)
				}
				if !found {
					a.fail("EXPRESSION_NOT_IN_DISTINCT", o.Expr.Pos, "For aggregate function with DISTINCT, ORDER BY expressions must appear in arguments")
				}
			}
			if !x.t.Orderable() {
				a.fail("TYPE_MISMATCH", e.Pos, "ORDER BY can only be applied to orderable types (actual: %s)", x.t)
			}
			keys = append(keys, a.sortKey(x, o))
		}
		c.order = " ORDER BY " + strings.Join(keys, ", ")
	}
	if name == "listagg" {
		if e.To == "TRUNCATE" {
			a.refuse(e.Pos, "LISTAGG with ON OVERFLOW TRUNCATE is not supported")
		}
		return c.make("string_agg", xs[0].sql+", "+xs[1].sql), types.VarcharOf(types.Unbounded)
	}
	sql, ok := a.aggregateNative(name, c, xs, ts[0])
	if !ok {
		a.refuse(e.Pos, "aggregate function %s over %s is not supported", name, ts[1])
	}
	return sql, ts[0]
}

func (a *analyzer) filterSQL(e *parse.Expr, s *scope) string {
	if e.Filter == nil {
		return ""
	}
	return a.condition(e.Filter, s, "Filter expression").sql
}

var plainAggregates = map[string]string{
	"bool_and": "bool_and", "every": "bool_and", "bool_or": "bool_or", "any_value": "any_value", "arbitrary": "any_value",
	"bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or", "bitwise_xor_agg": "bit_xor", "covar_pop": "covar_pop", "covar_samp": "covar_samp",
	"corr": "corr", "regr_slope": "regr_slope", "regr_intercept": "regr_intercept", "count_if": "count_if",
}

var momentNames = map[string]string{"stddev": "stddev_samp", "variance": "var_samp", "stddev_pop": "stddev_pop", "stddev_samp": "stddev_samp",
	"var_pop": "var_pop", "var_samp": "var_samp", "skewness": "skewness", "kurtosis": "kurtosis", "geometric_mean": "geometric_mean"}

// aggregateNative generates the aggregate over arguments of the overload's types.
func (a *analyzer) aggregateNative(name string, c *aggCall, xs []*ex, t types.Type) (string, bool) {
	var x *ex
	if len(xs) > 0 {
		x = xs[0]
	}
	as := func(sql string) (string, bool) { return castSQL(sql, t), true }
	special := len(xs) > 0 && x.t.Has(types.TimestampTZ, types.TimeTZ, types.Map)
	if c.distinct != "" && special && !(name == "count" && x.t.Base == types.TimestampTZ) {
		return "", false
	}
	switch name {
	case "count":
		if x == nil {
			return c.make("count", "*"), true
		}
		if x.t.Base == types.Unknown {
			return c.make("count", x.sql), true
		}
		if x.t.Base == types.TimestampTZ && c.distinct != "" {
			return c.make("count", "("+x.sql+").t"), true
		}
		return c.make("count", x.sql), true
	case "approx_distinct":
		if len(xs) == 2 {
			if f, ok := xs[1].lit.(float64); !ok || f < 0.0040625 || f > 0.26 {
				a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Max standard error must be in [0.0040625, 0.26]: %s", xs[1].sql)
			}
		}
		c.distinct = "DISTINCT "
		if x.t.Base == types.TimestampTZ {
			return c.make("count", "("+x.sql+").t"), true
		}
		return c.make("count", x.sql), !special
	case "sum":
		switch {
		case x.t.Base == types.Decimal:
			if out, ok := a.call("$bounded", t, &ex{sql: castSQL(c.make("sum", x.sql), t), t: t}); ok {
				return out.sql, true
			}
		case x.t.Base == types.BigInt, x.t.Is(types.IntervalDay, types.IntervalYear), x.t.Base == types.Double, x.t.Base == types.Real:
			return as(c.make("sum", x.sql))
		}
	case "avg":
		switch x.t.Base {
		case types.Decimal:
			sum := &ex{sql: castSQL(c.make("sum", x.sql), types.DecimalOf(38, x.t.S)), t: types.DecimalOf(38, x.t.S)}
			n := &ex{sql: c.make("count", x.sql), t: types.Of(types.BigInt)}
			if out, ok := a.call("$avg_decimal", t, sum, n); ok {
				return out.sql, true
			}
		case types.IntervalDay, types.IntervalYear:
			sum := &ex{sql: castSQL(c.make("sum", x.sql), types.Of(types.BigInt)), t: types.Of(types.BigInt)}
			n := &ex{sql: c.make("count", x.sql), t: types.Of(types.BigInt)}
			if out, ok := a.call("$avg_interval", types.Of(types.BigInt), sum, n); ok {
				return as(out.sql)
			}
		case types.BigInt, types.Double, types.Real:
			return as(c.make("avg", castSQL(x.sql, types.Of(types.Double))))
		}
	case "min", "max":
		if len(xs) == 1 {
			return a.minMax(name, c, x, t)
		}
		return a.listed("$agg_"+name, c, t, []*ex{x}, xs[1:])
	case "min_by", "max_by":
		if len(xs) == 3 {
			return a.listed("$agg_"+name, c, t, xs[:2], xs[2:])
		}
		name = map[string]string{"min_by": "arg_min_null", "max_by": "arg_max_null"}[name]
		by := xs[1].sql
		if xs[1].t.Is(types.Double, types.Real) {
			return c.make(name, x.sql+", "+by, "NOT isnan("+by+")"), true
		}
		if !native(xs[1].t) && xs[1].t.Base != types.TimestampTZ {
			return "", false
		}
		if xs[1].t.Base == types.TimestampTZ {
			by = "(" + by + ").t"
		}
		return c.make(name, x.sql+", "+by), true
	case "array_agg":
		return c.make("list", x.sql), true
	case "bool_and", "every", "bool_or", "any_value", "arbitrary", "bitwise_and_agg", "bitwise_or_agg", "bitwise_xor_agg", "count_if":
		return as(c.make(plainAggregates[name], x.sql))
	case "covar_pop", "covar_samp", "corr", "regr_slope", "regr_intercept":
		d := types.Of(types.Double)
		sql := c.make(plainAggregates[name], castSQL(x.sql, d)+", "+castSQL(xs[1].sql, d))
		if strings.HasPrefix(name, "covar") {
			return as(sql)
		}
		out, ok := a.call("$finite", d, &ex{sql: sql, t: d})
		if !ok {
			return "", false
		}
		return as(out.sql)
	case "stddev", "variance", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "skewness", "kurtosis", "geometric_mean":
		return a.listed("$agg_"+momentNames[name], c, t, xs[:1], nil)
	case "histogram":
		return a.listed("$agg_histogram", c, t, xs[:1], nil)
	case "map_agg", "multimap_agg":
		return a.listed("$agg_"+name, c, t, xs[:2], nil)
	case "map_union":
		return a.listed("$agg_map_union", c, t, xs[:1], nil)
	case "approx_most_frequent":
		return a.listed("$agg_approx_most_frequent", c, t, xs[1:2], xs[:1])
	}
	return "", false
}

// minMax: NaN loses against every number; an instant with a zone is compared by its instant.
func (a *analyzer) minMax(name string, c *aggCall, x *ex, t types.Type) (string, bool) {
	switch {
	case x.t.Is(types.Double, types.Real):
		best := c.make(name, x.sql, "NOT isnan("+x.sql+")")
		return "coalesce(" + best + ", " + c.make(name, x.sql) + ")", true
	case x.t.Base == types.TimestampTZ:
		return c.make(map[string]string{"min": "arg_min", "max": "arg_max"}[name], x.sql+", ("+x.sql+").t"), c.distinct == ""
	case x.t.Has(types.TimeTZ, types.Double, types.Real, types.TimestampTZ):
		return "", false
	case x.t.Base == types.Unknown:
		return castSQL("NULL", t), false
	case x.t.Is(types.Array, types.Row):
		checked, ok := a.call("$nonulls", x.t, x)
		if !ok {
			return "", false
		}
		return c.make(name, checked.sql), true
	}
	return c.make(name, x.sql), true
}

// listed collects the rows' values into a list and finishes it by a function of package scalar.
func (a *analyzer) listed(impl string, c *aggCall, t types.Type, row, rest []*ex) (string, bool) {
	elem, arg := row[0].t, row[0].sql
	if len(row) > 1 {
		elem = types.RowOf(row[0].t, row[1].t)
		arg = "{'f0': " + row[0].sql + ", 'f1': " + row[1].sql + "}"
	}
	args := []*ex{{sql: c.make("list", arg), t: types.ArrayOf(elem)}}
	for _, r := range rest {
		sql := r.sql
		if !r.isLit {
			sql = "any_value(" + sql + ")" + c.over
		}
		args = append(args, &ex{sql: sql, t: r.t})
	}
	out, ok := a.call(impl, t, args...)
	if !ok {
		return "", false
	}
	return out.sql, true
}
