package sfnapi

import (
	"context"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/workflow"
)

// cut splits "NAME/LABEL".
func cut(machine string) (name, label string, found bool) { return strings.Cut(machine, "/") }

func (a *api) publishVersion(ctx context.Context, _ *protocol.Call, in *PublishStateMachineVersionInput) (*PublishStateMachineVersionOutput, error) {
	v, err := a.engine.Publish(ctx, in.StateMachineArn, protocol.Or(in.RevisionId, ""), protocol.Or(in.Description, ""))
	if err != nil {
		return nil, err
	}
	return &PublishStateMachineVersionOutput{CreationDate: v.Created, StateMachineVersionArn: v.ARN}, nil
}

func (a *api) listVersions(ctx context.Context, _ *protocol.Call, in *ListStateMachineVersionsInput) (*ListStateMachineVersionsOutput, error) {
	list, next, err := a.engine.Versions(ctx, in.StateMachineArn, int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &ListStateMachineVersionsOutput{NextToken: protocol.Some(next), StateMachineVersions: []StateMachineVersionListItem{}}
	for _, v := range list {
		out.StateMachineVersions = append(out.StateMachineVersions, StateMachineVersionListItem{v.Created, v.ARN})
	}
	return out, nil
}

func (a *api) deleteVersion(ctx context.Context, _ *protocol.Call, in *DeleteStateMachineVersionInput) (*DeleteStateMachineVersionOutput, error) {
	return &DeleteStateMachineVersionOutput{}, a.engine.DeleteVersion(ctx, in.StateMachineVersionArn)
}

func routes(in []RoutingConfigurationListItem) []workflow.Route {
	var out []workflow.Route
	for _, r := range in {
		out = append(out, workflow.Route{VersionARN: r.StateMachineVersionArn, Weight: int(r.Weight)})
	}
	return out
}

func (a *api) createAlias(ctx context.Context, _ *protocol.Call, in *CreateStateMachineAliasInput) (*CreateStateMachineAliasOutput, error) {
	al, err := a.engine.CreateAlias(ctx, in.Name, protocol.Or(in.Description, ""), routes(in.RoutingConfiguration))
	if err != nil {
		return nil, err
	}
	return &CreateStateMachineAliasOutput{CreationDate: al.Created, StateMachineAliasArn: al.ARN}, nil
}

func (a *api) describeAlias(ctx context.Context, _ *protocol.Call, in *DescribeStateMachineAliasInput) (*DescribeStateMachineAliasOutput, error) {
	al, err := a.engine.DescribeAlias(ctx, in.StateMachineAliasArn)
	if err != nil {
		return nil, err
	}
	out := &DescribeStateMachineAliasOutput{CreationDate: &al.Created, Description: protocol.Some(al.Description), Name: &al.Name, StateMachineAliasArn: &al.ARN, UpdateDate: &al.Updated}
	for _, r := range al.Routes {
		out.RoutingConfiguration = append(out.RoutingConfiguration, RoutingConfigurationListItem{r.VersionARN, int32(r.Weight)})
	}
	return out, nil
}

func (a *api) updateAlias(ctx context.Context, _ *protocol.Call, in *UpdateStateMachineAliasInput) (*UpdateStateMachineAliasOutput, error) {
	al, err := a.engine.UpdateAlias(ctx, in.StateMachineAliasArn, in.Description, routes(in.RoutingConfiguration))
	if err != nil {
		return nil, err
	}
	return &UpdateStateMachineAliasOutput{UpdateDate: al.Updated}, nil
}

func (a *api) deleteAlias(ctx context.Context, _ *protocol.Call, in *DeleteStateMachineAliasInput) (*DeleteStateMachineAliasOutput, error) {
	return &DeleteStateMachineAliasOutput{}, a.engine.DeleteAlias(ctx, in.StateMachineAliasArn)
}

func (a *api) listAliases(ctx context.Context, _ *protocol.Call, in *ListStateMachineAliasesInput) (*ListStateMachineAliasesOutput, error) {
	list, next, err := a.engine.Aliases(ctx, in.StateMachineArn, int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &ListStateMachineAliasesOutput{NextToken: protocol.Some(next), StateMachineAliases: []StateMachineAliasListItem{}}
	for _, al := range list {
		out.StateMachineAliases = append(out.StateMachineAliases, StateMachineAliasListItem{al.Created, al.ARN})
	}
	return out, nil
}
