package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// running is an execution while it runs.
type running struct {
	e     *Engine
	s     ident.Scope
	x     *Execution
	w     Workgroup
	p     policy.Principal // who started it
	dir   string           // scratch files, removed at the end
	at    parse.Pos        // of the statement, where it is not 1:1
	files int

	inputs, outputs []lineage.Asset
}

// run carries a statement out and writes its last state.
func (e *Engine) run(ctx context.Context, s ident.Scope, x *Execution, st *parse.Statement, w Workgroup, p policy.Principal) {
	r := &running{e: e, s: s, x: x, w: w, p: p, dir: filepath.Join(e.opts.Dir, x.ID)}
	err := r.guarded(ctx, st)
	if rmErr := os.RemoveAll(r.dir); rmErr != nil {
		e.log.Warn("scratch files stay", "query", x.ID, "err", rmErr)
	}
	if e.group.Context().Err() != nil {
		return // the next start says what happened
	}
	x.Completed = e.clock.Now()
	x.TotalMillis = x.Completed.Sub(x.Submitted).Milliseconds()
	x.ServiceMillis = max(0, x.TotalMillis-x.QueueMillis-x.PlanMillis-x.EngineMillis)
	x.State = Succeeded
	var run *lineage.Run
	if err != nil {
		x.State, x.Reason = Failed, e.reason(ctx, x, err)
	} else {
		run = &lineage.Run{ID: x.ID, Kind: "query", Subject: s.ARN("athena", "workgroup/"+x.Workgroup), At: x.Completed, Account: s.Account,
			Inputs: r.inputs, Outputs: r.outputs, Rows: x.Rows, Detail: x.Substatement, Duration: x.Completed.Sub(x.Submitted)}
	}
	final := context.WithoutCancel(ctx)
	if err := e.finish(final, s, x, run); err != nil && !errors.Is(err, kv.ErrConflict) {
		e.log.Error("state of a query was not written", "query", x.ID, "err", err)
	}
}

// reason is what the user reads: Trino's name, place and message.
func (e *Engine) reason(ctx context.Context, x *Execution, err error) string {
	var known *sqlfront.Error
	var syntax *parse.Error
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("EXCEEDED_TIME_LIMIT: Query exceeded the maximum time limit of %s", e.opts.Timeout)
	case errors.As(err, &known):
		return known.Error()
	case errors.As(err, &syntax):
		return "SYNTAX_ERROR: " + syntax.Error()
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrNotFound), errors.Is(err, ErrNoMetadata):
		return "FAILED: " + err.Error()
	}
	e.log.Error("query failed", "query", x.ID, "err", err)
	return "GENERIC_INTERNAL_ERROR: " + err.Error()
}

func (r *running) guarded(ctx context.Context, st *parse.Statement) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.e.log.Error("query panicked", "query", r.x.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error while the statement ran")
		}
	}()
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	if err := r.mayWrite(ctx, r.x.OutputLocation); err != nil {
		return err
	}
	return r.statement(ctx, st)
}

// statement runs a statement that is not a prepared one's call.
func (r *running) statement(ctx context.Context, st *parse.Statement) error {
	if st.Kind == parse.Execute && st.Action == "IMMEDIATE" {
		inner, err := parse.ParseImmediate(st)
		if err != nil {
			return err
		}
		r.x.Parameters, r.at = st.Using, inner.Pos
		return r.statement(ctx, inner)
	}
	if st.Kind == parse.Execute {
		p, err := r.e.Prepared(ctx, r.s, r.x.Workgroup, st.Name[0])
		if errors.Is(err, ErrNotFound) {
			return &sqlfront.Error{Name: "NOT_FOUND", Message: "Prepared statement not found: " + st.Name[0]}
		}
		if err != nil {
			return err
		}
		inner, err := parse.ParseStatement(p.Text)
		if err != nil {
			return err
		}
		if len(st.Using) > 0 {
			r.x.Parameters = st.Using
		}
		r.x.classify(inner)
		if inner.Kind != parse.Select {
			r.x.OutputLocation = trimExtension(r.x.OutputLocation)
		}
		st = inner
	}
	switch st.Kind {
	case parse.Select:
		return r.selectQuery(ctx, st)
	case parse.CreateTableAs:
		return r.createTableAs(ctx, st)
	case parse.Insert:
		return r.insert(ctx, st)
	case parse.Unload:
		return r.unload(ctx, st)
	case parse.Prepare:
		err := r.e.PutPrepared(ctx, r.s, Prepared{Name: st.Name[0], Workgroup: r.x.Workgroup, Text: st.QueryText}, false)
		return r.ddlDone(ctx, err)
	case parse.Deallocate:
		return r.ddlDone(ctx, r.e.DeletePrepared(ctx, r.s, r.x.Workgroup, st.Name[0]))
	case parse.Explain:
		return r.explain(ctx, st)
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.ddl(ctx, st)
}

func trimExtension(location string) string {
	return location[:len(location)-len(filepath.Ext(location))]
}

func (r *running) start(ctx context.Context) error { return r.e.start(ctx, r.s, r.x) }

// plan types a query against the catalog.
func (r *running) plan(ctx context.Context, q *parse.Query) (*sqlfront.Plan, error) {
	begin := time.Now()
	plan, err := sqlfront.Analyze(ctx, q, sqlfront.Options{Catalog: &resolver{r}, Database: r.database(),
		User: r.x.Principal, Now: r.e.clock.Now(), Parameters: r.x.Parameters, Start: r.at})
	r.x.PlanMillis += time.Since(begin).Milliseconds()
	return plan, err
}

func (r *running) selectQuery(ctx context.Context, st *parse.Statement) error {
	if done, err := r.reuse(ctx); done || err != nil {
		return err
	}
	plan, err := r.plan(ctx, st.Query)
	if err != nil {
		return err
	}
	for _, c := range plan.Columns {
		r.x.Columns = append(r.x.Columns, Column{c.Name, c.Type})
	}
	r.x.Header = true
	return r.execute(ctx, plan, plan.SQL, nil, r.writeRows)
}

// explain validates a query, or shows the statement that would run.
func (r *running) explain(ctx context.Context, st *parse.Statement) error {
	if st.Action == "ANALYZE" {
		return &sqlfront.Error{Name: "NOT_SUPPORTED", Message: "EXPLAIN ANALYZE is not supported"}
	}
	if st.Inner.Query == nil {
		return &sqlfront.Error{Name: "NOT_SUPPORTED", Message: "EXPLAIN of " + st.Inner.Kind + " is not supported"}
	}
	plan, err := r.plan(ctx, st.Inner.Query)
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	if st.Action == "VALIDATE" {
		return r.lines(ctx, []Column{{"Valid", types.Of(types.Boolean)}}, [][]string{{"true"}})
	}
	rows := [][]string{{"Query Plan"}}
	for _, t := range plan.Tables {
		rows = append(rows, []string{fmt.Sprintf("- TableScan[%s.%s]", t.Database, t.Table)})
	}
	for _, c := range plan.Columns {
		rows = append(rows, []string{fmt.Sprintf("- Output[%s %s]", c.Name, c.Type)})
	}
	return r.lines(ctx, []Column{{"Query Plan", varchar}}, rows)
}
