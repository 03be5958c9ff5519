package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		{event.Target{Template: `{"l": <l>, "n": <aws.events.rule-name>, "t": "<n>"}`, Paths: map[string]string{"l": "$.detail.list", "n": "$.detail.n"}}, `{"l": ["a","b"], "n": "r", "t": "9007199254740993"}`},
		{event.Target{Template: `"l is <l>"`, Paths: map[string]string{"l": "$.detail.list"}}, `"l is [a,b]"`},
		{event.Target{Template: `{"t": "<l>"}`, Paths: map[string]string{"l": "$.detail.list"}}, ""}, // it would be no JSON
	} {
		s := &sink{got: make(chan string, 1)}
		e, _ := open(t, kvtest.New(t), clock.NewFake(time.Unix(0, 0)), s)
		put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, c.target)
		_, errs, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{"n":9007199254740993,"list":["a","b"],"html":"<a&b>","quote":"say \"x\""}`)}}, []event.BusRef{bus})
		if err = errors.Join(err, errs[0]); err != nil {
			t.Fatal(err)
		}
		if c.want == "" { // what follows is delivered, and it was not
			put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{Input: `"next"`})
			if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{}`)}}, []event.BusRef{bus}); err != nil {
				t.Fatal(err)
			}
			c.want = `"next"`
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

// pass lets whole minutes pass one by one: the loop of the schedules looks at the clock once a minute at least.
func pass(c *clock.Fake, d time.Duration) {
	for end := c.Elapsed() + d; c.Elapsed() < end; c.Advance(time.Minute) {
		for next := (time.Time{}); !next.Equal(c.Now().Add(time.Minute)); next, _ = c.NextTimer() {
			runtime.Gosched() // it arms its timer in a goroutine of its own
		}
	}
}

func TestScheduleSurvivesRestarts(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	store, s := kvtest.New(t), &sink{got: make(chan string, 100)}
	e, stop := open(t, store, c, s)
	put(t, e, event.Rule{Schedule: "rate(5 minutes)"}, event.Target{InputPath: "$.time"})
	pass(c, 5*time.Minute)
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
	pass(c, 3*time.Minute)
	if got := <-s.got; got != `"2026-01-01T00:20:00Z"` {
		t.Errorf("after the restart: %s", got)
	}
}

// TestSchedulesWhenTheClockIsSet: a rate goes on, and a time of a cron expression comes once.
func TestSchedulesWhenTheClockIsSet(t *testing.T) {
	for _, c := range []struct {
		schedule string
		forward  string // runs after two minutes, a jump by an hour and three minutes
		back     string // after another jump, two hours back, and five minutes
	}{
		{"rate(5 minutes)", `"2026-01-01T01:05:00Z" `, `"2025-12-31T23:10:00Z" `},
		{"cron(0 * * * ? *)", `"2026-01-01T01:00:00Z" `, ""},
		{"cron(4 * * * ? *)", `"2026-01-01T00:04:00Z" "2026-01-01T01:04:00Z" `, ""},
	} {
		t.Run(c.schedule, func(t *testing.T) {
			clk, s := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), &sink{got: make(chan string, 100)}
			store := kvtest.New(t)
			e, _ := open(t, store, clk, s)
			put(t, e, event.Rule{Schedule: c.schedule}, event.Target{InputPath: "$.time"})
			ran := func(d time.Duration) string {
				pass(clk, d)
				pass(clk, time.Minute) // what fell due at the end is queued by now
				for left := 1; left > 0; {
					left = 0
					for range store.Scan(t.Context(), kv.Prefix(key.In(key.Outbox))) {
						left++
					}
				}
				var list []string
				for len(s.got) > 0 {
					list = append(list, <-s.got+" ")
				}
				slices.Sort(list) // deliveries run side by side
				return strings.Join(list, "")
			}
			ran(time.Minute)
			clk.Jump(time.Hour)
			if got := ran(3 * time.Minute); got != c.forward {
				t.Errorf("after a jump forward: %s, want %s", got, c.forward)
			}
			clk.Jump(-2 * time.Hour)
			if got := ran(5 * time.Minute); got != c.back {
				t.Errorf("after a jump back: %s, want %s", got, c.back)
			}
		})
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

// TestHTTPParameters: values that are paths stand for what is in the event, other values for themselves.
func TestHTTPParameters(t *testing.T) {
	s := &parameters{got: make(chan event.HTTPParameters, 1)}
	e, err := event.Open(t.Context(), event.Options{Store: kvtest.New(t), Deliverer: s, Clock: clock.NewFake(time.Unix(0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	defer func() { cancel(); <-done }()
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{HTTP: &event.HTTPParameters{
		Path: []string{"$.detail.id", "fixed", "$.none"}, Header: map[string]string{"n": "$.detail.n"}, Query: map[string]string{"o": "$.detail.o", "money": "$5"},
	}})
	if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{"id":"a/b","n":1.50,"o":{"x":[1]}}`)}}, []event.BusRef{bus}); err != nil {
		t.Fatal(err)
	}
	want := event.HTTPParameters{Path: []string{"a/b", "fixed", ""}, Header: map[string]string{"n": "1.50"}, Query: map[string]string{"o": `{"x":[1]}`, "money": "$5"}}
	if diff := cmp.Diff(want, <-s.got); diff != "" {
		t.Error(diff)
	}
}

// parameters remembers those of the last delivery.
type parameters struct {
	sink
	got chan event.HTTPParameters
}

func (p *parameters) Deliver(_ context.Context, _ *kv.Batch, d event.Delivery) error {
	p.got <- *d.Target.HTTP
	return nil
}

// TestOrderOfMembers: events have their members as AWS writes them.
func TestOrderOfMembers(t *testing.T) {
	s := &sink{got: make(chan string, 1)}
	e, _ := open(t, kvtest.New(t), clock.NewFake(time.Unix(0, 0)), s)
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{})
	if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{"b":1,"a":2}`)}}, []event.BusRef{bus}); err != nil {
		t.Fatal(err)
	}
	got := <-s.got
	_, rest, _ := strings.Cut(got, `,"detail-type"`)
	const want = `:"d","source":"s","account":"000000000000","time":"1970-01-01T00:00:00Z","region":"us-east-1","resources":[],"detail":{"b":1,"a":2}}`
	if !strings.HasPrefix(got, `{"version":"0","id":"`) || rest != want {
		t.Errorf("got %s", got)
	}
}

// reluctant takes nothing, in its dead-letter queue neither.
type reluctant struct {
	sink
	tries chan struct{}
}

func (r *reluctant) Bury(context.Context, *kv.Batch, event.Delivery, int, error) error {
	r.tries <- struct{}{}
	return errors.New("no such queue")
}

// TestDeadLetterQueueThatRefuses: an event that nobody takes is given up, and not tried for ever.
func TestDeadLetterQueueThatRefuses(t *testing.T) {
	store := kvtest.New(t)
	r := &reluctant{sink{fail: event.ErrPermanent}, make(chan struct{}, 8)}
	e, err := event.Open(t.Context(), event.Options{Store: store, Deliverer: r, Clock: clock.NewFake(time.Now())})
	if err != nil {
		t.Fatal(err)
	}
	go e.Run(t.Context())
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{Dead: "arn:aws:sqs:us-east-1:000000000000:dlq"})
	if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{}`)}}, []event.BusRef{bus}); err != nil {
		t.Fatal(err)
	}
	<-r.tries
	for waiting(t, store) > 0 {
		runtime.Gosched()
		if len(r.tries) > 0 {
			t.Fatal("it was tried again")
		}
	}
}

func waiting(t *testing.T, s kv.Store) (n int) {
	for _, err := range s.Scan(t.Context(), kv.Prefix(key.In(key.Outbox))) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestPatternOfAnOlderVersion: a pattern that is refused by now keeps nobody from starting, and takes nothing.
func TestPatternOfAnOlderVersion(t *testing.T) {
	store, c, s := kvtest.New(t), clock.NewFake(time.Now()), &sink{got: make(chan string, 8)}
	e, stop := open(t, store, c, s)
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{})
	if _, err := e.CreateArchive(t.Context(), event.Archive{Bus: bus, Name: "a", Pattern: `{"source":["s"]}`}); err != nil {
		t.Fatal(err)
	}
	stop()
	var b kv.Batch
	for it, err := range store.Scan(t.Context(), kv.Prefix(key.In(key.Event))) {
		if err != nil {
			t.Fatal(err)
		}
		b.Set(slices.Clone(it.Key), []byte(strings.ReplaceAll(string(it.Value), `[\"s\"]`, `[[]]`)))
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	e, _ = open(t, store, c, s)
	if _, _, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: json.RawMessage(`{}`)}}, []event.BusRef{bus}); err != nil {
		t.Fatal(err)
	}
	a, err := e.Archive(bus.Scope, "a")
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := e.ArchiveSize(t.Context(), a); n != 0 || err != nil || waiting(t, store) != 0 {
		t.Errorf("%d events archived, %d deliveries, %v", n, waiting(t, store), err)
	}
}
