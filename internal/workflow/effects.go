package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// effects carries out what a durable step asks for.
func (e *Engine) effects(x *exec, s *interp.Step) {
	x.mu.Lock()
	var cancels []func()
	for _, id := range s.Cancel {
		if t := x.state.Threads[id]; t == nil || t.Phase != interp.Tasking { // it may have begun its next task meanwhile
			e.activities.withdraw(x, id)
		}
		if c := x.cancels[id]; c != nil {
			cancels = append(cancels, func() { c(errUnwanted) })
			delete(x.cancels, id)
		}
	}
	for _, id := range s.Over {
		if c := x.cancels[id]; c != nil {
			cancels = append(cancels, func() { c(nil) })
			delete(x.cancels, id)
		}
	}
	for _, start := range s.Start {
		e.startTask(x, start)
	}
	for _, start := range s.Maps {
		e.startMap(x, start)
	}
	running := x.state.Status == interp.Running
	if running {
		for id := range s.Dirty {
			if t := x.state.Threads[id]; t != nil {
				e.setAlarm(x, s, t)
			}
		}
		if s.Dirty == nil { // after a restart
			for _, t := range x.state.Threads {
				e.setAlarm(x, s, t)
			}
		}
	}
	if s.Stored {
		x.unsettled--
	}
	result := x.result
	if !s.Last {
		result = nil // another step ends the execution, and tells when that is durable
	}
	x.mu.Unlock()
	for _, c := range cancels {
		c()
	}
	if e.logs != nil {
		e.logEvents(x, s.Events)
	}
	if result != nil {
		e.finished(x, result)
		return
	}
	if s.More {
		e.step(x, func(s *interp.Step) { s.Continue() })
	}
}

func (e *Engine) setAlarm(x *exec, s *interp.Step, t *interp.Thread) {
	if due := s.WakeAt(t); !due.IsZero() {
		x.alarmed = true
		e.alarms.set(x.rec.Key, t.ID, due)
	}
}

// finished is called once, when the end of an execution is durable.
func (e *Engine) finished(x *exec, result *Record) {
	e.live.CompareAndDelete(result.Key, x) // it may have been redriven meanwhile: that one lives
	x.mu.Lock()
	if x.alarmed {
		for id := range x.state.Threads {
			e.alarms.drop(result.Key, id)
		}
	}
	x.mu.Unlock()
	x.over()
	e.machineIdle(result)
}

// wake is called by the alarms. Thread 0 stands for an execution that sleeps: its alarms are set when it is read.
func (e *Engine) wake(k uint64, threads []uint32) {
	x := e.find(k)
	if x == nil {
		select {
		case e.wakers <- struct{}{}:
		case <-e.group.Context().Done():
			return
		}
	}
	e.group.Go("workflow timer", func(ctx context.Context) {
		if x == nil {
			var err error
			x, err = e.awake(ctx, k)
			<-e.wakers
			if err != nil && ctx.Err() == nil {
				e.log.Error("execution cannot be read for its timer, which is tried again", "key", k, "error", err)
			}
			if err != nil || x == nil {
				return
			}
		}
		if threads = slices.DeleteFunc(threads, func(id uint32) bool { return id == 0 }); len(threads) > 0 {
			e.step(x, func(s *interp.Step) { s.Wake(threads...) })
		}
	})
}

// startTask starts a task if its thread still waits for it. x.mu is held.
func (e *Engine) startTask(x *exec, start interp.TaskStart) {
	t := x.state.Threads[start.Thread]
	if t == nil || x.state.Status != interp.Running || t.Phase != interp.Tasking || t.Attempt != start.Attempt {
		return
	}
	res := start.State.Resource
	if res.Integration == asl.Activity {
		e.offerActivity(x, start)
		return
	}
	ctx, abandon := context.WithCancelCause(e.group.Context())
	x.cancels[start.Thread] = abandon
	cancel := func() { abandon(nil) }
	call := e.taskCall(x, start)
	x.tasks++
	e.group.Go("workflow task", func(context.Context) {
		defer cancel()
		defer x.taskGone()
		e.runTask(ctx, x, start, call)
	})
}

// errUnwanted is why the context of a task ends that nobody waits for any more.
var errUnwanted = errors.New("task is no longer wanted")

// Unwanted reports whether a task's context ended because the task timed out or its execution ended: a job that it
// started is to be stopped. It is false when Tarn stops, after which the job is taken up again.
func Unwanted(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, errUnwanted) || errors.Is(cause, context.DeadlineExceeded)
}

// taskCall is called with x.mu held.
func (e *Engine) taskCall(x *exec, start interp.TaskStart) *TaskCall {
	role := start.RoleARN
	if role == "" {
		role = x.rec.RoleARN
	}
	call := &TaskCall{
		Scope: x.rec.Scope, ID: ident.UUIDOf(fmt.Sprintf("%s %d %d %d %d", x.rec.ARN, x.rec.Key, x.state.Redrives, start.Thread, start.Attempt)), Execution: x.rec.ARN, StateMachine: x.rec.MachineARN, State: start.State.Name, RoleARN: role, Resource: start.State.Resource,
		Input: start.Input, Timeout: start.Timeout, Attempt: int(start.Attempt), Handle: start.Handle,
	}
	if start.Token != "" {
		call.Token = interp.EncodeToken(interp.Token{Key: x.rec.Key, Thread: start.Thread, Attempt: start.Attempt, Secret: start.Token})
	}
	return call
}

func (e *Engine) runTask(ctx context.Context, x *exec, start interp.TaskStart, call *TaskCall) {
	if start.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, start.Timeout+time.Second)
		defer cancel()
	}
	output, fail := e.callTask(ctx, x, start, call)
	if ctx.Err() != nil && (fail != nil || e.group.Context().Err() != nil) {
		return // cancelled, overdue, or Tarn stops: the alarm or the restart decides
	}
	if fail == nil && call.Resource.Pattern == asl.WaitForToken {
		e.step(x, func(s *interp.Step) { s.Submitted(start.Thread, start.Attempt, "", output) })
		return
	}
	e.step(x, func(s *interp.Step) { s.Done(start.Thread, start.Attempt, output, fail) })
}

func (e *Engine) callTask(ctx context.Context, x *exec, start interp.TaskStart, call *TaskCall) (string, *TaskError) {
	if e.tasks == nil {
		return "", &TaskError{Error: asl.ErrRuntime, Cause: "No task can be called: " + call.Resource.ARN}
	}
	return e.tasks.Run(ctx, call, func(handle, output string) error {
		p, s, err := e.apply(x, nil, func(s *interp.Step) { s.Submitted(start.Thread, start.Attempt, handle, output) })
		if err != nil {
			e.stepFailed(x, err)
			return err
		}
		return e.complete(ctx, x, p, s)
	})
}
