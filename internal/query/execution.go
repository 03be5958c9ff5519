package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// State of an execution.
type State string

// The states.
const (
	Queued    State = "QUEUED"
	Running   State = "RUNNING"
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
	Cancelled State = "CANCELLED"
)

// Final tells whether a state is the last.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Column is a column of a result.
type Column struct {
	Name string
	Type types.Type
}

// Execution is a statement that was started.
type Execution struct {
	ID, Text, Workgroup string
	Parameters          []string
	Catalog, Database   string
	Principal           string // ARN of who started it
	StatementType       string // DML, DDL, UTILITY
	Substatement        string // SELECT, CREATE_TABLE_AS_SELECT, …
	OutputLocation      string // of the result object
	Encryption, KmsKey  string
	State               State
	Reason              string // of FAILED: NAME: line L:C: message
	Retryable           bool
	Submitted           time.Time
	Completed           time.Time
	ReuseMinutes        int // 0 = results are not reused
	Reused              bool
	Columns             []Column
	Header              bool // the result object begins with the columns' names
	UpdateCount         int64
	ScannedBytes        int64
	OutputBytes         int64
	Rows                int64
	InputFiles          int
	Manifest            string
	Starts              int    // how often it has begun: more than once after a stop of the process
	Target              string // where it makes objects, once it has begun to
	Narrowed            bool   `json:",omitempty"` // its user was a session with a policy of its own
	QueueMillis         int64
	PlanMillis          int64
	EngineMillis        int64
	ServiceMillis       int64
	TotalMillis         int64
}

// StartRequest asks for an execution.
type StartRequest struct {
	Text, Workgroup, Token string
	Parameters             []string
	Catalog, Database      string
	OutputLocation         string
	Encryption, KmsKey     string
	ReuseMinutes           int
	// By is who asks; its rights are those of the statement, where Options.Rights are given.
	By policy.Principal `json:"-"`
}

type runningRef struct {
	Scope ident.Scope
	ID    string
}

type tokenRecord struct{ ID, Hash string }

func executionKey(s ident.Scope, id string) key.Key { return under(s, "execution").Str(id) }

// byTime orders a workgroup's executions, the newest first.
func byTime(s ident.Scope, workgroup string, x *Execution) key.Key {
	return under(s, "byTime").Str(workgroup).Int(-x.Submitted.UnixNano()).Str(x.ID)
}

// Start records a statement and runs it in the background. Errors: ErrInvalid, ErrNotFound (the workgroup); a *parse.Error
// wrapped in ErrInvalid for a text that cannot be parsed.
func (e *Engine) Start(ctx context.Context, s ident.Scope, r StartRequest) (string, error) {
	w, err := e.Workgroup(ctx, s, r.Workgroup)
	if err != nil {
		return "", fmt.Errorf("%w: WorkGroup %s is not found.", ErrInvalid, r.Workgroup)
	}
	if w.Disabled {
		return "", fmt.Errorf("%w: WorkGroup %s is disabled.", ErrInvalid, w.Name)
	}
	x := &Execution{ID: ident.UUID(), Text: r.Text, Workgroup: w.Name, Parameters: r.Parameters, Catalog: r.Catalog, Database: strings.ToLower(r.Database),
		Principal: r.By.ARN, Narrowed: r.By.Grants != nil && r.By.Grants.Session != nil, State: Queued, Submitted: e.clock.Now(), ReuseMinutes: r.ReuseMinutes, Encryption: r.Encryption, KmsKey: r.KmsKey}
	location := r.OutputLocation
	if w.Enforce || location == "" {
		location, x.Encryption, x.KmsKey = w.OutputLocation, w.Encryption, w.KmsKey
	}
	if location == "" {
		return "", fmt.Errorf("%w: No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.", ErrInvalid)
	}
	if _, _, err := splitLocation(location); err != nil {
		return "", err
	}
	st, err := parse.ParseStatement(r.Text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if x.classify(st); x.StatementType == "DML" {
		e.opts.Pool.Warm()
	}
	if !strings.HasSuffix(location, "/") {
		location += "/"
	}
	x.OutputLocation = location + x.ID + x.extension(st)
	return e.record(ctx, s, r, x, st, w)
}

// record makes the execution durable and starts it; a token that was used before gives the execution of then.
func (e *Engine) record(ctx context.Context, s ident.Scope, r StartRequest, x *Execution, st *parse.Statement, w Workgroup) (string, error) {
	var b kv.Batch
	if r.Token != "" {
		raw, err := json.Marshal(r)
		if err != nil {
			return "", fmt.Errorf("encode request: %w", err)
		}
		sum := sha256.Sum256(raw)
		t := tokenRecord{x.ID, hex.EncodeToString(sum[:])}
		k := under(s, "token").Str(r.Token)
		b.IfAbsent(k)
		kv.Put(&b, k, t)
		if old, err := kv.Load[tokenRecord](ctx, e.kv, k); err == nil {
			if old.Hash != t.Hash {
				return "", fmt.Errorf("%w: Idempotent parameters do not match", ErrInvalid)
			}
			return old.ID, nil
		} else if !errors.Is(err, kv.ErrNotFound) {
			return "", err
		}
	}
	kv.Put(&b, executionKey(s, x.ID), x)
	e.tell(&b, s, x, "")
	kv.Put(&b, byTime(s, x.Workgroup, x), x.ID)
	kv.Put(&b, runningKey(s, x.ID), runningRef{s, x.ID})
	if err := kv.Commit(ctx, e.kv, &b); err != nil {
		if errors.Is(err, kv.ErrConflict) {
			return e.record(ctx, s, r, x, st, w) // the same token at the same time
		}
		return "", err
	}
	e.launch(s, x, st, w, r.By)
	return x.ID, nil
}

// launch runs a query in the background.
func (e *Engine) launch(s ident.Scope, x *Execution, st *parse.Statement, w Workgroup, p policy.Principal) {
	e.group.Go("query "+x.ID, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
		defer cancel()
		e.mu.Lock()
		e.cancels[x.ID] = cancel
		e.mu.Unlock()
		defer func() {
			e.mu.Lock()
			delete(e.cancels, x.ID)
			e.mu.Unlock()
		}()
		e.run(ctx, s, x, st, w, p)
	})
}

func runningKey(s ident.Scope, id string) key.Key {
	return key.In(key.Query).Str(runningKind).Str(s.Account).Str(s.Region).Str(id)
}

// Execution returns an execution. Errors: ErrNotFound.
func (e *Engine) Execution(ctx context.Context, s ident.Scope, id string) (*Execution, error) {
	x, err := load[Execution](ctx, e, executionKey(s, id), "QueryExecution %s was not found", id)
	if err != nil {
		return nil, err
	}
	return &x, nil
}

// Executions lists the ids of a workgroup's executions, the newest first. The token is opaque.
func (e *Engine) Executions(ctx context.Context, s ident.Scope, workgroup, after string, limit int) (ids []string, next string, err error) {
	w, err := e.Workgroup(ctx, s, workgroup)
	if err != nil {
		return nil, "", err
	}
	r := kv.Prefix(under(s, "byTime").Str(w.Name))
	if after != "" {
		lo, err := hex.DecodeString(after)
		if err != nil || string(lo) < string(r.Lo) || string(lo) >= string(r.Hi) {
			return nil, "", fmt.Errorf("%w: NextToken is not valid", ErrInvalid)
		}
		r.Lo = lo
	}
	ids, rest, err := kv.LoadAll[string](ctx, e.kv, r, limit)
	if err != nil {
		return nil, "", err
	}
	if rest != nil {
		next = hex.EncodeToString(rest)
	}
	return ids, next, nil
}

// Stop cancels an execution. One that is finished stays as it is.
func (e *Engine) Stop(ctx context.Context, s ident.Scope, id string) error {
	x, err := e.Execution(ctx, s, id)
	if err != nil {
		return err
	}
	if x.State.Final() {
		return nil
	}
	x.State, x.Completed, x.Reason = Cancelled, e.clock.Now(), "Query cancelled by user"
	if err := e.finish(ctx, s, x, nil); err != nil && !errors.Is(err, kv.ErrConflict) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if cancel := e.cancels[id]; cancel != nil {
		cancel()
	}
	return nil
}

// start moves an execution from QUEUED to RUNNING.
func (e *Engine) start(ctx context.Context, s ident.Scope, x *Execution) error {
	if x.State != Queued {
		return nil
	}
	x.State = Running
	x.Starts++
	x.QueueMillis = e.clock.Now().Sub(x.Submitted).Milliseconds()
	var b kv.Batch
	b.IfPresent(runningKey(s, x.ID))
	kv.Put(&b, executionKey(s, x.ID), x)
	e.tell(&b, s, x, Queued)
	return kv.Commit(ctx, e.kv, &b)
}

// finish writes the last state with what is billed for it. ErrConflict: it had a last state before.
func (e *Engine) finish(ctx context.Context, s ident.Scope, x *Execution, run *lineage.Run) error {
	var b kv.Batch
	b.IfPresent(runningKey(s, x.ID))
	b.Delete(runningKey(s, x.ID))
	b.UseReserve()
	kv.Put(&b, executionKey(s, x.ID), x)
	if e.opts.Events != nil {
		old, err := kv.Load[Execution](ctx, e.kv, executionKey(s, x.ID))
		if err != nil {
			return fmt.Errorf("read execution %s: %w", x.ID, err)
		}
		e.tell(&b, s, x, old.State)
	}
	if x.ScannedBytes > 0 {
		const unit = 10_000_000 // a query is billed for at least ten megabytes
		billed := max(x.ScannedBytes, unit)
		e.opts.Meter.Add(&b, x.Completed, s, meter.AthenaBytes, x.Workgroup, float64(billed))
	}
	if run != nil {
		lineage.Record(&b, *run)
	}
	return kv.Commit(ctx, e.kv, &b)
}

// classify sets the statement's type as Athena names it.
func (x *Execution) classify(st *parse.Statement) {
	x.Substatement = strings.ReplaceAll(st.Kind, " ", "_")
	switch st.Kind {
	case parse.Select, parse.Insert, parse.Unload, parse.Execute:
		x.StatementType = "DML"
	case parse.Show, parse.Describe, parse.Explain:
		x.StatementType = "UTILITY"
		if st.Kind == parse.Show {
			x.Substatement = "SHOW_" + strings.ReplaceAll(st.Action, " ", "_")
		}
	default:
		x.StatementType = "DDL"
		if st.Kind == parse.AlterTable {
			x.Substatement = "ALTER_TABLE_" + strings.ReplaceAll(st.Action, " ", "_")
		}
	}
}

// extension of the result object: rows of queries are CSV, the output of DDL is text.
func (x *Execution) extension(st *parse.Statement) string {
	switch st.Kind {
	case parse.Select, parse.Execute:
		return ".csv"
	case parse.CreateTableAs, parse.Insert, parse.Unload:
		return ""
	}
	return ".txt"
}
