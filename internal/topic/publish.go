package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Size returns the bytes of a message that count against the limit.
func (m *Message) Size() int {
	n := len(m.Body)
	for _, a := range m.Attributes {
		n += len(a.Name) + len(a.Type) + len(a.Value)
	}
	return n
}

// Publish takes messages and sends each to the subscriptions that want it, in one batch. The deliveries are durable when it
// returns. A message that is refused has its error in errs; the others are published.
func (e *Engine) Publish(ctx context.Context, r Ref, list []Message) (ids []string, errs []error, err error) {
	return e.publish(ctx, &kv.Batch{}, r, list, true)
}

// Enqueue publishes a message as a part of the caller's batch.
func (e *Engine) Enqueue(ctx context.Context, b *kv.Batch, r Ref, m Message) error {
	_, errs, err := e.publish(ctx, b, r, []Message{m}, false)
	if err != nil {
		return err
	}
	return errs[0]
}

func (e *Engine) publish(ctx context.Context, b *kv.Batch, r Ref, list []Message, commit bool) (ids []string, errs []error, err error) {
	t, err := e.find(r)
	if err != nil {
		return nil, nil, err
	}
	if r.FIFO() {
		t.order.Lock() // so that all queues get messages in one order
		defer t.order.Unlock()
	}
	top, subs, err := e.Get(r)
	if err != nil {
		return nil, nil, err
	}
	ids, errs = make([]string, len(list)), make([]error, len(list))
	now := e.opts.Clock.Now().UTC()
	var out []Delivery
	for i, m := range list {
		if errs[i] = check(&m, &top); errs[i] != nil {
			continue
		}
		m.ID = ident.UUID()
		ids[i] = m.ID
		for _, s := range subs {
			if s.wants(&m) {
				out = append(out, Delivery{Subscription: s, Message: m, At: now})
			}
		}
	}
	return ids, errs, e.opts.Deliverer.Deliver(ctx, b, out, commit)
}

func check(m *Message, t *Topic) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadParameter, fmt.Sprintf(format, args...))
	}
	switch {
	case m.Body == "":
		return fail("Empty message")
	case m.Size() > MaxMessageBytes:
		return fmt.Errorf("%w: %d bytes: want at most %d", ErrTooLong, m.Size(), MaxMessageBytes)
	case !utf8.ValidString(m.Body):
		return fail("Message must be UTF-8")
	case len(m.Subject) > 100 || strings.ContainsAny(m.Subject, "\n\r"):
		return fail("Subject: want at most 100 characters and one line")
	}
	for _, a := range m.Attributes {
		base, _, _ := strings.Cut(a.Type, ".")
		if a.Name == "" || len(a.Name) > 256 || base != "String" && base != "Number" && base != "Binary" || len(a.Value) == 0 {
			return fail("The message attribute '%s' has an invalid type or an empty value: the supported types are Binary, Number, String and String.Array", a.Name)
		}
	}
	if !t.FIFO() {
		if m.DedupID != "" {
			return fail("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
		}
		return nil
	}
	if m.Group == "" {
		return fail("The MessageGroupId parameter is required for FIFO topics")
	}
	if m.DedupID == "" && t.Attributes["ContentBasedDeduplication"] != "true" {
		return fail("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// wants reports whether the subscription's filter policy lets a message through.
func (s *Subscription) wants(m *Message) bool {
	if s.pattern == nil {
		return true
	}
	if s.OnBody {
		doc, err := eventpattern.Decode([]byte(m.Body))
		if err != nil {
			return false
		}
		_, ok := doc.(map[string]any)
		return ok && s.pattern.Match(doc)
	}
	doc := map[string]any{}
	for _, a := range m.Attributes {
		switch {
		case a.Type == "String.Array":
			if v, err := eventpattern.Decode(a.Value); err == nil {
				doc[a.Name] = v
			}
		case strings.HasPrefix(a.Type, "Number"):
			doc[a.Name] = json.Number(strings.TrimSpace(string(a.Value)))
		case strings.HasPrefix(a.Type, "String"):
			doc[a.Name] = string(a.Value)
		}
	}
	return s.pattern.Match(doc)
}
