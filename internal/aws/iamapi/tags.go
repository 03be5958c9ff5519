package iamapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) tags() []protocol.Op {
	user := func(in *TagUserRequest) string { return in.UserName }
	role := func(in *TagRoleRequest) string { return in.RoleName }
	return []protocol.Op{
		on(a, "TagUser", identity.User, user, func(ctx context.Context, c *protocol.Call, in *TagUserRequest) (*TagUserOutput, error) {
			return done[TagUserOutput](a.tag(ctx, c, identity.User, in.UserName, in.Tags, nil))
		}),
		on(a, "UntagUser", identity.User, func(in *UntagUserRequest) string { return in.UserName }, func(ctx context.Context, c *protocol.Call, in *UntagUserRequest) (*UntagUserOutput, error) {
			return done[UntagUserOutput](a.tag(ctx, c, identity.User, in.UserName, nil, in.TagKeys))
		}),
		on(a, "TagRole", identity.Role, role, func(ctx context.Context, c *protocol.Call, in *TagRoleRequest) (*TagRoleOutput, error) {
			return done[TagRoleOutput](a.tag(ctx, c, identity.Role, in.RoleName, in.Tags, nil))
		}),
		on(a, "UntagRole", identity.Role, func(in *UntagRoleRequest) string { return in.RoleName }, func(ctx context.Context, c *protocol.Call, in *UntagRoleRequest) (*UntagRoleOutput, error) {
			return done[UntagRoleOutput](a.tag(ctx, c, identity.Role, in.RoleName, nil, in.TagKeys))
		}),
		onPolicy(a, "TagPolicy", func(in *TagPolicyRequest) string { return in.PolicyArn }, func(ctx context.Context, c *protocol.Call, in *TagPolicyRequest) (*TagPolicyOutput, error) {
			return done[TagPolicyOutput](a.engine.UpdatePolicy(ctx, c.Account, in.PolicyArn, func(p *identity.Policy) error { return change(&p.Tags, in.Tags, nil) }))
		}),
		onPolicy(a, "UntagPolicy", func(in *UntagPolicyRequest) string { return in.PolicyArn }, func(ctx context.Context, c *protocol.Call, in *UntagPolicyRequest) (*UntagPolicyOutput, error) {
			return done[UntagPolicyOutput](a.engine.UpdatePolicy(ctx, c.Account, in.PolicyArn, func(p *identity.Policy) error { return change(&p.Tags, nil, in.TagKeys) }))
		}),
		on(a, "ListUserTags", identity.User, func(in *ListUserTagsRequest) string { return in.UserName }, func(_ context.Context, c *protocol.Call, in *ListUserTagsRequest) (*ListUserTagsResponse, error) {
			x, err := a.engine.Get(c.Account, identity.User, in.UserName)
			if err != nil {
				return nil, err
			}
			list, next, more := page(toTags(x.Tags), in.Marker, in.MaxItems, tagKey)
			return &ListUserTagsResponse{Tags: list, Marker: next, IsTruncated: more}, nil
		}),
		on(a, "ListRoleTags", identity.Role, func(in *ListRoleTagsRequest) string { return in.RoleName }, func(_ context.Context, c *protocol.Call, in *ListRoleTagsRequest) (*ListRoleTagsResponse, error) {
			x, err := a.engine.Get(c.Account, identity.Role, in.RoleName)
			if err != nil {
				return nil, err
			}
			list, next, more := page(toTags(x.Tags), in.Marker, in.MaxItems, tagKey)
			return &ListRoleTagsResponse{Tags: list, Marker: next, IsTruncated: more}, nil
		}),
		onPolicy(a, "ListPolicyTags", func(in *ListPolicyTagsRequest) string { return in.PolicyArn }, func(_ context.Context, c *protocol.Call, in *ListPolicyTagsRequest) (*ListPolicyTagsResponse, error) {
			p, err := a.engine.Policy(c.Account, in.PolicyArn)
			if err != nil {
				return nil, err
			}
			list, next, more := page(toTags(p.Tags), in.Marker, in.MaxItems, tagKey)
			return &ListPolicyTagsResponse{Tags: list, Marker: next, IsTruncated: more}, nil
		}),
	}
}

func tagKey(t Tag) string { return t.Key }

func (a *api) tag(ctx context.Context, c *protocol.Call, kind identity.Kind, name string, set []Tag, remove []string) error {
	return a.engine.Update(ctx, c.Account, kind, name, func(x *identity.Entity) error { return change(&x.Tags, set, remove) })
}

// change sets and removes tags of a copy.
func change(tags *map[string]string, set []Tag, remove []string) error {
	add, err := fromTags(set)
	if err != nil {
		return err
	}
	if *tags == nil {
		*tags = map[string]string{}
	}
	maps.Copy(*tags, add)
	for _, k := range remove {
		delete(*tags, k)
	}
	if len(*tags) > identity.MaxTags {
		return &protocol.Error{Code: Code_LimitExceededException, Message: "The number of tags has reached the maximum limit."}
	}
	return nil
}

func fromTags(list []Tag) (map[string]string, error) {
	m := make(map[string]string, len(list))
	for _, t := range list {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, &protocol.Error{Code: Code_InvalidInputException, Message: "The tag key " + t.Key + " starts with aws:, which is reserved."}
		}
		if _, ok := m[t.Key]; ok {
			return nil, &protocol.Error{Code: Code_InvalidInputException, Message: "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		}
		m[t.Key] = t.Value
	}
	return m, nil
}

// tagsOf are the tags of a description, which leaves them out where there are none; lists of tags are there even if empty.
func tagsOf(m map[string]string) []Tag {
	if len(m) == 0 {
		return nil
	}
	return toTags(m)
}

func toTags(m map[string]string) []Tag {
	list := make([]Tag, 0, len(m))
	for k, v := range m {
		list = append(list, Tag{Key: k, Value: v})
	}
	sortBy(list, tagKey)
	return list
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}
