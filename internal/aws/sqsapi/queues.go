package sqsapi

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/queue"
)

func (a *api) createQueue(ctx context.Context, c *protocol.Call, in *CreateQueueRequest) (*CreateQueueResult, error) {
	if in.QueueName == "" {
		return nil, missing("QueueName")
	}
	set := queue.Defaults()
	if err := applyAttributes(&set, in.Attributes, true); err != nil {
		return nil, err
	}
	q, err := a.Queues.Create(ctx, queue.Ref{Scope: c.Scope, Name: in.QueueName}, set, in.Tags, func(have queue.Settings) error {
		want := have // what the request does not name may differ
		if err := applyAttributes(&want, in.Attributes, true); err != nil {
			return err
		}
		if !reflect.DeepEqual(have, want) {
			old := attributesOf(queue.Queue{Settings: have}, queue.Counts{})
			for n, v := range attributesOf(queue.Queue{Settings: want}, queue.Counts{}) {
				if old[n] != v {
					return &protocol.Error{Code: Code_QueueNameExists, Message: "A queue already exists with the same name and a different value for attribute " + string(n)}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateQueueResult{QueueUrl: a.url(c, q.Ref)}, nil
}

func (a *api) deleteQueue(ctx context.Context, c *protocol.Call, in *DeleteQueueRequest) (*DeleteQueueOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &DeleteQueueOutput{}, a.Queues.Delete(ctx, r)
}

func (a *api) getQueueURL(ctx context.Context, c *protocol.Call, in *GetQueueUrlRequest) (*GetQueueUrlResult, error) {
	if in.QueueName == "" {
		return nil, missing("QueueName")
	}
	r := queue.Ref{Scope: ident.Scope{Account: protocol.Or(in.QueueOwnerAWSAccountId, c.Account), Region: c.Region}, Name: in.QueueName}
	if _, err := a.Queues.Get(ctx, r); err != nil {
		return nil, err
	}
	return &GetQueueUrlResult{QueueUrl: a.url(c, r)}, nil
}

// page checks MaxResults. Without it a list has up to 1,000 entries and no token.
func page(max *int32, token *string) (limit int, start string, err error) {
	if max == nil {
		if token != nil && *token != "" {
			return 0, "", &protocol.Error{Code: "InvalidParameterValue", Message: "MaxResults must be set where NextToken is."}
		}
		return 1000, "", nil
	}
	if *max < 1 || *max > 1000 {
		return 0, "", badParameter("MaxResults", fmt.Sprint(*max), "Must be an integer from 1 to 1000, if provided.")
	}
	return int(*max), protocol.Or(token, ""), nil
}

func (a *api) listQueues(_ context.Context, c *protocol.Call, in *ListQueuesRequest) (*ListQueuesResult, error) {
	limit, start, err := page(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	list, next := a.Queues.List(c.Scope, protocol.Or(in.QueueNamePrefix, ""), start, limit)
	out := &ListQueuesResult{}
	for _, q := range list {
		out.QueueUrls = append(out.QueueUrls, *a.url(c, q.Ref))
	}
	if in.MaxResults != nil {
		out.NextToken = protocol.Some(next)
	}
	return out, nil
}

func (a *api) listSources(_ context.Context, c *protocol.Call, in *ListDeadLetterSourceQueuesRequest) (*ListDeadLetterSourceQueuesResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	limit, start, err := page(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Queues.Sources(r, start, limit)
	if err != nil {
		return nil, err
	}
	out := &ListDeadLetterSourceQueuesResult{QueueUrls: []string{}}
	for _, q := range list {
		out.QueueUrls = append(out.QueueUrls, *a.url(c, q))
	}
	if in.MaxResults != nil {
		out.NextToken = protocol.Some(next)
	}
	return out, nil
}

func (a *api) getAttributes(ctx context.Context, c *protocol.Call, in *GetQueueAttributesRequest) (*GetQueueAttributesResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q, err := a.Queues.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	n, err := a.Queues.Counts(ctx, r)
	if err != nil {
		return nil, err
	}
	all := attributesOf(q, n)
	known := slices.Collect(maps.Values(knownAttributes))
	out := &GetQueueAttributesResult{}
	for _, n := range in.AttributeNames {
		name := QueueAttributeName(n)
		if name != QueueAttributeName_All && !slices.Contains(known, name) {
			return nil, &protocol.Error{Code: Code_InvalidAttributeName, Message: "Unknown Attribute " + string(name) + "."}
		}
		for k, v := range all {
			if name == QueueAttributeName_All || name == k {
				if out.Attributes == nil {
					out.Attributes = map[string]string{}
				}
				out.Attributes[string(k)] = v
			}
		}
	}
	return out, nil
}

// knownAttributes are the names that GetQueueAttributes may ask for.
var knownAttributes = func() map[string]QueueAttributeName {
	m := map[string]QueueAttributeName{}
	for _, n := range []QueueAttributeName{
		QueueAttributeName_Policy, QueueAttributeName_VisibilityTimeout, QueueAttributeName_MaximumMessageSize, QueueAttributeName_MessageRetentionPeriod,
		QueueAttributeName_ApproximateNumberOfMessages, QueueAttributeName_ApproximateNumberOfMessagesNotVisible, QueueAttributeName_CreatedTimestamp,
		QueueAttributeName_LastModifiedTimestamp, QueueAttributeName_QueueArn, QueueAttributeName_ApproximateNumberOfMessagesDelayed,
		QueueAttributeName_DelaySeconds, QueueAttributeName_ReceiveMessageWaitTimeSeconds, QueueAttributeName_RedrivePolicy, QueueAttributeName_FifoQueue,
		QueueAttributeName_ContentBasedDeduplication, QueueAttributeName_KmsMasterKeyId, QueueAttributeName_KmsDataKeyReusePeriodSeconds,
		QueueAttributeName_DeduplicationScope, QueueAttributeName_FifoThroughputLimit, QueueAttributeName_RedriveAllowPolicy, QueueAttributeName_SqsManagedSseEnabled,
	} {
		m[string(n)] = n
	}
	return m
}()

func (a *api) setAttributes(ctx context.Context, c *protocol.Call, in *SetQueueAttributesRequest) (*SetQueueAttributesOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if len(in.Attributes) == 0 {
		return nil, missing("Attribute.Name")
	}
	return &SetQueueAttributesOutput{}, a.Queues.Configure(ctx, r, func(s *queue.Settings) error { return applyAttributes(s, in.Attributes, false) })
}

func (a *api) purge(ctx context.Context, c *protocol.Call, in *PurgeQueueRequest) (*PurgeQueueOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &PurgeQueueOutput{}, a.Queues.Purge(ctx, r)
}

func (a *api) tag(ctx context.Context, c *protocol.Call, in *TagQueueRequest) (*TagQueueOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, missing("Tags")
	}
	for k, v := range in.Tags {
		if k == "" || len(k) > 128 || len(v) > 256 {
			return nil, badParameter("Tags", k, "Tag keys must be between 1 and 128 characters in length, and values at most 256.")
		}
	}
	return &TagQueueOutput{}, a.Queues.Tag(ctx, r, in.Tags)
}

func (a *api) untag(ctx context.Context, c *protocol.Call, in *UntagQueueRequest) (*UntagQueueOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &UntagQueueOutput{}, a.Queues.Untag(ctx, r, in.TagKeys)
}

func (a *api) listTags(ctx context.Context, c *protocol.Call, in *ListQueueTagsRequest) (*ListQueueTagsResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q, err := a.Queues.Get(ctx, r)
	if len(q.Tags) == 0 {
		return &ListQueueTagsResult{}, err
	}
	return &ListQueueTagsResult{Tags: q.Tags}, err
}
