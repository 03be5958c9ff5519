package lambdaapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/mapping"
	"github.com/tarn-data/tarn/internal/policy"
)

// Objects opens packages that users left in the object store, with the rights of the caller. It models objstore.Store.
type Objects interface {
	OpenCode(ctx context.Context, c *protocol.Call, bucket, key, version string) (io.ReadCloser, error)
}

// Options of the service.
type Options struct {
	Functions *function.Service
	Mappings  *mapping.Engine
	Objects   Objects
	// CodeURL returns an address, valid for some minutes, under which a package can be fetched.
	CodeURL func(blob.ID) string
}

type api struct{ Options }

// New returns the operation table of AWS Lambda.
func New(o Options) *protocol.Service {
	a := &api{o}
	s := &protocol.Service{
		Name: "lambda", Model: Model, MapError: mapError, ResourcePolicy: a.resourcePolicy,
		ValidationCode: "ValidationException", UnsupportedCode: "InvalidParameterValueException", InternalCode: "ServiceException",
		ThrottlingCode: "TooManyRequestsException",
	}
	s.Ops = []protocol.Op{
		protocol.Also(protocol.Handle("CreateFunction", fn(func(r *CreateFunctionRequest) (string, *string) { return r.FunctionName, nil }), a.createFunction),
			func(_ *protocol.Call, r *CreateFunctionRequest) []protocol.Access {
				return []protocol.Access{protocol.PassRole(r.Role, "lambda.amazonaws.com")}
			}),
		protocol.Handle("UpdateFunctionCode", fn(func(r *UpdateFunctionCodeRequest) (string, *string) { return r.FunctionName, nil }), a.updateCode),
		protocol.Also(protocol.Handle("UpdateFunctionConfiguration", fn(func(r *UpdateFunctionConfigurationRequest) (string, *string) { return r.FunctionName, nil }), a.updateConfiguration),
			func(_ *protocol.Call, r *UpdateFunctionConfigurationRequest) []protocol.Access {
				if r.Role == nil {
					return nil
				}
				return []protocol.Access{protocol.PassRole(*r.Role, "lambda.amazonaws.com")}
			}),
		protocol.Handle("GetFunction", fn(func(r *GetFunctionRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.getFunction),
		protocol.Handle("GetFunctionConfiguration", fn(func(r *GetFunctionConfigurationRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.getConfiguration),
		protocol.Handle("ListFunctions", nil, a.listFunctions),
		protocol.Handle("DeleteFunction", fn(func(r *DeleteFunctionRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.deleteFunction),
		protocol.Handle("GetAccountSettings", nil, a.getAccountSettings),

		protocol.Handle("PublishVersion", fn(func(r *PublishVersionRequest) (string, *string) { return r.FunctionName, nil }), a.publishVersion),
		protocol.Handle("ListVersionsByFunction", fn(func(r *ListVersionsByFunctionRequest) (string, *string) { return r.FunctionName, nil }), a.listVersions),
		protocol.Handle("CreateAlias", fn(func(r *CreateAliasRequest) (string, *string) { return r.FunctionName, nil }), a.createAlias),
		protocol.Handle("GetAlias", fn(func(r *GetAliasRequest) (string, *string) { return r.FunctionName, nil }), a.getAlias),
		protocol.Handle("ListAliases", fn(func(r *ListAliasesRequest) (string, *string) { return r.FunctionName, nil }), a.listAliases),
		protocol.Handle("UpdateAlias", fn(func(r *UpdateAliasRequest) (string, *string) { return r.FunctionName, nil }), a.updateAlias),
		protocol.Handle("DeleteAlias", fn(func(r *DeleteAliasRequest) (string, *string) { return r.FunctionName, nil }), a.deleteAlias),

		protocol.Handle("PublishLayerVersion", layer(func(r *PublishLayerVersionRequest) (string, int64) { return r.LayerName, 0 }), a.publishLayer),
		protocol.Handle("GetLayerVersion", layer(func(r *GetLayerVersionRequest) (string, int64) { return r.LayerName, r.VersionNumber }), a.getLayer),
		protocol.Handle("GetLayerVersionByArn", func(_ *protocol.Call, r *GetLayerVersionByArnRequest) []string { return []string{r.Arn} }, a.getLayerByArn).As("lambda:GetLayerVersion"),
		protocol.Handle("ListLayerVersions", layer(func(r *ListLayerVersionsRequest) (string, int64) { return r.LayerName, 0 }), a.listLayerVersions),
		protocol.Handle("ListLayers", nil, a.listLayers),
		protocol.Handle("DeleteLayerVersion", layer(func(r *DeleteLayerVersionRequest) (string, int64) { return r.LayerName, r.VersionNumber }), a.deleteLayer),

		protocol.Handle("AddLayerVersionPermission", layer(func(r *AddLayerVersionPermissionRequest) (string, int64) { return r.LayerName, r.VersionNumber }), a.addLayerPermission),
		protocol.Handle("RemoveLayerVersionPermission", layer(func(r *RemoveLayerVersionPermissionRequest) (string, int64) { return r.LayerName, r.VersionNumber }), a.removeLayerPermission),
		protocol.Handle("GetLayerVersionPolicy", layer(func(r *GetLayerVersionPolicyRequest) (string, int64) { return r.LayerName, r.VersionNumber }), a.getLayerPolicy),

		protocol.Handle("AddPermission", fn(func(r *AddPermissionRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.addPermission),
		protocol.Handle("RemovePermission", fn(func(r *RemovePermissionRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.removePermission),
		protocol.Handle("GetPolicy", fn(func(r *GetPolicyRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.getPolicy),

		protocol.Handle("Invoke", fn(func(r *InvocationRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.invoke).As("lambda:InvokeFunction"),
		protocol.Handle("InvokeAsync", fn(func(r *InvokeAsyncRequest) (string, *string) { return r.FunctionName, nil }), a.invokeAsync).As("lambda:InvokeFunction"),

		protocol.Handle("GetFunctionCodeSigningConfig", fn(func(r *GetFunctionCodeSigningConfigRequest) (string, *string) { return r.FunctionName, nil }), a.getCodeSigning),
		protocol.Handle("GetRuntimeManagementConfig", fn(func(r *GetRuntimeManagementConfigRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.getRuntimeManagement),
		protocol.Handle("ListFunctionUrlConfigs", fn(func(r *ListFunctionUrlConfigsRequest) (string, *string) { return r.FunctionName, nil }), a.listURLs),
		protocol.Handle("ListProvisionedConcurrencyConfigs", fn(func(r *ListProvisionedConcurrencyConfigsRequest) (string, *string) { return r.FunctionName, nil }), a.listProvisioned),

		protocol.Handle("PutFunctionConcurrency", fn(func(r *PutFunctionConcurrencyRequest) (string, *string) { return r.FunctionName, nil }), a.putConcurrency),
		protocol.Handle("GetFunctionConcurrency", fn(func(r *GetFunctionConcurrencyRequest) (string, *string) { return r.FunctionName, nil }), a.getConcurrency),
		protocol.Handle("DeleteFunctionConcurrency", fn(func(r *DeleteFunctionConcurrencyRequest) (string, *string) { return r.FunctionName, nil }), a.deleteConcurrency),
		protocol.Handle("PutFunctionEventInvokeConfig", fn(func(r *PutFunctionEventInvokeConfigRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.putEventConfig),
		protocol.Handle("UpdateFunctionEventInvokeConfig", fn(func(r *UpdateFunctionEventInvokeConfigRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.updateEventConfig),
		protocol.Handle("GetFunctionEventInvokeConfig", fn(func(r *GetFunctionEventInvokeConfigRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.getEventConfig),
		protocol.Handle("ListFunctionEventInvokeConfigs", fn(func(r *ListFunctionEventInvokeConfigsRequest) (string, *string) { return r.FunctionName, nil }), a.listEventConfigs),
		protocol.Handle("DeleteFunctionEventInvokeConfig", fn(func(r *DeleteFunctionEventInvokeConfigRequest) (string, *string) { return r.FunctionName, r.Qualifier }), a.deleteEventConfig),

		protocol.Handle("CreateEventSourceMapping", nil, a.createMapping),
		protocol.Handle("GetEventSourceMapping", ofMapping(func(r *GetEventSourceMappingRequest) string { return r.UUID }), a.getMapping),
		protocol.Handle("ListEventSourceMappings", nil, a.listMappings),
		protocol.Handle("UpdateEventSourceMapping", ofMapping(func(r *UpdateEventSourceMappingRequest) string { return r.UUID }), a.updateMapping),
		protocol.Handle("DeleteEventSourceMapping", ofMapping(func(r *DeleteEventSourceMappingRequest) string { return r.UUID }), a.deleteMapping),

		protocol.Handle("ListTags", func(_ *protocol.Call, r *ListTagsRequest) []string { return []string{r.Resource} }, a.listTags),
		protocol.Handle("TagResource", func(_ *protocol.Call, r *TagResourceRequest) []string { return []string{r.Resource} }, a.tagResource),
		protocol.Handle("UntagResource", func(_ *protocol.Call, r *UntagResourceRequest) []string { return []string{r.Resource} }, a.untagResource),
	}
	return s
}

// fn names the function that a request is about.
func fn[In any](name func(*In) (string, *string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		n, q := name(in)
		r, err := function.ParseRef(c.Scope, n, protocol.Or(q, ""))
		if err != nil {
			return []string{c.ARN("lambda", "function:"+n)} // the handler refuses it with the reason
		}
		return []string{r.ARN()}
	}
}

func layer[In any](name func(*In) (string, int64)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		n, v := name(in)
		scope, n := layerName(c.Scope, n)
		return []string{function.LayerARN(scope, n, int(v))}
	}
}

// resourcePolicy returns the statements that AddPermission gave to a function.
func (a *api) resourcePolicy(ctx context.Context, c *protocol.Call, resource string) (*policy.Document, string, error) {
	arn, err := ident.ParseARN(resource)
	if err == nil && strings.HasPrefix(arn.Resource, "layer:") {
		return a.layerPolicyOf(ctx, arn)
	}
	if err != nil || !strings.HasPrefix(arn.Resource, "function:") {
		return nil, "", nil
	}
	r, err := function.ParseRef(c.Scope, resource, "")
	if err != nil {
		return nil, "", nil
	}
	list, _, err := a.Functions.Permissions(ctx, r)
	if err != nil {
		return nil, arn.Account, nil // no function or no policy: the handler tells
	}
	text, err := json.Marshal(policyDocument(r, list))
	if err != nil {
		return nil, "", fmt.Errorf("encode policy of %s: %w", resource, err)
	}
	doc, err := policy.Parse(policy.Resource, string(text))
	return doc, arn.Account, err
}
