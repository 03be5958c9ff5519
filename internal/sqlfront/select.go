package sqlfront

import (
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// item is an expanded item of a select list.
type item struct {
	expr  *parse.Expr
	x     *ex
	name  string
	canon string
}

func (a *analyzer) selectQuery(b *parse.Body, outer *scope, t tail) *relation {
	src := &scope{outer: outer, windows: windows{}, pos: b.Pos}
	from := a.from(b.From, src)
	for _, w := range b.Windows {
		if _, dup := src.windows[w.Name]; dup {
			a.fail("DUPLICATE_WINDOW_NAME", w.Pos, "WINDOW name '%s' specified more than once", w.Name)
		}
		src.windows[w.Name] = a.mergeWindow(w.Window, src)
	}
	where := ""
	if b.Where != nil && outer != nil {
		a.noFilteredUnnest(b, outer)
	}
	if b.Where != nil {
		a.scalarOnly(b.Where, "WHERE clause")
		where = " WHERE " + a.condition(b.Where, src, "WHERE clause").sql
		a.prune(b.Where, src)
	}
	s := src
	var g *aggregation
	if a.isGrouped(b, t) {
		g = &aggregation{source: src, alias: a.alias(), seen: map[string]string{}}
		s = &scope{fields: src.fields, outer: outer, agg: g, windows: src.windows, pos: b.Pos}
	}
	var group string
	if g != nil {
		group = a.groupBy(b, g, src)
	}
	items := a.items(b, s, src)
	if g != nil && b.Having != nil {
		if n := findWindow(b.Having); n != nil {
			a.fail("NESTED_WINDOW", n.Pos, "HAVING clause cannot contain window functions or row pattern measures")
		}
		g.root = b.Having
	}
	having := ""
	if b.Having != nil {
		having = " WHERE " + a.condition(b.Having, s, "HAVING clause").sql
	}
	keys, orderDistinct := a.orderBy(b, s, items, t)
	rel := &relation{}
	sel := make([]string, len(items))
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = "c" + itoa(i)
		sel[i] = it.x.sql + " AS " + names[i]
		f := &field{name: it.name, t: it.x.t, sql: names[i]}
		rel.fields = append(rel.fields, f)
	}
	source := from + where
	if g != nil {
		inner := g.inner
		if len(inner) == 0 {
			inner = []string{"count(*) AS one"}
		}
		source = " FROM (SELECT " + strings.Join(inner, ", ") + from + where + group + ") AS " + g.alias + having
	} else if having != "" {
		source += strings.Replace(having, " WHERE ", " WHERE ", 1)
	}
	list := strings.Join(sel, ", ")
	if !b.Distinct {
		rel.sql = a.limited("SELECT "+list+source, names, keys, t)
		return rel
	}
	return a.distinct(rel, items, "SELECT "+list+source, keys, orderDistinct, t)
}

// distinct removes duplicates of a select; the sort keys are over its columns.
func (a *analyzer) distinct(rel *relation, items []*item, sql string, keys []string, over string, t tail) *relation {
	on := make([]string, len(items))
	plain := true
	for i, it := range items {
		at := &parse.Expr{}
		if it.expr != nil {
			at = it.expr
		}
		if !it.x.t.Comparable() {
			a.fail("TYPE_MISMATCH", at.Pos, "DISTINCT can only be applied to comparable types (actual: %s)", it.x.t)
		}
		c := &ex{sql: "c" + itoa(i), t: it.x.t}
		on[i] = a.groupSQL(c, at)
		plain = plain && on[i] == c.sql
	}
	alias := over
	if plain {
		sql = "SELECT DISTINCT * FROM (" + sql + ") AS " + alias
	} else {
		sql = "SELECT DISTINCT ON (" + strings.Join(on, ", ") + ") * FROM (" + sql + ") AS " + alias
	}
	if len(keys) > 0 && !plain {
		sql = "SELECT * FROM (" + sql + ") AS " + alias
	}
	rel.sql = a.limited(sql, nil, keys, t)
	return rel
}

func (a *analyzer) isGrouped(b *parse.Body, t tail) bool {
	if b.Group != nil {
		return true
	}
	for _, it := range b.Items {
		if it.Expr != nil && findAggregate(it.Expr) != nil {
			return true
		}
	}
	for _, o := range t.order {
		if findAggregate(o.Expr) != nil {
			return true
		}
	}
	return b.Having != nil
}

// items expands and generates the select list.
func (a *analyzer) items(b *parse.Body, s, src *scope) []*item {
	var out []*item
	add := func(e *parse.Expr, name string) {
		if s.agg != nil {
			s.agg.root = e
		}
		out = append(out, &item{expr: e, x: a.expr(e, s), name: name, canon: a.canon(e, src)})
	}
	for _, it := range b.Items {
		switch {
		case it.Star && it.Expr == nil:
			if len(b.From) == 0 {
				a.fail("COLUMN_NOT_FOUND", it.Pos, "SELECT * not allowed in queries without FROM clause")
			}
			for _, f := range src.fields {
				if !f.hidden {
					out = append(out, a.starItem(f, s, it))
				}
			}
		case it.Star:
			out = append(out, a.qualifiedStar(it, s, src)...)
		default:
			name := ""
			switch {
			case it.AliasGiven:
				name = it.Alias
			case chain(it.Expr) != nil:
				name = it.Expr.Name
			}
			add(it.Expr, name)
		}
	}
	return out
}

func (a *analyzer) starItem(f *field, s *scope, it parse.Item) *item {
	if f.use != nil {
		f.use.Used[f.useIndex] = true
	}
	x := &ex{sql: f.sql, t: f.t, simple: true, field: f}
	e := &parse.Expr{Kind: parse.Ident, Pos: it.Pos, Name: f.name, Text: f.name}
	if f.rel != "" {
		e.Text = f.rel + "." + f.name
	}
	if s.agg != nil {
		s.agg.root = &parse.Expr{Star: true, Text: e.Text}
		x = s.agg.column(a, f, f.name, e)
	}
	return &item{expr: e, x: x, name: f.name, canon: fmt.Sprintf("@%p.", f)}
}

func (a *analyzer) qualifiedStar(it parse.Item, s, src *scope) []*item {
	names := chain(it.Expr)
	var out []*item
	if names != nil {
		for _, f := range src.fields {
			if !f.hidden && f.qualifiedBy(names) {
				out = append(out, a.starItem(f, s, it))
			}
		}
		if len(out) == 0 {
			for sc := src.outer; sc != nil; sc = sc.outer {
				for _, f := range sc.fields {
					if f.qualifiedBy(names) && !f.hidden {
						a.refuse(it.Pos, "reference to columns of an outer query by %s.* is not supported", it.Expr.Text)
					}
				}
			}
		}
	}
	if len(out) == 0 {
		x := (*ex)(nil)
		if names != nil {
			x = a.reference(it.Expr, s)
		} else {
			x = a.expr(it.Expr, s)
		}
		if x == nil {
			a.fail("TABLE_NOT_FOUND", it.Pos, "Unable to resolve reference %s", strings.Join(names, "."))
		}
		if x.t.Base != types.Row {
			if names != nil {
				a.fail("TABLE_NOT_FOUND", it.Pos, "Unable to resolve reference %s", strings.Join(names, "."))
			}
			a.fail("TYPE_MISMATCH", it.Pos, "expected expression of type Row")
		}
		for i, t := range x.t.Args {
			out = append(out, &item{expr: it.Expr, x: &ex{sql: "(" + x.sql + ").f" + itoa(i), t: t}, name: x.t.Names[i], canon: a.canon(it.Expr, src) + itoa(i)})
		}
	}
	if len(it.StarNames) > 0 {
		if len(it.StarNames) != len(out) {
			a.fail("MISMATCHED_COLUMN_ALIASES", it.Pos, "Column alias list has %d entries but relation has %d columns", len(it.StarNames), len(out))
		}
		for i := range out {
			out[i].name = it.StarNames[i]
		}
	}
	return out
}

// groupBy generates the GROUP BY clause and the keys.
func (a *analyzer) groupBy(b *parse.Body, g *aggregation, src *scope) string {
	if b.Group == nil {
		return ""
	}
	sets := 0
	for _, el := range b.Group.Elements {
		if el.Kind != "" || len(el.Sets[0]) == 0 {
			sets++
		}
	}
	g.sets = sets > 0
	if sets > 0 && b.Group.Distinct {
		a.refuse(b.Group.Elements[0].Pos, "GROUP BY DISTINCT is not supported")
	}
	var parts []string
	for _, el := range b.Group.Elements {
		var setSQL []string
		for _, set := range el.Sets {
			var keys []string
			for _, e := range set {
				keys = append(keys, a.groupKey(b, e, g, src, el.Kind != ""))
			}
			if el.Kind == "" && len(set) > 0 {
				parts = append(parts, keys...)
				continue
			}
			setSQL = append(setSQL, "("+strings.Join(keys, ", ")+")")
		}
		switch {
		case el.Kind == "" && len(el.Sets[0]) == 0:
			parts = append(parts, "GROUPING SETS (())")
		case el.Kind == "SETS":
			parts = append(parts, "GROUPING SETS ("+strings.Join(setSQL, ", ")+")")
		case el.Kind != "" && len(setSQL) == 0:
			parts = append(parts, "GROUPING SETS (())")
		case el.Kind != "":
			parts = append(parts, el.Kind+" ("+strings.Join(setSQL, ", ")+")")
		}
	}
	return " GROUP BY " + strings.Join(parts, ", ")
}

func (a *analyzer) groupKey(b *parse.Body, e *parse.Expr, g *aggregation, src *scope, inSet bool) string {
	if n, ok := ordinal(e); ok && !inSet {
		e = a.groupOrdinal(b, e, n, src)
	} else if inSet && chain(e) == nil {
		a.fail("INVALID_COLUMN_REFERENCE", e.Pos, "GROUP BY expression must be a column reference: %s", e.Text)
	}
	a.scalarOnly(e, "GROUP BY clause")
	canon := a.canon(e, src)
	for _, k := range g.keys {
		if k.canon == canon {
			return k.sql
		}
	}
	x := a.expr(e, src)
	if !x.t.Comparable() {
		a.fail("TYPE_MISMATCH", e.Pos, "%s is not comparable, and therefore cannot be used in GROUP BY", x.t)
	}
	sql := a.groupSQL(x, e)
	name := fmt.Sprintf("k%d", len(g.keys))
	shown := sql
	if sql != x.sql {
		if g.sets {
			a.refuse(e.Pos, "grouping sets over %s are not supported", x.t)
		}
		shown = "any_value(" + x.sql + ")"
	}
	g.inner = append(g.inner, shown+" AS "+name)
	out := &ex{sql: g.alias + "." + name, t: x.t, simple: true}
	g.keys = append(g.keys, groupKey{canon: canon, field: x.field, sql: sql, out: out})
	return sql
}

// groupOrdinal returns the select item that GROUP BY n stands for.
func (a *analyzer) groupOrdinal(b *parse.Body, e *parse.Expr, n int, src *scope) *parse.Expr {
	var flat []*parse.Expr
	for _, it := range b.Items {
		switch {
		case it.Star:
			var names []string
			if it.Expr != nil {
				names = chain(it.Expr)
			}
			for _, f := range src.fields {
				if !f.hidden && f.qualifiedBy(names) {
					id := &parse.Expr{Kind: parse.Ident, Pos: it.Pos, Name: f.name, Text: f.name}
					if f.rel != "" {
						id = &parse.Expr{Kind: parse.Deref, Pos: it.Pos, Name: f.name, Text: f.name, A: []*parse.Expr{{Kind: parse.Ident, Pos: it.Pos, Name: f.rel, Text: f.rel}}}
					}
					flat = append(flat, id)
				}
			}
		default:
			flat = append(flat, it.Expr)
		}
	}
	if n < 1 || n > len(flat) {
		a.fail("INVALID_COLUMN_REFERENCE", e.Pos, "GROUP BY position %d is not in select list", n)
	}
	return flat[n-1]
}

// orderBy generates the sort keys of a select. For a distinct one they refer to its columns by the alias that is returned.
func (a *analyzer) orderBy(b *parse.Body, s *scope, items []*item, t tail) ([]string, string) {
	alias := ""
	if b.Distinct {
		alias = a.alias()
	}
	if len(t.order) == 0 {
		return nil, alias
	}
	output := map[string]*ex{}
	for _, it := range items {
		if it.name == "" {
			continue
		}
		n := strings.ToLower(it.name)
		if old, dup := output[n]; dup && (old == nil || old.sql != it.x.sql) {
			output[n] = nil
			continue
		}
		output[n] = it.x
	}
	inner := &scope{fields: s.fields, outer: s.outer, agg: s.agg, output: output, windows: s.windows, pos: b.Pos}
	keys := make([]string, len(t.order))
	for i, o := range t.order {
		if n, ok := ordinal(o.Expr); ok {
			if n < 1 || n > len(items) {
				a.fail("INVALID_COLUMN_REFERENCE", o.Expr.Pos, "ORDER BY position %s is not in select list", o.Expr.S)
			}
			x := *items[n-1].x
			if b.Distinct {
				x.sql = "c" + itoa(n-1)
			}
			keys[i] = a.orderKey(&x, o, b.Pos)
			continue
		}
		if s.agg != nil {
			s.agg.root = o.Expr
		}
		x := a.expr(o.Expr, inner)
		if b.Distinct {
			at := -1
			for j, it := range items {
				if it.x.sql == x.sql {
					at = j
					break
				}
			}
			if at < 0 {
				a.fail("EXPRESSION_NOT_IN_DISTINCT", o.Expr.Pos, "For SELECT DISTINCT, ORDER BY expressions must appear in select list")
			}
			x = &ex{sql: "c" + itoa(at), t: x.t}
		}
		keys[i] = a.orderKey(x, o, b.Pos)
	}
	return keys, alias
}
