package glueapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
)

func (a *api) databaseOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateDatabase", onDatabase(func(r *CreateDatabaseRequest) (*string, string) { return r.CatalogId, r.DatabaseInput.Name }), a.createDatabase),
		protocol.Handle("GetDatabase", onDatabase(func(r *GetDatabaseRequest) (*string, string) { return r.CatalogId, r.Name }), a.getDatabase),
		protocol.Handle("GetDatabases", onDatabase(func(r *GetDatabasesRequest) (*string, string) { return r.CatalogId, "*" }), a.getDatabases),
		protocol.Handle("UpdateDatabase", onDatabase(func(r *UpdateDatabaseRequest) (*string, string) { return r.CatalogId, r.Name }), a.updateDatabase),
		protocol.Handle("DeleteDatabase", onDatabase(func(r *DeleteDatabaseRequest) (*string, string) { return r.CatalogId, r.Name }), a.deleteDatabase),
	}
}

func databaseIn(in *DatabaseInput) (catalog.Database, error) {
	d := catalog.Database{Name: in.Name, Description: protocol.Or(in.Description, ""), LocationURI: protocol.Or(in.LocationUri, ""), Parameters: in.Parameters}
	if in.CreateTableDefaultPermissions != nil {
		data, err := json.Marshal(in.CreateTableDefaultPermissions)
		if err != nil {
			return d, fmt.Errorf("encode permissions: %w", err)
		}
		d.Default = data
	}
	return d, nil
}

func databaseOut(s ident.Scope, d catalog.Database) (*Database, error) {
	out := &Database{
		Name: d.Name, Description: protocol.Some(d.Description), LocationUri: protocol.Some(d.LocationURI), Parameters: d.Parameters, CreateTime: &d.Created, CatalogId: &s.Account,
	}
	if d.Default != nil {
		if err := json.Unmarshal(d.Default, &out.CreateTableDefaultPermissions); err != nil {
			return nil, fmt.Errorf("decode permissions of %s: %w", d.Name, err)
		}
	}
	return out, nil
}

func (a *api) createDatabase(ctx context.Context, c *protocol.Call, in *CreateDatabaseRequest) (*CreateDatabaseResponse, error) {
	d, err := databaseIn(in.DatabaseInput)
	if err != nil {
		return nil, err
	}
	return &CreateDatabaseResponse{}, a.Catalog.CreateDatabase(ctx, scope(c, in.CatalogId), d)
}

func (a *api) getDatabase(ctx context.Context, c *protocol.Call, in *GetDatabaseRequest) (*GetDatabaseResponse, error) {
	s := scope(c, in.CatalogId)
	d, err := a.Catalog.Database(ctx, s, in.Name)
	if err != nil {
		return nil, err
	}
	out, err := databaseOut(s, d)
	return &GetDatabaseResponse{Database: out}, err
}

func (a *api) getDatabases(ctx context.Context, c *protocol.Call, in *GetDatabasesRequest) (*GetDatabasesResponse, error) {
	s := scope(c, in.CatalogId)
	list, more, err := a.Catalog.Databases(ctx, s, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetDatabasesResponse{DatabaseList: []Database{}}
	for _, d := range list {
		row, err := databaseOut(s, d)
		if err != nil {
			return nil, err
		}
		out.DatabaseList = append(out.DatabaseList, *row)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) updateDatabase(ctx context.Context, c *protocol.Call, in *UpdateDatabaseRequest) (*UpdateDatabaseResponse, error) {
	d, err := databaseIn(in.DatabaseInput)
	if err != nil {
		return nil, err
	}
	return &UpdateDatabaseResponse{}, a.Catalog.UpdateDatabase(ctx, scope(c, in.CatalogId), in.Name, d)
}

func (a *api) deleteDatabase(ctx context.Context, c *protocol.Call, in *DeleteDatabaseRequest) (*DeleteDatabaseResponse, error) {
	return &DeleteDatabaseResponse{}, a.Catalog.DeleteDatabase(ctx, scope(c, in.CatalogId), in.Name)
}
