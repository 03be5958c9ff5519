package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// MapRun is the run of a distributed Map state.
type MapRun struct {
	ident.Scope
	ARN           string
	Execution     string // ARN of the execution that waits for it
	Machine       string // ARN of the state machine, with "/LABEL"
	Status        interp.Status
	Start, Stop   time.Time
	Redrives      int       `json:",omitempty"`
	Redriven      time.Time // the newest time
	Concurrency   int64
	TolerateCount int64
	TolerateShare float64
	Counts, Items Counts // of child executions, and of the items in them
}

// Counts are children by status.
type Counts struct {
	Pending, Running, Succeeded, Failed, TimedOut, Aborted, Written, Total int64
	PendingRedrive                                                         int64 // did not succeed and are about to run again
}

func (c *Counts) add(s interp.Status, n int64) {
	switch s {
	case interp.Running:
		c.Running += n
	case interp.Succeeded:
		c.Succeeded += n
	case interp.Failed:
		c.Failed += n
	case interp.TimedOut:
		c.TimedOut += n
	case interp.Aborted:
		c.Aborted += n
	}
}

// child is what is kept of a map run's child besides its record.
type child struct {
	Listed
	Input  string `json:",omitempty"` // of Express children only, which have no record
	Output string `json:",omitempty"`
	Error  *string
	Cause  *string
	Round  int `json:",omitempty"` // redrives of the run when the child was started or redriven last
}

// parseMapRun takes the ARN of a map run apart: …:mapRun:NAME/LABEL:ID.
func parseMapRun(arn string) (ident.Scope, string, string, error) {
	a, err := ident.ParseARN(arn)
	if err != nil {
		return ident.Scope{}, "", "", fail(ErrInvalidARN, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	rest, ok := strings.CutPrefix(a.Resource, "mapRun:")
	machine, run, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || a.Service != "states" {
		return ident.Scope{}, "", "", fail(ErrInvalidARN, "Invalid Arn: 'Resource type not valid in this context: %s'", strings.SplitN(a.Resource, ":", 2)[0])
	}
	return a.Scope(), machine, run, nil
}

// MapRun returns a map run.
func (e *Engine) MapRun(ctx context.Context, arn string) (*MapRun, error) {
	s, machine, run, err := parseMapRun(arn)
	if err != nil {
		return nil, err
	}
	if r, ok := e.runs.Load(arn); ok {
		m := r.(*mapRunner).snapshot()
		return &m, nil
	}
	m, err := kv.Load[MapRun](ctx, e.store, mapRunKey(s, machine, run))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrMapRunNotFound, "Resource not found: '%s'", arn)
	}
	if err != nil {
		return nil, fmt.Errorf("load map run: %w", err)
	}
	return &m, nil
}

// MapRuns lists the map runs of an execution.
func (e *Engine) MapRuns(ctx context.Context, execution string, limit int, token string) ([]MapRun, string, error) {
	rec, err := e.Execution(ctx, execution)
	if err != nil {
		return nil, "", err
	}
	machine, _, _ := strings.Cut(rec.Machine, "/")
	return page(ctx, e, scoped("p", rec.Scope).Str(machine), limit, token, func(m *MapRun) bool { return m.Execution == execution })
}

// MapRunExecutions lists the children of a map run.
func (e *Engine) MapRunExecutions(ctx context.Context, arn string, f Filter, limit int, token string) ([]Listed, string, error) {
	if _, err := e.MapRun(ctx, arn); err != nil {
		return nil, "", err
	}
	prefix := childKey(arn, 0)
	prefix = prefix[:len(prefix)-9]
	list, next, err := page(ctx, e, prefix, limit, token, func(c *child) bool { return f.keep(&c.Listed) })
	if err != nil {
		return nil, "", err
	}
	out := make([]Listed, len(list))
	for i := range list {
		out[i] = list[i].Listed
	}
	return out, next, nil
}

// UpdateMapRun is what of a running map run is changed; nil = stays.
type UpdateMapRun struct {
	Concurrency   *int64
	TolerateCount *int64
	TolerateShare *float64
}

// ChangeMapRun changes the limits of a map run that is under way.
func (e *Engine) ChangeMapRun(ctx context.Context, arn string, in UpdateMapRun) error {
	if _, err := e.MapRun(ctx, arn); err != nil {
		return err
	}
	r, ok := e.runs.Load(arn)
	if !ok {
		return fail(ErrValidation, "Map Run has completed and cannot be updated: '%s'", arn)
	}
	if in.TolerateShare != nil && (*in.TolerateShare < 0 || *in.TolerateShare > 100) {
		return fail(ErrValidation, "ToleratedFailurePercentage must be between 0 and 100.")
	}
	return r.(*mapRunner).change(ctx, in)
}

// labelOf returns the label in the ARN of a map run.
func labelOf(arn string) string {
	label, _, _ := strings.Cut(arn[strings.LastIndexByte(arn, '/')+1:], ":")
	return label
}

// startMap starts a map run if its thread still waits for it. x.mu is held.
func (e *Engine) startMap(x *exec, start interp.MapStart) {
	t := x.state.Threads[start.Thread]
	if t == nil || x.state.Status != interp.Running || t.Phase != interp.Mapping || t.Attempt != start.Attempt {
		return
	}
	ctx, cancel := context.WithCancel(e.group.Context())
	x.cancels[start.Thread] = func(error) { cancel() }
	r := &mapRunner{engine: e, x: x, start: start, wake: make(chan struct{}, 1), done: make(chan struct{}), express: start.State.Map.Express, info: MapRun{
		Scope: x.rec.Scope, ARN: start.ARN, Execution: x.rec.ARN, Machine: x.rec.MachineARN + "/" + labelOf(start.ARN), Status: interp.Running, Start: e.now(), Redrives: start.Redrives,
		Concurrency: start.Concurrency, TolerateCount: start.TolerateCount, TolerateShare: start.TolerateShare,
	}}
	last, redriven := e.runs.Swap(start.ARN, r)
	e.group.Go("workflow map run", func(stop context.Context) {
		defer cancel()
		defer close(r.done)
		if redriven { // at once after the execution was stopped: its children may still be stopping
			select {
			case <-last.(*mapRunner).done:
			case <-stop.Done():
			}
		}
		output, fail := r.run(ctx)
		e.runs.CompareAndDelete(start.ARN, r)
		if e.group.Context().Err() != nil {
			return // taken up again after the restart
		}
		e.step(x, func(s *interp.Step) { s.MapDone(start.Thread, start.Attempt, output, fail) })
	})
}
