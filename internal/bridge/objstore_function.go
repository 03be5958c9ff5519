package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// ObjectEvents carries the events of the object store to functions, queues, topics and the default event bus. An event is put into an outbox in the batch of the
// write, one entry a target, and leaves it in the batch that queues the function's invocation: there is exactly
// one invocation a write and target.
type ObjectEvents struct {
	box       *outbox.Box
	functions *function.Service
	queues    *queue.Engine
	topics    *topic.Engine
	events    *event.Engine
	log       *slog.Logger
}

var _ objstore.EventSink = (*ObjectEvents)(nil)

// NewObjectEvents returns the sink. Run delivers; the functions may be set later, by Connect, because they are opened
// after the object store.
func NewObjectEvents(store kv.Store, o outbox.Options) *ObjectEvents {
	o.Name = "objects"
	log := o.Logger
	if log == nil {
		log = slog.Default()
	}
	return &ObjectEvents{box: outbox.New(store, o), log: log.With("component", "bridge")}
}

// Connect sets where events go. It is called before Run.
func (e *ObjectEvents) Connect(f *function.Service, q *queue.Engine, t *topic.Engine, v *event.Engine) {
	e.functions, e.queues, e.topics, e.events = f, q, t, v
}

// Run delivers events until ctx ends.
func (e *ObjectEvents) Run(ctx context.Context) { e.box.Run(ctx, e.deliver) }

// objectEvent is an entry of the outbox.
type objectEvent struct {
	Target objstore.Target
	Event  objstore.Event
}

// Add implements objstore.EventSink.
func (e *ObjectEvents) Add(b *kv.Batch, ev objstore.Event) {
	targets := ev.Targets
	ev.Targets = nil
	for _, t := range targets {
		e.box.Put(b, objectEvent{Target: t, Event: ev})
	}
	if ev.EventBridge {
		e.box.Put(b, objectEvent{Event: ev}) // no target: the default bus
	}
}

func (e *ObjectEvents) deliver(ctx context.Context, entry outbox.Entry, b *kv.Batch) error {
	var oe objectEvent
	if err := json.Unmarshal(entry.Body, &oe); err != nil {
		e.log.Error("drop a malformed event", "id", entry.ID, "err", err)
		return nil
	}
	if oe.Target.ARN == "" {
		v, ok := s3Event(oe.Event)
		if !ok {
			return nil
		}
		_, err := e.events.Emit(b, event.BusRef{Scope: oe.Event.Scope, Name: event.DefaultBus}, v)
		return err
	}
	if r, ok := queue.ParseARN(oe.Target.ARN); ok {
		return e.enqueue(oe, r, b)
	}
	if r, _, ok := topic.ParseARN(oe.Target.ARN); ok {
		return e.publish(ctx, oe, r, b)
	}
	ref, err := function.ParseRef(oe.Event.Scope, oe.Target.ARN, "")
	if err != nil {
		e.log.Error("drop an event for an unknown kind of target", "target", oe.Target.ARN, "err", err)
		return nil
	}
	// The permission may have been taken back since the bucket was configured.
	ok, err := e.functions.Permits(ctx, ref, S3Invoker(oe.Event.Scope.Account, oe.Event.Bucket))
	if err != nil {
		return err
	}
	if !ok {
		e.log.Warn("drop an event that the function does not admit", "function", ref.ARN(), "bucket", oe.Event.Bucket, "key", oe.Event.Key)
		return nil
	}
	payload, err := json.Marshal(s3Records(oe))
	if err != nil {
		return err
	}
	_, err = e.functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: payload})
	if errors.Is(err, function.ErrNotFound) {
		e.log.Warn("drop an event for a function that is gone", "function", ref.ARN(), "bucket", oe.Event.Bucket, "key", oe.Event.Key)
		return nil
	}
	return err
}

// enqueue puts an event into a queue.
func (e *ObjectEvents) enqueue(oe objectEvent, r queue.Ref, b *kv.Batch) error {
	if !e.queues.Permits(r, "s3.amazonaws.com", "arn:aws:s3:::"+oe.Event.Bucket, oe.Event.Scope.Account) {
		e.log.Warn("drop an event that the queue does not admit", "queue", r.ARN(), "bucket", oe.Event.Bucket, "key", oe.Event.Key)
		return nil
	}
	body, err := json.Marshal(s3Records(oe))
	if err != nil {
		return err
	}
	in := queue.Incoming{Queue: r, Message: queue.Message{Body: string(body), Sender: oe.Event.Scope.Account, Trace: oe.Event.By.Trace}}
	if err := e.queues.Enqueue(b, in); err != nil { // too large for the queue, say: it would be refused each time
		e.log.Warn("drop an event that the queue refuses", "queue", r.ARN(), "bucket", oe.Event.Bucket, "key", oe.Event.Key, "err", err)
	}
	return nil
}

// publish publishes an event to a topic.
func (e *ObjectEvents) publish(ctx context.Context, oe objectEvent, r topic.Ref, b *kv.Batch) error {
	if !e.topics.Permits(r, "s3.amazonaws.com", "arn:aws:s3:::"+oe.Event.Bucket, oe.Event.Scope.Account) {
		e.log.Warn("drop an event that the topic does not admit", "topic", r.ARN(), "bucket", oe.Event.Bucket, "key", oe.Event.Key)
		return nil
	}
	body, err := json.Marshal(s3Records(oe))
	if err != nil {
		return err
	}
	return e.topics.Enqueue(ctx, b, r, topic.Message{Body: string(body), Subject: "Amazon S3 Notification", Trace: oe.Event.By.Trace})
}

// S3Invoker is S3 acting for a bucket.
func S3Invoker(account, bucket string) function.Invoker {
	return function.Invoker{Principal: policy.ForService("s3.amazonaws.com", account), SourceARN: "arn:aws:s3:::" + bucket, Account: account}
}

// s3Records is the document that S3 sends: event structure version 2.1, or 2.3 for the kinds of events that
// came later.
//
// Source: "Event message structure" in the Amazon S3 user guide.
func s3Records(oe objectEvent) map[string]any {
	ev := oe.Event
	if ev.Name == objstore.TestEvent {
		return map[string]any{
			"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": ev.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "Bucket": ev.Bucket,
			"RequestId": ev.By.RequestID, "HostId": ev.By.RequestID,
		}
	}
	object := map[string]any{"key": escapeKey(ev.Key)}
	for name, value := range map[string]string{"sequencer": ev.Sequencer, "versionId": ev.Version, "eTag": ev.ETag} {
		if value != "" {
			object[name] = value
		}
	}
	kind, _, _ := strings.Cut(ev.Name, ":")
	version := "2.1"
	switch kind {
	case "ObjectCreated":
		object["size"] = ev.Size
	case "ObjectTagging", "ObjectAcl", "LifecycleExpiration", "LifecycleTransition":
		version = "2.3"
	}
	owner := customerID(ev.Scope.Account)
	who, where := "AWS:"+ev.By.PrincipalID, ev.By.SourceIP
	switch {
	case ev.By == (objstore.Actor{}):
		who, where = "AmazonCustomer:"+owner, "s3.amazonaws.com"
	case ev.By.PrincipalID == "":
		who = "Anonymous"
	}
	record := map[string]any{
		"eventVersion": version, "eventSource": "aws:s3", "awsRegion": ev.Scope.Region, "eventTime": ev.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "eventName": ev.Name,
		"userIdentity":      map[string]string{"principalId": who},
		"requestParameters": map[string]string{"sourceIPAddress": where},
		"responseElements":  map[string]string{"x-amz-request-id": ev.By.RequestID, "x-amz-id-2": ev.By.RequestID},
		"s3": map[string]any{
			"s3SchemaVersion": "1.0", "configurationId": oe.Target.ID, "object": object,
			"bucket": map[string]any{"name": ev.Bucket, "ownerIdentity": map[string]string{"principalId": owner}, "arn": "arn:aws:s3:::" + ev.Bucket},
		},
	}
	if ev.Class != "" {
		object["size"] = ev.Size
		record["lifecycleEventData"] = map[string]any{"transitionEventData": map[string]string{"destinationStorageClass": ev.Class}}
	}
	return map[string]any{"Records": []any{record}}
}

// escapeKey writes a key as S3 does in events: like a form's value, with slashes kept.
func escapeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// CheckDestination reports why events of a bucket cannot go to a target: what S3 asks when a bucket's notifications are
// configured. It implements s3api.Destinations.
func (e *ObjectEvents) CheckDestination(ctx context.Context, bk *objstore.Bucket, arn string) error {
	a, err := ident.ParseARN(arn)
	if err != nil {
		return err
	}
	if r, ok := queue.ParseARN(arn); ok {
		q, err := e.queues.Get(ctx, r)
		if err != nil {
			return errors.New("The destination queue does not exist")
		}
		if q.Settings.FIFO {
			return fmt.Errorf("%s is a FIFO queue: S3 sends to standard queues only", arn)
		}
		if !e.queues.Permits(r, "s3.amazonaws.com", "arn:aws:s3:::"+bk.Name, bk.Account) {
			return fmt.Errorf("Permissions on the destination queue do not allow S3 to publish notifications from this bucket: give %s a policy that lets s3.amazonaws.com carry out sqs:SendMessage", arn)
		}
		return nil
	}
	if r, _, ok := topic.ParseARN(arn); ok {
		if _, _, err := e.topics.Get(r); err != nil {
			return fmt.Errorf("%s: %w", arn, err)
		}
		if !e.topics.Permits(r, "s3.amazonaws.com", "arn:aws:s3:::"+bk.Name, bk.Account) {
			return fmt.Errorf("Permissions on the destination topic do not allow S3 to publish notifications from this bucket: give %s a policy that lets s3.amazonaws.com carry out sns:Publish", arn)
		}
		return nil
	}
	if a.Service != "lambda" {
		return fmt.Errorf("notifications to %s are not supported: give a function, a queue or a topic", a.Service)
	}
	ref, err := function.ParseRef(bk.Scope(), arn, "")
	if err != nil {
		return err
	}
	ok, err := e.functions.Permits(ctx, ref, S3Invoker(bk.Account, bk.Name))
	if err != nil && !errors.Is(err, function.ErrNotFound) {
		return err
	}
	if !ok {
		return fmt.Errorf("Not authorized to invoke function [%s]", arn) // S3 does not tell whether there is one
	}
	return nil
}
