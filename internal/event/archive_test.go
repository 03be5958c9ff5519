package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func send(t *testing.T, e *event.Engine, n int) {
	t.Helper()
	detail := json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))
	_, errs, err := e.Put(t.Context(), []event.Event{{Source: "s", DetailType: "d", Detail: detail}}, []event.BusRef{bus})
	if err = errors.Join(err, errs[0]); err != nil {
		t.Fatal(err)
	}
}

func TestReplayGoesOnAfterARestart(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	store, s := kvtest.New(t), &sink{got: make(chan string, 1000)}
	quiet, err := event.Open(t.Context(), event.Options{Store: store, Deliverer: s, Clock: c}) // which does not run
	if err != nil {
		t.Fatal(err)
	}
	a, err := quiet.CreateArchive(t.Context(), event.Archive{Bus: bus, Name: "a", Pattern: `{"detail":{"n":[{"numeric":["<",300]}]}}`})
	if err != nil {
		t.Fatal(err)
	}
	const n = 250 // more than two steps
	start := c.Now()
	for i := range n {
		send(t, quiet, i)
		c.Advance(time.Second)
	}
	send(t, quiet, 300)
	if events, bytes, err := quiet.ArchiveSize(t.Context(), a); events != n || bytes < n*100 || err != nil {
		t.Errorf("%d events of %d bytes, %v", events, bytes, err)
	}
	put(t, quiet, event.Rule{Pattern: `{"replay-name":["r"]}`}, event.Target{InputPath: "$.detail.n"})
	r := event.Replay{Scope: bus.Scope, Name: "r", Archive: "a", Bus: bus, From: start.Add(10 * time.Second), To: c.Now()}
	if _, err := quiet.StartReplay(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, stop := open(t, store, c, s)
	seen := map[string]int{}
	for range 120 { // it stops somewhere, perhaps with deliveries under way
		seen[<-s.got]++
	}
	stop()
	e, _ := open(t, store, c, s)
	for len(seen) < n-10 {
		seen[<-s.got]++
	}
	for state := event.Running; state != event.Completed; {
		done, err := e.Replay(t.Context(), bus.Scope, "r")
		if err != nil {
			t.Fatal(err)
		}
		state = done.State
	}
	if seen["9"] != 0 || seen["10"] == 0 || seen["300"] != 0 {
		t.Errorf("replayed %v", seen)
	}
	if _, err := e.StartReplay(t.Context(), r); !errors.Is(err, event.ErrExists) {
		t.Errorf("the same name: %v", err)
	}
	r.Name, r.Bus.Name = "x", "other"
	if _, err := e.StartReplay(t.Context(), r); !errors.Is(err, event.ErrBadInput) {
		t.Errorf("to another bus: %v", err)
	}
}

func TestArchivesForget(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	store, s := kvtest.New(t), &sink{got: make(chan string, 10)}
	e, stop := open(t, store, c, s)
	short, err1 := e.CreateArchive(t.Context(), event.Archive{Bus: bus, Name: "short", Days: 1})
	long, err2 := e.CreateArchive(t.Context(), event.Archive{Bus: bus, Name: "long"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	send(t, e, 1)
	c.Advance(12 * time.Hour)
	send(t, e, 2)
	stop()
	c.Advance(13 * time.Hour)
	e, _ = open(t, store, c, s) // retention is looked at when the engine starts, and every hour
	count := func(a event.Archive) int64 {
		n, _, err := e.ArchiveSize(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for count(short) != 1 {
		c.AwaitTimers(1)
	}
	if n := count(long); n != 2 {
		t.Errorf("%d events are left in the archive without an end", n)
	}
}

func TestPolicies(t *testing.T) {
	store := kvtest.New(t)
	e, _ := open(t, store, clock.NewFake(time.Unix(0, 0)), &sink{})
	p := event.Permission{Statement: "a", Action: "events:PutEvents", Principal: "111111111111"}
	if err := e.Permit(t.Context(), bus, p); err != nil {
		t.Fatal(err)
	}
	p.Principal, p.OrgID = "*", "o-1"
	if err := e.Permit(t.Context(), bus, p); err != nil { // the statement is replaced
		t.Fatal(err)
	}
	e, _ = open(t, store, clock.NewFake(time.Unix(0, 0)), &sink{})
	if d := e.Policy(bus); d == nil || len(d.Statements) != 1 {
		t.Fatalf("policy %v", d)
	}
	if list, _ := e.Buses(bus.Scope, "", "", 10); len(list) != 1 {
		t.Errorf("buses %v", list)
	}
	if err := errors.Join(e.Forbid(t.Context(), bus, "a")); err != nil || e.Policy(bus) != nil {
		t.Errorf("after the last statement: %v, %v", e.Policy(bus), err)
	}
	if err := e.Forbid(t.Context(), bus, "a"); !errors.Is(err, event.ErrNotFound) {
		t.Error(err)
	}
}
