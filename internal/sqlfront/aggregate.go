package sqlfront

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// specialForms look like calls but have no signature.
var specialForms = map[string]bool{"coalesce": true, "if": true, "nullif": true, "format": true, "now": true, "current_timezone": true, "typeof": true}

// isAggregate tells whether a name is an aggregate function.
func isAggregate(name string) bool { return name != "" && isKind(name, "aggregate") }

// aggregation collects the keys and aggregates of a grouped query. They are computed by an inner query whose columns the
// select list, HAVING and ORDER BY refer to.
type aggregation struct {
	source *scope
	alias  string
	keys   []groupKey
	inner  []string          // items of the inner select
	seen   map[string]string // SQL of an aggregate -> its column
	root   *parse.Expr       // the expression that is being generated, for messages
	sets   bool              // grouping sets: keys may be NULL
}

type groupKey struct {
	canon string
	field *field
	sql   string // in the inner query
	out   *ex
}

// key returns the group key that an expression is, or nil.
func (g *aggregation) key(a *analyzer, e *parse.Expr, s *scope) *ex {
	if len(g.keys) == 0 {
		return nil
	}
	c := a.canon(e, g.source)
	for _, k := range g.keys {
		if k.canon == c {
			return k.out
		}
	}
	return nil
}

// column returns the group key that a column is; anything else is an error.
func (g *aggregation) column(a *analyzer, f *field, name string, e *parse.Expr) *ex {
	for _, k := range g.keys {
		if k.field == f {
			return k.out
		}
	}
	root := g.root
	if root == nil {
		root = e
	}
	if root.Star && root.Kind != parse.Call {
		a.fail("EXPRESSION_NOT_AGGREGATE", parse.Pos{}, "Column '%s' not in GROUP BY clause", root.Text)
	}
	walk(root, func(x *parse.Expr) bool {
		if x.Kind == parse.Call && len(signatures()[functionName(x)]) == 0 && !specialForms[functionName(x)] {
			a.noOverload(x.Pos, functionName(x), nil)
		}
		return true
	})
	a.fail("EXPRESSION_NOT_AGGREGATE", root.Pos, "'%s' must be an aggregate expression or appear in GROUP BY clause", root.Text)
	return nil
}

func (g *aggregation) add(sql string, t types.Type) *ex {
	col, ok := g.seen[sql]
	if !ok {
		col = fmt.Sprintf("a%d", len(g.seen))
		g.seen[sql] = col
		g.inner = append(g.inner, sql+" AS "+col)
	}
	return &ex{sql: g.alias + "." + col, t: t, simple: true}
}

// canon prints an expression so that equal ones in one scope print the same.
func (a *analyzer) canon(e *parse.Expr, s *scope) string {
	if e == nil {
		return "-"
	}
	if names := chain(e); names != nil {
		if f, n, at := a.lookup(s, names); f != nil && at == s {
			return fmt.Sprintf("@%p.%s", f, strings.Join(names[n:], "."))
		}
		return "#" + strings.Join(names, ".")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d(%q %q %q %v %v %v", e.Kind, e.S, strings.ToLower(e.Name), e.To, e.Not, e.Neg, e.Try)
	if e.T != nil {
		b.WriteString(" T" + strings.ToLower(e.T.Text))
	}
	if e.Query != nil || e.Over != nil || e.Filter != nil || len(e.Order) > 0 || e.JSON != nil || len(e.Names) > 0 {
		b.WriteString(" =" + e.Text)
	}
	if e.Distinct {
		b.WriteString(" distinct")
	}
	for _, x := range e.A {
		b.WriteString(" " + a.canon(x, s))
	}
	b.WriteByte(')')
	return b.String()
}

// lookup is find without its errors and side effects.
func (a *analyzer) lookup(s *scope, names []string) (*field, int, *scope) {
	for sc := s; sc != nil; sc = sc.outer {
		for n := min(len(names), 4); n >= 1; n-- {
			for _, f := range sc.fields {
				if f.name != "" && strings.EqualFold(f.name, names[n-1]) && f.qualifiedBy(names[:n-1]) {
					return f, n, sc
				}
			}
		}
	}
	return nil, 0, nil
}

// walk calls f for an expression and its parts outside subqueries, until f returns false.
func walk(e *parse.Expr, f func(*parse.Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	for _, x := range e.A {
		walk(x, f)
	}
	walk(e.Filter, f)
	for _, o := range e.Order {
		walk(o.Expr, f)
	}
	if e.Over != nil {
		for _, p := range e.Over.Partition {
			walk(p, f)
		}
		for _, o := range e.Over.Order {
			walk(o.Expr, f)
		}
	}
}

// notCorrelated refuses, as Trino does, references to columns of outer queries in places that its planner cannot free of them:
// below an aggregation and in the rows of VALUES.
func (a *analyzer) notCorrelated(e *parse.Expr, s *scope, at parse.Pos) {
	if a.correlated(e, s) {
		a.fail("NOT_SUPPORTED", at, "Given correlated subquery is not supported")
	}
}

// correlated reports whether an expression in the scope s refers to a column of an outer query.
func (a *analyzer) correlated(e *parse.Expr, s *scope) (found bool) {
	if s.outer == nil {
		return false
	}
	var lambdas []string
	walk(e, func(x *parse.Expr) bool {
		if x.Kind == parse.Lambda {
			lambdas = append(lambdas, x.Names...)
		}
		names := chain(x)
		if names == nil || slices.Contains(lambdas, names[0]) {
			return !found
		}
		if f, _, in := a.find(s, names, x.Pos); f != nil && in != s {
			found = true
		}
		return false
	})
	return found
}

// findAggregate returns an aggregate call in e that no window takes, or a GROUPING.
func findAggregate(e *parse.Expr) *parse.Expr {
	var hit *parse.Expr
	walk(e, func(x *parse.Expr) bool {
		if hit == nil && (x.Kind == parse.Call && x.Over == nil && isAggregate(functionName(x)) || x.Kind == parse.Grouping) {
			hit = x
		}
		return hit == nil
	})
	return hit
}

func findWindow(e *parse.Expr) *parse.Expr {
	var hit *parse.Expr
	walk(e, func(x *parse.Expr) bool {
		if hit == nil && x.Over != nil {
			hit = x
		}
		return hit == nil
	})
	return hit
}

// scalarOnly refuses aggregates and windows in a clause that runs before them.
func (a *analyzer) scalarOnly(e *parse.Expr, clause string) {
	hit := findAggregate(e)
	if hit == nil {
		hit = findWindow(e)
	}
	if hit != nil {
		a.fail("EXPRESSION_NOT_SCALAR", e.Pos, "%s cannot contain aggregations, window functions or grouping operations: [%s]", clause, hit.Text)
	}
}

func (a *analyzer) aggregateCall(e *parse.Expr, s *scope) *ex {
	g := s.agg
	for sc := s; g == nil && sc != nil; sc = sc.outer {
		g = sc.agg
	}
	if g == nil {
		a.fail("EXPRESSION_NOT_SCALAR", e.Pos, "aggregation is not allowed here: [%s]", e.Text)
	}
	for _, x := range append(append([]*parse.Expr{}, e.A...), e.Filter) {
		if n := findAggregate(x); n != nil {
			a.fail("NESTED_AGGREGATION", e.Pos, "Cannot nest aggregations inside aggregation '%s': [%s]", functionName(e), n.Text)
		}
		if n := findWindow(x); n != nil {
			a.fail("NESTED_WINDOW", n.Pos, "Cannot nest window functions inside aggregation '%s': [%s]", functionName(e), n.Text)
		}
	}
	for _, x := range append(append([]*parse.Expr{}, e.A...), e.Filter) {
		a.notCorrelated(x, g.source, g.source.pos)
	}
	sql, t := a.aggregateSQL(e, g.source, "")
	return g.add(sql, t)
}

func (a *analyzer) grouping(e *parse.Expr, s *scope) *ex {
	g := s.agg
	if g == nil || len(e.A) == 0 {
		a.fail("MISSING_GROUP_BY", e.Pos, "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause")
	}
	var parts []string
	for _, x := range e.A {
		c := a.canon(x, g.source)
		found := false
		for _, k := range g.keys {
			if k.canon == c {
				parts, found = append(parts, k.sql), true
				break
			}
		}
		if !found {
			a.fail("INVALID_ARGUMENTS", e.Pos, "The arguments to GROUPING() must be expressions referenced by the GROUP BY at the associated query level. Mismatch due to %s.", x.Text)
		}
	}
	t := types.Of(types.Integer)
	if len(e.A) > 31 {
		t = types.Of(types.BigInt)
	}
	return g.add(castSQL("grouping("+strings.Join(parts, ", ")+")", t), t)
}
