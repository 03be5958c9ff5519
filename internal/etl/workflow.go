package etl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Workflow is a graph of triggers, jobs and crawlers that runs as one. Its triggers name it.
type Workflow struct {
	Name          string
	Description   string            `json:",omitempty"`
	Properties    map[string]string `json:",omitempty"` // that its runs begin with
	MaxConcurrent int               `json:",omitempty"` // runs at a time; 0 = any number
	Tags          map[string]string `json:",omitempty"`
	Created       time.Time
	Modified      time.Time
}

// WorkflowStatus is the state of a workflow's run.
type WorkflowStatus string

// The states.
const (
	FlowRunning   WorkflowStatus = "RUNNING"
	FlowCompleted WorkflowStatus = "COMPLETED"
	FlowStopping  WorkflowStatus = "STOPPING"
	FlowStopped   WorkflowStatus = "STOPPED"
	FlowError     WorkflowStatus = "ERROR" // it could not start
)

// WorkflowRun is one run of a workflow, with its triggers as they were when it started.
type WorkflowRun struct {
	ID, Workflow string
	Previous     string `json:",omitempty"` // the run that it resumes
	Status       WorkflowStatus
	Error        string `json:",omitempty"`
	Started      time.Time
	Completed    time.Time         `json:",omitzero"`
	Properties   map[string]string `json:",omitempty"`
	Triggers     []FlowTrigger
	Actions      []FlowAction // what was started, in that order
}

// FlowTrigger is a trigger in a run of its workflow.
type FlowTrigger struct {
	Trigger
	Fired bool `json:",omitempty"`
}

// FlowAction is a job or crawler that a trigger has started.
type FlowAction struct {
	Trigger string // that started it
	Action
	ID      string // of the job's run (its first attempt) or of the crawl; "" if it could not start
	State   State
	Error   string `json:",omitempty"`
	Started time.Time
	Ended   time.Time `json:",omitzero"`
}

func workflows(s ident.Scope) key.Key {
	return key.In(key.ETL).Str("workflow").Str(s.Account).Str(s.Region)
}

func workflowKey(s ident.Scope, name string) key.Key { return workflows(s).Str(name) }

func workflowRuns(kind string, s ident.Scope, workflow string) key.Key {
	return key.In(key.ETL).Str(kind).Str(s.Account).Str(s.Region).Str(workflow)
}

func workflowRunKey(s ident.Scope, r WorkflowRun) key.Key {
	return workflowRuns("flowrun", s, r.Workflow).Time(r.Started).Str(r.ID)
}

func workflowRunIDKey(s ident.Scope, workflow, id string) key.Key {
	return workflowRuns("flowrunid", s, workflow).Str(id)
}

func activeWorkflowKey(s ident.Scope, workflow, id string) key.Key {
	return workflowRuns("flowactive", s, workflow).Str(id)
}

func (w *Workflow) check() error {
	switch {
	case w.Name == "" || len(w.Name) > 255:
		return fmt.Errorf("%w: workflow name of %d bytes: want 1 to 255", ErrBadInput, len(w.Name))
	case w.MaxConcurrent < 0:
		return fmt.Errorf("%w: %d concurrent runs: want 0 or more", ErrBadInput, w.MaxConcurrent)
	}
	return nil
}

// CreateWorkflow makes a workflow. Errors: ErrExists, ErrBadInput.
func (s *Service) CreateWorkflow(ctx context.Context, scope ident.Scope, w Workflow) error {
	if err := w.check(); err != nil {
		return err
	}
	w.Created = s.opts.Clock.Now()
	w.Modified = w.Created
	var b kv.Batch
	k := workflowKey(scope, w.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, w)
	err := kv.Commit(ctx, s.opts.Store, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: Workflow %s already exists.", ErrExists, w.Name)
	}
	return err
}

// Workflow returns a workflow or ErrNotFound.
func (s *Service) Workflow(ctx context.Context, scope ident.Scope, name string) (Workflow, error) {
	w, err := kv.Load[Workflow](ctx, s.opts.Store, workflowKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return w, fmt.Errorf("%w: Entity not found: workflow %s", ErrNotFound, name)
	}
	return w, err
}

// Workflows lists workflows by name, those after the name after, at most limit (0 = all).
func (s *Service) Workflows(ctx context.Context, scope ident.Scope, after string, limit int) (list []Workflow, more bool, err error) {
	rng := kv.Prefix(workflows(scope))
	if after != "" {
		rng.Lo = workflowKey(scope, after).End()
	}
	list, next, err := kv.LoadAll[Workflow](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// UpdateWorkflow replaces what edit changes. Runs under way keep what they started with.
func (s *Service) UpdateWorkflow(ctx context.Context, scope ident.Scope, name string, edit func(*Workflow)) error {
	return s.change(ctx, func(st *step) error {
		w, err := s.Workflow(ctx, scope, name)
		if err != nil {
			return err
		}
		edit(&w)
		w.Name, w.Modified = name, s.opts.Clock.Now()
		if err := w.check(); err != nil {
			return err
		}
		kv.Put(&st.Batch, workflowKey(scope, name), w)
		return nil
	})
}

// DeleteWorkflow removes a workflow with its triggers and the records of its runs; one that is absent is no error, as on
// AWS. Its jobs and crawlers stay, and what is under way goes on.
func (s *Service) DeleteWorkflow(ctx context.Context, scope ident.Scope, name string) error {
	return s.change(ctx, func(st *step) error {
		list, err := s.triggersOf(ctx, scope, name)
		if err != nil {
			return err
		}
		for _, t := range list {
			st.Delete(triggerKey(scope, t.Name))
		}
		st.Delete(workflowKey(scope, name))
		for _, kind := range []string{"flowrun", "flowrunid", "flowactive"} {
			p := workflowRuns(kind, scope, name)
			st.DeleteRange(p, p.End())
		}
		return nil
	})
}

// triggersOf returns the triggers of a workflow by name.
func (s *Service) triggersOf(ctx context.Context, scope ident.Scope, workflow string) ([]Trigger, error) {
	all, _, err := kv.LoadAll[Trigger](ctx, s.opts.Store, kv.Prefix(triggers(scope)), 0)
	return slices.DeleteFunc(all, func(t Trigger) bool { return t.Workflow != workflow }), err
}

// mayJoin reports why a new trigger cannot belong to the workflow that it names, or nil.
func (s *Service) mayJoin(ctx context.Context, scope ident.Scope, t Trigger) error {
	if t.Workflow == "" {
		return nil
	}
	if _, err := s.Workflow(ctx, scope, t.Workflow); err != nil || t.Type == Conditional {
		return err
	}
	others, err := s.triggersOf(ctx, scope, t.Workflow)
	if i := slices.IndexFunc(others, func(o Trigger) bool { return o.Type != Conditional }); i >= 0 {
		return fmt.Errorf("%w: workflow %s has a starting trigger already: %s", ErrBadInput, t.Workflow, others[i].Name)
	}
	return err
}

// FlowGraph returns the triggers of a workflow as a run would begin with them.
func (s *Service) FlowGraph(ctx context.Context, scope ident.Scope, workflow string) ([]FlowTrigger, error) {
	list, err := s.triggersOf(ctx, scope, workflow)
	out := make([]FlowTrigger, len(list))
	for i, t := range list {
		out[i] = FlowTrigger{Trigger: t}
	}
	return out, err
}

// WorkflowRun returns a run of a workflow or ErrNotFound.
func (s *Service) WorkflowRun(ctx context.Context, scope ident.Scope, workflow, id string) (WorkflowRun, error) {
	started, err := kv.Load[time.Time](ctx, s.opts.Store, workflowRunIDKey(scope, workflow, id))
	if err == nil {
		var r WorkflowRun
		if r, err = kv.Load[WorkflowRun](ctx, s.opts.Store, workflowRunKey(scope, WorkflowRun{Workflow: workflow, ID: id, Started: started})); err == nil {
			return r, nil
		}
	}
	if errors.Is(err, kv.ErrNotFound) {
		return WorkflowRun{}, fmt.Errorf("%w: Entity not found: run %s of workflow %s", ErrNotFound, id, workflow)
	}
	return WorkflowRun{}, err
}

// WorkflowRuns lists a workflow's runs, newest first, those that started before the time before (zero = all), at most limit.
func (s *Service) WorkflowRuns(ctx context.Context, scope ident.Scope, workflow string, before time.Time, limit int) (list []WorkflowRun, more bool, err error) {
	if _, err := s.Workflow(ctx, scope, workflow); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(workflowRuns("flowrun", scope, workflow))
	rng.Reverse = true
	if !before.IsZero() {
		rng.Hi = workflowRuns("flowrun", scope, workflow).Time(before)
	}
	list, next, err := kv.LoadAll[WorkflowRun](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// JobRuns returns the attempts of a job's run, the first one first.
func (s *Service) JobRuns(ctx context.Context, scope ident.Scope, job, id string) ([]Run, error) {
	var list []Run
	for n := 0; ; n++ {
		next := id
		if n > 0 {
			next = fmt.Sprintf("%s%s%d", id, attemptMark, n)
		}
		r, err := s.Run(ctx, scope, job, next)
		if errors.Is(err, ErrNotFound) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
}
