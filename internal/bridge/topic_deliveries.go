package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

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
	Logger    *slog.Logger
}

var _ topic.Deliverer = TopicDeliveries{}

// Check implements topic.Deliverer.
func (d TopicDeliveries) Check(_ context.Context, t topic.Ref, s topic.Subscription) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: Endpoint Reason: %s", topic.ErrBadParameter, fmt.Sprintf(format, args...))
	}
	if s.Dead != "" {
		if r, ok := queue.ParseARN(s.Dead); !ok || strings.HasSuffix(r.Name, ".fifo") != t.FIFO() {
			return fmt.Errorf("%w: RedrivePolicy: deadLetterTargetArn %s: want the ARN of a queue of the topic's kind", topic.ErrBadParameter, s.Dead)
		}
	}
	switch s.Protocol {
	case "sqs":
		r, ok := queue.ParseARN(s.Endpoint)
		if !ok {
			return fail("SQS endpoint ARN: %s", s.Endpoint)
		}
		if strings.HasSuffix(r.Name, ".fifo") && !t.FIFO() {
			return fail("FIFO SQS Queues can not be subscribed to standard SNS topics: %s", s.Endpoint)
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
	return fmt.Errorf("%w: Tarn does not deliver by the protocol %s: want sqs or lambda", topic.ErrUnsupported, s.Protocol)
}

// Deliver implements topic.Deliverer. What an endpoint does not admit goes to the subscription's dead-letter queue.
func (d TopicDeliveries) Deliver(ctx context.Context, b *kv.Batch, list []topic.Delivery, commit bool) error {
	var messages []queue.Incoming
	for i := range list {
		x := &list[i]
		err := d.deliver(ctx, b, x, &messages)
		if err == nil {
			continue
		}
		log := d.Logger.With("subscription", x.Subscription.ARN(), "message", x.Message.ID, "err", err)
		r, ok := queue.ParseARN(x.Subscription.Dead)
		if !ok || d.admits(r, x) != nil {
			log.Warn("drop a message that its subscriber does not take")
			continue
		}
		log.Warn("a message goes to the dead-letter queue of its subscription")
		messages = append(messages, queueMessage(r, x))
	}
	if commit {
		_, errs, err := d.Queues.SendAll(ctx, b, messages)
		for i, err := range errs {
			if err != nil {
				d.Logger.Warn("a queue refused a message", "queue", messages[i].Queue.ARN(), "err", err)
			}
		}
		return err
	}
	for _, m := range messages {
		if err := d.Queues.Enqueue(b, m); err != nil {
			d.Logger.Warn("a queue refused a message", "queue", m.Queue.ARN(), "err", err)
		}
	}
	return nil
}

func (d TopicDeliveries) deliver(ctx context.Context, b *kv.Batch, x *topic.Delivery, messages *[]queue.Incoming) error {
	s := &x.Subscription
	if s.Protocol == "sqs" {
		r, _ := queue.ParseARN(s.Endpoint)
		if err := d.admits(r, x); err != nil {
			return err
		}
		*messages = append(*messages, queueMessage(r, x))
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
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": s.ARN(), "Sns": envelope(x, "lambda"),
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
func queueMessage(r queue.Ref, x *topic.Delivery) queue.Incoming {
	m := queue.Message{Sender: x.Subscription.Topic.Account, Group: x.Message.Group}
	if strings.HasSuffix(r.Name, ".fifo") {
		if m.DedupID = x.Message.DedupID; m.DedupID == "" {
			sum := sha256.Sum256([]byte(x.Message.Body))
			m.DedupID = hex.EncodeToString(sum[:])
		}
	}
	if x.Subscription.Raw {
		m.Body = x.Message.Text("sqs")
		for _, a := range x.Message.Attributes {
			m.Attributes = append(m.Attributes, queue.Attribute{Name: a.Name, Type: a.Type, Value: a.Value})
		}
		if len(m.Attributes) > queue.MaxAttributes {
			m.Attributes = m.Attributes[:queue.MaxAttributes]
		}
		return queue.Incoming{Queue: r, Message: m}
	}
	body, err := json.Marshal(envelope(x, "sqs"))
	if err != nil {
		panic("BUG: encode notification: " + err.Error())
	}
	m.Body = string(body)
	return queue.Incoming{Queue: r, Message: m}
}

// envelope is the JSON document around a message.
//
// Source: "Amazon SNS message and JSON formats" in the Amazon SNS developer guide.
func envelope(x *topic.Delivery, protocol string) map[string]any {
	m := &x.Message
	doc := map[string]any{
		"Type": "Notification", "MessageId": m.ID, "TopicArn": x.Subscription.Topic.ARN(), "Message": m.Text(protocol),
		"Timestamp": x.At.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if m.Subject != "" {
		doc["Subject"] = m.Subject
	} else if protocol == "lambda" {
		doc["Subject"] = nil
	}
	attrs := map[string]any{}
	for _, a := range m.Attributes {
		v := string(a.Value)
		if strings.HasPrefix(a.Type, "Binary") {
			v = base64.StdEncoding.EncodeToString(a.Value)
		}
		attrs[a.Name] = map[string]string{"Type": a.Type, "Value": v}
	}
	if len(attrs) > 0 || protocol == "lambda" {
		doc["MessageAttributes"] = attrs
	}
	return doc
}
