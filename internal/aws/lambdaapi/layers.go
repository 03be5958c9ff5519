package lambdaapi

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
)

// layerName accepts a layer's name or its ARN.
func layerName(scope ident.Scope, name string) (ident.Scope, string) {
	if a, err := ident.ParseARN(name); err == nil {
		return a.Scope(), strings.TrimPrefix(a.Resource, "layer:")
	}
	return scope, name
}

func (a *api) content(l function.Layer) *LayerVersionContentOutput {
	return &LayerVersionContentOutput{CodeSha256: &l.CodeHash, CodeSize: &l.CodeSize, Location: new(a.CodeURL(l.Code))}
}

func (a *api) publishLayer(ctx context.Context, c *protocol.Call, in *PublishLayerVersionRequest) (*PublishLayerVersionResponse, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	content := in.Content
	if content == nil {
		content = &LayerVersionContentInput{}
	}
	code, done, err := a.code(ctx, c, content.ZipFile, content.S3Bucket, content.S3Key, content.S3ObjectVersion)
	if err != nil {
		return nil, err
	}
	defer done()
	l := function.Layer{Name: name, Description: protocol.Or(in.Description, ""), License: protocol.Or(in.LicenseInfo, "")}
	if in.CompatibleRuntimes != nil {
		l.Runtimes = []string{} // what was given is described, even if it is empty
	}
	if in.CompatibleArchitectures != nil {
		l.Architectures = []string{}
	}
	for _, r := range in.CompatibleRuntimes {
		l.Runtimes = append(l.Runtimes, string(r))
	}
	for _, x := range in.CompatibleArchitectures {
		l.Architectures = append(l.Architectures, string(x))
	}
	if l, err = a.Functions.PublishLayer(ctx, scope, l, code.Zip); err != nil {
		return nil, err
	}
	i := layerItem(scope, l)
	return &PublishLayerVersionResponse{
		CompatibleArchitectures: i.CompatibleArchitectures, CompatibleRuntimes: i.CompatibleRuntimes, Content: a.content(l), CreatedDate: i.CreatedDate,
		Description: i.Description, LayerArn: new(function.LayerARN(scope, l.Name, 0)), LayerVersionArn: i.LayerVersionArn, LicenseInfo: i.LicenseInfo, Version: i.Version,
	}, nil
}

func (a *api) getLayer(ctx context.Context, c *protocol.Call, in *GetLayerVersionRequest) (*GetLayerVersionResponse, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	l, err := a.Functions.Layer(ctx, scope, name, int(in.VersionNumber))
	if err != nil {
		return nil, err
	}
	i := layerItem(scope, l)
	return &GetLayerVersionResponse{
		CompatibleArchitectures: i.CompatibleArchitectures, CompatibleRuntimes: i.CompatibleRuntimes, Content: a.content(l), CreatedDate: i.CreatedDate,
		Description: i.Description, LayerArn: new(function.LayerARN(scope, l.Name, 0)), LayerVersionArn: i.LayerVersionArn, LicenseInfo: i.LicenseInfo, Version: i.Version,
	}, nil
}

func (a *api) getLayerByArn(ctx context.Context, c *protocol.Call, in *GetLayerVersionByArnRequest) (*GetLayerVersionResponse, error) {
	scope, name, number, err := function.ParseLayerARN(in.Arn)
	if err != nil {
		return nil, err
	}
	return a.getLayer(ctx, &protocol.Call{Scope: scope}, &GetLayerVersionRequest{LayerName: name, VersionNumber: int64(number)})
}

func (a *api) listLayerVersions(ctx context.Context, c *protocol.Call, in *ListLayerVersionsRequest) (*ListLayerVersionsResponse, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	list, more, err := a.Functions.LayerVersions(ctx, scope, name, number(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &ListLayerVersionsResponse{LayerVersions: []LayerVersionsListItem{}}
	for _, l := range list {
		if compatible(l, in.CompatibleRuntime, in.CompatibleArchitecture) {
			out.LayerVersions = append(out.LayerVersions, layerItem(scope, l))
		}
	}
	if more {
		out.NextMarker = new(strconv.Itoa(list[len(list)-1].Number))
	}
	return out, nil
}

func compatible(l function.Layer, runtime *Runtime, arch *Architecture) bool {
	return (runtime == nil || slices.Contains(l.Runtimes, string(*runtime))) && (arch == nil || slices.Contains(l.Architectures, string(*arch)))
}

func (a *api) listLayers(ctx context.Context, c *protocol.Call, in *ListLayersRequest) (*ListLayersResponse, error) {
	list, more, err := a.Functions.Layers(ctx, c.Scope, protocol.Or(in.Marker, ""), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &ListLayersResponse{Layers: []LayersListItem{}}
	for _, l := range list {
		if compatible(l, in.CompatibleRuntime, in.CompatibleArchitecture) {
			out.Layers = append(out.Layers, LayersListItem{LayerName: &l.Name, LayerArn: new(function.LayerARN(c.Scope, l.Name, 0)), LatestMatchingVersion: new(layerItem(c.Scope, l))})
		}
	}
	if more {
		out.NextMarker = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) deleteLayer(ctx context.Context, c *protocol.Call, in *DeleteLayerVersionRequest) (*DeleteLayerVersionOutput, error) {
	scope, name := layerName(c.Scope, in.LayerName)
	return &DeleteLayerVersionOutput{}, a.Functions.DeleteLayer(ctx, scope, name, int(in.VersionNumber))
}
