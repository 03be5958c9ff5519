package workflow

import (
	"context"
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
	type victim struct {
		scope         ident.Scope
		machine, name string
	}
	var list []victim
	prefix := key.In(key.Workflow).Str("g")
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: gcKey(before, 0)}) {
		if err != nil {
			return fmt.Errorf("scan ended executions: %w", err)
		}
		r := key.Read(it.Value, key.Workflow)
		r.Str()
		v := victim{ident.Scope{Account: r.Str(), Region: r.Str()}, r.Str(), r.Str()}
		if r.Err() != nil {
			return fmt.Errorf("ended execution: %w", r.Err())
		}
		list = append(list, v)
	}
	for _, v := range list {
		if err := e.forget(ctx, v.scope, v.machine, v.name); err != nil {
			return err
		}
	}
	return nil
}
