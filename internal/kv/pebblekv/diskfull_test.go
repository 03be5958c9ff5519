package pebblekv_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
)

// TestDiskFull fills the disk under a store, expects writes to be refused and reads to go on, and lets it recover.
func TestDiskFull(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpCreate:
			if full.Load() {
				return syscall.ENOSPC
			}
		}
		return nil
	}))
	clk := clock.NewFake(time.Unix(1e9, 0))
	s, err := pebblekv.Open(t.Context(), pebblekv.Options{
		Dir: "db", FS: fs, Clock: clk, Logger: slog.New(slog.DiscardHandler), MemTableBytes: 256 << 10,
		Fatal: func(m string) { t.Error("fatal: ", m) },
	})
	if err != nil {
		t.Fatal(err)
	}
	put := func(ctx context.Context, k string) (kv.Pending, error) {
		var b kv.Batch
		b.Set([]byte(k), make([]byte, 10_000))
		return s.Apply(ctx, &b)
	}
	acked := 0
	for ; acked < 20; acked++ {
		p, err := put(t.Context(), fmt.Sprint("before/", acked))
		if err == nil {
			err = p.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	full.Store(true)
	// The first batch is admitted, because nobody knows yet, and waits for space.
	waiting, err := put(t.Context(), "waiting")
	if err != nil {
		t.Fatal(err)
	}
	clk.AwaitTimers(1)
	left, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waiting.Wait(left); !errors.Is(err, context.Canceled) {
		t.Errorf("wait for a batch that waits for space: %v", err)
	}
	if _, err := put(t.Context(), "refused"); !errors.Is(err, kv.ErrFull) {
		t.Errorf("write on a full disk: %v, want ErrFull", err)
	}
	var gone kv.Batch
	gone.Delete([]byte("before/0"))
	if _, err := s.Apply(t.Context(), &gone); !errors.Is(err, kv.ErrFull) {
		t.Errorf("deletion on a disk without a reserve: %v, want ErrFull", err)
	}
	for i := range acked {
		if _, err := s.Get(t.Context(), fmt.Append(nil, "before/", i)); err != nil {
			t.Errorf("read on a full disk: %v", err)
		}
	}
	full.Store(false)
	clk.Advance(time.Second) // the waiting write tries again
	if err := waiting.Wait(t.Context()); err != nil {
		t.Errorf("the waiting batch: %v", err)
	}
	clk.Advance(time.Second)
	p, err := put(t.Context(), "after")
	if err == nil {
		err = p.Wait(t.Context())
	}
	if err != nil {
		t.Errorf("write after space returned: %v", err)
	}
	if _, err := s.Get(t.Context(), []byte("refused")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the refused write: %v, want ErrNotFound", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// smallDisk reports how much space is left.
type smallDisk struct {
	vfs.FS
	left atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.left.Load(), TotalBytes: 1 << 30}, nil
}

// TestReserve refuses writes before the disk is full, and deletions when the reserve comes to its end.
func TestReserve(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.left.Store(100 << 20)
	clk := clock.NewFake(time.Unix(1e9, 0))
	s, err := pebblekv.Open(t.Context(), pebblekv.Options{Dir: "db", FS: disk, Clock: clk, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit := func(fill func(*kv.Batch)) error {
		var b kv.Batch
		fill(&b)
		return kv.Commit(t.Context(), s, &b)
	}
	put := func(b *kv.Batch) { b.Set([]byte("k"), nil) }
	remove := func(b *kv.Batch) { b.Delete([]byte("k")) }
	for _, step := range []struct {
		left                 uint64
		full                 bool
		put, remove, counted error
	}{
		{100 << 20, false, nil, nil, nil},
		{63 << 20, true, kv.ErrFull, nil, nil},
		{17 << 20, true, kv.ErrFull, nil, nil},
		{15 << 20, true, kv.ErrFull, kv.ErrFull, kv.ErrFull},
		{10, true, kv.ErrFull, kv.ErrFull, kv.ErrFull},
		{65 << 20, false, nil, nil, nil},
	} {
		disk.left.Store(step.left)
		clk.Advance(2 * time.Second)
		if err := commit(put); !errors.Is(err, step.put) {
			t.Errorf("%d bytes left: put: %v, want %v", step.left, err, step.put)
		}
		if err := commit(remove); !errors.Is(err, step.remove) {
			t.Errorf("%d bytes left: delete: %v, want %v", step.left, err, step.remove)
		}
		if err := commit(func(b *kv.Batch) { remove(b); b.Set([]byte("count"), nil); b.UseReserve() }); !errors.Is(err, step.counted) {
			t.Errorf("%d bytes left: delete and count: %v, want %v", step.left, err, step.counted)
		}
		if s.Full() != step.full {
			t.Errorf("%d bytes left: full %v", step.left, s.Full())
		}
	}
}
