// Package sqlfront turns Athena's SQL into DuckDB's: a statement is parsed (package parse), resolved against a catalog,
// typed by Trino's rules and generated with Trino's semantics. Where DuckDB's own functions answer differently the
// generated SQL calls functions of package scalar, which the worker that runs it provides.
//
// Invariants:
//
//	F1  No text of the user reaches DuckDB, except constants inside quoted literals: names of columns and tables are
//	    replaced by names of our own (r1.c0).
//	F2  What is not known to be right is refused with NOT_SUPPORTED, naming the construct.
//	F3  Every expression has a Trino type; the SQL made for it has exactly the DuckDB type that repr gives for it.
//	F4  Errors have Trino's name, message and place.
//
// The representation of types that DuckDB lacks: char is stored without trailing blanks, json as canonical text, uuid as
// text, ipaddress as 16 bytes, intervals as a count of milliseconds or months, timestamp with time zone as a struct of
// the UTC instant and the zone, map as a list of entries, the fields of a row by position.
package sqlfront

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// Errors that a Catalog returns.
var (
	ErrNoSchema = errors.New("schema does not exist")
	ErrNoTable  = errors.New("table does not exist")
)

// Error is a failure that the user is told, by Trino's name for it.
type Error struct {
	Name    string // COLUMN_NOT_FOUND
	Message string
	Pos     parse.Pos // zero = no place
}

// Error implements error: "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved".
func (e *Error) Error() string {
	if e.Pos.Line == 0 {
		return e.Name + ": " + e.Message
	}
	return fmt.Sprintf("%s: line %d:%d: %s", e.Name, e.Pos.Line, e.Pos.Col, e.Message)
}

// Table is what the catalog knows of a table or view.
type Table struct {
	Columns []Column
	// View is the text of a view's query; "" = a table.
	View string
	// ViewDatabase is where the names of the view's query are looked up.
	ViewDatabase string
	// Handle is the catalog's own, returned with the TableUse.
	Handle any
}

// Column is a column of a table or of a result.
type Column struct {
	Name      string
	Type      types.Type
	Partition bool // a partition key; after the other columns
	Hidden    bool // not part of *, such as "$path"
}

// Catalog resolves names. Database and table are in lower case.
type Catalog interface {
	// Table returns ErrNoSchema or ErrNoTable (wrapped or not) when there is none.
	Table(ctx context.Context, database, table string) (*Table, error)
}

// Options are the session of a statement.
type Options struct {
	Catalog     Catalog
	CatalogName string // the name that may stand before the database; "" = AwsDataCatalog
	Database    string // where unqualified names are looked up
	User        string
	Now         time.Time // what now() answers
	Parameters  []string  // SQL expressions for ?
	Start       parse.Pos // of the statement, for errors about it as a whole; zero = 1:1
}

// TableUse is a table that the statement reads. The caller defines a view of its name Alias with the columns c0, c1, …
// of Columns in order, each of the DuckDB type of Repr, before the statement runs.
type TableUse struct {
	Alias    string
	Database string
	Table    string
	Columns  []Column
	Used     []bool // per column: whether the statement mentions it
	Handle   any
	// Filters are conditions on partition keys that every row needed by the statement satisfies, for pruning.
	Filters []Filter
}

// Filter restricts a partition key: its value is one of Values, or lies between Low and High (nil = open; the Go forms of
// package value).
type Filter struct {
	Column    string
	Values    []any
	Low, High any
	LowOpen   bool
	HighOpen  bool
}

// Plan is a query ready to run.
type Plan struct {
	SQL       string
	Columns   []Column
	Functions []duck.Function
	Tables    []*TableUse
}

// Analyze resolves and generates a query. Errors are *Error or *parse.Error, or an error of the catalog.
func Analyze(ctx context.Context, q *parse.Query, o Options) (plan *Plan, err error) {
	a := &analyzer{ctx: ctx, opts: o, functions: map[string]string{}, exists: map[*parse.Body]parse.Pos{}}
	if a.opts.Start == (parse.Pos{}) {
		a.opts.Start = parse.Pos{Line: 1, Col: 1}
	}
	if a.opts.CatalogName == "" {
		a.opts.CatalogName = "awsdatacatalog"
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			plan, err = nil, f.err
		}
	}()
	for _, p := range o.Parameters {
		e, err := parse.ParseExpression(p)
		if err != nil {
			return nil, err
		}
		a.params = append(a.params, e)
	}
	rel := a.query(q, nil)
	plan = &Plan{SQL: rel.sql, Functions: a.udfs, Tables: a.tables}
	for _, f := range rel.fields {
		if f.hidden {
			continue
		}
		plan.Columns = append(plan.Columns, Column{Name: f.name, Type: f.t})
	}
	for i := range plan.Columns {
		if plan.Columns[i].Name == "" {
			plan.Columns[i].Name = fmt.Sprintf("_col%d", i)
		}
	}
	if len(a.params) > a.paramsUsed {
		return nil, &Error{Name: "INVALID_PARAMETER_USAGE", Pos: a.opts.Start, Message: fmt.Sprintf("Incorrect number of parameters: expected %d but found %d", a.paramsUsed, len(a.params))}
	}
	return plan, nil
}

// failure carries an error out of the analyzer.
type failure struct{ err error }

type analyzer struct {
	exists     map[*parse.Body]parse.Pos // places of EXISTS by the bodies of their queries
	ctx        context.Context
	opts       Options
	functions  map[string]string // key of a function -> its name in the statement
	udfs       []duck.Function
	tables     []*TableUse
	aliases    int
	depth      int
	viewDepth  int
	params     []*parse.Expr
	paramsUsed int
	ctes       []*cte
}

func (a *analyzer) alias() string {
	a.aliases++
	return fmt.Sprintf("r%d", a.aliases)
}

func (a *analyzer) fail(name string, at parse.Pos, format string, args ...any) {
	panic(failure{&Error{Name: name, Pos: at, Message: fmt.Sprintf(format, args...)}})
}

// refuse reports a construct that Trino has and this package does not.
func (a *analyzer) refuse(at parse.Pos, format string, args ...any) {
	a.fail("NOT_SUPPORTED", at, format, args...)
}
