package queue

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// Options of an engine. Store and Group are required.
type Options struct {
	Store  kv.Store
	Group  *lifecycle.Group // runs retention, the inbox and move tasks
	Clock  clock.Clock
	Logger *slog.Logger
}

// Engine keeps queues. All methods are safe for concurrent use.
type Engine struct {
	opts  Options
	store kv.Store
	clock clock.Clock // steady: see Q7
	log   *slog.Logger
	start int64 // the time of Open

	names   sync.Mutex    // held while a queue is made or deleted, so that a name stands for one queue at a time; guards deleted
	deleted map[Ref]int64 // names that rest, with the time of the deletion in milliseconds

	// mu guards the fields below. No shard's mutex is taken while it is held.
	mu     sync.RWMutex
	shards map[Ref]*shard
	tasks  map[string]context.CancelFunc // move tasks that run, by handle

	starting sync.Mutex // held while a move task is recorded, of which a queue has one at a time

	inboxMu  sync.Mutex // guards inboxSeq
	inboxSeq int64
}

// Open reads the definitions of all queues; the queues themselves are read when they are first used.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{
		opts: o, store: o.Store, clock: clock.Steady(o.Clock), log: o.Logger.With("component", "queue"),
		shards: map[Ref]*shard{}, tasks: map[string]context.CancelFunc{}, deleted: map[Ref]int64{},
	}
	e.start = e.now()
	if err := e.loadDeleted(ctx); err != nil {
		return nil, err
	}
	for it, err := range o.Store.Scan(ctx, kv.Prefix(key.In(key.Queue).Str("q"))) {
		if err != nil {
			return nil, fmt.Errorf("read queues: %w", err)
		}
		var q Queue
		if err := json.Unmarshal(it.Value, &q); err != nil {
			return nil, fmt.Errorf("decode queue at %q: %w", it.Key, err)
		}
		e.shards[q.Ref] = newShard(e, q)
	}
	if err := e.openInbox(ctx); err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	o.Group.Go("queue inbox", e.runInbox)
	o.Group.Go("queue retention", e.runRetention)
	return e, e.resumeMoves(ctx)
}

// now is the engine's time in milliseconds; see Q7.
func (e *Engine) now() int64 { return e.clock.Now().UnixMilli() }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// shard returns the queue of that name, or ErrNoQueue.
func (e *Engine) shard(r Ref) (*shard, error) {
	e.mu.RLock()
	s := e.shards[r]
	e.mu.RUnlock()
	if s == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoQueue, r.Name)
	}
	return s, nil
}

// Get returns a queue's definition.
func (e *Engine) Get(_ context.Context, r Ref) (Queue, error) {
	s, err := e.shard(r)
	if err != nil {
		return Queue{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.def, nil
}

// Create makes a queue, or returns the one of that name if check, which gets its settings, finds no difference. The result
// must not be changed.
func (e *Engine) Create(ctx context.Context, r Ref, set Settings, tags map[string]string, check func(Settings) error) (Queue, error) {
	q, p, err := e.create(ctx, r, set, tags, check)
	if err != nil {
		return Queue{}, err
	}
	if p != nil {
		err = p.Wait(ctx) // also for a queue that another call is making
	}
	return q, err
}

// create is Create that does not wait: the queue is durable when p is, where there is one.
func (e *Engine) create(ctx context.Context, r Ref, set Settings, tags map[string]string, check func(Settings) error) (Queue, kv.Pending, error) {
	if err := validName(r.Name, set.FIFO); err != nil {
		return Queue{}, nil, err
	}
	if len(tags) > MaxTags {
		return Queue{}, nil, refuse(ErrBadParameter, "too many tags added for queue %s: it has at most %d.", r.Name, MaxTags)
	}
	e.names.Lock()
	defer e.names.Unlock()
	if s, err := e.shard(r); err == nil {
		d := s.definition()
		return d, s.made, check(d.Settings)
	}
	if at, ok := e.deleted[r]; ok && e.now()-at < nameRest {
		return Queue{}, nil, refuse(ErrDeletedRecently, "you must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	if err := e.validate(r, set); err != nil {
		return Queue{}, nil, err
	}
	var id [8]byte
	secret := make([]byte, 16)
	if _, err := rand.Read(id[:]); err != nil {
		return Queue{}, nil, err
	}
	if _, err := rand.Read(secret); err != nil {
		return Queue{}, nil, err
	}
	now := timeOf(e.now())
	q := Queue{Ref: r, ID: binary.BigEndian.Uint64(id[:]), Secret: secret, Settings: set, Tags: tags, Created: now, Modified: now}
	var b kv.Batch
	k := definitionKey(r)
	b.IfAbsent(k)
	kv.Put(&b, k, q)
	e.forgetNames(&b, e.now())
	p, err := e.store.Apply(context.WithoutCancel(ctx), &b)
	if err != nil {
		return Queue{}, nil, err
	}
	s := newShard(e, q)
	s.made = p
	e.mu.Lock()
	e.shards[r] = s
	e.mu.Unlock()
	return q, p, nil
}

// change lets f alter a copy of a queue's definition and stores it. f is called without locks, and again when another change
// came between.
func (e *Engine) change(ctx context.Context, r Ref, f func(*Queue) error) error {
	s, err := e.shard(r)
	if err != nil {
		return err
	}
	for {
		s.mu.Lock()
		q, seen := s.def, s.changes
		s.mu.Unlock()
		if err := f(&q); err != nil {
			return err
		}
		q.Modified = timeOf(e.now())
		var b kv.Batch
		b.IfPresent(definitionKey(r))
		kv.Put(&b, definitionKey(r), q)
		s.mu.Lock()
		if s.changes != seen {
			s.mu.Unlock()
			continue
		}
		p, err := e.store.Apply(context.WithoutCancel(ctx), &b)
		if err == nil {
			s.setDefinition(q)
		}
		s.mu.Unlock()
		if errors.Is(err, kv.ErrConflict) {
			return fmt.Errorf("%w: %s", ErrNoQueue, r.Name)
		}
		if err != nil {
			return err
		}
		return p.Wait(ctx)
	}
}

// Configure changes settings: f gets a copy of them.
func (e *Engine) Configure(ctx context.Context, r Ref, f func(*Settings) error) error {
	return e.change(ctx, r, func(q *Queue) error {
		fifo := q.Settings.FIFO
		if err := f(&q.Settings); err != nil {
			return err
		}
		if q.Settings.FIFO != fifo {
			return refuse(ErrBadAttribute, "invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
		}
		return e.validate(r, q.Settings)
	})
}

// Tag adds or replaces tags.
func (e *Engine) Tag(ctx context.Context, r Ref, tags map[string]string) error {
	return e.change(ctx, r, func(q *Queue) error {
		all := map[string]string{}
		for k, v := range q.Tags {
			all[k] = v
		}
		for k, v := range tags {
			all[k] = v
		}
		if len(all) > MaxTags {
			return refuse(ErrBadParameter, "too many tags added for queue %s: it has at most %d.", r.Name, MaxTags)
		}
		q.Tags = all
		return nil
	})
}

// Untag removes tags.
func (e *Engine) Untag(ctx context.Context, r Ref, keys []string) error {
	return e.change(ctx, r, func(q *Queue) error {
		left := map[string]string{}
		for k, v := range q.Tags {
			if !slices.Contains(keys, k) {
				left[k] = v
			}
		}
		q.Tags = left
		return nil
	})
}

// List returns the queues of a scope whose names start with prefix, in order, from the name after start on; limit 0 = all.
// next is the last name of a page that is not the last.
func (e *Engine) List(scope ident.Scope, prefix, start string, limit int) (list []Queue, next string) {
	for _, s := range e.all(func(r Ref) bool { return r.Scope == scope && strings.HasPrefix(r.Name, prefix) && r.Name > start }) {
		if limit > 0 && len(list) == limit {
			return list, list[limit-1].Name
		}
		list = append(list, s.definition())
	}
	return list, ""
}

// Sources returns the names of the queues whose dead letters go to r, in order, with paging as List has it.
func (e *Engine) Sources(r Ref, start string, limit int) (list []Ref, next string, err error) {
	if _, err := e.shard(r); err != nil {
		return nil, "", err
	}
	for _, s := range e.all(func(q Ref) bool { return q.Scope == r.Scope && q.Name > start }) {
		d := s.definition()
		if d.Settings.Redrive == nil || d.Settings.Redrive.TargetARN != r.ARN() {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, list[limit-1].Name, nil
		}
		list = append(list, d.Ref)
	}
	return list, "", nil
}

// all returns the shards that match, in the order of their names.
func (e *Engine) all(match func(Ref) bool) []*shard {
	e.mu.RLock()
	var list []*shard
	for r, s := range e.shards {
		if match(r) {
			list = append(list, s)
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b *shard) int {
		return cmp.Or(cmp.Compare(a.ref.Account, b.ref.Account), cmp.Compare(a.ref.Region, b.ref.Region), cmp.Compare(a.ref.Name, b.ref.Name))
	})
	return list
}

// Delete removes a queue with its messages.
func (e *Engine) Delete(ctx context.Context, r Ref) error {
	p, err := e.remove(ctx, r)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}

// remove is Delete that does not wait.
func (e *Engine) remove(ctx context.Context, r Ref) (kv.Pending, error) {
	e.names.Lock()
	defer e.names.Unlock()
	s, err := e.shard(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	id := s.id
	var b kv.Batch
	b.IfPresent(definitionKey(r))
	b.Delete(definitionKey(r))
	for _, p := range []key.Key{messagePrefix(id), statePrefix(id), dedupPrefix(id), movePrefix(id)} {
		b.DeleteRange(p, p.End())
	}
	b.Delete(numberKey(id))
	b.UseReserve()
	now := e.now()
	kv.Put(&b, deletedKey(r), now)
	e.forgetNames(&b, now)
	p, err := e.store.Apply(context.WithoutCancel(ctx), &b)
	if err == nil {
		e.deleted[r] = now
		s.gone = true
		s.wakeAll()
	}
	s.mu.Unlock()
	if errors.Is(err, kv.ErrConflict) {
		return nil, fmt.Errorf("%w: %s", ErrNoQueue, r.Name)
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	if e.shards[r] == s {
		delete(e.shards, r)
	}
	e.mu.Unlock()
	return p, nil
}

// Counts returns how many messages a queue has now.
func (e *Engine) Counts(ctx context.Context, r Ref) (Counts, error) {
	s, err := e.shard(r)
	if err != nil {
		return Counts{}, err
	}
	for {
		if err := s.lock(ctx); err != nil {
			return Counts{}, err
		}
		more, err := s.expire(ctx)
		s.index.advance(e.now())
		c := s.index.counts
		s.mu.Unlock()
		if err != nil || !more {
			return c, err
		}
	}
}

// runRetention deletes what is too old, queue by queue.
func (e *Engine) runRetention(ctx context.Context) {
	for clock.Sleep(ctx, e.clock, time.Minute) == nil {
		for _, s := range e.all(func(Ref) bool { return true }) {
			for more := true; more && ctx.Err() == nil; {
				if s.lock(ctx) != nil {
					break
				}
				var err error
				if more, err = s.expire(ctx); err != nil {
					e.log.Error("delete old messages", "queue", s.ref.ARN(), "err", err)
				}
				s.index.advance(e.now())
				if err == nil {
					err = s.forgetDedup(ctx)
				}
				s.mu.Unlock()
				if err != nil {
					break
				}
			}
		}
	}
}
