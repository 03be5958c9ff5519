package interp

import (
	"time"

	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// Wake is called when the Due times of threads have come. A call that comes too early does nothing. The threads go on one after the
// other, so that it makes no difference whether they are woken together. Only of tasks whose time is over
// together, all are written to have timed out before the first of them fails.
func (r *Step) Wake(threads ...uint32) {
	type overdue struct {
		t *Thread
		f failure
	}
	var late []overdue
	for _, id := range threads {
		t := r.State.Threads[id]
		if t == nil || r.State.Status != Running {
			continue
		}
		if t.Parent == 0 && r.timeLimit() > 0 && !r.executionDeadline().After(r.Now) {
			r.finish(ExecutionTimedOut, 0, failure{})
			return
		}
		switch t.Phase {
		case Waiting:
			if t.Due.After(r.Now) {
				continue
			}
			s := r.stateOf(t)
			r.mark(t)
			r.through(t, s, s.Next, s.Output, s.Assign)
			r.run()
		case Retrying:
			if t.Due.After(r.Now) {
				continue
			}
			r.mark(t)
			t.Phase = Pending
			r.ready = append(r.ready, t.ID)
			r.run()
		case Tasking:
			if f, over := r.taskTimedOut(t); over {
				late = append(late, overdue{t, f})
			}
		}
	}
	for _, x := range late {
		if r.State.Status == Running && r.State.Threads[x.t.ID] == x.t { // not gone with one that failed before it
			x.t.Phase = Pending
			r.fail(x.t, r.stateOf(x.t), x.f)
		}
	}
	r.run()
}

// ExpressLimit is how long an Express execution can run.
const ExpressLimit = 5 * time.Minute

// timeLimit is how long the execution may run; 0 = as long as it likes.
func (r *Step) timeLimit() time.Duration {
	limit := time.Duration(r.Machine.TimeoutSeconds) * time.Second
	if r.State.Express && (limit == 0 || limit > ExpressLimit) {
		return ExpressLimit
	}
	return limit
}

// executionDeadline is when the execution's time is over. It counts from the newest redrive.
func (r *Step) executionDeadline() time.Time {
	from := r.State.Start
	if !r.State.Redriven.IsZero() {
		from = r.State.Redriven
	}
	return from.Add(r.timeLimit())
}

// WakeAt returns when the thread must be woken; zero = never.
func (r *Step) WakeAt(t *Thread) time.Time {
	due := t.Due
	earliest := func(x time.Time) {
		if !x.IsZero() && (due.IsZero() || x.Before(due)) {
			due = x
		}
	}
	if t.Phase == Tasking {
		earliest(t.Deadline)
		earliest(t.BeatBy)
	}
	if t.Parent == 0 && r.timeLimit() > 0 {
		earliest(r.executionDeadline())
	}
	return due
}

// Rests reports whether the thread waits for nothing but its due time, a token or its children: a shell has nothing to
// do for it meanwhile.
func (r *Step) Rests(t *Thread) bool {
	switch t.Phase {
	case Waiting, Retrying, Joining:
		return true
	case Tasking:
		res := r.stateOf(t).Resource
		return res.Integration == asl.Activity && t.Started || res.Pattern == asl.WaitForToken && t.Submitted
	}
	return false
}

// Resume returns the effects that an execution waits for, after it was read from the store: tasks and map runs that
// were started, or were about to be, when the process ended.
func (r *Step) Resume() {
	if r.State.Status != Running {
		return
	}
	for _, t := range r.State.Threads {
		switch t.Phase {
		case Ready, Pending:
			r.More = true
		case Tasking:
			s := r.stateOf(t)
			if r.Rests(t) {
				continue
			}
			start, err := r.taskStart(t, s)
			if err == nil {
				r.Start = append(r.Start, start)
			}
		case Mapping:
			s := r.stateOf(t)
			if start, err := r.mapStart(t, s); err == nil {
				r.Maps = append(r.Maps, start)
			}
		}
	}
}
