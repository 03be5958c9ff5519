package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Options of a catalog.
type Options struct {
	Events Events // nil: nobody is told of changes
	Clock  clock.Clock
	Logger *slog.Logger
}

// Catalog keeps the metadata of all accounts and regions. All methods are safe for concurrent use.
type Catalog struct {
	kv     kv.Store
	events Events
	clock  clock.Clock
	log    *slog.Logger
	mu     sync.Mutex // makes reading and replacing a record one step
}

// New returns the catalog over s.
func New(s kv.Store, opts Options) *Catalog {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &Catalog{kv: s, events: opts.Events, clock: opts.Clock, log: opts.Logger.With("component", "catalog")}
}

// Change is a list of changes to the catalog that become visible together, with whatever else the caller adds to Batch.
// Engines that create tables and partitions as the result of a run collect them here and commit once.
type Change struct {
	Batch kv.Batch
	c     *Catalog
	parts map[partitionChange][][]string // to be told of
}

// Begin returns an empty change.
func (c *Catalog) Begin() *Change { return &Change{c: c} }

// Commit applies the change. ErrConcurrent means that something it depends on was changed meanwhile; nothing was applied.
func (ch *Change) Commit(ctx context.Context) error {
	pending, err := ch.Apply(ctx)
	if err != nil {
		return err
	}
	return pending.Wait(ctx)
}

// Apply makes the change visible, which is durable when the answer's Wait has returned. Errors are those of Commit.
func (ch *Change) Apply(ctx context.Context) (kv.Pending, error) {
	ch.tellPartitions()
	pending, err := ch.c.kv.Apply(ctx, &ch.Batch)
	return pending, conflict(err, ErrConcurrent)
}

// step lets edit read the catalog and add to a change, as one with all other steps, and returns when the change is durable. The
// lock is not held while it is synced. clash is what a precondition that does not hold is answered with.
func (c *Catalog) step(ctx context.Context, clash error, edit func(*Change) error) error {
	ch := c.Begin()
	pending, err := func() (kv.Pending, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := edit(ch); err != nil || ch.Batch.Empty() {
			return nil, err
		}
		ch.tellPartitions()
		pending, err := c.kv.Apply(ctx, &ch.Batch)
		return pending, conflict(err, clash)
	}()
	if err != nil || pending == nil {
		return err
	}
	return pending.Wait(ctx)
}

// CreateDatabase makes a database. Errors: ErrExists, ErrBadInput.
func (c *Catalog) CreateDatabase(ctx context.Context, s ident.Scope, d Database) error {
	d.Name = strings.ToLower(d.Name)
	if err := checkName("database", d.Name); err != nil {
		return err
	}
	d.Created = c.clock.Now()
	var b kv.Batch
	k := dbKey(s, d.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, d)
	return conflict(kv.Commit(ctx, c.kv, &b), fmt.Errorf("%w: Database already exists: %s", ErrExists, d.Name))
}

// Database returns a database or ErrNotFound.
func (c *Catalog) Database(ctx context.Context, s ident.Scope, name string) (Database, error) {
	d, err := kv.Load[Database](ctx, c.kv, dbKey(s, strings.ToLower(name)))
	if errors.Is(err, kv.ErrNotFound) {
		return Database{}, fmt.Errorf("%w: Database %s not found.", ErrNotFound, name)
	}
	return d, err
}

// Databases lists databases by name: those after the name after, at most limit (0 = all).
func (c *Catalog) Databases(ctx context.Context, s ident.Scope, after string, limit int) (list []Database, more bool, err error) {
	list, next, err := kv.LoadAll[Database](ctx, c.kv, from(under(s, "db"), after), limit)
	return list, next != nil, err
}

// UpdateDatabase replaces a database's description, location and parameters. It cannot be renamed.
func (c *Catalog) UpdateDatabase(ctx context.Context, s ident.Scope, name string, d Database) error {
	return c.step(ctx, ErrConcurrent, func(ch *Change) error {
		old, err := c.Database(ctx, s, name)
		if err != nil {
			return err
		}
		if d.Name = strings.ToLower(d.Name); d.Name != old.Name {
			return fmt.Errorf("%w: database %s cannot be renamed to %s", ErrBadInput, old.Name, d.Name)
		}
		d.Created = old.Created
		ch.Batch.IfPresent(dbKey(s, d.Name))
		kv.Put(&ch.Batch, dbKey(s, d.Name), d)
		return nil
	})
}

// DeleteDatabase removes a database with all its tables. The data they describe stays where it is.
func (c *Catalog) DeleteDatabase(ctx context.Context, s ident.Scope, name string) error {
	name = strings.ToLower(name)
	if _, err := c.Database(ctx, s, name); err != nil {
		return err
	}
	var b kv.Batch
	b.UseReserve()
	b.Delete(dbKey(s, name))
	for _, kind := range []string{"table", "version", "partition", "stats", "pstats", "index", "function"} {
		p := under(s, kind).Str(name)
		b.DeleteRange(p, p.End())
	}
	return kv.Commit(ctx, c.kv, &b)
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Catalog).Str(s.Account).Str(s.Region).Str(kind)
}

func dbKey(s ident.Scope, name string) key.Key { return under(s, "db").Str(name) }

// from is the range of the keys that extend p by one string, those after the string after.
func from(p key.Key, after string) kv.Range {
	r := kv.Prefix(p)
	if after != "" {
		r.Lo = p.Clone().Str(after).End()
	}
	return r
}

// checkName applies Glue's rule for names: 1 to 255 bytes without control characters and slashes.
func checkName(what, name string) error {
	if name == "" || len(name) > MaxNameBytes {
		return fmt.Errorf("%w: %s name of %d bytes: want 1 to %d", ErrBadInput, what, len(name), MaxNameBytes)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("%w: %s name %q holds a control character", ErrBadInput, what, name)
		}
	}
	return nil
}

// conflict turns a failed precondition into what it means to the caller.
func conflict(err, meaning error) error {
	if errors.Is(err, kv.ErrConflict) {
		return meaning
	}
	return err
}
