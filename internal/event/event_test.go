package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

var bus = event.BusRef{Scope: ident.Scope{Account: "000000000000", Region: "us-east-1"}, Name: event.DefaultBus}

// sink remembers what is delivered.
type sink struct {
	mu   sync.Mutex
	fail error
	got  chan string
}

func (s *sink) Check(context.Context, event.Rule, event.Target) error { return nil }

func (s *sink) Deliver(_ context.Context, _ *kv.Batch, d event.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.got <- string(d.Payload)
	}
	return s.fail
}

func (s *sink) Bury(_ context.Context, _ *kv.Batch, d event.Delivery, _ int, reason error) error {
	s.got <- "buried: " + string(d.Payload) + ": " + reason.Error()
	return nil
}

func open(t *testing.T, store kv.Store, c *clock.Fake, s *sink) (*event.Engine, func()) {
	t.Helper()
	e, err := event.Open(t.Context(), event.Options{Store: store, Deliverer: s, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return e, stop
}

func put(t *testing.T, e *event.Engine, r event.Rule, target event.Target) {
	t.Helper()
	r.Bus, r.Name = bus, "r"
	target.ID, target.ARN, target.MaxAge = "1", "arn:aws:sqs:us-east-1:000000000000:q", time.Hour
	_, err := e.PutRule(t.Context(), r)
	if err = errors.Join(err, e.PutTarget(t.Context(), bus, "r", target)); err != nil {
		t.Fatal(err)
	}
}

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		target event.Target
		want   string
	}{
		{event.Target{Input: `{"fixed":1}`}, `{"fixed":1}`},
		{event.Target{InputPath: "$.detail.list[1]"}, `"b"`},
		{event.Target{InputPath: "$.detail.none"}, `null`},
		{event.Target{InputPath: "$.detail.html"}, `"<a&b>"`},
		{event.Target{Template: `"see <h>"`, Paths: map[string]string{"h": "$.detail.html"}}, `"see <a&b>"`},
		{event.Target{Template: `"n is <n>, <q>"`, Paths: map[string]string{"n": "$.detail.n", "q": "$.detail.quote"}}, `"n is 9007199254740993, say \"x\""`},
		{event.Target{Template: `{"l": <l>, "t": "<l>", "n": <aws.events.rule-name>}`, Paths: map[string]string{"l": "$.detail.list"}}, `{"l": ["a","b"], "t": "[a,b]", "n": "r"}`},
	} {
		s := &sink{got: make(chan string, 1)}
		e, _ := open(t, kvtest.New(t), clock.NewFake(time.Unix(0, 0)), s)
		put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, c.target)
		_, errs, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{"n":9007199254740993,"list":["a","b"],"html":"<a&b>","quote":"say \"x\""}`)}}, []event.BusRef{bus})
		if err = errors.Join(err, errs[0]); err != nil {
			t.Fatal(err)
		}
		if got := <-s.got; got != c.want {
			t.Errorf("%+v: %s", c.target, got)
		}
	}
}

func TestUnknownPlaceholder(t *testing.T) {
	e, _ := open(t, kvtest.New(t), clock.NewFake(time.Unix(0, 0)), &sink{})
	if _, err := e.PutRule(t.Context(), event.Rule{Bus: bus, Name: "r", Pattern: `{"source":["s"]}`}); err != nil {
		t.Fatal(err)
	}
	err := e.PutTarget(t.Context(), bus, "r", event.Target{ID: "1", ARN: "arn:aws:sqs:us-east-1:000000000000:q", MaxAge: time.Hour, Template: `"<b> <a>"`, Paths: map[string]string{"a": "$.id"}})
	if !errors.Is(err, event.ErrBadInput) || !strings.HasSuffix(err.Error(), "invalid placeholder b.") {
		t.Errorf("%v", err)
	}
}

func TestScheduleSurvivesRestarts(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	store, s := kvtest.New(t), &sink{got: make(chan string, 100)}
	e, stop := open(t, store, c, s)
	put(t, e, event.Rule{Schedule: "rate(5 minutes)"}, event.Target{InputPath: "$.time"})
	await := func(at time.Time) {
		for next := (time.Time{}); !next.Equal(at); next, _ = c.NextTimer() {
			runtime.Gosched() // the loop arms its timer in a goroutine of its own
		}
	}
	await(time.Date(2026, 1, 1, 0, 5, 0, 0, time.UTC))
	c.Advance(5 * time.Minute)
	if got := <-s.got; got != `"2026-01-01T00:05:00Z"` {
		t.Errorf("first run: %s", got)
	}
	for left := 1; left > 0; { // a delivery whose removal is not committed would be made again
		left = 0
		for _, err := range store.Scan(t.Context(), kv.Prefix(key.In(key.Outbox))) {
			if err != nil {
				t.Fatal(err)
			}
			left++
		}
	}
	stop()
	c.Advance(12 * time.Minute) // two runs are missed
	_, _ = open(t, store, c, s)
	await(time.Date(2026, 1, 1, 0, 20, 0, 0, time.UTC))
	c.Advance(3 * time.Minute)
	if got := <-s.got; got != `"2026-01-01T00:20:00Z"` {
		t.Errorf("after the restart: %s", got)
	}
}

func TestUndeliverableIsBuried(t *testing.T) {
	s := &sink{got: make(chan string, 1), fail: errors.New("gone")}
	e, _ := open(t, kvtest.New(t), clock.NewFake(time.Unix(0, 0)), s)
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{Input: `1`, Dead: "arn:aws:sqs:us-east-1:000000000000:dead"})
	if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{}`)}}, []event.BusRef{bus}); err != nil {
		t.Fatal(err)
	}
	if got := <-s.got; got != "buried: 1: gone" {
		t.Error(got)
	}
}
