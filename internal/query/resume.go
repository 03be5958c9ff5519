package query

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

// maxStarts bounds how often a query begins: one that the process does not survive is not begun for ever.
const maxStarts = 3

// interrupted finds the queries that the end of the last process interrupted.
func (e *Engine) interrupted(ctx context.Context) error {
	list, _, err := kv.LoadAll[runningRef](ctx, e.kv, kv.Prefix(key.In(key.Query).Str(runningKind)), 0)
	if err != nil {
		return fmt.Errorf("read running queries: %w", err)
	}
	e.left = list
	return nil
}

// Resume carries on with the queries that the end of the last process interrupted: what they had written is removed, and they begin
// anew under their ids. Those whose effects cannot be told from somebody else's (DDL) fail instead and say that they may be repeated. It is called once,
// when everything that a query may need is there.
func (e *Engine) Resume(ctx context.Context) error {
	for _, r := range e.left {
		x, err := e.Execution(ctx, r.Scope, r.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if x.State.Final() {
			continue // it was stopped between Open and now
		}
		e.group.Go("resume query "+x.ID, func(ctx context.Context) { e.resume(ctx, r.Scope, x) })
	}
	e.left = nil
	return nil
}

func (e *Engine) resume(ctx context.Context, s ident.Scope, x *Execution) {
	err := e.again(ctx, s, x)
	if err == nil || ctx.Err() != nil || errors.Is(err, kv.ErrConflict) {
		return // under way, left to the next start, or stopped by its user
	}
	x.State, x.Completed, x.Retryable = Failed, e.clock.Now(), true
	x.Reason = "GENERIC_INTERNAL_ERROR: the query was interrupted by a stop of the server: " + err.Error()
	if err := e.finish(ctx, s, x, nil); err != nil && !errors.Is(err, kv.ErrConflict) && ctx.Err() == nil {
		e.log.Error("state of a query was not written", "query", x.ID, "err", err)
	}
}

// again begins an interrupted query anew, or returns why it cannot.
func (e *Engine) again(ctx context.Context, s ident.Scope, x *Execution) error {
	st, err := parse.ParseStatement(x.Text)
	if err != nil {
		return err
	}
	w, err := e.Workgroup(ctx, s, x.Workgroup)
	if err != nil {
		return err
	}
	if st.Kind == parse.CreateTableAs && x.Target != "" {
		r := &running{e: e, s: s, x: x, w: w}
		db, name, err := r.tableName(st.Name)
		if err != nil {
			return err
		}
		t, err := e.opts.Catalog.Table(ctx, s, db, name)
		if err == nil && t.Storage != nil && strings.TrimSuffix(t.Storage.Location, "/") == strings.TrimSuffix(x.Target, "/") {
			x.State, x.Completed = Succeeded, e.clock.Now() // the table is made, only the record of it was lost
			return e.finish(ctx, s, x, nil)
		}
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
	}
	if err := e.discard(ctx, x); err != nil {
		return fmt.Errorf("remove what it had written: %w", err)
	}
	switch st.Kind {
	case parse.Select, parse.Explain, parse.CreateTableAs, parse.Insert, parse.Unload:
	default:
		return errors.New("a statement of this kind is not begun anew")
	}
	if x.Starts >= maxStarts {
		return fmt.Errorf("it has begun %d times", x.Starts)
	}
	e.log.Info("begin an interrupted query anew", "query", x.ID)
	p, err := e.starter(s, x)
	if err != nil {
		return err
	}
	from := x.State
	x.State, x.Target, x.Columns, x.Manifest = Queued, "", nil, ""
	x.OutputBytes, x.ScannedBytes, x.Rows, x.UpdateCount, x.InputFiles, x.PlanMillis, x.EngineMillis = 0, 0, 0, 0, 0, 0, 0
	var b kv.Batch
	b.IfPresent(runningKey(s, x.ID))
	kv.Put(&b, executionKey(s, x.ID), x)
	e.tell(&b, s, x, from)
	if err := kv.Commit(ctx, e.kv, &b); err != nil {
		return err
	}
	e.launch(s, x, st, w, p)
	return nil
}

// discard removes the objects that an interrupted query had made: their names carry its id.
func (e *Engine) discard(ctx context.Context, x *Execution) error {
	if x.Target == "" {
		return nil
	}
	bucket, prefix, err := folder(x.Target)
	if err != nil {
		return err
	}
	for after, more := "", true; more; {
		page, err := e.opts.Objects.List(ctx, &objstore.ListRequest{Bucket: bucket, Prefix: prefix, After: after, Limit: 1000})
		if errors.Is(err, objstore.ErrNoSuchBucket) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, o := range page.Objects {
			if !strings.Contains(o.Key[strings.LastIndexByte(o.Key, '/')+1:], "_"+x.ID) {
				continue
			}
			if _, err := e.opts.Objects.Delete(ctx, &objstore.DeleteRequest{Bucket: bucket, Key: o.Key}); err != nil {
				return err
			}
		}
		after, more = page.Next, page.More
	}
	return nil
}

// writing records where a query is about to make objects, before the first of them.
func (e *Engine) writing(ctx context.Context, s ident.Scope, x *Execution, location string) error {
	x.Target = location
	var b kv.Batch
	b.IfPresent(runningKey(s, x.ID)) // it may have been stopped
	kv.Put(&b, executionKey(s, x.ID), x)
	return kv.Commit(ctx, e.kv, &b)
}
