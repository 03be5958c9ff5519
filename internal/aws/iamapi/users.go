package iamapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) users() []protocol.Op {
	return []protocol.Op{
		protocol.If(protocol.Handle("CreateUser", func(c *protocol.Call, in *CreateUserRequest) []string {
			return []string{newARN(c, identity.User, in.Path, in.UserName)}
		}, a.createUser), func(_ *protocol.Call, in *CreateUserRequest) map[string][]string {
			return bounded(in.PermissionsBoundary)
		}),
		on(a, "GetUser", identity.User, func(in *GetUserRequest) string { return str(in.UserName) }, a.getUser),
		protocol.Handle("ListUsers", under[ListUsersRequest]("user/"), a.listUsers),
		protocol.Handle("UpdateUser", func(c *protocol.Call, in *UpdateUserRequest) []string {
			return a.renamed(c, identity.User, in.UserName, in.NewUserName, in.NewPath)
		}, a.updateUser),
		on(a, "DeleteUser", identity.User, func(in *DeleteUserRequest) string { return in.UserName }, a.deleteUser),
		on(a, "ListMFADevices", identity.User, func(in *ListMFADevicesRequest) string { return str(in.UserName) }, a.listMFADevices),
		on(a, "ListSSHPublicKeys", identity.User, func(in *ListSSHPublicKeysRequest) string { return str(in.UserName) }, a.listSSHPublicKeys),
		on(a, "ListSigningCertificates", identity.User, func(in *ListSigningCertificatesRequest) string { return str(in.UserName) }, a.listSigningCertificates),
		on(a, "ListServiceSpecificCredentials", identity.User, func(in *ListServiceSpecificCredentialsRequest) string { return str(in.UserName) }, a.listServiceSpecificCredentials),
	}
}

func (a *api) createUser(ctx context.Context, c *protocol.Call, in *CreateUserRequest) (*CreateUserResponse, error) {
	tags, err := fromTags(in.Tags)
	if err != nil {
		return nil, err
	}
	x, err := a.engine.Create(ctx, identity.Entity{Account: c.Account, Kind: identity.User, Name: in.UserName, Path: str(in.Path), Boundary: str(in.PermissionsBoundary), Tags: tags})
	if err != nil {
		return nil, err
	}
	u := toUser(x)
	return &CreateUserResponse{User: &u}, nil
}

func (a *api) getUser(_ context.Context, c *protocol.Call, in *GetUserRequest) (*GetUserResponse, error) {
	name, err := caller(c, in.UserName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		u := User{Arn: c.Principal.ARN, UserId: c.Account, UserName: "root", Path: "/", CreateDate: a.engine.AccountCreated(c.Account)}
		return &GetUserResponse{User: &u}, nil
	}
	x, err := a.engine.Get(c.Account, identity.User, name)
	if err != nil {
		return nil, err
	}
	u := toUser(x)
	return &GetUserResponse{User: &u}, nil
}

func (a *api) listUsers(_ context.Context, c *protocol.Call, in *ListUsersRequest) (*ListUsersResponse, error) {
	list, next, more := page(a.engine.List(c.Account, identity.User, prefix(in.PathPrefix)), in.Marker, in.MaxItems, entityName)
	return &ListUsersResponse{Users: each(list, func(x *identity.Entity) User { return bare(toUser(x)) }), Marker: next, IsTruncated: more}, nil
}

func prefix(p *string) string {
	if p == nil {
		return "/"
	}
	return *p
}

func (a *api) updateUser(ctx context.Context, c *protocol.Call, in *UpdateUserRequest) (*UpdateUserOutput, error) {
	return done[UpdateUserOutput](a.engine.Rename(ctx, c.Account, identity.User, in.UserName, str(in.NewUserName), str(in.NewPath)))
}

func (a *api) deleteUser(ctx context.Context, c *protocol.Call, in *DeleteUserRequest) (*DeleteUserOutput, error) {
	return done[DeleteUserOutput](a.engine.Delete(ctx, c.Account, identity.User, in.UserName))
}

// exists checks the user of a list that is always empty: nobody has such credentials, since nobody can make them.
func (a *api) exists(c *protocol.Call, name *string) error {
	user, err := caller(c, name)
	if err != nil || user == "" {
		return err
	}
	_, err = a.engine.Get(c.Account, identity.User, user)
	return err
}

func (a *api) listMFADevices(_ context.Context, c *protocol.Call, in *ListMFADevicesRequest) (*ListMFADevicesResponse, error) {
	return &ListMFADevicesResponse{MFADevices: []MFADevice{}, IsTruncated: new(bool)}, a.exists(c, in.UserName)
}

func (a *api) listSSHPublicKeys(_ context.Context, c *protocol.Call, in *ListSSHPublicKeysRequest) (*ListSSHPublicKeysResponse, error) {
	return &ListSSHPublicKeysResponse{SSHPublicKeys: []SSHPublicKeyMetadata{}, IsTruncated: new(bool)}, a.exists(c, in.UserName)
}

func (a *api) listSigningCertificates(_ context.Context, c *protocol.Call, in *ListSigningCertificatesRequest) (*ListSigningCertificatesResponse, error) {
	return &ListSigningCertificatesResponse{Certificates: []SigningCertificate{}, IsTruncated: new(bool)}, a.exists(c, in.UserName)
}

func (a *api) listServiceSpecificCredentials(_ context.Context, c *protocol.Call, in *ListServiceSpecificCredentialsRequest) (*ListServiceSpecificCredentialsResponse, error) {
	return &ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []ServiceSpecificCredentialMetadata{}, IsTruncated: new(bool)}, a.exists(c, in.UserName)
}
