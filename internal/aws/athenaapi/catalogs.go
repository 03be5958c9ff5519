package athenaapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/query"
)

// theCatalog is the data catalog that every account has; Tarn has no other.
const theCatalog = "AwsDataCatalog"

func (a *api) catalogOps() []protocol.Op {
	arn := func(c *protocol.Call, name string) []string { return []string{c.ARN("athena", "datacatalog/"+name)} }
	return []protocol.Op{
		protocol.Handle("CreateDataCatalog", func(c *protocol.Call, in *CreateDataCatalogInput) []string { return arn(c, in.Name) }, a.createCatalog),
		protocol.Handle("UpdateDataCatalog", func(c *protocol.Call, in *UpdateDataCatalogInput) []string { return arn(c, in.Name) }, a.updateCatalog),
		protocol.Handle("DeleteDataCatalog", func(c *protocol.Call, in *DeleteDataCatalogInput) []string { return arn(c, in.Name) }, a.deleteCatalog),
		protocol.Handle("GetDataCatalog", func(c *protocol.Call, in *GetDataCatalogInput) []string { return arn(c, in.Name) }, a.getCatalog),
		protocol.Handle("ListDataCatalogs", nil, a.listCatalogs),
		protocol.Also(protocol.Handle("GetDatabase", func(c *protocol.Call, in *GetDatabaseInput) []string { return arn(c, in.CatalogName) }, a.getDatabase), func(c *protocol.Call, in *GetDatabaseInput) []protocol.Access {
			return inGlue(c, "glue:GetDatabase", "catalog", "database/"+strings.ToLower(in.DatabaseName))
		}),
		protocol.Also(protocol.Handle("ListDatabases", func(c *protocol.Call, in *ListDatabasesInput) []string { return arn(c, in.CatalogName) }, a.listDatabases), func(c *protocol.Call, _ *ListDatabasesInput) []protocol.Access {
			return inGlue(c, "glue:GetDatabases", "catalog", "database/*")
		}),
		protocol.Also(protocol.Handle("GetTableMetadata", func(c *protocol.Call, in *GetTableMetadataInput) []string { return arn(c, in.CatalogName) }, a.getTable), func(c *protocol.Call, in *GetTableMetadataInput) []protocol.Access {
			return inGlue(c, "glue:GetTable", "catalog", "database/"+strings.ToLower(in.DatabaseName), "table/"+strings.ToLower(in.DatabaseName)+"/"+strings.ToLower(in.TableName))
		}),
		protocol.Also(protocol.Handle("ListTableMetadata", func(c *protocol.Call, in *ListTableMetadataInput) []string { return arn(c, in.CatalogName) }, a.listTables), func(c *protocol.Call, in *ListTableMetadataInput) []protocol.Access {
			return inGlue(c, "glue:GetTables", "catalog", "database/"+strings.ToLower(in.DatabaseName), "table/"+strings.ToLower(in.DatabaseName)+"/*")
		}),
	}
}

// inGlue are the questions about what the data catalog has, which is Glue's.
func inGlue(c *protocol.Call, action string, resources ...string) []protocol.Access {
	var list []protocol.Access
	for _, r := range resources {
		list = append(list, protocol.Access{Action: action, Resource: c.ARN("glue", r)})
	}
	return list
}

func (a *api) createCatalog(_ context.Context, _ *protocol.Call, in *CreateDataCatalogInput) (*CreateDataCatalogOutput, error) {
	return nil, notServed("a data catalog besides " + theCatalog + " (type " + string(in.Type) + ")")
}

func (a *api) updateCatalog(_ context.Context, _ *protocol.Call, in *UpdateDataCatalogInput) (*UpdateDataCatalogOutput, error) {
	if err := checkCatalog(in.Name); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: The data catalog %s cannot be changed", query.ErrInvalid, in.Name)
}

func (a *api) deleteCatalog(_ context.Context, _ *protocol.Call, in *DeleteDataCatalogInput) (*DeleteDataCatalogOutput, error) {
	if err := checkCatalog(in.Name); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: The data catalog %s cannot be deleted", query.ErrInvalid, in.Name)
}

func checkCatalog(name string) error {
	if !strings.EqualFold(name, theCatalog) {
		return fmt.Errorf("%w: DataCatalog %s was not found", query.ErrInvalid, name)
	}
	return nil
}

func (a *api) getCatalog(_ context.Context, c *protocol.Call, in *GetDataCatalogInput) (*GetDataCatalogOutput, error) {
	if err := checkCatalog(in.Name); err != nil {
		return nil, err
	}
	return &GetDataCatalogOutput{DataCatalog: &DataCatalog{Name: theCatalog, Type: DataCatalogType_GLUE, Parameters: map[string]string{"catalog-id": c.Account}}}, nil
}

func (a *api) listCatalogs(context.Context, *protocol.Call, *ListDataCatalogsInput) (*ListDataCatalogsOutput, error) {
	name, kind := theCatalog, DataCatalogType_GLUE
	return &ListDataCatalogsOutput{DataCatalogsSummary: []DataCatalogSummary{{CatalogName: &name, Type: &kind}}}, nil
}

func databaseOut(d catalog.Database) Database {
	return Database{Name: d.Name, Description: protocol.Some(d.Description), Parameters: d.Parameters}
}

func (a *api) getDatabase(ctx context.Context, c *protocol.Call, in *GetDatabaseInput) (*GetDatabaseOutput, error) {
	if err := checkCatalog(in.CatalogName); err != nil {
		return nil, err
	}
	d, err := a.Catalog.Database(ctx, c.Scope, in.DatabaseName)
	if err != nil {
		return nil, missing(err, "Database "+in.DatabaseName+" not found")
	}
	out := databaseOut(d)
	return &GetDatabaseOutput{Database: &out}, nil
}

// missing words an error of the catalog for Athena.
func missing(err error, text string) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("%w: %s", query.ErrNoMetadata, text)
	}
	return err
}

func (a *api) listDatabases(ctx context.Context, c *protocol.Call, in *ListDatabasesInput) (*ListDatabasesOutput, error) {
	if err := checkCatalog(in.CatalogName); err != nil {
		return nil, err
	}
	list, more, err := a.Catalog.Databases(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	out := &ListDatabasesOutput{DatabaseList: []Database{}}
	for _, d := range list {
		out.DatabaseList = append(out.DatabaseList, databaseOut(d))
	}
	if more {
		out.NextToken = &list[len(list)-1].Name
	}
	return out, nil
}

func tableOut(t catalog.Table) TableMetadata {
	out := TableMetadata{Name: t.Name, TableType: protocol.Some(t.Type), Parameters: map[string]string{}, CreateTime: &t.Created, Columns: []Column{}, PartitionKeys: []Column{}}
	for k, v := range t.Parameters {
		out.Parameters[k] = v
	}
	columns := func(list []catalog.Column) []Column {
		cols := []Column{}
		for _, c := range list {
			cols = append(cols, Column{Name: c.Name, Type: protocol.Some(c.Type), Comment: protocol.Some(c.Comment)})
		}
		return cols
	}
	if sd := t.Storage; sd != nil {
		out.Columns = columns(sd.Columns)
		out.Parameters["location"], out.Parameters["inputformat"], out.Parameters["outputformat"] = sd.Location, sd.InputFormat, sd.OutputFormat
		if sd.Serde != nil {
			out.Parameters["serde.serialization.lib"] = sd.Serde.Library
			for k, v := range sd.Serde.Parameters {
				out.Parameters["serde.param."+k] = v
			}
		}
	}
	out.PartitionKeys = columns(t.PartitionKeys)
	if !t.LastAccess.IsZero() {
		out.LastAccessTime = &t.LastAccess
	}
	return out
}

func (a *api) getTable(ctx context.Context, c *protocol.Call, in *GetTableMetadataInput) (*GetTableMetadataOutput, error) {
	if err := checkCatalog(in.CatalogName); err != nil {
		return nil, err
	}
	t, err := a.Catalog.Table(ctx, c.Scope, in.DatabaseName, in.TableName)
	if err != nil {
		return nil, missing(err, "Table "+in.TableName+" not found in database "+in.DatabaseName)
	}
	out := tableOut(t)
	return &GetTableMetadataOutput{TableMetadata: &out}, nil
}

func (a *api) listTables(ctx context.Context, c *protocol.Call, in *ListTableMetadataInput) (*ListTableMetadataOutput, error) {
	if err := checkCatalog(in.CatalogName); err != nil {
		return nil, err
	}
	list, more, err := a.Catalog.Tables(ctx, c.Scope, in.DatabaseName, protocol.Or(in.Expression, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, missing(err, "Database "+in.DatabaseName+" not found")
	}
	out := &ListTableMetadataOutput{TableMetadataList: []TableMetadata{}}
	for _, t := range list {
		out.TableMetadataList = append(out.TableMetadataList, tableOut(t))
	}
	if more {
		out.NextToken = &list[len(list)-1].Name
	}
	return out, nil
}
