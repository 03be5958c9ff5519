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
)

// end is the end of a job's run, after its last attempt, or of a crawl. It is stored in the batch of the end itself and stays
// until the triggers that wait for it have taken notice.
type end struct {
	Job, Crawler          string `json:",omitempty"`
	ID                    string // of the run's first attempt, or of the crawl
	State                 string
	Error                 string `json:",omitempty"`
	At                    time.Time
	Workflow, WorkflowRun string `json:",omitempty"`
}

func ends() key.Key { return key.In(key.ETL).Str("ended") }

func noteEnd(b *kv.Batch, scope ident.Scope, e end) {
	kv.Put(b, ends().Str(scope.Account).Str(scope.Region).Str(e.ID), e)
}

// CrawlEnd is the end of a crawl as triggers see it.
type CrawlEnd struct {
	Crawler, ID string
	State       State // Succeeded, Failed or Cancelled
	Error       string
	At          time.Time
}

// NoteCrawl adds the end of a crawl to the batch of that end. Triggers are fired once the batch is durable.
func NoteCrawl(b *kv.Batch, scope ident.Scope, c CrawlEnd) {
	noteEnd(b, scope, end{Crawler: c.Crawler, ID: c.ID, State: string(c.State), Error: c.Error, At: c.At})
}

// crawlStart is a crawl that a trigger has to start. It is stored with the firing and removed when the crawl has begun.
type crawlStart struct {
	Crawler, ID, Trigger  string
	Workflow, WorkflowRun string `json:",omitempty"`
}

func crawlStarts() key.Key { return key.In(key.ETL).Str("start") }

func crawlStartKey(scope ident.Scope, id string) key.Key {
	return crawlStarts().Str(scope.Account).Str(scope.Region).Str(id)
}

// fire adds the starts of a trigger's actions to a step and returns what they are. One that cannot start does not keep the
// others from starting; it has ended already.
func (s *Service) fire(ctx context.Context, st *step, scope ident.Scope, t Trigger, in *WorkflowRun) (list []FlowAction, failed error) {
	var workflow, run string
	if in != nil {
		workflow, run = in.Workflow, in.ID
	}
	now := s.opts.Clock.Now()
	for _, a := range t.Actions {
		f := FlowAction{Trigger: t.Name, Action: a, State: Running, Started: now}
		if a.Crawler != "" {
			f.ID = ident.UUID()
			kv.Put(&st.Batch, crawlStartKey(scope, f.ID), crawlStart{Crawler: a.Crawler, ID: f.ID, Trigger: t.Name, Workflow: workflow, WorkflowRun: run})
		} else {
			var err error
			f.ID, err = s.start(ctx, st, scope, StartRequest{
				Job: a.Job, Arguments: maps.Clone(a.Arguments), Timeout: a.Timeout, Trigger: t.Name, Workflow: workflow, WorkflowRun: run,
			})
			if err != nil {
				s.log.Warn("a trigger could not start a job", "trigger", t.Name, "job", a.Job, "err", err)
				failed = errors.Join(failed, err)
				f.State, f.Ended, f.Error = Errored, now, err.Error()
			}
		}
		list = append(list, f)
	}
	return list, failed
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

// fireScheduled fires what the clock asks for and returns when the next schedule is.
func (s *Service) fireScheduled(ctx context.Context) (next time.Time, err error) {
	now := s.opts.Clock.Now()
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(allTriggers())) {
		if err != nil {
			return next, err
		}
		k := key.Read(it.Key, key.ETL)
		_ = k.Str() // "trigger"
		scope, name := ident.Scope{Account: k.Str(), Region: k.Str()}, ""
		name = k.Str()
		t, err := s.Trigger(ctx, scope, name)
		if err != nil || t.Type != Scheduled {
			continue // removed meanwhile, or without a time
		}
		if !t.Next.IsZero() && !t.Next.After(now) {
			err = s.change(ctx, func(st *step) error {
				if t, err = s.Trigger(ctx, scope, name); err != nil || !t.due(now) {
					return err
				}
				kv.Put(&st.Batch, triggerKey(scope, name), t)
				if t.Workflow != "" {
					_, err = s.startWorkflow(ctx, st, scope, t.Workflow, nil, true)
					return err
				}
				_, _ = s.fire(ctx, st, scope, t, nil) // logged there
				return nil
			})
			if err != nil {
				s.log.Error("fire a scheduled trigger", "trigger", name, "err", err)
			}
		}
		if !t.Next.IsZero() && (next.IsZero() || t.Next.Before(next)) {
			next = t.Next
		}
	}
	return next, nil
}

// takeEnds lets the triggers that wait for ends take notice of them.
func (s *Service) takeEnds(ctx context.Context) error {
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(ends())) {
		if err != nil {
			return err
		}
		k := key.Read(it.Key, key.ETL)
		_ = k.Str() // "ended"
		scope, at := ident.Scope{Account: k.Str(), Region: k.Str()}, slices.Clone(it.Key)
		e, err := kv.Load[end](ctx, s.opts.Store, at)
		if err != nil {
			return err
		}
		if err := s.change(ctx, func(st *step) error {
			st.Delete(at)
			return errors.Join(s.tellTriggers(ctx, st, scope, e), s.tellWorkflow(ctx, st, scope, e))
		}); err != nil {
			return fmt.Errorf("take the end of %s%s: %w", e.Job, e.Crawler, err)
		}
	}
	return nil
}

// tellTriggers notes an end in the conditional triggers that wait for it and fires those that are complete.
func (s *Service) tellTriggers(ctx context.Context, st *step, scope ident.Scope, e end) error {
	all, _, err := kv.LoadAll[Trigger](ctx, s.opts.Store, kv.Prefix(triggers(scope)), 0)
	for _, t := range all {
		if t.State != TriggerActivated || t.Type != Conditional || t.Workflow != "" {
			continue
		}
		met := false
		for i, c := range t.Conditions {
			if c.meets(e) {
				t.Met[i], met = true, true
			}
		}
		if !met {
			continue
		}
		if t.due(e.At) {
			_, _ = s.fire(ctx, st, scope, t, nil) // logged there
		}
		kv.Put(&st.Batch, triggerKey(scope, t.Name), t)
	}
	return err
}

// startCrawls starts the crawls that triggers have asked for.
func (s *Service) startCrawls(ctx context.Context) error {
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(crawlStarts())) {
		if err != nil {
			return err
		}
		k := key.Read(it.Key, key.ETL)
		_ = k.Str() // "start"
		scope, at := ident.Scope{Account: k.Str(), Region: k.Str()}, slices.Clone(it.Key)
		c, err := kv.Load[crawlStart](ctx, s.opts.Store, at)
		if errors.Is(err, kv.ErrNotFound) {
			continue // its workflow run was stopped meanwhile
		}
		if err != nil {
			return err
		}
		failed := errors.New("this server has no crawlers")
		if s.opts.Crawls != nil {
			failed = s.opts.Crawls.StartRun(ctx, scope, c.Crawler, c.ID)
		}
		stopped := false
		if err := s.change(ctx, func(st *step) error {
			if _, err := s.opts.Store.Get(ctx, at); err != nil {
				stopped = errors.Is(err, kv.ErrNotFound)
				return nil
			}
			st.Delete(at)
			if failed != nil {
				s.log.Warn("a trigger could not start a crawler", "trigger", c.Trigger, "crawler", c.Crawler, "err", failed)
				noteEnd(&st.Batch, scope, end{
					Crawler: c.Crawler, ID: c.ID, State: string(Errored), Error: failed.Error(), At: s.opts.Clock.Now(), Workflow: c.Workflow, WorkflowRun: c.WorkflowRun,
				})
			}
			return nil
		}); err != nil {
			return err
		}
		if stopped && failed == nil {
			_ = s.opts.Crawls.StopRun(ctx, scope, c.Crawler, c.ID) // it may have ended already
		}
	}
	return nil
}

// runTriggers fires triggers and moves workflow runs on until ctx ends.
func (s *Service) runTriggers(ctx context.Context) {
	ended := s.opts.Store.Watch(ends())
	defer ended.Close()
	started := s.opts.Store.Watch(crawlStarts())
	defer started.Close()
	for {
		next, err := s.fireScheduled(ctx)
		err = errors.Join(err, s.takeEnds(ctx), s.startCrawls(ctx))
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
		case <-ended.C():
		case <-started.C():
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
