package eventsapi

import (
	"context"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
)

func page(n *int32) int { return min(int(protocol.Or(n, 100)), 100) }

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
		after(in.NextToken), page(in.Limit))
	if err != nil {
		return nil, err
	}
	out := &ListRulesResponse{NextToken: token(next), Rules: []Rule{}}
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
	}, after(in.NextToken), page(in.Limit))
	out := &ListRuleNamesByTargetResponse{NextToken: token(next), RuleNames: []string{}}
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
		if p := t.HttpParameters; p != nil {
			e.HTTP = &event.HTTPParameters{Path: p.PathParameterValues, Header: p.HeaderParameters, Query: p.QueryStringParameters}
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
	last := after(in.NextToken)
	for _, t := range r.Targets[slices.IndexFunc(r.Targets, func(t event.Target) bool { return t.ID == last })+1:] {
		if n := len(out.Targets); n == page(in.Limit) {
			out.NextToken = token(out.Targets[n-1].Id)
			break
		}
		e := Target{Id: t.ID, Arn: t.ARN, RoleArn: protocol.Some(t.Role), Input: protocol.Some(t.Input), InputPath: protocol.Some(t.InputPath)}
		if t.Template != "" {
			e.InputTransformer = &InputTransformer{InputPathsMap: t.Paths, InputTemplate: t.Template}
		}
		if t.Group != "" {
			e.SqsParameters = &SqsParameters{MessageGroupId: &t.Group}
		}
		if p := t.HTTP; p != nil {
			e.HttpParameters = &HttpParameters{PathParameterValues: p.Path, HeaderParameters: p.Header, QueryStringParameters: p.Query}
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
