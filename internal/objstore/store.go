package objstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
)

// Options configures a Store. KV and Blobs are required.
type Options struct {
	KV     kv.Store
	Blobs  blob.Store
	Clock  clock.Clock  // nil = the real one
	Logger *slog.Logger // nil = slog.Default()
	// InlineBytes is the largest body that is kept in kv; 0 = 32 KiB.
	InlineBytes int
	// MaxBuckets of an account; 0 = 10,000.
	MaxBuckets int
	// Events receives the events that a bucket's notification configuration asks for; nil = none.
	Events EventSink
	// Recorder is told of every write; nil = nobody.
	Recorder Recorder
}

// Recorder adds to the batch of a write what is to be recorded about it, such as a billable request.
type Recorder interface {
	ObjectWrite(b *kv.Batch, w Write)
}

// Store is the store of objects. All methods are safe for concurrent use. Make it with Open.
type Store struct {
	kv       kv.Store
	blobs    blob.Store
	clock    clock.Clock
	log      *slog.Logger
	inline   int64
	max      int
	events   EventSink
	recorder Recorder

	last atomic.Uint64 // newest sequence number
	seed maphash.Seed
	keys [256]sync.Mutex // stripes; see doc.go

	mu      sync.RWMutex // guards buckets
	buckets map[string]*bucketState
}

// Open reads the buckets and returns the store. Lifecycle rules are carried out by Run.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s := &Store{
		kv: opts.KV, blobs: opts.Blobs, clock: opts.Clock, log: opts.Logger, events: opts.Events, recorder: opts.Recorder,
		inline: int64(opts.InlineBytes), max: opts.MaxBuckets, seed: maphash.MakeSeed(), buckets: map[string]*bucketState{},
	}
	if s.clock == nil {
		s.clock = clock.Real()
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("component", "objstore")
	if s.inline == 0 {
		s.inline = 32 << 10
	}
	if s.max == 0 {
		s.max = 10_000
	}
	if err := s.loadBuckets(ctx); err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	return s, nil
}

// next returns a sequence number that is above all earlier ones of this process and above after.
func (s *Store) next(after uint64) uint64 {
	now := uint64(s.clock.Now().UnixNano())
	for {
		last := s.last.Load()
		n := max(now, last+1, after+1)
		if s.last.CompareAndSwap(last, n) {
			return n
		}
	}
}

// maxAttempts of a change whose preconditions fail because other processes change the same.
const maxAttempts = 8

// change runs fill, which reads what it needs and adds its steps to the batch, and commits the batch, under the locks of
// the key and the bucket. It is the one place in which a write of objects ends. fill may run again after a conflict; it
// returns the write to record, or nil for none.
func (s *Store) change(ctx context.Context, bucket, name string, fill func(bk *Bucket, b *kv.Batch) (*Write, error)) error {
	for range maxAttempts {
		p, err := s.attempt(ctx, bucket, name, fill)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		if p == nil {
			return nil
		}
		return mapError(p.Wait(ctx))
	}
	return &refusal{fmt.Errorf("%w: %s/%s", ErrConflict, bucket, name)}
}

// refusal is an error of change that leaves no doubt: nothing was applied.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// discard removes the blob of a body whose change failed, if it is certain that nothing refers to it; else the next start
// finds out.
func (s *Store) discard(ctx context.Context, id blob.ID, err error) {
	var certain *refusal
	if id == "" || !errors.As(err, &certain) {
		return
	}
	if err := s.blobs.Remove(context.WithoutCancel(ctx), id); err != nil {
		s.log.Warn("remove the body of a refused write", "blob", id, "err", err)
	}
}

func (s *Store) attempt(ctx context.Context, bucket, name string, fill func(*Bucket, *kv.Batch) (*Write, error)) (kv.Pending, error) {
	mu := &s.keys[maphash.String(s.seed, name)&255]
	mu.Lock()
	defer mu.Unlock()
	st, bk, err := s.hold(bucket)
	if err != nil {
		return nil, err
	}
	defer st.mu.RUnlock()
	var b kv.Batch
	w, err := fill(bk, &b)
	if err != nil {
		return nil, &refusal{err}
	}
	if w != nil {
		w.Bucket = bk
		if changed := !b.Empty(); changed && s.recorder != nil {
			s.recorder.ObjectWrite(&b, *w)
		}
		s.emit(&b, *w)
	}
	if b.Empty() {
		return nil, nil
	}
	p, err := s.kv.Apply(ctx, &b)
	if errors.Is(err, kv.ErrFull) {
		return nil, &refusal{mapError(err)}
	}
	if err != nil && !errors.Is(err, kv.ErrConflict) {
		return nil, mapError(err)
	}
	return p, err
}

// mapError turns the pillars' errors into the store's.
func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kv.ErrFull), errors.Is(err, blob.ErrFull):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, blob.ErrCorrupt), errors.Is(err, errRecord):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
