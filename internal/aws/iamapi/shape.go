package iamapi

import (
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/identity"
)

func entityName(x *identity.Entity) string { return x.Name }

func toUser(x *identity.Entity) User {
	return User{Arn: x.ARN(), CreateDate: x.Created, Path: x.Path, UserId: x.ID, UserName: x.Name, Tags: tagsOf(x.Tags), PermissionsBoundary: toBoundary(x.Boundary)}
}

// bare leaves out what lists do not show.
func bare(u User) User {
	u.Tags, u.PermissionsBoundary = nil, nil
	return u
}

func toGroup(x *identity.Entity) Group {
	return Group{Arn: x.ARN(), CreateDate: x.Created, GroupId: x.ID, GroupName: x.Name, Path: x.Path}
}

func (a *api) toRole(x *identity.Entity) Role {
	max := int32(x.MaxSession.Seconds())
	doc := document(x.Trust)
	r := Role{
		Arn: x.ARN(), CreateDate: x.Created, Path: x.Path, RoleId: x.ID, RoleName: x.Name, AssumeRolePolicyDocument: &doc, MaxSessionDuration: &max,
		Tags: tagsOf(x.Tags), PermissionsBoundary: toBoundary(x.Boundary), RoleLastUsed: &RoleLastUsed{},
	}
	if x.Description != "" {
		r.Description = &x.Description
	}
	if u := a.engine.LastUse(x.ID); !u.At.IsZero() {
		r.RoleLastUsed = &RoleLastUsed{LastUsedDate: &u.At, Region: &u.Region}
	}
	return r
}

func bareRole(r Role) Role {
	r.Tags, r.PermissionsBoundary, r.RoleLastUsed = nil, nil, nil
	return r
}

func toBoundary(arn string) *AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	t := PermissionsBoundaryAttachmentType("Policy") // what IAM answers; its model says PermissionsBoundaryPolicy
	return &AttachedPermissionsBoundary{PermissionsBoundaryArn: &arn, PermissionsBoundaryType: &t}
}

// document encodes a policy as IAM answers it: percent-encoded.
func document(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func (a *api) toPolicy(account string, p *identity.Policy) Policy {
	arn, attachable := p.ARN(), true
	attached, bounded := a.engine.Attachments(account, arn)
	n, m := int32(len(attached)), int32(len(bounded))
	out := Policy{
		Arn: &arn, AttachmentCount: &n, CreateDate: &p.Created, DefaultVersionId: &p.Default, IsAttachable: &attachable, Path: &p.Path,
		PermissionsBoundaryUsageCount: &m, PolicyId: &p.ID, PolicyName: &p.Name, Tags: tagsOf(p.Tags), UpdateDate: &p.Updated,
	}
	if p.Description != "" {
		out.Description = &p.Description
	}
	return out
}

func toVersion(p *identity.Policy, v identity.Version, withText bool) PolicyVersion {
	def := v.ID == p.Default
	out := PolicyVersion{CreateDate: &v.Created, IsDefaultVersion: &def, VersionId: &v.ID}
	if withText {
		d := document(v.Document)
		out.Document = &d
	}
	return out
}
