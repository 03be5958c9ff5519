package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/etl/visual"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
)

// JobTables is the catalog as visual jobs use it, with the rights of their roles.
type JobTables struct {
	RoleReader
	Catalog *catalog.Catalog
}

var _ etl.Tables = JobTables{}

func (j JobTables) may(scope ident.Scope, roleARN, action, database, table string) error {
	p, err := j.Identity.RolePrincipal(scope.Account, roleARN[strings.LastIndexByte(roleARN, '/')+1:])
	if err != nil {
		return fmt.Errorf("role %s: %w", roleARN, err)
	}
	for _, resource := range []string{"catalog", "database/" + database, "table/" + database + "/" + table} {
		q := &policy.Request{Principal: p, Account: scope.Account, Action: action, Resource: scope.ARN("glue", resource), Keys: policy.Keys{}}
		if d := policy.Evaluate(q); !d.Allowed {
			return fmt.Errorf("%w: %s", errDenied, d.Message(q))
		}
	}
	return nil
}

// Table implements etl.Tables.
func (j JobTables) Table(ctx context.Context, scope ident.Scope, role, database, table, predicate string) (etl.TableInfo, error) {
	var info etl.TableInfo
	if err := j.may(scope, role, "glue:GetTable", database, table); err != nil {
		return info, err
	}
	t, err := j.Catalog.Table(ctx, scope, database, table)
	if err != nil {
		return info, err
	}
	if t.Storage == nil || t.Storage.Location == "" {
		return info, fmt.Errorf("table %s.%s has no location", database, table)
	}
	info.Location, info.Columns, info.Keys = t.Storage.Location, visualColumns(t.Storage.Columns), visualColumns(t.PartitionKeys)
	if err := textOptions(&info, t); err != nil {
		return info, err
	}
	if len(t.PartitionKeys) == 0 {
		info.Partitions = []etl.TablePartition{{Location: info.Location}}
		return info, nil
	}
	if err := j.may(scope, role, "glue:GetPartitions", database, table); err != nil {
		return info, err
	}
	// Spark's == is the catalog's =.
	list, _, err := j.Catalog.Partitions(ctx, scope, database, table, catalog.PartitionQuery{Expression: strings.ReplaceAll(predicate, "==", "="), WithoutColumns: true})
	if err != nil {
		return info, err
	}
	for _, p := range list {
		if p.Storage == nil {
			continue
		}
		info.Partitions = append(info.Partitions, etl.TablePartition{Values: p.Values, Location: p.Storage.Location})
	}
	return info, nil
}

func visualColumns(list []catalog.Column) []visual.Column {
	out := make([]visual.Column, len(list))
	for i, c := range list {
		out[i] = visual.Column{Name: c.Name, Type: c.Type}
	}
	return out
}

// textOptions reads a table's format from its serde and classification.
func textOptions(info *etl.TableInfo, t catalog.Table) error {
	p := map[string]string{}
	maps.Copy(p, t.Storage.Parameters)
	maps.Copy(p, t.Parameters)
	library := ""
	if t.Storage.Serde != nil {
		maps.Copy(p, t.Storage.Serde.Parameters)
		library = strings.ToLower(t.Storage.Serde.Library)
	}
	kind := strings.ToLower(p["classification"])
	switch {
	case kind == "parquet" || strings.Contains(library, "parquet"):
		info.Format = "parquet"
	case kind == "json" || strings.Contains(library, "json"):
		info.Format = "json"
	case strings.Contains(library, "opencsv"):
		info.Format, info.Sep, info.Quote = "csv", or(p["separatorChar"], ","), or(p["quoteChar"], `"`)
	case kind == "csv" || strings.Contains(library, "lazysimple"):
		plain := "\x01"
		if kind == "csv" {
			plain = ","
		}
		info.Format, info.Sep, info.Quote = "csv", or(p["field.delim"], or(p["delimiter"], plain)), `"`
	default:
		return fmt.Errorf("table %s.%s has a format that visual jobs do not read: serde %s, classification %s", t.Database, t.Name, library, kind)
	}
	info.Header = or(p["skip.header.line.count"], "0") != "0"
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

var storages = map[string]catalog.Storage{
	"parquet": {
		InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", OutputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		Serde: &catalog.Serde{Library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", Parameters: map[string]string{"serialization.format": "1"}},
	},
	"csv": {
		InputFormat: "org.apache.hadoop.mapred.TextInputFormat", OutputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		Serde: &catalog.Serde{Library: "org.apache.hadoop.hive.serde2.OpenCSVSerde", Parameters: map[string]string{"separatorChar": ",", "quoteChar": `"`}},
	},
	"json": {
		InputFormat: "org.apache.hadoop.mapred.TextInputFormat", OutputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		Serde: &catalog.Serde{Library: "org.openx.data.jsonserde.JsonSerDe"},
	},
}

// Keep implements etl.Tables.
func (j JobTables) Keep(ctx context.Context, scope ident.Scope, role string, c etl.TableChange) error {
	storage := storages[c.Format]
	storage.Location = c.Location
	for _, col := range c.Columns {
		storage.Columns = append(storage.Columns, catalog.Column{Name: col.Name, Type: col.Type})
	}
	t, err := j.Catalog.Table(ctx, scope, c.Database, c.Table)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		if err := j.may(scope, role, "glue:CreateTable", c.Database, c.Table); err != nil {
			return err
		}
		t = catalog.Table{Database: c.Database, Name: c.Table, Type: "EXTERNAL_TABLE", Storage: &storage, Parameters: map[string]string{"classification": c.Format, "EXTERNAL": "TRUE"}}
		if c.Format == "csv" {
			t.Parameters["skip.header.line.count"] = "1"
		}
		for _, k := range c.Keys {
			t.PartitionKeys = append(t.PartitionKeys, catalog.Column{Name: k.Name, Type: k.Type})
		}
		if err := j.Catalog.CreateTable(ctx, scope, t); err != nil && !errors.Is(err, catalog.ErrExists) {
			return err
		}
	case err != nil:
		return err
	case c.AddColumns && t.Storage != nil:
		if err := j.addColumns(ctx, scope, role, t, storage.Columns); err != nil {
			return err
		}
	}
	if len(c.Partitions) == 0 {
		return nil
	}
	if err := j.may(scope, role, "glue:BatchCreatePartition", c.Database, c.Table); err != nil {
		return err
	}
	var parts []catalog.Partition
	for _, values := range c.Partitions {
		s := storage
		for i, v := range values {
			s.Location += c.Keys[i].Name + "=" + url.PathEscape(v) + "/"
		}
		parts = append(parts, catalog.Partition{Database: c.Database, Table: c.Table, Values: values, Storage: &s})
	}
	_, err = j.Catalog.CreatePartitions(ctx, scope, c.Database, c.Table, parts) // those that exist already stay as they are
	return err
}

func (j JobTables) addColumns(ctx context.Context, scope ident.Scope, role string, t catalog.Table, columns []catalog.Column) error {
	have := slices.Clone(t.Storage.Columns)
	for _, c := range columns {
		if !slices.ContainsFunc(have, func(h catalog.Column) bool { return strings.EqualFold(h.Name, c.Name) }) {
			have = append(have, c)
		}
	}
	if len(have) == len(t.Storage.Columns) {
		return nil
	}
	if err := j.may(scope, role, "glue:UpdateTable", t.Database, t.Name); err != nil {
		return err
	}
	storage := *t.Storage
	storage.Columns = have
	t.Storage = &storage
	return j.Catalog.UpdateTable(ctx, scope, t, catalog.Update{})
}
