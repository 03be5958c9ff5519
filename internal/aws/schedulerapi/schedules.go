package schedulerapi

import (
	"context"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/scheduler"
)

const defaultRetries, defaultAge = 185, 24 * time.Hour

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// read turns a request into a schedule: those of CreateSchedule and UpdateSchedule have the same members.
func read(c *protocol.Call, in *CreateScheduleInput) (scheduler.Schedule, error) {
	s := scheduler.Schedule{
		Ref: ref(c.Scope, in.GroupName, in.Name), Description: protocol.Or(in.Description, ""), Expression: in.ScheduleExpression, Zone: protocol.Or(in.ScheduleExpressionTimezone, ""),
		Start: protocol.Or(in.StartDate, time.Time{}), End: protocol.Or(in.EndDate, time.Time{}), Disabled: protocol.Or(in.State, "") == ScheduleState_DISABLED,
		Delete: protocol.Or(in.ActionAfterCompletion, "") == ActionAfterCompletion_DELETE, Token: protocol.Or(in.ClientToken, ""),
	}
	w, flexible := in.FlexibleTimeWindow, in.FlexibleTimeWindow.Mode == FlexibleTimeWindowMode_FLEXIBLE
	if flexible != (w.MaximumWindowInMinutes != nil) {
		return s, &protocol.Error{Code: Code_ValidationException, Message: "MaximumWindowInMinutes is required where the mode of the FlexibleTimeWindow is FLEXIBLE, and only there."}
	}
	if flexible {
		s.Window = time.Duration(*w.MaximumWindowInMinutes) * time.Minute
	}
	t := in.Target
	s.Target = scheduler.Target{ARN: t.Arn, Role: t.RoleArn, Input: protocol.Or(t.Input, ""), Retries: defaultRetries, MaxAge: defaultAge}
	if t.DeadLetterConfig != nil {
		s.Target.Dead = protocol.Or(t.DeadLetterConfig.Arn, "")
	}
	if p := t.RetryPolicy; p != nil {
		s.Target.Retries = int(protocol.Or(p.MaximumRetryAttempts, defaultRetries))
		s.Target.MaxAge = time.Duration(protocol.Or(p.MaximumEventAgeInSeconds, int32(defaultAge/time.Second))) * time.Second
	}
	if t.SqsParameters != nil {
		s.Target.Group = protocol.Or(t.SqsParameters.MessageGroupId, "")
	}
	if p := t.EventBridgeParameters; p != nil {
		s.Target.Source, s.Target.DetailType = p.Source, p.DetailType
	}
	return s, nil
}

func (a *api) create(ctx context.Context, c *protocol.Call, in *CreateScheduleInput) (*CreateScheduleOutput, error) {
	s, err := read(c, in)
	if err != nil {
		return nil, err
	}
	if err := a.schedules.Create(ctx, s); err != nil {
		return nil, err
	}
	return &CreateScheduleOutput{ScheduleArn: s.ARN()}, nil
}

func (a *api) update(ctx context.Context, c *protocol.Call, in *UpdateScheduleInput) (*UpdateScheduleOutput, error) {
	s, err := read(c, (*CreateScheduleInput)(in))
	if err != nil {
		return nil, err
	}
	if err := a.schedules.Replace(ctx, s); err != nil {
		return nil, err
	}
	return &UpdateScheduleOutput{ScheduleArn: s.ARN()}, nil
}

func (a *api) delete(ctx context.Context, c *protocol.Call, in *DeleteScheduleInput) (*DeleteScheduleOutput, error) {
	return &DeleteScheduleOutput{}, a.schedules.Delete(ctx, ref(c.Scope, in.GroupName, in.Name))
}

func stateOf(s scheduler.Schedule) *ScheduleState {
	if s.Disabled {
		return new(ScheduleState_DISABLED)
	}
	return new(ScheduleState_ENABLED)
}

func (a *api) get(_ context.Context, c *protocol.Call, in *GetScheduleInput) (*GetScheduleOutput, error) {
	s, err := a.schedules.Get(ref(c.Scope, in.GroupName, in.Name))
	if err != nil {
		return nil, err
	}
	t := &Target{
		Arn: s.Target.ARN, RoleArn: s.Target.Role, Input: protocol.Some(s.Target.Input),
		RetryPolicy: &RetryPolicy{MaximumRetryAttempts: new(int32(s.Target.Retries)), MaximumEventAgeInSeconds: new(int32(s.Target.MaxAge / time.Second))},
	}
	if s.Target.Dead != "" {
		t.DeadLetterConfig = &DeadLetterConfig{Arn: &s.Target.Dead}
	}
	if s.Target.Group != "" {
		t.SqsParameters = &SqsParameters{MessageGroupId: &s.Target.Group}
	}
	if s.Target.Source != "" {
		t.EventBridgeParameters = &EventBridgeParameters{Source: s.Target.Source, DetailType: s.Target.DetailType}
	}
	w := &FlexibleTimeWindow{Mode: FlexibleTimeWindowMode_OFF}
	if s.Window > 0 {
		w.Mode, w.MaximumWindowInMinutes = FlexibleTimeWindowMode_FLEXIBLE, new(int32(s.Window/time.Minute))
	}
	after := ActionAfterCompletion_NONE
	if s.Delete {
		after = ActionAfterCompletion_DELETE
	}
	zone := s.Zone
	if zone == "" {
		zone = "UTC"
	}
	return &GetScheduleOutput{
		Arn: new(s.ARN()), Name: &s.Name, GroupName: &s.Group, Description: protocol.Some(s.Description), ScheduleExpression: &s.Expression, ScheduleExpressionTimezone: &zone,
		StartDate: some(s.Start), EndDate: some(s.End), State: stateOf(s), FlexibleTimeWindow: w, ActionAfterCompletion: &after, Target: t,
		CreationDate: &s.Created, LastModificationDate: &s.Modified,
	}, nil
}

func (a *api) list(_ context.Context, c *protocol.Call, in *ListSchedulesInput) (*ListSchedulesOutput, error) {
	if in.GroupName != nil {
		if _, err := a.schedules.Group(c.Scope, *in.GroupName); err != nil {
			return nil, err
		}
	}
	prefix := protocol.Or(in.NamePrefix, "")
	list, next := a.schedules.List(func(s scheduler.Schedule) bool {
		return s.Scope == c.Scope && strings.HasPrefix(s.Name, prefix) && s.Group == protocol.Or(in.GroupName, s.Group) && *stateOf(s) == protocol.Or(in.State, *stateOf(s))
	}, protocol.Or(in.NextToken, ""), page(in.MaxResults))
	out := &ListSchedulesOutput{Schedules: []ScheduleSummary{}, NextToken: protocol.Some(next)}
	for _, s := range list {
		out.Schedules = append(out.Schedules, ScheduleSummary{
			Arn: new(s.ARN()), Name: new(s.Name), GroupName: new(s.Group), State: stateOf(s), CreationDate: new(s.Created), LastModificationDate: new(s.Modified),
			Target: &TargetSummary{Arn: s.Target.ARN},
		})
	}
	return out, nil
}
