package snsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/topic"
)

const pageSize = 100

// topicAttributes are those that can be set; the value says whether only at creation.
var topicAttributes = map[string]bool{
	"DisplayName": false, "Policy": false, "DeliveryPolicy": false, "ContentBasedDeduplication": false, "FifoTopic": true, "SignatureVersion": false,
	"TracingConfig": false, "FifoThroughputScope": false,
}

func checkAttribute(name, value string, creating bool) error {
	once, ok := topicAttributes[name]
	switch {
	case name == "KmsMasterKeyId" && value != "":
		return parameter("KmsMasterKeyId Reason: Tarn has no KMS keys")
	case !ok && name != "KmsMasterKeyId", once && !creating:
		return parameter("AttributeName")
	case name == "DisplayName" && len(value) > 100:
		return parameter("DisplayName Reason: want at most 100 characters")
	case name == "SignatureVersion" && value != "" && value != "1" && value != "2":
		return parameter("SignatureVersion Reason: %q: want 1 or 2", value)
	case name == "FifoThroughputScope" && value != "" && value != "Topic" && value != "MessageGroup":
		return parameter("FifoThroughputScope Reason: %q: want Topic or MessageGroup", value)
	case name == "DeliveryPolicy":
		_, err := topic.ParseDeliveryPolicy(value, true)
		return err
	}
	return nil
}

func (a *api) createTopic(ctx context.Context, c *protocol.Call, in *CreateTopicInput) (*CreateTopicResponse, error) {
	if protocol.Or(in.DataProtectionPolicy, "") != "" {
		return nil, parameter("DataProtectionPolicy Reason: it is not supported")
	}
	for k, v := range in.Attributes {
		if err := checkAttribute(k, v, true); err != nil {
			return nil, err
		}
	}
	tags := map[string]string{}
	for _, t := range in.Tags {
		tags[t.Key] = t.Value
	}
	if in.Attributes["FifoTopic"] == "false" { // as if it were not given
		delete(in.Attributes, "FifoTopic")
	}
	t, err := a.topics.Create(ctx, topic.Ref{Scope: c.Scope, Name: in.Name}, in.Attributes, tags)
	if err != nil {
		return nil, err
	}
	return &CreateTopicResponse{TopicArn: new(t.ARN())}, nil
}

func (a *api) deleteTopic(ctx context.Context, c *protocol.Call, in *DeleteTopicInput) (*DeleteTopicOutput, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	return &DeleteTopicOutput{}, a.topics.Delete(ctx, r)
}

func (a *api) listTopics(_ context.Context, c *protocol.Call, in *ListTopicsInput) (*ListTopicsResponse, error) {
	list, next := a.topics.List(c.Scope, protocol.Or(in.NextToken, ""), pageSize)
	out := &ListTopicsResponse{NextToken: protocol.Some(next), Topics: []Topic{}}
	for _, r := range list {
		out.Topics = append(out.Topics, Topic{TopicArn: new(r.ARN())})
	}
	return out, nil
}

func (a *api) getTopicAttributes(_ context.Context, c *protocol.Call, in *GetTopicAttributesInput) (*GetTopicAttributesResponse, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	t, subs, err := a.topics.Get(r)
	if err != nil {
		return nil, err
	}
	m := map[string]string{"DisplayName": "", "Policy": defaultPolicy(r)}
	for k, v := range t.Attributes {
		m[k] = v
	}
	m["TopicArn"], m["Owner"] = r.ARN(), r.Account
	pending := 0
	for i := range subs {
		if subs[i].Pending {
			pending++
		}
	}
	m["SubscriptionsConfirmed"], m["SubscriptionsPending"], m["SubscriptionsDeleted"] = strconv.Itoa(len(subs)-pending), strconv.Itoa(pending), "0"
	if r.FIFO() {
		m["ContentBasedDeduplication"] = cmp.Or(m["ContentBasedDeduplication"], "false")
	}
	p := topic.EffectivePolicy(&t, nil)
	text, err := json.Marshal(map[string]any{"http": map[string]any{
		"defaultHealthyRetryPolicy": p.Retry, "disableSubscriptionOverrides": p.NoOverrides, "defaultRequestPolicy": map[string]string{"headerContentType": contentType(p)},
	}})
	if err != nil {
		return nil, err
	}
	m["EffectiveDeliveryPolicy"] = string(text)
	return &GetTopicAttributesResponse{Attributes: m}, nil
}

// defaultPolicy is what AWS shows of a topic that was given no policy: the owner's principals may use it.
func defaultPolicy(r topic.Ref) string {
	return fmt.Sprintf(`{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":%q,"Condition":{"StringEquals":{"AWS:SourceOwner":%q}}}]}`, r.ARN(), r.Account)
}

func (a *api) setTopicAttributes(ctx context.Context, c *protocol.Call, in *SetTopicAttributesInput) (*SetTopicAttributesOutput, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	v := protocol.Or(in.AttributeValue, "")
	if err := checkAttribute(in.AttributeName, v, false); err != nil {
		return nil, err
	}
	return &SetTopicAttributesOutput{}, a.topics.Update(ctx, r, func(attrs, _ map[string]string) error {
		if v == "" {
			delete(attrs, in.AttributeName)
		} else {
			attrs[in.AttributeName] = v
		}
		return nil
	})
}

// statements edits those of a topic's policy.
func (a *api) statements(ctx context.Context, c *protocol.Call, arn string, edit func(topic.Ref, []any) ([]any, error)) error {
	r, err := parseTopic(c, arn)
	if err != nil {
		return err
	}
	return a.topics.Update(ctx, r, func(attrs, _ map[string]string) error {
		text := attrs["Policy"]
		if text == "" {
			text = defaultPolicy(r)
		}
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			return err
		}
		list, ok := doc["Statement"].([]any)
		if !ok {
			list = []any{doc["Statement"]}
		}
		if list, err = edit(r, list); err != nil {
			return err
		}
		doc["Statement"] = list
		out, err := json.Marshal(doc)
		attrs["Policy"] = string(out)
		return err
	})
}

func labelled(list []any, label string) int {
	return slices.IndexFunc(list, func(s any) bool { m, ok := s.(map[string]any); return ok && m["Sid"] == label })
}

// topicActions are those that a statement of a topic's policy may name.
var topicActions = []string{
	"*", "AddPermission", "DeleteTopic", "GetDataProtectionPolicy", "GetTopicAttributes", "ListSubscriptionsByTopic", "ListTagsForResource", "Publish",
	"PutDataProtectionPolicy", "Receive", "RemovePermission", "SetTopicAttributes", "Subscribe",
}

// single is a list as policies have it: a list of one is written as its element.
func single(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func (a *api) addPermission(ctx context.Context, c *protocol.Call, in *AddPermissionInput) (*AddPermissionOutput, error) {
	return &AddPermissionOutput{}, a.statements(ctx, c, in.TopicArn, func(r topic.Ref, list []any) ([]any, error) {
		if labelled(list, in.Label) >= 0 {
			return nil, parameter("Statement already exists")
		}
		var who, what []string
		for _, id := range in.AWSAccountId {
			who = append(who, "arn:aws:iam::"+id+":root")
		}
		for _, n := range in.ActionName {
			if !slices.Contains(topicActions, n) {
				return nil, parameter("Policy statement action out of service scope!")
			}
			what = append(what, "SNS:"+n)
		}
		return append(list, map[string]any{"Sid": in.Label, "Effect": "Allow", "Principal": map[string]any{"AWS": single(who)}, "Action": single(what), "Resource": r.ARN()}), nil
	})
}

func (a *api) removePermission(ctx context.Context, c *protocol.Call, in *RemovePermissionInput) (*RemovePermissionOutput, error) {
	return &RemovePermissionOutput{}, a.statements(ctx, c, in.TopicArn, func(_ topic.Ref, list []any) ([]any, error) {
		if i := labelled(list, in.Label); i >= 0 {
			list = slices.Delete(list, i, i+1)
		}
		return list, nil
	})
}

func (a *api) listTags(_ context.Context, c *protocol.Call, in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	r, err := parseTopic(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	t, _, err := a.topics.Get(r)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceResponse{Tags: []Tag{}}
	for k, v := range t.Tags {
		out.Tags = append(out.Tags, Tag{Key: k, Value: v})
	}
	return out, nil
}

func (a *api) tag(ctx context.Context, c *protocol.Call, in *TagResourceRequest) (*TagResourceResponse, error) {
	r, err := parseTopic(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for i, t := range in.Tags {
		if slices.ContainsFunc(in.Tags[:i], func(o Tag) bool { return o.Key == t.Key }) {
			return nil, parameter("Duplicated keys are not allowed.")
		}
	}
	return &TagResourceResponse{}, a.topics.Update(ctx, r, func(_, tags map[string]string) error {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		if len(tags) > 50 {
			return &protocol.Error{Code: Code_TagLimitExceededException, Message: "Could not complete request: tag quota of per resource exceeded"}
		}
		return nil
	})
}

func (a *api) untag(ctx context.Context, c *protocol.Call, in *UntagResourceRequest) (*UntagResourceResponse, error) {
	r, err := parseTopic(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &UntagResourceResponse{}, a.topics.Update(ctx, r, func(_, tags map[string]string) error {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return nil
	})
}
