package topic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/outbox"
)

// ErrPermanent marks a delivery that another attempt would not save.
var ErrPermanent = errors.New("the endpoint refuses the message")

// Kind is what an endpoint outside of Tarn is told.
type Kind string

// The kinds, as they are called on the wire.
const (
	Notification Kind = "Notification"
	Confirmation Kind = "SubscriptionConfirmation"
	Removal      Kind = "UnsubscribeConfirmation"
)

// Notice is a message for an endpoint outside of Tarn.
type Notice struct {
	Delivery
	Kind  Kind
	Topic Topic
	Entry string // the same over all attempts
}

// Endpoints reaches endpoints outside of Tarn. It is implemented by snsapi.
type Endpoints interface {
	// Send makes one attempt. ErrPermanent in its error says that another would not do better.
	Send(ctx context.Context, n Notice) error
}

// entry is a notice in the outbox.
type entry struct {
	Kind         Kind
	Subscription Subscription
	Message      Message
	At           time.Time
}

// lane keeps the deliveries to one endpoint together, so that one that hangs does not hold up the others.
func lane(body json.RawMessage) string {
	var n struct{ Subscription struct{ Endpoint string } }
	if json.Unmarshal(body, &n) != nil {
		return ""
	}
	return n.Subscription.Endpoint
}

func checkEndpoint(s *Subscription) error {
	if strings.HasPrefix(s.Protocol, "email") {
		if a, err := mail.ParseAddress(s.Endpoint); err != nil || a.Address != s.Endpoint {
			return fmt.Errorf("%w: Email address", ErrBadParameter)
		}
		return nil
	}
	if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != s.Protocol || u.Host == "" {
		return fmt.Errorf("%w: Endpoint must match the specified protocol", ErrBadParameter)
	}
	return nil
}

// Run delivers to endpoints outside of Tarn, and removes subscriptions that nobody confirmed, until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if err := e.removeExpired(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("remove subscriptions that were not confirmed", "err", err)
			}
			if clock.Sleep(ctx, e.opts.Clock, time.Hour) != nil {
				return
			}
		}
	}()
	e.box.Run(ctx, e.notify)
	<-done
}

func (e *Engine) notify(ctx context.Context, x outbox.Entry, b *kv.Batch) error {
	var n entry
	if err := json.Unmarshal(x.Body, &n); err != nil {
		e.log.Error("drop a malformed notice", "id", x.ID, "err", err)
		return nil
	}
	top, _, err := e.Get(n.Subscription.Topic)
	if err != nil {
		return nil // the topic was deleted, and its subscriptions with it
	}
	if n.Kind != Removal {
		s, err := e.Subscription(n.Subscription.Topic, n.Subscription.ID)
		if err != nil || n.Kind == Confirmation && s.Token != n.Subscription.Token {
			return nil // not wanted any more
		}
		n.Subscription = s
	}
	d := Delivery{Subscription: n.Subscription, Message: n.Message, At: n.At, Signature: top.Attributes["SignatureVersion"]}
	notice := Notice{Delivery: d, Kind: n.Kind, Topic: top, Entry: x.ID}
	if n.Subscription.Outside() {
		if err := e.awaitTurn(ctx, &notice); err != nil {
			return err // stays as it is
		}
		err = e.opts.Endpoints.Send(ctx, notice)
	} else {
		err = e.opts.Deliverer.Confirm(ctx, b, notice)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if wait, again := retryOf(&top, &n.Subscription).Delay(x.Attempt); again && !errors.Is(err, ErrPermanent) {
		return &outbox.Later{After: wait, Err: err}
	}
	log := e.log.With("subscription", n.Subscription.ARN(), "message", n.Message.ID, "err", err)
	if n.Kind != Notification || n.Subscription.Dead == "" {
		log.Warn("give up a message that its endpoint does not take")
		return nil
	}
	log.Warn("a message goes to the dead-letter queue of its subscription")
	if dead := e.opts.Deliverer.Bury(ctx, b, d, err); dead != nil && ctx.Err() == nil {
		b.Reset()
		log.Warn("drop a message that neither its endpoint nor its dead-letter queue takes", "reason", dead)
	}
	return ctx.Err()
}

// removeExpired removes subscriptions whose token was not used in time, and tokens that would restore others.
func (e *Engine) removeExpired(ctx context.Context) error {
	return e.change(ctx, func() error { return e.dropExpired(ctx) })
}

// dropExpired is removeExpired for one change.
func (e *Engine) dropExpired(ctx context.Context) error {
	var old []Subscription
	e.mu.RLock()
	for _, t := range e.topics {
		for _, s := range t.subs {
			if e.expired(&s) {
				old = append(old, s)
			}
		}
	}
	e.mu.RUnlock()
	var b kv.Batch
	for _, s := range old {
		b.Delete(subscriptionPrefix(s.Topic).Str(s.ID))
	}
	for it, err := range e.opts.Store.Scan(ctx, kv.Prefix(removedPrefix())) {
		if err != nil {
			return err
		}
		var s Subscription
		if err := json.Unmarshal(it.Value, &s); err != nil {
			return fmt.Errorf("decode subscription at %q: %w", it.Key, err)
		}
		if e.opts.Clock.Now().Sub(s.Asked) > TokenLife {
			b.Delete(append([]byte(nil), it.Key...))
		}
	}
	if b.Empty() {
		return nil
	}
	return e.commit(&b, func() {
		for _, s := range old {
			e.replace(s.Topic, s.ID, nil)
		}
	})
}

// awaitTurn waits until a notice may be posted. The few posts of one endpoint that are under way at a time wait here, the others in
// the outbox, so that nothing else is held up.
//
// Source: "Creating an HTTP/S delivery policy" in the Amazon SNS developer guide: maxReceivesPerSecond counts for a subscription.
func (e *Engine) awaitTurn(ctx context.Context, n *Notice) error {
	if n.Kind != Notification || n.Subscription.Protocol != "http" && n.Subscription.Protocol != "https" {
		return nil
	}
	perSecond := EffectivePolicy(&n.Topic, &n.Subscription).PerSecond
	if perSecond == 0 {
		return nil
	}
	return e.pace.Await(ctx, e.opts.Clock, n.Subscription.ARN(), perSecond)
}
