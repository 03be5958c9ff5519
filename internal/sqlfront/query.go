package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// tail is what follows a query's body: its order and limits.
type tail struct {
	pos    parse.Pos
	order  []parse.Sort
	offset *parse.Expr
	limit  *parse.Expr
	ties   bool
}

func (t tail) empty() bool { return len(t.order) == 0 && t.offset == nil && t.limit == nil }

// query generates a query. Its columns are named c0, c1, … in the SQL.
func (a *analyzer) query(q *parse.Query, outer *scope) *relation {
	if a.depth++; a.depth > 200 {
		a.refuse(q.Pos, "queries nested deeper than 200 levels are not supported")
	}
	defer func() { a.depth-- }()
	known := len(a.ctes)
	defer func() { a.ctes = a.ctes[:known] }()
	var with []string
	recursive := ""
	names := map[string]bool{}
	for _, w := range q.With {
		if names[w.Name] {
			a.fail("DUPLICATE_NAMED_QUERY", w.Pos, "WITH query name '%s' specified more than once", w.Name)
		}
		names[w.Name] = true
		sql, isRecursive := a.with(w, q.Recursive, outer)
		if isRecursive {
			recursive = "RECURSIVE "
		}
		with = append(with, sql)
	}
	rel := a.body(q.Body, outer, tail{q.Body.Pos, q.Order, q.Offset, q.Limit, q.Ties})
	if len(with) > 0 {
		rel.sql = "WITH " + recursive + strings.Join(with, ", ") + " " + rel.sql
	}
	return rel
}

// body generates a SELECT, VALUES, set operation or nested query with what follows it.
func (a *analyzer) body(b *parse.Body, outer *scope, t tail) *relation {
	if b.Unsupported != "" {
		a.refuse(b.Pos, "%s is not supported", b.Unsupported)
	}
	switch b.Op {
	case "SELECT":
		return a.selectQuery(b, outer, t)
	case "QUERY":
		if t.empty() {
			return a.query(b.Query, outer)
		}
		return a.wrap(a.query(b.Query, outer), outer, t)
	case "TABLE":
		r := &parse.Relation{Kind: "TABLE", Pos: b.Pos, Name: b.Table}
		return a.selectQuery(&parse.Body{Op: "SELECT", Pos: b.Pos, Items: []parse.Item{{Pos: b.Pos, Star: true}}, From: []*parse.Relation{r}}, outer, t)
	case "VALUES":
		return a.wrap(a.values(b, outer), outer, t)
	}
	return a.wrap(a.setOperation(b, outer), outer, t)
}

// wrap adds order and limits to a query whose columns are c0, c1, ….
func (a *analyzer) wrap(rel *relation, outer *scope, t tail) *relation {
	if t.empty() {
		return rel
	}
	alias := a.alias()
	s := &scope{outer: outer}
	for i, f := range rel.fields {
		g := *f
		g.sql = alias + ".c" + itoa(i)
		s.fields = append(s.fields, &g)
	}
	keys := make([]string, len(t.order))
	for i, o := range t.order {
		a.scalarOrderBy(o)
		if n, ok := ordinal(o.Expr); ok {
			if n < 1 || n > len(rel.fields) {
				a.fail("INVALID_COLUMN_REFERENCE", o.Expr.Pos, "ORDER BY position %s is not in select list", o.Expr.S)
			}
			f := rel.fields[n-1]
			keys[i] = a.orderKey(&ex{sql: alias + ".c" + itoa(n-1), t: f.t}, o, t.pos)
			continue
		}
		keys[i] = a.orderKey(a.expr(o.Expr, s), o, t.pos)
	}
	items := make([]string, len(rel.fields))
	for i := range items {
		items[i] = alias + ".c" + itoa(i)
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM (" + rel.sql + ") AS " + alias
	rel.sql = a.limited(sql, items, keys, t)
	return rel
}

func (a *analyzer) scalarOrderBy(o parse.Sort) {
	if hit := findAggregate(o.Expr); hit != nil {
		a.fail("EXPRESSION_NOT_SCALAR", o.Expr.Pos, "ORDER BY clause cannot contain aggregations here: [%s]", hit.Text)
	}
}

func ordinal(e *parse.Expr) (int, bool) {
	if e.Kind != parse.Int || len(e.S) > 18 {
		return 0, false
	}
	n := 0
	for _, c := range e.S {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// limited adds ORDER BY, LIMIT and OFFSET to a select; keys are the sort keys.
func (a *analyzer) limited(sql string, items, keys []string, t tail) string {
	count := func(e *parse.Expr) string {
		if n, ok := ordinal(e); ok && n == 0 && e.Text == "FETCH" {
			a.fail("NUMERIC_VALUE_OUT_OF_RANGE", e.Pos, "FETCH FIRST row count must be positive (actual value: 0)")
		}
		if e.Kind == parse.Param {
			x := a.expr(e, &scope{})
			if _, ok := x.lit.(int64); !ok {
				a.fail("INVALID_ARGUMENTS", e.Pos, "LIMIT parameter must be an integer")
			}
			return litText(x)
		}
		n, ok := ordinal(e)
		if !ok {
			if len(e.S) > 18 {
				a.fail("INVALID_ARGUMENTS", e.Pos, "Invalid row count: %s", e.S)
			}
			return e.S
		}
		return itoa(n)
	}
	order := ""
	if len(keys) > 0 {
		order = " ORDER BY " + strings.Join(keys, ", ")
	}
	if t.ties {
		if len(keys) == 0 {
			a.fail("MISSING_ORDER_BY", t.limit.Pos, "FETCH FIRST WITH TIES clause requires ORDER BY")
		}
		if t.offset != nil {
			a.refuse(t.limit.Pos, "FETCH FIRST WITH TIES with OFFSET is not supported")
		}
		a.aliases++
		rank := "k" + itoa(a.aliases)
		if !strings.HasPrefix(sql, "SELECT ") {
			a.refuse(t.limit.Pos, "FETCH FIRST WITH TIES here is not supported")
		}
		return "SELECT * EXCLUDE (" + rank + ") FROM (SELECT rank() OVER (" + strings.TrimPrefix(order, " ") + ") AS " + rank + ", " + strings.TrimPrefix(sql, "SELECT ") + ") WHERE " + rank + " <= " + count(t.limit) + " ORDER BY " + rank
	}
	sql += order
	if t.limit != nil {
		sql += " LIMIT " + count(t.limit)
	}
	if t.offset != nil {
		sql += " OFFSET " + count(t.offset)
	}
	return sql
}

// sortKey generates an item of ORDER BY. NULLs come last, as Trino's default is for both directions.
func (a *analyzer) sortKey(x *ex, o parse.Sort) string {
	sql := x.sql
	switch x.t.Base {
	case types.TimestampTZ:
		sql = "(" + sql + ").t"
	case types.TimeTZ:
		sql = "((((" + sql + ").t - (" + sql + ").z * 60000000) % 86400000000 + 86400000000) % 86400000000)"
	}
	if x.t.Is(types.Array, types.Row) {
		if x.t.Has(types.TimestampTZ, types.TimeTZ) {
			a.refuse(o.Expr.Pos, "ORDER BY of %s is not supported", x.t)
		}
		sql = a.mustCall(o.Expr.Pos, "ORDER BY", "$nonulls", x.t, x).sql
	}
	if o.Desc {
		sql += " DESC"
	} else {
		sql += " ASC"
	}
	if o.Nulls == "FIRST" {
		return sql + " NULLS FIRST"
	}
	return sql + " NULLS LAST"
}

func (a *analyzer) orderKey(x *ex, o parse.Sort, at parse.Pos) string {
	if !x.t.Orderable() {
		a.fail("TYPE_MISMATCH", at, "Type %s is not orderable, and therefore cannot be used in ORDER BY: %s", x.t, o.Expr.Text)
	}
	if x.t.Is(types.Double, types.Real) { // DuckDB reads a column that it sorts by back from the sorted keys, where -0.0 is 0.0
		key := *x
		key.sql = "(" + x.sql + " + " + castSQL("0", x.t) + ")"
		x = &key
	}
	return a.sortKey(x, o)
}

// groupSQL is what an expression is grouped, partitioned or made distinct by.
func (a *analyzer) groupSQL(x *ex, e *parse.Expr) string {
	if x.t.Base == types.TimestampTZ {
		return "(" + x.sql + ").t"
	}
	if x.t.Has(types.TimestampTZ, types.TimeTZ, types.Map) {
		a.refuse(e.Pos, "grouping by %s is not supported", x.t)
	}
	return x.sql
}

func (a *analyzer) values(b *parse.Body, outer *scope) *relation {
	s := &scope{outer: outer}
	var rows [][]*ex
	for _, r := range b.Rows {
		if findAggregate(r) != nil || findWindow(r) != nil {
			a.scalarOnly(r, "VALUES clause")
		}
		a.notCorrelated(r, s, b.Pos)
		if r.Kind == parse.Row {
			rows = append(rows, a.exprs(r.A, s))
			continue
		}
		x := a.expr(r, s)
		if x.t.Base == types.Row {
			var fields []*ex
			for i, t := range x.t.Args {
				fields = append(fields, &ex{sql: "(" + x.sql + ").f" + itoa(i), t: t})
			}
			rows = append(rows, fields)
			continue
		}
		rows = append(rows, []*ex{x})
	}
	n := len(rows[0])
	ts := make([]types.Type, n)
	for i := range ts {
		ts[i] = types.Of(types.Unknown)
	}
	for ri, r := range rows {
		if len(r) != n {
			a.fail("TYPE_MISMATCH", b.Pos, "Values rows have mismatched sizes: %d vs %d", n, len(r))
		}
		for i, x := range r {
			c, ok := types.Common(ts[i], x.t)
			if !ok {
				a.fail("TYPE_MISMATCH", b.Pos, "Values rows have mismatched types: %s vs %s", rowText(rows[0]), rowText(rows[ri]))
			}
			ts[i] = c
		}
	}
	rel := &relation{}
	var cols []string
	for i := range ts {
		cols = append(cols, "c"+itoa(i))
		rel.fields = append(rel.fields, &field{t: ts[i], sql: "c" + itoa(i)})
	}
	lines := make([]string, len(rows))
	for ri, r := range rows {
		cells := make([]string, n)
		for i, x := range r {
			cells[i] = a.coerce(x, ts[i]).sql
			if ri == 0 {
				cells[i] = castSQL(cells[i], ts[i])
			}
		}
		lines[ri] = "(" + strings.Join(cells, ", ") + ")"
	}
	alias := a.alias()
	rel.sql = "SELECT * FROM (VALUES " + strings.Join(lines, ", ") + ") AS " + alias + "(" + strings.Join(cols, ", ") + ")"
	return rel
}

func rowText(r []*ex) string {
	ts := make([]types.Type, len(r))
	for i, x := range r {
		ts[i] = x.t
	}
	return types.RowOf(ts...).String()
}

func (a *analyzer) setOperation(b *parse.Body, outer *scope) *relation {
	l, r := a.body(b.L, outer, tail{}), a.body(b.R, outer, tail{})
	if len(l.fields) != len(r.fields) {
		a.fail("TYPE_MISMATCH", b.Pos, "%s query has different number of fields: %d, %d", b.Op, len(l.fields), len(r.fields))
	}
	rel := &relation{}
	for i, f := range l.fields {
		t, ok := types.Common(f.t, r.fields[i].t)
		if !ok {
			a.fail("TYPE_MISMATCH", b.Pos, "column %d in %s query has incompatible types: %s, %s", i+1, b.Op, f.t, r.fields[i].t)
		}
		if !(b.Op == "UNION" && b.All) {
			if !t.Comparable() {
				a.fail("TYPE_MISMATCH", b.R.Pos, "Type %s is not comparable, and therefore cannot be used in %s", t, b.Op)
			}
			if t.Has(types.TimestampTZ, types.TimeTZ, types.Map) {
				a.refuse(b.Pos, "%s over %s is not supported", b.Op, t)
			}
		}
		rel.fields = append(rel.fields, &field{name: f.name, t: t, sql: "c" + itoa(i)})
	}
	side := func(s *relation) string {
		alias := a.alias()
		items := make([]string, len(s.fields))
		same := true
		for i, f := range s.fields {
			same = same && f.t.Equal(rel.fields[i].t)
			items[i] = a.coerce(&ex{sql: alias + ".c" + itoa(i), t: f.t}, rel.fields[i].t).sql + " AS c" + itoa(i)
		}
		if same {
			return "(" + s.sql + ")"
		}
		return "(SELECT " + strings.Join(items, ", ") + " FROM (" + s.sql + ") AS " + alias + ")"
	}
	op := " " + b.Op + " "
	if b.All {
		op += "ALL "
	}
	rel.sql = side(l) + op + side(r)
	return rel
}
