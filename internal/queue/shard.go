package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// shard is a queue at work.
type shard struct {
	engine *Engine
	ref    Ref
	id     uint64
	secret []byte
	fifo   bool

	mu       sync.Mutex // guards the fields below
	def      Queue
	policy   *policy.Document // parsed def.Settings.Policy
	changes  int              // of def so far
	gone     bool             // deleted
	loaded   bool             // the fields below are valid
	index    *index
	next     uint64 // sequence number
	reserved uint64 // numbers below it may be used without writing
	dedup    map[dedupHash]dedupEntry
	dedupAge []dedupHash // in the order of their times
	attempts map[string]attempt
	waiters  waiterList
	purged   time.Time
	made     kv.Pending // of the creation; nil = before the start
}

func newShard(e *Engine, q Queue) *shard {
	s := &shard{engine: e, ref: q.Ref, id: q.ID, secret: q.Secret, fifo: q.Settings.FIFO}
	s.setDefinition(q)
	return s
}

func (s *shard) setDefinition(q Queue) {
	s.def, s.policy = q, nil
	s.changes++
	if q.Settings.Policy != "" {
		// It was parsed when it was set.
		s.policy, _ = policy.Parse(policy.Resource, q.Settings.Policy)
	}
}

func (s *shard) definition() Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.def
}

// lock takes the mutex of a queue that exists and is loaded. The caller unlocks mu.
func (s *shard) lock(ctx context.Context) error {
	s.mu.Lock()
	err := s.usable(ctx)
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

func (s *shard) usable(ctx context.Context) error {
	if s.gone {
		return fmt.Errorf("%w: %s", ErrNoQueue, s.ref.Name)
	}
	if s.loaded {
		return nil
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("open queue %s: %w", s.ref.Name, err)
	}
	return nil
}

// apply makes a batch visible. When the store refuses it, the caller undoes what it did to the index; after any other failure the
// index is read again before its next use.
func (s *shard) apply(ctx context.Context, b *kv.Batch) (kv.Pending, error) {
	p, err := s.engine.store.Apply(context.WithoutCancel(ctx), b)
	if err != nil {
		s.failed(err)
	}
	return p, err
}

// failed notes that a batch with numbers of this queue was not applied. A full disk refuses batch after batch: that must not
// mean to read a long queue each time.
func (s *shard) failed(err error) {
	if !errors.Is(err, kv.ErrFull) && !errors.Is(err, kv.ErrConflict) {
		s.loaded = false
	}
	s.reserved = s.next // what the batch reserved is not
}

// load rebuilds the index. It holds the mutex while it reads: nobody can use the queue before.
func (s *shard) load(ctx context.Context) error {
	e, id := s.engine, s.id
	x := newIndex(s.def.Settings.FIFO)
	now := e.now()
	groups := map[string]string{} // one copy of each name
	last := uint64(0)
	for it, err := range e.store.Scan(ctx, kv.Prefix(statePrefix(id))) {
		if errors.Is(err, kv.ErrCorrupt) {
			e.log.Error("messages are unreadable", "queue", s.ref.ARN(), "err", err)
			continue
		}
		if err != nil {
			return err
		}
		n := item{seq: sequenceOf(it.Key)}
		g, err := decodeState(it.Value, &n)
		if err != nil {
			e.log.Error("a message's state is malformed", "queue", s.ref.ARN(), "sequence", n.seq)
			continue
		}
		last = n.seq
		if since := max(n.sent, n.received); n.at > 0 && since > now {
			n.at += e.start - since // the clock was set back while we were down: it counts from the start on
		}
		if n.at > now {
			n.state = delayed
			if n.count > 0 {
				n.state = inFlight
			}
		}
		name := ""
		if x.fifo {
			var ok bool
			if name, ok = groups[string(g)]; !ok {
				name = string(g)
				groups[name] = name
			}
		}
		x.add(n, name)
	}
	high, err := e.store.Get(ctx, numberKey(id))
	switch {
	case err == nil && len(high) == 8:
		last = max(last, binary.BigEndian.Uint64(high)-1)
	case err != nil && !errors.Is(err, kv.ErrNotFound):
		return err
	}
	s.index, s.next, s.reserved = x, last+1, last+1
	s.attempts = map[string]attempt{}
	if err := s.loadDedup(ctx); err != nil {
		return err
	}
	s.loaded = true
	return nil
}

// number returns the next sequence number; what it must write goes into b.
func (s *shard) number(b *kv.Batch) uint64 {
	const block = 1 << 16
	if s.next >= s.reserved {
		s.reserved = s.next + block
		b.Set(numberKey(s.id), binary.BigEndian.AppendUint64(nil, s.reserved))
	}
	s.next++
	return s.next - 1
}

const expireBatch = 1000

// expire deletes messages older than the queue's retention; more is set when there may be others. It does not wait: what a
// crash brings back is deleted again.
func (s *shard) expire(ctx context.Context) (more bool, err error) {
	seqs := s.index.old(s.engine.now()-s.def.Settings.Retention.Milliseconds(), expireBatch)
	if len(seqs) == 0 {
		return false, nil
	}
	var b kv.Batch
	for _, seq := range seqs {
		s.delete(&b, seq)
	}
	if _, err := s.apply(ctx, &b); err != nil {
		return false, err
	}
	s.index.forget(seqs)
	return len(seqs) == expireBatch, nil
}

func (s *shard) delete(b *kv.Batch, seq uint64) {
	b.Delete(messageKey(s.id, seq))
	b.Delete(stateKey(s.id, seq))
}

// put writes the state of an item.
func (s *shard) put(b *kv.Batch, it *item) {
	b.Set(stateKey(s.id, it.seq), appendState(make([]byte, 0, 48), it))
}

// lockAll locks the shards in the order of their ids, each once, and returns how to unlock them.
func lockAll(ctx context.Context, shards ...*shard) (unlock func(), err error) {
	shards = ordered(shards)
	for i, s := range shards {
		if err := s.lock(ctx); err != nil {
			for _, t := range shards[:i] {
				t.mu.Unlock()
			}
			return nil, err
		}
	}
	return func() {
		for _, s := range shards {
			s.mu.Unlock()
		}
	}, nil
}
