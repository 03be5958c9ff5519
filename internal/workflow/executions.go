package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// StartExecution starts an execution of a state machine, a version or an alias. A name that runs with the same input
// answers as the first call did. name "" stands for a random one.
func (e *Engine) StartExecution(ctx context.Context, machineARN, name, input, trace string) (*Record, error) {
	rec, m, err := e.newRecord(ctx, machineARN, name, input, trace)
	if err != nil {
		return nil, err
	}
	if rec.Express {
		e.startExpress(rec, m)
		return rec, nil
	}
	return e.start(ctx, rec, m, nil)
}

// StartOnce is StartExecution for a start that may be repeated: an execution that has the name is the answer, whatever has become of it.
func (e *Engine) StartOnce(ctx context.Context, machineARN, name, input, trace string) (*Record, error) {
	rec, err := e.StartExecution(ctx, machineARN, name, input, trace)
	if !errors.Is(err, ErrExecutionExists) {
		return rec, err
	}
	m, _, _, err := e.resolve(ctx, machineARN)
	if err != nil {
		return nil, err
	}
	old, err := kv.Load[Record](ctx, e.store, recordKey(m.Scope, m.Name, name))
	if err != nil {
		return nil, fmt.Errorf("load execution: %w", err)
	}
	return &old, nil
}

// newRecord checks what an execution is started with.
func (e *Engine) newRecord(ctx context.Context, machineARN, name, input, trace string) (*Record, *asl.Machine, error) {
	m, version, alias, err := e.resolve(ctx, machineARN)
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = ident.UUID()
	}
	if !ValidName(name) {
		return nil, nil, fail(ErrInvalidName, "Invalid Name: '%s'", name)
	}
	if err := checkInput(input); err != nil {
		return nil, nil, err
	}
	if m.Deleting {
		return nil, nil, fail(ErrMachineDeleting, "State Machine is being deleted: '%s'", m.ARN)
	}
	compiled, err := e.compiled(ctx, m.Hash, m.Kind == Express)
	if err != nil {
		return nil, nil, err
	}
	now := e.clock.Now()
	rec := &Record{
		Scope: m.Scope, Key: e.newKey(now), Name: name, Machine: m.Name, MachineARN: m.ARN, Version: version, Alias: alias, RoleARN: m.RoleARN, Hash: m.Hash, Revision: m.Revision,
		Status: interp.Running, Input: input, Start: now.UTC().Truncate(time.Millisecond), Trace: trace, Logging: m.Logging, Tracing: m.Tracing, Updated: m.Updated, Express: m.Kind == Express,
	}
	if version != "" {
		rec.MachineARN = strings.TrimSuffix(m.ARN, fmt.Sprintf(":%d", m.Version))
	}
	rec.ARN = m.Scope.ARN("states", "execution:"+m.Name+":"+name)
	if rec.Express {
		rec.ARN = m.Scope.ARN("states", "express:"+m.Name+":"+name+":"+ident.UUID())
	}
	return rec, compiled, nil
}

func checkInput(input string) error {
	if strings.TrimSpace(input) == "" {
		return fail(ErrInvalidInput, "Invalid State Machine Execution Input: 'Invalid execution input.'")
	}
	if len(input) > asl.MaxPayload {
		return fail(ErrInvalidInput, "Invalid State Machine Execution Input: 'The input has %d bytes, more than the %d allowed.'", len(input), asl.MaxPayload)
	}
	if _, err := jsonvalue.Parse(input); err != nil {
		return fail(ErrInvalidInput, "Invalid State Machine Execution Input: '%s'", err.Error())
	}
	return nil
}

// start makes the record durable together with the first steps of the execution.
func (e *Engine) start(ctx context.Context, rec *Record, m *asl.Machine, extra func(*kv.Batch)) (*Record, error) {
	x := e.newExec(rec, m)
	e.live.Store(rec.Key, x)
	k := recordKey(rec.Scope, rec.Machine, rec.Name)
	p, s, err := e.apply(x, func(b *kv.Batch) {
		b.IfAbsent(k)
		e.tell(b, rec)
		if x.result == nil {
			e.putRecord(b, rec)
		}
		if extra != nil {
			extra(b)
		}
	}, func(s *interp.Step) { s.Begin() })
	if err != nil {
		e.live.CompareAndDelete(rec.Key, x)
		if errors.Is(err, kv.ErrConflict) {
			return e.sameName(ctx, rec)
		}
		return nil, fmt.Errorf("store execution: %w", err)
	}
	if err := e.complete(ctx, x, p, s); err != nil {
		return nil, err
	}
	return rec, nil
}

// startChild starts the child of a map run. started is called once it is durable, before its effects.
func (e *Engine) startChild(ctx context.Context, x *exec, rec *Record, extra func(*kv.Batch), started func()) error {
	e.live.Store(rec.Key, x)
	p, s, err := e.apply(x, func(b *kv.Batch) {
		if x.result == nil {
			e.putRecord(b, rec)
		}
		extra(b)
	}, func(s *interp.Step) { s.Begin() })
	if err != nil {
		e.live.CompareAndDelete(rec.Key, x)
		return fmt.Errorf("store execution: %w", err)
	}
	started()
	return e.complete(ctx, x, p, s)
}

// sameName answers a start with a name that exists.
func (e *Engine) sameName(ctx context.Context, rec *Record) (*Record, error) {
	old, err := kv.Load[Record](ctx, e.store, recordKey(rec.Scope, rec.Machine, rec.Name))
	if err != nil {
		return nil, fmt.Errorf("load execution: %w", err)
	}
	if old.Status == interp.Running && old.Input == rec.Input {
		return &old, nil
	}
	return nil, fail(ErrExecutionExists, "Execution Already Exists: '%s'", old.ARN)
}

// ExecutionARN is the ARN of an execution, taken apart.
type ExecutionARN struct {
	ident.Scope
	Machine string // "NAME" or "NAME/LABEL"
	Name    string
	Express bool
}

// ParseExecutionARN reads the ARN of an execution.
func ParseExecutionARN(arn string) (ExecutionARN, error) {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "states" {
		return ExecutionARN{}, fail(ErrInvalidARN, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	kind, rest, _ := strings.Cut(a.Resource, ":")
	out := ExecutionARN{Scope: a.Scope(), Express: kind == "express"}
	machine, name, ok := strings.Cut(rest, ":")
	if kind != "execution" && kind != "express" || !ok || machine == "" || name == "" {
		return out, fail(ErrInvalidARN, "Invalid Arn: 'Resource type not valid in this context: %s'", kind)
	}
	out.Machine, out.Name = machine, name
	return out, nil
}

// Execution returns the record of an execution.
func (e *Engine) Execution(ctx context.Context, arn string) (*Record, error) {
	a, err := ParseExecutionARN(arn)
	if err != nil {
		return nil, err
	}
	if a.Express {
		return nil, fail(ErrInvalidARN, "Invalid Arn: 'Resource type not valid in this context: express'")
	}
	rec, err := kv.Load[Record](ctx, e.store, recordKey(a.Scope, a.Machine, a.Name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrExecutionNotFound, "Execution Does Not Exist: '%s'", arn)
	}
	if err != nil {
		return nil, fmt.Errorf("load execution: %w", err)
	}
	return &rec, nil
}

// StopExecution ends an execution as aborted. One that has ended already is no error. It returns when it stopped.
func (e *Engine) StopExecution(ctx context.Context, arn string, name, cause *string) (time.Time, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return time.Time{}, err
	}
	if rec.Status != interp.Running {
		return rec.Stop, nil
	}
	if x := e.find(rec.Key); x != nil {
		x.interrupt(name, cause)
	}
	x, p, s, err := e.applyTo(ctx, rec.Key, (*kv.Batch).UseReserve, func(s *interp.Step) {
		if s.State.Status == interp.Running {
			s.Abort(name, cause)
		}
	})
	if err != nil {
		return time.Time{}, err
	}
	if x == nil { // it has ended meanwhile
		if rec, err = e.Execution(ctx, arn); err != nil {
			return time.Time{}, err
		}
		if rec.Status == interp.Running {
			return time.Time{}, fmt.Errorf("execution %s is not loaded", arn)
		}
		return rec.Stop, nil
	}
	if err := e.complete(ctx, x, p, s); err != nil {
		return time.Time{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.result != nil {
		return x.result.Stop, nil
	}
	return e.now(), nil
}

// Await returns the record of an execution when it has ended.
func (e *Engine) Await(ctx context.Context, arn string) (*Record, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return nil, err
	}
	for rec.Status == interp.Running {
		x, err := e.awake(ctx, rec.Key)
		if err != nil {
			return nil, err
		}
		if x != nil {
			if err := x.wait(ctx); err != nil && !errors.Is(err, errAsleep) {
				return nil, err
			}
		}
		if rec, err = e.Execution(ctx, arn); err != nil {
			return nil, err
		}
		if x == nil && rec.Status == interp.Running { // it is read again after a failure of the store
			if err := clock.Sleep(ctx, e.clock, 100*time.Millisecond); err != nil {
				return nil, err
			}
		}
	}
	return rec, nil
}

// Filter selects executions of a list.
type Filter struct {
	Status  interp.Status // "" = any
	Redrive string        // REDRIVEN, NOT_REDRIVEN; "" = any
}

func (f Filter) keep(l *Listed) bool {
	if f.Status != "" && l.Status != f.Status {
		return false
	}
	switch f.Redrive {
	case "REDRIVEN":
		return l.Redrives > 0
	case "NOT_REDRIVEN":
		return l.Redrives == 0
	}
	return true
}

// Executions lists the executions of a state machine, a version or an alias, newest first.
func (e *Engine) Executions(ctx context.Context, machineARN string, f Filter, limit int, token string) ([]Listed, string, error) {
	a, err := ParseMachineARN(machineARN)
	if err != nil {
		return nil, "", err
	}
	m, _, _, err := e.resolve(ctx, machineARN)
	if err != nil {
		return nil, "", err
	}
	if m.Kind == Express {
		return nil, "", fail(ErrMachineType, "This operation is not supported by this type of state machine")
	}
	return page(ctx, e, listPrefix(a.Scope, a.Name), limit, token, func(l *Listed) bool {
		if a.Qualifier != "" && l.Version != machineARN && l.Alias != machineARN {
			return false
		}
		return f.keep(l)
	})
}

// MachineOfExecution returns the state machine as it was when the execution started.
func (e *Engine) MachineOfExecution(ctx context.Context, arn string) (*Record, string, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return nil, "", err
	}
	text, err := e.store.Get(ctx, definitionKey(rec.Hash))
	if err != nil {
		return nil, "", fmt.Errorf("load definition: %w", err)
	}
	return rec, string(text), nil
}

// Redrivable tells whether an execution can be redriven, and if not, why. The reasons are those that AWS documents.
func (e *Engine) Redrivable(rec *Record) (status, reason string) {
	if _, ok := e.deleting.Load(rec.MachineARN); ok {
		return "NOT_REDRIVABLE", "State machine is in DELETING status"
	}
	return rec.Redrivable(e.now())
}

// Redrivable is Engine.Redrivable of an execution whose state machine is not being deleted.
func (r *Record) Redrivable(now time.Time) (status, reason string) {
	const window, life = 14 * 24 * time.Hour, 365 * 24 * time.Hour
	switch {
	case r.Status == interp.Running:
		return "NOT_REDRIVABLE", "Execution is RUNNING and cannot be redriven"
	case r.Status == interp.Succeeded:
		return "NOT_REDRIVABLE", "Execution is SUCCEEDED and cannot be redriven"
	case r.Events >= interp.HistoryLimit-1: // no room for ExecutionRedriven and one more
		return "NOT_REDRIVABLE", "Execution history event limit exceeded"
	case now.Sub(r.Start) > life:
		return "NOT_REDRIVABLE", "Execution has exceeded the max execution time"
	case now.Sub(r.Stop) > window:
		return "NOT_REDRIVABLE", "Execution redrivable period exceeded"
	case r.Redrives >= 1000:
		return "NOT_REDRIVABLE", "Execution reached its limit of 1000 redrives"
	case r.MapRun != "":
		return "REDRIVABLE_BY_MAP_RUN", ""
	}
	return "REDRIVABLE", ""
}

// Redrive starts an execution that did not succeed again, in the state in which it ended.
func (e *Engine) Redrive(ctx context.Context, arn string) (time.Time, error) {
	return e.RedriveOnce(ctx, arn, "")
}

// How many tokens of redrives are known, and for how long.
const (
	redriveTokens    = 10
	redriveTokenLife = 15 * time.Minute
)

// RedriveOnce is Redrive for a request that may be repeated: with a token that redrove the execution in the last 15 minutes it
// answers as then. token "" is none.
func (e *Engine) RedriveOnce(ctx context.Context, arn, token string) (time.Time, error) {
	a, err := ParseExecutionARN(arn)
	if err != nil {
		return time.Time{}, err
	}
	// One at a time: the second would take the place of the first in memory before the store refuses it.
	defer e.names.lock(recordKey(a.Scope, a.Machine, a.Name))()
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return time.Time{}, err
	}
	now := e.now()
	if token != "" {
		for _, t := range rec.RedriveTokens {
			if t.Token == token && now.Sub(t.At) < redriveTokenLife {
				return t.At, nil
			}
		}
		keep := rec.RedriveTokens
		rec.RedriveTokens = append(slices.Clone(keep[max(0, len(keep)-redriveTokens+1):]), RedriveToken{token, now})
	}
	if status, reason := e.Redrivable(rec); status != "REDRIVABLE" {
		if reason == "" {
			reason = "Execution is a child of a map run and is redriven with it"
		}
		return time.Time{}, fail(ErrNotRedrivable, "Execution cannot be redriven: '%s'. %s", arn, reason)
	}
	if err := e.redrive(ctx, rec, now, nil, nil); err != nil {
		return time.Time{}, err
	}
	return rec.Redriven, nil
}

// redrive lets an execution that has ended go on at a time. What extra adds is in the batch; started is called when it is durable.
func (e *Engine) redrive(ctx context.Context, rec *Record, now time.Time, extra func(*kv.Batch, *Record), started func(*exec)) error {
	m, err := e.machineOf(ctx, rec)
	if err != nil {
		return err
	}
	old := gcKey(rec.Stop, rec.Key)
	rec.Status, rec.Error, rec.Cause, rec.Redriven = interp.Running, nil, nil, now
	x := e.newExec(rec, m)
	x.state.Status = interp.Running
	if err := e.loadThreads(ctx, x); err != nil {
		return err
	}
	if x.state.LastEvent, err = e.lastEvent(ctx, rec.Key); err != nil {
		return err
	}
	x.state.LastThread = rec.Threads
	for id := range x.state.Threads {
		x.state.LastThread = max(x.state.LastThread, id)
	}
	e.live.Store(rec.Key, x)
	p, s, err := e.apply(x, func(b *kv.Batch) {
		b.IfPresent(old)
		b.Delete(old)
		if x.result == nil {
			rec.Redrives = x.state.Redrives
			rec.Stop = time.Time{}
			e.putRecord(b, rec)
			e.tell(b, rec)
		}
		if extra != nil {
			extra(b, rec)
		}
	}, func(s *interp.Step) {
		s.Redrive()
		x.rec.Redrives = s.State.Redrives
	})
	if err != nil {
		e.live.CompareAndDelete(rec.Key, x)
		if errors.Is(err, kv.ErrConflict) {
			return fail(ErrNotRedrivable, "Execution cannot be redriven: '%s'. Execution is RUNNING and cannot be redriven", rec.ARN)
		}
		return fmt.Errorf("store execution: %w", err)
	}
	if started != nil {
		started(x)
	}
	return e.complete(ctx, x, p, s)
}

// startExpress starts an execution that lives in memory only.
func (e *Engine) startExpress(rec *Record, m *asl.Machine) *exec {
	x := e.newExec(rec, m)
	e.live.Store(rec.Key, x)
	e.step(x, func(s *interp.Step) { s.Begin() })
	e.meterExpress(rec)
	return x
}

func (e *Engine) meterExpress(rec *Record) {
	if e.meter == nil {
		return
	}
	var b kv.Batch
	e.meter.Add(&b, rec.Start, rec.Scope, meter.ExpressRequests, rec.MachineARN, 1)
	if _, err := e.store.Apply(e.group.Context(), &b); err != nil {
		e.log.Warn("express execution is not metered", "execution", rec.ARN, "error", err)
	}
}

// StartSync runs an Express execution and returns its record at the end.
func (e *Engine) StartSync(ctx context.Context, machineARN, name, input, trace string) (*Record, error) {
	rec, m, err := e.newRecord(ctx, machineARN, name, input, trace)
	if err != nil {
		return nil, err
	}
	if !rec.Express {
		return nil, fail(ErrMachineType, "This operation is not supported by this type of state machine")
	}
	x := e.startExpress(rec, m)
	select {
	case <-x.ended: // at the latest when its time is over
	case <-ctx.Done():
		e.abort(x)
		return nil, ctx.Err()
	}
	return x.result, nil
}
