package objstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/tarn-data/tarn/internal/kv"
)

// MoveRequest gives objects new keys and removes others.
type MoveRequest struct {
	Bucket string
	Moves  map[string]string // key → new key; a key that does not exist is passed over
	Remove []string          // a key that is a new key as well stays
	By     Actor
	With   func(b *kv.Batch) // adds to the batch; nil = nothing
}

// Move carries a request out as one batch: a reader sees all of it or nothing of it, and so does whoever comes after a crash. An
// object that gets a new key leaves no version under the old one; one that is removed leaves a delete marker where the bucket keeps
// versions. No byte is copied but those of small bodies, which are in the batch and in memory meanwhile. It returns the objects
// under their new keys.
func (s *Store) Move(ctx context.Context, req *MoveRequest) ([]*Object, error) {
	for from, to := range req.Moves {
		if err := s.checkNew(ctx, req.Bucket, to, &Metadata{}, nil); err != nil {
			return nil, err
		}
		if _, chain := req.Moves[to]; chain {
			return nil, fmt.Errorf("%w: %s moves to %s, which moves as well", ErrInvalidArgument, from, to)
		}
	}
	for range maxAttempts {
		made, p, err := s.moveOnce(ctx, req)
		if errors.Is(err, kv.ErrConflict) || errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil || p == nil {
			return made, err
		}
		return made, mapError(p.Wait(ctx))
	}
	return nil, fmt.Errorf("%w: %d keys of %s", ErrConflict, len(req.Moves)+len(req.Remove), req.Bucket)
}

func (s *Store) moveOnce(ctx context.Context, req *MoveRequest) ([]*Object, kv.Pending, error) {
	defer s.lockKeys(req)()
	st, bk, err := s.hold(req.Bucket)
	if err != nil {
		return nil, nil, err
	}
	defer st.mu.RUnlock()
	m := &mover{s: s, ctx: ctx, bk: bk, req: req, taken: map[string]bool{}}
	for _, from := range slices.Sorted(maps.Keys(req.Moves)) {
		if err := m.move(from, req.Moves[from]); err != nil {
			return nil, nil, err
		}
	}
	for _, key := range req.Remove {
		if err := m.remove(key); err != nil {
			return nil, nil, err
		}
	}
	if req.With != nil {
		req.With(&m.b)
	}
	if m.b.Empty() {
		return nil, nil, nil
	}
	if len(req.Moves) == 0 {
		m.b.UseReserve()
	}
	p, err := s.kv.Apply(ctx, &m.b)
	if err != nil && !errors.Is(err, kv.ErrConflict) {
		return nil, nil, mapError(err)
	}
	return m.made, p, err
}

// lockKeys locks the stripes of all keys of a request, in their order, and returns what unlocks them.
func (s *Store) lockKeys(req *MoveRequest) (unlock func()) {
	var needed [len(s.keys)]bool
	need := func(key string) { needed[maphash.String(s.seed, key)&255] = true }
	for from, to := range req.Moves {
		need(from)
		need(to)
	}
	for _, key := range req.Remove {
		need(key)
	}
	for i, n := range needed {
		if n {
			s.keys[i].Lock()
		}
	}
	return func() {
		for i, n := range needed {
			if n {
				s.keys[i].Unlock()
			}
		}
	}
}

// mover makes the batch of a Move.
type mover struct {
	s     *Store
	ctx   context.Context
	bk    *Bucket
	req   *MoveRequest
	b     kv.Batch
	taken map[string]bool // keys that have their new state in the batch
	made  []*Object
}

func (m *mover) move(from, to string) error {
	src, row, err := m.s.current(m.ctx, m.bk.Name, from)
	if err != nil || src == nil || src.DeleteMarker {
		return err
	}
	if m.taken[to] {
		return fmt.Errorf("%w: two objects move to %s", ErrInvalidArgument, to)
	}
	old, oldRow, err := m.s.current(m.ctx, m.bk.Name, to)
	if err != nil {
		return err
	}
	dst := m.s.newVersion(m.bk, to, old)
	dst.Lock = m.bk.newLock(Lock{}, dst.ModTime)
	dst.Size, dst.ETag, dst.Checksum, dst.Metadata, dst.Tags, dst.Owner, dst.ACL = src.Size, src.ETag, src.Checksum, src.Metadata, src.Tags, src.Owner, src.ACL
	if err := m.s.share(m.ctx, &m.b, src, dst); err != nil {
		return err
	}
	if err := m.s.install(m.ctx, &m.b, m.bk, old, oldRow, dst); err != nil {
		return err
	}
	w, _, err := m.s.deleteVersion(m.ctx, &m.b, src, row, &DeleteRequest{Bucket: m.bk.Name, Key: from, Version: src.Version})
	if err != nil {
		return err
	}
	m.taken[from], m.taken[to] = true, true
	m.made = append(m.made, dst)
	m.record(&Write{Object: dst, Source: src, Event: "ObjectCreated:Copy"})
	if w != nil {
		w.Event = "ObjectRemoved" + w.Event
		m.record(w)
	}
	return nil
}

func (m *mover) remove(key string) error {
	if m.taken[key] {
		return nil
	}
	m.taken[key] = true
	old, row, err := m.s.current(m.ctx, m.bk.Name, key)
	if err != nil || old == nil || old.DeleteMarker {
		return err
	}
	w, _, err := m.s.deleteNewest(m.ctx, &m.b, m.bk, key, old, row)
	if w != nil {
		w.Event = "ObjectRemoved" + w.Event
		m.record(w)
	}
	return err
}

func (m *mover) record(w *Write) {
	w.Bucket, w.By = m.bk, m.req.By
	m.s.emit(&m.b, *w)
	if m.s.recorder != nil {
		m.s.recorder.ObjectWrite(&m.b, *w)
	}
}
