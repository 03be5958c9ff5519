package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// collectEvery is how often executions whose time is over are looked for.
const collectEvery = time.Hour

// sweepEvery is how many collections are between two looks at the definitions.
const sweepEvery = 24

// collect forgets executions that ended longer ago than the retention, and texts of definitions that nothing refers to.
func (e *Engine) collect(ctx context.Context) {
	for n := 1; clock.Sleep(ctx, e.clock, collectEvery) == nil; n++ {
		if n%sweepEvery == 0 {
			if err := e.sweepDefinitions(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("old definitions cannot be removed", "error", err)
			}
		}
		if err := e.collectOnce(ctx, e.clock.Now().Add(-e.keep)); err != nil && ctx.Err() == nil {
			e.log.Error("ended executions cannot be removed", "error", err)
		}
	}
}

// collectOnce forgets what ended before a time.
func (e *Engine) collectOnce(ctx context.Context, before time.Time) error {
	rng := kv.Range{Lo: key.In(key.Workflow).Str("g"), Hi: gcKey(before, 0)}
	for {
		var list []key.Key // not all at once: they are many after a long rest
		for it, err := range e.store.Scan(ctx, rng) {
			if err != nil {
				return fmt.Errorf("scan ended executions: %w", err)
			}
			list = append(list, append(key.Key(nil), it.Value...))
			rng.Lo = append(append(key.Key(nil), it.Key...), 0)
			if len(list) == 1000 {
				break
			}
		}
		for _, rk := range list {
			if err := e.forgetRecord(ctx, rk); err != nil {
				return err
			}
		}
		if len(list) < 1000 {
			return nil
		}
	}
}

// forget removes all that is kept of an execution that has ended, its map runs and their children included.
func (e *Engine) forget(ctx context.Context, s ident.Scope, machine, name string) error {
	return e.forgetRecord(ctx, recordKey(s, machine, name))
}

func (e *Engine) forgetRecord(ctx context.Context, rk key.Key) error {
	rec, err := kv.Load[Record](ctx, e.store, rk)
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load execution: %w", err)
	}
	gk := gcKey(rec.Stop, rec.Key)
	var b kv.Batch
	b.IfPresent(gk) // it may be redriven at this moment
	if err := e.forgetRuns(ctx, &b, &rec); err != nil {
		return err
	}
	b.Delete(rk)
	b.Delete(listKey(rec.Scope, rec.Machine, rec.Start, rec.Key))
	for _, kind := range []string{"h", "t", "i", "o"} {
		p := byKey(kind, rec.Key)
		b.DeleteRange(p, p.End())
	}
	b.Delete(runKey(rec.Key))
	b.Delete(gk)
	err = kv.Commit(ctx, e.store, &b)
	if err != nil && !errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("forget execution: %w", err)
	}
	return nil
}

// forgetRuns removes the children of an execution's map runs and adds the runs to its batch.
func (e *Engine) forgetRuns(ctx context.Context, b *kv.Batch, rec *Record) error {
	prefix := byKey("q", rec.Key)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan map runs: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		r.Uint()
		arn := r.Str()
		s, machine, run, err := parseMapRun(arn)
		if err != nil {
			return fmt.Errorf("map run %q: %w", arn, err)
		}
		children := key.In(key.Workflow).Str("n").Str(arn)
		for it, err := range e.store.Scan(ctx, kv.Range{Lo: children, Hi: children.End()}) {
			if err != nil {
				return fmt.Errorf("scan map run: %w", err)
			}
			var c child
			if err := decode(it.Value, &c); err != nil {
				return err
			}
			a, err := ParseExecutionARN(c.ARN)
			if err != nil || a.Express {
				continue // Express children have no record
			}
			if err := e.forget(ctx, a.Scope, a.Machine, a.Name); err != nil {
				return err
			}
		}
		b.DeleteRange(children, children.End())
		b.Delete(mapRunKey(s, machine, run))
	}
	b.DeleteRange(prefix, prefix.End())
	return nil
}
