// Package topic keeps topics and their subscriptions, and turns a published message into one delivery a subscription that
// wants it. Deliveries to queues are messages in the batch of the publish; deliveries to functions, and to endpoints outside of
// Tarn, wait in outboxes of the same batch: what was acknowledged reaches every subscription, and a queue gets it once.
//
// Invariants:
//
//	T1  A publish is acknowledged when all its deliveries are durable.
//	T2  A subscription gets a message if its filter policy matches when the message is published.
//	T3  A FIFO topic delivers in the order of its sequence numbers and takes a message once within five minutes, across restarts.
//	T4  An endpoint outside of Tarn gets messages only after it has shown, by the token sent to it, that it wants them.
//	T5  A delivery to such an endpoint is tried again by its policy, and then goes to the subscription's dead-letter queue in the
//	    batch that gives it up.
//
// Keys, in the space Topic:
//
//	("t", account, region, name)                   → Topic
//	("s", account, region, topic, id)              → Subscription
//	("u", account, region, topic, token)           → Subscription that was removed and can be restored
//	("n", account, region, topic)                  → number of the last message of a FIFO topic
//	("d", account, region, topic, time, hash)      → what a FIFO topic took within the last minutes
package topic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/pace"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/tail"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound     = errors.New("topic does not exist")
	ErrNoSubscriber = errors.New("subscription does not exist")
	ErrBadParameter = errors.New("invalid parameter")
	ErrExists       = errors.New("invalid parameter: Attributes Reason: Topic already exists with different attributes")
	ErrTooLong      = errors.New("invalid parameter: Message too long")
	// ErrBadAttribute reports an attribute of a message that subscribers could not be given.
	ErrBadAttribute = errors.New("the message attribute is invalid")
	// ErrOtherTags reports that a topic exists with other tags.
	ErrOtherTags = errors.New("invalid parameter: Tags Reason: Topic already exists with different tags")
)

// Limits of Amazon SNS.
const (
	MaxMessageBytes = 256 << 10
	MaxBatch        = 10
	MaxFilterKeys   = 5
	MaxCombinations = 150            // of the values of a filter policy
	TokenLife       = 48 * time.Hour // of confirmations
)

// Ref names a topic.
type Ref struct {
	ident.Scope
	Name string
}

// ARN returns arn:aws:sns:REGION:ACCOUNT:NAME.
func (r Ref) ARN() string { return r.Scope.ARN("sns", r.Name) }

// FIFO reports whether the topic keeps order.
func (r Ref) FIFO() bool { return strings.HasSuffix(r.Name, ".fifo") }

// ParseARN reads the ARN of a topic or of a subscription; id is "" for a topic.
func ParseARN(arn string) (r Ref, id string, ok bool) {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "sns" || a.Region == "" || a.Account == "" {
		return Ref{}, "", false
	}
	name, id, _ := strings.Cut(a.Resource, ":")
	return Ref{Scope: a.Scope(), Name: name}, id, true
}

// Topic is a topic's definition.
type Topic struct {
	Ref
	Attributes map[string]string `json:",omitempty"` // as SetTopicAttributes gave them
	Tags       map[string]string `json:",omitempty"`
	Created    time.Time
}

// Attribute is a message's attribute.
type Attribute struct {
	Name, Type string // String, String.Array, Number or Binary
	Value      []byte
}

// Message is a message to publish.
type Message struct {
	ID         string // set by Publish
	Subject    string
	Body       string
	PerTarget  map[string]string // MessageStructure=json: texts by protocol, with "default"
	Attributes []Attribute
	Group      string
	DedupID    string
	Sequence   string `json:",omitempty"` // of a FIFO topic, set by Publish
	Trace      string `json:",omitempty"` // the trace header of the request
}

// Text returns what subscribers of a protocol get.
func (m *Message) Text(protocol string) string {
	if s, ok := m.PerTarget[protocol]; ok {
		return s
	}
	if s, ok := m.PerTarget["default"]; ok {
		return s
	}
	return m.Body
}

// Delivery is a message on its way to a subscription.
type Delivery struct {
	Subscription Subscription
	Message      Message
	At           time.Time
	Signature    string // the topic's attribute SignatureVersion; "" = not set
	Memo         *Memo  // shared by the deliveries of a message; nil = nothing is shared
}

// Deliverer carries messages to endpoints in Tarn. It is implemented by bridge.
type Deliverer interface {
	// Check reports why an endpoint cannot be subscribed.
	Check(ctx context.Context, t Ref, s Subscription) error
	// Add adds the deliveries to b, which the caller commits.
	Add(ctx context.Context, b *kv.Batch, list []Delivery) error
	// Apply adds the deliveries to b and applies it. The caller waits for the result; nil is durable already.
	Apply(ctx context.Context, b *kv.Batch, list []Delivery) (kv.Pending, error)
	// Bury adds a message that could not be delivered to b, for the subscription's dead-letter queue.
	Bury(ctx context.Context, b *kv.Batch, d Delivery, reason error) error
	// Confirm adds to b the message that asks a queue of another account to confirm its subscription. ErrPermanent in its error
	// says that another attempt would not do better.
	Confirm(ctx context.Context, b *kv.Batch, n Notice) error
}

// Options of an engine. Store and Deliverer are required.
type Options struct {
	Store     kv.Store
	Deliverer Deliverer
	Endpoints Endpoints    // outside of Tarn; nil: none can be subscribed
	Meter     *meter.Meter // nil: publishes are not counted
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Engine keeps topics. All methods are safe for concurrent use; Run is called once.
type Engine struct {
	opts   Options
	steady clock.Clock // of deduplication
	log    *slog.Logger
	box    *outbox.Box // notices for endpoints outside of Tarn

	tails tail.Hub[Ref, Message]
	pace  pace.Pacer // by the subscription's ARN

	changes sync.Mutex // serialises changes of topics and subscriptions; held until they are applied, not until they are durable
	applied kv.Pending // the newest change; changes is held

	mu     sync.RWMutex // guards topics and what they hold
	topics map[Ref]*state
}

// state is a topic in memory. Its fields are replaced, never changed in place.
type state struct {
	topic  Topic
	policy *policy.Document
	subs   []Subscription // in the order of their ids

	fifo fifo
}

// Open reads all topics.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{
		opts: o, steady: clock.Steady(o.Clock), log: o.Logger.With("component", "topic"), topics: map[Ref]*state{},
		box: outbox.New(o.Store, outbox.Options{Name: "topics", Clock: o.Clock, Logger: o.Logger, Workers: 64, Lane: lane, LaneWorkers: 8}),
	}
	topics, _, err := kv.LoadAll[Topic](ctx, o.Store, kv.Prefix(key.In(key.Topic).Str("t")), 0)
	if err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	for _, t := range topics {
		s := &state{topic: t}
		if s.policy, err = parsePolicy(t); err != nil {
			return nil, err
		}
		e.topics[t.Ref] = s
	}
	subs, _, err := kv.LoadAll[Subscription](ctx, o.Store, kv.Prefix(key.In(key.Topic).Str("s")), 0)
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	for _, s := range subs {
		if err := s.compile(); err != nil { // an older version took it
			e.log.Error("a subscription gets no messages until its filter policy is set again", "subscription", s.ARN(), "err", err)
		}
		if t := e.topics[s.Topic]; t != nil {
			t.subs = append(t.subs, s)
		}
	}
	return e, nil
}

func topicKey(r Ref) key.Key {
	return key.In(key.Topic).Str("t").Str(r.Account).Str(r.Region).Str(r.Name)
}

// of returns the prefix of the keys of one kind that belong to a topic.
func of(kind string, r Ref) key.Key {
	return key.In(key.Topic).Str(kind).Str(r.Account).Str(r.Region).Str(r.Name)
}

func subscriptionPrefix(r Ref) key.Key { return of("s", r) }

func parsePolicy(t Topic) (*policy.Document, error) {
	text := t.Attributes["Policy"]
	if text == "" {
		// The policy that AWS gives to new topics: the owner's principals may do everything.
		return nil, nil
	}
	return policy.Parse(policy.Resource, text)
}

func (e *Engine) find(r Ref) (*state, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s := e.topics[r]
	if s == nil {
		return nil, ErrNotFound
	}
	return s, nil
}

// Get returns a topic and its subscriptions, which must not be changed.
func (e *Engine) Get(r Ref) (Topic, []Subscription, error) {
	s, err := e.find(r)
	if err != nil {
		return Topic{}, nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return s.topic, s.subs, nil
}

// Policy returns the parsed policy of a topic; nil where it has none.
func (e *Engine) Policy(r Ref) (*policy.Document, error) {
	s, err := e.find(r)
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return s.policy, nil
}

// Permits reports whether the topic lets a service publish on behalf of a resource.
func (e *Engine) Permits(r Ref, service, sourceARN, sourceAccount string) bool {
	doc, err := e.Policy(r)
	if err != nil || doc == nil {
		return false
	}
	q := &policy.Request{Principal: policy.ForService(service, sourceAccount), Action: "sns:Publish", Resource: r.ARN(), Account: r.Account, ResourcePolicy: doc, Keys: policy.Keys{}}
	q.Keys.Set("aws:SourceArn", sourceARN)
	q.Keys.Set("aws:SourceAccount", sourceAccount)
	return policy.Evaluate(q).Allowed
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,256}$`)

// change runs f, which changes topics and subscriptions, without any other change between, and waits, with others let in, until
// all that f may have seen is durable.
func (e *Engine) change(ctx context.Context, f func() error) error {
	e.changes.Lock()
	err := f()
	p := e.applied
	e.changes.Unlock()
	if err != nil || p == nil {
		return err
	}
	return p.Wait(ctx)
}

// commit applies b and changes what is in memory, as one step; changes is held, and change waits.
func (e *Engine) commit(b *kv.Batch, done func()) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.opts.Store.Apply(context.Background(), b) // it does not wait for the disk
	if err != nil {
		return err
	}
	e.applied = p
	done()
	return nil
}

// Create makes a topic; one that exists with the same attributes is returned.
func (e *Engine) Create(ctx context.Context, r Ref, attrs, tags map[string]string) (Topic, error) {
	fifo := attrs["FifoTopic"] == "true"
	if base := strings.TrimSuffix(r.Name, ".fifo"); len(r.Name) > 256 || !nameForm.MatchString(base) || fifo != r.FIFO() {
		return Topic{}, fmt.Errorf("%w: Topic Name", ErrBadParameter)
	}
	t := Topic{Ref: r, Attributes: attrs, Tags: tags, Created: e.opts.Clock.Now().UTC()}
	err := e.change(ctx, func() error {
		have, _, err := e.Get(r)
		if err != nil {
			return e.put(t)
		}
		for k, v := range attrs {
			if have.Attributes[k] != v {
				return ErrExists
			}
		}
		for k, v := range tags {
			if old, ok := have.Tags[k]; !ok || old != v {
				return ErrOtherTags
			}
		}
		t = have
		return nil
	})
	if err != nil {
		return Topic{}, err
	}
	return t, nil
}

func (e *Engine) put(t Topic) error {
	doc, err := parsePolicy(t)
	if err != nil {
		return fmt.Errorf("%w: Policy: %w", ErrBadParameter, err)
	}
	var b kv.Batch
	kv.Put(&b, topicKey(t.Ref), t)
	return e.commit(&b, func() {
		s := e.topics[t.Ref]
		if s == nil {
			s = &state{}
			e.topics[t.Ref] = s
		}
		s.topic, s.policy = t, doc
	})
}

// Update changes a topic's attributes and tags.
func (e *Engine) Update(ctx context.Context, r Ref, edit func(attrs, tags map[string]string) error) error {
	return e.change(ctx, func() error {
		t, _, err := e.Get(r)
		if err != nil {
			return err
		}
		attrs, tags := maps.Clone(t.Attributes), maps.Clone(t.Tags)
		if attrs == nil {
			attrs = map[string]string{}
		}
		if tags == nil {
			tags = map[string]string{}
		}
		if err := edit(attrs, tags); err != nil {
			return err
		}
		t.Attributes, t.Tags = attrs, tags
		return e.put(t)
	})
}

// Delete removes a topic with its subscriptions. One that is gone is no error.
func (e *Engine) Delete(ctx context.Context, r Ref) error {
	var b kv.Batch
	b.Delete(topicKey(r))
	for _, kind := range []string{"s", "u", "n", "d"} {
		b.DeleteRange(of(kind, r), of(kind, r).End())
	}
	return e.change(ctx, func() error { return e.commit(&b, func() { delete(e.topics, r) }) })
}

// List returns the topics of a scope in the order of their names, after the name given.
func (e *Engine) List(scope ident.Scope, after string, limit int) (list []Ref, next string) {
	e.mu.RLock()
	for r := range e.topics {
		if r.Scope == scope && r.Name > after {
			list = append(list, r)
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b Ref) int { return strings.Compare(a.Name, b.Name) })
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Name
	}
	return list, next
}
