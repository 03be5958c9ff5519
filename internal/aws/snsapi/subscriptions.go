package snsapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/topic"
)

// setAttribute changes an attribute of a subscription; "" takes it back.
func setAttribute(s *topic.Subscription, name, v string) error {
	switch name {
	case "RawMessageDelivery":
		b := strings.EqualFold(v, "true")
		if !b && !strings.EqualFold(v, "false") {
			return parameter("RawMessageDelivery: Invalid value [%s]. Must be true or false.", v)
		}
		if b && s.Protocol != "sqs" && s.Protocol != "http" && s.Protocol != "https" {
			return parameter("RawMessageDelivery: Delivery protocol [%s] does not support raw message delivery.", s.Protocol)
		}
		s.Raw = b
	case "FilterPolicy":
		if v == "{}" {
			v = ""
		}
		s.Filter = v
	case "FilterPolicyScope":
		if v != "MessageAttributes" && v != "MessageBody" {
			return parameter("FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", v)
		}
		s.OnBody = v == "MessageBody"
	case "RedrivePolicy":
		if v == "" {
			s.Dead = ""
			return nil
		}
		var doc struct {
			Target string `json:"deadLetterTargetArn"`
		}
		if err := json.Unmarshal([]byte(v), &doc); err != nil {
			return parameter("RedrivePolicy: failed to parse JSON. %v", err)
		}
		if a, err := ident.ParseARN(doc.Target); err != nil || a.Service != "sqs" {
			return parameter("RedrivePolicy: deadLetterTargetArn is an invalid arn")
		}
		s.Dead = doc.Target
	case "DeliveryPolicy":
		if v != "" && s.Protocol != "http" && s.Protocol != "https" {
			return parameter("DeliveryPolicy: Delivery protocol [%s] has no delivery policy.", s.Protocol)
		}
		if _, err := topic.ParseDeliveryPolicy(v, false); err != nil {
			return err
		}
		s.Retry = v
	default:
		return parameter("AttributeName")
	}
	return nil
}

func (a *api) subscribe(ctx context.Context, c *protocol.Call, in *SubscribeInput) (*SubscribeResponse, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	s := topic.Subscription{Topic: r, Owner: c.Account, Principal: c.Principal.ARN, Protocol: in.Protocol, Endpoint: protocol.Or(in.Endpoint, "")}
	if s, err = a.topics.Subscribe(ctx, s, func(s *topic.Subscription) error {
		for k, v := range in.Attributes {
			if err := setAttribute(s, k, v); err != nil {
				return ofAttributes(err)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if s.Pending && !protocol.Or(in.ReturnSubscriptionArn, false) {
		return &SubscribeResponse{SubscriptionArn: new("pending confirmation")}, nil
	}
	return &SubscribeResponse{SubscriptionArn: new(s.ARN())}, nil
}

// ofAttributes says of an attribute that is refused that it came with a subscription.
func ofAttributes(err error) error {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return err
	}
	what := strings.TrimPrefix(e.Message, "Invalid parameter: ")
	return &protocol.Error{Code: e.Code, Message: "Invalid parameter: Attributes Reason: " + what}
}

// confirm is called by the link in a confirmation, which is not signed, or by a client. Only the latter can ask for
// removals to be signed.
func (a *api) confirm(ctx context.Context, c *protocol.Call, in *ConfirmSubscriptionInput) (*ConfirmSubscriptionResponse, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	if !c.Principal.Anonymous() {
		if e := c.Allowed(ctx, protocol.Access{Action: "sns:ConfirmSubscription", Resource: r.ARN()}); e != nil {
			return nil, e
		}
	}
	if strings.Trim(in.Token, "0123456789abcdefABCDEF") != "" {
		return nil, &protocol.Error{Code: Code_InvalidParameterException, Message: "Invalid token"}
	}
	if _, _, err := a.topics.Get(r); err != nil {
		return nil, parameter("Token")
	}
	s, err := a.topics.Confirm(ctx, r, in.Token, protocol.Or(in.AuthenticateOnUnsubscribe, "") == "true" && !c.Principal.Anonymous())
	if err != nil {
		return nil, err
	}
	return &ConfirmSubscriptionResponse{SubscriptionArn: new(s.ARN())}, nil
}

// unsubscribe is called by the link in a notification too, which is not signed.
func (a *api) unsubscribe(ctx context.Context, c *protocol.Call, in *UnsubscribeInput) (*UnsubscribeOutput, error) {
	r, id, err := parseSubscription(c, in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	if s, err := a.topics.Subscription(r, id); c.Principal.Anonymous() && err == nil && s.Outside() && !s.Authenticated {
		return &UnsubscribeOutput{}, a.topics.Unsubscribe(ctx, r, id)
	}
	if e := c.Allowed(ctx, protocol.Access{Action: "sns:Unsubscribe", Resource: r.ARN()}); e != nil {
		return nil, e
	}
	return &UnsubscribeOutput{}, a.topics.Unsubscribe(ctx, r, id)
}

func shown(list []topic.Subscription) []Subscription {
	out := []Subscription{}
	for _, s := range list {
		arn := s.ARN()
		if s.Pending {
			arn = "PendingConfirmation"
		}
		out = append(out, Subscription{Endpoint: new(s.Endpoint), Owner: new(s.Owner), Protocol: new(s.Protocol), SubscriptionArn: &arn, TopicArn: new(s.Topic.ARN())})
	}
	return out
}

func (a *api) listSubscriptions(_ context.Context, c *protocol.Call, in *ListSubscriptionsInput) (*ListSubscriptionsResponse, error) {
	list, next := a.topics.Subscriptions(c.Scope, protocol.Or(in.NextToken, ""), pageSize)
	return &ListSubscriptionsResponse{Subscriptions: shown(list), NextToken: protocol.Some(next)}, nil
}

func (a *api) listByTopic(_ context.Context, c *protocol.Call, in *ListSubscriptionsByTopicInput) (*ListSubscriptionsByTopicResponse, error) {
	r, err := parseTopic(c, in.TopicArn)
	if err != nil {
		return nil, err
	}
	_, subs, err := a.topics.Get(r)
	if err != nil {
		return nil, err
	}
	var list []topic.Subscription
	out := &ListSubscriptionsByTopicResponse{}
	for _, s := range subs { // in the order of their ids
		if s.ID <= protocol.Or(in.NextToken, "") {
			continue
		}
		if len(list) == pageSize {
			out.NextToken = new(list[pageSize-1].ID)
			break
		}
		list = append(list, s)
	}
	out.Subscriptions = shown(list)
	return out, nil
}

func (a *api) getSubscription(_ context.Context, c *protocol.Call, in *GetSubscriptionAttributesInput) (*GetSubscriptionAttributesResponse, error) {
	r, id, err := parseSubscription(c, in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	s, err := a.topics.Subscription(r, id)
	if err != nil {
		return nil, err
	}
	m := map[string]string{
		"SubscriptionArn": s.ARN(), "TopicArn": s.Topic.ARN(), "Owner": s.Owner, "Protocol": s.Protocol, "Endpoint": s.Endpoint, "PendingConfirmation": strconv.FormatBool(s.Pending),
		"ConfirmationWasAuthenticated": strconv.FormatBool(s.Authenticated || !s.Outside() && !s.Foreign()), "RawMessageDelivery": strconv.FormatBool(s.Raw), "SubscriptionPrincipal": cmp.Or(s.Principal, "arn:aws:iam::"+s.Owner+":root"),
	}
	if s.Filter != "" {
		m["FilterPolicy"], m["FilterPolicyScope"] = s.Filter, map[bool]string{false: "MessageAttributes", true: "MessageBody"}[s.OnBody]
	}
	if s.Retry != "" {
		m["DeliveryPolicy"] = s.Retry
	}
	if t, _, err := a.topics.Get(r); err == nil && (s.Protocol == "http" || s.Protocol == "https") {
		p := topic.EffectivePolicy(&t, &s)
		var throttle map[string]int
		if p.PerSecond > 0 {
			throttle = map[string]int{"maxReceivesPerSecond": p.PerSecond}
		}
		doc := map[string]any{"healthyRetryPolicy": p.Retry, "sicklyRetryPolicy": nil, "throttlePolicy": throttle, "requestPolicy": map[string]string{"headerContentType": contentType(p)}, "guaranteed": false}
		text, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		m["EffectiveDeliveryPolicy"] = string(text)
	}
	if s.Dead != "" {
		text, err := json.Marshal(map[string]string{"deadLetterTargetArn": s.Dead})
		if err != nil {
			return nil, err
		}
		m["RedrivePolicy"] = string(text)
	}
	return &GetSubscriptionAttributesResponse{Attributes: m}, nil
}

func (a *api) setSubscription(ctx context.Context, c *protocol.Call, in *SetSubscriptionAttributesInput) (*SetSubscriptionAttributesOutput, error) {
	r, id, err := parseSubscription(c, in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	return &SetSubscriptionAttributesOutput{}, a.topics.Change(ctx, r, id, func(s *topic.Subscription) error {
		return setAttribute(s, in.AttributeName, protocol.Or(in.AttributeValue, ""))
	})
}

func contentType(p topic.HTTPPolicy) string {
	if p.ContentType != "" {
		return p.ContentType
	}
	return "text/plain; charset=UTF-8"
}
