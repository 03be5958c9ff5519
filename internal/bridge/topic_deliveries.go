package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/snsapi"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// TopicDeliveries carries messages of topics to queues and functions.
type TopicDeliveries struct {
	Queues    *queue.Engine
	Functions *function.Service
	Notes     *snsapi.Notes
	Logger    *slog.Logger
}

var _ topic.Deliverer = TopicDeliveries{}

// Check implements topic.Deliverer.
func (d TopicDeliveries) Check(_ context.Context, t topic.Ref, s topic.Subscription) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: Endpoint Reason: %s", topic.ErrBadParameter, fmt.Sprintf(format, args...))
	}
	if s.Dead != "" {
		if r, ok := queue.ParseARN(s.Dead); !ok {
			return fmt.Errorf("%w: RedrivePolicy: deadLetterTargetArn is an invalid arn", topic.ErrBadParameter)
		} else if fifo := strings.HasSuffix(r.Name, ".fifo"); t.FIFO() && strings.HasSuffix(s.Endpoint, ".fifo") && !fifo {
			return fmt.Errorf("%w: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.", topic.ErrBadParameter)
		} else if fifo && !t.FIFO() {
			return fmt.Errorf("%w: RedrivePolicy: deadLetterTargetArn %s: a standard topic takes standard queues", topic.ErrBadParameter, s.Dead)
		}
	}
	switch s.Protocol {
	case "sqs":
		r, ok := queue.ParseARN(s.Endpoint)
		if !ok {
			return fmt.Errorf("%w: SQS endpoint ARN", topic.ErrBadParameter)
		}
		if strings.HasSuffix(r.Name, ".fifo") && !t.FIFO() {
			return fmt.Errorf("%w: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics", topic.ErrBadParameter)
		}
		return nil
	case "lambda":
		if t.FIFO() {
			return fail("a FIFO topic delivers to queues only: %s", s.Endpoint)
		}
		if _, err := function.ParseRef(t.Scope, s.Endpoint, ""); err != nil || !strings.HasPrefix(s.Endpoint, "arn:") {
			return fail("Lambda endpoint ARN: %s", s.Endpoint)
		}
		return nil
	}
	if s.Outside() {
		return nil
	}
	if !slices.Contains([]string{"sms", "application", "firehose"}, s.Protocol) {
		return fmt.Errorf("%w: Amazon SNS does not support this protocol string: %s", topic.ErrBadParameter, s.Protocol)
	}
	return fmt.Errorf("%w: Protocol Reason: Tarn does not deliver by %s: want sqs, lambda, http, https, email or email-json", topic.ErrBadParameter, s.Protocol)
}

// Add implements topic.Deliverer. What an endpoint does not admit goes to the subscription's dead-letter queue.
func (d TopicDeliveries) Add(ctx context.Context, b *kv.Batch, list []topic.Delivery) error {
	messages, err := d.gather(ctx, b, list)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := d.Queues.Enqueue(b, m); err != nil {
			d.Logger.Warn("a queue refused a message", "queue", m.Queue.ARN(), "err", err)
		}
	}
	return nil
}

// Apply implements topic.Deliverer.
func (d TopicDeliveries) Apply(ctx context.Context, b *kv.Batch, list []topic.Delivery) (kv.Pending, error) {
	messages, err := d.gather(ctx, b, list)
	if err != nil {
		return nil, err
	}
	_, errs, p, err := d.Queues.ApplyAll(ctx, b, messages)
	for i, err := range errs {
		if err != nil {
			d.Logger.Warn("a queue refused a message", "queue", messages[i].Queue.ARN(), "err", err)
		}
	}
	return p, err
}

// gather returns the messages for queues and adds the invocations of functions to b.
func (d TopicDeliveries) gather(ctx context.Context, b *kv.Batch, list []topic.Delivery) (messages []queue.Incoming, err error) {
	for i := range list {
		x := &list[i]
		refused := d.deliver(ctx, b, x, &messages)
		if refused == nil {
			continue
		}
		log := d.Logger.With("subscription", x.Subscription.ARN(), "message", x.Message.ID, "err", refused)
		dead, ok, err := d.dead(ctx, x)
		if err != nil {
			return nil, err
		}
		if !ok {
			log.Warn("drop a message that its subscriber does not take")
			continue
		}
		log.Warn("a message goes to the dead-letter queue of its subscription")
		messages = append(messages, dead)
	}
	return messages, nil
}

// Bury implements topic.Deliverer.
func (d TopicDeliveries) Bury(ctx context.Context, b *kv.Batch, x topic.Delivery, _ error) error {
	m, ok, err := d.dead(ctx, &x)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("dead-letter queue %s does not admit %s", x.Subscription.Dead, x.Subscription.Topic.ARN())
	}
	return d.Queues.Enqueue(b, m)
}

// Confirm implements topic.Deliverer.
func (d TopicDeliveries) Confirm(ctx context.Context, b *kv.Batch, n topic.Notice) error {
	r, _ := queue.ParseARN(n.Subscription.Endpoint)
	if err := d.admits(r, &n.Delivery); err != nil {
		return fmt.Errorf("%w: %w", topic.ErrPermanent, err)
	}
	doc, err := d.Notes.Handshake(ctx, &n)
	if err != nil {
		return err
	}
	body, err := snsapi.Marshal(doc)
	if err != nil {
		panic("BUG: encode confirmation: " + err.Error())
	}
	m := queue.Message{Body: string(body), Sender: n.Subscription.Topic.Account}
	if strings.HasSuffix(r.Name, ".fifo") {
		m.Group, m.DedupID = "SubscriptionConfirmation", n.Subscription.Token
	}
	return d.Queues.Enqueue(b, queue.Incoming{Queue: r, Message: m})
}

// dead is a message as a dead-letter queue gets it, which says nothing of the reason; ok is false where there is no queue that
// takes it.
func (d TopicDeliveries) dead(ctx context.Context, x *topic.Delivery) (m queue.Incoming, ok bool, err error) {
	r, ok := queue.ParseARN(x.Subscription.Dead)
	if !ok || d.admits(r, x) != nil {
		return m, false, nil
	}
	m, err = d.queueMessage(ctx, r, x)
	return m, err == nil, err
}

func (d TopicDeliveries) deliver(ctx context.Context, b *kv.Batch, x *topic.Delivery, messages *[]queue.Incoming) error {
	s := &x.Subscription
	if s.Protocol == "sqs" {
		r, _ := queue.ParseARN(s.Endpoint)
		if err := d.admits(r, x); err != nil {
			return err
		}
		m, err := d.queueMessage(ctx, r, x)
		if err == nil {
			err = d.Queues.Check(m) // it may be too large for the queue
		}
		if err != nil {
			return err
		}
		*messages = append(*messages, m)
		return nil
	}
	ref, err := function.ParseRef(s.Topic.Scope, s.Endpoint, "")
	if err != nil {
		return err
	}
	ok, err := d.Functions.Permits(ctx, ref, function.Invoker{Principal: policy.ForService("sns.amazonaws.com", s.Topic.Account), SourceARN: s.Topic.ARN(), Account: s.Topic.Account})
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: %s does not let sns.amazonaws.com invoke it for %s", function.ErrDenied, s.Endpoint, s.Topic.ARN())
	}
	note, err := d.Notes.ForFunction(ctx, x)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": s.ARN(), "Sns": note,
	}}})
	if err != nil {
		return err
	}
	_, err = d.Functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: body})
	return err
}

func (d TopicDeliveries) admits(r queue.Ref, x *topic.Delivery) error {
	t := x.Subscription.Topic
	if _, err := d.Queues.Policy(r); err != nil {
		return err
	}
	if !d.Queues.Permits(r, "sns.amazonaws.com", t.ARN(), t.Account) {
		return fmt.Errorf("the policy of %s does not let sns.amazonaws.com send to it for %s", r.ARN(), t.ARN())
	}
	return nil
}

// queueMessage is a delivery as a queue gets it: an envelope, or the bare message with its attributes.
func (d TopicDeliveries) queueMessage(ctx context.Context, r queue.Ref, x *topic.Delivery) (queue.Incoming, error) {
	m := queue.Message{Sender: x.Subscription.Topic.Account, Group: x.Message.Group, Trace: x.Message.Trace}
	if !strings.HasSuffix(r.Name, ".fifo") && x.Subscription.Topic.FIFO() {
		m.Group = "" // a standard queue has none to keep in order
	}
	if strings.HasSuffix(r.Name, ".fifo") {
		if m.DedupID = x.Message.DedupID; m.DedupID == "" {
			sum := sha256.Sum256([]byte(x.Message.Body))
			m.DedupID = hex.EncodeToString(sum[:])
		}
	}
	if x.Subscription.Raw {
		m.Body = x.Message.Text(x.Subscription.Protocol)
		for _, a := range x.Message.Attributes {
			m.Attributes = append(m.Attributes, queue.Attribute{Name: a.Name, Type: a.Type, Value: a.Value})
		}
		if len(m.Attributes) > queue.MaxAttributes {
			m.Attributes = m.Attributes[:queue.MaxAttributes]
		}
		return queue.Incoming{Queue: r, Message: m}, nil
	}
	note, err := d.Notes.Notification(ctx, x)
	if err != nil {
		return queue.Incoming{}, err
	}
	body, err := snsapi.Marshal(note)
	if err != nil {
		panic("BUG: encode notification: " + err.Error())
	}
	m.Body = string(body)
	return queue.Incoming{Queue: r, Message: m}, nil
}
