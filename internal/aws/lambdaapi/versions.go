package lambdaapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

func (a *api) publishVersion(ctx context.Context, c *protocol.Call, in *PublishVersionRequest) (*FunctionConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	v, err := a.Functions.Publish(ctx, r, protocol.Or(in.CodeSha256, ""), protocol.Or(in.RevisionId, ""), protocol.Or(in.Description, ""))
	if err != nil {
		return nil, err
	}
	return configuration(r.Scope, v), nil
}

func (a *api) listVersions(ctx context.Context, c *protocol.Call, in *ListVersionsByFunctionRequest) (*ListVersionsByFunctionResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	list, more, err := a.Functions.Versions(ctx, r, protocol.Or(in.Marker, ""), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &ListVersionsByFunctionResponse{}
	for _, v := range list {
		r.Qualifier = v.Number
		out.Versions = append(out.Versions, listed(r, v))
	}
	if more {
		out.NextMarker = new(list[len(list)-1].Number)
	}
	return out, nil
}

func weights(r *AliasRoutingConfiguration) map[string]float64 {
	if r == nil {
		return nil
	}
	return r.AdditionalVersionWeights
}

func (a *api) createAlias(ctx context.Context, c *protocol.Call, in *CreateAliasRequest) (*AliasConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	al, err := a.Functions.CreateAlias(ctx, r.Scope, function.Alias{
		Function: r.Name, Name: in.Name, Description: protocol.Or(in.Description, ""), Version: in.FunctionVersion, Weights: weights(in.RoutingConfig),
	})
	if err != nil {
		return nil, err
	}
	return alias(r.Scope, al), nil
}

func (a *api) getAlias(ctx context.Context, c *protocol.Call, in *GetAliasRequest) (*AliasConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	al, err := a.Functions.Alias(ctx, r, in.Name)
	if err != nil {
		return nil, err
	}
	return alias(r.Scope, al), nil
}

func (a *api) listAliases(ctx context.Context, c *protocol.Call, in *ListAliasesRequest) (*ListAliasesResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	list, more, err := a.Functions.Aliases(ctx, r, protocol.Or(in.FunctionVersion, ""), protocol.Or(in.Marker, ""), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &ListAliasesResponse{Aliases: []AliasConfiguration{}}
	for _, al := range list {
		out.Aliases = append(out.Aliases, *alias(r.Scope, al))
	}
	if more {
		out.NextMarker = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) updateAlias(ctx context.Context, c *protocol.Call, in *UpdateAliasRequest) (*AliasConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	al, err := a.Functions.UpdateAlias(ctx, r, in.Name, protocol.Or(in.RevisionId, ""), func(al *function.Alias) {
		al.Description = protocol.Or(in.Description, al.Description)
		al.Version = protocol.Or(in.FunctionVersion, al.Version)
		if in.RoutingConfig != nil {
			al.Weights = weights(in.RoutingConfig)
		}
	})
	if err != nil {
		return nil, err
	}
	return alias(r.Scope, al), nil
}

func (a *api) deleteAlias(ctx context.Context, c *protocol.Call, in *DeleteAliasRequest) (*DeleteAliasOutput, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	return &DeleteAliasOutput{}, a.Functions.DeleteAlias(ctx, r, in.Name)
}
