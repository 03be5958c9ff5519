package sqlfront

import (
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// source is a generated item of FROM: its SQL stands after FROM or JOIN.
type source struct {
	sql    string
	fields []*field
}

// from generates a FROM clause; its columns become those of s.
func (a *analyzer) from(rels []*parse.Relation, s *scope) string {
	if len(rels) == 0 {
		return ""
	}
	var parts []string
	for i, r := range rels {
		src := a.source(r, s)
		sql := src.sql
		if i > 0 {
			sql = "CROSS JOIN " + sql
		}
		parts = append(parts, sql)
		s.fields = append(s.fields, src.fields...)
	}
	return " FROM " + strings.Join(parts, " ")
}

// source generates a relation. Names of lateral items are looked up in s, which holds the columns to the left.
func (a *analyzer) source(r *parse.Relation, s *scope) source {
	if a.depth++; a.depth > 400 {
		a.refuse(r.Pos, "relations nested deeper than 400 levels are not supported")
	}
	defer func() { a.depth-- }()
	if r.Unsupported != "" {
		a.refuse(r.Pos, "%s is not supported", r.Unsupported)
	}
	var out source
	switch r.Kind {
	case "TABLE":
		out = a.table(r, s)
	case "QUERY", "LATERAL":
		outer := &scope{outer: s.outer, windows: nil}
		if s.outer == nil {
			outer = nil
		}
		if r.Kind == "LATERAL" {
			outer = &scope{fields: s.fields, outer: s.outer, noLateral: s.noLateral}
		} else if s.outer != nil {
			outer = s.outer
		}
		rel := a.query(r.Query, outer)
		alias := a.alias()
		sql := "(" + rel.sql + ") AS " + alias
		if r.Kind == "LATERAL" {
			sql = "LATERAL " + sql
		}
		out = source{sql: sql, fields: a.columnsOf(rel.fields, alias)}
	case "UNNEST":
		out = a.unnest(r, s)
	case "JOIN":
		out = a.join(r, s)
	case "PAREN":
		out = a.source(r.L, s)
		if r.L.Kind == "JOIN" || r.L.Kind == "PAREN" {
			out.sql = "(" + strings.TrimPrefix(out.sql, "LATERAL ") + ")"
		}
	}
	if r.Alias != "" {
		at := r.Pos
		out.fields = a.rename(out.fields, r.Columns, r.Alias, at)
	}
	return out
}

// columnsOf makes the columns of a query's result those of its alias.
func (a *analyzer) columnsOf(fields []*field, alias string) []*field {
	out := make([]*field, len(fields))
	for i, f := range fields {
		out[i] = &field{name: f.name, t: f.t, sql: alias + ".c" + itoa(i), hidden: f.hidden}
	}
	return out
}

func (a *analyzer) table(r *parse.Relation, s *scope) source {
	alias := a.alias()
	if len(r.Name) == 1 {
		for i := len(a.ctes) - 1; i >= 0; i-- {
			if c := a.ctes[i]; c.name == r.Name[0] {
				out := source{sql: c.sql + " AS " + alias, fields: a.columnsOf(c.fields, alias)}
				for _, f := range out.fields {
					f.rel, f.path = r.Name[0], []string{r.Name[0]}
				}
				return out
			}
		}
	}
	db, name := a.opts.Database, r.Name[len(r.Name)-1]
	switch len(r.Name) {
	case 1:
		if db == "" {
			a.fail("MISSING_SCHEMA_NAME", r.Pos, "Schema must be specified when session schema is not set")
		}
	case 2:
		db = r.Name[0]
	case 3:
		if !strings.EqualFold(r.Name[0], a.opts.CatalogName) && r.Name[0] != "awsdatacatalog" {
			a.fail("CATALOG_NOT_FOUND", r.Pos, "Catalog '%s' not found", r.Name[0])
		}
		db = r.Name[1]
	default:
		a.fail("SYNTAX_ERROR", parse.Pos{}, "Too many dots in table name: %s", strings.Join(r.Name, "."))
	}
	if a.opts.Catalog == nil {
		a.fail("TABLE_NOT_FOUND", r.Pos, "Table '%s.%s.%s' does not exist", a.opts.CatalogName, db, name)
	}
	t, err := a.opts.Catalog.Table(a.ctx, strings.ToLower(db), name)
	switch {
	case errors.Is(err, ErrNoSchema):
		a.fail("SCHEMA_NOT_FOUND", r.Pos, "Schema '%s' does not exist", db)
	case errors.Is(err, ErrNoTable):
		a.fail("TABLE_NOT_FOUND", r.Pos, "Table '%s.%s.%s' does not exist", a.opts.CatalogName, db, name)
	case err != nil:
		panic(failure{err})
	}
	path := []string{a.opts.CatalogName, db, name}
	if t.View != "" {
		return a.view(r, t, alias, name, path)
	}
	use := &TableUse{Alias: "t" + itoa(len(a.tables)+1), Database: db, Table: name, Columns: t.Columns, Used: make([]bool, len(t.Columns)), Handle: t.Handle}
	a.tables = append(a.tables, use)
	out := source{sql: use.Alias + " AS " + alias}
	for i, c := range t.Columns {
		out.fields = append(out.fields, &field{rel: name, path: path, name: c.Name, t: c.Type, sql: alias + ".c" + itoa(i), hidden: c.Hidden, use: use, useIndex: i})
	}
	return out
}

// view generates the query of a view in place of its name.
func (a *analyzer) view(r *parse.Relation, t *Table, alias, name string, path []string) source {
	if a.viewDepth++; a.viewDepth > 20 {
		a.fail("VIEW_IS_RECURSIVE", r.Pos, "Statement would create a recursive view")
	}
	q, err := parse.ParseQuery(t.View)
	if err != nil {
		a.fail("INVALID_VIEW", r.Pos, "Failed parsing stored view '%s': %s", strings.Join(path, "."), err.Error())
	}
	ctes, db := a.ctes, a.opts.Database
	a.ctes, a.opts.Database = nil, t.ViewDatabase
	rel := a.query(q, nil)
	a.ctes, a.opts.Database = ctes, db
	a.viewDepth--
	if len(t.Columns) > 0 && len(rel.fields) != len(t.Columns) {
		a.fail("VIEW_IS_STALE", r.Pos, "View '%s' is stale or in invalid state: a column count mismatch", strings.Join(path, "."))
	}
	out := source{sql: "(" + rel.sql + ") AS " + alias, fields: a.columnsOf(rel.fields, alias)}
	for i, f := range out.fields {
		f.rel, f.path = name, path
		if len(t.Columns) > 0 {
			f.name = t.Columns[i].Name
		}
	}
	return out
}

func (a *analyzer) unnest(r *parse.Relation, s *scope) source {
	lateral := &scope{fields: s.fields, outer: s.outer, noLateral: s.noLateral}
	alias := a.alias()
	var lists []string
	out := source{}
	add := func(t types.Type, name string) {
		out.fields = append(out.fields, &field{t: t, name: name, sql: alias + ".c" + itoa(len(out.fields))})
	}
	var items, binds, members []string
	for i, e := range r.Args {
		a.scalarOnly(e, "UNNEST")
		x := a.expr(e, lateral)
		var elem types.Type
		switch x.t.Base {
		case types.Array:
			elem = x.t.Elem()
		case types.Map:
			elem = types.RowOf(x.t.Args[0], x.t.Args[1])
		default:
			a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Cannot unnest type: %s", x.t)
		}
		n := itoa(i)
		lists = append(lists, "x"+n)
		binds = append(binds, "coalesce("+x.sql+", []) AS x"+n)
		members = append(members, "'u"+n+"': x"+n+"[i]")
		entry := "(e).u" + n
		switch {
		case x.t.Base == types.Map:
			items = append(items, "("+entry+").k", "("+entry+").v")
			add(elem.Args[0], "")
			add(elem.Args[1], "")
		case elem.Base == types.Row:
			for j, t := range elem.Args {
				items = append(items, "("+entry+").f"+itoa(j))
				add(t, elem.Names[j])
			}
		default:
			items = append(items, entry)
			add(elem, "")
		}
	}
	n := "len(" + lists[0] + ")"
	for _, l := range lists[1:] {
		n = "greatest(" + n + ", len(" + l + "))"
	}
	if r.Ordinality {
		items = append(items, "(e).o")
		add(types.Of(types.BigInt), "")
	}
	for i := range items {
		items[i] += " AS c" + itoa(i)
	}
	// The lists are as long as the longest of them; DuckDB answers NULL beyond a list's end.
	rows := "list_transform(range(1, " + n + " + 1), lambda i: {" + strings.Join(members, ", ") + ", 'o': i})"
	out.sql = "LATERAL (SELECT " + strings.Join(items, ", ") + " FROM (SELECT unnest(" + rows + ") AS e FROM (SELECT " + strings.Join(binds, ", ") + ") AS " + a.alias() + ") AS " + a.alias() + ") AS " + alias
	return out
}

func (a *analyzer) join(r *parse.Relation, s *scope) source {
	l := a.source(r.L, s)
	right := &scope{fields: append(append([]*field{}, s.fields...), l.fields...), outer: s.outer, windows: s.windows}
	lateral := isLateral(r.R)
	if lateral && (r.Join == "RIGHT" || r.Join == "FULL") {
		right.noLateral = r.Join
	}
	if r.Natural {
		a.refuse(r.Pos, "Natural join not supported")
	}
	rr := a.source(r.R, right)
	both := append(append([]*field{}, l.fields...), rr.fields...)
	out := source{fields: both}
	if r.Join == "CROSS" {
		out.sql = l.sql + " CROSS JOIN " + rr.sql
		return out
	}
	on := ""
	if len(r.Using) > 0 {
		if lateral {
			a.refuse(r.Pos, "%s JOIN involving UNNEST is only supported with condition ON TRUE", r.Join)
		}
		on, out.fields = a.using(r, l, rr)
	} else {
		js := &scope{fields: both, outer: s.outer, windows: s.windows}
		a.scalarOnly(r.On, "JOIN clause")
		if r.R.Kind == "UNNEST" && !(r.On.Kind == parse.Bool && r.On.S == "true") {
			a.refuse(r.On.Pos, "%s JOIN involving UNNEST is only supported with condition ON TRUE", r.Join)
		}
		x := a.expr(r.On, js)
		if x.t.Base == types.Unknown {
			x = null(types.Of(types.Boolean))
		}
		if x.t.Base != types.Boolean {
			a.fail("TYPE_MISMATCH", r.On.Pos, "JOIN ON clause must evaluate to a boolean: actual type %s", x.t)
		}
		on = x.sql
	}
	out.sql = l.sql + " " + r.Join + " JOIN " + rr.sql + " ON (" + on + ")"
	return out
}

func isLateral(r *parse.Relation) bool {
	return r.Kind == "UNNEST" || r.Kind == "LATERAL" || r.Kind == "PAREN" && isLateral(r.L)
}

// using joins by columns of equal names, which the result has once.
func (a *analyzer) using(r *parse.Relation, l, rr source) (string, []*field) {
	var conds []string
	var merged []*field
	drop := map[*field]bool{}
	seen := map[string]bool{}
	for i, name := range r.Using {
		if seen[name] {
			a.fail("DUPLICATE_COLUMN_NAME", r.UsingPos[i], "Column '%s' appears multiple times in USING clause", name)
		}
		seen[name] = true
		find := func(fields []*field, side string) *field {
			var hit *field
			for _, f := range fields {
				if f.name != "" && strings.EqualFold(f.name, name) {
					if hit != nil {
						a.fail("AMBIGUOUS_NAME", r.UsingPos[i], "Column '%s' is ambiguous", name)
					}
					hit = f
				}
			}
			if hit == nil {
				a.fail("COLUMN_NOT_FOUND", r.UsingPos[i], "Column '%s' is missing from %s side of join", name, side)
			}
			if hit.use != nil {
				hit.use.Used[hit.useIndex] = true
			}
			return hit
		}
		lf, rf := find(l.fields, "left"), find(rr.fields, "right")
		t, ok := types.Common(lf.t, rf.t)
		if !ok || !t.Comparable() {
			a.fail("TYPE_MISMATCH", r.UsingPos[i], "Column types of left side and right side of join are not comparable: left: %s, right: %s", lf.t, rf.t)
		}
		lx := a.coerce(&ex{sql: lf.sql, t: lf.t, simple: true}, t)
		rx := a.coerce(&ex{sql: rf.sql, t: rf.t, simple: true}, t)
		conds = append(conds, a.compareAs("=", r.Pos, lx, rx).sql)
		drop[lf], drop[rf] = true, true
		merged = append(merged, &field{name: lf.name, t: t, sql: "coalesce(" + lx.sql + ", " + rx.sql + ")"})
	}
	for _, f := range append(append([]*field{}, l.fields...), rr.fields...) {
		if !drop[f] {
			merged = append(merged, f)
		}
	}
	return strings.Join(conds, " AND "), merged
}
