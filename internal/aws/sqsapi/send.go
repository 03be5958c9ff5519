package sqsapi

import (
	"context"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

// message puts together what a request gives of a message.
func message(c *protocol.Call, body string, delay *int32, attrs map[string]MessageAttributeValue, system map[string]MessageSystemAttributeValue, group, dedup *string) (queue.Message, error) {
	m := queue.Message{Body: body, Sender: c.Principal.ID, Group: protocol.Or(group, ""), DedupID: protocol.Or(dedup, "")}
	for name, id := range map[string]*string{"MessageGroupId": group, "MessageDeduplicationId": dedup} {
		if id != nil && *id == "" {
			return m, badParameter(name, "", name+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
		}
	}
	if c.HTTP != nil { // a tracing client sends it with the request, and asks for no digest of it
		m.Trace = c.HTTP.Header.Get("X-Amzn-Trace-Id")
	}
	if delay != nil {
		d := time.Duration(*delay) * time.Second
		m.Delay = &d
	}
	for name, v := range attrs {
		if len(v.StringListValues)+len(v.BinaryListValues) > 0 {
			return m, &protocol.Error{Code: Code_UnsupportedOperation, Message: "Message attribute list values in SendMessage operation are not supported."}
		}
		a := queue.Attribute{Name: name, Type: v.DataType, Value: v.BinaryValue}
		if v.StringValue != nil {
			a.Value = []byte(*v.StringValue)
		}
		m.Attributes = append(m.Attributes, a)
	}
	for name, v := range system {
		if name != traceHeader || v.DataType != "String" || v.StringValue == nil {
			return m, badParameter("MessageSystemAttributes", name, "want AWSTraceHeader, a String.")
		}
		m.Trace = *v.StringValue
	}
	return m, nil
}

func sequence(n uint64) *string {
	if n == 0 {
		return nil
	}
	s := fmt.Sprintf("%020d", n)
	return &s
}

func (a *api) send(ctx context.Context, c *protocol.Call, in *SendMessageRequest) (*SendMessageResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	m, err := message(c, in.MessageBody, in.DelaySeconds, in.MessageAttributes, in.MessageSystemAttributes, in.MessageGroupId, in.MessageDeduplicationId)
	if err != nil {
		return nil, err
	}
	s, err := a.Queues.Send(ctx, r, m)
	if err != nil {
		return nil, err
	}
	if len(in.MessageSystemAttributes) == 0 {
		s.MD5Trace = ""
	}
	return &SendMessageResult{
		MessageId: &s.MessageID, MD5OfMessageBody: &s.MD5Body, MD5OfMessageAttributes: protocol.Some(s.MD5Attributes), MD5OfMessageSystemAttributes: protocol.Some(s.MD5Trace),
		SequenceNumber: sequence(s.Sequence),
	}, nil
}

// validID reports whether s can be the id of an entry of a batch.
func validID(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 80
}

// checkEntries checks the ids of a batch.
func checkEntries[E any](list []E, id func(*E) string) error {
	switch {
	case len(list) == 0:
		return &protocol.Error{Code: Code_EmptyBatchRequest, Message: "There should be at least one entry in the request."}
	case len(list) > queue.MaxBatch:
		return &protocol.Error{Code: Code_TooManyEntriesInBatchRequest, Message: fmt.Sprintf("Maximum number of entries per request are %d. You have sent %d.", queue.MaxBatch, len(list))}
	}
	seen := map[string]bool{}
	for i := range list {
		s := id(&list[i])
		if !validID(s) {
			return &protocol.Error{Code: Code_InvalidBatchEntryId, Message: "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."}
		}
		if seen[s] {
			return &protocol.Error{Code: Code_BatchEntryIdsNotDistinct, Message: "Id " + s + " repeated."}
		}
		seen[s] = true
	}
	return nil
}

func (a *api) sendBatch(ctx context.Context, c *protocol.Call, in *SendMessageBatchRequest) (*SendMessageBatchResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(in.Entries, func(e *SendMessageBatchRequestEntry) string { return e.Id }); err != nil {
		return nil, err
	}
	q, err := a.Queues.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	for i := range in.Entries { // what a FIFO queue must be told is refused for the batch as a whole
		e := &in.Entries[i]
		if q.Settings.FIFO && e.MessageGroupId == nil {
			return nil, &protocol.Error{Code: "InvalidParameterValue", Message: "The request must contain the parameter MessageGroupId."}
		}
		if q.Settings.FIFO && e.MessageDeduplicationId == nil && !q.Settings.ContentDedup {
			return nil, queue.ErrNoDedupID
		}
	}
	out := &SendMessageBatchResult{}
	list := make([]queue.Incoming, 0, len(in.Entries))
	ids := make([]string, 0, len(in.Entries))
	traced := make([]bool, 0, len(in.Entries)) // by the entry itself
	size := 0
	for i := range in.Entries {
		e := &in.Entries[i]
		m, err := message(c, e.MessageBody, e.DelaySeconds, e.MessageAttributes, e.MessageSystemAttributes, e.MessageGroupId, e.MessageDeduplicationId)
		if err != nil {
			f, ok := entryError(e.Id, err)
			if !ok {
				return nil, err
			}
			out.Failed = append(out.Failed, f)
			continue
		}
		size += m.Size()
		list = append(list, queue.Incoming{Queue: r, Message: m})
		ids, traced = append(ids, e.Id), append(traced, len(e.MessageSystemAttributes) > 0)
	}
	if size > queue.MaxMessageBytes {
		return nil, &protocol.Error{Code: Code_BatchRequestTooLong, Message: fmt.Sprintf("Batch requests cannot be longer than %d bytes. You have sent %d bytes.", queue.MaxMessageBytes, size)}
	}
	sent, errs, err := a.Queues.SendAll(ctx, nil, list)
	if err != nil {
		return nil, err
	}
	for i, s := range sent {
		if errs[i] != nil {
			f, ok := entryError(ids[i], errs[i])
			if !ok {
				return nil, errs[i]
			}
			out.Failed = append(out.Failed, f)
			continue
		}
		if !traced[i] {
			s.MD5Trace = ""
		}
		out.Successful = append(out.Successful, SendMessageBatchResultEntry{
			Id: ids[i], MessageId: s.MessageID, MD5OfMessageBody: s.MD5Body, MD5OfMessageAttributes: protocol.Some(s.MD5Attributes),
			MD5OfMessageSystemAttributes: protocol.Some(s.MD5Trace), SequenceNumber: sequence(s.Sequence),
		})
	}
	return out, nil
}
