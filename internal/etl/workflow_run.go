package etl

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// StartWorkflow begins a run of a workflow, whose properties are those of the workflow overlaid by properties, and returns its
// id. Errors: ErrNotFound, ErrConcurrent, ErrBadInput.
func (s *Service) StartWorkflow(ctx context.Context, scope ident.Scope, workflow string, properties map[string]string) (id string, err error) {
	err = s.change(ctx, func(st *step) error {
		id, err = s.startWorkflow(ctx, st, scope, workflow, properties, false)
		return err
	})
	s.wake()
	return id, err
}

// startWorkflow adds the beginning of a workflow's run to a step. With record, too many runs are no error but a run that says so.
func (s *Service) startWorkflow(ctx context.Context, st *step, scope ident.Scope, workflow string, properties map[string]string, record bool) (string, error) {
	r, err := s.newWorkflowRun(ctx, scope, workflow)
	if err != nil && (!record || r.ID == "") {
		return "", err
	}
	if err != nil {
		r.Status, r.Error, r.Completed = FlowError, fmt.Sprintf("Concurrent runs exceeded for workflow: %s.", workflow), r.Started
		s.addWorkflowRun(&st.Batch, scope, r)
		return r.ID, nil
	}
	maps.Copy(r.Properties, properties)
	if !slices.ContainsFunc(r.Triggers, func(t FlowTrigger) bool { return t.Type != Conditional }) {
		return "", fmt.Errorf("%w: workflow %s has no starting trigger", ErrBadInput, workflow)
	}
	for i := range r.Triggers {
		if r.Triggers[i].Type != Conditional {
			s.fireIn(ctx, st, scope, &r, i)
		}
	}
	s.advance(ctx, st, scope, &r)
	return r.ID, nil
}

// newWorkflowRun returns a run that is not stored yet. With ErrConcurrent it is complete as well.
func (s *Service) newWorkflowRun(ctx context.Context, scope ident.Scope, workflow string) (WorkflowRun, error) {
	w, err := s.Workflow(ctx, scope, workflow)
	if err != nil {
		return WorkflowRun{}, err
	}
	active, _, err := kv.LoadAll[bool](ctx, s.opts.Store, kv.Prefix(workflowRuns("flowactive", scope, workflow)), 0)
	if err != nil {
		return WorkflowRun{}, err
	}
	r := WorkflowRun{ID: "wr_" + ident.Hex(32), Workflow: workflow, Status: FlowRunning, Started: s.opts.Clock.Now(), Properties: maps.Clone(w.Properties)}
	if r.Properties == nil {
		r.Properties = map[string]string{}
	}
	if r.Triggers, err = s.FlowGraph(ctx, scope, workflow); err != nil {
		return WorkflowRun{}, err
	}
	if w.MaxConcurrent > 0 && len(active) >= w.MaxConcurrent {
		return r, fmt.Errorf("%w: Concurrent runs exceeded for workflow: %s. %d of %d are under way", ErrConcurrent, workflow, len(active), w.MaxConcurrent)
	}
	return r, nil
}

// addWorkflowRun stores a run and whether it is under way.
func (s *Service) addWorkflowRun(b *kv.Batch, scope ident.Scope, r WorkflowRun) {
	kv.Put(b, workflowRunKey(scope, r), r)
	kv.Put(b, workflowRunIDKey(scope, r.Workflow, r.ID), r.Started)
	if k := activeWorkflowKey(scope, r.Workflow, r.ID); r.Completed.IsZero() {
		kv.Put(b, k, true)
	} else {
		b.Delete(k)
	}
}

// fireIn fires the i-th trigger of a run.
func (s *Service) fireIn(ctx context.Context, st *step, scope ident.Scope, r *WorkflowRun, i int) {
	r.Triggers[i].Fired = true
	started, _ := s.fire(ctx, st, scope, r.Triggers[i].Trigger, r) // what failed is in the list
	r.Actions = append(r.Actions, started...)
}

// advance fires the triggers whose conditions the run's actions meet, ends a run that has nothing left to do, and stores it.
// Each trigger fires once in a run.
func (s *Service) advance(ctx context.Context, st *step, scope ident.Scope, r *WorkflowRun) {
	for again := r.Status == FlowRunning; again; {
		again = false
		for i := range r.Triggers {
			if t := &r.Triggers[i]; t.Type == Conditional && t.State == TriggerActivated && !t.Fired && r.meets(t.Trigger) {
				s.fireIn(ctx, st, scope, r, i)
				again = true // an action that could not start has ended
			}
		}
	}
	if !slices.ContainsFunc(r.Actions, func(a FlowAction) bool { return a.Ended.IsZero() }) {
		r.Completed = s.opts.Clock.Now()
		if r.Status == FlowStopping {
			r.Status = FlowStopped
		} else {
			r.Status = FlowCompleted
		}
	}
	s.addWorkflowRun(&st.Batch, scope, *r)
}

// meets reports whether the ends of a run's actions meet a trigger's conditions.
func (r *WorkflowRun) meets(t Trigger) bool {
	met := func(c Condition) bool {
		return slices.ContainsFunc(r.Actions, func(a FlowAction) bool {
			return !a.Ended.IsZero() && c.meets(end{Job: a.Job, Crawler: a.Crawler, State: string(a.State)})
		})
	}
	if t.Any {
		return slices.ContainsFunc(t.Conditions, met)
	}
	return !slices.ContainsFunc(t.Conditions, func(c Condition) bool { return !met(c) })
}

// tellWorkflow moves on the workflow run that an end belongs to.
func (s *Service) tellWorkflow(ctx context.Context, st *step, scope ident.Scope, e end) error {
	r, i, err := s.actionOf(ctx, scope, e)
	if err != nil || i < 0 {
		return err
	}
	a := &r.Actions[i]
	a.State, a.Ended, a.Error = State(e.State), e.At, e.Error
	s.advance(ctx, st, scope, &r)
	return nil
}

// actionOf finds the workflow run under way that waits for an end; i is -1 if none does.
func (s *Service) actionOf(ctx context.Context, scope ident.Scope, e end) (r WorkflowRun, i int, err error) {
	waits := func(a FlowAction) bool {
		return a.ID == e.ID && a.Job == e.Job && a.Crawler == e.Crawler && a.Ended.IsZero()
	}
	if e.Job != "" && e.WorkflowRun == "" {
		return r, -1, nil
	}
	var runs [][2]string // workflow and id
	if e.WorkflowRun != "" {
		runs = append(runs, [2]string{e.Workflow, e.WorkflowRun})
	} else if runs, err = s.activeWorkflowRuns(ctx, scope); err != nil {
		return r, -1, err
	}
	for _, id := range runs {
		if r, err = s.WorkflowRun(ctx, scope, id[0], id[1]); err != nil {
			continue // removed meanwhile
		}
		if i := slices.IndexFunc(r.Actions, waits); i >= 0 {
			return r, i, nil
		}
	}
	return r, -1, nil
}

// StopWorkflow ends a run under way: it starts nothing more, and its jobs and crawlers are stopped. Errors: ErrNotFound,
// ErrState.
func (s *Service) StopWorkflow(ctx context.Context, scope ident.Scope, workflow, id string) error {
	var crawls []FlowAction
	err := s.change(ctx, func(st *step) error {
		r, err := s.WorkflowRun(ctx, scope, workflow, id)
		if err != nil {
			return err
		}
		if r.Status != FlowRunning {
			return fmt.Errorf("%w: run %s of workflow %s is %s, not RUNNING", ErrState, id, workflow, r.Status)
		}
		r.Status = FlowStopping
		for i := range r.Actions {
			a := &r.Actions[i]
			switch {
			case !a.Ended.IsZero():
			case a.Job != "":
				if err := s.stopJob(ctx, st, scope, *a); err != nil {
					return err
				}
			default:
				k := crawlStartKey(scope, a.ID)
				if _, err := s.opts.Store.Get(ctx, k); err == nil { // it has not begun
					st.Delete(k)
					a.State, a.Ended = Cancelled, s.opts.Clock.Now()
				}
				crawls = append(crawls, *a)
			}
		}
		s.advance(ctx, st, scope, &r)
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range crawls {
		if err := s.opts.Crawls.StopRun(ctx, scope, a.Crawler, a.ID); err != nil {
			return fmt.Errorf("stop crawler %s: %w", a.Crawler, err)
		}
	}
	return nil
}

// stopJob stops the newest attempt of a job's run.
func (s *Service) stopJob(ctx context.Context, st *step, scope ident.Scope, a FlowAction) error {
	attempts, err := s.JobRuns(ctx, scope, a.Job, a.ID)
	if err != nil || len(attempts) == 0 {
		return err
	}
	if r := attempts[len(attempts)-1]; !r.State.Ended() {
		s.stop(st, scope, r)
	}
	return nil
}

// SetWorkflowProperties adds properties to a run or replaces them. Errors: ErrNotFound.
func (s *Service) SetWorkflowProperties(ctx context.Context, scope ident.Scope, workflow, id string, properties map[string]string) error {
	return s.change(ctx, func(st *step) error {
		r, err := s.WorkflowRun(ctx, scope, workflow, id)
		if err != nil {
			return err
		}
		if r.Properties == nil {
			r.Properties = map[string]string{}
		}
		maps.Copy(r.Properties, properties)
		s.addWorkflowRun(&st.Batch, scope, r)
		return nil
	})
}

// ResumeWorkflow begins a new run that takes over what a run that has ended has done, but for the actions that again selects and
// all that comes after them; those selected start anew. Errors: ErrNotFound, ErrState, ErrConcurrent, ErrBadInput.
func (s *Service) ResumeWorkflow(ctx context.Context, scope ident.Scope, workflow, id string, again func(Action) bool) (next string, err error) {
	err = s.change(ctx, func(st *step) error {
		old, err := s.WorkflowRun(ctx, scope, workflow, id)
		if err != nil {
			return err
		}
		if old.Completed.IsZero() {
			return fmt.Errorf("%w: run %s of workflow %s is %s: it cannot be resumed", ErrState, id, workflow, old.Status)
		}
		r, err := s.newWorkflowRun(ctx, scope, workflow)
		if err != nil {
			return err
		}
		r.Previous, r.Properties, r.Triggers = old.ID, old.Properties, slices.Clone(old.Triggers)
		restart := r.keep(old, again)
		for _, name := range slices.Sorted(maps.Keys(restart)) {
			started, _ := s.fire(ctx, st, scope, Trigger{Name: name, Actions: restart[name]}, &r)
			r.Actions = append(r.Actions, started...)
		}
		s.advance(ctx, st, scope, &r)
		next = r.ID
		return nil
	})
	s.wake()
	return next, err
}

// keep takes over the actions of an older run that neither start again nor come after one that does, and returns those that
// start again, by trigger.
func (r *WorkflowRun) keep(old WorkflowRun, again func(Action) bool) map[string][]Action {
	anew := func(job, crawler string) bool { return again(Action{Job: job, Crawler: crawler}) }
	void := map[string]bool{} // triggers whose conditions are open again
	affected := func(job, crawler string) bool {
		if anew(job, crawler) {
			return true
		}
		return slices.ContainsFunc(r.Triggers, func(t FlowTrigger) bool {
			return void[t.Name] && slices.ContainsFunc(t.Actions, func(a Action) bool { return a.Job == job && a.Crawler == crawler })
		})
	}
	for changed := true; changed; {
		changed = false
		for i, t := range r.Triggers {
			if !void[t.Name] && slices.ContainsFunc(t.Conditions, func(c Condition) bool { return affected(c.Job, c.Crawler) }) {
				void[t.Name], r.Triggers[i].Fired, changed = true, false, true
			}
		}
	}
	restart := map[string][]Action{}
	for _, a := range old.Actions {
		switch {
		case anew(a.Job, a.Crawler):
			if !slices.ContainsFunc(restart[a.Trigger], func(o Action) bool { return o.Job == a.Job && o.Crawler == a.Crawler }) {
				restart[a.Trigger] = append(restart[a.Trigger], a.Action)
			}
		case !affected(a.Job, a.Crawler):
			r.Actions = append(r.Actions, a)
		}
	}
	return restart
}

// activeWorkflowRuns returns the runs of a scope that are under way as workflow and id.
func (s *Service) activeWorkflowRuns(ctx context.Context, scope ident.Scope) (list [][2]string, err error) {
	all := key.In(key.ETL).Str("flowactive").Str(scope.Account).Str(scope.Region)
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(all)) {
		if err != nil {
			return nil, err
		}
		k := key.Read(it.Key, key.ETL)
		_, _, _ = k.Str(), k.Str(), k.Str() // kind, account, region
		list = append(list, [2]string{k.Str(), k.Str()})
	}
	return list, nil
}
