package topic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
)

// Size returns the bytes of a message that count against the limit.
func (m *Message) Size() int {
	n := len(m.Body)
	for _, a := range m.Attributes {
		n += len(a.Name) + len(a.Type) + len(a.Value)
	}
	return n
}

// Published is what a publisher learns of its message.
type Published struct {
	ID        string
	Sequence  string // of a FIFO topic
	Duplicate bool   // it was published before: ID and Sequence are those of then
}

// Publish takes messages and sends each to the subscriptions that want it, in one batch. The deliveries are durable when it
// returns. Where one is refused, which has its error in errs, none is published.
func (e *Engine) Publish(ctx context.Context, r Ref, list []Message) (out []Published, errs []error, err error) {
	var b kv.Batch
	if r.FIFO() {
		return e.publishFIFO(ctx, &b, r, list)
	}
	out, deliveries, errs, err := e.prepare(&b, r, list)
	if err != nil {
		return nil, nil, err
	}
	if errors.Join(errs...) != nil {
		return out, errs, nil
	}
	p, err := e.opts.Deliverer.Apply(ctx, &b, deliveries)
	if err != nil || p == nil {
		return out, errs, err
	}
	return out, errs, p.Wait(ctx)
}

// Enqueue publishes a message as a part of the caller's batch. FIFO topics take none: their order is that of their own batches.
func (e *Engine) Enqueue(ctx context.Context, b *kv.Batch, r Ref, m Message) error {
	if r.FIFO() {
		return fmt.Errorf("%w: %s is a FIFO topic: services publish to standard topics only", ErrBadParameter, r.ARN())
	}
	_, deliveries, errs, err := e.prepare(b, r, []Message{m})
	if err != nil {
		return err
	}
	if errs[0] != nil {
		return errs[0]
	}
	return e.opts.Deliverer.Add(ctx, b, deliveries)
}

// prepare checks messages and returns their deliveries in Tarn; those to endpoints outside are put into b.
func (e *Engine) prepare(b *kv.Batch, r Ref, list []Message) (out []Published, deliveries []Delivery, errs []error, err error) {
	top, subs, err := e.Get(r)
	if err != nil {
		return nil, nil, nil, err
	}
	out, errs = make([]Published, len(list)), make([]error, len(list))
	if refused(list, &top, errs) {
		return out, nil, errs, nil
	}
	now := e.opts.Clock.Now().UTC()
	for i, m := range list {
		m.ID = ident.UUID()
		out[i].ID = m.ID
		deliveries = e.fanOut(b, deliveries, &top, subs, m, now)
	}
	return out, deliveries, errs, nil
}

// billed is how many bytes AWS bills as one publish.
const billed = 64 << 10

func (e *Engine) fanOut(b *kv.Batch, out []Delivery, t *Topic, subs []Subscription, m Message, now time.Time) []Delivery {
	e.tails.Send(t.Ref, m)
	if e.opts.Meter != nil {
		units := (m.Size() + billed - 1) / billed
		e.opts.Meter.Add(b, now, t.Scope, meter.SNSPublishes, t.ARN(), float64(max(units, 1)))
	}
	memo := &Memo{}
	for i := range subs {
		s := &subs[i]
		switch {
		case s.Pending || !s.wants(&m):
		case s.Outside():
			e.box.Put(b, entry{Kind: Notification, Subscription: *s, Message: m, At: now})
		default:
			out = append(out, Delivery{Subscription: *s, Message: m, At: now, Signature: t.Attributes["SignatureVersion"], Memo: memo})
		}
	}
	return out
}

// refused checks messages and reports whether any is refused.
func refused(list []Message, t *Topic, errs []error) (any bool) {
	for i := range list {
		errs[i] = check(&list[i], t)
		any = any || errs[i] != nil
	}
	return any
}

func check(m *Message, t *Topic) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadParameter, fmt.Sprintf(format, args...))
	}
	switch {
	case m.Body == "":
		return fail("Empty message")
	case m.Size() > MaxMessageBytes:
		return ErrTooLong
	case !utf8.ValidString(m.Body):
		return fail("Message must be UTF-8")
	case len(m.Subject) > 100 || strings.ContainsAny(m.Subject, "\n\r"):
		return fail("Subject")
	}
	for _, a := range m.Attributes {
		if err := a.check(); err != nil {
			return err
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

// check reports what is wrong with an attribute.
func (a *Attribute) check() error {
	fail := func(format string, args ...any) error { return &badAttribute{fmt.Sprintf(format, args...)} }
	base, label, labelled := strings.Cut(a.Type, ".")
	other := strings.IndexFunc(a.Name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	})
	switch {
	case a.Name == "":
		return fail("The message attribute name must not be empty.")
	case len(a.Name) > 256:
		return fail("Length of message attribute name must be less than 256 bytes.")
	case other >= 0:
		r, _ := utf8.DecodeRuneInString(a.Name[other:])
		return fail("Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", r)
	case strings.HasPrefix(a.Name, "."):
		return fail("Invalid message attribute name starting with character '.' was found.")
	case strings.HasSuffix(a.Name, "."):
		return fail("Invalid message attribute name ending with character '.' was found.")
	case strings.Contains(a.Name, ".."):
		return fail("Message attribute name can not have successive '.' character.")
	case base != "String" && base != "Number" && base != "Binary", labelled && label == "":
		return fail("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", a.Name)
	case len(a.Value) == 0:
		return fail("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", a.Name, a.Type)
	}
	return nil
}

// badAttribute is an ErrBadAttribute with its whole text.
type badAttribute struct{ text string }

func (e *badAttribute) Error() string { return e.text }

func (e *badAttribute) Unwrap() error { return ErrBadAttribute }

// wants reports whether the subscription's filter policy lets a message through.
func (s *Subscription) wants(m *Message) bool {
	if s.pattern == nil {
		return s.Filter == ""
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
