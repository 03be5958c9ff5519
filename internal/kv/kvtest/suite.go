package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
)

// Run holds a backend to the contract of package kv. Each call of open returns a store on the same data: the suite closes
// a store before it opens the next one within a test. fresh returns such an open for empty data.
func Run(t *testing.T, fresh func(t *testing.T) (open func(t *testing.T) kv.Store)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func(*testing.T) kv.Store)
	}{
		{"Get", testGet}, {"Scan", testScan}, {"Conditions", testConditions}, {"OrderOfSteps", testOrderOfSteps},
		{"ValuesAreCopied", testCopied}, {"Snapshot", testSnapshot}, {"ScanSeesOnePoint", testScanPoint},
		{"Counter", testCounter}, {"Watch", testWatch}, {"WatchRange", testWatchRange}, {"Context", testContext},
		{"Closed", testClosed}, {"Model", testModel}, {"EmptyBatch", testEmptyBatch},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

func commit(t *testing.T, s kv.Store, change func(b *kv.Batch)) {
	t.Helper()
	var b kv.Batch
	change(&b)
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func set(t *testing.T, s kv.Store, pairs ...string) {
	t.Helper()
	commit(t, s, func(b *kv.Batch) {
		for i := 0; i < len(pairs); i += 2 {
			b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
		}
	})
}

// dump returns the items of r as "key=value".
func dump(t *testing.T, r kv.Reader, rng kv.Range) []string {
	t.Helper()
	var out []string
	for it, err := range r.Scan(t.Context(), rng) {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		out = append(out, string(it.Key)+"="+string(it.Value))
	}
	return out
}

func testGet(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	if _, err := s.Get(t.Context(), []byte("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("get of an absent key: %v, want ErrNotFound", err)
	}
	set(t, s, "a", "1", "empty", "")
	for k, want := range map[string]string{"a": "1", "empty": ""} {
		got, err := s.Get(t.Context(), []byte(k))
		if err != nil || string(got) != want {
			t.Fatalf("get %q = %q, %v, want %q", k, got, err, want)
		}
		clear(got) // it is the caller's
	}
	if got, _ := s.Get(t.Context(), []byte("a")); string(got) != "1" {
		t.Fatalf("a caller changed the store through a value: %q", got)
	}
	s.Close()
	s = open(t)
	if got, err := s.Get(t.Context(), []byte("a")); err != nil || string(got) != "1" {
		t.Fatalf("get after reopening = %q, %v", got, err)
	}
}

func testScan(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "1", "b", "2", "b\x00", "3", "b\xff", "4", "c", "5", "\xff\xff", "6")
	for _, c := range []struct {
		name string
		r    kv.Range
		want []string
	}{
		{"all", kv.Range{}, []string{"a=1", "b=2", "b\x00=3", "b\xff=4", "c=5", "\xff\xff=6"}},
		{"half open", kv.Range{Lo: []byte("b"), Hi: []byte("c")}, []string{"b=2", "b\x00=3", "b\xff=4"}},
		{"prefix", kv.Prefix([]byte("b")), []string{"b=2", "b\x00=3", "b\xff=4"}},
		{"no end", kv.Range{Lo: []byte("c")}, []string{"c=5", "\xff\xff=6"}},
		{"prefix of 0xFF", kv.Prefix([]byte{0xff}), []string{"\xff\xff=6"}},
		{"empty", kv.Range{Lo: []byte("c"), Hi: []byte("b")}, nil},
		{"nothing there", kv.Range{Lo: []byte("d"), Hi: []byte("e")}, nil},
		{"reverse", kv.Range{Lo: []byte("b"), Hi: []byte("c\x00"), Reverse: true}, []string{"c=5", "b\xff=4", "b\x00=3", "b=2"}},
		{"reverse, no end", kv.Range{Reverse: true, Lo: []byte("c")}, []string{"\xff\xff=6", "c=5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, dump(t, s, c.r)); diff != "" {
				t.Errorf("wrong items (-want +got):\n%s", diff)
			}
		})
	}
	for range s.Scan(t.Context(), kv.Range{}) {
		break // leaving early must not leak: Close would wait
	}
}

func testConditions(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "have", "v")
	k, none := []byte("have"), []byte("none")
	for _, c := range []struct {
		name string
		add  func(*kv.Batch)
		ok   bool
	}{
		{"absent holds", func(b *kv.Batch) { b.IfAbsent(none) }, true},
		{"absent fails", func(b *kv.Batch) { b.IfAbsent(k) }, false},
		{"present holds", func(b *kv.Batch) { b.IfPresent(k) }, true},
		{"present fails", func(b *kv.Batch) { b.IfPresent(none) }, false},
		{"equal holds", func(b *kv.Batch) { b.IfEqual(k, []byte("v")) }, true},
		{"equal fails", func(b *kv.Batch) { b.IfEqual(k, []byte("w")) }, false},
		{"equal to a prefix", func(b *kv.Batch) { b.IfEqual(k, nil) }, false},
		{"equal of nothing", func(b *kv.Batch) { b.IfEqual(none, nil) }, false},
		{"one of two fails", func(b *kv.Batch) { b.IfPresent(k); b.IfPresent(none) }, false},
		{"sees before the steps", func(b *kv.Batch) { b.Set(none, nil); b.IfAbsent(none); b.Delete(none) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b kv.Batch
			mark := []byte("mark/" + c.name)
			b.Set(mark, nil)
			c.add(&b)
			err := kv.Commit(t.Context(), s, &b)
			_, got := s.Get(t.Context(), mark)
			if c.ok && (err != nil || got != nil) {
				t.Fatalf("batch refused: %v; mark: %v", err, got)
			}
			if !c.ok && (!errors.Is(err, kv.ErrConflict) || !errors.Is(got, kv.ErrNotFound)) {
				t.Fatalf("err = %v, want ErrConflict; mark: %v, want ErrNotFound", err, got)
			}
		})
	}
}

func testOrderOfSteps(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "old", "b", "old", "c", "old")
	commit(t, s, func(b *kv.Batch) {
		b.Set([]byte("b"), []byte("lost"))
		b.DeleteRange([]byte("a"), []byte("c"))
		b.Set([]byte("a"), []byte("new"))
		b.Set([]byte("d"), nil)
		b.Delete([]byte("d"))
		b.Delete([]byte("never"))
		b.DeleteRange([]byte("z"), []byte("y")) // empty
	})
	if diff := cmp.Diff([]string{"a=new", "c=old"}, dump(t, s, kv.Range{})); diff != "" {
		t.Errorf("wrong items (-want +got):\n%s", diff)
	}
}

func testCopied(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	k, v := []byte("key"), []byte("value")
	var b kv.Batch
	b.Set(k, v)
	p, err := s.Apply(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	clear(k)
	clear(v)
	b.Reset()
	b.Set([]byte("other"), []byte("x"))
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"key=value", "other=x"}, dump(t, s, kv.Range{})); diff != "" {
		t.Errorf("wrong items (-want +got):\n%s", diff)
	}
}

func testSnapshot(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "1", "b", "1")
	sn, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, func(b *kv.Batch) { b.Set([]byte("a"), []byte("2")); b.Delete([]byte("b")); b.Set([]byte("c"), nil) })
	if diff := cmp.Diff([]string{"a=1", "b=1"}, dump(t, sn, kv.Range{})); diff != "" {
		t.Errorf("the snapshot moved (-want +got):\n%s", diff)
	}
	if v, err := sn.Get(t.Context(), []byte("a")); err != nil || string(v) != "1" {
		t.Errorf("get of the snapshot = %q, %v", v, err)
	}
	if err := errors.Join(sn.Close(), sn.Close()); err != nil {
		t.Errorf("close snapshot: %v", err)
	}
	if _, err := sn.Get(t.Context(), []byte("a")); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("get of a closed snapshot: %v, want ErrClosed", err)
	}
}

func testScanPoint(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "1", "b", "1", "c", "1")
	var got []string
	for it, err := range s.Scan(t.Context(), kv.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			set(t, s, "b", "2", "bb", "2")
		}
		got = append(got, string(it.Key)+"="+string(it.Value))
	}
	if diff := cmp.Diff([]string{"a=1", "b=1", "c=1"}, got); diff != "" {
		t.Errorf("the scan saw later batches (-want +got):\n%s", diff)
	}
}

// testCounter has many writers increase one counter by compare-and-set: K2 and K3.
func testCounter(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	k := []byte("counter")
	set(t, s, "counter", "0")
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; i < each; {
				v, err := s.Get(t.Context(), k)
				if err != nil {
					t.Error(err)
					return
				}
				var n int
				fmt.Sscan(string(v), &n)
				var b kv.Batch
				b.IfEqual(k, v)
				b.Set(k, fmt.Append(nil, n+1))
				b.Set(fmt.Appendf(nil, "took/%04d", n), fmt.Append(nil, w))
				switch err := kv.Commit(t.Context(), s, &b); {
				case err == nil:
					i++
				case !errors.Is(err, kv.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if v, _ := s.Get(t.Context(), k); string(v) != fmt.Sprint(writers*each) {
		t.Errorf("counter = %s, want %d", v, writers*each)
	}
	if n := len(dump(t, s, kv.Prefix([]byte("took/")))); n != writers*each {
		t.Errorf("%d numbers were taken, want %d", n, writers*each)
	}
}

func testWatch(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "q/0", "")
	w, all := s.Watch([]byte("q/")), s.Watch(nil)
	defer all.Close()
	quiet(t, w)
	set(t, s, "q/1", "", "q/2", "")
	woken(t, w)
	woken(t, all)
	set(t, s, "r/1", "")
	woken(t, all)
	quiet(t, w)
	for i := range 5 {
		set(t, s, fmt.Sprint("q/", i), "")
	}
	woken(t, w)
	quiet(t, w) // merged
	commit(t, s, func(b *kv.Batch) { b.Delete([]byte("q/1")) })
	woken(t, w)
	var b kv.Batch
	b.IfAbsent([]byte("q/0"))
	b.Set([]byte("q/9"), nil)
	if err := kv.Commit(t.Context(), s, &b); !errors.Is(err, kv.ErrConflict) {
		t.Fatal(err)
	}
	quiet(t, w)
	w.Close()
	w.Close()
	set(t, s, "q/1", "")
	quiet(t, w)
}

func testWatchRange(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	w := s.Watch([]byte("q/"))
	defer w.Close()
	for _, c := range []struct {
		lo, hi string
		hit    bool
	}{{"a", "z", true}, {"q/5", "q/6", true}, {"q/", "q/\x00", true}, {"a", "q/", false}, {"q0", "z", false}, {"p", "q/\x01", true}} {
		commit(t, s, func(b *kv.Batch) { b.DeleteRange([]byte(c.lo), []byte(c.hi)); b.Set([]byte("x"), nil) })
		select {
		case <-w.C():
			if !c.hit {
				t.Errorf("delete of [%q,%q) woke the watcher", c.lo, c.hi)
			}
		default:
			if c.hit {
				t.Errorf("delete of [%q,%q) did not wake the watcher", c.lo, c.hi)
			}
		}
	}
}

func woken(t *testing.T, w kv.Watcher) {
	t.Helper()
	select {
	case <-w.C():
	default:
		t.Error("no wake-up after a durable batch")
	}
}

func quiet(t *testing.T, w kv.Watcher) {
	t.Helper()
	select {
	case <-w.C():
		t.Error("a wake-up without a batch")
	default:
	}
}

func testContext(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	for i := range 300 {
		set(t, s, fmt.Sprintf("%04d", i), "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range s.Scan(ctx, kv.Range{}) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) || n > 250 {
		t.Errorf("a cancelled scan yielded %d items and ended with %v", n, last)
	}
	if _, err := s.Get(ctx, []byte("0000")); !errors.Is(err, context.Canceled) {
		t.Errorf("get with a cancelled context: %v", err)
	}
	var b kv.Batch
	b.Set([]byte("x"), nil)
	if _, err := s.Apply(ctx, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("apply with a cancelled context: %v", err)
	}
	p, err := s.Apply(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(ctx); err != nil {
		t.Errorf("wait of a durable batch with a cancelled context: %v", err)
	}
}

func testClosed(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "")
	sn, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	w := s.Watch(nil)
	var b kv.Batch
	b.Set([]byte("b"), nil)
	p, err := s.Apply(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Errorf("a batch applied before Close: %v", err)
	}
	_, getErr := s.Get(t.Context(), []byte("a"))
	_, applyErr := s.Apply(t.Context(), &b)
	_, snapErr := s.Snapshot()
	_, oldErr := sn.Get(t.Context(), []byte("a"))
	var scanErr error
	for _, scanErr = range s.Scan(t.Context(), kv.Range{}) {
	}
	for name, err := range map[string]error{"get": getErr, "apply": applyErr, "snapshot": snapErr, "scan": scanErr, "snapshot get": oldErr} {
		if !errors.Is(err, kv.ErrClosed) {
			t.Errorf("%s after close: %v, want ErrClosed", name, err)
		}
	}
	sn.Close()
	w.Close()
	s = open(t)
	if diff := cmp.Diff([]string{"a=", "b="}, dump(t, s, kv.Range{})); diff != "" {
		t.Errorf("after reopening (-want +got):\n%s", diff)
	}
}

func testEmptyBatch(t *testing.T, open func(*testing.T) kv.Store) {
	s := open(t)
	set(t, s, "a", "")
	var b kv.Batch
	b.IfPresent([]byte("a"))
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Errorf("a batch of preconditions only: %v", err)
	}
	b.IfAbsent([]byte("a"))
	if err := kv.Commit(t.Context(), s, &b); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("a batch of a failing precondition only: %v, want ErrConflict", err)
	}
}

// testModel runs random batches and reads against a sorted map, with restarts.
func testModel(t *testing.T, open func(*testing.T) kv.Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := open(t)
	m := model{}
	const letters = "ab\x00\xff"
	word := func() []byte {
		w := make([]byte, 1+rng.IntN(4))
		for i := range w {
			w[i] = letters[rng.IntN(len(letters))]
		}
		return w
	}
	value := func() []byte { return bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(2000)) }
	for step := range 1500 {
		switch n := rng.IntN(100); {
		case n < 70:
			var b kv.Batch
			for range 1 + rng.IntN(4) {
				switch rng.IntN(8) {
				case 0:
					b.Delete(word())
				case 1:
					lo, hi := word(), word()
					b.DeleteRange(lo, hi)
				default:
					b.Set(word(), value())
				}
			}
			if rng.IntN(3) == 0 {
				switch k := word(); rng.IntN(3) {
				case 0:
					b.IfAbsent(k)
				case 1:
					b.IfPresent(k)
				case 2:
					b.IfEqual(k, m[string(k)])
				}
			}
			want, err := m.apply(&b), kv.Commit(t.Context(), s, &b)
			if !errors.Is(err, want) {
				t.Fatalf("step %d: commit: %v, model says %v", step, err, want)
			}
		case n < 98:
			r := kv.Range{Lo: word(), Hi: word(), Reverse: rng.IntN(2) == 0}
			if rng.IntN(4) == 0 {
				r.Hi = nil
			}
			if diff := cmp.Diff(m.scan(r), dump(t, s, r)); diff != "" {
				t.Fatalf("step %d: scan of %+v (-model +store):\n%s", step, r, diff)
			}
		default:
			if err := s.Close(); err != nil {
				t.Fatalf("step %d: close: %v", step, err)
			}
			s = open(t)
		}
	}
}
