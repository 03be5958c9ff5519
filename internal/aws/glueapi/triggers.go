package glueapi

import (
	"context"
	"errors"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/etl"
)

func (a *api) triggerOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateTrigger", on("trigger", func(r *CreateTriggerRequest) string { return r.Name }), a.createTrigger),
		protocol.Handle("UpdateTrigger", on("trigger", func(r *UpdateTriggerRequest) string { return r.Name }), a.updateTrigger),
		protocol.Handle("DeleteTrigger", on("trigger", func(r *DeleteTriggerRequest) string { return r.Name }), a.deleteTrigger),
		protocol.Handle("GetTrigger", on("trigger", func(r *GetTriggerRequest) string { return r.Name }), a.getTrigger),
		protocol.Handle("GetTriggers", on("trigger", func(*GetTriggersRequest) string { return "*" }), a.getTriggers),
		protocol.Handle("ListTriggers", on("trigger", func(*ListTriggersRequest) string { return "*" }), a.listTriggers),
		protocol.Handle("BatchGetTriggers", each("trigger", func(r *BatchGetTriggersRequest) []string { return r.TriggerNames }), a.batchGetTriggers),
		protocol.Handle("StartTrigger", on("trigger", func(r *StartTriggerRequest) string { return r.Name }), a.startTrigger),
		protocol.Handle("StopTrigger", on("trigger", func(r *StopTriggerRequest) string { return r.Name }), a.stopTrigger),
	}
}

func actionsIn(list []Action) []etl.Action {
	out := make([]etl.Action, len(list))
	for i, a := range list {
		out[i] = etl.Action{Job: protocol.Or(a.JobName, ""), Crawler: protocol.Or(a.CrawlerName, ""), Arguments: a.Arguments, Timeout: time.Duration(protocol.Or(a.Timeout, 0)) * time.Minute}
	}
	return out
}

func predicateIn(p *Predicate, t *etl.Trigger) {
	t.Any, t.Conditions = false, nil
	if p == nil {
		return
	}
	t.Any = protocol.Or(p.Logical, "") == "ANY"
	for _, c := range p.Conditions {
		condition := etl.Condition{Job: protocol.Or(c.JobName, ""), Crawler: protocol.Or(c.CrawlerName, ""), State: etl.State(protocol.Or(c.State, ""))}
		if condition.Crawler != "" {
			condition.State = etl.State(protocol.Or(c.CrawlState, ""))
		}
		t.Conditions = append(t.Conditions, condition)
	}
}

func triggerOut(t etl.Trigger) *Trigger {
	out := &Trigger{
		Name: &t.Name, Type: new(TriggerType(t.Type)), State: new(TriggerState(t.State)), Description: protocol.Some(t.Description), Schedule: protocol.Some(t.Schedule),
		WorkflowName: protocol.Some(t.Workflow), Actions: []Action{},
	}
	for _, a := range t.Actions {
		action := Action{JobName: protocol.Some(a.Job), CrawlerName: protocol.Some(a.Crawler), Arguments: a.Arguments}
		if a.Timeout > 0 {
			action.Timeout = new(int32(a.Timeout / time.Minute))
		}
		out.Actions = append(out.Actions, action)
	}
	if len(t.Conditions) > 0 {
		logical := Logical("AND")
		if t.Any {
			logical = "ANY"
		}
		out.Predicate = &Predicate{Logical: &logical}
		for _, c := range t.Conditions {
			condition := Condition{LogicalOperator: new(LogicalOperator("EQUALS")), JobName: protocol.Some(c.Job), CrawlerName: protocol.Some(c.Crawler)}
			if c.Crawler != "" {
				condition.CrawlState = new(CrawlState(c.State))
			} else {
				condition.State = new(JobRunState(c.State))
			}
			out.Predicate.Conditions = append(out.Predicate.Conditions, condition)
		}
	}
	return out
}

func (a *api) createTrigger(ctx context.Context, c *protocol.Call, in *CreateTriggerRequest) (*CreateTriggerResponse, error) {
	t := etl.Trigger{
		Name: in.Name, Type: string(in.Type), Description: protocol.Or(in.Description, ""), Schedule: protocol.Or(in.Schedule, ""), Actions: actionsIn(in.Actions), Tags: in.Tags,
		Workflow: protocol.Or(in.WorkflowName, ""),
	}
	predicateIn(in.Predicate, &t)
	return &CreateTriggerResponse{Name: &in.Name}, a.Jobs.CreateTrigger(ctx, c.Scope, t, protocol.Or(in.StartOnCreation, false))
}

func (a *api) updateTrigger(ctx context.Context, c *protocol.Call, in *UpdateTriggerRequest) (*UpdateTriggerResponse, error) {
	u := in.TriggerUpdate
	t, err := a.Jobs.UpdateTrigger(ctx, c.Scope, in.Name, func(t *etl.Trigger) {
		if u == nil {
			return
		}
		if u.Description != nil {
			t.Description = *u.Description
		}
		if u.Schedule != nil {
			t.Schedule = *u.Schedule
		}
		if u.Actions != nil {
			t.Actions = actionsIn(u.Actions)
		}
		if u.Predicate != nil {
			predicateIn(u.Predicate, t)
		}
	})
	if err != nil {
		return nil, err
	}
	return &UpdateTriggerResponse{Trigger: triggerOut(t)}, nil
}

func (a *api) deleteTrigger(ctx context.Context, c *protocol.Call, in *DeleteTriggerRequest) (*DeleteTriggerResponse, error) {
	return &DeleteTriggerResponse{Name: &in.Name}, a.Jobs.DeleteTrigger(ctx, c.Scope, in.Name)
}

func (a *api) getTrigger(ctx context.Context, c *protocol.Call, in *GetTriggerRequest) (*GetTriggerResponse, error) {
	t, err := a.Jobs.Trigger(ctx, c.Scope, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetTriggerResponse{Trigger: triggerOut(t)}, nil
}

func (a *api) getTriggers(ctx context.Context, c *protocol.Call, in *GetTriggersRequest) (*GetTriggersResponse, error) {
	list, more, err := a.Jobs.Triggers(ctx, c.Scope, protocol.Or(in.DependentJobName, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetTriggersResponse{Triggers: []Trigger{}}
	for _, t := range list {
		out.Triggers = append(out.Triggers, *triggerOut(t))
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) listTriggers(ctx context.Context, c *protocol.Call, in *ListTriggersRequest) (*ListTriggersResponse, error) {
	list, more, err := a.Jobs.Triggers(ctx, c.Scope, protocol.Or(in.DependentJobName, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &ListTriggersResponse{TriggerNames: []string{}}
	for _, t := range list {
		if tagged(t.Tags, in.Tags) {
			out.TriggerNames = append(out.TriggerNames, t.Name)
		}
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) batchGetTriggers(ctx context.Context, c *protocol.Call, in *BatchGetTriggersRequest) (*BatchGetTriggersResponse, error) {
	out := &BatchGetTriggersResponse{Triggers: []Trigger{}, TriggersNotFound: []string{}}
	for _, name := range in.TriggerNames {
		t, err := a.Jobs.Trigger(ctx, c.Scope, name)
		switch {
		case errors.Is(err, etl.ErrNotFound):
			out.TriggersNotFound = append(out.TriggersNotFound, name)
		case err != nil:
			return nil, err
		default:
			out.Triggers = append(out.Triggers, *triggerOut(t))
		}
	}
	return out, nil
}

func (a *api) startTrigger(ctx context.Context, c *protocol.Call, in *StartTriggerRequest) (*StartTriggerResponse, error) {
	return &StartTriggerResponse{Name: &in.Name}, a.Jobs.StartTrigger(ctx, c.Scope, in.Name)
}

func (a *api) stopTrigger(ctx context.Context, c *protocol.Call, in *StopTriggerRequest) (*StopTriggerResponse, error) {
	return &StopTriggerResponse{Name: &in.Name}, a.Jobs.StopTrigger(ctx, c.Scope, in.Name)
}
