package eventsapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
)

func (a *api) createBus(ctx context.Context, c *protocol.Call, in *CreateEventBusRequest) (*CreateEventBusResponse, error) {
	b := event.Bus{BusRef: busRef(c.Scope, &in.Name), Description: protocol.Or(in.Description, ""), Tags: map[string]string{}}
	for _, t := range in.Tags {
		b.Tags[t.Key] = t.Value
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
	return &DescribeEventBusResponse{
		Arn: new(b.ARN()), Name: &b.Name, Description: protocol.Some(b.Description), Policy: protocol.Some(b.Policy), CreationTime: protocol.Some(b.Created), LastModifiedTime: protocol.Some(b.Changed()),
	}, nil
}

func (a *api) listBuses(_ context.Context, c *protocol.Call, in *ListEventBusesRequest) (*ListEventBusesResponse, error) {
	list, next := a.events.Buses(c.Scope, protocol.Or(in.NamePrefix, ""), after(in.NextToken), page(in.Limit))
	out := &ListEventBusesResponse{NextToken: token(next), EventBuses: []EventBus{}}
	for _, b := range list {
		out.EventBuses = append(out.EventBuses, EventBus{Arn: new(b.ARN()), Name: new(b.Name), Description: protocol.Some(b.Description), CreationTime: protocol.Some(b.Created), LastModifiedTime: protocol.Some(b.Changed())})
	}
	return out, nil
}

func (a *api) updateBus(ctx context.Context, c *protocol.Call, in *UpdateEventBusRequest) (*UpdateEventBusResponse, error) {
	r := busRef(c.Scope, in.Name)
	err := a.events.EditBus(ctx, r, func(b *event.Bus) error {
		b.Description = protocol.Or(in.Description, b.Description)
		return nil
	})
	return &UpdateEventBusResponse{Arn: new(r.ARN()), Name: &r.Name, Description: in.Description}, err
}

// putPermission adds a statement to a bus's policy, or replaces the policy.
func (a *api) putPermission(ctx context.Context, c *protocol.Call, in *PutPermissionRequest) (*PutPermissionOutput, error) {
	r := busRef(c.Scope, in.EventBusName)
	bad := func(text string) (*PutPermissionOutput, error) {
		return nil, &protocol.Error{Code: "ValidationException", Message: text}
	}
	statement := in.Action != nil || in.Principal != nil || in.StatementId != nil || in.Condition != nil
	switch {
	case in.Policy != nil && statement:
		return bad("Policy cannot be given together with Action, Principal, StatementId and Condition.")
	case in.Policy != nil:
		return &PutPermissionOutput{}, a.events.EditBus(ctx, r, func(b *event.Bus) error { b.Policy = *in.Policy; return nil })
	case in.Action == nil || in.Principal == nil || in.StatementId == nil:
		return bad("Action, Principal and StatementId are required where no Policy is given.")
	}
	p := event.Permission{Statement: *in.StatementId, Action: *in.Action, Principal: *in.Principal}
	if d := in.Condition; d != nil {
		if d.Type != "StringEquals" || d.Key != "aws:PrincipalOrgID" {
			return bad("Condition: want the type StringEquals and the key aws:PrincipalOrgID.")
		}
		p.OrgID = d.Value
	}
	return &PutPermissionOutput{}, a.events.Permit(ctx, r, p)
}

func (a *api) removePermission(ctx context.Context, c *protocol.Call, in *RemovePermissionRequest) (*RemovePermissionOutput, error) {
	r := busRef(c.Scope, in.EventBusName)
	if protocol.Or(in.RemoveAllPermissions, false) {
		return &RemovePermissionOutput{}, a.events.EditBus(ctx, r, func(b *event.Bus) error { b.Policy = ""; return nil })
	}
	if in.StatementId == nil {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Parameter StatementId is required where RemoveAllPermissions is not true."}
	}
	return &RemovePermissionOutput{}, a.events.Forbid(ctx, r, *in.StatementId)
}
