package snsapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/topic"
)

type api struct{ topics *topic.Engine }

// New returns the operation table of Amazon SNS.
func New(topics *topic.Engine) *protocol.Service {
	a := &api{topics}
	return &protocol.Service{
		Name: "sns", Model: Model, MapError: mapError, ResourcePolicy: a.resourcePolicy,
		ValidationCode: "ValidationError", UnsupportedCode: Code_InvalidParameterException, AccessDeniedCode: Code_AuthorizationErrorException,
		Ops: []protocol.Op{
			protocol.Handle("CreateTopic", func(c *protocol.Call, r *CreateTopicInput) []string { return []string{c.ARN("sns", r.Name)} }, a.createTopic),
			protocol.Handle("DeleteTopic", of(func(r *DeleteTopicInput) string { return r.TopicArn }), a.deleteTopic),
			protocol.Handle("ListTopics", nil, a.listTopics),
			protocol.Handle("GetTopicAttributes", of(func(r *GetTopicAttributesInput) string { return r.TopicArn }), a.getTopicAttributes),
			protocol.Handle("SetTopicAttributes", of(func(r *SetTopicAttributesInput) string { return r.TopicArn }), a.setTopicAttributes),
			protocol.Handle("AddPermission", of(func(r *AddPermissionInput) string { return r.TopicArn }), a.addPermission),
			protocol.Handle("RemovePermission", of(func(r *RemovePermissionInput) string { return r.TopicArn }), a.removePermission),
			protocol.Handle("ListTagsForResource", of(func(r *ListTagsForResourceRequest) string { return r.ResourceArn }), a.listTags),
			protocol.Handle("TagResource", of(func(r *TagResourceRequest) string { return r.ResourceArn }), a.tag),
			protocol.Handle("UntagResource", of(func(r *UntagResourceRequest) string { return r.ResourceArn }), a.untag),

			protocol.Handle("Subscribe", of(func(r *SubscribeInput) string { return r.TopicArn }), a.subscribe),
			public(protocol.Handle("ConfirmSubscription", nil, a.confirm)),
			public(protocol.Handle("Unsubscribe", nil, a.unsubscribe)),
			protocol.Handle("ListSubscriptions", nil, a.listSubscriptions),
			protocol.Handle("ListSubscriptionsByTopic", of(func(r *ListSubscriptionsByTopicInput) string { return r.TopicArn }), a.listByTopic),
			protocol.Handle("GetSubscriptionAttributes", of(func(r *GetSubscriptionAttributesInput) string { return topicOf(r.SubscriptionArn) }), a.getSubscription),
			protocol.Handle("SetSubscriptionAttributes", of(func(r *SetSubscriptionAttributesInput) string { return topicOf(r.SubscriptionArn) }), a.setSubscription),

			protocol.Handle("Publish", of(func(r *PublishInput) string { return protocol.Or(r.TopicArn, protocol.Or(r.TargetArn, "*")) }), a.publish),
			protocol.Handle("PublishBatch", of(func(r *PublishBatchInput) string { return r.TopicArn }), a.publishBatch).As("sns:Publish"),
		},
	}
}

func of[In any](arn func(*In) string) func(*protocol.Call, *In) []string {
	return func(_ *protocol.Call, in *In) []string { return []string{arn(in)} }
}

// public lets anybody call an operation: the links in notifications are not signed. The handlers ask the policies about others.
func public(op protocol.Op) protocol.Op {
	op.Public = true
	return op
}

// topicOf returns the ARN of a subscription's topic.
func topicOf(arn string) string {
	if r, _, ok := topic.ParseARN(arn); ok {
		return r.ARN()
	}
	return arn
}

func (a *api) resourcePolicy(_ context.Context, _ *protocol.Call, resource string) (*policy.Document, string, error) {
	r, _, ok := topic.ParseARN(resource)
	if !ok {
		return nil, "", nil
	}
	doc, err := a.topics.Policy(r)
	if err != nil {
		return nil, r.Account, nil // no such topic: the handler tells
	}
	return doc, r.Account, nil
}

var mapTable = protocol.MapErrors([]protocol.ErrorRow{
	{Err: topic.ErrNotFound, Code: Code_NotFoundException, Message: "Topic does not exist"},
	{Err: topic.ErrNoSubscriber, Code: Code_NotFoundException, Message: "Subscription does not exist"},
	{Err: topic.ErrBadParameter, Code: Code_InvalidParameterException},
	{Err: topic.ErrExists, Code: Code_InvalidParameterException},
	{Err: topic.ErrBadAttribute, Code: Code_InvalidParameterValueException},
	{Err: topic.ErrOtherTags, Code: Code_InvalidParameterException},
	{Err: topic.ErrTooLong, Code: Code_InvalidParameterException},
})

func mapError(err error) *protocol.Error {
	e := mapTable(err)
	if e != nil && e.Message != "" {
		e.Message = strings.ToUpper(e.Message[:1]) + e.Message[1:]
	}
	return e
}

func parameter(format string, args ...any) error {
	return &protocol.Error{Code: Code_InvalidParameterException, Message: "Invalid parameter: " + fmt.Sprintf(format, args...)}
}

// parseTopic reads the ARN of a topic, which a region knows if the topic is there.
func parseTopic(c *protocol.Call, arn string) (topic.Ref, error) {
	r, id, ok := topic.ParseARN(arn)
	if !ok || id != "" {
		return r, parameter("TopicArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(arn, ":")+1)
	}
	if r.Region != c.Region && !c.Principal.Anonymous() { // whose links name no region
		return r, parameter("TopicArn")
	}
	return r, nil
}

func parseSubscription(c *protocol.Call, arn string) (topic.Ref, string, error) {
	r, id, ok := topic.ParseARN(arn)
	switch parts := strings.Count(arn, ":") + 1; {
	case arn == "":
		return r, "", parameter("SubscriptionArn Reason: no value for required parameter")
	case parts < 6:
		return r, "", parameter("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", parts)
	case !ok || id == "":
		return r, "", parameter("SubscriptionId")
	case r.Region != c.Region && !c.Principal.Anonymous():
		return r, "", parameter("SubscriptionArn")
	}
	return r, id, nil
}
