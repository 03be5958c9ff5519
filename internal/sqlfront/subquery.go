package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func (a *analyzer) subqueryExpr(e *parse.Expr, s *scope) *ex {
	for sc := s; sc != nil; sc = sc.outer {
		if sc.lambda != nil {
			a.refuse(e.Pos, "Lambda expression cannot contain subqueries")
		}
	}
	if e.Kind == parse.Exists {
		a.exists[e.Query.Body] = e.Pos
	}
	rel := a.query(e.Query, s)
	alias := a.alias()
	switch e.Kind {
	case parse.Exists:
		return boolean("(EXISTS (SELECT 1 FROM (" + rel.sql + ") AS " + alias + "))")
	case parse.Subquery:
		if len(rel.fields) == 1 {
			return &ex{sql: "(SELECT " + alias + ".c0 FROM (" + rel.sql + ") AS " + alias + ")", t: rel.fields[0].t}
		}
		var parts []string
		var ts []types.Type
		var names []string
		for i, f := range rel.fields {
			parts = append(parts, "'f"+itoa(i)+"': "+alias+".c"+itoa(i))
			ts = append(ts, f.t)
			names = append(names, strings.ToLower(f.name))
		}
		t := types.RowOf(ts...)
		t.Names = names
		return &ex{sql: "(SELECT {" + strings.Join(parts, ", ") + "} FROM (" + rel.sql + ") AS " + alias + ")", t: t}
	case parse.InQuery:
		return a.inQuery(e, s, rel, alias)
	}
	return a.quantified(e, s, rel, alias)
}

// rowOfQuery is the type of a subquery's rows.
func rowOfQuery(rel *relation) types.Type {
	ts := make([]types.Type, len(rel.fields))
	for i, f := range rel.fields {
		ts[i] = f.t
	}
	return types.RowOf(ts...)
}

func (a *analyzer) inQuery(e *parse.Expr, s *scope, rel *relation, alias string) *ex {
	v := a.expr(e.A[0], s)
	asRow := func(t types.Type) types.Type {
		if t.Base == types.Row {
			return t
		}
		return types.RowOf(t)
	}
	sub := rowOfQuery(rel)
	left := asRow(v.t)
	if len(rel.fields) == 1 && v.t.Base == types.Row && rel.fields[0].t.Base == types.Row {
		left, sub = types.RowOf(v.t), types.RowOf(rel.fields[0].t)
	}
	t, ok := types.Common(left, sub)
	if !ok || len(left.Args) != len(sub.Args) || !t.Comparable() {
		a.fail("TYPE_MISMATCH", e.Pos, "Value expression and result of subquery must be of the same type: %s vs %s", left, sub)
	}
	var sql string
	switch {
	case len(t.Args) == 1 && (native(t.Args[0]) || t.Args[0].Base == types.TimestampTZ):
		x := v
		if v.t.Base == types.Row && left.Args[0].Base != types.Row {
			x = &ex{sql: "(" + v.sql + ").f0", t: v.t.Args[0]}
		}
		x = a.coerce(x, t.Args[0])
		y := a.coerce(&ex{sql: alias + ".c0", t: sub.Args[0]}, t.Args[0])
		suffix := func(q string) string {
			if t.Args[0].Base == types.TimestampTZ {
				return "(" + q + ").t"
			}
			return q
		}
		sql = "(" + suffix(x.sql) + " IN (SELECT " + suffix(y.sql) + " FROM (" + rel.sql + ") AS " + alias + "))"
	case len(t.Args) == 1:
		a.refuse(e.Pos, "IN with a subquery of %s is not supported", t.Args[0])
	default:
		for _, f := range t.Args {
			if !native(f) {
				a.refuse(e.Pos, "IN with a subquery of %s is not supported", t)
			}
		}
		sql = a.rowIn(v, t, sub, rel, alias)
	}
	if e.Not {
		sql = "(NOT " + sql + ")"
	}
	return boolean(sql)
}

// rowIn is IN over rows: true if one row is equal, else unknown if one may be, else false.
func (a *analyzer) rowIn(v *ex, t, sub types.Type, rel *relation, alias string) string {
	eq := make([]string, len(t.Args))
	for i, f := range t.Args {
		x := a.coerce(&ex{sql: "(" + v.sql + ").f" + itoa(i), t: v.t.Args[i]}, f)
		y := a.coerce(&ex{sql: alias + ".c" + itoa(i), t: sub.Args[i]}, f)
		eq[i] = "(" + x.sql + " = " + y.sql + ")"
	}
	cond := strings.Join(eq, " AND ")
	// bool_or ignores unknown; the second aggregate finds it.
	return "(SELECT CASE WHEN bool_or(" + cond + ") THEN true WHEN count(*) > count(" + cond + ") THEN NULL ELSE false END FROM (" + rel.sql + ") AS " + alias + ")"
}

// quantified is = ANY, < ALL and the like.
func (a *analyzer) quantified(e *parse.Expr, s *scope, rel *relation, alias string) *ex {
	v := a.expr(e.A[0], s)
	if len(rel.fields) != 1 {
		if v.t.Base != types.Row {
			a.fail("TYPE_MISMATCH", e.Pos, "Value expression and result of subquery must be of the same type: %s vs %s", types.RowOf(v.t), rowOfQuery(rel))
		}
		a.refuse(e.Pos, "quantified comparison with a subquery of several columns is not supported")
	}
	t, ok := types.Common(v.t, rel.fields[0].t)
	if !ok || !t.Comparable() || e.S != "=" && e.S != "<>" && !t.Orderable() {
		a.fail("TYPE_MISMATCH", e.Pos, "Value expression and result of subquery must be of the same type for quantified comparison: %s vs %s", v.t, rel.fields[0].t)
	}
	bounds := e.S == "<>" && e.Name != "ALL" || e.S == "=" && e.Name == "ALL"
	if bounds && (!native(t) || !t.Orderable() || t.Is(types.Double, types.Real)) {
		a.refuse(e.Pos, "%s %s with a subquery of %s is not supported", e.S, e.Name, t)
	}
	if !native(t) && t.Base != types.TimestampTZ {
		a.refuse(e.Pos, "quantified comparison of %s is not supported", t)
	}
	x := a.coerce(v, t)
	y := a.coerce(&ex{sql: alias + ".c0", t: rel.fields[0].t, simple: true}, t)
	if bounds {
		return a.equalAll(e, x, y, rel, alias)
	}
	cond := a.compareAs(e.S, e.Pos, x, y).sql
	from := " FROM (" + rel.sql + ") AS " + alias + ")"
	unknown := "count(*) > count(" + cond + ")"
	if e.Name == "ALL" {
		return boolean("(SELECT CASE WHEN bool_or(NOT " + cond + ") THEN false WHEN " + unknown + " THEN NULL ELSE true END" + from)
	}
	return boolean("(SELECT CASE WHEN bool_or(" + cond + ") THEN true WHEN " + unknown + " THEN NULL ELSE false END" + from)
}

// equalAll is = ALL, and <> ANY as its contrary, by the least and the greatest value as Trino computes them: where those differ the
// answer is known even if the value is NULL.
//
// Source: TransformQuantifiedComparisonApplyToCorrelatedJoin in Trino's planner.
func (a *analyzer) equalAll(e *parse.Expr, x, y *ex, rel *relation, alias string) *ex {
	least, greatest := &ex{sql: "min(" + y.sql + ")", t: y.t}, &ex{sql: "max(" + y.sql + ")", t: y.t}
	sql := "(SELECT CASE WHEN count(*) = 0 THEN true ELSE " + a.compareAs("=", e.Pos, least, greatest).sql + " AND " + a.compareAs("=", e.Pos, x, greatest).sql +
		" AND (CASE WHEN count(*) <> count(" + y.sql + ") THEN NULL ELSE true END) END FROM (" + rel.sql + ") AS " + alias + ")"
	if e.S == "<>" {
		sql = "(NOT " + sql + ")"
	}
	return boolean(sql)
}

// noFilteredUnnest refuses, as Trino does, a subquery that filters the UNNEST of an outer column: its planner can free only plain
// ones of the outer query.
func (a *analyzer) noFilteredUnnest(b *parse.Body, outer *scope) {
	if len(b.From) == 0 || b.From[0].Kind != "UNNEST" { // a later one may refer to those before it
		return
	}
	at, ok := a.exists[b]
	if !ok {
		at = b.Pos
	}
	for _, x := range b.From[0].Args {
		a.notCorrelated(x, &scope{outer: outer}, at)
	}
}
