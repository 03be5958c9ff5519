package topic

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// DedupWindow is how long a FIFO topic knows a message.
const DedupWindow = 5 * time.Minute

// fifo is what a FIFO topic remembers. It is read from the store when the topic is first used.
type fifo struct {
	mu     sync.Mutex // guards the fields; held from a message's number until its batch is applied, not until it is durable
	loaded bool
	last   uint64
	seen   map[string]taken
	order  []string   // the keys of seen by time
	batch  kv.Pending // the newest that was applied
}

// taken is a message that was published.
type taken struct {
	ID       string
	Sequence uint64
	At       time.Time // on a steady clock
	since    time.Time // At, or the start of the process where that was later
}

func formatSequence(n uint64) string { return fmt.Sprintf("1%019d", n) }

// dedupHash is under what a message is known: by its id or its text, in its group where the topic says so.
func dedupHash(t *Topic, m *Message) string {
	id := m.DedupID
	if id == "" {
		sum := sha256.Sum256([]byte(m.Body))
		id = string(sum[:])
	}
	if t.Attributes["FifoThroughputScope"] == "MessageGroup" {
		id = m.Group + "\x00" + id
	}
	sum := sha256.Sum256([]byte(id))
	return string(sum[:16])
}

// load reads what the store holds; f.mu is held.
func (f *fifo) load(ctx context.Context, store kv.Store, r Ref, now time.Time) error {
	if f.loaded {
		return nil
	}
	f.seen, f.order, f.batch = map[string]taken{}, nil, nil
	last, err := kv.Load[uint64](ctx, store, of("n", r))
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("read number of topic %s: %w", r.ARN(), err)
	}
	f.last = last
	for it, err := range store.Scan(ctx, kv.Prefix(of("d", r))) {
		if err != nil {
			return fmt.Errorf("read deduplication of topic %s: %w", r.ARN(), err)
		}
		k := key.Read(it.Key, key.Topic)
		for range 4 {
			k.Str()
		}
		k.Time()
		hash := k.Str()
		var t taken
		if err := errors.Join(k.Err(), json.Unmarshal(it.Value, &t)); err != nil {
			return fmt.Errorf("read deduplication of topic %s: %w", r.ARN(), err)
		}
		if t.since = t.At; t.since.After(now) {
			t.since = now // the clock was set back while the process was down
		}
		f.seen[hash] = t
		f.order = append(f.order, hash)
	}
	f.loaded = true
	return nil
}

// forget drops what is older than the window; f.mu is held.
func (f *fifo) forget(b *kv.Batch, r Ref, now time.Time) {
	for len(f.order) > 0 {
		t := f.seen[f.order[0]]
		if now.Sub(t.since) < DedupWindow {
			return
		}
		b.Delete(of("d", r).Time(t.At).Str(f.order[0]))
		delete(f.seen, f.order[0])
		f.order = f.order[1:]
	}
}

// publishFIFO numbers messages and applies their deliveries in the order of the numbers.
func (e *Engine) publishFIFO(ctx context.Context, b *kv.Batch, r Ref, list []Message) (out []Published, errs []error, err error) {
	s, err := e.find(r)
	if err != nil {
		return nil, nil, err
	}
	p, out, errs, err := e.applyFIFO(ctx, b, &s.fifo, r, list)
	if err != nil || p == nil {
		return out, errs, err
	}
	return out, errs, p.Wait(ctx)
}

func (e *Engine) applyFIFO(ctx context.Context, b *kv.Batch, f *fifo, r Ref, list []Message) (p kv.Pending, out []Published, errs []error, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	top, subs, err := e.Get(r)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := f.load(ctx, e.opts.Store, r, e.steady.Now()); err != nil {
		return nil, nil, nil, err
	}
	out, errs = make([]Published, len(list)), make([]error, len(list))
	if refused(list, &top, errs) {
		return nil, out, errs, nil
	}
	now := e.steady.Now().UTC()
	f.forget(b, r, now)
	var deliveries []Delivery
	first := f.last
	for i, m := range list {
		hash := dedupHash(&top, &m)
		if old, ok := f.seen[hash]; ok {
			out[i] = Published{ID: old.ID, Sequence: formatSequence(old.Sequence), Duplicate: true}
			continue
		}
		f.last++
		m.ID, m.Sequence = ident.UUID(), formatSequence(f.last)
		out[i] = Published{ID: m.ID, Sequence: m.Sequence}
		t := taken{ID: m.ID, Sequence: f.last, At: now, since: now}
		f.seen[hash] = t
		f.order = append(f.order, hash)
		kv.Put(b, of("d", r).Time(now).Str(hash), t)
		deliveries = e.fanOut(b, deliveries, &top, subs, m, now)
	}
	if f.last == first {
		return f.batch, out, errs, nil // all are duplicates of what may not be durable yet
	}
	kv.Put(b, of("n", r), f.last)
	b.IfPresent(topicKey(r))
	if p, err = e.opts.Deliverer.Apply(context.WithoutCancel(ctx), b, deliveries); err != nil {
		f.loaded = false // it has entries that were not stored
		if errors.Is(err, kv.ErrConflict) {
			err = ErrNotFound
		}
		return nil, nil, nil, err
	}
	f.batch = p
	return p, out, errs, nil
}
