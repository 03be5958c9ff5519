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
	}
	if err := a.checkRevision(ctx, r, in.RevisionId); err != nil {
		return nil, err
	}
	if err := a.Functions.AddPermission(ctx, r, p); err != nil {
		return nil, err
	}
	return &AddPermissionResponse{Statement: new(encode(statement(r, p)))}, nil
}

func (a *api) removePermission(ctx context.Context, c *protocol.Call, in *RemovePermissionRequest) (*RemovePermissionOutput, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	if err := a.checkRevision(ctx, r, in.RevisionId); err != nil {
		return nil, err
	}
	return &RemovePermissionOutput{}, a.Functions.RemovePermission(ctx, r, in.StatementId)
}

// checkRevision refuses a change of a policy that is based on an older one.
func (a *api) checkRevision(ctx context.Context, r function.Ref, want *string) error {
	if want == nil {
		return nil
	}
	_, have, err := a.Functions.Permissions(ctx, r)
	if err == nil && have != *want {
		return function.ErrRevision
	}
	return err
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
