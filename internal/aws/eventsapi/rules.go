package eventsapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/eventpattern"
)

func page(n *int32) int { return min(int(protocol.Or(n, 100)), 100) }

func (a *api) createBus(ctx context.Context, c *protocol.Call, in *CreateEventBusRequest) (*CreateEventBusResponse, error) {
	b := event.Bus{BusRef: busRef(c.Scope, &in.Name), Description: protocol.Or(in.Description, "")}
	if len(in.Tags) > 0 {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Tarn keeps tags of rules only: leave Tags out."}
	}
	if err := a.events.CreateBus(ctx, b); err != nil {
		return nil, err
	}
	return &CreateEventBusResponse{EventBusArn: new(b.ARN()), Description: in.Description}, nil
}

func (a *api) deleteBus(ctx context.Context, c *protocol.Call, in *DeleteEventBusRequest) (*DeleteEventBusOutput, error) {
	return &DeleteEventBusOutput{}, a.events.DeleteBus(ctx, busRef(c.Scope, &in.Name))
}

func (a *api) describeBus(_ context.Context, c *protocol.Call, in *DescribeEventBusRequest) (*DescribeEventBusResponse, error) {
	b, err := a.events.Bus(busRef(c.Scope, in.Name))
	if err != nil {
		return nil, err
	}
	return &DescribeEventBusResponse{Arn: new(b.ARN()), Name: &b.Name, Description: protocol.Some(b.Description), CreationTime: protocol.Some(b.Created)}, nil
}

func (a *api) listBuses(_ context.Context, c *protocol.Call, in *ListEventBusesRequest) (*ListEventBusesResponse, error) {
	list, next := a.events.Buses(c.Scope, protocol.Or(in.NamePrefix, ""), protocol.Or(in.NextToken, ""), page(in.Limit))
	out := &ListEventBusesResponse{NextToken: protocol.Some(next), EventBuses: []EventBus{}}
	for _, b := range list {
		out.EventBuses = append(out.EventBuses, EventBus{Arn: new(b.ARN()), Name: new(b.Name), Description: protocol.Some(b.Description), CreationTime: protocol.Some(b.Created)})
	}
	return out, nil
}

func (a *api) putRule(ctx context.Context, c *protocol.Call, in *PutRuleRequest) (*PutRuleResponse, error) {
	r := event.Rule{
		Bus: busRef(c.Scope, in.EventBusName), Name: in.Name, Description: protocol.Or(in.Description, ""), Pattern: protocol.Or(in.EventPattern, ""),
		Schedule: protocol.Or(in.ScheduleExpression, ""), Disabled: protocol.Or(in.State, RuleState_ENABLED) == RuleState_DISABLED, Role: protocol.Or(in.RoleArn, ""),
	}
	for _, t := range in.Tags {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		r.Tags[t.Key] = t.Value
	}
	r, err := a.events.PutRule(ctx, r)
	if err != nil {
		return nil, err
	}
	return &PutRuleResponse{RuleArn: new(r.ARN())}, nil
}

func (a *api) deleteRule(ctx context.Context, c *protocol.Call, in *DeleteRuleRequest) (*DeleteRuleOutput, error) {
	return &DeleteRuleOutput{}, a.events.DeleteRule(ctx, busRef(c.Scope, in.EventBusName), in.Name)
}

func stateOf(r event.Rule) *RuleState {
	if r.Disabled {
		return new(RuleState_DISABLED)
	}
	return new(RuleState_ENABLED)
}

func (a *api) describeRule(_ context.Context, c *protocol.Call, in *DescribeRuleRequest) (*DescribeRuleResponse, error) {
	r, err := a.events.Rule(busRef(c.Scope, in.EventBusName), in.Name)
	if err != nil {
		return nil, err
	}
	return &DescribeRuleResponse{
		Arn: new(r.ARN()), Name: &r.Name, EventBusName: &r.Bus.Name, Description: protocol.Some(r.Description), EventPattern: protocol.Some(r.Pattern),
		ScheduleExpression: protocol.Some(r.Schedule), RoleArn: protocol.Some(r.Role), State: stateOf(r), CreatedBy: &r.Bus.Account,
	}, nil
}

func (a *api) setDisabled(ctx context.Context, c *protocol.Call, bus *string, name string, to bool) error {
	return a.events.Edit(ctx, busRef(c.Scope, bus), name, func(r *event.Rule) error { r.Disabled = to; return nil })
}

func (a *api) enableRule(ctx context.Context, c *protocol.Call, in *EnableRuleRequest) (*EnableRuleOutput, error) {
	return &EnableRuleOutput{}, a.setDisabled(ctx, c, in.EventBusName, in.Name, false)
}

func (a *api) disableRule(ctx context.Context, c *protocol.Call, in *DisableRuleRequest) (*DisableRuleOutput, error) {
	return &DisableRuleOutput{}, a.setDisabled(ctx, c, in.EventBusName, in.Name, true)
}

func (a *api) listRules(_ context.Context, c *protocol.Call, in *ListRulesRequest) (*ListRulesResponse, error) {
	prefix := protocol.Or(in.NamePrefix, "")
	list, next, err := a.events.Rules(busRef(c.Scope, in.EventBusName), func(r event.Rule) bool { return len(r.Name) >= len(prefix) && r.Name[:len(prefix)] == prefix },
		protocol.Or(in.NextToken, ""), page(in.Limit))
	if err != nil {
		return nil, err
	}
	out := &ListRulesResponse{NextToken: protocol.Some(next), Rules: []Rule{}}
	for _, r := range list {
		out.Rules = append(out.Rules, Rule{
			Arn: new(r.ARN()), Name: new(r.Name), EventBusName: new(r.Bus.Name), Description: protocol.Some(r.Description), EventPattern: protocol.Some(r.Pattern),
			ScheduleExpression: protocol.Some(r.Schedule), RoleArn: protocol.Some(r.Role), State: stateOf(r),
		})
	}
	return out, nil
}

func (a *api) listRuleNames(_ context.Context, c *protocol.Call, in *ListRuleNamesByTargetRequest) (*ListRuleNamesByTargetResponse, error) {
	list, next, err := a.events.Rules(busRef(c.Scope, in.EventBusName), func(r event.Rule) bool {
		return slices.ContainsFunc(r.Targets, func(t event.Target) bool { return t.ARN == in.TargetArn })
	}, protocol.Or(in.NextToken, ""), page(in.Limit))
	out := &ListRuleNamesByTargetResponse{NextToken: protocol.Some(next), RuleNames: []string{}}
	for _, r := range list {
		out.RuleNames = append(out.RuleNames, r.Name)
	}
	return out, err
}

const defaultRetries, defaultAge = 185, 24 * time.Hour

func (a *api) putTargets(ctx context.Context, c *protocol.Call, in *PutTargetsRequest) (*PutTargetsResponse, error) {
	for i := range in.Targets {
		t := &in.Targets[i]
		e := event.Target{
			ID: t.Id, ARN: t.Arn, Role: protocol.Or(t.RoleArn, ""), Input: protocol.Or(t.Input, ""), InputPath: protocol.Or(t.InputPath, ""),
			Retries: defaultRetries, MaxAge: defaultAge,
		}
		if t.InputTransformer != nil {
			e.Paths, e.Template = t.InputTransformer.InputPathsMap, t.InputTransformer.InputTemplate
		}
		if t.SqsParameters != nil {
			e.Group = protocol.Or(t.SqsParameters.MessageGroupId, "")
		}
		if t.DeadLetterConfig != nil {
			e.Dead = protocol.Or(t.DeadLetterConfig.Arn, "")
		}
		if p := t.RetryPolicy; p != nil {
			e.Retries = int(protocol.Or(p.MaximumRetryAttempts, defaultRetries))
			e.MaxAge = time.Duration(protocol.Or(p.MaximumEventAgeInSeconds, int32(defaultAge/time.Second))) * time.Second
		}
		if err := a.events.PutTarget(ctx, busRef(c.Scope, in.EventBusName), in.Rule, e); err != nil {
			return nil, err
		}
	}
	return &PutTargetsResponse{FailedEntryCount: new(int32(0)), FailedEntries: []PutTargetsResultEntry{}}, nil
}

func (a *api) removeTargets(ctx context.Context, c *protocol.Call, in *RemoveTargetsRequest) (*RemoveTargetsResponse, error) {
	err := a.events.Edit(ctx, busRef(c.Scope, in.EventBusName), in.Rule, func(r *event.Rule) error {
		r.Targets = slices.DeleteFunc(r.Targets, func(t event.Target) bool { return slices.Contains(in.Ids, t.ID) })
		return nil
	})
	return &RemoveTargetsResponse{FailedEntryCount: new(int32(0)), FailedEntries: []RemoveTargetsResultEntry{}}, err
}

func (a *api) listTargets(_ context.Context, c *protocol.Call, in *ListTargetsByRuleRequest) (*ListTargetsByRuleResponse, error) {
	r, err := a.events.Rule(busRef(c.Scope, in.EventBusName), in.Rule)
	if err != nil {
		return nil, err
	}
	out := &ListTargetsByRuleResponse{Targets: []Target{}}
	for _, t := range r.Targets { // five at most: one page
		e := Target{Id: t.ID, Arn: t.ARN, RoleArn: protocol.Some(t.Role), Input: protocol.Some(t.Input), InputPath: protocol.Some(t.InputPath)}
		if t.Template != "" {
			e.InputTransformer = &InputTransformer{InputPathsMap: t.Paths, InputTemplate: t.Template}
		}
		if t.Group != "" {
			e.SqsParameters = &SqsParameters{MessageGroupId: &t.Group}
		}
		if t.Dead != "" {
			e.DeadLetterConfig = &DeadLetterConfig{Arn: &t.Dead}
		}
		if t.Retries != defaultRetries || t.MaxAge != defaultAge {
			e.RetryPolicy = &RetryPolicy{MaximumRetryAttempts: new(int32(t.Retries)), MaximumEventAgeInSeconds: new(int32(t.MaxAge / time.Second))}
		}
		out.Targets = append(out.Targets, e)
	}
	return out, nil
}

func (a *api) putEvents(ctx context.Context, c *protocol.Call, in *PutEventsRequest) (*PutEventsResponse, error) {
	out := &PutEventsResponse{Entries: make([]PutEventsResultEntry, len(in.Entries)), FailedEntryCount: new(int32(0))}
	var list []event.Event
	var buses []event.BusRef
	var places []int
	size := 0
	refuse := func(i int, code, message string) {
		out.Entries[i] = PutEventsResultEntry{ErrorCode: &code, ErrorMessage: &message}
		*out.FailedEntryCount++
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		detail := protocol.Or(e.Detail, "")
		size += len(detail) + len(protocol.Or(e.Source, "")) + len(protocol.Or(e.DetailType, "")) + 14
		var object map[string]json.RawMessage
		switch {
		case protocol.Or(e.Source, "") == "":
			refuse(i, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.")
		case protocol.Or(e.DetailType, "") == "":
			refuse(i, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.")
		case detail == "":
			refuse(i, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument.")
		case len(*e.Source) > 4 && (*e.Source)[:4] == "aws.":
			refuse(i, "NotAuthorizedForSourceException", "Not authorized for the source.")
		case json.Unmarshal([]byte(detail), &object) != nil:
			refuse(i, "MalformedDetail", "Detail is malformed.")
		default:
			ev := event.Event{Source: *e.Source, DetailType: *e.DetailType, Detail: json.RawMessage(detail), Resources: e.Resources}
			if e.Time != nil {
				ev.Time = *e.Time
			}
			list, buses, places = append(list, ev), append(buses, busRef(c.Scope, e.EventBusName)), append(places, i)
		}
	}
	if size > event.MaxEventBytes {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Total size of the entries in the request is over the limit."}
	}
	ids, errs, err := a.events.Put(ctx, list, buses)
	if err != nil {
		return nil, err
	}
	for j, i := range places {
		switch {
		case errors.Is(errs[j], event.ErrNotFound):
			// AWS accepts events for buses that do not exist, and loses them. Here they are refused.
			refuse(i, "InvalidArgument", errs[j].Error())
		case errs[j] != nil:
			refuse(i, "MalformedDetail", errs[j].Error())
		default:
			out.Entries[i].EventId = &ids[j]
		}
	}
	return out, nil
}

func (a *api) testPattern(_ context.Context, _ *protocol.Call, in *TestEventPatternRequest) (*TestEventPatternResponse, error) {
	p, err := eventpattern.Compile([]byte(in.EventPattern))
	if err != nil {
		return nil, &protocol.Error{Code: Code_InvalidEventPatternException, Message: err.Error()}
	}
	doc, err := eventpattern.Decode([]byte(in.Event))
	if err != nil {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Parameter Event is not valid: " + err.Error()}
	}
	return &TestEventPatternResponse{Result: new(p.Match(doc))}, nil
}

func (a *api) tag(ctx context.Context, _ *protocol.Call, in *TagResourceRequest) (*TagResourceResponse, error) {
	b, n, err := ruleOf(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &TagResourceResponse{}, a.events.Edit(ctx, b, n, func(r *event.Rule) error {
		tags := map[string]string{}
		for k, v := range r.Tags {
			tags[k] = v
		}
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		r.Tags = tags
		return nil
	})
}

func (a *api) untag(ctx context.Context, _ *protocol.Call, in *UntagResourceRequest) (*UntagResourceResponse, error) {
	b, n, err := ruleOf(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &UntagResourceResponse{}, a.events.Edit(ctx, b, n, func(r *event.Rule) error {
		tags := map[string]string{}
		for k, v := range r.Tags {
			if !slices.Contains(in.TagKeys, k) {
				tags[k] = v
			}
		}
		r.Tags = tags
		return nil
	})
}

func (a *api) listTags(_ context.Context, _ *protocol.Call, in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	b, n, err := ruleOf(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	r, err := a.events.Rule(b, n)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceResponse{Tags: []Tag{}}
	for k, v := range r.Tags {
		out.Tags = append(out.Tags, Tag{Key: k, Value: v})
	}
	return out, nil
}
