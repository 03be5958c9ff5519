package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/outbox"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func run(t *testing.T, box *outbox.Box, d outbox.Deliver) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); box.Run(ctx, d) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func TestBox_DeliversOnceAndRemoves(t *testing.T) {
	store := kvtest.New(t)
	box := outbox.New(store, outbox.Options{Name: "b", Logger: slog.New(slog.DiscardHandler), Workers: 4})
	var b kv.Batch
	for i := range 50 {
		box.Put(&b, i)
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 100)
	stop := run(t, box, func(_ context.Context, e outbox.Entry, b *kv.Batch) error {
		var n int
		if err := json.Unmarshal(e.Body, &n); err != nil {
			return err
		}
		b.Set(key.In(key.System).Str(fmt.Sprint("effect", n)), []byte{1})
		got <- n
		return nil
	})
	var seen []int
	for range 50 {
		seen = append(seen, <-got)
	}
	drained(t, store)
	stop()
	slices.Sort(seen)
	for i, n := range seen {
		if i != n {
			t.Fatalf("delivered %v", seen)
		}
	}
	if n := count(t, store, key.In(key.System)); n != 50 {
		t.Errorf("%d effects, want 50", n)
	}
}

// TestBox_ScansDoNotRepeat holds that an entry is not taken again by a scan that began before it was removed.
func TestBox_ScansDoNotRepeat(t *testing.T) {
	store := kvtest.New(t)
	box := outbox.New(store, outbox.Options{Name: "b", Logger: slog.New(slog.DiscardHandler), Workers: 64})
	const n = 3000
	got := make(chan int, 2*n)
	stop := run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
		var i int
		if err := json.Unmarshal(e.Body, &i); err != nil {
			return err
		}
		got <- i
		return nil
	})
	for i := 0; i < n; i += 10 {
		var b kv.Batch
		for k := range 10 {
			box.Put(&b, i+k)
		}
		if err := kv.Commit(t.Context(), store, &b); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int]int{}
	for range n {
		seen[<-got]++
	}
	drained(t, store)
	stop()
	close(got)
	for i := range got {
		seen[i]++
	}
	for i, times := range seen {
		if times != 1 {
			t.Fatalf("entry %d was delivered %d times", i, times)
		}
	}
}

func TestBox_RetriesWithBackoffAndKeepsTheOrderOfTime(t *testing.T) {
	store, c := kvtest.New(t), clock.NewFake(start)
	box := outbox.New(store, outbox.Options{Name: "b", Clock: c, Logger: slog.New(slog.DiscardHandler)})
	attempts := make(chan string, 10)
	run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
		attempts <- fmt.Sprintf("%s %d %v", e.Body, e.Attempt, c.Now().Sub(start))
		switch {
		case string(e.Body) == `"later"`:
			return nil
		case e.Attempt == 0:
			return errors.New("no")
		case e.Attempt == 1:
			return &outbox.Later{After: time.Minute, Err: errors.New("not yet")}
		}
		return nil
	})
	var b kv.Batch
	box.PutAfter(&b, time.Hour, "later")
	box.Put(&b, "first")
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	want := []string{`"first" 0 0s`, `"first" 1 1s`, `"first" 2 1m1s`, `"later" 0 1h0m0s`}
	for i, w := range want {
		if got := <-attempts; got != w {
			t.Fatalf("attempt %d: %s, want %s", i, got, w)
		}
		if i < len(want)-1 {
			at := map[int]time.Duration{0: time.Second, 1: 61 * time.Second, 2: time.Hour}[i]
			for { // the timer may be armed for an earlier state first
				if next, ok := c.NextTimer(); ok && next.Equal(start.Add(at)) {
					break
				}
				c.AwaitTimers(1)
			}
			c.Advance(start.Add(at).Sub(c.Now()))
		}
	}
}

func TestBox_SurvivesARestart(t *testing.T) {
	fs := vfs.NewMem()
	store := kvtest.Open(t, fs)
	box := outbox.New(store, outbox.Options{Name: "b", Logger: slog.New(slog.DiscardHandler)})
	var b kv.Batch
	id := box.Put(&b, "x")
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	// A delivery that is under way when the process stops is repeated with the same id.
	began := make(chan struct{})
	stop := run(t, box, func(ctx context.Context, _ outbox.Entry, _ *kv.Batch) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	<-began
	stop()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	again := outbox.New(kvtest.Open(t, fs), outbox.Options{Name: "b", Logger: slog.New(slog.DiscardHandler)})
	got := make(chan outbox.Entry, 1)
	run(t, again, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error { got <- e; return nil })
	if e := <-got; e.ID != id || e.Attempt != 0 {
		t.Errorf("entry %+v, want id %s", e, id)
	}
}

// drained waits until all entries are removed: those whose removal is not committed are delivered again.
func drained(t *testing.T, r kv.Reader) {
	t.Helper()
	for count(t, r, key.In(key.Outbox)) > 0 {
		runtime.Gosched()
	}
}

func count(t *testing.T, r kv.Reader, prefix []byte) (n int) {
	t.Helper()
	for _, err := range r.Scan(t.Context(), kv.Prefix(prefix)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestBox_LanesDoNotHoldUpOthers has more entries of one lane, which all hang, than there are workers.
func TestBox_LanesDoNotHoldUpOthers(t *testing.T) {
	store := kvtest.New(t)
	box := outbox.New(store, outbox.Options{
		Name: "b", Logger: slog.New(slog.DiscardHandler), Workers: 4, LaneWorkers: 2, Lane: func(b json.RawMessage) string { return string(b[:5]) },
	})
	var b kv.Batch
	for i := range 20 {
		box.Put(&b, fmt.Sprint("hang", i))
	}
	for i := range 5 {
		box.Put(&b, fmt.Sprint("goes", i))
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	let, got := make(chan struct{}), make(chan string, 25)
	var mu sync.Mutex
	hanging, most := 0, 0
	run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
		if s := string(e.Body); s[1] == 'h' {
			mu.Lock()
			hanging++
			most = max(most, hanging)
			mu.Unlock()
			<-let
			mu.Lock()
			hanging--
			mu.Unlock()
		}
		got <- string(e.Body[1:5])
		return nil
	})
	for range 5 {
		if s := <-got; s != "goes" {
			t.Errorf("got %s", s)
		}
	}
	close(let)
	for range 20 {
		<-got
	}
	if most > 2 {
		t.Errorf("%d at once in a lane of two", most)
	}
	drained(t, store)
}

// TestBox_HoweverManyLanesHangTheNextGoesOn has more lanes that hang than there are workers.
func TestBox_HoweverManyLanesHangTheNextGoesOn(t *testing.T) {
	store := kvtest.New(t)
	box := outbox.New(store, outbox.Options{
		Name: "b", Logger: slog.New(slog.DiscardHandler), Workers: 4, LaneWorkers: 3, Lane: func(b json.RawMessage) string { return string(b[:4]) },
	})
	var b kv.Batch
	for i := range 60 {
		box.Put(&b, fmt.Sprintf("h%02d", i/3))
	}
	for range 5 {
		box.Put(&b, "go")
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	let, got := make(chan struct{}), make(chan string, 65)
	var mu sync.Mutex
	hanging, most := 0, 0
	run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
		if e.Body[1] == 'h' {
			mu.Lock()
			hanging++
			most = max(most, hanging)
			mu.Unlock()
			<-let
			mu.Lock()
			hanging--
			mu.Unlock()
		}
		got <- string(e.Body)
		return nil
	})
	for range 5 {
		if s := <-got; s != `"go"` {
			t.Errorf("got %s", s)
		}
	}
	close(let)
	for range 60 {
		<-got
	}
	if most > 20+4 {
		t.Errorf("%d deliveries to 20 lanes that hang: want one each and the four workers", most)
	}
	drained(t, store)
}

// TestBox_WaitsAsLongAsItShouldWhenTheClockIsSet sets the wall clock while entries wait, and before the box is opened anew.
func TestBox_WaitsAsLongAsItShouldWhenTheClockIsSet(t *testing.T) {
	store, c := kvtest.New(t), clock.NewFake(start)
	got := make(chan time.Duration, 10)
	opened := func(c *clock.Fake) (box *outbox.Box, stop func()) {
		box = outbox.New(store, outbox.Options{Name: "b", Clock: c, Logger: slog.New(slog.DiscardHandler)})
		return box, run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
			got <- box.Age(e)
			return nil
		})
	}
	put := func(box *outbox.Box, d time.Duration) {
		var b kv.Batch
		box.PutAfter(&b, d, "x")
		if err := kv.Commit(t.Context(), store, &b); err != nil {
			t.Fatal(err)
		}
	}
	await := func(c *clock.Fake, d time.Duration) {
		for at := (time.Time{}); !at.Equal(c.Now().Add(d)); at, _ = c.NextTimer() {
			runtime.Gosched() // Run arms its timer in a goroutine of its own
		}
	}
	box, stop := opened(c)
	for _, jump := range []time.Duration{time.Hour, -3 * time.Hour} {
		put(box, time.Minute)
		c.Jump(jump)
		await(c, time.Minute)
		c.Advance(time.Minute)
		if age := <-got; age != time.Minute {
			t.Errorf("a jump by %v: delivered after %v", jump, age)
		}
	}
	put(box, time.Minute)
	await(c, time.Minute)
	stop()
	c = clock.NewFake(start.Add(-time.Hour))
	opened(c)
	await(c, time.Minute)
	c.Advance(time.Minute)
	if age := <-got; age != time.Minute {
		t.Errorf("set back while down: delivered after %v", age)
	}
}

// TestBox_PanicIsAFailedDelivery: an entry whose delivery panics is tried again, and ends nothing else.
func TestBox_PanicIsAFailedDelivery(t *testing.T) {
	store := kvtest.New(t)
	box := outbox.New(store, outbox.Options{Name: "b", Logger: slog.New(slog.DiscardHandler), Backoff: func(int) time.Duration { return 0 }})
	var b kv.Batch
	box.Put(&b, 1)
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	stop := run(t, box, func(_ context.Context, e outbox.Entry, _ *kv.Batch) error {
		if e.Attempt == 0 {
			panic("out of order")
		}
		got <- e.Attempt
		return nil
	})
	if n := <-got; n != 1 {
		t.Errorf("delivered with %d failures, want 1", n)
	}
	drained(t, store)
	stop()
}
