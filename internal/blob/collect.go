package blob

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// CollectorOptions configures a Collector. KV and Blobs are required.
type CollectorOptions struct {
	KV     kv.Store
	Blobs  Store
	Clock  clock.Clock  // nil = the real one
	Logger *slog.Logger // nil = slog.Default()
	// Grace is how long a blob without a reference is kept: as long as a reader of Path may take, and a writer between
	// Commit and the batch that refers to the blob; 0 = 10 minutes.
	Grace time.Duration
	// Interval between two passes; 0 = 1 minute.
	Interval time.Duration
	// Short reports that space is short: then a pass comes every few seconds and the grace is a few seconds, too. nil = never.
	Short func() bool
}

// shortGrace is the grace, and shortInterval the interval, while space is short.
const (
	shortGrace    = 10 * time.Second
	shortInterval = 2 * time.Second
)

// Collector removes blobs that nothing refers to. Make it with NewCollector; one runs per store.
type Collector struct {
	opts CollectorOptions
	seen map[ID]time.Time // since when a blob was seen without a reference; used by Run's goroutine only
}

// maxSeen bounds the blobs that one pass looks after; the rest waits for the next.
const maxSeen = 100_000

// NewCollector returns a collector that does nothing until Run.
func NewCollector(o CollectorOptions) *Collector {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "blob")
	if o.Grace == 0 {
		o.Grace = 10 * time.Minute
	}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	return &Collector{opts: o, seen: map[ID]time.Time{}}
}

// Run sweeps once and then makes a pass per interval, until ctx ends.
func (c *Collector) Run(ctx context.Context) {
	if err := c.Sweep(ctx); err != nil && ctx.Err() == nil {
		c.opts.Logger.Error("search for unreferenced blobs failed", "err", err)
	}
	for ctx.Err() == nil {
		if _, err := c.Pass(ctx); err != nil && ctx.Err() == nil {
			c.opts.Logger.Error("removal of unreferenced blobs failed", "err", err)
		}
		c.rest(ctx)
	}
}

// rest waits for the next pass, which comes sooner when space is short.
func (c *Collector) rest(ctx context.Context) {
	if c.opts.Short == nil {
		_ = clock.Sleep(ctx, c.opts.Clock, c.opts.Interval) // ends with ctx, as the loop does
		return
	}
	for until := c.opts.Clock.Now().Add(c.opts.Interval); c.opts.Clock.Now().Before(until); {
		if clock.Sleep(ctx, c.opts.Clock, min(shortInterval, c.opts.Interval)) != nil || c.opts.Short() {
			return
		}
	}
}

// Sweep queues the blobs that have no reference and are not queued: those of a process that was killed between the
// commit of a blob and the batch that refers to it.
func (c *Collector) Sweep(ctx context.Context) error {
	var b kv.Batch
	for id, err := range c.opts.Blobs.List(ctx) {
		if err != nil {
			return err
		}
		ref, err := c.reference(ctx, id)
		if err != nil {
			return err
		}
		if ref == nil {
			b.Set(oldKey(id), nil)
			b.UseReserve()
		}
		if len(b.Ops()) >= 1000 {
			if err := kv.Commit(ctx, c.opts.KV, &b); err != nil {
				return fmt.Errorf("queue unreferenced blobs: %w", err)
			}
			b.Reset()
		}
	}
	if b.Empty() {
		return nil
	}
	if err := kv.Commit(ctx, c.opts.KV, &b); err != nil {
		return fmt.Errorf("queue unreferenced blobs: %w", err)
	}
	return nil
}

// Pass looks at the queued blobs and removes those that have been without a reference for the grace period. It returns
// how many it removed.
func (c *Collector) Pass(ctx context.Context) (removed int, err error) {
	now, grace := c.opts.Clock.Now(), c.opts.Grace
	if c.opts.Short != nil && c.opts.Short() {
		grace = min(grace, shortGrace)
	}
	still := make(map[ID]time.Time, len(c.seen))
	var due []ID
	for it, err := range c.opts.KV.Scan(ctx, kv.Prefix(key.In(key.Blob).Str("old"))) {
		if err != nil {
			return 0, fmt.Errorf("read queue of unreferenced blobs: %w", err)
		}
		r := key.Read(it.Key, key.Blob)
		r.Str()
		id := ID(r.Str())
		if r.Err() != nil {
			return 0, fmt.Errorf("read queue of unreferenced blobs: %w", r.Err())
		}
		since, known := c.seen[id]
		switch {
		case !known:
			since = now
		case now.Sub(since) >= grace:
			due = append(due, id)
		}
		still[id] = since
		if len(still) == maxSeen {
			break
		}
	}
	c.seen = still
	for _, id := range due {
		gone, err := c.collect(ctx, id)
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
		delete(c.seen, id)
	}
	return removed, nil
}

// collect removes the blob, or takes it from the queue when it has a reference after all.
func (c *Collector) collect(ctx context.Context, id ID) (gone bool, err error) {
	ref, err := c.reference(ctx, id)
	if err != nil {
		return false, err
	}
	var b kv.Batch
	b.Delete(oldKey(id))
	if ref != nil {
		// Without the precondition the reference could go, and queue the blob, just before this batch takes it out.
		b.IfPresent(ref)
	} else if err := c.opts.Blobs.Remove(ctx, id); err != nil {
		return false, err
	}
	if err := kv.Commit(ctx, c.opts.KV, &b); err != nil && ref == nil {
		return false, fmt.Errorf("take blob %s from the queue: %w", id, err)
	}
	return ref == nil, nil
}

// reference returns the key of one reference to id, or nil.
func (c *Collector) reference(ctx context.Context, id ID) ([]byte, error) {
	for it, err := range c.opts.KV.Scan(ctx, kv.Prefix(key.In(key.Blob).Str("ref").Str(string(id)))) {
		if err != nil {
			// A damaged block may hide a reference. Keep the blob.
			return nil, fmt.Errorf("read references of blob %s: %w", id, err)
		}
		return append([]byte(nil), it.Key...), nil
	}
	return nil, nil
}

func oldKey(id ID) key.Key { return key.In(key.Blob).Str("old").Str(string(id)) }
