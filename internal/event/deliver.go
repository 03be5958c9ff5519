package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/outbox"
)

// delivery is an entry of the outbox.
type delivery struct {
	Rule    Rule // as it was, without its targets
	Target  Target
	Payload []byte
}

// Put takes events, durably. A nil id has its error in errs.
func (e *Engine) Put(ctx context.Context, list []Event, buses []BusRef) (ids []string, errs []error, err error) {
	var b kv.Batch
	ids, errs = make([]string, len(list)), make([]error, len(list))
	for i := range list {
		ids[i], errs[i] = e.Emit(&b, buses[i], list[i])
	}
	if b.Empty() {
		return ids, errs, nil
	}
	return ids, errs, kv.Commit(ctx, e.opts.Store, &b)
}

// Emit puts an event on a bus as a part of the caller's batch and returns its id.
func (e *Engine) Emit(b *kv.Batch, bus BusRef, ev Event) (string, error) {
	if _, err := e.Bus(bus); err != nil {
		return "", err
	}
	id, now := ident.UUID(), e.opts.Clock.Now().UTC()
	if ev.Time.IsZero() {
		ev.Time = now
	}
	if ev.Resources == nil {
		ev.Resources = []string{}
	}
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": ev.DetailType, "source": ev.Source, "account": bus.Account, "time": ev.Time.UTC().Format("2006-01-02T15:04:05Z"),
		"region": bus.Region, "resources": ev.Resources, "detail": ev.Detail,
	})
	if err != nil {
		return "", fmt.Errorf("%w: Detail is malformed: %w", ErrBadInput, err)
	}
	doc, err := eventpattern.Decode(text)
	if err != nil {
		return "", fmt.Errorf("%w: Detail is malformed: %w", ErrBadInput, err)
	}
	e.mu.Lock()
	var rules []Rule
	for _, r := range e.rules[bus] {
		if !r.Disabled && r.pattern != nil {
			rules = append(rules, r)
		}
	}
	e.mu.Unlock()
	for _, r := range rules {
		if r.pattern.Match(doc) {
			e.queue(b, r, text, doc, now)
		}
	}
	return id, nil
}

// queue adds the deliveries of an event to a rule's targets.
func (e *Engine) queue(b *kv.Batch, r Rule, text []byte, doc any, now time.Time) {
	targets := r.Targets
	r.Targets = nil
	for _, t := range targets {
		e.box.Put(b, delivery{Rule: r, Target: t, Payload: t.payload(r, text, doc, now)})
	}
}

// Run delivers events and runs schedules until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() { defer close(done); e.box.Run(ctx, e.deliver) }()
	e.runSchedules(ctx)
	<-done
}

func (e *Engine) deliver(ctx context.Context, entry outbox.Entry, b *kv.Batch) error {
	var d delivery
	if err := json.Unmarshal(entry.Body, &d); err != nil {
		e.log.Error("drop a malformed delivery", "id", entry.ID, "err", err)
		return nil
	}
	err := e.opts.Deliverer.Deliver(ctx, b, d.Rule, d.Target, d.Payload)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if entry.Attempt < d.Target.Retries && e.opts.Clock.Now().Sub(entry.Created) < d.Target.MaxAge {
		return err
	}
	b.Reset()
	if d.Target.Dead == "" {
		e.log.Warn("drop an event that cannot be delivered", "rule", d.Rule.ARN(), "target", d.Target.ARN, "err", err)
		return nil
	}
	return e.opts.Deliverer.Bury(ctx, b, d.Rule, d.Target, d.Payload, err)
}

// late is how old a run may be to be carried out all the same.
const late = time.Minute

// runSchedules queues the runs of scheduled rules as they fall due.
func (e *Engine) runSchedules(ctx context.Context) {
	for ctx.Err() == nil {
		now := e.opts.Clock.Now().UTC()
		next := now.Add(time.Hour)
		for _, r := range e.scheduled() {
			due := r.schedule.Next(r.Last)
			if due.Before(now.Add(-late)) && !due.IsZero() { // the process was down
				for due.Before(now) && !due.IsZero() {
					r.Last, due = due, r.schedule.Next(due)
				}
			}
			if due.IsZero() {
				continue
			}
			if !due.After(now) {
				if err := e.fire(ctx, r, due); err != nil && ctx.Err() == nil {
					e.log.Error("queue a scheduled run", "rule", r.ARN(), "err", err)
					next = now.Add(time.Second)
					continue
				}
				due = r.schedule.Next(due)
			}
			if due.Before(next) && !due.IsZero() {
				next = due
			}
		}
		t := e.opts.Clock.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
		case <-t.C():
		case <-e.kick:
		}
		t.Stop()
	}
}

func (e *Engine) scheduled() (list []Rule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, rules := range e.rules {
		for _, r := range rules {
			if r.schedule != nil && !r.Disabled {
				list = append(list, r)
			}
		}
	}
	return list
}

// fire queues one run.
func (e *Engine) fire(ctx context.Context, r Rule, due time.Time) error {
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": ident.UUID(), "detail-type": "Scheduled Event", "source": "aws.events", "account": r.Bus.Account,
		"time": due.Format("2006-01-02T15:04:05Z"), "region": r.Bus.Region, "resources": []string{r.ARN()}, "detail": map[string]any{},
	})
	if err != nil {
		return err
	}
	doc, err := eventpattern.Decode(text)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cur, ok := e.rules[r.Bus][r.Name]
	if !ok || cur.Schedule != r.Schedule || cur.Disabled {
		return nil // changed meanwhile
	}
	cur.Last = due
	var b kv.Batch
	kv.Put(&b, ruleKey(cur.Bus, cur.Name), cur)
	e.queue(&b, cur, text, doc, e.opts.Clock.Now().UTC())
	if err := kv.Commit(ctx, e.opts.Store, &b); err != nil {
		return err
	}
	e.set(cur)
	return nil
}
