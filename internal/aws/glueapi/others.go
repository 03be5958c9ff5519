package glueapi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
)

func (a *api) otherOps() []protocol.Op {
	fn := func(s ident.Scope, db, name string) []string {
		return append(databaseARNs(s, db), s.ARN("glue", "userDefinedFunction/"+db+"/"+name))
	}
	return []protocol.Op{
		protocol.Handle("CreateUserDefinedFunction", func(c *protocol.Call, r *CreateUserDefinedFunctionRequest) []string {
			return fn(scope(c, r.CatalogId), r.DatabaseName, protocol.Or(r.FunctionInput.FunctionName, ""))
		}, a.createFunction),
		protocol.Handle("GetUserDefinedFunction", func(c *protocol.Call, r *GetUserDefinedFunctionRequest) []string {
			return fn(scope(c, r.CatalogId), r.DatabaseName, r.FunctionName)
		}, a.getFunction),
		protocol.Handle("GetUserDefinedFunctions", func(c *protocol.Call, r *GetUserDefinedFunctionsRequest) []string {
			return fn(scope(c, r.CatalogId), protocol.Or(r.DatabaseName, "*"), "*")
		}, a.getFunctions),
		protocol.Handle("UpdateUserDefinedFunction", func(c *protocol.Call, r *UpdateUserDefinedFunctionRequest) []string {
			return fn(scope(c, r.CatalogId), r.DatabaseName, r.FunctionName)
		}, a.updateFunction),
		protocol.Handle("DeleteUserDefinedFunction", func(c *protocol.Call, r *DeleteUserDefinedFunctionRequest) []string {
			return fn(scope(c, r.CatalogId), r.DatabaseName, r.FunctionName)
		}, a.deleteFunction),

		protocol.Handle("CreateConnection", on("connection", func(r *CreateConnectionRequest) string { return r.ConnectionInput.Name }), a.createConnection),
		protocol.Handle("GetConnection", on("connection", func(r *GetConnectionRequest) string { return r.Name }), a.getConnection),
		protocol.Handle("GetConnections", on("connection", func(*GetConnectionsRequest) string { return "*" }), a.getConnections),
		protocol.Handle("UpdateConnection", on("connection", func(r *UpdateConnectionRequest) string { return r.Name }), a.updateConnection),
		protocol.Handle("DeleteConnection", on("connection", func(r *DeleteConnectionRequest) string { return r.ConnectionName }), a.deleteConnection),
		protocol.Handle("BatchDeleteConnection", on("connection", func(*BatchDeleteConnectionRequest) string { return "*" }), a.batchDeleteConnection),

		protocol.Handle("GetTags", func(_ *protocol.Call, r *GetTagsRequest) []string { return []string{r.ResourceArn} }, a.getTags),
		protocol.Handle("TagResource", func(_ *protocol.Call, r *TagResourceRequest) []string { return []string{r.ResourceArn} }, a.tagResource),
		protocol.Handle("UntagResource", func(_ *protocol.Call, r *UntagResourceRequest) []string { return []string{r.ResourceArn} }, a.untagResource),
	}
}

func functionIn(database string, in *UserDefinedFunctionInput) (catalog.UserFunction, error) {
	f := catalog.UserFunction{
		Database: database, Name: protocol.Or(in.FunctionName, ""), ClassName: protocol.Or(in.ClassName, ""), OwnerName: protocol.Or(in.OwnerName, ""),
		OwnerType: string(protocol.Or(in.OwnerType, "")), FunctionType: string(protocol.Or(in.FunctionType, "")),
	}
	if in.ResourceUris != nil {
		data, err := json.Marshal(in.ResourceUris)
		if err != nil {
			return f, fmt.Errorf("encode resources: %w", err)
		}
		f.Resources = data
	}
	return f, nil
}

func functionOut(s ident.Scope, f catalog.UserFunction) (UserDefinedFunction, error) {
	out := UserDefinedFunction{
		CatalogId: &s.Account, DatabaseName: &f.Database, FunctionName: &f.Name, ClassName: protocol.Some(f.ClassName), OwnerName: protocol.Some(f.OwnerName), CreateTime: &f.Created,
		OwnerType: protocol.Some(PrincipalType(f.OwnerType)), FunctionType: protocol.Some(FunctionType(f.FunctionType)),
	}
	if f.Resources != nil {
		if err := json.Unmarshal(f.Resources, &out.ResourceUris); err != nil {
			return out, fmt.Errorf("decode resources of %s: %w", f.Name, err)
		}
	}
	return out, nil
}

func (a *api) createFunction(ctx context.Context, c *protocol.Call, in *CreateUserDefinedFunctionRequest) (*CreateUserDefinedFunctionResponse, error) {
	f, err := functionIn(in.DatabaseName, in.FunctionInput)
	if err != nil {
		return nil, err
	}
	return &CreateUserDefinedFunctionResponse{}, a.Catalog.CreateFunction(ctx, scope(c, in.CatalogId), f)
}

func (a *api) getFunction(ctx context.Context, c *protocol.Call, in *GetUserDefinedFunctionRequest) (*GetUserDefinedFunctionResponse, error) {
	s := scope(c, in.CatalogId)
	f, err := a.Catalog.Function(ctx, s, in.DatabaseName, in.FunctionName)
	if err != nil {
		return nil, err
	}
	out, err := functionOut(s, f)
	return &GetUserDefinedFunctionResponse{UserDefinedFunction: &out}, err
}

func (a *api) getFunctions(ctx context.Context, c *protocol.Call, in *GetUserDefinedFunctionsRequest) (*GetUserDefinedFunctionsResponse, error) {
	s := scope(c, in.CatalogId)
	list, more, err := a.Catalog.Functions(ctx, s, protocol.Or(in.DatabaseName, ""), in.Pattern, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetUserDefinedFunctionsResponse{UserDefinedFunctions: []UserDefinedFunction{}}
	for _, f := range list {
		if in.FunctionType != nil && f.FunctionType != string(*in.FunctionType) {
			continue
		}
		row, err := functionOut(s, f)
		if err != nil {
			return nil, err
		}
		out.UserDefinedFunctions = append(out.UserDefinedFunctions, row)
	}
	if more {
		last := list[len(list)-1]
		out.NextToken = new(last.Database + "/" + last.Name)
	}
	return out, nil
}

func (a *api) updateFunction(ctx context.Context, c *protocol.Call, in *UpdateUserDefinedFunctionRequest) (*UpdateUserDefinedFunctionResponse, error) {
	f, err := functionIn(in.DatabaseName, in.FunctionInput)
	if err != nil {
		return nil, err
	}
	return &UpdateUserDefinedFunctionResponse{}, a.Catalog.UpdateFunction(ctx, scope(c, in.CatalogId), in.DatabaseName, in.FunctionName, f)
}

func (a *api) deleteFunction(ctx context.Context, c *protocol.Call, in *DeleteUserDefinedFunctionRequest) (*DeleteUserDefinedFunctionResponse, error) {
	return &DeleteUserDefinedFunctionResponse{}, a.Catalog.DeleteFunction(ctx, scope(c, in.CatalogId), in.DatabaseName, in.FunctionName)
}

func connectionIn(c *protocol.Call, in *ConnectionInput) (catalog.Connection, error) {
	n := catalog.Connection{
		Name: in.Name, Type: string(in.ConnectionType), Description: protocol.Or(in.Description, ""), Criteria: in.MatchCriteria,
		Properties: in.ConnectionProperties, UpdatedBy: c.Principal.ARN,
	}
	if in.PhysicalConnectionRequirements != nil {
		data, err := json.Marshal(in.PhysicalConnectionRequirements)
		if err != nil {
			return n, fmt.Errorf("encode connection requirements: %w", err)
		}
		n.Network = data
	}
	return n, nil
}

// connectionOut describes a connection; passwords are left out where the request asks for that.
func connectionOut(n catalog.Connection, hide bool) (*Connection, error) {
	out := &Connection{
		Name: &n.Name, ConnectionType: new(ConnectionType(n.Type)), Description: protocol.Some(n.Description), MatchCriteria: n.Criteria,
		ConnectionProperties: n.Properties, CreationTime: &n.Created, LastUpdatedTime: &n.Updated, LastUpdatedBy: protocol.Some(n.UpdatedBy), Status: new(ConnectionStatus_READY),
	}
	if hide {
		out.ConnectionProperties = maps.Clone(n.Properties)
		delete(out.ConnectionProperties, "PASSWORD")
	}
	if n.Network != nil {
		if err := json.Unmarshal(n.Network, &out.PhysicalConnectionRequirements); err != nil {
			return nil, fmt.Errorf("decode requirements of connection %s: %w", n.Name, err)
		}
	}
	return out, nil
}

func (a *api) createConnection(ctx context.Context, c *protocol.Call, in *CreateConnectionRequest) (*CreateConnectionResponse, error) {
	n, err := connectionIn(c, in.ConnectionInput)
	if err != nil {
		return nil, err
	}
	return &CreateConnectionResponse{CreateConnectionStatus: new(ConnectionStatus_READY)}, a.Catalog.CreateConnection(ctx, scope(c, in.CatalogId), n)
}

func (a *api) getConnection(ctx context.Context, c *protocol.Call, in *GetConnectionRequest) (*GetConnectionResponse, error) {
	n, err := a.Catalog.Connection(ctx, scope(c, in.CatalogId), in.Name)
	if err != nil {
		return nil, err
	}
	out, err := connectionOut(n, protocol.Or(in.HidePassword, false))
	return &GetConnectionResponse{Connection: out}, err
}

func (a *api) getConnections(ctx context.Context, c *protocol.Call, in *GetConnectionsRequest) (*GetConnectionsResponse, error) {
	list, more, err := a.Catalog.Connections(ctx, scope(c, in.CatalogId), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetConnectionsResponse{ConnectionList: []Connection{}}
	for _, n := range list {
		row, err := connectionOut(n, protocol.Or(in.HidePassword, false))
		if err != nil {
			return nil, err
		}
		out.ConnectionList = append(out.ConnectionList, *row)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) updateConnection(ctx context.Context, c *protocol.Call, in *UpdateConnectionRequest) (*UpdateConnectionResponse, error) {
	n, err := connectionIn(c, in.ConnectionInput)
	if err != nil {
		return nil, err
	}
	return &UpdateConnectionResponse{}, a.Catalog.UpdateConnection(ctx, scope(c, in.CatalogId), in.Name, n)
}

func (a *api) deleteConnection(ctx context.Context, c *protocol.Call, in *DeleteConnectionRequest) (*DeleteConnectionResponse, error) {
	return &DeleteConnectionResponse{}, a.Catalog.DeleteConnection(ctx, scope(c, in.CatalogId), in.ConnectionName)
}

func (a *api) batchDeleteConnection(ctx context.Context, c *protocol.Call, in *BatchDeleteConnectionRequest) (*BatchDeleteConnectionResponse, error) {
	out := &BatchDeleteConnectionResponse{Succeeded: []string{}, Errors: map[string]ErrorDetail{}}
	for _, name := range in.ConnectionNameList {
		if err := a.Catalog.DeleteConnection(ctx, scope(c, in.CatalogId), name); err != nil {
			out.Errors[name] = *detail(err)
			continue
		}
		out.Succeeded = append(out.Succeeded, name)
	}
	return out, nil
}

// tagged reads the tags of a resource that has some, and edits them if edit is not nil.
func (a *api) tagged(ctx context.Context, arn string, edit func(map[string]string)) (map[string]string, error) {
	r, err := ident.ParseARN(arn)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", catalog.ErrBadInput, err)
	}
	kind, name, _ := strings.Cut(r.Resource, "/")
	if kind != "crawler" {
		return a.Jobs.Tags(ctx, r.Scope(), kind, name, edit)
	}
	cr, err := a.Crawl.Get(ctx, r.Scope(), name)
	if err != nil || edit == nil {
		return cr.Tags, err
	}
	return nil, a.Crawl.SetTags(ctx, r.Scope(), name, edit)
}

func (a *api) getTags(ctx context.Context, _ *protocol.Call, in *GetTagsRequest) (*GetTagsResponse, error) {
	tags, err := a.tagged(ctx, in.ResourceArn, nil)
	return &GetTagsResponse{Tags: tags}, err
}

func (a *api) tagResource(ctx context.Context, _ *protocol.Call, in *TagResourceRequest) (*TagResourceResponse, error) {
	_, err := a.tagged(ctx, in.ResourceArn, func(t map[string]string) { maps.Copy(t, in.TagsToAdd) })
	return &TagResourceResponse{}, err
}

func (a *api) untagResource(ctx context.Context, _ *protocol.Call, in *UntagResourceRequest) (*UntagResourceResponse, error) {
	_, err := a.tagged(ctx, in.ResourceArn, func(t map[string]string) {
		for _, k := range in.TagsToRemove {
			delete(t, k)
		}
	})
	return &UntagResourceResponse{}, err
}
