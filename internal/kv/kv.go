// Package kv is the ordered key-value store in which Tarn keeps all state: metadata, messages, histories, small
// objects, outboxes and checkpoints.
//
// The interface is small so that several backends can stand behind it: Pebble on one machine (package kv/pebblekv), any
// database that speaks PostgreSQL's protocol when a machine is outgrown. kvtest.Run is the suite that all must pass.
//
// What an engine may rely on:
//
//	K1  A batch is atomic: after a crash all of it is there or nothing.
//	K2  Preconditions are checked and the batch applied as one step; no other batch comes between.
//	K3  Batches are totally ordered. Readers, watchers and the log on disk agree on that order.
//	K4  When Wait has returned nil the batch, and every batch before it, survives a power cut.
//	K5  A snapshot shows the batches up to one point of the order and no other.
//	K6  A damaged block is an error for the keys in it (ErrCorrupt); other keys stay readable and the process goes on.
//
// An engine answers its caller only after Wait. It applies under its shard's lock and waits outside, so that many
// callers share one sync:
//
//	mu.Lock(); p, err := store.Apply(ctx, b); mu.Unlock(); err = p.Wait(ctx)
package kv

import (
	"context"
	"errors"
	"iter"
)

// Errors of every backend; compare with errors.Is.
var (
	// ErrNotFound reports a key that has no value.
	ErrNotFound = errors.New("key not found")
	// ErrConflict reports a batch whose precondition did not hold; nothing of it was applied.
	ErrConflict = errors.New("precondition failed")
	// ErrCorrupt reports a key whose block on disk fails its checksum.
	ErrCorrupt = errors.New("stored block is corrupt")
	// ErrFull reports a write refused because the disk is full. Reads go on, deletions as long as a reserve lasts
	// (Batch.UseReserve), and writes once space returns.
	ErrFull = errors.New("disk is full")
	// ErrClosed reports the use of a store, snapshot or watcher after its Close.
	ErrClosed = errors.New("store is closed")
)

// Item is a key with its value. Both belong to the scan and are valid until its next step only.
type Item struct {
	Key, Value []byte
}

// Range selects the keys of a scan: Lo <= key < Hi. A nil Hi has no end.
type Range struct {
	Lo, Hi  []byte
	Reverse bool // from the highest key down
}

// Prefix returns the range of all keys that start with p, which must not consist of 0xFF only.
func Prefix(p []byte) Range {
	hi := append([]byte(nil), p...)
	for i := len(hi) - 1; i >= 0; i-- {
		if hi[i] != 0xFF {
			hi[i]++
			return Range{Lo: p, Hi: hi[:i+1]}
		}
	}
	return Range{Lo: p}
}

// Reader reads one point of the store's order: the newest for a Store, a fixed one for a Snapshot.
type Reader interface {
	// Get returns the value of key, which the caller owns, or ErrNotFound.
	Get(ctx context.Context, key []byte) ([]byte, error)
	// Scan yields the items of r in order. It sees one point of the order, that of its first step. An error is yielded
	// with the key it belongs to where that is known; the loop may go on after ErrCorrupt, and ends after any other.
	Scan(ctx context.Context, r Range) iter.Seq2[Item, error]
}

// Snapshot is a Reader of one fixed point. It must be closed.
type Snapshot interface {
	Reader
	Close() error
}

// Pending is a batch that is applied and visible, but perhaps not yet durable.
type Pending interface {
	// Wait returns when the batch is durable. It does not fail because of ctx once the batch is known to be durable;
	// if ctx ends first, the batch may or may not survive a crash.
	Wait(ctx context.Context) error
}

// Store is the ordered key-value store. All methods are safe for concurrent use.
type Store interface {
	Reader
	// Snapshot pins the newest point of the order.
	Snapshot() (Snapshot, error)
	// Apply checks the preconditions of b and makes it visible, in order. It copies what it needs of b, which may be
	// reset and used again. Errors: ErrConflict, ErrFull, ErrClosed.
	Apply(ctx context.Context, b *Batch) (Pending, error)
	// Watch returns the changes to the keys under prefix, in the order of the batches, from batches applied after the
	// call, each after it became durable. Several changes may be merged into one wake-up; see Watcher.
	Watch(prefix []byte) Watcher
	// Close waits for pending syncs and releases the store.
	Close() error
}

// Watcher tells that keys under a prefix changed. It is a wake-up, not a log: a slow reader finds merged wake-ups, never
// a lost one. Whoever needs the changes themselves scans from a cursor of its own.
type Watcher interface {
	// C receives a value after one or more durable batches touched the prefix. It holds one value at most.
	C() <-chan struct{}
	// Close ends the watch. C is not closed.
	Close()
}

// Commit applies b to s and waits until it is durable.
func Commit(ctx context.Context, s Store, b *Batch) error {
	p, err := s.Apply(ctx, b)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}
