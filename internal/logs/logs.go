package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Errors; compare with errors.Is.
var (
	ErrNoSuchGroup  = errors.New("the specified log group does not exist")
	ErrNoSuchStream = errors.New("the specified log stream does not exist")
	ErrExists       = errors.New("already exists")
	ErrBadToken     = errors.New("the specified nextToken is invalid")
	ErrBadPattern   = errors.New("invalid filter pattern")
	ErrBadInput     = errors.New("invalid parameter")
)

// Limits of CloudWatch Logs.
const (
	MaxEventBytes    = 1 << 20 // of a message
	MaxBatchBytes    = 1 << 20 // of a Put, with EventOverhead for each event
	MaxBatchEvents   = 10_000
	EventOverhead    = 26
	maxFuture        = 2 * time.Hour
	maxPast          = 14 * 24 * time.Hour
	sweepEvery       = time.Hour
	defaultPageLimit = 10_000
)

// Group is a log group.
type Group struct {
	Name          string
	Created       time.Time
	RetentionDays int               `json:",omitempty"` // 0 = for ever
	Tags          map[string]string `json:",omitempty"`
}

// Stream is a log stream. Its times are zero until it has events.
type Stream struct {
	Group, Name  string
	Created      time.Time
	FirstEvent   time.Time
	LastEvent    time.Time
	LastIngested time.Time
}

// Event is a line of a stream.
type Event struct {
	Time     time.Time // resolution: milliseconds
	Message  string
	Stream   string    // set by reads
	Ingested time.Time // set by reads
	Seq      uint64    // set by reads: unique in the group
}

// Options of a store.
type Options struct {
	Clock  clock.Clock  // nil = the machine's
	Logger *slog.Logger // nil = slog.Default
}

// Store keeps groups, streams and events. All methods are safe for concurrent use.
type Store struct {
	kv    kv.Store
	clock clock.Clock
	log   *slog.Logger
	seq   atomic.Uint64
	mu    sync.Mutex // orders changes of Stream records
}

// New returns the store over s.
func New(s kv.Store, opts Options) *Store {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	l := &Store{kv: s, clock: opts.Clock, log: opts.Logger.With("component", "logs")}
	l.seq.Store(uint64(l.clock.Now().UnixNano())) // above all earlier ones: a process adds far fewer than 10⁹ events a second
	return l
}

// CreateGroup makes a group. It returns ErrExists where the name is taken.
func (l *Store) CreateGroup(ctx context.Context, s ident.Scope, g Group) error {
	if err := checkGroupName(g.Name); err != nil {
		return err
	}
	g.Created = l.clock.Now()
	var b kv.Batch
	k := groupKey(s, g.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, g)
	return existing(kv.Commit(ctx, l.kv, &b), "group")
}

// Group returns a group or ErrNoSuchGroup.
func (l *Store) Group(ctx context.Context, s ident.Scope, name string) (Group, error) {
	g, err := kv.Load[Group](ctx, l.kv, groupKey(s, name))
	if errors.Is(err, kv.ErrNotFound) {
		return Group{}, fmt.Errorf("%w: %s", ErrNoSuchGroup, name)
	}
	return g, err
}

// UpdateGroup changes a group's retention or tags under a lock.
func (l *Store) UpdateGroup(ctx context.Context, s ident.Scope, name string, change func(*Group)) error {
	return kv.CommitLocked(ctx, &l.mu, l.kv, func(b *kv.Batch) (func(), error) {
		g, err := l.Group(ctx, s, name)
		if err != nil {
			return nil, err
		}
		change(&g)
		b.IfPresent(groupKey(s, name))
		kv.Put(b, groupKey(s, name), g)
		return func() {}, nil
	})
}

// Groups lists groups by name: those that start with prefix, contain part in any case and come after the
// name after, at most limit (0 = all).
func (l *Store) Groups(ctx context.Context, s ident.Scope, prefix, part, after string, limit int) (list []Group, more bool, err error) {
	rng := kv.Prefix(under(s, "group").StrPrefix(prefix))
	if after >= prefix && after != "" {
		rng.Lo = groupKey(s, after).End()
	}
	if part == "" {
		list, next, err := kv.LoadAll[Group](ctx, l.kv, rng, limit)
		return list, next != nil, err
	}
	all, _, err := kv.LoadAll[Group](ctx, l.kv, rng, 0)
	for _, g := range all {
		if !strings.Contains(strings.ToLower(g.Name), strings.ToLower(part)) {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, err
		}
		list = append(list, g)
	}
	return list, false, err
}

// DeleteGroup removes a group with its streams and events.
func (l *Store) DeleteGroup(ctx context.Context, s ident.Scope, name string) error {
	// Under the lock of writers: what one adds after its look at the group does not outlive the group.
	return kv.CommitLocked(ctx, &l.mu, l.kv, func(b *kv.Batch) (func(), error) {
		if _, err := l.Group(ctx, s, name); err != nil {
			return nil, err
		}
		b.Delete(groupKey(s, name))
		for _, kind := range []string{"stream", "event", "of"} {
			p := under(s, kind).Str(name)
			b.DeleteRange(p, p.End())
		}
		return func() {}, nil
	})
}

// CreateStream makes a stream in a group.
func (l *Store) CreateStream(ctx context.Context, s ident.Scope, group, stream string) error {
	if err := checkStreamName(stream); err != nil {
		return err
	}
	if _, err := l.Group(ctx, s, group); err != nil {
		return err
	}
	var b kv.Batch
	k := streamKey(s, group, stream)
	b.IfPresent(groupKey(s, group))
	b.IfAbsent(k)
	kv.Put(&b, k, Stream{Group: group, Name: stream, Created: l.clock.Now()})
	return existing(kv.Commit(ctx, l.kv, &b), "stream")
}

// Stream returns a stream, ErrNoSuchGroup or ErrNoSuchStream.
func (l *Store) Stream(ctx context.Context, s ident.Scope, group, stream string) (Stream, error) {
	st, err := kv.Load[Stream](ctx, l.kv, streamKey(s, group, stream))
	if errors.Is(err, kv.ErrNotFound) {
		if _, err := l.Group(ctx, s, group); err != nil {
			return Stream{}, err
		}
		return Stream{}, fmt.Errorf("%w: %s", ErrNoSuchStream, stream)
	}
	return st, err
}

// Streams lists a group's streams by name, as Groups does.
func (l *Store) Streams(ctx context.Context, s ident.Scope, group, prefix, after string, limit int) (list []Stream, more bool, err error) {
	if _, err := l.Group(ctx, s, group); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(under(s, "stream").Str(group).StrPrefix(prefix))
	if after >= prefix && after != "" {
		rng.Lo = streamKey(s, group, after).End()
	}
	list, next, err := kv.LoadAll[Stream](ctx, l.kv, rng, limit)
	return list, next != nil, err
}

// DeleteStream removes a stream with its events.
func (l *Store) DeleteStream(ctx context.Context, s ident.Scope, group, stream string) error {
	if _, err := l.Stream(ctx, s, group, stream); err != nil {
		return err
	}
	p := under(s, "of").Str(group).Str(stream)
	if err := l.removeEvents(ctx, s, group, kv.Prefix(p)); err != nil {
		return err
	}
	// What was written meanwhile goes with the stream's record.
	return kv.CommitLocked(ctx, &l.mu, l.kv, func(b *kv.Batch) (func(), error) {
		for it, err := range l.kv.Scan(ctx, kv.Prefix(p)) {
			if err != nil {
				return nil, fmt.Errorf("read events of %s: %w", group, err)
			}
			if err := removeEvent(b, s, group, it.Key); err != nil {
				return nil, err
			}
		}
		b.Delete(streamKey(s, group, stream))
		return func() {}, nil
	})
}

// removeEvent deletes the event that an index key stands for.
func removeEvent(b *kv.Batch, s ident.Scope, group string, index []byte) error {
	stream, ms, seq, err := readIndex(index)
	if err != nil {
		return err
	}
	b.Delete(append([]byte(nil), index...))
	b.Delete(eventKey(s, group, ms, seq, stream))
	return nil
}

// removeEvents deletes the events whose index keys are in rng, some thousands a batch.
func (l *Store) removeEvents(ctx context.Context, s ident.Scope, group string, rng kv.Range) error {
	var b kv.Batch
	for it, err := range l.kv.Scan(ctx, rng) {
		if err != nil {
			return fmt.Errorf("read events of %s: %w", group, err)
		}
		if err := removeEvent(&b, s, group, it.Key); err != nil {
			return err
		}
		if len(b.Ops()) >= 4096 {
			if err := kv.Commit(ctx, l.kv, &b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	if b.Empty() {
		return nil
	}
	return kv.Commit(ctx, l.kv, &b)
}

// Run removes events past their retention until ctx ends.
func (l *Store) Run(ctx context.Context) {
	for {
		if err := l.Sweep(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("remove old events", "err", err)
		}
		if clock.Sleep(ctx, l.clock, sweepEvery) != nil {
			return
		}
	}
}

// Sweep removes all events that are older than their group's retention.
func (l *Store) Sweep(ctx context.Context) error {
	rng := kv.Prefix(key.In(key.Logs))
	for {
		s, found, err := l.firstScope(ctx, rng)
		if err != nil || !found {
			return err
		}
		for it, err := range l.kv.Scan(ctx, kv.Prefix(under(s, "group"))) {
			if err != nil {
				return err
			}
			r := key.Read(it.Key, key.Logs)
			_, _, _ = r.Str(), r.Str(), r.Str()
			g, err := l.Group(ctx, s, r.Str())
			if err != nil || g.RetentionDays == 0 {
				continue
			}
			if err := l.sweepGroup(ctx, s, g); err != nil {
				return err
			}
		}
		rng.Lo = key.In(key.Logs).Str(s.Account).Str(s.Region).End()
	}
}

// firstScope returns the account and region of the first key in a range, so that a sweep steps over the events.
func (l *Store) firstScope(ctx context.Context, rng kv.Range) (s ident.Scope, found bool, err error) {
	for it, err := range l.kv.Scan(ctx, rng) {
		if err != nil {
			return s, false, err
		}
		r := key.Read(it.Key, key.Logs)
		return ident.Scope{Account: r.Str(), Region: r.Str()}, true, r.Err()
	}
	return s, false, nil
}

func (l *Store) sweepGroup(ctx context.Context, s ident.Scope, g Group) error {
	base := under(s, "event").Str(g.Name)
	rng := kv.Range{Lo: base, Hi: base.Clone().Int(l.horizon(g).UnixMilli())}
	var b kv.Batch
	for it, err := range l.kv.Scan(ctx, rng) {
		if err != nil {
			return err
		}
		ms, seq, stream, err := readEventKey(it.Key)
		if err != nil {
			return err
		}
		b.Delete(append([]byte(nil), it.Key...))
		b.Delete(indexKey(s, g.Name, stream, ms, seq))
		if len(b.Ops()) >= 4096 {
			if err := kv.Commit(ctx, l.kv, &b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	if b.Empty() {
		return nil
	}
	return kv.Commit(ctx, l.kv, &b)
}

// horizon is the time before which the group's events are gone.
func (l *Store) horizon(g Group) time.Time {
	if g.RetentionDays == 0 {
		return time.Time{}
	}
	return l.clock.Now().AddDate(0, 0, -g.RetentionDays)
}

func existing(err error, kind string) error {
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("the specified log %s %w", kind, ErrExists)
	}
	return err
}
