package snsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/topic"
)

// message puts together what a request gives of a message.
func message(text string, subject, structure *string, attrs map[string]MessageAttributeValue, group, dedup *string) (topic.Message, error) {
	if subject != nil && *subject == "" {
		return topic.Message{}, parameter("Subject")
	}
	m := topic.Message{Body: text, Subject: protocol.Or(subject, ""), Group: protocol.Or(group, ""), DedupID: protocol.Or(dedup, "")}
	for name, v := range attrs {
		a := topic.Attribute{Name: name, Type: v.DataType, Value: v.BinaryValue}
		field := map[bool]string{true: "Binary", false: "String"}[strings.HasPrefix(v.DataType, "Binary")]
		if field == "Binary" && v.StringValue != nil && v.BinaryValue == nil || field == "String" && v.StringValue == nil && v.BinaryValue != nil {
			return m, &protocol.Error{Code: Code_InvalidParameterValueException, Message: fmt.Sprintf("The message attribute '%s' with type '%s' must use field '%s'.", name, v.DataType, field)}
		}
		if v.StringValue != nil {
			a.Value = []byte(*v.StringValue)
		}
		m.Attributes = append(m.Attributes, a)
	}
	switch protocol.Or(structure, "") {
	case "":
	case "json":
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			return m, parameter("Message Structure - JSON message body failed to parse")
		}
		m.PerTarget = map[string]string{}
		for k, v := range doc {
			if s, ok := v.(string); ok { // others are ignored, as keys of unknown protocols are
				m.PerTarget[k] = s
			}
		}
		if _, ok := m.PerTarget["default"]; !ok {
			return m, parameter("Message Structure - No default entry in JSON message body")
		}
	default:
		return m, parameter("MessageStructure: want json")
	}
	return m, nil
}

func (a *api) publish(ctx context.Context, c *protocol.Call, in *PublishInput) (*PublishResponse, error) {
	if in.PhoneNumber != nil {
		return nil, parameter("PhoneNumber Reason: Tarn does not send SMS")
	}
	arn := protocol.Or(in.TopicArn, protocol.Or(in.TargetArn, ""))
	if in.TopicArn == nil && in.TargetArn == nil {
		return nil, parameter("TopicArn or TargetArn Reason: no value for required parameter")
	}
	if in.TargetArn != nil {
		if _, _, ok := topic.ParseARN(arn); !ok || regexp.MustCompile(`:(app|endpoint)/`).MatchString(arn) {
			return nil, parameter("TargetArn Reason: No endpoint found for the target arn specified")
		}
	}
	r, err := parseTopic(c, arn)
	if err != nil {
		return nil, err
	}
	m, err := message(in.Message, in.Subject, in.MessageStructure, in.MessageAttributes, in.MessageGroupId, in.MessageDeduplicationId)
	if err != nil {
		return nil, err
	}
	m.Trace = trace(c)
	sent, errs, err := a.topics.Publish(ctx, r, []topic.Message{m})
	if err != nil {
		return nil, err
	}
	return &PublishResponse{MessageId: &sent[0].ID, SequenceNumber: protocol.Some(sent[0].Sequence)}, errs[0]
}

// trace is the header that a tracing client sends with a request.
func trace(c *protocol.Call) string {
	if c.HTTP == nil {
		return ""
	}
	return c.HTTP.Header.Get("X-Amzn-Trace-Id")
}

var entryID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

func (a *api) publishBatch(ctx context.Context, c *protocol.Call, in *PublishBatchInput) (*PublishBatchResponse, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	refuse := func(code, format string, args ...any) (*PublishBatchResponse, error) {
		return nil, &protocol.Error{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	if n := len(in.PublishBatchRequestEntries); n == 0 {
		return refuse(Code_EmptyBatchRequestException, "The batch request doesn't contain any entries.")
	} else if n > topic.MaxBatch {
		return refuse(Code_TooManyEntriesInBatchRequestException, "The batch request contains more entries than permissible.")
	}
	out := &PublishBatchResponse{Successful: []PublishBatchResultEntry{}, Failed: []BatchResultErrorEntry{}}
	seen, size := map[string]bool{}, 0
	var list []topic.Message
	var ids []string
	for i := range in.PublishBatchRequestEntries {
		e := &in.PublishBatchRequestEntries[i]
		if !entryID.MatchString(e.Id) {
			what := "contains an impermissible character"
			if len(e.Id) > 80 {
				what = "is too long"
			}
			return refuse(Code_InvalidBatchEntryIdException, "The Id of a batch entry in the batch request %s: %s", what, e.Id)
		}
		if seen[e.Id] {
			return refuse(Code_BatchEntryIdsNotDistinctException, "Two or more batch entries in the request have the same Id.")
		}
		seen[e.Id] = true
		m, err := message(e.Message, e.Subject, e.MessageStructure, e.MessageAttributes, e.MessageGroupId, e.MessageDeduplicationId)
		if err != nil {
			return nil, err
		}
		m.Trace = trace(c)
		size += m.Size()
		list, ids = append(list, m), append(ids, e.Id)
	}
	if size > topic.MaxMessageBytes {
		return refuse(Code_BatchRequestTooLongException, "The length of all the messages put together is more than the limit.")
	}
	sent, errs, err := a.topics.Publish(ctx, r, list)
	if err != nil {
		return nil, err
	}
	for i := range ids {
		if errs[i] != nil { // then none is published
			return nil, errs[i]
		}
		out.Successful = append(out.Successful, PublishBatchResultEntry{Id: &ids[i], MessageId: &sent[i].ID, SequenceNumber: protocol.Some(sent[i].Sequence)})
	}
	return out, nil
}
