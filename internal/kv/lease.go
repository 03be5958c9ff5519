package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv/key"
)

var (
	// ErrLeaseHeld reports a lease that another owner holds and that has not run out.
	ErrLeaseHeld = errors.New("lease is held by another owner")
	// ErrLeaseLost reports a lease that ran out and was taken, or was released.
	ErrLeaseLost = errors.New("lease was lost")
)

// Lease is the right of one owner to a shard: a queue, a range of executions, a background loop. It is a row:
//
//	(System, "lease", name) → JSON of owner, epoch and expiry
//
// A lease that is not renewed in time may be taken by another owner. Clocks of machines differ, so the expiry only says
// when others may try; what protects the shard is Fence: a batch that carries the fence is refused with ErrConflict once
// anyone else has taken the lease. A Lease is not safe for concurrent use.
type Lease struct {
	store Store
	clock clock.Clock
	ttl   time.Duration
	key   []byte
	row   leaseRow
	raw   []byte // the row as it stands in the store; nil when the lease is lost
}

type leaseRow struct {
	Owner   string    `json:"owner"`
	Epoch   uint64    `json:"epoch"` // grows with every new holder
	Expires time.Time `json:"expires"`
}

// AcquireLease takes the lease for ttl, if it is free, has run out or belongs to owner already. It returns ErrLeaseHeld,
// with the holder's name, otherwise.
func AcquireLease(ctx context.Context, s Store, c clock.Clock, name, owner string, ttl time.Duration) (*Lease, error) {
	l := &Lease{store: s, clock: c, ttl: ttl, key: key.In(key.System).Str("lease").Str(name)}
	old, err := s.Get(ctx, l.key)
	var b Batch
	switch {
	case errors.Is(err, ErrNotFound):
		b.IfAbsent(l.key)
	case err != nil:
		return nil, fmt.Errorf("read lease %s: %w", name, err)
	default:
		var held leaseRow
		if err := json.Unmarshal(old, &held); err != nil {
			return nil, fmt.Errorf("read lease %s: %w", name, err)
		}
		if held.Owner != owner && c.Now().Before(held.Expires) {
			return nil, fmt.Errorf("lease %s: %w: %s, until %s", name, ErrLeaseHeld, held.Owner, held.Expires.UTC().Format(time.RFC3339))
		}
		l.row.Epoch = held.Epoch
		b.IfEqual(l.key, old)
	}
	l.row.Owner = owner
	l.row.Epoch++
	if err := l.write(ctx, &b); err != nil {
		if errors.Is(err, ErrConflict) {
			return nil, fmt.Errorf("lease %s: %w", name, ErrLeaseHeld)
		}
		return nil, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return l, nil
}

// Epoch returns the number of this holding; a later holder has a higher one.
func (l *Lease) Epoch() uint64 { return l.row.Epoch }

// Expires returns until when the lease is not taken by others.
func (l *Lease) Expires() time.Time { return l.row.Expires }

// Fence adds to b the precondition that the lease is still held as it was last renewed.
func (l *Lease) Fence(b *Batch) { b.IfEqual(l.key, l.raw) }

// Renew extends the lease by its ttl from now. It returns ErrLeaseLost when another owner has taken it.
func (l *Lease) Renew(ctx context.Context) error {
	if l.raw == nil {
		return ErrLeaseLost
	}
	var b Batch
	l.Fence(&b)
	err := l.write(ctx, &b)
	if errors.Is(err, ErrConflict) {
		l.raw = nil
		return ErrLeaseLost
	}
	return err
}

// Release gives the lease up, so that others need not wait for its expiry. A lease that is lost is no error.
func (l *Lease) Release(ctx context.Context) error {
	if l.raw == nil {
		return nil
	}
	var b Batch
	l.Fence(&b)
	row := l.row
	row.Owner, row.Expires = "", time.Time{} // the row stays: its epoch must not start again
	Put(&b, l.key, row)
	l.raw = nil
	if err := Commit(ctx, l.store, &b); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

func (l *Lease) write(ctx context.Context, b *Batch) error {
	row := l.row
	row.Expires = l.clock.Now().Add(l.ttl).UTC()
	raw, err := json.Marshal(row)
	if err != nil {
		return err
	}
	b.Set(l.key, raw)
	if err := Commit(ctx, l.store, b); err != nil {
		return err
	}
	l.row, l.raw = row, raw
	return nil
}
