package pebblekv

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tarn-data/tarn/internal/kv"
)

type snapshot struct {
	store *Store
	snap  *pebble.Snapshot
	gate  gate
}

// Snapshot implements kv.Store.
func (s *Store) Snapshot() (kv.Snapshot, error) {
	if err := s.gate.enter(context.Background()); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	sn := &snapshot{store: s, snap: s.db.NewSnapshot()}
	s.snapMu.Lock()
	s.snaps[sn] = struct{}{}
	s.snapMu.Unlock()
	return sn, nil
}

// enter keeps both the store and the snapshot from closing.
func (sn *snapshot) enter(ctx context.Context) error {
	if err := sn.store.gate.enter(ctx); err != nil {
		return err
	}
	if err := sn.gate.enter(ctx); err != nil {
		sn.store.gate.leave()
		return err
	}
	return nil
}

func (sn *snapshot) leave() {
	sn.gate.leave()
	sn.store.gate.leave()
}

// Get implements kv.Reader.
func (sn *snapshot) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := sn.enter(ctx); err != nil {
		return nil, err
	}
	defer sn.leave()
	return get(sn.snap, key)
}

// Scan implements kv.Reader.
func (sn *snapshot) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Item, error] {
	return func(yield func(kv.Item, error) bool) {
		if err := sn.enter(ctx); err != nil {
			yield(kv.Item{}, err)
			return
		}
		defer sn.leave()
		scan(ctx, sn.snap, r, yield)
	}
}

// Close implements kv.Snapshot. Scans that are running end first.
func (sn *snapshot) Close() error {
	if !sn.gate.close() {
		return nil
	}
	s := sn.store
	s.snapMu.Lock()
	defer s.snapMu.Unlock()
	if _, open := s.snaps[sn]; !open {
		return nil // the store has closed it
	}
	delete(s.snaps, sn)
	return sn.snap.Close()
}
