package iamapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

func (a *api) accessKeys() []protocol.Op {
	return []protocol.Op{
		on(a, "CreateAccessKey", identity.User, func(in *CreateAccessKeyRequest) string { return str(in.UserName) }, a.createAccessKey),
		on(a, "ListAccessKeys", identity.User, func(in *ListAccessKeysRequest) string { return str(in.UserName) }, a.listAccessKeys),
		on(a, "UpdateAccessKey", identity.User, func(in *UpdateAccessKeyRequest) string { return str(in.UserName) }, a.updateAccessKey),
		on(a, "DeleteAccessKey", identity.User, func(in *DeleteAccessKeyRequest) string { return str(in.UserName) }, a.deleteAccessKey),
		protocol.Handle("GetAccessKeyLastUsed", nil, a.getAccessKeyLastUsed),
	}
}

func status(inactive bool) StatusType {
	if inactive {
		return StatusType_Inactive
	}
	return StatusType_Active
}

func (a *api) createAccessKey(ctx context.Context, c *protocol.Call, in *CreateAccessKeyRequest) (*CreateAccessKeyResponse, error) {
	user, err := caller(c, in.UserName)
	if err != nil {
		return nil, err
	}
	k, err := a.engine.CreateAccessKey(ctx, c.Account, user)
	if err != nil {
		return nil, err
	}
	return &CreateAccessKeyResponse{AccessKey: &AccessKey{AccessKeyId: k.ID, SecretAccessKey: k.Secret, UserName: k.User, Status: StatusType_Active, CreateDate: &k.Created}}, nil
}

func (a *api) listAccessKeys(_ context.Context, c *protocol.Call, in *ListAccessKeysRequest) (*ListAccessKeysResponse, error) {
	user, err := caller(c, in.UserName)
	if err == nil && user != "" {
		_, err = a.engine.Get(c.Account, identity.User, user)
	}
	if err != nil {
		return nil, err
	}
	// There are two at most: the smallest page holds them.
	return &ListAccessKeysResponse{IsTruncated: new(bool), AccessKeyMetadata: each(a.engine.AccessKeys(c.Account, user), func(k identity.AccessKey) AccessKeyMetadata {
		s := status(k.Inactive)
		return AccessKeyMetadata{AccessKeyId: &k.ID, CreateDate: &k.Created, Status: &s, UserName: &k.User}
	})}, nil
}

func (a *api) updateAccessKey(ctx context.Context, c *protocol.Call, in *UpdateAccessKeyRequest) (*UpdateAccessKeyOutput, error) {
	user, err := caller(c, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.Status != StatusType_Active && in.Status != StatusType_Inactive {
		return nil, &protocol.Error{Code: "ValidationError", Message: "The status of an access key is Active or Inactive, not " + string(in.Status) + "."}
	}
	return done[UpdateAccessKeyOutput](a.engine.SetAccessKey(ctx, c.Account, user, in.AccessKeyId, in.Status == StatusType_Active))
}

func (a *api) deleteAccessKey(ctx context.Context, c *protocol.Call, in *DeleteAccessKeyRequest) (*DeleteAccessKeyOutput, error) {
	user, err := caller(c, in.UserName)
	if err != nil {
		return nil, err
	}
	return done[DeleteAccessKeyOutput](a.engine.DeleteAccessKey(ctx, c.Account, user, in.AccessKeyId))
}

func (a *api) getAccessKeyLastUsed(_ context.Context, c *protocol.Call, in *GetAccessKeyLastUsedRequest) (*GetAccessKeyLastUsedResponse, error) {
	k, err := a.engine.AccessKey(in.AccessKeyId)
	if err != nil || k.Account != c.Account {
		return nil, &protocol.Error{Code: "AccessDenied", Status: 403, Message: "The access key " + in.AccessKeyId + " is not of this account."}
	}
	out := &GetAccessKeyLastUsedResponse{UserName: &k.User, AccessKeyLastUsed: &AccessKeyLastUsed{Region: "N/A", ServiceName: "N/A"}}
	if u := a.engine.LastUse(k.ID); !u.At.IsZero() {
		out.AccessKeyLastUsed = &AccessKeyLastUsed{LastUsedDate: &u.At, Region: u.Region, ServiceName: u.Service}
	}
	return out, nil
}
