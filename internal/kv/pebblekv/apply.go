package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tarn-data/tarn/internal/kv"
)

// Apply implements kv.Store.
func (s *Store) Apply(ctx context.Context, b *kv.Batch) (kv.Pending, error) {
	if err := s.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	if err := s.space.admit(b.Size(), b.Frees()); err != nil {
		return nil, err
	}
	pb, err := s.encode(b)
	if err != nil {
		return nil, err
	}
	p, err := s.apply(ctx, b, pb)
	if err != nil {
		pb.Close()
		return nil, err
	}
	return p, nil
}

// encode writes the steps of b, which is the larger part of the work, before the mutex is taken.
func (s *Store) encode(b *kv.Batch) (*pebble.Batch, error) {
	ops := b.Ops()
	pb := s.db.NewBatchWithSize(b.Size() + 16*len(ops) + 32)
	for _, op := range ops {
		var err error
		switch op.Kind {
		case kv.OpSet:
			err = pb.Set(op.Key, op.Value, nil)
		case kv.OpDelete:
			err = pb.Delete(op.Key, nil)
		case kv.OpDeleteRange:
			if bytes.Compare(op.Key, op.Value) < 0 {
				err = pb.DeleteRange(op.Key, op.Value, nil)
			}
		default:
			err = fmt.Errorf("BUG: step of unknown kind %d", op.Kind)
		}
		if err != nil {
			pb.Close()
			return nil, fmt.Errorf("encode batch: %w", err)
		}
	}
	return pb, nil
}

func (s *Store) apply(ctx context.Context, b *kv.Batch, pb *pebble.Batch) (*pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, c := range b.Conds() {
		if err := s.check(c); err != nil {
			return nil, err
		}
	}
	p := &pending{batch: pb, done: make(chan struct{})}
	empty := pb.Empty()
	if empty {
		// Nothing to make durable, but K4 speaks of the batches before it, which preconditions may have read.
		if err := pb.LogData(nil, nil); err != nil {
			return nil, fmt.Errorf("encode batch: %w", err)
		}
	}
	if err := s.db.ApplyNoSyncWait(pb, pebble.Sync); err != nil {
		return nil, fmt.Errorf("apply batch: %w", mapError(err))
	}
	if !empty {
		// Not before it is visible: who begins to watch in between would neither be woken nor find it by a scan.
		p.wake = s.watch.match(b.Ops())
	}
	s.acks.push(p)
	return p, nil
}

func (s *Store) check(c kv.Cond) error {
	v, closer, err := s.db.Get(c.Key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		if c.Kind == kv.CondAbsent {
			return nil
		}
		return kv.ErrConflict
	case err != nil:
		return fmt.Errorf("check precondition: %w", mapError(err))
	}
	defer closer.Close()
	switch c.Kind {
	case kv.CondPresent:
		return nil
	case kv.CondEqual:
		if bytes.Equal(v, c.Value) {
			return nil
		}
	}
	return kv.ErrConflict
}
