package topic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv"
)

// Subscription sends a topic's messages to an endpoint.
type Subscription struct {
	Topic     Ref
	ID        string
	Owner     string // account
	Principal string `json:",omitempty"` // ARN of who asked for it; "" = not recorded
	Protocol  string // sqs, lambda, http, https, email or email-json
	Endpoint  string // ARN, URL or address
	Raw       bool   `json:",omitempty"` // the bare message instead of an envelope
	Filter    string `json:",omitempty"` // filter policy
	OnBody    bool   `json:",omitempty"` // the filter looks at the message instead of its attributes
	Dead      string `json:",omitempty"` // ARN of a queue for what cannot be delivered
	Retry     string `json:",omitempty"` // delivery policy, as SetSubscriptionAttributes gave it

	Pending       bool      `json:",omitempty"` // waits for its confirmation
	Token         string    `json:",omitempty"` // that confirms it
	Asked         time.Time // when the token was sent
	Authenticated bool      `json:",omitempty"` // can be removed by signed requests only

	pattern *eventpattern.Pattern
}

// ARN returns the topic's ARN with the id.
func (s Subscription) ARN() string { return s.Topic.ARN() + ":" + s.ID }

// Outside reports whether the endpoint is not in Tarn: it confirms its subscription, and messages reach it by Endpoints.
func (s *Subscription) Outside() bool {
	switch s.Protocol {
	case "http", "https", "email", "email-json":
		return true
	}
	return false
}

// Foreign reports whether the endpoint is a queue of another account than that of who asked for the subscription: its owner
// confirms it.
//
// Source: "Sending Amazon SNS messages to an Amazon SQS queue in a different account" in the Amazon SNS developer guide.
func (s *Subscription) Foreign() bool {
	f := strings.Split(s.Endpoint, ":")
	return s.Protocol == "sqs" && len(f) == 6 && f[4] != s.Owner
}

func (s *Subscription) compile() error {
	s.pattern = nil
	if s.Filter == "" {
		return nil
	}
	if _, err := jsonvalue.Parse(s.Filter); err != nil {
		return fmt.Errorf("%w: FilterPolicy: failed to parse JSON. %s", ErrBadParameter, unread(err))
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(s.Filter), &doc); err != nil {
		return fmt.Errorf("%w: FilterPolicy: failed to parse JSON. %w", ErrBadParameter, err)
	}
	var text bytes.Buffer // AWS reads it, and shows it where it refuses it, without spaces
	if err := json.Compact(&text, []byte(s.Filter)); err != nil {
		return fmt.Errorf("%w: FilterPolicy: failed to parse JSON. %w", ErrBadParameter, err)
	}
	p, err := eventpattern.Compile(text.Bytes())
	if err != nil {
		return fmt.Errorf("%w: FilterPolicy: %s", ErrBadParameter, strings.TrimPrefix(err.Error(), eventpattern.ErrInvalid.Error()+". Reason: "))
	}
	nested := slices.ContainsFunc(slices.Collect(maps.Values(doc)), func(v any) bool { _, ok := v.(map[string]any); return ok })
	switch {
	case !s.OnBody && nested:
		return fmt.Errorf("%w: Filter policy scope MessageAttributes does not support nested filter policy", ErrBadParameter)
	case len(doc) > MaxFilterKeys:
		return fmt.Errorf("%w: FilterPolicy: Filter policy can not have more than %d keys", ErrBadParameter, MaxFilterKeys)
	case combinations(doc, 1) > MaxCombinations:
		return fmt.Errorf("%w: FilterPolicy: Filter policy is too complex", ErrBadParameter)
	}
	s.pattern = p
	return nil
}

// unread words, as AWS does, why a text is not JSON.
func unread(err error) string {
	var e *jsonvalue.SyntaxError
	if !errors.As(err, &e) {
		return err.Error()
	}
	return fmt.Sprintf("%s\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", e.Msg, e.Line, e.Col)
}

// combinations is by what the complexity of a filter policy is measured: the product over all its lists of their lengths times
// how deep they are, with the sum over the alternatives of "$or".
//
// Source: "Filter policy constraints in Amazon SNS" in the Amazon SNS developer guide.
func combinations(v any, depth int) int {
	n := 1
	m, _ := v.(map[string]any)
	for k, e := range m {
		list, ok := e.([]any)
		if sum := 0; ok && k == "$or" {
			for _, alternative := range list {
				sum += combinations(alternative, depth)
			}
			n *= max(sum, 1)
		} else if ok {
			n *= depth * max(len(list), 1)
		} else {
			n *= combinations(e, depth+1)
		}
		if n > MaxCombinations {
			return n // before it overflows
		}
	}
	return n
}

// Subscribe adds a subscription; one with the same endpoint is returned as it is. An endpoint outside of Tarn, and a queue of
// another account, is sent a token, with which Confirm makes the subscription take effect; to one that still waits another token is sent. set gives the
// subscription its attributes; where there is one for the endpoint, it has to have them already. nil sets none.
func (e *Engine) Subscribe(ctx context.Context, s Subscription, set func(*Subscription) error) (out Subscription, err error) {
	err = e.change(ctx, func() error { out, err = e.subscribe(ctx, s, set); return err })
	return out, err
}

// subscribe is Subscribe for one change.
func (e *Engine) subscribe(ctx context.Context, s Subscription, set func(*Subscription) error) (Subscription, error) {
	_, subs, err := e.Get(s.Topic)
	if err != nil {
		return s, err
	}
	if set == nil {
		set = func(*Subscription) error { return nil }
	}
	if err := set(&s); err != nil {
		return s, err
	}
	for _, o := range subs {
		if o.Protocol == s.Protocol && o.Endpoint == s.Endpoint {
			id, owner, principal := s.ID, s.Owner, s.Principal
			s = o
			if err := set(&s); err != nil {
				return s, err
			}
			s.ID, s.Owner, s.Principal = id, owner, principal
			if o.Raw != s.Raw || o.Filter != s.Filter || o.OnBody != s.OnBody || o.Dead != s.Dead || o.Retry != s.Retry {
				return s, fmt.Errorf("%w: Attributes Reason: Subscription already exists with different attributes", ErrBadParameter)
			}
			if !o.Pending {
				return o, nil
			}
			s.ID = o.ID
		}
	}
	if s.ID == "" {
		s.ID = ident.UUID()
	}
	switch outside := s.Outside(); {
	case !outside && !s.Foreign():
		s.Authenticated = true
		return s, e.putNew(ctx, s, &kv.Batch{})
	case outside && (e.opts.Endpoints == nil || s.Topic.FIFO()):
		return s, fmt.Errorf("%w: Invalid protocol type: %s", ErrBadParameter, s.Protocol)
	case outside:
		if err := checkEndpoint(&s); err != nil {
			return s, err
		}
	}
	var b kv.Batch
	s.Pending, s.Token, s.Asked = true, ident.Hex(32), e.opts.Clock.Now().UTC()
	e.box.Put(&b, entry{Kind: Confirmation, Subscription: s, Message: Message{ID: ident.UUID()}, At: s.Asked})
	return s, e.putNew(ctx, s, &b)
}

// putNew is putSubscription for a subscription that was not there: what is wrong with its filter is wrong with its attributes.
func (e *Engine) putNew(ctx context.Context, s Subscription, b *kv.Batch) error {
	if err := s.compile(); err != nil {
		text := err.Error()
		if reason, ok := strings.CutPrefix(text, ErrBadParameter.Error()+": FilterPolicy: "); ok {
			return fmt.Errorf("%w: Attributes Reason: FilterPolicy: %s", ErrBadParameter, reason)
		}
		return err
	}
	return e.putSubscription(ctx, s, b)
}

func (e *Engine) putSubscription(ctx context.Context, s Subscription, b *kv.Batch) error {
	if err := s.compile(); err != nil {
		return err
	}
	if err := e.opts.Deliverer.Check(ctx, s.Topic, s); err != nil {
		return err
	}
	b.IfPresent(topicKey(s.Topic))
	kv.Put(b, subscriptionPrefix(s.Topic).Str(s.ID), s)
	return e.commit(b, func() { e.replace(s.Topic, s.ID, &s) })
}

// replace sets a subscription in memory, or takes it away; e.mu is held.
func (e *Engine) replace(r Ref, id string, s *Subscription) {
	t := e.topics[r]
	if t == nil {
		return
	}
	list := slices.DeleteFunc(slices.Clone(t.subs), func(o Subscription) bool { return o.ID == id })
	if s != nil {
		list = append(list, *s)
		slices.SortFunc(list, func(a, b Subscription) int { return strings.Compare(a.ID, b.ID) })
	}
	t.subs = list
}

// Subscription returns one by its topic and id.
func (e *Engine) Subscription(r Ref, id string) (Subscription, error) {
	_, subs, err := e.Get(r)
	if err == nil {
		for _, s := range subs {
			if s.ID == id {
				return s, nil
			}
		}
	}
	return Subscription{}, ErrNoSubscriber
}

// Change alters a subscription.
func (e *Engine) Change(ctx context.Context, r Ref, id string, edit func(*Subscription) error) error {
	return e.change(ctx, func() error {
		s, err := e.Subscription(r, id)
		if err != nil {
			return err
		}
		if err := edit(&s); err != nil {
			return err
		}
		return e.putSubscription(ctx, s, &kv.Batch{})
	})
}

// Confirm makes the subscription take effect whose endpoint was sent the token, or restores one that was removed. A token that
// was used before is no error. authenticate: from now on only signed requests remove the subscription.
func (e *Engine) Confirm(ctx context.Context, r Ref, token string, authenticate bool) (s Subscription, err error) {
	err = e.change(ctx, func() error { s, err = e.confirm(ctx, r, token, authenticate); return err })
	return s, err
}

// confirm is Confirm for one change.
func (e *Engine) confirm(ctx context.Context, r Ref, token string, authenticate bool) (Subscription, error) {
	_, subs, err := e.Get(r)
	if err != nil {
		return Subscription{}, err
	}
	i := slices.IndexFunc(subs, func(s Subscription) bool { return s.Token == token && token != "" })
	var b kv.Batch
	var s Subscription
	if i >= 0 {
		s = subs[i]
	} else {
		k := of("u", r).Str(token)
		if s, err = kv.Load[Subscription](ctx, e.opts.Store, k); err != nil {
			if errors.Is(err, kv.ErrNotFound) {
				err = fmt.Errorf("%w: Token", ErrBadParameter)
			}
			return s, err
		}
		b.Delete(k)
		s.Pending, s.Token = true, token
	}
	if !s.Pending {
		return s, nil
	}
	if e.expired(&s) {
		return s, fmt.Errorf("%w: Token: it was sent more than two days ago: subscribe again", ErrBadParameter)
	}
	s.Pending, s.Authenticated = false, authenticate
	return s, e.putSubscription(ctx, s, &b)
}

func (e *Engine) expired(s *Subscription) bool {
	return s.Pending && e.opts.Clock.Now().Sub(s.Asked) > TokenLife
}

// Unsubscribe removes a subscription. One that is gone is no error. An endpoint outside of Tarn is told, with a token that
// restores the subscription.
func (e *Engine) Unsubscribe(ctx context.Context, r Ref, id string) error {
	return e.change(ctx, func() error {
		var b kv.Batch
		b.Delete(subscriptionPrefix(r).Str(id))
		if s, err := e.Subscription(r, id); err == nil && s.Outside() && !s.Pending {
			s.Token, s.Asked = ident.Hex(32), e.opts.Clock.Now().UTC()
			kv.Put(&b, of("u", r).Str(s.Token), s)
			e.box.Put(&b, entry{Kind: Removal, Subscription: s, Message: Message{ID: ident.UUID()}, At: s.Asked})
		}
		return e.commit(&b, func() { e.replace(r, id, nil) })
	})
}

// Subscriptions returns those of all the topics of a scope, in the order of their ARNs, after the ARN given.
func (e *Engine) Subscriptions(scope ident.Scope, after string, limit int) (list []Subscription, next string) {
	e.mu.RLock()
	for r, t := range e.topics {
		for _, s := range t.subs {
			if r.Scope == scope && s.ARN() > after {
				list = append(list, s)
			}
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b Subscription) int { return strings.Compare(a.ARN(), b.ARN()) })
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ARN()
	}
	return list, next
}
