package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"
	_ "time/tzdata" // so that time zones do not depend on the machine

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/schedule"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound = errors.New("resource does not exist")
	ErrExists   = errors.New("resource exists already")
	ErrBadInput = errors.New("invalid parameter")
	ErrLimit    = errors.New("quota exceeded")
	// ErrPermanent marks a call that another attempt would not save.
	ErrPermanent = errors.New("the target does not take the call")
)

// DefaultGroup is there in every scope.
const DefaultGroup = "default"

// Limits of Amazon EventBridge Scheduler.
const (
	MaxGroups     = 500
	MaxInputBytes = 256 << 10
	MaxTags       = 200
)

// Group holds schedules.
type Group struct {
	ident.Scope
	Name              string
	Tags              map[string]string `json:",omitempty"`
	Created, Modified time.Time
}

// ARN returns arn:aws:scheduler:REGION:ACCOUNT:schedule-group/NAME.
func (g Group) ARN() string { return g.Scope.ARN("scheduler", "schedule-group/"+g.Name) }

// Ref names a schedule.
type Ref struct {
	ident.Scope
	Group, Name string
}

// ARN returns arn:aws:scheduler:REGION:ACCOUNT:schedule/GROUP/NAME.
func (r Ref) ARN() string { return r.Scope.ARN("scheduler", "schedule/"+r.Group+"/"+r.Name) }

// Target is what a schedule calls.
type Target struct {
	ARN, Role          string
	Input              string        `json:",omitempty"`
	Dead               string        `json:",omitempty"` // ARN of a queue
	Retries            int           // 0 to 185
	MaxAge             time.Duration // 1 minute to 24 hours
	Group              string        `json:",omitempty"` // of FIFO queues
	Source, DetailType string        `json:",omitempty"` // of events for a bus
}

// Schedule calls a target at times.
type Schedule struct {
	Ref
	Description       string `json:",omitempty"`
	Expression        string // at(…), rate(…) or cron(…)
	Zone              string `json:",omitempty"` // IANA name; "" = UTC
	Start, End        time.Time
	Disabled          bool          `json:",omitempty"`
	Window            time.Duration `json:",omitempty"` // flexible: a firing comes within it
	Delete            bool          `json:",omitempty"` // after the last firing
	Target            Target
	Token             string `json:",omitempty"` // of the client that made it
	Created, Modified time.Time
	Last              time.Time // the time of the firing that was queued last

	expr schedule.Schedule
	loc  *time.Location
}

// Call is one attempt to call a target.
type Call struct {
	ident.Scope
	Schedule    string // ARN
	Target      Target // Input is complete
	ExecutionID string // the same over all attempts
	Attempt     int    // from 1
	Scheduled   time.Time
}

// Targets calls targets. It is implemented by bridge.
type Targets interface {
	// Check reports why a target cannot be one.
	Check(ctx context.Context, s ident.Scope, t Target) error
	// Call makes one attempt. ErrPermanent in its error says that another would not do better.
	Call(ctx context.Context, c Call) error
	// Bury sends a call that failed to the target's dead-letter queue. exhausted names the limit of the retry policy, "" for none.
	Bury(ctx context.Context, c Call, exhausted string, reason error) error
}

// Options of an engine. Store and Targets are required.
type Options struct {
	Store   kv.Store
	Targets Targets
	Clock   clock.Clock
	Logger  *slog.Logger
	Random  func() float64 // in [0, 1); places firings in flexible windows; nil = a real one
}

// Engine keeps schedules. All methods are safe for concurrent use; Run is called once.
type Engine struct {
	opts Options
	log  *slog.Logger
	box  *outbox.Box
	kick chan struct{} // the first due time may have changed

	mu        sync.RWMutex // guards the fields below; changes are applied to the store under it, and waited for outside
	groups    map[Ref]Group
	schedules map[Ref]Schedule
	due       dueHeap
}

// Open reads all groups and schedules.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Random == nil {
		o.Random = random
	}
	e := &Engine{
		opts: o, log: o.Logger.With("component", "scheduler"), kick: make(chan struct{}, 1), groups: map[Ref]Group{}, schedules: map[Ref]Schedule{},
		box: outbox.New(o.Store, outbox.Options{Name: "schedules", Clock: o.Clock, Logger: o.Logger}),
	}
	for it, err := range o.Store.Scan(ctx, kv.Prefix(key.In(key.Scheduler))) {
		if err != nil {
			return nil, fmt.Errorf("read schedules: %w", err)
		}
		k := key.Read(it.Key, key.Scheduler)
		_, _, kind := k.Str(), k.Str(), k.Str()
		if kind == "group" {
			var g Group
			if err := json.Unmarshal(it.Value, &g); err != nil {
				return nil, fmt.Errorf("decode schedule group at %q: %w", it.Key, err)
			}
			e.groups[groupRef(g.Scope, g.Name)] = g
			continue
		}
		var s Schedule
		if err := json.Unmarshal(it.Value, &s); err != nil {
			return nil, fmt.Errorf("decode schedule at %q: %w", it.Key, err)
		}
		if err := s.compile(); err != nil {
			return nil, fmt.Errorf("schedule %s: %w", s.ARN(), err)
		}
		if s.rate() && s.Last.After(e.opts.Clock.Now()) {
			s.Last = e.opts.Clock.Now().UTC() // the clock was set back while the process was down
		}
		e.set(s)
	}
	return e, nil
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Scheduler).Str(s.Account).Str(s.Region).Str(kind)
}

func groupRef(s ident.Scope, name string) Ref { return Ref{Scope: s, Group: name} }

func scheduleKey(r Ref) key.Key { return under(r.Scope, "schedule").Str(r.Group).Str(r.Name) }

// change lets f look at what is in memory and add to a batch, applies that, has done change what is in memory, and waits until
// the batch is durable. f may leave the batch empty.
func (e *Engine) change(ctx context.Context, f func(b *kv.Batch) (done func(), err error)) error {
	p, err := e.apply(f)
	if err != nil || p == nil {
		return err
	}
	select {
	case e.kick <- struct{}{}:
	default:
	}
	return p.Wait(ctx)
}

func (e *Engine) apply(f func(b *kv.Batch) (done func(), err error)) (kv.Pending, error) {
	return kv.ApplyLocked(&e.mu, e.opts.Store, f)
}

var nameForm = regexp.MustCompile(`^[0-9a-zA-Z\-_.]{1,64}$`)
