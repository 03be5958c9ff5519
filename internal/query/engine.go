package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/objstore"
)

// Options of an Engine. KV, Catalog, Objects, Pool and Dir are required.
type Options struct {
	KV      kv.Store
	Catalog *catalog.Catalog
	Objects *objstore.Store
	Pool    *duck.Pool
	// Dir holds the files of running queries; it is emptied by Open.
	Dir string
	// Rights are asked before a query reads or writes; nil = everybody may do everything.
	Rights Rights
	// Events is told of the states of queries; nil = nobody.
	Events Events
	// Meter records the bytes scanned; nil = a new one.
	Meter *meter.Meter
	// Timeout ends a query; 0 = 30 minutes, Athena's limit.
	Timeout time.Duration
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Engine keeps and runs queries. All methods are safe for concurrent use.
type Engine struct {
	opts  Options
	kv    kv.Store
	clock clock.Clock
	log   *slog.Logger
	group *lifecycle.Group
	known textCache
	left  []runningRef // interrupted; from Open until Resume

	mu      sync.Mutex // guards the fields below; also makes read-and-replace of a record one step
	cancels map[string]context.CancelFunc
}

// Open returns the engine. Executions that a stop of the process interrupted wait for Resume.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Meter == nil {
		o.Meter = meter.New()
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Minute
	}
	log := o.Logger.With("component", "query")
	e := &Engine{opts: o, kv: o.KV, clock: o.Clock, log: log, cancels: map[string]context.CancelFunc{}}
	e.group = lifecycle.New(context.WithoutCancel(ctx), log)
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, fmt.Errorf("empty scratch directory: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch directory: %w", err)
	}
	if dir, err := filepath.Abs(o.Dir); err == nil {
		e.opts.Dir = dir
	}
	if err := e.interrupted(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// Close stops running queries, which the next process takes up, and waits for them.
func (e *Engine) Close(ctx context.Context) error { return e.group.Stop(ctx) }

// The kinds of records: (Query, account, region, kind, …), and (Query, "running", …) for those of all accounts.
const runningKind = "\x00running"

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Query).Str(s.Account).Str(s.Region).Str(kind)
}

func load[T any](ctx context.Context, e *Engine, k key.Key, format string, args ...any) (T, error) {
	v, err := kv.Load[T](ctx, e.kv, k)
	if errors.Is(err, kv.ErrNotFound) {
		return v, fmt.Errorf("%w: "+format, append([]any{ErrNotFound}, args...)...)
	}
	return v, err
}

// page lists the records under p after a name; next is "" at the end.
func page[T any](ctx context.Context, e *Engine, p key.Key, after string, limit int, name func(T) string) (list []T, next string, err error) {
	r := kv.Prefix(p)
	if after != "" {
		r.Lo = p.Clone().Str(after).End()
	}
	list, more, err := kv.LoadAll[T](ctx, e.kv, r, limit)
	if err != nil {
		return nil, "", err
	}
	if more != nil && len(list) > 0 {
		next = name(list[len(list)-1])
	}
	return list, next, nil
}

// edit changes what is stored in one step: f sees no change of another between what it reads and what it adds to the batch.
func (e *Engine) edit(ctx context.Context, f func(b *kv.Batch) error) error {
	return kv.CommitLocked(ctx, &e.mu, e.kv, func(b *kv.Batch) (func(), error) { return func() {}, f(b) })
}
