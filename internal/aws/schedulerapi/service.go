package schedulerapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/scheduler"
)

type api struct{ schedules *scheduler.Engine }

// New returns the operation table of Amazon EventBridge Scheduler.
func New(schedules *scheduler.Engine) *protocol.Service {
	a := &api{schedules}
	pass := func(t *Target) []protocol.Access {
		if t == nil {
			return nil
		}
		return []protocol.Access{protocol.PassRole(t.RoleArn, "scheduler.amazonaws.com")}
	}
	return &protocol.Service{
		Name: "scheduler", Model: Model, InternalCode: Code_InternalServerException, Smithy: true,
		MapError: mapError,
		Ops: []protocol.Op{
			protocol.Also(protocol.Handle("CreateSchedule", one(func(r *CreateScheduleInput) (*string, string) { return r.GroupName, r.Name }), a.create),
				func(_ *protocol.Call, r *CreateScheduleInput) []protocol.Access { return pass(r.Target) }),
			protocol.Also(protocol.Handle("UpdateSchedule", one(func(r *UpdateScheduleInput) (*string, string) { return r.GroupName, r.Name }), a.update),
				func(_ *protocol.Call, r *UpdateScheduleInput) []protocol.Access { return pass(r.Target) }),
			protocol.Handle("GetSchedule", one(func(r *GetScheduleInput) (*string, string) { return r.GroupName, r.Name }), a.get),
			protocol.Handle("DeleteSchedule", one(func(r *DeleteScheduleInput) (*string, string) { return r.GroupName, r.Name }), a.delete),
			protocol.Handle("ListSchedules", nil, a.list),

			protocol.Handle("CreateScheduleGroup", group(func(r *CreateScheduleGroupInput) string { return r.Name }), a.createGroup),
			protocol.Handle("GetScheduleGroup", group(func(r *GetScheduleGroupInput) string { return r.Name }), a.getGroup),
			protocol.Handle("DeleteScheduleGroup", group(func(r *DeleteScheduleGroupInput) string { return r.Name }), a.deleteGroup),
			protocol.Handle("ListScheduleGroups", nil, a.listGroups),
			protocol.Handle("TagResource", func(_ *protocol.Call, r *TagResourceInput) []string { return []string{r.ResourceArn} }, a.tag),
			protocol.Handle("UntagResource", func(_ *protocol.Call, r *UntagResourceInput) []string { return []string{r.ResourceArn} }, a.untag),
			protocol.Handle("ListTagsForResource", func(_ *protocol.Call, r *ListTagsForResourceInput) []string { return []string{r.ResourceArn} }, a.listTags),
		},
	}
}

func ref(s ident.Scope, group *string, name string) scheduler.Ref {
	return scheduler.Ref{Scope: s, Group: protocol.Or(group, scheduler.DefaultGroup), Name: name}
}

func one[In any](name func(*In) (*string, string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		g, n := name(in)
		return []string{ref(c.Scope, g, n).ARN()}
	}
}

func group[In any](name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		return []string{scheduler.Group{Scope: c.Scope, Name: name(in)}.ARN()}
	}
}

func page(n *int32) int { return min(int(protocol.Or(n, 100)), 100) }

func (a *api) createGroup(ctx context.Context, c *protocol.Call, in *CreateScheduleGroupInput) (*CreateScheduleGroupOutput, error) {
	g := scheduler.Group{Scope: c.Scope, Name: in.Name, Tags: map[string]string{}}
	for _, t := range in.Tags {
		g.Tags[t.Key] = t.Value
	}
	if err := a.schedules.CreateGroup(ctx, g); err != nil {
		return nil, err
	}
	return &CreateScheduleGroupOutput{ScheduleGroupArn: g.ARN()}, nil
}

func (a *api) getGroup(_ context.Context, c *protocol.Call, in *GetScheduleGroupInput) (*GetScheduleGroupOutput, error) {
	g, err := a.schedules.Group(c.Scope, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetScheduleGroupOutput{
		Arn: new(g.ARN()), Name: &g.Name, State: new(ScheduleGroupState_ACTIVE), CreationDate: some(g.Created), LastModificationDate: some(g.Modified),
	}, nil
}

func (a *api) deleteGroup(ctx context.Context, c *protocol.Call, in *DeleteScheduleGroupInput) (*DeleteScheduleGroupOutput, error) {
	return &DeleteScheduleGroupOutput{}, a.schedules.DeleteGroup(ctx, c.Scope, in.Name)
}

func (a *api) listGroups(_ context.Context, c *protocol.Call, in *ListScheduleGroupsInput) (*ListScheduleGroupsOutput, error) {
	list, next := a.schedules.Groups(c.Scope, protocol.Or(in.NamePrefix, ""), protocol.Or(in.NextToken, ""), page(in.MaxResults))
	out := &ListScheduleGroupsOutput{ScheduleGroups: []ScheduleGroupSummary{}, NextToken: protocol.Some(next)}
	for _, g := range list {
		out.ScheduleGroups = append(out.ScheduleGroups, ScheduleGroupSummary{
			Arn: new(g.ARN()), Name: new(g.Name), State: new(ScheduleGroupState_ACTIVE), CreationDate: some(g.Created), LastModificationDate: some(g.Modified),
		})
	}
	return out, nil
}

// groupOf reads the ARN of a group.
func groupOf(arn string) (ident.Scope, string, error) {
	a, err := ident.ParseARN(arn)
	name, ok := strings.CutPrefix(a.Resource, "schedule-group/")
	if err != nil || !ok || a.Service != "scheduler" {
		return ident.Scope{}, "", &protocol.Error{Code: Code_ValidationException, Message: "Only schedule groups have tags: " + arn}
	}
	return a.Scope(), name, nil
}

func (a *api) tag(ctx context.Context, _ *protocol.Call, in *TagResourceInput) (*TagResourceOutput, error) {
	s, name, err := groupOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, a.schedules.EditTags(ctx, s, name, func(tags map[string]string) {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
	})
}

func (a *api) untag(ctx context.Context, _ *protocol.Call, in *UntagResourceInput) (*UntagResourceOutput, error) {
	s, name, err := groupOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, a.schedules.EditTags(ctx, s, name, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

func (a *api) listTags(_ context.Context, _ *protocol.Call, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s, name, err := groupOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	g, err := a.schedules.Group(s, name)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(g.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: k, Value: g.Tags[k]})
	}
	return out, nil
}

var mapTable = protocol.MapErrors([]protocol.ErrorRow{
	{Err: scheduler.ErrNotFound, Code: Code_ResourceNotFoundException},
	{Err: scheduler.ErrExists, Code: Code_ConflictException},
	{Err: scheduler.ErrBadInput, Code: Code_ValidationException},
	{Err: scheduler.ErrLimit, Code: Code_ServiceQuotaExceededException},
})

// mapError leaves out the kind of an error where its text says more.
func mapError(err error) *protocol.Error {
	e := mapTable(err)
	if e != nil {
		e.Message = strings.TrimPrefix(e.Message, scheduler.ErrBadInput.Error()+": ")
	}
	return e
}
