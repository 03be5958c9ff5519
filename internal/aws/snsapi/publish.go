package snsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/topic"
)

// message puts together what a request gives of a message.
func message(text string, subject, structure *string, attrs map[string]MessageAttributeValue, group, dedup *string) (topic.Message, error) {
	m := topic.Message{Body: text, Subject: protocol.Or(subject, ""), Group: protocol.Or(group, ""), DedupID: protocol.Or(dedup, "")}
	for name, v := range attrs {
		a := topic.Attribute{Name: name, Type: v.DataType, Value: v.BinaryValue}
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

func (a *api) publish(ctx context.Context, _ *protocol.Call, in *PublishInput) (*PublishResponse, error) {
	if in.PhoneNumber != nil {
		return nil, parameter("PhoneNumber Reason: Tarn does not send SMS")
	}
	arn := protocol.Or(in.TopicArn, protocol.Or(in.TargetArn, ""))
	if arn == "" {
		return nil, parameter("TopicArn or TargetArn Reason: no value for required parameter")
	}
	if in.TargetArn != nil {
		if _, _, ok := topic.ParseARN(arn); !ok || regexp.MustCompile(`:(app|endpoint)/`).MatchString(arn) {
			return nil, parameter("TargetArn Reason: Tarn has no mobile push: give a topic")
		}
	}
	r, err := parseTopic(arn)
	if err != nil {
		return nil, err
	}
	m, err := message(in.Message, in.Subject, in.MessageStructure, in.MessageAttributes, in.MessageGroupId, in.MessageDeduplicationId)
	if err != nil {
		return nil, err
	}
	sent, errs, err := a.topics.Publish(ctx, r, []topic.Message{m})
	if err != nil {
		return nil, err
	}
	return &PublishResponse{MessageId: &sent[0].ID, SequenceNumber: protocol.Some(sent[0].Sequence)}, errs[0]
}

var entryID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

func (a *api) publishBatch(ctx context.Context, _ *protocol.Call, in *PublishBatchInput) (*PublishBatchResponse, error) {
	r, err := parseTopic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	refuse := func(code, format string, args ...any) (*PublishBatchResponse, error) {
		return nil, &protocol.Error{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	if n := len(in.PublishBatchRequestEntries); n == 0 {
		return refuse(Code_EmptyBatchRequestException, "The batch request doesn't contain any entries.")
	} else if n > topic.MaxBatch {
		return refuse(Code_TooManyEntriesInBatchRequestException, "The batch request contains more entries than permissible: %d, want at most %d.", n, topic.MaxBatch)
	}
	out := &PublishBatchResponse{Successful: []PublishBatchResultEntry{}, Failed: []BatchResultErrorEntry{}}
	seen, size := map[string]bool{}, 0
	var list []topic.Message
	var ids []string
	fail := func(id string, err error) error {
		f, ok := batchError(id, err)
		if !ok {
			return err
		}
		out.Failed = append(out.Failed, f)
		return nil
	}
	for i := range in.PublishBatchRequestEntries {
		e := &in.PublishBatchRequestEntries[i]
		if !entryID.MatchString(e.Id) {
			return refuse(Code_InvalidBatchEntryIdException, "The Id of a batch entry in a batch request doesn't abide by the specification: %q.", e.Id)
		}
		if seen[e.Id] {
			return refuse(Code_BatchEntryIdsNotDistinctException, "Two or more batch entries in the request have the same Id: %s.", e.Id)
		}
		seen[e.Id] = true
		m, err := message(e.Message, e.Subject, e.MessageStructure, e.MessageAttributes, e.MessageGroupId, e.MessageDeduplicationId)
		if err != nil {
			if err := fail(e.Id, err); err != nil {
				return nil, err
			}
			continue
		}
		size += m.Size()
		list, ids = append(list, m), append(ids, e.Id)
	}
	if size > topic.MaxMessageBytes {
		return refuse(Code_BatchRequestTooLongException, "The length of all the batch messages put together is more than the limit: %d, want at most %d bytes.", size, topic.MaxMessageBytes)
	}
	sent, errs, err := a.topics.Publish(ctx, r, list)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if errs[i] != nil {
			if err := fail(id, errs[i]); err != nil {
				return nil, err
			}
			continue
		}
		out.Successful = append(out.Successful, PublishBatchResultEntry{Id: &ids[i], MessageId: &sent[i].ID, SequenceNumber: protocol.Some(sent[i].Sequence)})
	}
	return out, nil
}
