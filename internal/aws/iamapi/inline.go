package iamapi

import (
	"context"
	"maps"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) inline() []protocol.Op {
	return []protocol.Op{
		protocol.If(on(a, "PutUserPolicy", identity.User, func(in *PutUserPolicyRequest) string { return in.UserName }, func(ctx context.Context, c *protocol.Call, in *PutUserPolicyRequest) (*PutUserPolicyOutput, error) {
			return done[PutUserPolicyOutput](a.engine.PutInline(ctx, c.Account, identity.User, in.UserName, in.PolicyName, in.PolicyDocument))
		}), func(c *protocol.Call, in *PutUserPolicyRequest) map[string][]string {
			return a.boundaryOf(c, identity.User, in.UserName)
		}),
		on(a, "PutGroupPolicy", identity.Group, func(in *PutGroupPolicyRequest) string { return in.GroupName }, func(ctx context.Context, c *protocol.Call, in *PutGroupPolicyRequest) (*PutGroupPolicyOutput, error) {
			return done[PutGroupPolicyOutput](a.engine.PutInline(ctx, c.Account, identity.Group, in.GroupName, in.PolicyName, in.PolicyDocument))
		}),
		protocol.If(on(a, "PutRolePolicy", identity.Role, func(in *PutRolePolicyRequest) string { return in.RoleName }, func(ctx context.Context, c *protocol.Call, in *PutRolePolicyRequest) (*PutRolePolicyOutput, error) {
			return done[PutRolePolicyOutput](a.engine.PutInline(ctx, c.Account, identity.Role, in.RoleName, in.PolicyName, in.PolicyDocument))
		}), func(c *protocol.Call, in *PutRolePolicyRequest) map[string][]string {
			return a.boundaryOf(c, identity.Role, in.RoleName)
		}),
		protocol.If(on(a, "DeleteUserPolicy", identity.User, func(in *DeleteUserPolicyRequest) string { return in.UserName }, func(ctx context.Context, c *protocol.Call, in *DeleteUserPolicyRequest) (*DeleteUserPolicyOutput, error) {
			return done[DeleteUserPolicyOutput](a.engine.DeleteInline(ctx, c.Account, identity.User, in.UserName, in.PolicyName))
		}), func(c *protocol.Call, in *DeleteUserPolicyRequest) map[string][]string {
			return a.boundaryOf(c, identity.User, in.UserName)
		}),
		on(a, "DeleteGroupPolicy", identity.Group, func(in *DeleteGroupPolicyRequest) string { return in.GroupName }, func(ctx context.Context, c *protocol.Call, in *DeleteGroupPolicyRequest) (*DeleteGroupPolicyOutput, error) {
			return done[DeleteGroupPolicyOutput](a.engine.DeleteInline(ctx, c.Account, identity.Group, in.GroupName, in.PolicyName))
		}),
		protocol.If(on(a, "DeleteRolePolicy", identity.Role, func(in *DeleteRolePolicyRequest) string { return in.RoleName }, func(ctx context.Context, c *protocol.Call, in *DeleteRolePolicyRequest) (*DeleteRolePolicyOutput, error) {
			return done[DeleteRolePolicyOutput](a.engine.DeleteInline(ctx, c.Account, identity.Role, in.RoleName, in.PolicyName))
		}), func(c *protocol.Call, in *DeleteRolePolicyRequest) map[string][]string {
			return a.boundaryOf(c, identity.Role, in.RoleName)
		}),
		on(a, "GetUserPolicy", identity.User, func(in *GetUserPolicyRequest) string { return in.UserName }, func(_ context.Context, c *protocol.Call, in *GetUserPolicyRequest) (*GetUserPolicyResponse, error) {
			d, err := a.engine.Inline(c.Account, identity.User, in.UserName, in.PolicyName)
			return &GetUserPolicyResponse{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
		}),
		on(a, "GetGroupPolicy", identity.Group, func(in *GetGroupPolicyRequest) string { return in.GroupName }, func(_ context.Context, c *protocol.Call, in *GetGroupPolicyRequest) (*GetGroupPolicyResponse, error) {
			d, err := a.engine.Inline(c.Account, identity.Group, in.GroupName, in.PolicyName)
			return &GetGroupPolicyResponse{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
		}),
		on(a, "GetRolePolicy", identity.Role, func(in *GetRolePolicyRequest) string { return in.RoleName }, func(_ context.Context, c *protocol.Call, in *GetRolePolicyRequest) (*GetRolePolicyResponse, error) {
			d, err := a.engine.Inline(c.Account, identity.Role, in.RoleName, in.PolicyName)
			return &GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: document(d)}, err
		}),
		on(a, "ListUserPolicies", identity.User, func(in *ListUserPoliciesRequest) string { return in.UserName }, func(_ context.Context, c *protocol.Call, in *ListUserPoliciesRequest) (*ListUserPoliciesResponse, error) {
			list, next, more, err := a.inlineNames(c, identity.User, in.UserName, in.Marker, in.MaxItems)
			return &ListUserPoliciesResponse{PolicyNames: list, Marker: next, IsTruncated: more}, err
		}),
		on(a, "ListGroupPolicies", identity.Group, func(in *ListGroupPoliciesRequest) string { return in.GroupName }, func(_ context.Context, c *protocol.Call, in *ListGroupPoliciesRequest) (*ListGroupPoliciesResponse, error) {
			list, next, more, err := a.inlineNames(c, identity.Group, in.GroupName, in.Marker, in.MaxItems)
			return &ListGroupPoliciesResponse{PolicyNames: list, Marker: next, IsTruncated: more}, err
		}),
		on(a, "ListRolePolicies", identity.Role, func(in *ListRolePoliciesRequest) string { return in.RoleName }, func(_ context.Context, c *protocol.Call, in *ListRolePoliciesRequest) (*ListRolePoliciesResponse, error) {
			list, next, more, err := a.inlineNames(c, identity.Role, in.RoleName, in.Marker, in.MaxItems)
			return &ListRolePoliciesResponse{PolicyNames: list, Marker: next, IsTruncated: more}, err
		}),
	}
}

func (a *api) inlineNames(c *protocol.Call, kind identity.Kind, name string, marker *string, max *int32) ([]string, *string, *bool, error) {
	x, err := a.engine.Get(c.Account, kind, name)
	if err != nil {
		return nil, nil, nil, err
	}
	names := slices.Sorted(maps.Keys(x.Inline))
	if names == nil {
		names = []string{}
	}
	list, next, more := page(names, marker, max, itself)
	return list, next, more, nil
}
