package sqlfront

import (
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// field is a column that a name may stand for.
type field struct {
	rel       string   // alias of its relation, "" = none
	path      []string // catalog, schema, table of an unaliased table
	name      string   // as the output shows it; "" = anonymous
	t         types.Type
	sql       string
	hidden    bool
	use       *TableUse
	useIndex  int
	ambiguous bool // of a join whose both sides have the name
}

// relation is a generated FROM item or query: its SQL and its columns.
type relation struct {
	sql    string
	fields []*field
}

// scope is what names are resolved in.
type scope struct {
	fields []*field
	outer  *scope
	agg    *aggregation // set while expressions over groups are generated
	lambda map[string]*ex
	// output holds the select list's names while ORDER BY is generated.
	output  map[string]*ex
	windows windows
	pos     parse.Pos // of the select
	// noLateral names a join whose right side may not refer to these columns.
	noLateral string
}

// find resolves a chain of names: a column, relation.column, or either with fields of rows after it. It returns the
// field, how many names it used and the scope it was found in.
func (a *analyzer) find(s *scope, names []string, at parse.Pos) (*field, int, *scope) {
	for sc := s; sc != nil; sc = sc.outer {
		if f, n := a.findIn(sc, names, at); f != nil {
			return f, n, sc
		}
	}
	return nil, 0, nil
}

func (a *analyzer) findIn(sc *scope, names []string, at parse.Pos) (*field, int) {
	for n := min(len(names), 4); n >= 1; n-- {
		var hit *field
		for _, f := range sc.fields {
			if !strings.EqualFold(f.name, names[n-1]) || f.name == "" || !f.qualifiedBy(names[:n-1]) {
				continue
			}
			if hit != nil {
				a.fail("AMBIGUOUS_NAME", at, "Column '%s' is ambiguous", strings.Join(names[:n], "."))
			}
			hit = f
		}
		if hit != nil {
			if hit.use != nil {
				hit.use.Used[hit.useIndex] = true
			}
			return hit, n
		}
	}
	return nil, 0
}

// qualifiedBy tells whether the names before a column may stand for its relation.
func (f *field) qualifiedBy(q []string) bool {
	switch {
	case len(q) == 0:
		return true
	case len(q) == 1:
		return strings.EqualFold(f.rel, q[0])
	}
	if len(f.path) < len(q) {
		return false
	}
	tail := f.path[len(f.path)-len(q):]
	for i := range q {
		if !strings.EqualFold(tail[i], q[i]) {
			return false
		}
	}
	return true
}

// chain returns the names of an identifier or a dereference of identifiers; nil for anything else.
func chain(e *parse.Expr) []string {
	switch e.Kind {
	case parse.Ident:
		return []string{strings.ToLower(e.Name)}
	case parse.Deref:
		if c := chain(e.A[0]); c != nil {
			return append(c, strings.ToLower(e.Name))
		}
	}
	return nil
}

// reference resolves an identifier or dereference to a column and fields of rows in it; nil if no column has the name.
func (a *analyzer) reference(e *parse.Expr, s *scope) *ex {
	names := chain(e)
	if names == nil {
		return nil
	}
	for sc := s; sc != nil; sc = sc.outer {
		if v, ok := sc.lambda[names[0]]; ok {
			return a.fieldsOf(v, names[1:], e)
		}
		if v, ok := sc.output[names[0]]; ok && len(names) == 1 {
			if v == nil {
				a.fail("AMBIGUOUS_NAME", e.Pos, "Column '%s' is ambiguous", names[0])
			}
			return v
		}
		f, n := a.findIn(sc, names, e.Pos)
		if f == nil {
			continue
		}
		if sc.noLateral != "" {
			a.fail("INVALID_COLUMN_REFERENCE", e.Pos, "LATERAL reference not allowed in %s JOIN", sc.noLateral)
		}
		x := &ex{sql: f.sql, t: f.t, simple: true, field: f}
		if sc.agg != nil {
			x = sc.agg.column(a, f, strings.Join(names[:n], "."), e)
		}
		return a.fieldsOf(x, names[n:], e)
	}
	return nil
}

func (a *analyzer) fieldsOf(x *ex, names []string, e *parse.Expr) *ex {
	for _, n := range names {
		if x.t.Base != types.Row {
			return nil
		}
		if x = rowField(x, n); x == nil {
			a.fail("COLUMN_NOT_FOUND", e.Pos, "Column '%s' cannot be resolved", strings.Join(chain(e), "."))
		}
	}
	return x
}

func rowField(x *ex, name string) *ex {
	for i, n := range x.t.Names {
		if n != "" && strings.EqualFold(n, name) {
			return &ex{sql: "(" + x.sql + ").f" + itoa(i), t: x.t.Args[i], simple: x.simple}
		}
	}
	return nil
}
