package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// defaultChildren is how many children of a map run run at a time when nothing is said.
const defaultChildren = 1000

// mapRunner drives one map run: it reads items, starts children and counts their ends. At most Concurrency children are
// in memory.
type mapRunner struct {
	engine  *Engine
	x       *exec
	start   interp.MapStart
	express bool
	done    chan struct{} // closed when the run has ended
	held    *heldItem     // of the goroutine that feeds

	mu      sync.Mutex // guards the fields below
	info    MapRun
	active  map[int]*exec
	wake    chan struct{} // a child ended, or the limits changed
	failure *TaskError
}

func (r *mapRunner) snapshot() MapRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.info
}

func (r *mapRunner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *mapRunner) change(ctx context.Context, in UpdateMapRun) error {
	r.mu.Lock()
	if in.Concurrency != nil {
		r.info.Concurrency = *in.Concurrency
	}
	if in.TolerateCount != nil {
		r.info.TolerateCount = *in.TolerateCount
	}
	if in.TolerateShare != nil {
		r.info.TolerateShare = *in.TolerateShare
	}
	r.mu.Unlock()
	r.nudge()
	return r.store(ctx)
}

func (r *mapRunner) store(ctx context.Context) error {
	info := r.snapshot()
	if r.x.rec.Express {
		return nil
	}
	s, machine, run, err := parseMapRun(info.ARN)
	if err != nil {
		return err
	}
	var b kv.Batch
	kv.Put(&b, mapRunKey(s, machine, run), info)
	b.Set(runsKey(r.x.rec.Key, info.ARN), nil)
	if err := kv.Commit(ctx, r.engine.store, &b); err != nil {
		return fmt.Errorf("store map run: %w", err)
	}
	return nil
}

// run drives the run to its end.
func (r *mapRunner) run(ctx context.Context) (string, *TaskError) {
	r.active = map[int]*exec{}
	known, again, err := r.recall(ctx)
	if err != nil {
		return "", &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
	}
	if err := r.store(ctx); err != nil {
		return "", &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
	}
	src, fail := r.engine.source(ctx, r.x, r.start)
	if fail == nil {
		if fail = r.redriveChildren(ctx, again); fail == nil {
			fail = r.feed(ctx, src, known)
		}
		src.Close()
	}
	r.drain(ctx, fail != nil || ctx.Err() != nil)
	if fail == nil {
		r.mu.Lock()
		fail = r.failure
		r.mu.Unlock()
	}
	output := ""
	if fail == nil && ctx.Err() == nil {
		output, fail = r.collect(ctx)
	}
	r.mu.Lock()
	r.info.Stop = r.engine.now()
	switch {
	case ctx.Err() != nil:
		r.info.Status = interp.Aborted
	case fail != nil:
		r.info.Status = interp.Failed
	default:
		r.info.Status = interp.Succeeded
	}
	r.mu.Unlock()
	if r.engine.group.Context().Err() == nil {
		if err := r.store(r.engine.group.Context()); err != nil {
			r.engine.log.Error("end of a map run was not stored", "run", r.info.ARN, "error", err)
		}
	}
	return output, fail
}

// feed starts children for the items until there are no more.
func (r *mapRunner) feed(ctx context.Context, src itemSource, known map[int]bool) *TaskError {
	for index := 0; ; {
		items, first, fail := r.batch(ctx, src)
		if fail != nil {
			return fail
		}
		if items == nil {
			return nil
		}
		if known[index] {
			index++
			continue
		}
		if !r.room(ctx) {
			return nil
		}
		if err := r.launch(ctx, index, items, first); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			var se *asl.StateError
			if errors.As(err, &se) {
				return &TaskError{Error: se.Name, Cause: se.Cause}
			}
			return &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
		}
		index++
	}
}

// room waits until one more child may start. It reports false when none may start any more.
func (r *mapRunner) room(ctx context.Context) bool {
	for {
		r.mu.Lock()
		limit := int(r.info.Concurrency)
		if limit <= 0 || limit > defaultChildren {
			limit = defaultChildren
		}
		ok, failed := len(r.active) < limit, r.failure != nil
		r.mu.Unlock()
		if failed || ctx.Err() != nil {
			return false
		}
		if ok {
			return true
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return false
		}
	}
}

// drain waits for the children that run; with abort it stops them first.
func (r *mapRunner) drain(ctx context.Context, abort bool) {
	for {
		r.mu.Lock()
		n := len(r.active)
		var stop []*exec
		if abort || r.failure != nil {
			for _, x := range r.active {
				stop = append(stop, x)
			}
		}
		r.mu.Unlock()
		if n == 0 || r.engine.group.Context().Err() != nil {
			return
		}
		for _, x := range stop {
			r.engine.abort(x)
		}
		if ctx.Err() != nil {
			abort = true
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			if abort {
				select {
				case <-r.wake:
				case <-r.engine.group.Context().Done():
				}
			}
		}
	}
}

// heldItem is an item that was read and did not fit into its batch.
type heldItem struct {
	in    any
	index int
	size  int64
}

// batch takes the items of the next child: as many as the batcher allows and as fit its bytes, 256 KiB when it names none.
// items is nil at the end.
func (r *mapRunner) batch(ctx context.Context, src itemSource) (items []any, first int, fail *TaskError) {
	b := r.start.Batch
	limit, maxBytes, size := int64(1), int64(0), int64(0)
	if b != nil {
		limit, maxBytes = b.MaxItems, asl.MaxPayload
		if limit == 0 {
			limit = 1 << 31
		}
		if b.MaxBytes > 0 {
			maxBytes = min(maxBytes, b.MaxBytes)
		}
		size = int64(len(jsonvalue.Marshal(batchInput(b, nil))))
	}
	for int64(len(items)) < limit {
		next := r.held
		if next == nil {
			v, index, ok, fail := src.Next(ctx)
			if fail != nil {
				return nil, 0, fail
			}
			if !ok {
				break
			}
			in, err := r.itemInput(index, v)
			if err != nil {
				var se *asl.StateError
				if errors.As(err, &se) {
					return nil, 0, &TaskError{Error: se.Name, Cause: se.Cause}
				}
				return nil, 0, &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
			}
			next = &heldItem{in: in, index: index}
			if b != nil {
				next.size = int64(len(jsonvalue.Marshal(in))) + 1
			}
		}
		r.held = nil
		if len(items) > 0 && size+next.size > maxBytes+1 { // the last one has no comma
			r.held = next
			break
		}
		if len(items) == 0 {
			first = next.index
		}
		items = append(items, next.in)
		size += next.size
	}
	return items, first, nil
}

// batchInput is what the child of a batch gets.
func batchInput(b *interp.Batch, items []any) *jsonvalue.Object {
	o := jsonvalue.NewObject()
	if b.Input != nil {
		o.Set("BatchInput", b.Input)
	}
	if items == nil {
		items = []any{}
	}
	o.Set("Items", items)
	return o
}

func (r *mapRunner) itemInput(index int, v any) (any, error) {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	return r.engine.newStep(r.x).ItemInput(r.start.Thread, index, v)
}

// launch starts the child for a batch of items.
func (r *mapRunner) launch(ctx context.Context, index int, items []any, first int) error {
	e := r.engine
	in := items[0]
	if b := r.start.Batch; b != nil {
		in = batchInput(b, items)
	}
	input := jsonvalue.Marshal(in)
	if len(input) > asl.MaxPayload {
		return &asl.StateError{Name: asl.ErrDataLimit, Cause: fmt.Sprintf("The input of a child of the state '%s' has %d bytes, more than the %d allowed.", r.start.State.Name, len(input), asl.MaxPayload)}
	}
	parent := r.x.rec
	name := ident.UUID()
	now := e.clock.Now()
	base, _, _ := strings.Cut(parent.Machine, "/")
	machine := base + "/" + labelOf(r.start.ARN)
	rec := &Record{
		Scope: parent.Scope, Key: e.newKey(now), Name: name, Machine: machine, MachineARN: parent.Scope.ARN("states", "stateMachine:"+machine), RoleARN: parent.RoleARN, Hash: parent.Hash,
		Status: interp.Running, Input: input, Start: now.UTC(), MapRun: r.info.ARN, Index: index, Items: len(items), Processor: r.start.State.Name, Logging: parent.Logging, Tracing: parent.Tracing,
		Updated: parent.Updated, Express: r.express || parent.Express, ARN: parent.Scope.ARN("states", "execution:"+machine+":"+name),
	}
	if r.start.Batch == nil {
		rec.Item = jsonvalue.Marshal(jsonvalue.NewObject("Index", jsonvalue.Int(int64(first)), "Value", items[0]))
	}
	m, err := e.machineOf(ctx, rec)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.info.Counts.Total++
	r.info.Items.Total += int64(len(items))
	r.info.Counts.add(interp.Running, 1)
	r.info.Items.add(interp.Running, int64(len(items)))
	r.mu.Unlock()
	if rec.Express {
		rec.ARN = parent.Scope.ARN("states", "express:"+machine+":"+name+":"+ident.UUID())
		r.watch(index, e.startExpress(rec, m))
		return nil
	}
	x := e.newExec(rec, m)
	return e.startChild(ctx, x, rec, func(b *kv.Batch) {
		kv.Put(b, childKey(r.info.ARN, index), child{Listed: rec.listed(), Round: r.info.Redrives})
	}, func() { r.watch(index, x) })
}

// watch counts a child that was started and waits for its end.
func (r *mapRunner) watch(index int, x *exec) {
	r.mu.Lock()
	r.active[index] = x
	r.mu.Unlock()
	r.engine.group.Go("workflow map child", func(ctx context.Context) {
		select {
		case <-x.ended:
			r.childDone(index, x.result)
		case <-ctx.Done():
		}
	})
}

func (r *mapRunner) childDone(index int, rec *Record) {
	c := child{Listed: rec.listed(), Output: rec.Output, Error: rec.Error, Cause: rec.Cause, Round: r.info.Redrives}
	if rec.Express {
		c.Input = rec.Input
	}
	if !r.x.rec.Express {
		var b kv.Batch
		kv.Put(&b, childKey(r.info.ARN, index), c)
		if err := kv.Commit(r.engine.group.Context(), r.engine.store, &b); err != nil {
			r.engine.log.Error("result of a map run's child was not stored", "run", r.info.ARN, "error", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, index)
	items := int64(rec.Items)
	r.info.Counts.Running--
	r.info.Items.Running -= items
	r.info.Counts.add(rec.Status, 1)
	r.info.Items.add(rec.Status, items)
	bad := r.info.Items.Failed + r.info.Items.TimedOut + r.info.Items.Aborted
	if bad > 0 && r.failure == nil && !r.tolerated(bad) {
		r.failure = &TaskError{Error: asl.ErrExceedTolerated, Cause: "The specified tolerated failure threshold was exceeded"}
	}
	r.nudge()
}

// tolerated reports whether so many failed items are within the limits. r.mu is held.
func (r *mapRunner) tolerated(bad int64) bool {
	if r.info.TolerateCount > 0 && bad <= r.info.TolerateCount && r.info.TolerateShare == 0 {
		return true
	}
	total := r.info.Items.Total
	if n := int64(len(r.start.Items)); n > total {
		total = n
	}
	share := float64(bad) * 100 / float64(max(total, 1))
	switch {
	case r.info.TolerateCount > 0 && r.info.TolerateShare > 0:
		return bad <= r.info.TolerateCount && share <= r.info.TolerateShare
	case r.info.TolerateShare > 0:
		return share <= r.info.TolerateShare
	}
	return false
}
