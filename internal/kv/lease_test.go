package kv_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func TestLease(t *testing.T) {
	ctx := t.Context()
	s := kvtest.New(t)
	clk := clock.NewFake(time.Unix(1e9, 0))
	acquire := func(owner string) (*kv.Lease, error) {
		return kv.AcquireLease(ctx, s, clk, "queue/1", owner, 10*time.Second)
	}
	work := func(l *kv.Lease) error {
		var b kv.Batch
		l.Fence(&b)
		b.Set([]byte{200}, nil)
		return kv.Commit(ctx, s, &b)
	}
	a, err := acquire("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := acquire("b"); !errors.Is(err, kv.ErrLeaseHeld) {
		t.Fatalf("second owner: %v, want ErrLeaseHeld", err)
	}
	clk.Advance(9 * time.Second)
	if err := errors.Join(a.Renew(ctx), work(a)); err != nil {
		t.Fatal(err)
	}
	clk.Advance(9 * time.Second)
	if _, err := acquire("b"); !errors.Is(err, kv.ErrLeaseHeld) {
		t.Fatalf("after the renewal: %v, want ErrLeaseHeld", err)
	}
	clk.Advance(2 * time.Second)
	b, err := acquire("b")
	if err != nil {
		t.Fatal(err)
	}
	if b.Epoch() <= a.Epoch() {
		t.Errorf("epoch %d after %d", b.Epoch(), a.Epoch())
	}
	if err := work(a); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("work of the old owner: %v, want ErrConflict", err)
	}
	if err := a.Renew(ctx); !errors.Is(err, kv.ErrLeaseLost) {
		t.Errorf("renewal by the old owner: %v, want ErrLeaseLost", err)
	}
	if err := errors.Join(a.Release(ctx), work(b), b.Release(ctx), b.Release(ctx)); err != nil {
		t.Fatal(err)
	}
	if err := b.Renew(ctx); !errors.Is(err, kv.ErrLeaseLost) {
		t.Errorf("renewal after the release: %v, want ErrLeaseLost", err)
	}
	c, err := acquire("c")
	if err != nil {
		t.Fatal(err)
	}
	if c.Epoch() <= b.Epoch() {
		t.Errorf("epoch %d after the release of %d", c.Epoch(), b.Epoch())
	}
	// The same owner after a restart does not wait for its own lease.
	if again, err := acquire("c"); err != nil || again.Epoch() <= c.Epoch() {
		t.Errorf("own lease taken again: %v", err)
	}
}
