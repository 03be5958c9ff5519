package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/scheduler"
)

var (
	scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}
	start = time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
)

// sink remembers calls as "name time-of-the-call attempt".
type sink struct {
	clock *clock.Fake
	got   chan string
	mu    sync.Mutex // guards fail
	fail  error
}

func (s *sink) Check(context.Context, ident.Scope, scheduler.Target) error { return nil }

func (s *sink) Call(_ context.Context, c scheduler.Call) error {
	s.got <- fmt.Sprintf("%s %s %d %s", c.Schedule[strings.LastIndexByte(c.Schedule, '/')+1:], s.clock.Now().Sub(start), c.Attempt, c.Target.Input)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

func (s *sink) Bury(_ context.Context, c scheduler.Call, exhausted string, reason error) error {
	s.got <- fmt.Sprintf("buried after %d: %s: %v", c.Attempt, exhausted, reason)
	return nil
}

type rig struct {
	*scheduler.Engine
	t      *testing.T
	store  kv.Store
	clock  *clock.Fake
	steady clock.Clock // that of the outbox
	sink   *sink
	stop   func()
}

func newRig(t *testing.T) *rig {
	c := clock.NewFake(start)
	r := &rig{t: t, store: kvtest.New(t), clock: c, sink: &sink{clock: c, got: make(chan string, 100)}}
	r.open()
	return r
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	r.steady = clock.Steady(r.clock)
	r.Engine, err = scheduler.Open(r.t.Context(), scheduler.Options{Store: r.store, Targets: r.sink, Clock: r.clock, Random: func() float64 { return 0.5 }})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	r.t.Cleanup(r.stop)
}

func (r *rig) create(name, expression string, edit func(*scheduler.Schedule)) {
	r.t.Helper()
	s := scheduler.Schedule{
		Ref: scheduler.Ref{Scope: scope, Group: scheduler.DefaultGroup, Name: name}, Expression: expression,
		Target: scheduler.Target{ARN: "arn", Input: "<aws.scheduler.scheduled-time>", Retries: 2, MaxAge: time.Hour, Dead: "dead"},
	}
	if edit != nil {
		edit(&s)
	}
	if err := r.Create(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
}

// expect advances the clock from timer to timer until the call comes.
func (r *rig) expect(want string) {
	r.t.Helper()
	latest := r.clock.Now().Add(1000 * time.Hour)
	if d, err := time.ParseDuration(strings.Fields(want)[1]); err == nil {
		latest = start.Add(d)
	}
	for {
		select {
		case got := <-r.sink.got:
			if got != want {
				r.t.Fatalf("got %q, want %q", got, want)
			}
			return
		default:
		}
		r.settle()
		if len(r.sink.got) > 0 {
			continue
		}
		// The timers are armed by goroutines of their own: one that is later than the call is of before.
		if next, ok := r.clock.NextTimer(); ok && next.After(r.clock.Now()) && !next.After(latest) {
			r.clock.Advance(next.Sub(r.clock.Now()))
		}
		runtime.Gosched()
	}
}

// settle waits until nothing that is due waits in the outbox.
func (r *rig) settle() {
	r.t.Helper()
	for {
		due := false
		for it, err := range r.store.Scan(r.t.Context(), kv.Prefix(key.In(key.Outbox))) {
			if err != nil {
				r.t.Fatal(err)
			}
			k := key.Read(it.Key, key.Outbox)
			k.Str()
			due = due || !k.Time().After(r.steady.Now())
		}
		if !due || len(r.sink.got) > 0 {
			return
		}
		runtime.Gosched()
	}
}

func TestExpressions(t *testing.T) {
	berlin := func(s *scheduler.Schedule) { s.Zone = "Europe/Berlin" }
	for _, c := range []struct {
		expression string
		edit       func(*scheduler.Schedule)
		want       []string
	}{
		{"rate(5 minutes)", nil, []string{"s 0s 1 2026-01-01T00:00:30Z", "s 5m0s 1 2026-01-01T00:05:30Z"}},
		{"rate(1 hour)", func(s *scheduler.Schedule) { s.Start = start.Add(10 * time.Minute) }, []string{"s 10m0s 1 2026-01-01T00:10:30Z", "s 1h10m0s 1 2026-01-01T01:10:30Z"}},
		{"at(2026-01-01T00:01:30)", nil, []string{"s 1m0s 1 2026-01-01T00:01:30Z"}},
		{"at(2026-01-01T02:00:00)", berlin, []string{"s 59m30s 1 2026-01-01T01:00:00Z"}},
		{"cron(0 2 * * ? *)", berlin, []string{"s 59m30s 1 2026-01-01T01:00:00Z", "s 24h59m30s 1 2026-01-02T01:00:00Z"}},
		{"cron(0/10 * * * ? *)", func(s *scheduler.Schedule) { s.Start = start.Add(9*time.Minute + 30*time.Second) }, []string{"s 9m30s 1 2026-01-01T00:10:00Z"}},
		{"cron(0 * * * ? *)", func(s *scheduler.Schedule) { s.Window = 10 * time.Minute }, []string{"s 1h4m30s 1 2026-01-01T01:00:00Z"}},
	} {
		t.Run(c.expression, func(t *testing.T) {
			r := newRig(t)
			r.create("s", c.expression, c.edit)
			for _, w := range c.want {
				r.expect(w)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	r := newRig(t)
	r.create("s", "rate(10 minutes)", func(s *scheduler.Schedule) { s.End, s.Delete = start.Add(15*time.Minute), true })
	r.expect("s 0s 1 2026-01-01T00:00:30Z")
	r.expect("s 10m0s 1 2026-01-01T00:10:30Z")
	if _, err := r.Get(scheduler.Ref{Scope: scope, Group: scheduler.DefaultGroup, Name: "s"}); !errors.Is(err, scheduler.ErrNotFound) {
		t.Errorf("after the last firing: %v", err)
	}
	r.create("once", "at(2026-01-01T00:30:30)", nil)
	r.expect("once 30m0s 1 2026-01-01T00:30:30Z")
	if s, err := r.Get(scheduler.Ref{Scope: scope, Group: scheduler.DefaultGroup, Name: "once"}); err != nil || s.Last.IsZero() {
		t.Errorf("one that stays: %+v, %v", s, err)
	}
}

func TestMissedWhileDown(t *testing.T) {
	r := newRig(t)
	r.create("hourly", "cron(0 * * * ? *)", nil)
	r.create("once", "at(2026-01-01T01:30:30)", nil)
	r.expect("hourly 59m30s 1 2026-01-01T01:00:00Z")
	r.settle()
	r.stop()
	r.clock.Advance(2*time.Hour + 15*time.Minute) // 03:15: two hours and one time are missed
	r.open()
	got := map[string]bool{<-r.sink.got: true, <-r.sink.got: true}
	if !got["hourly 3h14m30s 1 2026-01-01T03:00:00Z"] || !got["buried after 1: MaximumEventAgeInSeconds: the firing is older than the retry policy allows"] {
		t.Errorf("after the restart: %v", got)
	}
	r.expect("hourly 3h59m30s 1 2026-01-01T04:00:00Z")
}

// TestClockIsSet: a rate goes on, a time of a cron expression comes once, and a flexible window is as long as it was.
func TestClockIsSet(t *testing.T) {
	r := newRig(t)
	r.create("rate", "rate(5 minutes)", nil)
	r.expect("rate 0s 1 2026-01-01T00:00:30Z")
	r.clock.Jump(time.Hour)
	r.expect("rate 1h5m0s 1 2026-01-01T01:05:30Z")
	r.clock.Jump(-2 * time.Hour)
	r.expect("rate -50m0s 1 2025-12-31T23:10:30Z")
	r = newRig(t)
	r.create("cron", "cron(0 * * * ? *)", func(s *scheduler.Schedule) { s.Window = 10 * time.Minute })
	r.clock.Jump(59 * time.Minute)
	r.expect("cron 1h4m30s 1 2026-01-01T01:00:00Z") // found due within a minute, half a window before
	r.clock.Jump(-10 * time.Minute)
	r.expect("cron 2h4m30s 1 2026-01-01T02:00:00Z")
}

func TestRetries(t *testing.T) {
	r := newRig(t)
	r.sink.fail = errors.New("throttled")
	r.create("s", "at(2026-01-01T00:01:00)", nil)
	r.expect("s 30s 1 2026-01-01T00:01:00Z")
	r.expect("s 31s 2 2026-01-01T00:01:00Z")
	r.expect("s 33s 3 2026-01-01T00:01:00Z")
	r.expect("buried after 3: MaximumRetryAttempts: throttled")
	r.sink.mu.Lock()
	r.sink.fail = fmt.Errorf("%w: gone", scheduler.ErrPermanent)
	r.sink.mu.Unlock()
	r.create("p", "at(2026-01-01T00:02:00)", nil)
	r.expect("p 1m30s 1 2026-01-01T00:02:00Z")
	r.expect("buried after 1: : " + scheduler.ErrPermanent.Error() + ": gone")
}

func TestRefusals(t *testing.T) {
	r := newRig(t)
	r.create("s", "rate(1 day)", func(s *scheduler.Schedule) { s.Token = "a"; s.Disabled = true })
	r.create("s", "rate(1 day)", func(s *scheduler.Schedule) { s.Token = "a" }) // the same request again
	base := scheduler.Schedule{Ref: scheduler.Ref{Scope: scope, Group: scheduler.DefaultGroup, Name: "t"}, Expression: "rate(1 day)", Target: scheduler.Target{MaxAge: time.Hour}}
	for name, c := range map[string]struct {
		edit func(*scheduler.Schedule)
		want error
	}{
		"taken":      {func(s *scheduler.Schedule) { s.Name = "s" }, scheduler.ErrExists},
		"no group":   {func(s *scheduler.Schedule) { s.Group = "g" }, scheduler.ErrNotFound},
		"expression": {func(s *scheduler.Schedule) { s.Expression = "rate(1 days)" }, scheduler.ErrBadInput},
		"zone":       {func(s *scheduler.Schedule) { s.Zone = "Mars/Crater" }, scheduler.ErrBadInput},
		"local zone": {func(s *scheduler.Schedule) { s.Zone = "Local" }, scheduler.ErrBadInput},
		"past end":   {func(s *scheduler.Schedule) { s.End = start }, scheduler.ErrBadInput},
		"order":      {func(s *scheduler.Schedule) { s.Start, s.End = start.Add(2*time.Hour), start.Add(time.Hour) }, scheduler.ErrBadInput},
		"age":        {func(s *scheduler.Schedule) { s.Target.MaxAge = time.Minute - 1 }, scheduler.ErrBadInput},
		"old age":    {func(s *scheduler.Schedule) { s.Target.MaxAge = 24*time.Hour + 1 }, scheduler.ErrBadInput},
		"retries":    {func(s *scheduler.Schedule) { s.Target.Retries = 186 }, scheduler.ErrBadInput},
		"window":     {func(s *scheduler.Schedule) { s.Window = 1441 * time.Minute }, scheduler.ErrBadInput},
		"fine": {func(s *scheduler.Schedule) {
			s.Window, s.Target.Retries, s.Target.MaxAge = 1440*time.Minute, 185, 24*time.Hour
		}, nil},
	} {
		s := base
		c.edit(&s)
		if err := r.Create(t.Context(), s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.DeleteGroup(t.Context(), scope, scheduler.DefaultGroup); !errors.Is(err, scheduler.ErrBadInput) {
		t.Error(err)
	}
	err1 := r.CreateGroup(t.Context(), scheduler.Group{Scope: scope, Name: "g"})
	base.Group = "g"
	if err := errors.Join(err1, r.Create(t.Context(), base), r.DeleteGroup(t.Context(), scope, "g")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(base.Ref); !errors.Is(err, scheduler.ErrNotFound) {
		t.Errorf("after its group: %v", err)
	}
}
