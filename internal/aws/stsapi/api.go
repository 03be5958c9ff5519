package stsapi

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/policy"
)

type api struct{ engine *identity.Engine }

// New returns the table of STS over an identity engine.
func New(e *identity.Engine) *protocol.Service {
	a := &api{e}
	// Whoever has valid credentials may ask who they are; who may assume a role is decided by the engine, which knows the
	// role's trust policy.
	free := func(op protocol.Op) protocol.Op {
		op.Public = true
		return op
	}
	return &protocol.Service{
		Name: "sts", Model: Model, MapError: protocol.MapErrors(errorTable), ValidationCode: "ValidationError",
		Ops: []protocol.Op{
			free(protocol.Handle("GetCallerIdentity", nil, a.getCallerIdentity)),
			free(protocol.Handle("AssumeRole", nil, a.assumeRole)),
			free(protocol.Handle("GetSessionToken", nil, a.getSessionToken)),
			free(protocol.Handle("GetAccessKeyInfo", nil, a.getAccessKeyInfo)),
		},
	}
}

var errorTable = []protocol.ErrorRow{
	{Err: identity.ErrNotAuthorised, Code: "AccessDenied", Status: 403},
	{Err: identity.ErrUnmodifiable, Code: "AccessDenied", Status: 403},
	{Err: identity.ErrMalformed, Code: Code_MalformedPolicyDocumentException},
	{Err: identity.ErrLimit, Code: Code_PackedPolicyTooLargeException},
	{Err: identity.ErrInvalid, Code: "ValidationError", Status: 400},
	{Err: identity.ErrNoSuchEntity, Code: "ValidationError", Status: 400},
	{Err: identity.ErrExists, Code: "ValidationError", Status: 400},
	{Err: identity.ErrConflict, Code: "ValidationError", Status: 400},
	{Err: identity.ErrUnknownKey, Code: "InvalidClientTokenId", Status: 403},
	{Err: identity.ErrInvalidToken, Code: "InvalidClientTokenId", Status: 403},
	{Err: identity.ErrExpiredToken, Code: "ExpiredToken", Status: 403},
}

// signed refuses anonymous callers, whom Public rows let through.
func signed(c *protocol.Call) error {
	if c.Principal.Anonymous() {
		return &protocol.Error{Code: "MissingAuthenticationToken", Status: 403, Message: "Request is missing Authentication Token"}
	}
	return nil
}

func (a *api) getCallerIdentity(_ context.Context, c *protocol.Call, _ *GetCallerIdentityRequest) (*GetCallerIdentityResponse, error) {
	if err := signed(c); err != nil {
		return nil, err
	}
	p := c.Principal
	return &GetCallerIdentityResponse{Account: &p.Account, Arn: &p.ARN, UserId: &p.ID}, nil
}

func (a *api) assumeRole(ctx context.Context, c *protocol.Call, in *AssumeRoleRequest) (*AssumeRoleResponse, error) {
	if err := signed(c); err != nil {
		return nil, err
	}
	r := identity.AssumeRole{Caller: c.Principal, RoleARN: in.RoleArn, SessionName: in.RoleSessionName, Keys: policy.Keys{}}
	if c.SourceIP != "" {
		r.Keys.Set("aws:SourceIp", c.SourceIP)
	}
	if in.DurationSeconds != nil {
		r.Duration = time.Duration(*in.DurationSeconds) * time.Second
	}
	if in.Policy != nil {
		r.Policy = *in.Policy
	}
	if in.ExternalId != nil {
		r.ExternalID = *in.ExternalId
	}
	for _, p := range in.PolicyArns {
		if p.Arn != nil {
			r.PolicyARNs = append(r.PolicyARNs, *p.Arn)
		}
	}
	for _, t := range in.Tags {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		r.Tags[t.Key] = t.Value
	}
	cred, role, err := a.engine.Assume(ctx, r)
	if err != nil {
		return nil, err
	}
	a.engine.Used(role.ID, "sts", c.Region)
	return &AssumeRoleResponse{
		AssumedRoleUser: &AssumedRoleUser{Arn: cred.Principal.ARN, AssumedRoleId: cred.Principal.ID},
		Credentials:     credentials(cred),
	}, nil
}

func credentials(c *identity.Credential) *Credentials {
	return &Credentials{AccessKeyId: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.Token, Expiration: c.Expires}
}

func (a *api) getSessionToken(ctx context.Context, c *protocol.Call, in *GetSessionTokenRequest) (*GetSessionTokenResponse, error) {
	if err := signed(c); err != nil {
		return nil, err
	}
	var d time.Duration
	if in.DurationSeconds != nil {
		d = time.Duration(*in.DurationSeconds) * time.Second
	}
	cred, err := a.engine.SessionToken(ctx, c.Principal, d)
	if err != nil {
		return nil, err
	}
	return &GetSessionTokenResponse{Credentials: credentials(cred)}, nil
}

func (a *api) getAccessKeyInfo(_ context.Context, c *protocol.Call, in *GetAccessKeyInfoRequest) (*GetAccessKeyInfoResponse, error) {
	if err := signed(c); err != nil {
		return nil, err
	}
	k, err := a.engine.AccessKey(in.AccessKeyId)
	if err != nil {
		return nil, &protocol.Error{Code: "ValidationError", Message: "Invalid Access Key ID"}
	}
	return &GetAccessKeyInfoResponse{Account: &k.Account}, nil
}
