package scheduler

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/outbox"
)

func random() float64 { return rand.Float64() }

// dueEntry is when a schedule falls due. It is out of date where the schedule was modified or fired since.
type dueEntry struct {
	at             time.Time
	ref            Ref
	modified, last time.Time
}

// dueHeap implements heap.Interface: the earliest first.
type dueHeap []dueEntry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueEntry)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// set puts a schedule into memory; e.mu is held, or nobody else has e yet.
func (e *Engine) set(s Schedule) {
	e.schedules[s.Ref] = s
	if s.Disabled {
		return
	}
	if at := s.next(); !at.IsZero() {
		heap.Push(&e.due, dueEntry{at, s.Ref, s.Modified, s.Last})
	}
	if len(e.due) > 2*len(e.schedules)+1000 { // most are out of date
		e.due = slices.DeleteFunc(e.due, func(x dueEntry) bool { return !e.current(x) })
		heap.Init(&e.due)
	}
}

// current reports whether an entry still tells when its schedule falls due; e.mu is held.
func (e *Engine) current(x dueEntry) bool {
	s, ok := e.schedules[x.ref]
	return ok && !s.Disabled && s.Modified.Equal(x.modified) && s.Last.Equal(x.last)
}

// moveRates keeps the rates going when the wall clock was set by d.
func (e *Engine) moveRates(d time.Duration) {
	if d == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.due = nil
	for _, s := range e.schedules {
		if s.rate() && !s.Last.IsZero() {
			s.Last = s.Last.Add(d)
		}
		e.set(s)
	}
}

// look is how long at most the schedules are not looked at: timers do not notice that the wall clock was set.
const look = time.Minute

// Run fires schedules and calls their targets until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() { defer close(done); e.box.Run(ctx, e.deliver) }()
	jumps := clock.NewJumps(e.opts.Clock)
	for ctx.Err() == nil {
		var last kv.Pending
		wait := look
		e.moveRates(jumps.Next())
		for ctx.Err() == nil {
			p, next, err := e.fireNext()
			if err != nil {
				e.log.Error("queue a firing", "err", err)
				wait = time.Second
				break
			}
			if p == nil {
				if !next.IsZero() {
					wait = min(wait, max(next.Sub(e.opts.Clock.Now()), 0))
				}
				break
			}
			last = p
		}
		if last != nil {
			if err := last.Wait(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("store firings", "err", err)
			}
		}
		t := e.opts.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C():
		case <-e.kick:
		}
		t.Stop()
	}
	<-done
}

// firing is an entry of the outbox.
type firing struct {
	Scope     ident.Scope
	Schedule  string // ARN
	Target    Target
	Scheduled time.Time
	Age       time.Duration // when it was queued; negative where its target is called later, in the flexible window
}

// fireNext queues the firing that is due first, or returns when that is.
func (e *Engine) fireNext() (p kv.Pending, next time.Time, err error) {
	p, err = e.apply(func(b *kv.Batch) (func(), error) {
		now := e.opts.Clock.Now().UTC()
		for len(e.due) > 0 {
			x := e.due[0]
			if !e.current(x) {
				heap.Pop(&e.due)
				continue
			}
			s := e.schedules[x.ref]
			if x.at.After(now) {
				next = x.at
				return nil, nil
			}
			s.Last = s.newest(x.at, now).UTC()
			at := s.Last.Add(time.Duration(e.opts.Random() * float64(s.Window)))
			age := now.Sub(at)
			e.box.PutAfter(b, max(-age, 0), firing{s.Scope, s.ARN(), s.Target, s.Last, age})
			done := func() { heap.Pop(&e.due); e.set(s) }
			if s.Delete && s.next().IsZero() {
				b.Delete(scheduleKey(s.Ref))
				done = func() { heap.Pop(&e.due); delete(e.schedules, s.Ref) }
			} else {
				kv.Put(b, scheduleKey(s.Ref), s)
			}
			return done, nil
		}
		return nil, nil
	})
	return p, next, err
}

// deliver calls the target of a firing.
func (e *Engine) deliver(ctx context.Context, entry outbox.Entry, _ *kv.Batch) error {
	var f firing
	if err := json.Unmarshal(entry.Body, &f); err != nil {
		e.log.Error("drop a malformed firing", "id", entry.ID, "err", err)
		return nil
	}
	c := Call{Scope: f.Scope, Schedule: f.Schedule, Target: f.Target, ExecutionID: entry.ID, Attempt: entry.Attempt + 1, Scheduled: f.Scheduled}
	c.Target.Input = fill(c, f.Target.Input)
	err := errors.New("the firing is older than the retry policy allows")
	exhausted := "MaximumEventAgeInSeconds"
	if f.Age+e.box.Age(entry) <= f.Target.MaxAge { // else the process was down
		if err = e.opts.Targets.Call(ctx, c); err == nil || ctx.Err() != nil {
			return err
		}
		switch {
		case errors.Is(err, ErrPermanent):
			exhausted = ""
		case entry.Attempt >= f.Target.Retries:
			exhausted = "MaximumRetryAttempts"
		default:
			return err
		}
	}
	log := e.log.With("schedule", f.Schedule, "target", f.Target.ARN, "err", err)
	if f.Target.Dead == "" {
		log.Warn("drop a firing that its target does not take")
		return nil
	}
	if dead := e.opts.Targets.Bury(ctx, c, exhausted, err); dead != nil && ctx.Err() == nil {
		log.Warn("the dead-letter queue of a schedule does not take a firing", "queue", f.Target.Dead, "reason", dead)
	}
	return ctx.Err()
}

// fill writes the context attributes into an input.
//
// Source: "Adding context attributes" in the EventBridge Scheduler user guide.
func fill(c Call, input string) string {
	if input == "" && strings.Contains(c.Target.ARN, ":aws-sdk:") {
		return "{}" // of an operation without parameters
	}
	if input == "" {
		b, err := json.Marshal(map[string]any{
			"version": "0", "id": c.ExecutionID, "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": c.Account, "time": c.Scheduled.UTC().Format(time.RFC3339),
			"region": c.Region, "resources": []string{c.Schedule}, "detail": "{}",
		})
		if err != nil {
			panic("BUG: encode event: " + err.Error())
		}
		return string(b)
	}
	return strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", c.Schedule, "<aws.scheduler.scheduled-time>", c.Scheduled.UTC().Format(time.RFC3339),
		"<aws.scheduler.execution-id>", c.ExecutionID, "<aws.scheduler.attempt-number>", strconv.Itoa(c.Attempt),
	).Replace(input)
}
