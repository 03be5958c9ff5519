package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Options configure an Engine. Store is needed; nil elsewhere stands for the real thing, or for none.
type Options struct {
	Store     kv.Store
	Tasks     Tasks   // nil: every task fails with States.Runtime
	Files     Files   // nil: ItemReader and ResultWriter fail
	Logs      LogSink // nil: log configurations are kept and not used
	Events    Events  // nil: nobody is told of executions
	Meter     *meter.Meter
	Clock     clock.Clock
	Logger    *slog.Logger
	Retention time.Duration // how long ended executions are kept; 0 = 90 days

	sleep sleepTimes // zero = usualSleep
}

// maxExpression is the memory that a JSONata expression may take. As many as there are processors are heavy at a time.
const maxExpression = 256 << 20

// Engine keeps state machines and runs executions. All methods are safe for concurrent use.
type Engine struct {
	store  kv.Store
	tasks  Tasks
	files  Files
	logs   LogSink
	events Events
	meter  *meter.Meter
	clock  clock.Clock
	log    *slog.Logger
	group  *lifecycle.Group
	keep   time.Duration
	serial atomic.Uint64

	live       sync.Map // key uint64 → *exec
	definition sync.Map // hash → *asl.Machine
	idle       idleDefinitions
	records    recordCache
	alarms     *alarms
	activities *activityQueues
	names      nameLocks
	sleep      sleepTimes
	limits     jsonata.Limits
	revivals   revivals
	wakers     chan struct{} // slots
	runs       sync.Map      // ARN → *mapRunner
	deleting   sync.Map      // ARNs of state machines that are being deleted
}

// exec is an execution that runs in this process.
type exec struct {
	mu      sync.Mutex
	rec     *Record
	state   *interp.State
	machine *asl.Machine
	cancels map[uint32]context.CancelCauseFunc      // of the tasks and map runs under way
	ended   chan struct{}                           // closed by over
	once    sync.Once                               // for over
	result  *Record                                 // the record at the end
	broken  bool                                    // a batch failed; the execution is read from the store again
	under   atomic.Pointer[context.CancelCauseFunc] // of the step under way; used without mu
	stop    atomic.Pointer[interp.Stop]             // steps are to end at once; used without mu

	alarmed   bool      // an alarm was set
	gone      bool      // it sleeps: nobody may step it any more
	asleep    bool      // it was read from its row "s", which is still there, and so is the row "w" if due is set
	due       time.Time // of the row "w"
	touched   time.Time // its newest step
	unsettled int       // steps whose effects are still to be carried out
	tasks     int       // tasks that run outside for it
	waiters   int       // who waits for its end
}

// over tells those that wait for the execution that its end is durable.
func (x *exec) over() { x.once.Do(func() { close(x.ended) }) }

// Open starts the engine and takes up the executions that the store holds.
func Open(ctx context.Context, opts Options) (*Engine, error) {
	e := &Engine{store: opts.Store, tasks: opts.Tasks, files: opts.Files, logs: opts.Logs, events: opts.Events, meter: opts.Meter, clock: opts.Clock, log: opts.Logger, keep: opts.Retention}
	if e.clock == nil {
		e.clock = clock.Real()
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	if e.keep <= 0 {
		e.keep = 90 * 24 * time.Hour
	}
	e.group = lifecycle.New(ctx, e.log)
	e.activities = newActivityQueues()
	e.alarms = newAlarms(e.clock, e.wake)
	if e.sleep = opts.sleep; e.sleep.every == 0 {
		e.sleep = usualSleep
	}
	e.limits = jsonata.Limits{Memory: maxExpression, Heavy: jsonata.NewHeavy(runtime.GOMAXPROCS(0))}
	e.wakers = make(chan struct{}, wakers)
	e.group.Go("workflow timers", e.alarms.run)
	e.group.Go("workflow retention", e.collect)
	err := e.recover(ctx)
	if err == nil {
		err = e.alarmSleepers(ctx)
	}
	if err != nil {
		_ = e.group.Stop(ctx)
		return nil, err
	}
	e.group.Go("workflow sleepers", e.sleepers)
	return e, nil
}

// Now returns the engine's time, to the millisecond.
func (e *Engine) Now() time.Time { return e.now() }

// Close stops the engine. Executions rest and go on when the store is opened again.
func (e *Engine) Close(ctx context.Context) error { return e.group.Stop(ctx) }

// recover reads the executions that were under way and resumes them.
func (e *Engine) recover(ctx context.Context) error {
	prefix := key.In(key.Workflow).Str("r")
	var keys []uint64
	var names [][]byte
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan executions: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		keys = append(keys, r.Uint())
		names = append(names, append([]byte(nil), it.Value...))
	}
	// All are known before the first goes on: a map run looks for its children.
	var all []*exec
	for i, k := range keys {
		x, err := e.load(ctx, k, names[i])
		if err != nil {
			e.log.Error("execution cannot be resumed", "key", k, "error", err)
			continue
		}
		e.live.Store(k, x)
		all = append(all, x)
	}
	for _, x := range all {
		e.step(x, func(s *interp.Step) { s.Resume() })
	}
	return e.resumeRemovals(ctx)
}

// resumeRemovals goes on with the state machines that were being deleted.
func (e *Engine) resumeRemovals(ctx context.Context) error {
	prefix := key.In(key.Workflow).Str("m")
	var list []Machine
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan state machines: %w", err)
		}
		var m Machine
		if err := decode(it.Value, &m); err != nil {
			return err
		}
		if m.Deleting {
			list = append(list, m)
		}
	}
	for i := range list {
		e.deleting.Store(list[i].ARN, true)
		if err := e.removeIfIdle(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// load reads an execution from the store.
func (e *Engine) load(ctx context.Context, k uint64, run []byte) (*exec, error) {
	last, lastThread, recKey, err := decodeRun(run)
	if err != nil {
		return nil, err
	}
	rec, err := kv.Load[Record](ctx, e.store, recKey)
	if err != nil {
		return nil, fmt.Errorf("load record: %w", err)
	}
	m, err := e.machineOf(ctx, &rec)
	if err != nil {
		return nil, err
	}
	x := e.newExec(&rec, m)
	x.state.Status = interp.Running
	x.state.LastEvent, x.state.LastThread = last, lastThread
	return x, e.loadThreads(ctx, x)
}

func (e *Engine) loadThreads(ctx context.Context, x *exec) error {
	k := x.rec.Key
	x.state.Threads = map[uint32]*interp.Thread{}
	prefix := byKey("t", k)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan threads: %w", err)
		}
		t, err := interp.ReadThread(it.Value)
		if err != nil {
			return fmt.Errorf("thread of execution %x: %w", k, err)
		}
		t.Stored = true
		x.state.Threads[t.ID] = t
	}
	prefix = byKey("i", k)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan items: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		r.Uint()
		if t := x.state.Threads[uint32(r.Uint())]; t != nil {
			t.Filled = true
			if err := t.SetItems(string(it.Value)); err != nil {
				return fmt.Errorf("items of execution %x: %w", k, err)
			}
		}
	}
	prefix = byKey("o", k)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan results: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		r.Uint()
		if t := x.state.Threads[uint32(r.Uint())]; t != nil {
			t.Filled = true
			t.SetResult(int(r.Uint()), string(it.Value))
		}
	}
	for _, t := range x.state.Threads {
		t.Prepare()
	}
	return nil
}

// newExec makes the running form of a record.
func (e *Engine) newExec(rec *Record, m *asl.Machine) *exec {
	name := rec.Machine
	for i := range name {
		if name[i] == '/' {
			name = name[:i]
			break
		}
	}
	return &exec{
		rec: rec, machine: m, cancels: map[uint32]context.CancelCauseFunc{}, ended: make(chan struct{}),
		state: &interp.State{Info: interp.Info{
			ARN: rec.ARN, Name: rec.Name, MachineARN: rec.MachineARN, MachineName: name, RoleARN: rec.RoleARN, Region: rec.Region, Account: rec.Account,
			Input: rec.Input, Start: rec.Start, Redrives: rec.Redrives, Redriven: rec.Redriven, Express: rec.Express, Child: rec.MapRun != "", Item: rec.Item, Key: rec.Key,
			VersionARN: rec.Version, AliasARN: rec.Alias,
		}},
	}
}

// machineOf returns the compiled machine that an execution runs.
func (e *Engine) machineOf(ctx context.Context, rec *Record) (*asl.Machine, error) {
	m, err := e.compiled(ctx, rec.Hash, rec.Express && rec.MapRun == "")
	if err != nil {
		return nil, err
	}
	if rec.Processor != "" {
		_, s := m.Find(rec.Processor)
		if s == nil || s.Map == nil {
			return nil, fmt.Errorf("the definition has no Map state %q", rec.Processor)
		}
		return s.Map.Processor, nil
	}
	return m, nil
}

func (e *Engine) compiled(ctx context.Context, hash string, express bool) (*asl.Machine, error) {
	if m, ok := e.definition.Load(hash); ok {
		return m.(*asl.Machine), nil
	}
	text, err := e.store.Get(ctx, definitionKey(hash))
	if err != nil {
		return nil, fmt.Errorf("load definition: %w", err)
	}
	m, _, err := asl.Parse(string(text), asl.Options{Express: express})
	if err != nil {
		return nil, fmt.Errorf("stored definition: %w", err)
	}
	e.definition.Store(hash, m)
	return m, nil
}

func (e *Engine) find(k uint64) *exec {
	if x, ok := e.live.Load(k); ok {
		return x.(*exec)
	}
	return nil
}

// newStep prepares a step. x.mu is held.
func (e *Engine) newStep(x *exec) *interp.Step {
	return &interp.Step{Ctx: e.group.Context(), Machine: x.machine, State: x.state, Now: e.clock.Now(), Random: rand.Float64, Limits: e.limits, Activity: e.hasActivity}
}

// step runs f as a step of x and, once its batch is durable, the effects. It does not wait for that.
func (e *Engine) step(x *exec, f func(*interp.Step)) {
	p, s, err := e.apply(x, nil, f)
	if errors.Is(err, errAsleep) {
		x, p, s, err = e.applyTo(e.group.Context(), x.rec.Key, nil, f)
		if err != nil && x == nil && e.group.Context().Err() == nil {
			e.log.Error("execution cannot be read", "error", err)
		}
		if err != nil || x == nil {
			return
		}
	}
	if err != nil {
		e.stepFailed(x, err)
		return
	}
	if s == nil {
		return
	}
	if p == nil {
		e.effects(x, s)
		return
	}
	e.group.Go("workflow transition", func(ctx context.Context) { e.settle(ctx, x, p, s) })
}

// settle waits until a step is durable and carries out its effects.
func (e *Engine) settle(ctx context.Context, x *exec, p kv.Pending, s *interp.Step) {
	if err := p.Wait(ctx); err != nil {
		if ctx.Err() == nil {
			e.log.Error("transition may not be durable", "execution", x.rec.ARN, "error", err)
		}
		return
	}
	e.effects(x, s)
}

// complete waits until a step is durable and carries out its effects. When ctx ends first, that goes on without the caller.
func (e *Engine) complete(ctx context.Context, x *exec, p kv.Pending, s *interp.Step) error {
	if p != nil {
		if err := p.Wait(ctx); err != nil {
			e.group.Go("workflow transition", func(ctx context.Context) { e.settle(ctx, x, p, s) })
			return fmt.Errorf("store execution: %w", err)
		}
	}
	if s != nil {
		e.effects(x, s)
	}
	return nil
}

// apply runs f under the lock and applies what it changed. extra adds to the batch. The step is nil when there is
// nothing to do any more.
func (e *Engine) apply(x *exec, extra func(b *kv.Batch), f func(*interp.Step)) (kv.Pending, *interp.Step, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken {
		return nil, nil, nil
	}
	if x.gone {
		return nil, nil, errAsleep
	}
	s := e.perform(x, f)
	goes := x.result == nil
	defer func() { s.Last = goes && x.result != nil }()
	if x.rec.Express {
		e.finishRecord(x, s)
		return nil, s, nil
	}
	var b kv.Batch
	e.fill(&b, x, s)
	if extra != nil {
		extra(&b)
	}
	if b.Empty() {
		return nil, s, nil
	}
	p, err := e.store.Apply(e.group.Context(), &b)
	if err != nil {
		x.broken = true // the state in memory is ahead of the store
		return nil, nil, err
	}
	x.unsettled++
	s.Stored = true
	return p, s, nil
}

// perform makes the step. One that panics ends the execution: what it left half done must not be stored, and would come again
// after every restart. x.mu is held.
func (e *Engine) perform(x *exec, f func(*interp.Step)) (s *interp.Step) {
	s = e.newStep(x)
	ctx, cancel := context.WithCancelCause(s.Ctx)
	s.Ctx = ctx
	x.under.Store(&cancel)
	if stop := x.stop.Load(); stop != nil {
		cancel(stop)
	}
	defer func() {
		x.under.Store(nil)
		cancel(nil)
	}()
	x.touched = s.Now
	last, running := x.state.LastEvent, x.state.Status == interp.Running
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		e.log.Error("BUG: a step panicked, the execution fails", "execution", x.rec.ARN, "panic", p, "stack", string(debug.Stack()))
		s = e.newStep(x)
		if running {
			s.Break(last, fmt.Sprintf("Internal error: %v", p))
		}
	}()
	f(s)
	return s
}

// interrupt ends the expression that is evaluated for an execution which is about to be stopped.
func (x *exec) interrupt(name, cause *string) {
	stop := &interp.Stop{Name: name, Cause: cause}
	x.stop.Store(stop)
	if cancel := x.under.Load(); cancel != nil {
		(*cancel)(stop)
	}
}

// abort stops an execution that is in memory.
func (e *Engine) abort(x *exec) {
	x.interrupt(nil, nil)
	e.step(x, func(s *interp.Step) {
		if s.State.Status == interp.Running {
			s.Abort(nil, nil)
		}
	})
}

// stepFailed gives up the execution's state in memory and reads it from the store again, later.
func (e *Engine) stepFailed(x *exec, err error) {
	if e.group.Context().Err() != nil || errors.Is(err, kv.ErrClosed) {
		return
	}
	e.log.Error("transition was not stored, the execution is read again", "execution", x.rec.ARN, "error", err)
	e.live.CompareAndDelete(x.rec.Key, x)
	x.mu.Lock()
	for _, cancel := range x.cancels {
		cancel(nil) // jobs go on: they are taken up again
	}
	x.mu.Unlock()
	e.group.Go("workflow reload", func(ctx context.Context) {
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			if clock.Sleep(ctx, e.clock, wait) != nil {
				return
			}
			run, err := e.store.Get(ctx, runKey(x.rec.Key))
			var again *exec
			if errors.Is(err, kv.ErrNotFound) { // it sleeps, has ended or never started
				if again, err = e.awake(ctx, x.rec.Key); err == nil {
					if again == nil {
						return
					}
					if err = again.wait(ctx); err == nil {
						e.follow(ctx, x, again)
						return
					}
				}
			} else if err == nil {
				again, err = e.load(ctx, x.rec.Key, run)
			}
			if err == nil {
				again.waiters++ // follow; it stays in memory
				e.live.Store(x.rec.Key, again)
				e.step(again, func(s *interp.Step) { s.Resume() })
				e.follow(ctx, x, again)
				return
			}
			e.log.Error("execution cannot be read again", "execution", x.rec.ARN, "error", err)
		}
	})
}

// follow tells those that wait for an execution's former self when it has ended.
func (e *Engine) follow(ctx context.Context, old, again *exec) {
	select {
	case <-again.ended:
		old.mu.Lock()
		old.result = again.result
		old.mu.Unlock()
		old.over()
	case <-ctx.Done():
	}
}
