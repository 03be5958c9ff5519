package workflow

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// An execution that only waits leaves the memory: its row "r" becomes a row "s", and one "w" if a timer will wake it. What
// needs it (a timer, a token, a stop, a look at its states) reads it again with awake. A start reads no sleeper.
type sleepTimes struct {
	every time.Duration // how often executions and timers are looked at
	rest  time.Duration // how long an execution has had no step before it sleeps
	least time.Duration // what is due sooner stays
	ahead time.Duration // timers that are due sooner are in memory; at least every, less than least
}

var usualSleep = sleepTimes{every: 10 * time.Second, rest: 10 * time.Second, least: time.Minute, ahead: 45 * time.Second}

// wakers is how many sleepers are read at a time for their timers.
const wakers = 16

// errAsleep is what a step meets on an execution that has just left the memory: the caller reads it again.
var errAsleep = errors.New("execution is asleep")

// sleepValue is the row "s": when the execution is due, 0 = never, then what row "r" holds.
func sleepValue(due time.Time, run []byte) []byte {
	return append(binary.AppendVarint(nil, dueMicro(due)), run...)
}

func dueMicro(due time.Time) int64 {
	if due.IsZero() {
		return 0
	}
	return due.UnixMicro()
}

// readSleep reads a row "s".
func readSleep(b []byte) (due time.Time, run []byte, err error) {
	n, l := binary.Varint(b)
	if l <= 0 {
		return due, nil, interp.ErrMalformed
	}
	if n != 0 {
		due = time.UnixMicro(n)
	}
	return due, b[l:], nil
}

// rise puts into the batch of a step what makes a sleeper an execution that runs. x.mu is held.
func (x *exec) rise(b *kv.Batch) {
	if !x.asleep {
		return
	}
	x.asleep = false
	b.Delete(sleepKey(x.rec.Key))
	if !x.due.IsZero() {
		b.Delete(wakeKey(x.due, x.rec.Key))
	}
}

// rests reports whether nothing in memory belongs to the execution but its state, and when its next timer is due; zero =
// never. x.mu is held.
func (e *Engine) rests(x *exec, now time.Time) (due time.Time, ok bool) {
	if x.rec.Express || x.rec.MapRun != "" || x.broken || x.result != nil || x.state.Status != interp.Running || x.unsettled > 0 || x.tasks > 0 || x.waiters > 0 ||
		now.Sub(x.touched) < e.sleep.rest {
		return due, false
	}
	s := e.newStep(x)
	for _, t := range x.state.Threads {
		if !s.Rests(t) {
			return due, false
		}
		if at := s.WakeAt(t); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	return due, due.IsZero() || due.Sub(now) > e.sleep.least
}

// evict takes an execution that only waits out of the memory. It reports whether it did.
func (e *Engine) evict(ctx context.Context, x *exec) (bool, kv.Pending, error) {
	if !x.mu.TryLock() {
		return false, nil, nil
	}
	defer x.mu.Unlock()
	due, ok := e.rests(x, e.clock.Now())
	if !ok {
		return false, nil, nil
	}
	if !due.IsZero() {
		due = time.UnixMicro(due.UnixMicro()) // as the row "s" has it
	}
	var p kv.Pending
	if !x.asleep {
		k := x.rec.Key
		var b kv.Batch
		b.Delete(runKey(k))
		b.Set(sleepKey(k), sleepValue(due, encodeRun(x.state, recordKey(x.rec.Scope, x.rec.Machine, x.rec.Name))))
		if !due.IsZero() {
			b.Set(wakeKey(due, k), nil)
		}
		var err error
		if p, err = e.store.Apply(ctx, &b); err != nil {
			return false, nil, fmt.Errorf("store execution: %w", err)
		}
	}
	x.gone = true
	e.live.CompareAndDelete(x.rec.Key, x)
	for id := range x.state.Threads {
		e.alarms.drop(x.rec.Key, id)
	}
	return true, p, nil
}

// sleepers takes executions that only wait out of the memory, and sets the alarms of those that are due soon.
func (e *Engine) sleepers(ctx context.Context) {
	for clock.Sleep(ctx, e.clock, e.sleep.every) == nil {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("executions stay in memory", "error", err)
		}
		if err := e.alarmSleepers(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("timers of executions cannot be read", "error", err)
		}
	}
}

func (e *Engine) sweep(ctx context.Context) (err error) {
	var last kv.Pending
	n := 0
	e.live.Range(func(_, v any) bool {
		ok, p, failed := e.evict(ctx, v.(*exec))
		if err = failed; err != nil {
			return false
		}
		if p != nil {
			last = p
		}
		if ok {
			n++
		}
		if n == 1000 { // not more than the store has written
			n = 0
			if last != nil {
				err = last.Wait(ctx)
			}
		}
		return err == nil
	})
	return err
}

// alarmSleepers sets alarms for the sleepers that are due soon. Thread 0 stands for all of an execution.
func (e *Engine) alarmSleepers(ctx context.Context) error {
	prefix := key.In(key.Workflow).Str("w")
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: wakeKey(e.clock.Now().Add(e.sleep.ahead), 0)}) {
		if err != nil {
			return fmt.Errorf("scan timers: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		due, k := r.Time(), r.Uint()
		if r.Err() != nil {
			return fmt.Errorf("timer: %w", r.Err())
		}
		e.alarms.set(k, 0, due)
	}
	return nil
}

// revivals are the sleepers that are being read.
type revivals struct {
	mu  sync.Mutex
	now map[uint64]*revival
}

type revival struct {
	done chan struct{}
	x    *exec // set before done is closed; nil = there is no such execution, or it has ended
	err  error
}

// awake returns an execution that runs, read from the store if it slept; nil if there is none.
func (e *Engine) awake(ctx context.Context, k uint64) (*exec, error) {
	if x := e.find(k); x != nil {
		return x, nil
	}
	r := &e.revivals
	r.mu.Lock()
	v, ok := r.now[k]
	if !ok {
		v = &revival{done: make(chan struct{})}
		if r.now == nil {
			r.now = map[uint64]*revival{}
		}
		r.now[k] = v
	}
	r.mu.Unlock()
	if ok {
		select {
		case <-v.done:
			return v.x, v.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	v.x, v.err = e.revive(k)
	r.mu.Lock()
	delete(r.now, k)
	r.mu.Unlock()
	close(v.done)
	return v.x, v.err
}

// revive reads a sleeper. One call at a time is made for an execution, so that what is read is the newest.
func (e *Engine) revive(k uint64) (*exec, error) {
	if x := e.find(k); x != nil {
		return x, nil
	}
	ctx := e.group.Context()
	row, err := e.store.Get(ctx, sleepKey(k))
	if errors.Is(err, kv.ErrNotFound) {
		return e.find(k), nil
	}
	if err != nil {
		return nil, fmt.Errorf("load execution: %w", err)
	}
	due, run, err := readSleep(row)
	if err != nil {
		return nil, fmt.Errorf("execution %x: %w", k, err)
	}
	x, err := e.load(ctx, k, run)
	if err != nil {
		return nil, fmt.Errorf("execution %x: %w", k, err)
	}
	x.asleep, x.due, x.touched = true, due, e.clock.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	e.live.Store(k, x)
	s := e.newStep(x)
	for _, t := range x.state.Threads {
		e.setAlarm(x, s, t)
	}
	return x, nil
}

// applyTo is apply for an execution that may sleep. x is nil when there is none that runs.
func (e *Engine) applyTo(ctx context.Context, k uint64, extra func(*kv.Batch), f func(*interp.Step)) (x *exec, p kv.Pending, s *interp.Step, err error) {
	for {
		if x, err = e.awake(ctx, k); err != nil || x == nil {
			return nil, nil, nil, err
		}
		p, s, err = e.apply(x, extra, f)
		if !errors.Is(err, errAsleep) {
			break
		}
	}
	if err != nil {
		e.stepFailed(x, err)
		return x, nil, nil, fmt.Errorf("store execution: %w", err)
	}
	return x, p, s, nil
}

// wait returns when the execution has ended; errAsleep if it has left the memory.
func (x *exec) wait(ctx context.Context) error {
	x.mu.Lock()
	if x.gone {
		x.mu.Unlock()
		return errAsleep
	}
	x.waiters++
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.waiters--
		x.mu.Unlock()
	}()
	select {
	case <-x.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// taskGone is called when what runs outside for a task has returned.
func (x *exec) taskGone() {
	x.mu.Lock()
	x.tasks--
	x.mu.Unlock()
}
