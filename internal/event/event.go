package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/schedule"
	"github.com/tarn-data/tarn/internal/tail"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound = errors.New("the resource does not exist")
	ErrExists   = errors.New("the resource already exists")
	ErrBadInput = errors.New("parameter is not valid")
	// ErrBadSchedule reports an expression that is none.
	ErrBadSchedule = errors.New("schedule expression is not valid")
	ErrBadPattern  = errors.New("event pattern is not valid")
	ErrLimit       = errors.New("the requested resource exceeds the maximum number allowed")
	ErrPolicySize  = errors.New("the policy is too long")
	ErrStatus      = errors.New("the state does not allow it")
	// ErrPermanent marks a delivery that another attempt would not save: the target is gone or does not admit the rule.
	ErrPermanent = errors.New("the target does not take the event")
)

// DefaultBus is there in every scope.
const DefaultBus = "default"

// Limits of Amazon EventBridge.
const (
	MaxTargets     = 5
	MaxEventBytes  = 1 << 20 // of the entries of a PutEvents together
	MaxEntries     = 10
	MaxPolicyBytes = 10240
	MaxReplays     = 10 // that run at a time in a scope
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
	Description string            `json:",omitempty"`
	Policy      string            `json:",omitempty"` // who else may put events and rules on it
	Tags        map[string]string `json:",omitempty"`
	Created     time.Time
	Modified    time.Time // zero = not since it was created

	policy *policy.Document
}

// Changed is when the bus was changed last, or created.
func (b Bus) Changed() time.Time {
	if b.Modified.IsZero() {
		return b.Created
	}
	return b.Modified
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
	HTTP      *HTTPParameters   `json:",omitempty"` // of API destinations
	Dead      string            `json:",omitempty"` // ARN of a queue
	Retries   int               // 0 to 185
	MaxAge    time.Duration     // 1 minute to 24 hours
}

// HTTPParameters are added to the calls of an API destination. Values that are paths ($.detail.id) stand for what is there in the
// event; in a Delivery they are that.
type HTTPParameters struct {
	Path          []string          `json:",omitempty"` // for the * of the endpoint, in order
	Header, Query map[string]string `json:",omitempty"`
}

// Event is an event as a producer puts it.
type Event struct {
	Source, DetailType string
	Detail             json.RawMessage // an object
	Resources          []string
	Time               time.Time // zero = now
	Account            string    // who puts it; "" = the owner of the bus
}

// Delivery is an event on its way to a target.
type Delivery struct {
	ID      string // the same over all attempts
	Rule    Rule   // as it was, without its targets
	Target  Target
	Payload []byte
	Hops    int       `json:",omitempty"` // buses that the event has been forwarded from
	At      time.Time // when the event arrived
}

// Deliverer carries events to targets. It is implemented by bridge.
type Deliverer interface {
	// Check reports why a target cannot be one.
	Check(ctx context.Context, r Rule, t Target) error
	// Deliver adds the delivery to b. ErrPermanent in its error says that another attempt would not do better.
	Deliver(ctx context.Context, b *kv.Batch, d Delivery) error
	// Bury adds an event that could not be delivered to b, for the target's dead-letter queue.
	Bury(ctx context.Context, b *kv.Batch, d Delivery, attempts int, reason error) error
}

// Options of an engine. Store and Deliverer are required.
type Options struct {
	Store     kv.Store
	Deliverer Deliverer
	Meter     *meter.Meter // nil: events are not counted
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Engine keeps buses. All methods are safe for concurrent use; Run is called once.
type Engine struct {
	opts    Options
	log     *slog.Logger
	box     *outbox.Box
	kick    chan struct{} // a schedule changed
	replays chan struct{} // a replay was started or cancelled
	tails   tail.Hub[BusRef, Seen]

	mu       sync.RWMutex // guards the fields below; changes are applied to the store under it, and waited for outside
	buses    map[BusRef]Bus
	rules    map[BusRef]map[string]Rule
	archives map[BusRef]map[string]Archive // by the bus that they keep events of
}

// Open reads all buses, rules and archives.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{
		opts: o, log: o.Logger.With("component", "event"), kick: make(chan struct{}, 1), replays: make(chan struct{}, 1),
		buses: map[BusRef]Bus{}, rules: map[BusRef]map[string]Rule{}, archives: map[BusRef]map[string]Archive{},
		box: outbox.New(o.Store, outbox.Options{Name: "events", Clock: o.Clock, Logger: o.Logger, Workers: 16, Lane: lane, LaneWorkers: 16}),
	}
	scopes, err := e.scopes(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range scopes {
		if err := e.load(ctx, s); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// scopes returns those that anything is kept of, by looking for the first key of each.
func (e *Engine) scopes(ctx context.Context) (list []ident.Scope, err error) {
	r := kv.Prefix(key.In(key.Event))
	for {
		var found *ident.Scope
		for it, err := range e.opts.Store.Scan(ctx, r) {
			if err != nil {
				return nil, fmt.Errorf("read event buses: %w", err)
			}
			k := key.Read(it.Key, key.Event)
			found = &ident.Scope{Account: k.Str(), Region: k.Str()}
			if k.Err() != nil {
				return nil, fmt.Errorf("read event buses: %w", k.Err())
			}
			break
		}
		if found == nil {
			return list, nil
		}
		list = append(list, *found)
		r.Lo = key.In(key.Event).Str(found.Account).Str(found.Region).End()
	}
}

func (e *Engine) load(ctx context.Context, s ident.Scope) error {
	buses, _, err := kv.LoadAll[Bus](ctx, e.opts.Store, kv.Prefix(under(s, "bus")), 0)
	if err != nil {
		return fmt.Errorf("read event buses: %w", err)
	}
	for _, b := range buses {
		if err := b.compile(); err != nil {
			return fmt.Errorf("bus %s: %w", b.ARN(), err)
		}
		e.buses[b.BusRef] = b
	}
	rules, _, err := kv.LoadAll[Rule](ctx, e.opts.Store, kv.Prefix(under(s, "rule")), 0)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	for _, r := range rules {
		if err := r.compile(); err != nil { // an older version took it
			e.log.Error("a rule takes no events until it is put again", "rule", r.ARN(), "err", err)
		}
		if _, rate := r.schedule.(schedule.Rate); rate && r.Last.After(e.opts.Clock.Now()) {
			r.Last = e.opts.Clock.Now().UTC() // the clock was set back while the process was down
		}
		e.set(r)
	}
	archives, _, err := kv.LoadAll[Archive](ctx, e.opts.Store, kv.Prefix(under(s, "archive")), 0)
	if err != nil {
		return fmt.Errorf("read archives: %w", err)
	}
	for _, a := range archives {
		if err := a.compile(); err != nil { // an older version took it
			e.log.Error("an archive keeps no events until it is updated", "archive", a.ARN(), "err", err)
		}
		e.setArchive(a)
	}
	return nil
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Event).Str(s.Account).Str(s.Region).Str(kind)
}

// change lets f look at what is in memory and add to a batch, applies that, has done change what is in memory, and waits until
// the batch is durable. f may leave the batch empty.
func (e *Engine) change(ctx context.Context, f func(b *kv.Batch) (done func(), err error)) error {
	return kv.CommitLocked(ctx, &e.mu, e.opts.Store, f)
}

func (e *Engine) apply(f func(b *kv.Batch) (done func(), err error)) (kv.Pending, error) {
	return kv.ApplyLocked(&e.mu, e.opts.Store, f)
}

var nameForm = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)
