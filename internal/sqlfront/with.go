package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// cte is a named query in scope. outer is the scope its own names are looked up in.
type cte struct {
	name   string
	sql    string // name in DuckDB
	fields []*field
}

// with generates one named query and puts it in scope.
func (a *analyzer) with(w parse.With, mayRecurse bool, outer *scope) (string, bool) {
	name := a.alias()
	if mayRecurse && w.Query.Body.Op == "UNION" && len(w.Query.With) == 0 && mentions(w.Query.Body, w.Name) {
		return a.recursive(w, name, outer), true
	}
	rel := a.query(w.Query, outer)
	c := &cte{name: w.Name, sql: name, fields: a.rename(rel.fields, w.Columns, w.Name, w.Pos)}
	a.ctes = append(a.ctes, c)
	return name + " AS (" + rel.sql + ")", false
}

// mentions tells whether a body reads a table of the name.
func mentions(b *parse.Body, name string) bool {
	if b == nil {
		return false
	}
	if mentions(b.L, name) || mentions(b.R, name) || b.Query != nil && mentions(b.Query.Body, name) {
		return true
	}
	for _, r := range b.From {
		if relationMentions(r, name) {
			return true
		}
	}
	return len(b.Table) == 1 && b.Table[0] == name
}

func relationMentions(r *parse.Relation, name string) bool {
	if r == nil {
		return false
	}
	return len(r.Name) == 1 && r.Name[0] == name || relationMentions(r.L, name) || relationMentions(r.R, name) || r.Query != nil && mentions(r.Query.Body, name)
}

// mentionedAt is where a body's FROM names a table.
func mentionedAt(b *parse.Body, name string) parse.Pos {
	for _, r := range b.From {
		if relationMentions(r, name) {
			for r.L != nil {
				if relationMentions(r.L, name) {
					r = r.L
				} else {
					r = r.R
				}
			}
			return r.Pos
		}
	}
	if mentions(b, name) {
		return b.Pos
	}
	return parse.Pos{}
}

func (a *analyzer) recursive(w parse.With, name string, outer *scope) string {
	b := w.Query.Body
	if len(w.Columns) == 0 {
		a.fail("MISSING_COLUMN_ALIASES", w.Pos, "missing column aliases in recursive WITH query")
	}
	if at := mentionedAt(b.L, w.Name); at != (parse.Pos{}) {
		a.fail("INVALID_RECURSIVE_REFERENCE", at, "WITH table name is referenced in the base relation of recursion")
	}
	if !(tail{w.Pos, w.Query.Order, w.Query.Offset, w.Query.Limit, w.Query.Ties}).empty() {
		a.refuse(w.Pos, "immediate ORDER BY, LIMIT or OFFSET in a recursive query is not supported")
	}
	base := a.body(b.L, outer, tail{})
	c := &cte{name: w.Name, sql: name, fields: a.rename(base.fields, w.Columns, w.Name, w.Pos)}
	a.ctes = append(a.ctes, c)
	step := a.body(b.R, outer, tail{})
	if len(step.fields) != len(base.fields) {
		a.fail("TYPE_MISMATCH", b.R.Pos, "base and step relations of recursion have different number of fields: %d, %d", len(base.fields), len(step.fields))
	}
	items := make([]string, len(base.fields))
	alias := a.alias()
	for i, f := range base.fields {
		x := &ex{sql: alias + ".c" + itoa(i), t: step.fields[i].t}
		if t, ok := types.Common(f.t, x.t); !ok || !t.Equal(f.t) {
			a.fail("TYPE_MISMATCH", b.R.Pos, "recursion step relation output type (%s) is not coercible to recursion base relation output type (%s) at column %d", x.t, f.t, i+1)
		}
		items[i] = a.coerce(x, f.t).sql + " AS c" + itoa(i)
	}
	op := " UNION ALL "
	if !b.All {
		op = " UNION "
	}
	return name + " AS ((" + base.sql + ")" + op + "SELECT " + strings.Join(items, ", ") + " FROM (" + step.sql + ") AS " + alias + ")"
}

// rename gives columns new names, as an alias with a column list does.
func (a *analyzer) rename(fields []*field, names []string, rel string, at parse.Pos) []*field {
	out := make([]*field, 0, len(fields))
	visible := 0
	for _, f := range fields {
		if !f.hidden {
			visible++
		}
	}
	if len(names) > 0 && len(names) != visible {
		a.fail("MISMATCHED_COLUMN_ALIASES", at, "Column alias list has %d entries but '%s' has %d columns available", len(names), rel, visible)
	}
	i := 0
	for _, f := range fields {
		g := *f
		g.rel, g.path = rel, nil
		if len(names) > 0 {
			if f.hidden {
				continue
			}
			g.name = names[i]
			i++
		}
		out = append(out, &g)
	}
	return out
}
