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
	"github.com/tarn-data/tarn/internal/schedule"
)

// Types of triggers.
const (
	OnDemand    = "ON_DEMAND"
	Scheduled   = "SCHEDULED"
	Conditional = "CONDITIONAL"
)

// States of triggers.
const (
	TriggerCreated     = "CREATED"
	TriggerActivated   = "ACTIVATED"
	TriggerDeactivated = "DEACTIVATED"
)

// Trigger starts jobs and crawlers: when a user says so, by the clock, or when others have ended.
type Trigger struct {
	Name        string
	Workflow    string `json:",omitempty"` // that it belongs to; "" = none
	Type        string
	State       string
	Description string            `json:",omitempty"`
	Schedule    string            `json:",omitempty"` // cron(…)
	Actions     []Action          // what it starts
	Any         bool              `json:",omitempty"` // one condition is enough; otherwise all must be met
	Conditions  []Condition       `json:",omitempty"`
	Tags        map[string]string `json:",omitempty"`
	Next        time.Time         `json:",omitzero"`  // when a schedule is due
	Met         []bool            `json:",omitempty"` // conditions met since the trigger fired last; not of a workflow's triggers
}

// Action is a job or a crawler that a trigger starts.
type Action struct {
	Job       string            `json:",omitempty"`
	Crawler   string            `json:",omitempty"`
	Arguments map[string]string `json:",omitempty"` // of a job
	Timeout   time.Duration     `json:",omitempty"` // of a job
}

// Condition is met by a run of a job, or by a crawl, that ends in a state.
type Condition struct {
	Job     string `json:",omitempty"`
	Crawler string `json:",omitempty"`
	State   State
}

// meets reports whether an end meets the condition.
func (c Condition) meets(e end) bool {
	return c.Job == e.Job && c.Crawler == e.Crawler && c.State == State(e.State)
}

// Triggers have a prefix of their own, so that those that are due are found without reading runs.
func allTriggers() key.Key { return key.In(key.ETL).Str("trigger") }

func triggers(s ident.Scope) key.Key { return allTriggers().Str(s.Account).Str(s.Region) }

func triggerKey(s ident.Scope, name string) key.Key { return triggers(s).Str(name) }

func (t *Trigger) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadInput, fmt.Sprintf(format, args...))
	}
	switch {
	case t.Name == "" || len(t.Name) > 255:
		return bad("trigger name of %d bytes: want 1 to 255", len(t.Name))
	case t.Type != OnDemand && t.Type != Scheduled && t.Type != Conditional:
		return bad("trigger type %q is not supported: want ON_DEMAND, SCHEDULED or CONDITIONAL", t.Type)
	case len(t.Actions) == 0:
		return bad("a trigger needs an action")
	case t.Type == Conditional && len(t.Conditions) == 0:
		return bad("a conditional trigger needs a predicate")
	case t.Type != Conditional && len(t.Conditions) > 0:
		return bad("only a conditional trigger has a predicate")
	case (t.Type == Scheduled) != (t.Schedule != ""):
		return bad("a schedule belongs to scheduled triggers and only to them")
	}
	if t.Type == Scheduled {
		if _, err := schedule.Parse(t.Schedule); err != nil {
			return bad("%v", err)
		}
	}
	for _, a := range t.Actions {
		switch {
		case (a.Job == "") == (a.Crawler == ""):
			return bad("an action of a trigger names one job or one crawler")
		case a.Crawler != "" && (len(a.Arguments) > 0 || a.Timeout > 0):
			return bad("crawler %s of a trigger takes no arguments and no timeout", a.Crawler)
		}
	}
	for _, c := range t.Conditions {
		switch {
		case (c.Job == "") == (c.Crawler == ""):
			return bad("a condition of a trigger names one job or one crawler")
		case c.Job != "" && !c.State.Ended():
			return bad("condition %s of job %q: want SUCCEEDED, STOPPED, TIMEOUT, FAILED or ERROR", c.State, c.Job)
		case c.Crawler != "" && c.State != Succeeded && c.State != Failed && c.State != Cancelled && c.State != Errored:
			return bad("condition %s of crawler %q: want SUCCEEDED, FAILED, CANCELLED or ERROR", c.State, c.Crawler)
		}
	}
	return nil
}

// activate makes a trigger wait for its time or its conditions.
func (t *Trigger) activate(now time.Time) {
	t.State, t.Met, t.Next = TriggerActivated, make([]bool, len(t.Conditions)), time.Time{}
	if sch, err := schedule.Parse(t.Schedule); err == nil {
		t.Next = sch.Next(now)
	}
}

// CreateTrigger makes a trigger; start activates it at once. Errors: ErrExists, ErrBadInput.
func (s *Service) CreateTrigger(ctx context.Context, scope ident.Scope, t Trigger, start bool) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.State = TriggerCreated; start {
		if t.Type == OnDemand {
			return fmt.Errorf("%w: an ON_DEMAND trigger cannot be started when it is created", ErrBadInput)
		}
		t.activate(s.opts.Clock.Now())
	}
	err := s.change(ctx, func(st *step) error {
		switch _, err := s.Trigger(ctx, scope, t.Name); {
		case err == nil:
			return fmt.Errorf("%w: Trigger %s already exists.", ErrExists, t.Name)
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if err := s.mayJoin(ctx, scope, t); err != nil {
			return err
		}
		kv.Put(&st.Batch, triggerKey(scope, t.Name), t)
		return nil
	})
	s.wake()
	return err
}

// Trigger returns a trigger or ErrNotFound.
func (s *Service) Trigger(ctx context.Context, scope ident.Scope, name string) (Trigger, error) {
	t, err := kv.Load[Trigger](ctx, s.opts.Store, triggerKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return t, fmt.Errorf("%w: Trigger %s not found.", ErrNotFound, name)
	}
	return t, err
}

// Triggers lists triggers by name, those after the name after, at most limit (0 = all). job selects those that start it.
func (s *Service) Triggers(ctx context.Context, scope ident.Scope, job, after string, limit int) (list []Trigger, more bool, err error) {
	rng := kv.Prefix(triggers(scope))
	if after != "" {
		rng.Lo = triggerKey(scope, after).End()
	}
	all, _, err := kv.LoadAll[Trigger](ctx, s.opts.Store, rng, 0)
	for _, t := range all {
		if job != "" && !slices.ContainsFunc(t.Actions, func(a Action) bool { return a.Job == job }) {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, err
		}
		list = append(list, t)
	}
	return list, false, err
}

// editTrigger changes a trigger.
func (s *Service) editTrigger(ctx context.Context, scope ident.Scope, name string, edit func(*Trigger) error) (t Trigger, err error) {
	err = s.change(ctx, func(st *step) error {
		if t, err = s.Trigger(ctx, scope, name); err != nil {
			return err
		}
		if err := edit(&t); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return err
		}
		kv.Put(&st.Batch, triggerKey(scope, name), t)
		return nil
	})
	s.wake()
	return t, err
}

// UpdateTrigger replaces what edit changes. An activated trigger waits anew.
func (s *Service) UpdateTrigger(ctx context.Context, scope ident.Scope, name string, edit func(*Trigger)) (Trigger, error) {
	return s.editTrigger(ctx, scope, name, func(t *Trigger) error {
		edit(t)
		if t.Name = name; t.State == TriggerActivated {
			t.activate(s.opts.Clock.Now())
		}
		return nil
	})
}

// DeleteTrigger removes a trigger; one that is absent is no error, as on AWS.
func (s *Service) DeleteTrigger(ctx context.Context, scope ident.Scope, name string) error {
	return s.change(ctx, func(st *step) error {
		st.Delete(triggerKey(scope, name))
		return nil
	})
}

// StartTrigger fires a trigger on demand, which starts its workflow where it belongs to one, and activates one of the other
// types.
func (s *Service) StartTrigger(ctx context.Context, scope ident.Scope, name string) error {
	t, err := s.Trigger(ctx, scope, name)
	switch {
	case err != nil:
		return err
	case t.Type != OnDemand:
		_, err = s.editTrigger(ctx, scope, name, func(t *Trigger) error { t.activate(s.opts.Clock.Now()); return nil })
		return err
	case t.Workflow != "":
		_, err = s.StartWorkflow(ctx, scope, t.Workflow, nil)
		return err
	}
	var failed error
	err = s.change(ctx, func(st *step) error {
		_, failed = s.fire(ctx, st, scope, t, nil)
		return nil
	})
	s.wake()
	return errors.Join(failed, err)
}

// StopTrigger deactivates a trigger.
func (s *Service) StopTrigger(ctx context.Context, scope ident.Scope, name string) error {
	_, err := s.editTrigger(ctx, scope, name, func(t *Trigger) error {
		if t.Type == OnDemand {
			return fmt.Errorf("%w: trigger %s is ON_DEMAND: it has nothing to stop", ErrBadInput, name)
		}
		t.State, t.Met, t.Next = TriggerDeactivated, nil, time.Time{}
		return nil
	})
	return err
}
