package bridge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/mapping"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
)

// MappingQueues lets functions consume queues.
type MappingQueues struct {
	Queues    *queue.Engine
	Functions *function.Service
	Identity  *identity.Engine
}

var _ mapping.Sources = MappingQueues{}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", mapping.ErrBadParameter, fmt.Sprintf(format, args...))
}

// Check implements mapping.Sources with what AWS asks of a queue and a function.
func (s MappingQueues) Check(ctx context.Context, m mapping.Mapping) error {
	r, ok := queue.ParseARN(m.SourceARN)
	if !ok {
		return bad("event source %s is not a queue: other sources are not supported", m.SourceARN)
	}
	ref, err := function.ParseRef(m.Scope, m.FunctionARN, "")
	if err != nil {
		return err
	}
	v, err := s.Functions.Get(ctx, ref)
	if err != nil {
		return err
	}
	q, err := s.Queues.Get(ctx, r)
	if err != nil {
		return bad("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	}
	switch {
	case q.Settings.FIFO && m.BatchSize > 10:
		return bad("batch size %d: the maximum for FIFO queues is 10", m.BatchSize)
	case q.Settings.FIFO && m.Window > 0:
		return bad("batching window is not supported for FIFO queues")
	case m.BatchSize > 10 && m.Window == 0:
		return bad("maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	case q.Settings.Visibility < v.Config.Timeout:
		return bad("queue visibility timeout: %d seconds is less than Function timeout: %d seconds", int(q.Settings.Visibility.Seconds()), int(v.Config.Timeout.Seconds()))
	}
	return s.allowed(r, v.Config.Role)
}

// allowed checks that the function's role may consume the queue.
func (s MappingQueues) allowed(r queue.Ref, roleARN string) error {
	a, err := ident.ParseARN(roleARN)
	if err != nil {
		return err
	}
	p, err := s.Identity.RolePrincipal(a.Account, roleARN[strings.LastIndexByte(roleARN, '/')+1:])
	if err != nil {
		return err
	}
	doc, err := s.Queues.Policy(r)
	if err != nil {
		return err
	}
	for _, op := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		q := &policy.Request{Principal: p, Action: "sqs:" + op, Resource: r.ARN(), Account: r.Account, ResourcePolicy: doc, Keys: policy.Keys{}}
		if !policy.Evaluate(q).Allowed {
			return bad("the provided execution role does not have permissions to call %s on SQS", op)
		}
	}
	return nil
}

// Poll implements mapping.Sources.
func (s MappingQueues) Poll(ctx context.Context, m mapping.Mapping, max int, wait time.Duration) (mapping.Batch, error) {
	r, _ := queue.ParseARN(m.SourceARN)
	q, err := s.Queues.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	list, err := s.Queues.Receive(ctx, r, queue.ReceiveRequest{Max: min(max, 1000), Wait: &wait})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	b := &queueBatch{queues: s.Queues, ref: r, visibility: q.Settings.Visibility, messages: list}
	for i := range list {
		b.records = append(b.records, queueRecord(r, &list[i], m.Window > 0))
	}
	return b, nil
}

// Join implements mapping.Sources.
func (MappingQueues) Join(a, b mapping.Batch) mapping.Batch {
	x, y := a.(*queueBatch), b.(*queueBatch)
	x.messages = append(x.messages, y.messages...)
	x.records = append(x.records, y.records...)
	return x
}

// Invoke implements mapping.Sources.
func (s MappingQueues) Invoke(ctx context.Context, m mapping.Mapping, payload []byte) (answer []byte, failed, throttled bool, err error) {
	ref, err := function.ParseRef(m.Scope, m.FunctionARN, "")
	if err != nil {
		return nil, false, false, err
	}
	res, err := s.Functions.Invoke(ctx, function.Invocation{Ref: ref, Payload: payload})
	return res.Payload, res.Failed, errors.Is(err, function.ErrTooManyRequests), err
}

// queueBatch are messages in flight.
type queueBatch struct {
	queues     *queue.Engine
	ref        queue.Ref
	visibility time.Duration
	messages   []queue.Received
	records    []mapping.Record
}

func (b *queueBatch) Records() []mapping.Record { return b.records }

// KeepEvery implements mapping.Batch. A queue whose messages are never hidden is left as it is.
func (b *queueBatch) KeepEvery() time.Duration { return b.visibility / 2 }

func (b *queueBatch) Keep(ctx context.Context) error {
	list := make([]queue.VisibilityChange, len(b.messages))
	for i, m := range b.messages {
		list[i] = queue.VisibilityChange{Handle: m.Handle, Visibility: b.visibility}
	}
	errs, err := b.queues.ChangeVisibility(ctx, b.ref, list)
	return errors.Join(append(errs, err)...)
}

func (b *queueBatch) Done(ctx context.Context, which []int) error {
	handles := make([]string, len(which))
	for i, w := range which {
		handles[i] = b.messages[w].Handle
	}
	errs, err := b.queues.DeleteMessages(ctx, b.ref, handles)
	return errors.Join(append(errs, err)...)
}

// queueRecord is a message as Lambda shows it to functions.
func queueRecord(r queue.Ref, m *queue.Received, window bool) mapping.Record {
	attrs := map[string]any{}
	for _, a := range m.Attributes {
		v := map[string]any{"dataType": a.Type, "stringListValues": []any{}, "binaryListValues": []any{}}
		if strings.HasPrefix(a.Type, "Binary") {
			v["binaryValue"] = base64.StdEncoding.EncodeToString(a.Value)
		} else {
			v["stringValue"] = string(a.Value)
		}
		attrs[a.Name] = v
	}
	doc := map[string]any{
		"messageId": m.ID, "receiptHandle": m.Handle, "body": m.Body, "attributes": systemAttributes(m), "messageAttributes": attrs,
		"md5OfBody": m.MD5Body, "eventSource": "aws:sqs", "eventSourceARN": r.ARN(), "awsRegion": r.Region,
	}
	switch {
	case len(m.Attributes) > 0:
		doc["md5OfMessageAttributes"] = queue.MD5OfAttributes(m.Attributes)
	case window: // Lambda writes it empty in batches that wait to fill, and leaves it out otherwise
		doc["md5OfMessageAttributes"] = nil
	}
	filter := map[string]any{}
	for k, v := range doc {
		filter[k] = v
	}
	if body, err := eventpattern.Decode([]byte(m.Body)); err == nil {
		if _, ok := body.(map[string]any); ok {
			filter["body"] = body
		}
	}
	return mapping.Record{ID: m.ID, Document: doc, Filter: filter, Size: len(m.Body)*11/10 + 1024 + len(m.Attributes)*256}
}

func systemAttributes(m *queue.Received) map[string]string {
	all := map[string]string{
		"SenderId": m.Sender, "SentTimestamp": strconv.FormatInt(m.Sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(m.Count),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
	}
	for k, v := range map[string]string{"MessageGroupId": m.Group, "MessageDeduplicationId": m.DedupID, "AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.DeadLetterOf} {
		if v != "" {
			all[k] = v
		}
	}
	if m.Sequence != 0 {
		all["SequenceNumber"] = fmt.Sprintf("%020d", m.Sequence)
	}
	return all
}
