package sqsapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

func seconds(name string, v *int32, most time.Duration) (*time.Duration, error) {
	if v == nil {
		return nil, nil
	}
	d := time.Duration(*v) * time.Second
	if d < 0 || d > most {
		return nil, badParameter(name, fmt.Sprint(*v), fmt.Sprintf("Must be >= 0 and <= %d, if provided.", int(most.Seconds())))
	}
	return &d, nil
}

func (a *api) receive(ctx context.Context, c *protocol.Call, in *ReceiveMessageRequest) (*ReceiveMessageResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q := queue.ReceiveRequest{Max: int(protocol.Or(in.MaxNumberOfMessages, 1)), AttemptID: protocol.Or(in.ReceiveRequestAttemptId, ""), LimitError: true}
	if q.Max < 1 || q.Max > queue.MaxBatch {
		return nil, badParameter("MaxNumberOfMessages", strconv.Itoa(q.Max), "Must be between 1 and 10, if provided.")
	}
	if q.Visibility, err = seconds("VisibilityTimeout", in.VisibilityTimeout, queue.MaxVisibility); err != nil {
		return nil, err
	}
	if q.Wait, err = seconds("WaitTimeSeconds", in.WaitTimeSeconds, queue.MaxWait); err != nil {
		return nil, err
	}
	if q.AttemptID != "" && !strings.HasSuffix(r.Name, ".fifo") {
		return nil, badParameter("ReceiveRequestAttemptId", q.AttemptID, "The request includes a parameter that is not valid for this queue type.")
	}
	want := map[string]bool{}
	for _, n := range in.AttributeNames {
		want[string(n)] = true
	}
	for _, n := range in.MessageSystemAttributeNames {
		want[string(n)] = true
	}
	for n := range want {
		if !systemNames[n] {
			return nil, &protocol.Error{Code: Code_InvalidAttributeName, Message: "Unknown Attribute " + n + "."}
		}
	}
	names := in.MessageAttributeNames
	result := func(list []queue.Received) *ReceiveMessageResult {
		out := &ReceiveMessageResult{}
		for i := range list {
			out.Messages = append(out.Messages, answer(&list[i], want, names))
		}
		return out
	}
	list, wait, err := a.Queues.ReceiveNow(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 || wait <= 0 {
		return result(list), nil
	}
	return nil, &protocol.Later{Then: func(ctx context.Context) (any, error) {
		list, err := a.Queues.Receive(ctx, r, q)
		if err != nil {
			return nil, err
		}
		return result(list), nil
	}}
}

// systemNames are the system attributes that a receive may ask for.
var systemNames = map[string]bool{
	"All": true, "SenderId": true, "SentTimestamp": true, "ApproximateReceiveCount": true, "ApproximateFirstReceiveTimestamp": true, "SequenceNumber": true,
	"MessageDeduplicationId": true, "MessageGroupId": true, "AWSTraceHeader": true, "DeadLetterQueueSourceArn": true,
}

func answer(m *queue.Received, want map[string]bool, attrs []string) Message {
	out := Message{MessageId: &m.ID, ReceiptHandle: &m.Handle, Body: &m.Body, MD5OfBody: &m.MD5Body}
	if len(want) > 0 {
		out.Attributes = map[string]string{}
		for n, v := range systemOf(m) {
			if want["All"] || want[n] {
				out.Attributes[n] = v
			}
		}
	}
	var given []queue.Attribute
	for _, at := range m.Attributes {
		if !asked(at.Name, attrs) {
			continue
		}
		given = append(given, at)
		v := MessageAttributeValue{DataType: at.Type}
		if strings.HasPrefix(at.Type, "Binary") {
			v.BinaryValue = at.Value
		} else {
			s := string(at.Value)
			v.StringValue = &s
		}
		if out.MessageAttributes == nil {
			out.MessageAttributes = map[string]MessageAttributeValue{}
		}
		out.MessageAttributes[at.Name] = v
	}
	out.MD5OfMessageAttributes = protocol.Some(queue.MD5OfAttributes(given))
	return out
}

// systemOf returns the system attributes of a message.
func systemOf(m *queue.Received) map[string]string {
	all := map[string]string{
		"SenderId": m.Sender, "SentTimestamp": strconv.FormatInt(m.Sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(m.Count),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
	}
	set := func(n, v string) {
		if v != "" {
			all[n] = v
		}
	}
	set("MessageGroupId", m.Group)
	set("MessageDeduplicationId", m.DedupID)
	set("AWSTraceHeader", m.Trace)
	set("DeadLetterQueueSourceArn", m.DeadLetterOf)
	if m.Sequence != 0 {
		all["SequenceNumber"] = *sequence(m.Sequence)
	}
	return all
}

// asked reports whether a receive wants an attribute: by its name, by what it begins with ("foo.*", and "foo" need not be followed by a dot), or all.
func asked(name string, want []string) bool {
	for _, w := range want {
		if w == "All" || w == "*" || w == ".*" || w == name {
			return true
		}
		if p, ok := strings.CutSuffix(w, ".*"); ok && strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
