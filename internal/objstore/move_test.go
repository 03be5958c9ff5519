package objstore

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func (e *env) contents(t *testing.T) map[string]string {
	t.Helper()
	page, err := e.List(t.Context(), &ListRequest{Bucket: "bkt", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range page.Objects {
		data, err := e.read("bkt", o.Key, "")
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = string(data)
	}
	return all
}

func (e *env) fill(t *testing.T, objects map[string]string) {
	t.Helper()
	for k, v := range objects {
		if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: k, Content: content([]byte(v))}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMove(t *testing.T) {
	big := strings.Repeat("big", 40<<10)
	for _, v := range []Versioning{Unversioned, Enabled, Suspended} {
		t.Run(string(v), func(t *testing.T) {
			e := newEnv(t)
			if _, err := e.CreateBucket(t.Context(), scope, "bkt"); err != nil {
				t.Fatal(err)
			}
			if err := e.Update(t.Context(), "bkt", func(b *Bucket) error { b.Versioning = v; return nil }); err != nil {
				t.Fatal(err)
			}
			e.fill(t, map[string]string{"out/old": "old", "out/b": "before", "_s/a": "a", "_s/b": big, "_s/mark": ""})
			made, err := e.Move(t.Context(), &MoveRequest{
				Bucket: "bkt", Moves: map[string]string{"_s/a": "out/a", "_s/b": "out/b", "_s/none": "out/none"}, Remove: []string{"out/old", "out/b", "_s/mark", "none"},
			})
			if err != nil || len(made) != 2 {
				t.Fatalf("%d made, %v", len(made), err)
			}
			if diff := cmp.Diff(map[string]string{"out/a": "a", "out/b": big}, e.contents(t)); diff != "" {
				t.Error(diff)
			}
			if _, err := e.Head(t.Context(), "bkt", "_s/b", ""); !errors.Is(err, ErrNoSuchKey) {
				t.Errorf("the old key: %v", err)
			}
			// It may be repeated.
			if made, err := e.Move(t.Context(), &MoveRequest{Bucket: "bkt", Moves: map[string]string{"_s/a": "out/a"}}); len(made) != 0 || err != nil {
				t.Errorf("again: %d made, %v", len(made), err)
			}
		})
	}
}

func TestMove_Refuses(t *testing.T) {
	e := newEnv(t)
	if _, err := e.CreateBucket(t.Context(), scope, "bkt"); err != nil {
		t.Fatal(err)
	}
	e.fill(t, map[string]string{"a": "a", "b": "b"})
	for name, c := range map[string]struct {
		bucket string
		moves  map[string]string
		want   error
	}{
		"no bucket": {"none", map[string]string{"a": "c"}, ErrNoSuchBucket},
		"a chain":   {"bkt", map[string]string{"a": "b", "b": "c"}, ErrInvalidArgument},
		"one place": {"bkt", map[string]string{"a": "c", "b": "c"}, ErrInvalidArgument},
		"no key":    {"bkt", map[string]string{"a": ""}, ErrInvalidArgument},
	} {
		if _, err := e.Move(t.Context(), &MoveRequest{Bucket: c.bucket, Moves: c.moves}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(map[string]string{"a": "a", "b": "b"}, e.contents(t)); diff != "" {
		t.Error(diff)
	}
}

// Readers that list while outputs replace one another see one output whole, never parts of two.
func TestMove_IsSeenAtOnce(t *testing.T) {
	e := newEnv(t)
	if _, err := e.CreateBucket(t.Context(), scope, "bkt"); err != nil {
		t.Fatal(err)
	}
	const files, rounds = 20, 30
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			page, err := e.List(t.Context(), &ListRequest{Bucket: "bkt", Prefix: "out/", Limit: 1000})
			if err != nil {
				t.Error(err)
				return
			}
			runs := map[string]int{}
			for _, o := range page.Objects {
				runs[strings.Split(o.Key, "/")[1]]++
			}
			if len(runs) > 1 || len(page.Objects)%files != 0 {
				t.Errorf("a reader saw %v", runs)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	var before []string
	for r := range rounds {
		req := &MoveRequest{Bucket: "bkt", Moves: map[string]string{}, Remove: before}
		before = nil
		for f := range files {
			from := fmt.Sprintf("_s/%d", f)
			e.fill(t, map[string]string{from: "x"})
			to := fmt.Sprintf("out/%d/%d", r, f)
			req.Moves[from] = to
			before = append(before, to)
		}
		if _, err := e.Move(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

// The power is cut while outputs replace one another: what is there afterwards is one output whole, and what With wrote says which.
func TestMove_PowerCut(t *testing.T) {
	dir, fs, quiet := t.TempDir(), vfs.NewCrashableMem(), slog.New(slog.DiscardHandler)
	open := func(fs *vfs.MemFS) (*env, kv.Store) {
		blobs, err := fileblob.Open(t.Context(), fileblob.Options{Dir: dir, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		store := kvtest.Open(t, fs)
		s, err := Open(t.Context(), Options{KV: store, Blobs: blobs, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return &env{Store: s, t: t}, store
	}
	e, _ := open(fs)
	if _, err := e.CreateBucket(t.Context(), scope, "bkt"); err != nil {
		t.Fatal(err)
	}
	mark := []byte("\xffmark")
	output := func(r int) map[string]string {
		out := map[string]string{}
		for f := range 5 {
			out[fmt.Sprintf("out/%d-%d", r, f)] = strings.Repeat(fmt.Sprint(r), 1+60*f)
		}
		return out
	}
	var clones []*vfs.MemFS
	tick, done := make(chan int), make(chan struct{})
	go func() {
		defer close(done)
		for r := range tick { // while the output r is moved
			clones = append(clones, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, uint64(r)))}))
		}
	}()
	acked := -1
	for r := range 25 {
		req := &MoveRequest{Bucket: "bkt", Moves: map[string]string{}, With: func(b *kv.Batch) { b.Set(mark, []byte(fmt.Sprint(r))) }}
		for k, v := range output(r) {
			e.fill(t, map[string]string{"_s" + k: v})
			req.Moves["_s"+k] = k
		}
		for k := range output(r - 1) {
			req.Remove = append(req.Remove, k)
		}
		tick <- r
		if _, err := e.Move(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		acked = r
	}
	close(tick)
	<-done
	clones = append(clones, fs.CrashClone(vfs.CrashCloneCfg{}))
	for i, clone := range clones {
		e, store := open(clone)
		if _, err := e.Bucket(t.Context(), "bkt"); err != nil {
			continue // the power was cut before the bucket was made
		}
		got := e.contents(t)
		maps.DeleteFunc(got, func(k, _ string) bool { return strings.HasPrefix(k, "_s") })
		n, err := store.Get(t.Context(), mark)
		if errors.Is(err, kv.ErrNotFound) {
			if len(got) != 0 {
				t.Errorf("cut %d: %v without a mark", i, got)
			}
			continue
		}
		var r int
		if _, err := fmt.Sscan(string(n), &r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(output(r), got); diff != "" {
			t.Errorf("cut %d, output %d:\n%s", i, r, diff)
		}
		if i == len(clones)-1 && r != acked {
			t.Errorf("output %d was acknowledged, %d is there", acked, r)
		}
	}
}
