// Package event keeps event buses and their rules. An event that is put on a bus is matched against the rules' patterns when it is
// put; for each target of a rule that matches, a delivery goes into an outbox in the batch of the event. Rules may also
// have a schedule, whose runs are deliveries of an event of their own.
//
// Invariants:
//
//	E1  Events are acknowledged when all their deliveries are durable; each reaches its target, or the target's dead-letter
//	    queue, at least once, and exactly once where the target is kept in the same store (a queue, a topic, a function's queue).
//	E2  A scheduled run is queued in the batch that moves the schedule on: a restart neither repeats nor skips a run that was due
//	    while the process ran. Runs that fell due while it was down are skipped.
//
// Keys, in the space Event, all under (account, region):
//
//	("bus", name)        → Bus      but for the default one, which always exists
//	("rule", bus, name)  → Rule
package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/schedule"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound   = errors.New("the resource does not exist")
	ErrExists     = errors.New("the resource already exists")
	ErrBadInput   = errors.New("parameter is not valid")
	ErrBadPattern = errors.New("event pattern is not valid")
	ErrLimit      = errors.New("the requested resource exceeds the maximum number allowed")
)

// DefaultBus is there in every scope.
const DefaultBus = "default"

// Limits of Amazon EventBridge.
const (
	MaxTargets    = 5
	MaxEventBytes = 1 << 20 // of the entries of a PutEvents together
	MaxEntries    = 10
)

// BusRef names a bus.
type BusRef struct {
	ident.Scope
	Name string
}

// ARN returns arn:aws:events:REGION:ACCOUNT:event-bus/NAME.
func (b BusRef) ARN() string { return b.Scope.ARN("events", "event-bus/"+b.Name) }

// Bus is a bus's definition.
type Bus struct {
	BusRef
	Description string `json:",omitempty"`
	Created     time.Time
}

// Rule says which events of a bus go where.
type Rule struct {
	Bus         BusRef
	Name        string
	Description string            `json:",omitempty"`
	Pattern     string            `json:",omitempty"`
	Schedule    string            `json:",omitempty"` // cron(…) or rate(…), in UTC
	Disabled    bool              `json:",omitempty"`
	Role        string            `json:",omitempty"`
	Tags        map[string]string `json:",omitempty"`
	Targets     []Target          `json:",omitempty"`
	Last        time.Time         // of a schedule: the run that was queued last, or the creation

	pattern  *eventpattern.Pattern
	schedule schedule.Schedule
}

// ARN returns the rule's ARN; the name of the default bus is not in it.
func (r Rule) ARN() string {
	if r.Bus.Name == DefaultBus {
		return r.Bus.Scope.ARN("events", "rule/"+r.Name)
	}
	return r.Bus.Scope.ARN("events", "rule/"+r.Bus.Name+"/"+r.Name)
}

// Target gets a rule's events.
type Target struct {
	ID, ARN   string
	Role      string            `json:",omitempty"`
	Input     string            `json:",omitempty"` // sent instead of the event
	InputPath string            `json:",omitempty"` // the part of the event that is sent
	Paths     map[string]string `json:",omitempty"` // names in Template → paths
	Template  string            `json:",omitempty"`
	Group     string            `json:",omitempty"` // of FIFO queues
	Dead      string            `json:",omitempty"` // ARN of a queue
	Retries   int               // 0 to 185
	MaxAge    time.Duration     // 1 minute to 24 hours
}

// Event is an event as a producer puts it.
type Event struct {
	Source, DetailType string
	Detail             json.RawMessage // an object
	Resources          []string
	Time               time.Time // zero = now
}

// Deliverer carries events to targets. It is implemented by bridge.
type Deliverer interface {
	// Check reports why a target cannot be one.
	Check(ctx context.Context, r Rule, t Target) error
	// Deliver adds the delivery to b.
	Deliver(ctx context.Context, b *kv.Batch, r Rule, t Target, payload []byte) error
	// Bury adds an event that could not be delivered to b, for the target's dead-letter queue.
	Bury(ctx context.Context, b *kv.Batch, r Rule, t Target, payload []byte, reason error) error
}

// Options of an engine. Store and Deliverer are required.
type Options struct {
	Store     kv.Store
	Deliverer Deliverer
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Engine keeps buses. All methods are safe for concurrent use; Run is called once.
type Engine struct {
	opts Options
	log  *slog.Logger
	box  *outbox.Box
	kick chan struct{} // a schedule changed

	mu    sync.Mutex // guards the fields below; held over the commits of rules, not over those of events
	buses map[BusRef]Bus
	rules map[BusRef]map[string]Rule
}

// Open reads all buses and rules.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{
		opts: o, log: o.Logger.With("component", "event"), kick: make(chan struct{}, 1), buses: map[BusRef]Bus{}, rules: map[BusRef]map[string]Rule{},
		box: outbox.New(o.Store, outbox.Options{Name: "events", Clock: o.Clock, Logger: o.Logger}),
	}
	for it, err := range o.Store.Scan(ctx, kv.Prefix(key.In(key.Event))) {
		if err != nil {
			return nil, fmt.Errorf("read event buses: %w", err)
		}
		k := key.Read(it.Key, key.Event)
		_, _, kind := k.Str(), k.Str(), k.Str()
		if kind == "bus" {
			var b Bus
			if err := json.Unmarshal(it.Value, &b); err != nil {
				return nil, fmt.Errorf("decode bus at %q: %w", it.Key, err)
			}
			e.buses[b.BusRef] = b
			continue
		}
		var r Rule
		if err := json.Unmarshal(it.Value, &r); err != nil {
			return nil, fmt.Errorf("decode rule at %q: %w", it.Key, err)
		}
		if err := r.compile(); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.ARN(), err)
		}
		e.set(r)
	}
	return e, nil
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Event).Str(s.Account).Str(s.Region).Str(kind)
}

func ruleKey(b BusRef, name string) key.Key { return under(b.Scope, "rule").Str(b.Name).Str(name) }

func (e *Engine) set(r Rule) {
	if e.rules[r.Bus] == nil {
		e.rules[r.Bus] = map[string]Rule{}
	}
	e.rules[r.Bus][r.Name] = r
}

func (r *Rule) compile() (err error) {
	if r.Pattern != "" {
		if r.pattern, err = eventpattern.Compile([]byte(r.Pattern)); err != nil {
			return fmt.Errorf("%w: %w", ErrBadPattern, err)
		}
	}
	if r.Schedule != "" {
		if strings.HasPrefix(r.Schedule, "at(") {
			return fmt.Errorf("%w: ScheduleExpression %s: want cron(…) or rate(…)", ErrBadInput, r.Schedule)
		}
		if r.schedule, err = schedule.Parse(r.Schedule); err != nil {
			return fmt.Errorf("%w: ScheduleExpression: %w", ErrBadInput, err)
		}
	}
	return nil
}

// has reports whether a bus exists; e.mu is held.
func (e *Engine) has(b BusRef) bool {
	_, ok := e.buses[b]
	return ok || b.Name == DefaultBus
}

var nameForm = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)

// CreateBus adds a bus.
func (e *Engine) CreateBus(ctx context.Context, b Bus) error {
	if !nameForm.MatchString(b.Name) || strings.Contains(b.Name, "/") {
		return fmt.Errorf("%w: event bus name %q: want 1 to 256 letters, digits, ., - and _", ErrBadInput, b.Name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.has(b.BusRef) {
		return fmt.Errorf("%w: Event bus %s already exists", ErrExists, b.Name)
	}
	b.Created = e.opts.Clock.Now().UTC()
	var batch kv.Batch
	kv.Put(&batch, under(b.Scope, "bus").Str(b.Name), b)
	if err := kv.Commit(ctx, e.opts.Store, &batch); err != nil {
		return err
	}
	e.buses[b.BusRef] = b
	return nil
}

// DeleteBus removes a bus that has no rules. One that is gone is no error.
func (e *Engine) DeleteBus(ctx context.Context, r BusRef) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.Name == DefaultBus {
		return fmt.Errorf("%w: Cannot delete event bus default", ErrBadInput)
	}
	if len(e.rules[r]) > 0 {
		return fmt.Errorf("%w: Event bus %s has rules: delete them first", ErrBadInput, r.Name)
	}
	var batch kv.Batch
	batch.Delete(under(r.Scope, "bus").Str(r.Name))
	if err := kv.Commit(ctx, e.opts.Store, &batch); err != nil {
		return err
	}
	delete(e.buses, r)
	return nil
}

// Bus returns a bus.
func (e *Engine) Bus(r BusRef) (Bus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.has(r) {
		return Bus{}, fmt.Errorf("%w: Event bus %s does not exist", ErrNotFound, r.Name)
	}
	if b, ok := e.buses[r]; ok {
		return b, nil
	}
	return Bus{BusRef: r}, nil
}

// Buses returns the buses of a scope in the order of their names.
func (e *Engine) Buses(scope ident.Scope, prefix, after string, limit int) (list []Bus, next string) {
	e.mu.Lock()
	all := []Bus{{BusRef: BusRef{Scope: scope, Name: DefaultBus}}}
	for _, b := range e.buses {
		if b.Scope == scope {
			all = append(all, b)
		}
	}
	e.mu.Unlock()
	slices.SortFunc(all, func(a, b Bus) int { return strings.Compare(a.Name, b.Name) })
	for _, b := range all {
		if !strings.HasPrefix(b.Name, prefix) || b.Name <= after {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Name
		}
		list = append(list, b)
	}
	return list, ""
}

// PutRule adds a rule, or replaces all of one but its targets and tags.
func (e *Engine) PutRule(ctx context.Context, r Rule) (Rule, error) {
	switch {
	case len(r.Name) > 64 || !nameForm.MatchString(r.Name) || strings.Contains(r.Name, "/"):
		return r, fmt.Errorf("%w: rule name %q: want 1 to 64 letters, digits, ., - and _", ErrBadInput, r.Name)
	case r.Pattern == "" && r.Schedule == "":
		return r, fmt.Errorf("%w: Parameter(s) EventPattern or ScheduleExpression must be specified.", ErrBadInput)
	case r.Schedule != "" && r.Bus.Name != DefaultBus:
		return r, fmt.Errorf("%w: ScheduleExpression is supported only on the default event bus.", ErrBadInput)
	}
	if err := r.compile(); err != nil {
		return r, err
	}
	err := e.edit(ctx, r.Bus, r.Name, true, func(old *Rule) error {
		r.Targets, r.Last = old.Targets, old.Last
		if r.Tags == nil {
			r.Tags = old.Tags
		}
		if old.Schedule != r.Schedule || r.Last.IsZero() {
			r.Last = e.opts.Clock.Now().UTC()
		}
		*old = r
		return nil
	})
	return r, err
}

// Edit changes a rule.
func (e *Engine) Edit(ctx context.Context, b BusRef, name string, f func(*Rule) error) error {
	return e.edit(ctx, b, name, false, f)
}

func (e *Engine) edit(ctx context.Context, b BusRef, name string, create bool, f func(*Rule) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.has(b) {
		return fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, b.Name)
	}
	r, ok := e.rules[b][name]
	if !ok && !create {
		return fmt.Errorf("%w: Rule %s does not exist on EventBus %s.", ErrNotFound, name, b.Name)
	}
	r.Targets = slices.Clone(r.Targets)
	if err := f(&r); err != nil {
		return err
	}
	var batch kv.Batch
	kv.Put(&batch, ruleKey(b, name), r)
	if err := kv.Commit(ctx, e.opts.Store, &batch); err != nil {
		return err
	}
	e.set(r)
	select {
	case e.kick <- struct{}{}:
	default:
	}
	return nil
}

// DeleteRule removes a rule without targets. One that is gone is no error.
func (e *Engine) DeleteRule(ctx context.Context, b BusRef, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.rules[b][name].Targets) > 0 {
		return fmt.Errorf("%w: Rule can't be deleted since it has targets.", ErrBadInput)
	}
	var batch kv.Batch
	batch.Delete(ruleKey(b, name))
	if err := kv.Commit(ctx, e.opts.Store, &batch); err != nil {
		return err
	}
	delete(e.rules[b], name)
	return nil
}

// Rule returns a rule.
func (e *Engine) Rule(b BusRef, name string) (Rule, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.rules[b][name]
	if !ok {
		return r, fmt.Errorf("%w: Rule %s does not exist on EventBus %s.", ErrNotFound, name, b.Name)
	}
	return r, nil
}

// Rules returns the rules of a bus in the order of their names.
func (e *Engine) Rules(b BusRef, match func(Rule) bool, after string, limit int) (list []Rule, next string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.has(b) {
		return nil, "", fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, b.Name)
	}
	for _, r := range e.rules[b] {
		if r.Name > after && match(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Name
	}
	return list, next, nil
}

// PutTarget adds a target to a rule or replaces the one with its id.
func (e *Engine) PutTarget(ctx context.Context, b BusRef, rule string, t Target) error {
	r, err := e.Rule(b, rule)
	if err != nil {
		return err
	}
	if err := t.validate(); err != nil {
		return err
	}
	if err := e.opts.Deliverer.Check(ctx, r, t); err != nil {
		return err
	}
	return e.Edit(ctx, b, rule, func(r *Rule) error {
		r.Targets = slices.DeleteFunc(r.Targets, func(o Target) bool { return o.ID == t.ID })
		if len(r.Targets) >= MaxTargets {
			return fmt.Errorf("%w: a rule has at most %d targets", ErrLimit, MaxTargets)
		}
		r.Targets = append(r.Targets, t)
		return nil
	})
}
