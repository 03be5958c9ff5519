package iamapi

import (
	"context"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) attachments() []protocol.Op {
	attach := func(kind identity.Kind, on bool) func(context.Context, *protocol.Call, string, string) error {
		return func(ctx context.Context, c *protocol.Call, name, arn string) error {
			return a.engine.Attach(ctx, c.Account, kind, name, arn, on)
		}
	}
	bound := func(kind identity.Kind) func(context.Context, *protocol.Call, string, string) error {
		return func(ctx context.Context, c *protocol.Call, name, arn string) error {
			return a.engine.SetBoundary(ctx, c.Account, kind, name, arn)
		}
	}
	return []protocol.Op{
		assign[AttachUserPolicyRequest, AttachUserPolicyOutput](a, "AttachUserPolicy", identity.User, func(in *AttachUserPolicyRequest) (string, string) { return in.UserName, in.PolicyArn }, attach(identity.User, true)),
		assign[AttachGroupPolicyRequest, AttachGroupPolicyOutput](a, "AttachGroupPolicy", identity.Group, func(in *AttachGroupPolicyRequest) (string, string) { return in.GroupName, in.PolicyArn }, attach(identity.Group, true)),
		assign[AttachRolePolicyRequest, AttachRolePolicyOutput](a, "AttachRolePolicy", identity.Role, func(in *AttachRolePolicyRequest) (string, string) { return in.RoleName, in.PolicyArn }, attach(identity.Role, true)),
		assign[DetachUserPolicyRequest, DetachUserPolicyOutput](a, "DetachUserPolicy", identity.User, func(in *DetachUserPolicyRequest) (string, string) { return in.UserName, in.PolicyArn }, attach(identity.User, false)),
		assign[DetachGroupPolicyRequest, DetachGroupPolicyOutput](a, "DetachGroupPolicy", identity.Group, func(in *DetachGroupPolicyRequest) (string, string) { return in.GroupName, in.PolicyArn }, attach(identity.Group, false)),
		assign[DetachRolePolicyRequest, DetachRolePolicyOutput](a, "DetachRolePolicy", identity.Role, func(in *DetachRolePolicyRequest) (string, string) { return in.RoleName, in.PolicyArn }, attach(identity.Role, false)),
		assign[PutUserPermissionsBoundaryRequest, PutUserPermissionsBoundaryOutput](a, "PutUserPermissionsBoundary", identity.User, func(in *PutUserPermissionsBoundaryRequest) (string, string) {
			return in.UserName, in.PermissionsBoundary
		}, bound(identity.User)),
		assign[PutRolePermissionsBoundaryRequest, PutRolePermissionsBoundaryOutput](a, "PutRolePermissionsBoundary", identity.Role, func(in *PutRolePermissionsBoundaryRequest) (string, string) {
			return in.RoleName, in.PermissionsBoundary
		}, bound(identity.Role)),
		assign[DeleteUserPermissionsBoundaryRequest, DeleteUserPermissionsBoundaryOutput](a, "DeleteUserPermissionsBoundary", identity.User, func(in *DeleteUserPermissionsBoundaryRequest) (string, string) { return in.UserName, "" }, bound(identity.User)),
		assign[DeleteRolePermissionsBoundaryRequest, DeleteRolePermissionsBoundaryOutput](a, "DeleteRolePermissionsBoundary", identity.Role, func(in *DeleteRolePermissionsBoundaryRequest) (string, string) { return in.RoleName, "" }, bound(identity.Role)),
		on(a, "ListAttachedUserPolicies", identity.User, func(in *ListAttachedUserPoliciesRequest) string { return in.UserName }, a.listAttachedUserPolicies),
		on(a, "ListAttachedGroupPolicies", identity.Group, func(in *ListAttachedGroupPoliciesRequest) string { return in.GroupName }, a.listAttachedGroupPolicies),
		on(a, "ListAttachedRolePolicies", identity.Role, func(in *ListAttachedRolePoliciesRequest) string { return in.RoleName }, a.listAttachedRolePolicies),
	}
}

// assign makes the row of an operation that gives an entity a policy or takes it away, with the condition keys that
// limit which ones and whose.
func assign[In, Out any](a *api, name string, kind identity.Kind, names func(*In) (entity, policy string), f func(context.Context, *protocol.Call, string, string) error) protocol.Op {
	op := on(a, name, kind, func(in *In) string { entity, _ := names(in); return entity }, func(ctx context.Context, c *protocol.Call, in *In) (*Out, error) {
		entity, policy := names(in)
		return done[Out](f(ctx, c, entity, policy))
	})
	return protocol.If(op, func(c *protocol.Call, in *In) map[string][]string {
		entity, policy := names(in)
		switch {
		case strings.HasPrefix(name, "Put"):
			arn := a.policyARN(c, policy)
			return bounded(&arn)
		case strings.Contains(name, "Boundary"):
			return a.boundaryOf(c, kind, entity)
		}
		keys := a.boundaryOf(c, kind, entity)
		if keys == nil {
			keys = map[string][]string{}
		}
		keys["iam:PolicyARN"] = []string{a.policyARN(c, policy)}
		return keys
	})
}

func (a *api) attached(c *protocol.Call, kind identity.Kind, name string, pathPrefix, marker *string, max *int32) ([]AttachedPolicy, *string, *bool, error) {
	x, err := a.engine.Get(c.Account, kind, name)
	if err != nil {
		return nil, nil, nil, err
	}
	list := []AttachedPolicy{}
	for _, arn := range x.Attached {
		if p, err := a.engine.Policy(c.Account, arn); err == nil && strings.HasPrefix(p.Path, prefix(pathPrefix)) {
			list = append(list, AttachedPolicy{PolicyArn: &arn, PolicyName: &p.Name})
		}
	}
	sortBy(list, func(p AttachedPolicy) string { return *p.PolicyArn })
	list, next, more := page(list, marker, max, func(p AttachedPolicy) string { return *p.PolicyArn })
	return list, next, more, nil
}

func (a *api) listAttachedUserPolicies(_ context.Context, c *protocol.Call, in *ListAttachedUserPoliciesRequest) (*ListAttachedUserPoliciesResponse, error) {
	list, next, more, err := a.attached(c, identity.User, in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedUserPoliciesResponse{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) listAttachedGroupPolicies(_ context.Context, c *protocol.Call, in *ListAttachedGroupPoliciesRequest) (*ListAttachedGroupPoliciesResponse, error) {
	list, next, more, err := a.attached(c, identity.Group, in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedGroupPoliciesResponse{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}

func (a *api) listAttachedRolePolicies(_ context.Context, c *protocol.Call, in *ListAttachedRolePoliciesRequest) (*ListAttachedRolePoliciesResponse, error) {
	list, next, more, err := a.attached(c, identity.Role, in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	return &ListAttachedRolePoliciesResponse{AttachedPolicies: list, Marker: next, IsTruncated: more}, err
}
