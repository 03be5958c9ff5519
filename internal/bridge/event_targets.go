package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// EventTargets carries events of buses to queues, topics and functions.
type EventTargets struct {
	Queues    *queue.Engine
	Topics    *topic.Engine
	Functions *function.Service
}

var _ event.Deliverer = EventTargets{}

const eventService = "events.amazonaws.com"

// Check implements event.Deliverer.
func (d EventTargets) Check(_ context.Context, r event.Rule, t event.Target) error {
	a, err := ident.ParseARN(t.ARN)
	if err != nil {
		return fmt.Errorf("%w: Provided Arn is not in correct format: %s", event.ErrBadInput, t.ARN)
	}
	if t.Dead != "" {
		if q, ok := queue.ParseARN(t.Dead); !ok || strings.HasSuffix(q.Name, ".fifo") {
			return fmt.Errorf("%w: DeadLetterConfig: %s is not the ARN of a standard queue", event.ErrBadInput, t.Dead)
		}
	}
	switch a.Service {
	case "sqs":
		if strings.HasSuffix(t.ARN, ".fifo") != (t.Group != "") {
			return fmt.Errorf("%w: SqsParameters.MessageGroupId is needed for FIFO queues, and only there: target %s", event.ErrBadInput, t.ID)
		}
		return nil
	case "sns", "lambda":
		return nil
	}
	return fmt.Errorf("%w: targets of %s are not supported: give a queue, a topic or a function", event.ErrBadInput, a.Service)
}

// Deliver implements event.Deliverer.
func (d EventTargets) Deliver(ctx context.Context, b *kv.Batch, r event.Rule, t event.Target, payload []byte) error {
	account := r.Bus.Account
	denied := func() error { return fmt.Errorf("%s does not admit %s for %s", t.ARN, eventService, r.ARN()) }
	if q, ok := queue.ParseARN(t.ARN); ok {
		if _, err := d.Queues.Policy(q); err != nil {
			return err
		}
		if !d.Queues.Permits(q, eventService, r.ARN(), account) {
			return denied()
		}
		return d.Queues.Enqueue(b, queue.Incoming{Queue: q, Message: queue.Message{Body: string(payload), Sender: account, Group: t.Group}})
	}
	if n, _, ok := topic.ParseARN(t.ARN); ok {
		if !d.Topics.Permits(n, eventService, r.ARN(), account) {
			return denied()
		}
		return d.Topics.Enqueue(ctx, b, n, topic.Message{Body: string(payload)})
	}
	ref, err := function.ParseRef(r.Bus.Scope, t.ARN, "")
	if err != nil {
		return err
	}
	ok, err := d.Functions.Permits(ctx, ref, function.Invoker{Principal: policy.ForService(eventService, account), SourceARN: r.ARN(), Account: account})
	if err != nil {
		return err
	}
	if !ok {
		return denied()
	}
	_, err = d.Functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: payload})
	return err
}

// Bury implements event.Deliverer.
func (d EventTargets) Bury(_ context.Context, b *kv.Batch, r event.Rule, t event.Target, payload []byte, reason error) error {
	q, ok := queue.ParseARN(t.Dead)
	if !ok || !d.Queues.Permits(q, eventService, r.ARN(), r.Bus.Account) {
		return fmt.Errorf("dead-letter queue %s does not admit %s for %s", t.Dead, eventService, r.ARN())
	}
	m := queue.Message{Body: string(payload), Sender: r.Bus.Account}
	for _, a := range [][2]string{{"RULE_ARN", r.ARN()}, {"TARGET_ARN", t.ARN}, {"ERROR_CODE", "DELIVERY_FAILED"}, {"ERROR_MESSAGE", reason.Error()}} {
		m.Attributes = append(m.Attributes, queue.Attribute{Name: a[0], Type: "String", Value: []byte(a[1])})
	}
	return d.Queues.Enqueue(b, queue.Incoming{Queue: q, Message: m})
}

// s3Event is the event that S3 puts on the default bus; ok is false for those that it does not put there.
//
// Source: "EventBridge event message structure" in the Amazon S3 user guide.
func s3Event(ev objstore.Event) (out event.Event, ok bool) {
	kind, how, _ := strings.Cut(ev.Name, ":")
	object := map[string]any{"key": ev.Key, "sequencer": ev.Sequencer}
	detail := map[string]any{
		"version": "0", "bucket": map[string]string{"name": ev.Bucket}, "object": object, "request-id": ev.By.RequestID, "requester": ev.Scope.Account,
	}
	if ev.By.SourceIP != "" {
		detail["source-ip-address"] = ev.By.SourceIP
	}
	if ev.Version != "" {
		object["version-id"] = ev.Version
	}
	switch kind {
	case "ObjectCreated":
		out.DetailType = "Object Created"
		object["size"], object["etag"] = ev.Size, ev.ETag
		detail["reason"] = map[string]string{"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject", "CompleteMultipartUpload": "CompleteMultipartUpload"}[how]
	case "ObjectRemoved", "LifecycleExpiration":
		out.DetailType = "Object Deleted"
		detail["reason"] = map[string]string{"ObjectRemoved": "DeleteObject", "LifecycleExpiration": "Lifecycle Expiration"}[kind]
		detail["deletion-type"] = map[string]string{"Delete": "Permanently Deleted", "DeleteMarkerCreated": "Delete Marker Created"}[how]
	case "ObjectTagging":
		out.DetailType = "Object Tags " + map[string]string{"Put": "Added", "Delete": "Deleted"}[how]
	default:
		return out, false
	}
	text, err := json.Marshal(detail)
	if err != nil {
		panic("BUG: encode event: " + err.Error())
	}
	out.Source, out.Detail, out.Resources, out.Time = "aws.s3", text, []string{"arn:aws:s3:::" + ev.Bucket}, ev.Time.Truncate(time.Second)
	return out, true
}
