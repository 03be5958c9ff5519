package blob_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobtest"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func TestCollector(t *testing.T) {
	ctx := t.Context()
	store := kvtest.New(t)
	blobs, err := fileblob.Open(ctx, fileblob.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(time.Unix(1e9, 0))
	newCollector := func() *blob.Collector {
		return blob.NewCollector(blob.CollectorOptions{KV: store, Blobs: blobs, Clock: clk})
	}
	change := func(f func(*kv.Batch)) error {
		var b kv.Batch
		f(&b)
		return kv.Commit(ctx, store, &b)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	exists := func(id blob.ID) bool {
		_, err := blobs.Path(ctx, id)
		if err != nil && !errors.Is(err, blob.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	a, b := []byte("a"), []byte("b")
	kept, shared, lost := blobtest.Write(t, blobs, []byte("kept")), blobtest.Write(t, blobs, []byte("shared")), blobtest.Write(t, blobs, []byte("lost"))
	must(change(func(w *kv.Batch) { blob.Ref(w, kept, a); blob.Ref(w, shared, a) }))
	must(change(func(w *kv.Batch) { blob.RefFrom(w, shared, a, b) }))

	c := newCollector()
	pass := func(want int) {
		t.Helper()
		if n, err := c.Pass(ctx); err != nil || n != want {
			t.Fatalf("pass removed %d, %v, want %d", n, err, want)
		}
	}
	must(c.Sweep(ctx)) // finds the one that never got a reference
	pass(0)
	clk.Advance(9 * time.Minute)
	pass(0)
	clk.Advance(time.Minute)
	pass(1)
	if exists(lost) || !exists(kept) || !exists(shared) {
		t.Fatal("the sweep removed the wrong blobs")
	}

	must(change(func(w *kv.Batch) { blob.Unref(w, shared, a) }))
	pass(0)
	clk.Advance(time.Hour)
	pass(0) // b still refers to it
	must(change(func(w *kv.Batch) { blob.Unref(w, shared, b) }))
	pass(0)
	clk.Advance(time.Hour)
	c = newCollector() // a restart begins the grace period anew
	pass(0)
	if err := change(func(w *kv.Batch) { blob.RefFrom(w, shared, b, a) }); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("a copy from a reference that is gone: %v, want ErrConflict", err)
	}
	clk.Advance(time.Hour)
	pass(1)
	pass(0)
	if exists(shared) || !exists(kept) {
		t.Fatal("the pass removed the wrong blobs")
	}
}

// TestCollectorWhileSpaceIsShort: what was deleted gives its space back in seconds.
func TestCollectorWhileSpaceIsShort(t *testing.T) {
	ctx, store := t.Context(), kvtest.New(t)
	blobs, err := fileblob.Open(ctx, fileblob.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(time.Unix(1e9, 0))
	var short atomic.Bool
	gone := blobtest.Write(t, blobs, []byte("gone"))
	var b kv.Batch
	blob.Ref(&b, gone, []byte("a"))
	blob.Unref(&b, gone, []byte("a"))
	if err := kv.Commit(ctx, store, &b); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		blob.NewCollector(blob.CollectorOptions{KV: store, Blobs: blobs, Clock: clk, Short: short.Load}).Run(running)
	}()
	for range 20 {
		clk.AwaitTimers(1)
		clk.Advance(2 * time.Second)
	}
	if _, err := blobs.Path(ctx, gone); err != nil {
		t.Fatalf("after 40 s with space: %v", err)
	}
	short.Store(true)
	for range 12 {
		clk.AwaitTimers(1)
		clk.Advance(2 * time.Second)
	}
	clk.AwaitTimers(1)
	if _, err := blobs.Path(ctx, gone); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("after 24 s without space: %v", err)
	}
	stop()
	<-ended
}
