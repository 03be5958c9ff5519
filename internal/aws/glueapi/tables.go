package glueapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
)

func (a *api) tableOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateTable", onTable(func(r *CreateTableRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, tableInputName(r.TableInput)
		}), a.createTable),
		protocol.Handle("UpdateTable", onTable(func(r *UpdateTableRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, tableInputName(r.TableInput)
		}), a.updateTable),
		protocol.Handle("GetTable", onTable(func(r *GetTableRequest) (*string, string, string) { return r.CatalogId, r.DatabaseName, r.Name }), a.getTable),
		protocol.Handle("GetTables", onTable(func(r *GetTablesRequest) (*string, string, string) { return r.CatalogId, r.DatabaseName, "*" }), a.getTables),
		protocol.Handle("DeleteTable", onTable(func(r *DeleteTableRequest) (*string, string, string) { return r.CatalogId, r.DatabaseName, r.Name }), a.deleteTable),
		protocol.Handle("BatchDeleteTable", func(c *protocol.Call, r *BatchDeleteTableRequest) []string {
			s := scope(c, r.CatalogId)
			list := databaseARNs(s, r.DatabaseName)
			for _, t := range r.TablesToDelete {
				list = append(list, tableARNs(s, r.DatabaseName, t)[2])
			}
			return list
		}, a.batchDeleteTable),
		protocol.Handle("GetTableVersion", onTable(func(r *GetTableVersionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getTableVersion),
		protocol.Handle("GetTableVersions", onTable(func(r *GetTableVersionsRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getTableVersions),
		protocol.Handle("DeleteTableVersion", onTable(func(r *DeleteTableVersionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.deleteTableVersion),
		protocol.Handle("BatchDeleteTableVersion", onTable(func(r *BatchDeleteTableVersionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.batchDeleteTableVersion),
		protocol.Handle("SearchTables", func(c *protocol.Call, r *SearchTablesRequest) []string {
			return tableARNs(scope(c, r.CatalogId), "*", "*")
		}, a.searchTables),
	}
}

func tableInputName(t *TableInput) string {
	if t == nil {
		return ""
	}
	return t.Name
}

func needTable(t *TableInput) error {
	if t == nil {
		return fmt.Errorf("%w: TableInput is required", catalog.ErrBadInput)
	}
	return nil
}

func (a *api) createTable(ctx context.Context, c *protocol.Call, in *CreateTableRequest) (*CreateTableResponse, error) {
	if err := needTable(in.TableInput); err != nil {
		return nil, err
	}
	s := scope(c, in.CatalogId)
	t := tableIn(in.DatabaseName, in.TableInput)
	t.CreatedBy = c.Principal.ARN
	if err := a.Catalog.CreateTable(ctx, s, t); err != nil {
		return nil, err
	}
	for _, x := range in.PartitionIndexes {
		if err := a.Catalog.CreateIndex(ctx, s, in.DatabaseName, t.Name, catalog.Index{Name: x.IndexName, Keys: x.Keys}); err != nil {
			// A request that is refused leaves no table.
			return nil, errors.Join(err, a.Catalog.DeleteTable(context.WithoutCancel(ctx), s, in.DatabaseName, t.Name))
		}
	}
	return &CreateTableResponse{}, nil
}

func (a *api) updateTable(ctx context.Context, c *protocol.Call, in *UpdateTableRequest) (*UpdateTableResponse, error) {
	if err := needTable(in.TableInput); err != nil {
		return nil, err
	}
	u := catalog.Update{SkipArchive: protocol.Or(in.SkipArchive, false)}
	if in.VersionId != nil {
		n, err := versionNumber(*in.VersionId)
		if err != nil {
			return nil, err
		}
		u.Version = &n
	}
	return &UpdateTableResponse{}, a.Catalog.UpdateTable(ctx, scope(c, in.CatalogId), tableIn(in.DatabaseName, in.TableInput), u)
}

func versionNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: version %q is no number", catalog.ErrBadInput, text)
	}
	return n, nil
}

func (a *api) getTable(ctx context.Context, c *protocol.Call, in *GetTableRequest) (*GetTableResponse, error) {
	s := scope(c, in.CatalogId)
	t, err := a.Catalog.Table(ctx, s, in.DatabaseName, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetTableResponse{Table: tableOut(s, t)}, nil
}

func (a *api) getTables(ctx context.Context, c *protocol.Call, in *GetTablesRequest) (*GetTablesResponse, error) {
	s := scope(c, in.CatalogId)
	list, more, err := a.Catalog.Tables(ctx, s, in.DatabaseName, protocol.Or(in.Expression, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetTablesResponse{TableList: []Table{}}
	for _, t := range list {
		out.TableList = append(out.TableList, *tableOut(s, t))
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) deleteTable(ctx context.Context, c *protocol.Call, in *DeleteTableRequest) (*DeleteTableResponse, error) {
	return &DeleteTableResponse{}, a.Catalog.DeleteTable(ctx, scope(c, in.CatalogId), in.DatabaseName, in.Name)
}

func (a *api) batchDeleteTable(ctx context.Context, c *protocol.Call, in *BatchDeleteTableRequest) (*BatchDeleteTableResponse, error) {
	s := scope(c, in.CatalogId)
	if _, err := a.Catalog.Database(ctx, s, in.DatabaseName); err != nil {
		return nil, err
	}
	out := &BatchDeleteTableResponse{}
	for _, name := range in.TablesToDelete {
		if err := a.Catalog.DeleteTable(ctx, s, in.DatabaseName, name); err != nil {
			out.Errors = append(out.Errors, TableError{TableName: &name, ErrorDetail: detail(err)})
		}
	}
	return out, nil
}

func (a *api) getTableVersion(ctx context.Context, c *protocol.Call, in *GetTableVersionRequest) (*GetTableVersionResponse, error) {
	s := scope(c, in.CatalogId)
	t, err := a.Catalog.Table(ctx, s, in.DatabaseName, in.TableName)
	if err == nil && in.VersionId != nil {
		var n uint64
		if n, err = versionNumber(*in.VersionId); err == nil {
			t, err = a.Catalog.Version(ctx, s, in.DatabaseName, in.TableName, n)
		}
	}
	if err != nil {
		return nil, err
	}
	out := tableOut(s, t)
	return &GetTableVersionResponse{TableVersion: &TableVersion{Table: out, VersionId: out.VersionId}}, nil
}

func (a *api) getTableVersions(ctx context.Context, c *protocol.Call, in *GetTableVersionsRequest) (*GetTableVersionsResponse, error) {
	s := scope(c, in.CatalogId)
	var before *uint64
	if in.NextToken != nil {
		n, err := versionNumber(*in.NextToken)
		if err != nil {
			return nil, err
		}
		before = &n
	}
	list, more, err := a.Catalog.Versions(ctx, s, in.DatabaseName, in.TableName, before, limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetTableVersionsResponse{TableVersions: []TableVersion{}}
	for _, t := range list {
		row := tableOut(s, t)
		out.TableVersions = append(out.TableVersions, TableVersion{Table: row, VersionId: row.VersionId})
	}
	if more {
		out.NextToken = out.TableVersions[len(list)-1].VersionId
	}
	return out, nil
}

func (a *api) deleteTableVersion(ctx context.Context, c *protocol.Call, in *DeleteTableVersionRequest) (*DeleteTableVersionResponse, error) {
	n, err := versionNumber(in.VersionId)
	if err != nil {
		return nil, err
	}
	return &DeleteTableVersionResponse{}, a.Catalog.DeleteVersion(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, n)
}

func (a *api) batchDeleteTableVersion(ctx context.Context, c *protocol.Call, in *BatchDeleteTableVersionRequest) (*BatchDeleteTableVersionResponse, error) {
	out := &BatchDeleteTableVersionResponse{}
	for _, id := range in.VersionIds {
		n, err := versionNumber(id)
		if err == nil {
			err = a.Catalog.DeleteVersion(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, n)
		}
		if err != nil {
			out.Errors = append(out.Errors, TableVersionError{TableName: &in.TableName, VersionId: &id, ErrorDetail: detail(err)})
		}
	}
	return out, nil
}

func (a *api) searchTables(ctx context.Context, c *protocol.Call, in *SearchTablesRequest) (*SearchTablesResponse, error) {
	s := scope(c, in.CatalogId)
	keep, err := searchFilter(in.Filters)
	if err != nil {
		return nil, err
	}
	// A search text in quotes is matched as it is, as is any other here.
	list, more, err := a.Catalog.Search(ctx, s, strings.Trim(protocol.Or(in.SearchText, ""), `"`), keep, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &SearchTablesResponse{TableList: []Table{}}
	for _, t := range list {
		out.TableList = append(out.TableList, *tableOut(s, t))
	}
	if more {
		last := list[len(list)-1]
		out.NextToken = new(last.Database + "/" + last.Name)
	}
	return out, nil
}

func searchFilter(filters []PropertyPredicate) (func(catalog.Table) bool, error) {
	for _, f := range filters {
		if op := protocol.Or(f.Comparator, Comparator_EQUALS); op != Comparator_EQUALS {
			return nil, fmt.Errorf("%w: comparator %s is not supported: want EQUALS", catalog.ErrBadInput, op)
		}
	}
	return func(t catalog.Table) bool {
		for _, f := range filters {
			have, want := "", protocol.Or(f.Value, "")
			switch key := protocol.Or(f.Key, ""); strings.ToLower(key) {
			case "name":
				have = t.Name
			case "databasename":
				have = t.Database
			case "owner":
				have = t.Owner
			case "tabletype":
				have = t.Type
			default:
				have = t.Parameters[key]
			}
			if !strings.EqualFold(have, want) {
				return false
			}
		}
		return true
	}, nil
}
