package event

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/schedule"
)

// late is how old a run may be to be carried out all the same.
const late = time.Minute

// look is how long at most the schedules are not looked at: timers do not notice that the wall clock was set.
const look = time.Minute

// runSchedules queues the runs of scheduled rules as they fall due: those of cron expressions by the wall clock, each time once
// wherever that is set to, and those of rates by the time that passes.
func (e *Engine) runSchedules(ctx context.Context) {
	jumps := clock.NewJumps(e.opts.Clock)
	for ctx.Err() == nil {
		jump := jumps.Next()
		e.moveRates(jump)
		now := e.opts.Clock.Now().UTC()
		next := now.Add(look)
		var last kv.Pending
		for _, r := range e.scheduled() {
			due := r.schedule.Next(r.Last)
			if due.Before(now.Add(-late)) && !due.IsZero() { // the process was down, or the clock was set forward
				newest := due
				for due.Before(now) && !due.IsZero() {
					newest, due = due, r.schedule.Next(due)
				}
				if newest.After(now.Add(-late - jump)) { // of what the clock was set past, one run
					due = newest
				}
			}
			if due.IsZero() {
				continue
			}
			if !due.After(now) {
				p, err := e.fire(r, due)
				if err != nil && ctx.Err() == nil {
					e.log.Error("queue a scheduled run", "rule", r.ARN(), "err", err)
					next = now.Add(time.Second)
					continue
				}
				if p != nil {
					last = p
				}
				due = r.schedule.Next(due)
			}
			if due.Before(next) && !due.IsZero() {
				next = due
			}
		}
		if last != nil {
			if err := last.Wait(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("store scheduled runs", "err", err)
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

// moveRates keeps the rates going when the wall clock was set by d.
func (e *Engine) moveRates(d time.Duration) {
	if d == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, rules := range e.rules {
		for name, r := range rules {
			if _, ok := r.schedule.(schedule.Rate); ok {
				r.Last = r.Last.Add(d)
				rules[name] = r
			}
		}
	}
}

func (e *Engine) scheduled() (list []Rule) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, rules := range e.rules {
		for _, r := range rules {
			if r.schedule != nil && !r.Disabled {
				list = append(list, r)
			}
		}
	}
	return list
}

// fire queues one run. It does not wait until that is durable.
func (e *Engine) fire(r Rule, due time.Time) (kv.Pending, error) {
	text, err := marshal(envelope{
		Version: "0", ID: ident.UUID(), DetailType: "Scheduled Event", Source: "aws.events", Account: r.Bus.Account,
		Time: due.Format("2006-01-02T15:04:05Z"), Region: r.Bus.Region, Resources: []string{r.ARN()}, Detail: struct{}{},
	})
	if err != nil {
		return nil, err
	}
	doc, err := eventpattern.Decode(text)
	if err != nil {
		return nil, err
	}
	return e.apply(func(b *kv.Batch) (func(), error) {
		cur, ok := e.rules[r.Bus][r.Name]
		if !ok || cur.Schedule != r.Schedule || cur.Disabled {
			return nil, nil // changed meanwhile
		}
		cur.Last = due
		kv.Put(b, ruleKey(cur.Bus, cur.Name), cur)
		e.queue(b, cur, text, doc, e.opts.Clock.Now().UTC(), 0)
		return func() { e.set(cur) }, nil
	})
}
