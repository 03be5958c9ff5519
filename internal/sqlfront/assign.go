package sqlfront

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// Assign makes the rows of a query those of a table: INSERT's list of columns, NULL for those not named, and the
// conversions that an assignment may do. names empty = all columns in order.
func Assign(p *Plan, table []Column, names []string, at parse.Pos) (out *Plan, err error) {
	a := &analyzer{functions: map[string]string{}, udfs: p.Functions}
	for i, f := range p.Functions {
		a.functions["kept "+strconv.Itoa(i)] = f.Name
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			out, err = nil, f.err
		}
	}()
	source := make([]int, len(table)) // column of the query, -1 = NULL
	if len(names) == 0 {
		if len(p.Columns) != len(table) {
			a.mismatch(p, table, at)
		}
		for i := range source {
			source[i] = i
		}
	} else {
		if len(names) != len(p.Columns) {
			a.fail("MISMATCHED_COLUMN_ALIASES", at, "Insert query has %d expression(s) but expected %d target column(s)", len(p.Columns), len(names))
		}
		for i := range source {
			source[i] = -1
		}
		for j, n := range names {
			found := false
			for i, c := range table {
				if strings.EqualFold(c.Name, n) {
					source[i], found = j, true
				}
			}
			if !found {
				a.fail("COLUMN_NOT_FOUND", at, "Insert column name does not exist in target table: %s", n)
			}
		}
	}
	items := make([]string, len(table))
	for i, c := range table {
		x := null(c.Type)
		if j := source[i]; j >= 0 {
			from := p.Columns[j].Type
			x = &ex{sql: "i.c" + strconv.Itoa(j), t: from}
			switch {
			case types.Coercible(from, c.Type):
				x = a.coerce(x, c.Type)
			case from.Base == c.Type.Base && from.Is(types.Varchar, types.Char, types.Decimal, types.Timestamp), from.Integral() && c.Type.Integral():
				x = a.mustCall(at, "INSERT", "$cast", c.Type, x)
			default:
				a.mismatch(p, table, at)
			}
		}
		items[i] = x.sql + " AS c" + strconv.Itoa(i)
	}
	return &Plan{SQL: "SELECT " + strings.Join(items, ", ") + " FROM (" + p.SQL + ") AS i", Columns: table, Functions: a.udfs, Tables: p.Tables}, nil
}

func (a *analyzer) mismatch(p *Plan, table []Column, at parse.Pos) {
	list := func(cols []Column) string {
		ts := make([]string, len(cols))
		for i, c := range cols {
			ts[i] = c.Type.String()
		}
		return strings.Join(ts, ", ")
	}
	a.fail("TYPE_MISMATCH", at, "Insert query has mismatched column types: Table: [%s], Query: [%s]", list(table), list(p.Columns))
}
