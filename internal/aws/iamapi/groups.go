package iamapi

import (
	"context"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) groups() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateGroup", func(c *protocol.Call, in *CreateGroupRequest) []string {
			return []string{newARN(c, identity.Group, in.Path, in.GroupName)}
		}, a.createGroup),
		on(a, "GetGroup", identity.Group, func(in *GetGroupRequest) string { return in.GroupName }, a.getGroup),
		protocol.Handle("ListGroups", under[ListGroupsRequest]("group/"), a.listGroups),
		protocol.Handle("UpdateGroup", func(c *protocol.Call, in *UpdateGroupRequest) []string {
			return a.renamed(c, identity.Group, in.GroupName, in.NewGroupName, in.NewPath)
		}, a.updateGroup),
		on(a, "DeleteGroup", identity.Group, func(in *DeleteGroupRequest) string { return in.GroupName }, a.deleteGroup),
		on(a, "AddUserToGroup", identity.Group, func(in *AddUserToGroupRequest) string { return in.GroupName }, a.addUserToGroup),
		on(a, "RemoveUserFromGroup", identity.Group, func(in *RemoveUserFromGroupRequest) string { return in.GroupName }, a.removeUserFromGroup),
		on(a, "ListGroupsForUser", identity.User, func(in *ListGroupsForUserRequest) string { return in.UserName }, a.listGroupsForUser),
	}
}

func (a *api) createGroup(ctx context.Context, c *protocol.Call, in *CreateGroupRequest) (*CreateGroupResponse, error) {
	x, err := a.engine.Create(ctx, identity.Entity{Account: c.Account, Kind: identity.Group, Name: in.GroupName, Path: str(in.Path)})
	if err != nil {
		return nil, err
	}
	g := toGroup(x)
	return &CreateGroupResponse{Group: &g}, nil
}

func (a *api) getGroup(_ context.Context, c *protocol.Call, in *GetGroupRequest) (*GetGroupResponse, error) {
	x, err := a.engine.Get(c.Account, identity.Group, in.GroupName)
	if err != nil {
		return nil, err
	}
	g := toGroup(x)
	list, next, more := page(a.engine.Members(c.Account, x.Name), in.Marker, in.MaxItems, entityName)
	return &GetGroupResponse{Group: &g, Users: each(list, func(x *identity.Entity) User { return bare(toUser(x)) }), Marker: next, IsTruncated: more}, nil
}

func (a *api) listGroups(_ context.Context, c *protocol.Call, in *ListGroupsRequest) (*ListGroupsResponse, error) {
	list, next, more := page(a.engine.List(c.Account, identity.Group, prefix(in.PathPrefix)), in.Marker, in.MaxItems, entityName)
	return &ListGroupsResponse{Groups: each(list, toGroup), Marker: next, IsTruncated: more}, nil
}

func (a *api) updateGroup(ctx context.Context, c *protocol.Call, in *UpdateGroupRequest) (*UpdateGroupOutput, error) {
	return done[UpdateGroupOutput](a.engine.Rename(ctx, c.Account, identity.Group, in.GroupName, str(in.NewGroupName), str(in.NewPath)))
}

func (a *api) deleteGroup(ctx context.Context, c *protocol.Call, in *DeleteGroupRequest) (*DeleteGroupOutput, error) {
	return done[DeleteGroupOutput](a.engine.Delete(ctx, c.Account, identity.Group, in.GroupName))
}

func (a *api) addUserToGroup(ctx context.Context, c *protocol.Call, in *AddUserToGroupRequest) (*AddUserToGroupOutput, error) {
	return done[AddUserToGroupOutput](a.engine.Join(ctx, c.Account, in.UserName, in.GroupName, true))
}

func (a *api) removeUserFromGroup(ctx context.Context, c *protocol.Call, in *RemoveUserFromGroupRequest) (*RemoveUserFromGroupOutput, error) {
	return done[RemoveUserFromGroupOutput](a.engine.Join(ctx, c.Account, in.UserName, in.GroupName, false))
}

func (a *api) listGroupsForUser(_ context.Context, c *protocol.Call, in *ListGroupsForUserRequest) (*ListGroupsForUserResponse, error) {
	u, err := a.engine.Get(c.Account, identity.User, in.UserName)
	if err != nil {
		return nil, err
	}
	var groups []*identity.Entity
	for _, n := range u.Groups {
		if g, err := a.engine.Get(c.Account, identity.Group, n); err == nil {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(x, y *identity.Entity) int { return strings.Compare(x.Name, y.Name) })
	list, next, more := page(groups, in.Marker, in.MaxItems, entityName)
	return &ListGroupsForUserResponse{Groups: each(list, toGroup), Marker: next, IsTruncated: more}, nil
}
