// Package mapping carries records from a source (a queue) to a function: it is Lambda's event source mapping. It polls the
// source, filters, gathers batches, invokes the function, and tells the source which records are done.
//
// Invariants:
//
//	M1  A record is done only after the function has answered for it; what is not done, the source gives again.
//	M2  While the function runs, or waits for capacity, its records stay hidden from others. Throttling costs no receive.
//	M3  No more than MaxConcurrency batches of a mapping are with the function at once.
//	M4  Mappings outlive the process; changes of one end its pollers before others start.
//
// Keys, in the space Mapping: (account, region, uuid) → Mapping.
package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound     = errors.New("the resource you requested does not exist.")
	ErrExists       = errors.New("the event source mapping already exists")
	ErrBadParameter = errors.New("invalid event source mapping")
)

// DefaultConcurrency is how many batches of a mapping without a limit of its own are with the function at once.
const DefaultConcurrency = 16

// maxPayload leaves room for what surrounds the records in an invocation of 6 MiB.
const maxPayload = 6<<20 - 64<<10

// Mapping connects a source with a function.
type Mapping struct {
	ident.Scope
	UUID            string
	SourceARN       string
	FunctionARN     string // perhaps with a qualifier
	BatchSize       int
	Window          time.Duration `json:",omitempty"` // how long a batch may wait to fill
	Disabled        bool          `json:",omitempty"`
	MaxConcurrency  int           `json:",omitempty"` // 0 = DefaultConcurrency
	Filters         []string      `json:",omitempty"` // a record must match one; none = all
	PartialFailures bool          `json:",omitempty"` // the function reports which records failed
	Tags            map[string]string
	Modified        time.Time
}

// Record is one of a source.
type Record struct {
	ID       string // by which a function reports that it failed
	Document any    // as the function sees it
	Filter   any    // as filters see it: decoded by eventpattern.Decode
	Size     int    // of the document, about
}

// Batch are records that a source has given and keeps hidden.
type Batch interface {
	Records() []Record
	// Keep hides the records for some time more.
	Keep(ctx context.Context) error
	// Done removes the records at these places of the list.
	Done(ctx context.Context, which []int) error
	// KeepEvery is how often Keep is to be called.
	KeepEvery() time.Duration
}

// Sources reads the sources. It is implemented by bridge.
type Sources interface {
	// Check reports why a mapping cannot work: no such source, no rights, a time-out that is too short.
	Check(ctx context.Context, m Mapping) error
	// Poll waits for up to max records; an empty batch is nil.
	Poll(ctx context.Context, m Mapping, max int, wait time.Duration) (Batch, error)
	// Join makes one batch of two.
	Join(a, b Batch) Batch
	// Invoke runs the function with a document and waits. throttled asks for another try; failed says that the function
	// itself failed.
	Invoke(ctx context.Context, m Mapping, payload []byte) (answer []byte, failed, throttled bool, err error)
}

// Options of an engine; all but Clock and Logger are required.
type Options struct {
	Store   kv.Store
	Sources Sources
	Group   *lifecycle.Group
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Engine keeps mappings and runs them.
type Engine struct {
	opts Options
	log  *slog.Logger

	mu      sync.Mutex // guards the fields below
	all     map[string]Mapping
	running map[string]*runner
}

type runner struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// Open reads the mappings and starts those that are enabled.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{opts: o, log: o.Logger.With("component", "mapping"), all: map[string]Mapping{}, running: map[string]*runner{}}
	list, _, err := kv.LoadAll[Mapping](ctx, o.Store, kv.Prefix(key.In(key.Mapping)), 0)
	if err != nil {
		return nil, fmt.Errorf("read event source mappings: %w", err)
	}
	for _, m := range list {
		e.all[m.UUID] = m
		e.start(m)
	}
	return e, nil
}

func recordKey(m Mapping) key.Key {
	return key.In(key.Mapping).Str(m.Account).Str(m.Region).Str(m.UUID)
}

// Create adds a mapping and starts it.
func (e *Engine) Create(ctx context.Context, m Mapping) (Mapping, error) {
	m.UUID, m.Modified = ident.UUID(), e.opts.Clock.Now().UTC()
	if err := e.check(ctx, m); err != nil {
		return Mapping{}, err
	}
	err := kv.CommitLocked(ctx, &e.mu, e.opts.Store, func(b *kv.Batch) (func(), error) { return e.add(b, m) })
	if err != nil {
		return Mapping{}, err
	}
	return m, nil
}

// add puts a mapping that is not there yet into b; e.mu is held.
func (e *Engine) add(b *kv.Batch, m Mapping) (done func(), err error) {
	for _, o := range e.all {
		if o.SourceARN == m.SourceARN && o.FunctionARN == m.FunctionARN {
			_, name, _ := strings.Cut(m.FunctionARN, ":function:")
			return nil, fmt.Errorf("%w: An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. Please update or delete the existing mapping with UUID %s",
				ErrExists, m.SourceARN, name, o.UUID)
		}
	}
	return e.put(b, m), nil
}

// put adds a mapping to b and returns what starts it; e.mu is held.
func (e *Engine) put(b *kv.Batch, m Mapping) (done func()) {
	kv.Put(b, recordKey(m), m)
	return func() {
		e.all[m.UUID] = m
		e.start(m)
	}
}

func (e *Engine) check(ctx context.Context, m Mapping) error {
	if _, err := compile(m.Filters); err != nil {
		return err
	}
	switch {
	case m.BatchSize < 1 || m.BatchSize > 10_000:
		return fmt.Errorf("%w: BatchSize %d: want 1 to 10000", ErrBadParameter, m.BatchSize)
	case m.Window < 0 || m.Window > 300*time.Second:
		return fmt.Errorf("%w: MaximumBatchingWindowInSeconds %d: want 0 to 300", ErrBadParameter, int(m.Window.Seconds()))
	case m.MaxConcurrency != 0 && (m.MaxConcurrency < 2 || m.MaxConcurrency > 1000):
		return fmt.Errorf("%w: MaximumConcurrency %d: want 2 to 1000", ErrBadParameter, m.MaxConcurrency)
	}
	return e.opts.Sources.Check(ctx, m)
}

// SetTags replaces a mapping's tags; its pollers go on.
func (e *Engine) SetTags(ctx context.Context, scope ident.Scope, uuid string, tags map[string]string) error {
	if len(tags) > 50 {
		return fmt.Errorf("%w: Number of tags exceeds resource tag limit.", ErrBadParameter)
	}
	return kv.CommitLocked(ctx, &e.mu, e.opts.Store, func(b *kv.Batch) (func(), error) {
		m, ok := e.all[uuid]
		if !ok || m.Scope != scope {
			return nil, ErrNotFound
		}
		m.Tags = tags
		kv.Put(b, recordKey(m), m)
		return func() { e.all[uuid] = m }, nil
	})
}

func compile(filters []string) ([]*eventpattern.Pattern, error) {
	if len(filters) > 10 {
		return nil, fmt.Errorf("%w: %d filters: a mapping has at most 10", ErrBadParameter, len(filters))
	}
	var list []*eventpattern.Pattern
	for _, f := range filters {
		p, err := eventpattern.Compile([]byte(f))
		if err != nil || len(f) > 4096 {
			return nil, fmt.Errorf("%w: Invalid filter pattern definition.", ErrBadParameter)
		}
		list = append(list, p)
	}
	return list, nil
}

// Get returns a mapping of a scope.
func (e *Engine) Get(scope ident.Scope, uuid string) (Mapping, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m, ok := e.all[uuid]
	if !ok || m.Scope != scope {
		return Mapping{}, ErrNotFound
	}
	return m, nil
}

// List returns mappings of a scope in the order of their ids, after the id given; source and function "" = any.
func (e *Engine) List(scope ident.Scope, source, function, after string, limit int) (list []Mapping, next string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.all {
		if m.Scope == scope && m.UUID > after && (source == "" || m.SourceARN == source) && (function == "" || m.FunctionARN == function) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Mapping) int { return strings.Compare(a.UUID, b.UUID) })
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].UUID
	}
	return list, next
}

// Update changes a mapping. Its pollers finish their batches before the changed one starts.
func (e *Engine) Update(ctx context.Context, scope ident.Scope, uuid string, edit func(*Mapping)) (Mapping, error) {
	m, err := e.Get(scope, uuid)
	if err != nil {
		return Mapping{}, err
	}
	edit(&m)
	m.Modified = e.opts.Clock.Now().UTC()
	if err := e.check(ctx, m); err != nil {
		return Mapping{}, err
	}
	err = kv.CommitLocked(ctx, &e.mu, e.opts.Store, func(b *kv.Batch) (func(), error) {
		if _, ok := e.all[uuid]; !ok {
			return nil, ErrNotFound
		}
		return e.put(b, m), nil
	})
	if err != nil {
		return Mapping{}, err
	}
	return m, nil
}

// Delete ends a mapping. Batches that are with the function are finished.
func (e *Engine) Delete(ctx context.Context, scope ident.Scope, uuid string) (m Mapping, err error) {
	err = kv.CommitLocked(ctx, &e.mu, e.opts.Store, func(b *kv.Batch) (func(), error) {
		var ok bool
		if m, ok = e.all[uuid]; !ok || m.Scope != scope {
			m = Mapping{}
			return nil, ErrNotFound
		}
		b.Delete(recordKey(m))
		return func() {
			delete(e.all, uuid)
			if r := e.running[uuid]; r != nil {
				r.cancel()
				delete(e.running, uuid)
			}
		}, nil
	})
	return m, err
}

// start runs a mapping after the runner that it had before has ended.
func (e *Engine) start(m Mapping) {
	old := e.running[m.UUID]
	delete(e.running, m.UUID)
	if old != nil {
		old.cancel()
	}
	if m.Disabled {
		return
	}
	filters, err := compile(m.Filters)
	if err != nil {
		e.log.Error("mapping cannot run", "mapping", m.UUID, "err", err)
		return
	}
	ctx, cancel := context.WithCancel(e.opts.Group.Context())
	r := &runner{cancel: cancel, ended: make(chan struct{})}
	e.running[m.UUID] = r
	e.opts.Group.Go("event source mapping", func(group context.Context) {
		defer close(r.ended)
		defer cancel()
		if old != nil {
			select {
			case <-old.ended:
			case <-group.Done():
				return
			}
		}
		p := poller{engine: e, m: m, filters: filters, log: e.log.With("mapping", m.UUID)}
		p.run(ctx, group)
	})
}

// payload is the document that a function gets.
func payload(list []Record) ([]byte, error) {
	docs := make([]any, len(list))
	for i, r := range list {
		docs[i] = r.Document
	}
	return json.Marshal(map[string]any{"Records": docs})
}
