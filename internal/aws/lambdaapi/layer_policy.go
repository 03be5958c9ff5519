package lambdaapi

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
)

func (a *api) addLayerPermission(ctx context.Context, c *protocol.Call, in *AddLayerVersionPermissionRequest) (*AddLayerVersionPermissionResponse, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	s := function.LayerPermission{ID: in.StatementId, Principal: in.Principal, Org: protocol.Or(in.OrganizationId, "")}
	p, err := a.Functions.AddLayerPermission(ctx, scope, name, int(in.VersionNumber), s, protocol.Or(in.RevisionId, ""))
	if err != nil {
		return nil, err
	}
	text := encode(layerStatement(function.LayerARN(scope, name, int(in.VersionNumber)), s))
	return &AddLayerVersionPermissionResponse{Statement: &text, RevisionId: &p.Revision}, nil
}

func (a *api) removeLayerPermission(ctx context.Context, c *protocol.Call, in *RemoveLayerVersionPermissionRequest) (*RemoveLayerVersionPermissionOutput, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	return &RemoveLayerVersionPermissionOutput{}, a.Functions.RemoveLayerPermission(ctx, scope, name, int(in.VersionNumber), in.StatementId, protocol.Or(in.RevisionId, ""))
}

func (a *api) getLayerPolicy(ctx context.Context, c *protocol.Call, in *GetLayerVersionPolicyRequest) (*GetLayerVersionPolicyResponse, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	p, err := a.Functions.LayerPolicy(ctx, scope, name, int(in.VersionNumber))
	if err != nil {
		return nil, err
	}
	text := encode(layerDocument(function.LayerARN(scope, name, int(in.VersionNumber)), p))
	return &GetLayerVersionPolicyResponse{Policy: &text, RevisionId: &p.Revision}, nil
}

// layerStatement writes a permission as the policy statement that it is.
func layerStatement(arn string, p function.LayerPermission) map[string]any {
	s := map[string]any{"Sid": p.ID, "Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": arn, "Principal": "*"}
	if p.Principal != "*" {
		s["Principal"] = map[string]string{"AWS": "arn:aws:iam::" + p.Principal + ":root"}
	}
	if p.Org != "" {
		s["Condition"] = map[string]any{"StringEquals": map[string]string{"aws:PrincipalOrgID": p.Org}}
	}
	return s
}

func layerDocument(arn string, p function.LayerPolicy) map[string]any {
	statements := make([]any, len(p.Statements))
	for i, s := range p.Statements {
		statements[i] = layerStatement(arn, s)
	}
	return map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements}
}

// layerPolicyOf returns the policy of a version of a layer for the check of a request that names its ARN.
func (a *api) layerPolicyOf(ctx context.Context, arn ident.ARN) (*policy.Document, string, error) {
	part := strings.Split(arn.Resource, ":")
	if len(part) != 3 {
		return nil, arn.Account, nil
	}
	number, err := strconv.Atoi(part[2])
	if err != nil {
		return nil, arn.Account, nil //nolint:nilerr // no such version: the handler tells
	}
	p, err := a.Functions.LayerPolicy(ctx, arn.Scope(), part[1], number)
	if err != nil {
		return nil, arn.Account, nil //nolint:nilerr // no layer or no policy: the handler tells
	}
	text, err := json.Marshal(layerDocument(function.LayerARN(arn.Scope(), part[1], number), p))
	if err != nil {
		return nil, "", err
	}
	doc, err := policy.Parse(policy.Resource, string(text))
	return doc, arn.Account, err
}
