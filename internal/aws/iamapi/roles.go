package iamapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/policy"
)

func (a *api) roles() []protocol.Op {
	return []protocol.Op{
		protocol.If(protocol.Handle("CreateRole", func(c *protocol.Call, in *CreateRoleRequest) []string {
			return []string{newARN(c, identity.Role, in.Path, in.RoleName)}
		}, a.createRole), func(_ *protocol.Call, in *CreateRoleRequest) map[string][]string {
			return bounded(in.PermissionsBoundary)
		}),
		on(a, "GetRole", identity.Role, func(in *GetRoleRequest) string { return in.RoleName }, a.getRole),
		protocol.Handle("ListRoles", under[ListRolesRequest]("role/"), a.listRoles),
		on(a, "UpdateRole", identity.Role, func(in *UpdateRoleRequest) string { return in.RoleName }, a.updateRole),
		on(a, "UpdateRoleDescription", identity.Role, func(in *UpdateRoleDescriptionRequest) string { return in.RoleName }, a.updateRoleDescription),
		on(a, "UpdateAssumeRolePolicy", identity.Role, func(in *UpdateAssumeRolePolicyRequest) string { return in.RoleName }, a.updateAssumeRolePolicy),
		on(a, "DeleteRole", identity.Role, func(in *DeleteRoleRequest) string { return in.RoleName }, a.deleteRole),
		on(a, "ListInstanceProfilesForRole", identity.Role, func(in *ListInstanceProfilesForRoleRequest) string { return in.RoleName }, a.listInstanceProfilesForRole),
	}
}

func (a *api) createRole(ctx context.Context, c *protocol.Call, in *CreateRoleRequest) (*CreateRoleResponse, error) {
	tags, err := fromTags(in.Tags)
	if err != nil {
		return nil, err
	}
	x := identity.Entity{
		Account: c.Account, Kind: identity.Role, Name: in.RoleName, Path: str(in.Path), Trust: in.AssumeRolePolicyDocument, Description: str(in.Description),
		Boundary: str(in.PermissionsBoundary), Tags: tags,
	}
	if in.MaxSessionDuration != nil {
		x.MaxSession = time.Duration(*in.MaxSessionDuration) * time.Second
	}
	n, err := a.engine.Create(ctx, x)
	if err != nil {
		return nil, err
	}
	r := a.toRole(n)
	r.RoleLastUsed, r.MaxSessionDuration = nil, nil // not in this answer, as on AWS
	return &CreateRoleResponse{Role: &r}, nil
}

func (a *api) getRole(_ context.Context, c *protocol.Call, in *GetRoleRequest) (*GetRoleResponse, error) {
	x, err := a.engine.Get(c.Account, identity.Role, in.RoleName)
	if err != nil {
		return nil, err
	}
	r := a.toRole(x)
	return &GetRoleResponse{Role: &r}, nil
}

func (a *api) listRoles(_ context.Context, c *protocol.Call, in *ListRolesRequest) (*ListRolesResponse, error) {
	list, next, more := page(a.engine.List(c.Account, identity.Role, prefix(in.PathPrefix)), in.Marker, in.MaxItems, entityName)
	return &ListRolesResponse{Roles: each(list, func(x *identity.Entity) Role { return bareRole(a.toRole(x)) }), Marker: next, IsTruncated: more}, nil
}

func (a *api) updateRole(ctx context.Context, c *protocol.Call, in *UpdateRoleRequest) (*UpdateRoleResponse, error) {
	return done[UpdateRoleResponse](a.engine.Update(ctx, c.Account, identity.Role, in.RoleName, func(x *identity.Entity) error {
		if in.Description != nil {
			x.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			x.MaxSession = time.Duration(*in.MaxSessionDuration) * time.Second
		}
		return nil
	}))
}

func (a *api) updateRoleDescription(ctx context.Context, c *protocol.Call, in *UpdateRoleDescriptionRequest) (*UpdateRoleDescriptionResponse, error) {
	err := a.engine.Update(ctx, c.Account, identity.Role, in.RoleName, func(x *identity.Entity) error {
		x.Description = in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	x, err := a.engine.Get(c.Account, identity.Role, in.RoleName)
	if err != nil {
		return nil, err
	}
	r := a.toRole(x)
	return &UpdateRoleDescriptionResponse{Role: &r}, nil
}

func (a *api) updateAssumeRolePolicy(ctx context.Context, c *protocol.Call, in *UpdateAssumeRolePolicyRequest) (*UpdateAssumeRolePolicyOutput, error) {
	if _, err := policy.Parse(policy.Trust, in.PolicyDocument); err != nil {
		if m := (*policy.MalformedError)(nil); errors.As(err, &m) {
			return nil, &protocol.Error{Code: Code_MalformedPolicyDocumentException, Message: m.Message}
		}
		return nil, fmt.Errorf("parse trust policy: %w", err)
	}
	return done[UpdateAssumeRolePolicyOutput](a.engine.Update(ctx, c.Account, identity.Role, in.RoleName, func(x *identity.Entity) error {
		x.Trust = in.PolicyDocument
		return nil
	}))
}

func (a *api) deleteRole(ctx context.Context, c *protocol.Call, in *DeleteRoleRequest) (*DeleteRoleOutput, error) {
	return done[DeleteRoleOutput](a.engine.Delete(ctx, c.Account, identity.Role, in.RoleName))
}

// listInstanceProfilesForRole is always empty: Tarn has no machines to give a role to.
func (a *api) listInstanceProfilesForRole(_ context.Context, c *protocol.Call, in *ListInstanceProfilesForRoleRequest) (*ListInstanceProfilesForRoleResponse, error) {
	_, err := a.engine.Get(c.Account, identity.Role, in.RoleName)
	return &ListInstanceProfilesForRoleResponse{InstanceProfiles: []InstanceProfile{}, IsTruncated: new(bool)}, err
}
