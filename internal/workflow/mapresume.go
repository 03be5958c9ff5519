package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// kept is a child of a map run that is in the store.
type kept struct {
	index int
	child child
}

// recall reads what is stored of the run: it was started before a restart or is redriven. It counts the children that have
// ended, waits for those that still run, and returns which items have a child and which children are to run again.
func (r *mapRunner) recall(ctx context.Context) (known map[int]bool, again []kept, err error) {
	if err := r.recallInfo(ctx); err != nil {
		return nil, nil, err
	}
	known = map[int]bool{}
	var running []kept
	err = r.children(ctx, func(index int, c *child) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		over := c.Status != interp.Running && c.Status != interp.Succeeded && c.Round < r.info.Redrives
		if r.express && (over || c.Status == interp.Running) {
			return nil // is run again as a new child: it lived in memory only
		}
		known[index] = true
		r.info.Counts.Total++
		r.info.Items.Total += int64(c.Items)
		if over {
			r.info.Counts.PendingRedrive++
			r.info.Items.PendingRedrive += int64(c.Items)
			again = append(again, kept{index, *c})
			return nil
		}
		r.info.Counts.add(c.Status, 1)
		r.info.Items.add(c.Status, int64(c.Items))
		if c.Status == interp.Running {
			running = append(running, kept{index, *c})
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, k := range running {
		if err := r.rejoin(ctx, k.index, k.child.ARN); err != nil {
			return nil, nil, err
		}
	}
	return known, again, nil
}

// recallInfo takes over when the run was started and redriven.
func (r *mapRunner) recallInfo(ctx context.Context) error {
	s, machine, run, err := parseMapRun(r.info.ARN)
	if err != nil {
		return err
	}
	old, err := kv.Load[MapRun](ctx, r.engine.store, mapRunKey(s, machine, run))
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load map run: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.info.Start, r.info.Redriven = old.Start, old.Redriven
	if old.Redrives < r.info.Redrives {
		r.info.Redriven = r.engine.now()
	}
	return nil
}

// rejoin waits for a child that ran when the engine was started, or counts it when it has ended since.
func (r *mapRunner) rejoin(ctx context.Context, index int, arn string) error {
	rec, err := r.engine.Execution(ctx, arn)
	if err != nil {
		return err
	}
	if x := r.engine.find(rec.Key); x != nil {
		r.watch(index, x)
		return nil
	}
	if rec, err = r.engine.Execution(ctx, arn); err != nil { // it may have ended between the two looks
		return err
	}
	if rec.Status == interp.Running {
		return fmt.Errorf("execution %s could not be resumed", arn)
	}
	r.childDone(index, rec)
	return nil
}

// redriveChildren lets children go on that did not succeed.
func (r *mapRunner) redriveChildren(ctx context.Context, again []kept) *TaskError {
	for _, k := range again {
		if !r.room(ctx) {
			return nil
		}
		if err := r.redriveChild(ctx, k); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return &TaskError{Error: asl.ErrRuntime, Cause: fmt.Sprintf("Child execution %s cannot be redriven: %v", k.child.ARN, err)}
		}
	}
	return nil
}

func (r *mapRunner) redriveChild(ctx context.Context, k kept) error {
	rec, err := r.engine.Execution(ctx, k.child.ARN)
	if err != nil {
		return err
	}
	return r.engine.redrive(ctx, rec, r.engine.now(), func(b *kv.Batch, rec *Record) {
		kv.Put(b, childKey(r.info.ARN, k.index), child{Listed: rec.listed(), Round: r.info.Redrives})
	}, func(x *exec) {
		r.mu.Lock()
		r.info.Counts.PendingRedrive--
		r.info.Items.PendingRedrive -= int64(k.child.Items)
		r.info.Counts.add(interp.Running, 1)
		r.info.Items.add(interp.Running, int64(k.child.Items))
		r.mu.Unlock()
		r.watch(k.index, x)
	})
}
