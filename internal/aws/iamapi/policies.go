package iamapi

import (
	"context"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) policies() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreatePolicy", func(c *protocol.Call, in *CreatePolicyRequest) []string {
			p := identity.Policy{Account: c.Account, Path: "/", Name: in.PolicyName}
			if in.Path != nil {
				p.Path = *in.Path
			}
			return []string{p.ARN()}
		}, a.createPolicy),
		onPolicy(a, "GetPolicy", func(in *GetPolicyRequest) string { return in.PolicyArn }, a.getPolicy),
		protocol.Handle("ListPolicies", under[ListPoliciesRequest]("policy/"), a.listPolicies),
		onPolicy(a, "DeletePolicy", func(in *DeletePolicyRequest) string { return in.PolicyArn }, a.deletePolicy),
		onPolicy(a, "CreatePolicyVersion", func(in *CreatePolicyVersionRequest) string { return in.PolicyArn }, a.createPolicyVersion),
		onPolicy(a, "GetPolicyVersion", func(in *GetPolicyVersionRequest) string { return in.PolicyArn }, a.getPolicyVersion),
		onPolicy(a, "ListPolicyVersions", func(in *ListPolicyVersionsRequest) string { return in.PolicyArn }, a.listPolicyVersions),
		onPolicy(a, "DeletePolicyVersion", func(in *DeletePolicyVersionRequest) string { return in.PolicyArn }, a.deletePolicyVersion),
		onPolicy(a, "SetDefaultPolicyVersion", func(in *SetDefaultPolicyVersionRequest) string { return in.PolicyArn }, a.setDefaultPolicyVersion),
		onPolicy(a, "ListEntitiesForPolicy", func(in *ListEntitiesForPolicyRequest) string { return in.PolicyArn }, a.listEntitiesForPolicy),
	}
}

func (a *api) createPolicy(ctx context.Context, c *protocol.Call, in *CreatePolicyRequest) (*CreatePolicyResponse, error) {
	tags, err := fromTags(in.Tags)
	if err != nil {
		return nil, err
	}
	p, err := a.engine.CreatePolicy(ctx, identity.Policy{Account: c.Account, Name: in.PolicyName, Path: str(in.Path), Description: str(in.Description), Tags: tags}, in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	out := a.toPolicy(c.Account, p)
	return &CreatePolicyResponse{Policy: &out}, nil
}

func (a *api) getPolicy(_ context.Context, c *protocol.Call, in *GetPolicyRequest) (*GetPolicyResponse, error) {
	p, err := a.engine.Policy(c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	out := a.toPolicy(c.Account, p)
	return &GetPolicyResponse{Policy: &out}, nil
}

func (a *api) listPolicies(_ context.Context, c *protocol.Call, in *ListPoliciesRequest) (*ListPoliciesResponse, error) {
	local, aws := true, true
	if in.Scope != nil {
		local, aws = *in.Scope != PolicyScopeType_AWS, *in.Scope != PolicyScopeType_Local
	}
	var all []Policy
	for _, p := range a.engine.Policies(c.Account, local, aws) {
		out := a.toPolicy(c.Account, p)
		out.Tags = nil
		uses := *out.AttachmentCount
		if in.PolicyUsageFilter != nil && *in.PolicyUsageFilter == PolicyUsageType_PermissionsBoundary {
			uses = *out.PermissionsBoundaryUsageCount
		}
		if len(p.Path) < len(prefix(in.PathPrefix)) || p.Path[:len(prefix(in.PathPrefix))] != prefix(in.PathPrefix) || in.OnlyAttached != nil && *in.OnlyAttached && uses == 0 {
			continue
		}
		all = append(all, out)
	}
	list, next, more := page(all, in.Marker, in.MaxItems, func(p Policy) string { return *p.Arn })
	return &ListPoliciesResponse{Policies: list, Marker: next, IsTruncated: more}, nil
}

func (a *api) deletePolicy(ctx context.Context, c *protocol.Call, in *DeletePolicyRequest) (*DeletePolicyOutput, error) {
	return done[DeletePolicyOutput](a.engine.DeletePolicy(ctx, c.Account, in.PolicyArn))
}

func (a *api) createPolicyVersion(ctx context.Context, c *protocol.Call, in *CreatePolicyVersionRequest) (*CreatePolicyVersionResponse, error) {
	v, err := a.engine.AddVersion(ctx, c.Account, in.PolicyArn, in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	p, err := a.engine.Policy(c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	out := toVersion(p, v, false)
	return &CreatePolicyVersionResponse{PolicyVersion: &out}, nil
}

func noVersion(arn, id string) error {
	return &protocol.Error{Code: Code_NoSuchEntityException, Message: "Policy " + arn + " version " + id + " does not exist or is not attachable."}
}

func (a *api) getPolicyVersion(_ context.Context, c *protocol.Call, in *GetPolicyVersionRequest) (*GetPolicyVersionResponse, error) {
	p, err := a.engine.Policy(c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v := p.Version(in.VersionId)
	if v == nil {
		return nil, noVersion(in.PolicyArn, in.VersionId)
	}
	out := toVersion(p, *v, true)
	return &GetPolicyVersionResponse{PolicyVersion: &out}, nil
}

func (a *api) listPolicyVersions(_ context.Context, c *protocol.Call, in *ListPolicyVersionsRequest) (*ListPolicyVersionsResponse, error) {
	p, err := a.engine.Policy(c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	// There are five at most; the newest comes first. A smaller page is not cut: its marker would have no order.
	var list []PolicyVersion
	for i := len(p.Versions) - 1; i >= 0; i-- {
		list = append(list, toVersion(p, p.Versions[i], false))
	}
	return &ListPolicyVersionsResponse{Versions: list, IsTruncated: new(bool)}, nil
}

func (a *api) deletePolicyVersion(ctx context.Context, c *protocol.Call, in *DeletePolicyVersionRequest) (*DeletePolicyVersionOutput, error) {
	return done[DeletePolicyVersionOutput](a.engine.UpdatePolicy(ctx, c.Account, in.PolicyArn, func(p *identity.Policy) error {
		if p.Version(in.VersionId) == nil {
			return noVersion(in.PolicyArn, in.VersionId)
		}
		if in.VersionId == p.Default {
			return &protocol.Error{Code: Code_DeleteConflictException, Message: "Cannot delete the default version of a policy."}
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v identity.Version) bool { return v.ID == in.VersionId })
		return nil
	}))
}

func (a *api) setDefaultPolicyVersion(ctx context.Context, c *protocol.Call, in *SetDefaultPolicyVersionRequest) (*SetDefaultPolicyVersionOutput, error) {
	return done[SetDefaultPolicyVersionOutput](a.engine.UpdatePolicy(ctx, c.Account, in.PolicyArn, func(p *identity.Policy) error {
		if p.Version(in.VersionId) == nil {
			return noVersion(in.PolicyArn, in.VersionId)
		}
		p.Default = in.VersionId
		return nil
	}))
}

func (a *api) listEntitiesForPolicy(_ context.Context, c *protocol.Call, in *ListEntitiesForPolicyRequest) (*ListEntitiesForPolicyResponse, error) {
	p, err := a.engine.Policy(c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	list, bounded := a.engine.Attachments(c.Account, p.ARN())
	if in.PolicyUsageFilter != nil && *in.PolicyUsageFilter == PolicyUsageType_PermissionsBoundary {
		list = bounded
	}
	list = slices.DeleteFunc(list, func(x *identity.Entity) bool {
		kind := map[identity.Kind]EntityType{identity.User: EntityType_User, identity.Group: EntityType_Group, identity.Role: EntityType_Role}[x.Kind]
		pre := prefix(in.PathPrefix)
		return in.EntityFilter != nil && *in.EntityFilter != kind || len(x.Path) < len(pre) || x.Path[:len(pre)] != pre
	})
	list, next, more := page(list, in.Marker, in.MaxItems, (*identity.Entity).ARN)
	out := &ListEntitiesForPolicyResponse{Marker: next, IsTruncated: more, PolicyUsers: []PolicyUser{}, PolicyGroups: []PolicyGroup{}, PolicyRoles: []PolicyRole{}}
	for _, x := range list {
		switch x.Kind {
		case identity.User:
			out.PolicyUsers = append(out.PolicyUsers, PolicyUser{UserId: &x.ID, UserName: &x.Name})
		case identity.Group:
			out.PolicyGroups = append(out.PolicyGroups, PolicyGroup{GroupId: &x.ID, GroupName: &x.Name})
		default:
			out.PolicyRoles = append(out.PolicyRoles, PolicyRole{RoleId: &x.ID, RoleName: &x.Name})
		}
	}
	return out, nil
}
