package interp

import (
	"time"

	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// rest stops what a thread does and leaves it where a redrive goes on: in its state, a Map or Parallel state with the
// results of the children that succeeded, a distributed Map with its run.
func (r *Step) rest(t *Thread) {
	if t.Phase == Tasking || t.Phase == Mapping {
		r.Cancel = append(r.Cancel, t.ID)
	}
	t.Attempt++ // outcomes that are still on their way are stale
	t.clearTask()
	t.Due = time.Time{}
	if t.Phase != Joining && t.Phase != Ready {
		run, redrives := t.MapRun, t.Done
		r.empty(t)
		t.clearJoin()
		if run != "" {
			t.MapRun, t.Done = run, redrives
		}
		t.Phase = Pending
	}
	r.mark(t)
}

// Redrive starts an execution that failed, timed out or was stopped again where it ended. Of Map and Parallel states
// only the iterations and branches go on that did not succeed. Retriers count from zero, and time limits begin anew.
func (r *Step) Redrive() {
	s := r.State
	s.Status, s.Error, s.Cause, s.Stop = Running, nil, nil, time.Time{}
	s.Redrives++
	r.emit(0, ExecutionRedriven, Detail{Redrives: int64(s.Redrives)})
	at := s.LastEvent
	for _, t := range s.Threads {
		if t.Parent == 0 {
			r.redrive(t, at)
			break
		}
	}
	r.run()
}

// redrive lets a thread and those below it go on after the event prev.
func (r *Step) redrive(t *Thread, prev int64) {
	t.Tries, t.Retries, t.Prev = nil, 0, prev
	r.mark(t)
	if t.MapRun != "" && r.redriveMap(t, prev) {
		return
	}
	if t.Phase != Joining {
		r.ready = append(r.ready, t.ID)
		return
	}
	s := r.stateOf(t)
	children := r.children(t)
	t.Active = len(children)
	for _, c := range children {
		r.redrive(c, prev)
	}
	if s.Kind == asl.Map {
		for t.Next < t.Total && t.Active < t.Limit {
			if !r.iterate(t, s, r.mapScope(t, s), prev) {
				return
			}
		}
	}
	if t.Done == t.Total {
		r.joined(t, s)
	}
}
