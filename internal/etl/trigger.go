package etl

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// Trigger starts jobs: when a user says so, by the clock, or when other jobs have ended.
type Trigger struct {
	Name        string
	Type        string
	State       string
	Description string            `json:",omitempty"`
	Schedule    string            `json:",omitempty"` // cron(…)
	Actions     []Action          // jobs to start
	Any         bool              `json:",omitempty"` // one condition is enough; otherwise all must be met
	Conditions  []Condition       `json:",omitempty"`
	Tags        map[string]string `json:",omitempty"`
	Next        time.Time         `json:",omitzero"`  // when a schedule is due
	Met         []bool            `json:",omitempty"` // conditions met since the trigger fired last
}

// Action is a job that a trigger starts.
type Action struct {
	Job       string
	Arguments map[string]string `json:",omitempty"`
	Timeout   time.Duration     `json:",omitempty"`
}

// Condition is met by a run of a job that ends in a state.
type Condition struct {
	Job   string
	State State
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
		if a.Job == "" {
			return bad("an action of a trigger names no job")
		}
	}
	for _, c := range t.Conditions {
		if c.Job == "" || !c.State.Ended() {
			return bad("condition %s of job %q: want SUCCEEDED, STOPPED, TIMEOUT, FAILED or ERROR", c.State, c.Job)
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
	var b kv.Batch
	k := triggerKey(scope, t.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, t)
	err := kv.Commit(ctx, s.opts.Store, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: Trigger %s already exists.", ErrExists, t.Name)
	}
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

// editTrigger changes a trigger. The caller must not hold mu.
func (s *Service) editTrigger(ctx context.Context, scope ident.Scope, name string, edit func(*Trigger) error) (Trigger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.Trigger(ctx, scope, name)
	if err == nil {
		err = edit(&t)
	}
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return t, err
	}
	var b kv.Batch
	kv.Put(&b, triggerKey(scope, name), t)
	s.wake()
	return t, kv.Commit(ctx, s.opts.Store, &b)
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
	s.mu.Lock()
	defer s.mu.Unlock()
	var b kv.Batch
	b.Delete(triggerKey(scope, name))
	return kv.Commit(ctx, s.opts.Store, &b)
}

// StartTrigger fires a trigger on demand and activates one of the other types.
func (s *Service) StartTrigger(ctx context.Context, scope ident.Scope, name string) error {
	t, err := s.Trigger(ctx, scope, name)
	if err != nil {
		return err
	}
	if t.Type != OnDemand {
		_, err = s.editTrigger(ctx, scope, name, func(t *Trigger) error { t.activate(s.opts.Clock.Now()); return nil })
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fire(ctx, scope, t)
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

// fire starts the jobs of a trigger and stores the trigger, in the batch of the first run. A job that cannot start does not
// keep the others from starting. The caller holds mu.
func (s *Service) fire(ctx context.Context, scope ident.Scope, t Trigger) error {
	stored := false
	keep := func(b *kv.Batch) {
		if t.Type != OnDemand {
			kv.Put(b, triggerKey(scope, t.Name), t)
		}
	}
	var failed error
	for _, a := range t.Actions {
		var more []func(*kv.Batch)
		if !stored {
			more = append(more, keep)
		}
		_, err := s.start(ctx, scope, StartRequest{Job: a.Job, Arguments: maps.Clone(a.Arguments), Timeout: a.Timeout, Trigger: t.Name}, more...)
		if err != nil {
			s.log.Warn("a trigger could not start a job", "trigger", t.Name, "job", a.Job, "err", err)
			failed = errors.Join(failed, err)
			continue
		}
		stored = true
	}
	if stored {
		return failed
	}
	var b kv.Batch
	keep(&b)
	return errors.Join(failed, kv.Commit(ctx, s.opts.Store, &b))
}

// meets returns the conditional triggers that wait for a run's end, with that end noted.
func (s *Service) meets(ctx context.Context, scope ident.Scope, r Run) ([]Trigger, error) {
	all, _, err := kv.LoadAll[Trigger](ctx, s.opts.Store, kv.Prefix(triggers(scope)), 0)
	var changed []Trigger
	for _, t := range all {
		if t.State != TriggerActivated || t.Type != Conditional {
			continue
		}
		met := false
		for i, c := range t.Conditions {
			if c.Job == r.Job && c.State == r.State {
				t.Met[i], met = true, true
			}
		}
		if met {
			changed = append(changed, t)
		}
	}
	return changed, err
}

// due reports whether an active trigger must fire now, and prepares it for the next time.
func (t *Trigger) due(now time.Time) bool {
	if t.State != TriggerActivated {
		return false
	}
	switch t.Type {
	case Scheduled:
		if t.Next.IsZero() || t.Next.After(now) {
			return false
		}
		t.activate(now)
		return true
	case Conditional:
		if ready := slices.Contains(t.Met, true) && (t.Any || !slices.Contains(t.Met, false)); !ready {
			return false
		}
		t.Met = make([]bool, len(t.Conditions))
		return true
	}
	return false
}

// fireDue fires what is due and returns when the next schedule is.
func (s *Service) fireDue(ctx context.Context) (next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Clock.Now()
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(allTriggers())) {
		if err != nil {
			return next, err
		}
		k := key.Read(it.Key, key.ETL)
		_ = k.Str() // "trigger"
		scope := ident.Scope{Account: k.Str(), Region: k.Str()}
		t, err := s.Trigger(ctx, scope, k.Str())
		if err != nil {
			return next, err
		}
		if t.due(now) {
			_ = s.fire(ctx, scope, t) // logged there
		}
		if !t.Next.IsZero() && (next.IsZero() || t.Next.Before(next)) {
			next = t.Next
		}
	}
	return next, nil
}

// runTriggers fires triggers until ctx ends.
func (s *Service) runTriggers(ctx context.Context) {
	for {
		next, err := s.fireDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("fire triggers", "err", err)
			next = s.opts.Clock.Now().Add(time.Minute)
		}
		var timer <-chan time.Time
		stop := func() {}
		if !next.IsZero() {
			t := s.opts.Clock.NewTimer(max(next.Sub(s.opts.Clock.Now()), 0))
			timer, stop = t.C(), func() { t.Stop() }
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-s.awake:
		}
		stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (s *Service) wake() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}
