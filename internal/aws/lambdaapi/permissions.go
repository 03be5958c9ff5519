package lambdaapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

func (a *api) addPermission(ctx context.Context, c *protocol.Call, in *AddPermissionRequest) (*AddPermissionResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	p := function.Permission{
		ID: in.StatementId, Action: in.Action, Principal: in.Principal, SourceARN: protocol.Or(in.SourceArn, ""),
		SourceAccount: protocol.Or(in.SourceAccount, ""), EventToken: protocol.Or(in.EventSourceToken, ""),
		PrincipalOrg: protocol.Or(in.PrincipalOrgID, ""), URLAuth: string(protocol.Or(in.FunctionUrlAuthType, "")),
	}
	if err := a.Functions.AddPermission(ctx, r, p, protocol.Or(in.RevisionId, "")); err != nil {
		return nil, err
	}
	return &AddPermissionResponse{Statement: new(encode(statement(r, p)))}, nil
}

func (a *api) removePermission(ctx context.Context, c *protocol.Call, in *RemovePermissionRequest) (*RemovePermissionOutput, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	return &RemovePermissionOutput{}, a.Functions.RemovePermission(ctx, r, in.StatementId, protocol.Or(in.RevisionId, ""))
}

func (a *api) getPolicy(ctx context.Context, c *protocol.Call, in *GetPolicyRequest) (*GetPolicyResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	list, revision, err := a.Functions.Permissions(ctx, r)
	if err != nil {
		return nil, err
	}
	return &GetPolicyResponse{Policy: new(encode(policyDocument(r, list))), RevisionId: &revision}, nil
}
