package logs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/logs"
)

var (
	scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}
	now   = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

func open(t *testing.T) (*logs.Store, *clock.Fake) {
	t.Helper()
	c := clock.NewFake(now)
	l := logs.New(kvtest.New(t), logs.Options{Clock: c})
	if err := l.CreateGroup(t.Context(), scope, logs.Group{Name: "/g"}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"a", "b"} {
		if err := l.CreateStream(t.Context(), scope, "/g", s); err != nil {
			t.Fatal(err)
		}
	}
	return l, c
}

func put(t *testing.T, l *logs.Store, stream string, at time.Time, messages ...string) {
	t.Helper()
	var events []logs.Event
	for i, m := range messages {
		events = append(events, logs.Event{Time: at.Add(time.Duration(i) * time.Second), Message: m})
	}
	if rej, err := l.Put(t.Context(), scope, "/g", stream, events); err != nil || rej.Any() {
		t.Fatalf("rejected %+v, err %v", rej, err)
	}
}

func text(events []logs.Event) string {
	var m []string
	for _, e := range events {
		m = append(m, e.Message)
	}
	return strings.Join(m, " ")
}

func TestGetPagesBothWays(t *testing.T) {
	l, _ := open(t)
	put(t, l, "a", now, "1", "2", "3", "4", "5")
	put(t, l, "b", now, "other")
	var forward []string
	q := logs.Query{Limit: 2}
	for range 4 {
		events, next, _, err := l.Get(t.Context(), scope, "/g", "a", q, true)
		if err != nil {
			t.Fatal(err)
		}
		forward = append(forward, text(events))
		q.Token = next
	}
	if got := strings.Join(forward, "|"); got != "1 2|3 4|5|" {
		t.Errorf("forward: %s", got)
	}
	var back []string
	q.Token = ""
	for range 4 {
		events, _, prev, err := l.Get(t.Context(), scope, "/g", "a", q, false)
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, text(events))
		q.Token = prev
	}
	if got := strings.Join(back, "|"); got != "4 5|2 3|1|" {
		t.Errorf("back: %s", got)
	}
	if _, _, _, err := l.Get(t.Context(), scope, "/g", "a", logs.Query{Token: "x"}, true); !errors.Is(err, logs.ErrBadToken) {
		t.Errorf("bad token: %v", err)
	}
}

func TestFilterMergesStreamsByTime(t *testing.T) {
	l, _ := open(t)
	put(t, l, "a", now, "a1 ERROR", "a2")
	put(t, l, "b", now.Add(500*time.Millisecond), "b1 ERROR", "b2")
	events, next, err := l.Filter(t.Context(), scope, "/g", nil, "", "", logs.Query{Limit: 3})
	if err != nil || text(events) != "a1 ERROR b1 ERROR a2" || next == "" {
		t.Fatalf("%q %q %v", text(events), next, err)
	}
	events, next, err = l.Filter(t.Context(), scope, "/g", nil, "", "", logs.Query{Token: next})
	if err != nil || text(events) != "b2" || next != "" {
		t.Errorf("%q %q %v", text(events), next, err)
	}
	events, _, err = l.Filter(t.Context(), scope, "/g", []string{"b"}, "", "ERROR", logs.Query{})
	if err != nil || text(events) != "b1 ERROR" {
		t.Errorf("%q %v", text(events), err)
	}
}

func TestPutRejectsByTimeAndRetentionRemoves(t *testing.T) {
	l, c := open(t)
	if err := l.UpdateGroup(t.Context(), scope, "/g", func(g *logs.Group) { g.RetentionDays = 1 }); err != nil {
		t.Fatal(err)
	}
	old := []logs.Event{{Time: now.Add(-15 * 24 * time.Hour), Message: "ancient"}}
	if rej, err := l.Put(t.Context(), scope, "/g", "a", old); err != nil || rej.TooOldEnd != 1 {
		t.Errorf("rejected %+v, err %v", rej, err)
	}
	if rej, err := l.Put(t.Context(), scope, "/g", "a", []logs.Event{{Time: now.Add(3 * time.Hour), Message: "future"}}); err != nil || rej.TooNewStart != 0 {
		t.Errorf("rejected %+v, err %v", rej, err)
	}
	put(t, l, "a", now, "kept for a day")
	c.Advance(25 * time.Hour)
	for _, sweep := range []bool{false, true} {
		if sweep {
			if err := l.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		events, _, _, err := l.Get(t.Context(), scope, "/g", "a", logs.Query{}, true)
		if err != nil || len(events) != 0 {
			t.Errorf("sweep %v: %q, %v", sweep, text(events), err)
		}
	}
}

func TestErrors(t *testing.T) {
	l, _ := open(t)
	ctx := context.Background()
	for name, c := range map[string]struct{ got, want error }{
		"group taken":     {l.CreateGroup(ctx, scope, logs.Group{Name: "/g"}), logs.ErrExists},
		"bad group":       {l.CreateGroup(ctx, scope, logs.Group{Name: "a b"}), logs.ErrBadInput},
		"stream taken":    {l.CreateStream(ctx, scope, "/g", "a"), logs.ErrExists},
		"stream no group": {l.CreateStream(ctx, scope, "/none", "a"), logs.ErrNoSuchGroup},
		"bad stream":      {l.CreateStream(ctx, scope, "/g", "a:b"), logs.ErrBadInput},
		"delete group":    {l.DeleteGroup(ctx, scope, "/none"), logs.ErrNoSuchGroup},
		"delete stream":   {l.DeleteStream(ctx, scope, "/g", "none"), logs.ErrNoSuchStream},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	unordered := []logs.Event{{Time: now, Message: "x"}, {Time: now.Add(-1), Message: "y"}}
	if _, err := l.Put(ctx, scope, "/g", "a", unordered); !errors.Is(err, logs.ErrBadInput) {
		t.Errorf("unordered: %v", err)
	}
	if _, err := l.Put(ctx, ident.Scope{Account: "1", Region: "r"}, "/g", "a", unordered[:1]); !errors.Is(err, logs.ErrNoSuchGroup) {
		t.Errorf("another account's group: %v", err)
	}
}

func TestDeleteGroupTakesItsEvents(t *testing.T) {
	l, _ := open(t)
	put(t, l, "a", now, "gone")
	if err := l.DeleteGroup(t.Context(), scope, "/g"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), scope, "/g", "a", []logs.Event{{Time: now, Message: "new"}}); err != nil {
		t.Fatal(err)
	}
	events, _, err := l.Filter(t.Context(), scope, "/g", nil, "", "", logs.Query{})
	if err != nil || text(events) != "new" {
		t.Errorf("%q %v", text(events), err)
	}
	list, more, err := l.Groups(t.Context(), scope, "/", "", "", 10)
	if err != nil || more || len(list) != 1 {
		t.Error(fmt.Sprint(list, more, err))
	}
}

// Writers and readers are at work while a stream, or its group, is deleted: readers see no error of the store, and nothing of the
// old stream is in a new one of its name.
func TestDeleteWhileOthersWriteAndRead(t *testing.T) {
	for _, what := range []string{"stream", "group"} {
		l, _ := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, err := l.Put(ctx, scope, "/g", "a", []logs.Event{{Time: now, Message: "old"}})
					if err != nil && !errors.Is(err, logs.ErrNoSuchStream) && !errors.Is(err, logs.ErrNoSuchGroup) && ctx.Err() == nil {
						t.Errorf("put: %v", err)
						return
					}
				}
			})
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _, _, err := l.Get(ctx, scope, "/g", "a", logs.Query{}, true)
					if err != nil && !errors.Is(err, logs.ErrNoSuchStream) && !errors.Is(err, logs.ErrNoSuchGroup) && ctx.Err() == nil {
						t.Errorf("get: %v", err)
						return
					}
				}
			})
		}
		for range 100 {
			put(t, l, "a", now, "old")
			if what == "group" {
				if err := l.DeleteGroup(ctx, scope, "/g"); err != nil {
					t.Fatal(err)
				}
				events, _, err := l.Filter(ctx, scope, "/g", nil, "", "", logs.Query{})
				if !errors.Is(err, logs.ErrNoSuchGroup) {
					t.Fatalf("%d events, err = %v", len(events), err)
				}
				if err := l.CreateGroup(ctx, scope, logs.Group{Name: "/g"}); err != nil {
					t.Fatal(err)
				}
			} else if err := l.DeleteStream(ctx, scope, "/g", "a"); err != nil {
				t.Fatal(err)
			}
			events, _, err := l.Filter(ctx, scope, "/g", nil, "", "", logs.Query{})
			if err != nil || len(events) > 0 {
				t.Fatalf("%d events outlive their %s, err = %v", len(events), what, err)
			}
			if err := l.CreateStream(ctx, scope, "/g", "a"); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		wg.Wait()
	}
}

func TestSweepReachesEveryScope(t *testing.T) {
	l, c := open(t)
	other := ident.Scope{Account: "111111111111", Region: "eu-west-1"}
	for _, s := range []ident.Scope{scope, other} {
		if err := l.Append(t.Context(), s, "/old", "s", []logs.Event{{Time: now, Message: "x"}}); err != nil {
			t.Fatal(err)
		}
		if err := l.UpdateGroup(t.Context(), s, "/old", func(g *logs.Group) { g.RetentionDays = 1 }); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(48 * time.Hour)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []ident.Scope{scope, other} {
		if err := l.UpdateGroup(t.Context(), s, "/old", func(g *logs.Group) { g.RetentionDays = 0 }); err != nil {
			t.Fatal(err)
		}
		if events, _, err := l.Filter(t.Context(), s, "/old", nil, "", "", logs.Query{}); err != nil || len(events) > 0 {
			t.Errorf("%v: %d events, err = %v", s, len(events), err)
		}
	}
}
