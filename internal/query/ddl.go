package query

import (
	"context"
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// ddl carries out a statement of the data definition language.
func (r *running) ddl(ctx context.Context, st *parse.Statement) error {
	var err error
	switch st.Kind {
	case parse.CreateDatabase:
		if err = r.mayDatabase(ctx, "glue:CreateDatabase", st.Name[0]); err != nil {
			return err
		}
		err = r.e.opts.Catalog.CreateDatabase(ctx, r.s, catalog.Database{Name: st.Name[0], Description: st.Comment, LocationURI: st.Location, Parameters: nonEmpty(st.Properties)})
		if errors.Is(err, catalog.ErrExists) && st.IfAbsent {
			err = nil
		}
	case parse.DropDatabase:
		err = r.dropDatabase(ctx, st)
	case parse.AlterDatabase:
		var d catalog.Database
		if err = r.mayDatabase(ctx, "glue:UpdateDatabase", st.Name[0]); err != nil {
			return err
		}
		if d, err = r.e.opts.Catalog.Database(ctx, r.s, st.Name[0]); err == nil {
			d.Parameters = merged(d.Parameters, st.Properties)
			err = r.e.opts.Catalog.UpdateDatabase(ctx, r.s, d.Name, d)
		}
	case parse.CreateTable:
		err = r.createTable(ctx, st)
	case parse.CreateView:
		err = r.createView(ctx, st)
	case parse.DropTable, parse.DropView:
		err = r.drop(ctx, st)
	case parse.AlterTable:
		err = r.alter(ctx, st)
	case parse.Repair:
		return r.repair(ctx, st)
	case parse.Show:
		return r.show(ctx, st)
	case parse.Describe:
		return r.describe(ctx, st)
	default:
		err = refused("%s is not supported", st.Kind)
	}
	if err != nil {
		return catalogError(err)
	}
	return r.lines(ctx, nil, nil)
}

// catalogError words an error of the catalog as Athena's DDL does.
func catalogError(err error) error {
	var known *sqlfront.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	text := err.Error()
	if _, rest, ok := strings.Cut(text, ": "); ok {
		text = rest
	}
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return &sqlfront.Error{Name: "FAILED", Message: "SemanticException [Error 10001]: Table or database not found: " + text}
	case errors.Is(err, catalog.ErrExists):
		return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. AlreadyExistsException: " + text}
	case errors.Is(err, catalog.ErrBadInput), errors.Is(err, catalog.ErrConcurrent):
		return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. " + text}
	}
	return err
}

func nonEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

func merged(old, add map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range add {
		out[k] = v
	}
	return out
}

// database is where names without one are looked for. Clients that send Hive's statements quote it as they quote names.
func (r *running) database() string {
	db := r.x.Database
	if n := len(db); n > 2 && db[0] == '`' && db[n-1] == '`' {
		db = db[1 : n-1]
	}
	if db == "" {
		return "default"
	}
	return db
}

// tableName splits [catalog.][database.]table.
func (r *running) tableName(name []string) (database, table string, err error) {
	database = r.database()
	switch len(name) {
	case 1:
		// Hive's own SHOW CREATE TABLE quotes database and table as one name.
		if db, t, ok := strings.Cut(name[0], "."); ok {
			database, name = db, []string{t}
		}
	case 3:
		if name[0] != "awsdatacatalog" {
			return "", "", &sqlfront.Error{Name: "CATALOG_NOT_FOUND", Message: "Catalog '" + name[0] + "' not found"}
		}
		name = name[1:]
		fallthrough
	case 2:
		database = name[0]
	default:
		return "", "", &sqlfront.Error{Name: "SYNTAX_ERROR", Message: "Too many dots in table name: " + strings.Join(name, ".")}
	}
	return strings.ToLower(database), strings.ToLower(name[len(name)-1]), nil
}

func (r *running) table(ctx context.Context, name []string) (catalog.Table, error) {
	db, table, err := r.tableName(name)
	if err != nil {
		return catalog.Table{}, err
	}
	if err := r.mayTable(ctx, "glue:GetTable", db, table); err != nil {
		return catalog.Table{}, err
	}
	t, err := r.e.opts.Catalog.Table(ctx, r.s, db, table)
	if errors.Is(err, catalog.ErrNotFound) {
		return t, &sqlfront.Error{Name: "FAILED", Message: "SemanticException [Error 10001]: Table not found " + db + "." + table}
	}
	return t, err
}

func (r *running) dropDatabase(ctx context.Context, st *parse.Statement) error {
	if err := r.mayDatabase(ctx, "glue:DeleteDatabase", st.Name[0]); err != nil {
		return err
	}
	list, _, err := r.e.opts.Catalog.Tables(ctx, r.s, st.Name[0], "", "", 1)
	if errors.Is(err, catalog.ErrNotFound) && st.IfExists {
		return nil
	}
	if err != nil {
		return err
	}
	if len(list) > 0 && !st.Cascade {
		return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. InvalidOperationException(message:Database " + st.Name[0] + " is not empty. One or more tables exist.)"}
	}
	return r.e.opts.Catalog.DeleteDatabase(ctx, r.s, st.Name[0])
}

func (r *running) drop(ctx context.Context, st *parse.Statement) error {
	t, err := r.table(ctx, st.Name)
	if err != nil {
		if st.IfExists && strings.Contains(err.Error(), "Table not found") {
			return nil
		}
		return err
	}
	if view := t.Type == "VIRTUAL_VIEW"; view != (st.Kind == parse.DropView) {
		if view {
			return &sqlfront.Error{Name: "FAILED", Message: "SemanticException [Error 10126]: Cannot drop a view with DROP TABLE"}
		}
		return &sqlfront.Error{Name: "TABLE_NOT_FOUND", Message: "View '" + strings.Join(st.Name, ".") + "' does not exist, but a table with that name exists."}
	}
	if err := r.mayTable(ctx, "glue:DeleteTable", t.Database, t.Name); err != nil {
		return err
	}
	return r.e.opts.Catalog.DeleteTable(ctx, r.s, t.Database, t.Name)
}

func (r *running) createView(ctx context.Context, st *parse.Statement) error {
	db, name, err := r.tableName(st.Name)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, "glue:CreateTable", db, name); err != nil {
		return err
	}
	plan, err := r.plan(ctx, st.Query)
	if err != nil {
		return err
	}
	if len(st.Names) > 0 {
		return refused("a list of columns in CREATE VIEW is not supported; name the columns in the query")
	}
	t := catalog.Table{Database: db, Name: name, Type: "VIRTUAL_VIEW", ViewExpanded: "/* Presto View */", Description: st.Comment,
		Parameters: map[string]string{"presto_view": "true", "comment": "Presto View"}, Storage: &catalog.Storage{Serde: &catalog.Serde{}}}
	seen := map[string]bool{}
	for _, c := range plan.Columns {
		n := strings.ToLower(c.Name)
		if seen[n] {
			return &sqlfront.Error{Name: "DUPLICATE_COLUMN_NAME", Message: "Column name '" + n + "' specified more than once"}
		}
		seen[n] = true
		hive, ok := c.Type.Hive()
		if !ok {
			hive = "string" // Trino's own text has the type
		}
		t.Storage.Columns = append(t.Storage.Columns, catalog.Column{Name: n, Type: hive})
	}
	t.ViewOriginal = encodeView(st.QueryText, r.database(), plan.Columns)
	err = r.e.opts.Catalog.CreateTable(ctx, r.s, t)
	if errors.Is(err, catalog.ErrExists) && st.Replace {
		old, err := r.e.opts.Catalog.Table(ctx, r.s, db, name)
		if err != nil {
			return err
		}
		if old.Type != "VIRTUAL_VIEW" {
			return &sqlfront.Error{Name: "TABLE_ALREADY_EXISTS", Message: "Table already exists: '" + db + "." + name + "'"}
		}
		if err := r.mayTable(ctx, "glue:UpdateTable", db, name); err != nil {
			return err
		}
		return r.e.opts.Catalog.UpdateTable(ctx, r.s, t, catalog.Update{})
	}
	return err
}

// formats are what STORED AS stands for.
var formats = map[string]struct{ input, output, serde, classification string }{
	"TEXTFILE": {"org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", ""},
	"PARQUET":  {"org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "parquet"},
	"ORC":      {"org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcSerde", "orc"},
	"AVRO":     {"org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat", "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat", "org.apache.hadoop.hive.serde2.avro.AvroSerDe", "avro"},
	"JSON":     {"org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", "org.openx.data.jsonserde.JsonSerDe", "json"},
}

func (r *running) createTable(ctx context.Context, st *parse.Statement) error {
	db, name, err := r.tableName(st.Name)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, "glue:CreateTable", db, name); err != nil {
		return err
	}
	if strings.EqualFold(st.Properties["table_type"], "ICEBERG") {
		return refused("Iceberg tables are not supported")
	}
	if !st.External {
		return &sqlfront.Error{Name: "FAILED", Message: "SemanticException: CREATE TABLE needs EXTERNAL, or AS SELECT"}
	}
	if st.Location == "" {
		return &sqlfront.Error{Name: "FAILED", Message: "SemanticException: CREATE EXTERNAL TABLE needs a LOCATION"}
	}
	if _, _, err := splitLocation(st.Location); err != nil {
		return err
	}
	stored := st.Format.StoredAs
	if stored == "" {
		stored = "TEXTFILE"
	}
	f, ok := formats[stored]
	if !ok {
		return refused("STORED AS %s is not supported", stored)
	}
	sd := &catalog.Storage{Location: st.Location, InputFormat: f.input, OutputFormat: f.output, Buckets: -1, Serde: &catalog.Serde{Library: f.serde, Parameters: map[string]string{"serialization.format": "1"}}}
	if st.Buckets > 0 {
		sd.Buckets, sd.BucketColumns = st.Buckets, st.Clustered
	}
	if st.Format.Input != "" {
		sd.InputFormat, sd.OutputFormat = st.Format.Input, st.Format.Output
	}
	if st.Format.Serde != "" {
		sd.Serde.Library = st.Format.Serde
	}
	set := func(k, v string) {
		if v != "" {
			sd.Serde.Parameters[k] = v
		}
	}
	set("field.delim", st.Format.Fields)
	if st.Format.Fields != "" {
		set("serialization.format", st.Format.Fields)
	}
	set("escape.delim", st.Format.Escape)
	set("collection.delim", st.Format.Items)
	set("mapkey.delim", st.Format.Keys)
	set("line.delim", st.Format.Lines)
	set("serialization.null.format", st.Format.Null)
	sd.Serde.Parameters = merged(sd.Serde.Parameters, st.Format.SerdeProperties)
	if sd.Columns, err = columnsOf(st.Columns); err != nil {
		return err
	}
	t := catalog.Table{Database: db, Name: name, Type: "EXTERNAL_TABLE", Description: st.Comment, Storage: sd, Parameters: merged(map[string]string{"EXTERNAL": "TRUE"}, st.Properties)}
	if t.PartitionKeys, err = columnsOf(st.Partition); err != nil {
		return err
	}
	err = r.e.opts.Catalog.CreateTable(ctx, r.s, t)
	if errors.Is(err, catalog.ErrExists) && st.IfAbsent {
		return nil
	}
	return err
}

func columnsOf(defs []parse.ColumnDef) ([]catalog.Column, error) {
	var out []catalog.Column
	for _, d := range defs {
		if _, err := types.ParseHive(d.Type); err != nil {
			return nil, &sqlfront.Error{Name: "FAILED", Message: "ParseException: " + err.Error()}
		}
		out = append(out, catalog.Column{Name: d.Name, Type: d.Type, Comment: d.Comment})
	}
	return out, nil
}

// alterAction is what ALTER TABLE does to the catalog.
func alterAction(st *parse.Statement) string {
	switch {
	case st.Action == "ADD PARTITION":
		return "glue:BatchCreatePartition"
	case st.Action == "DROP PARTITION":
		return "glue:DeletePartition"
	case st.Action == "RENAME PARTITION", st.Action == "SET LOCATION" && len(st.Specs) == 1:
		return "glue:UpdatePartition"
	}
	return "glue:UpdateTable"
}

func (r *running) alter(ctx context.Context, st *parse.Statement) error {
	t, err := r.table(ctx, st.Name)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, alterAction(st), t.Database, t.Name); err != nil {
		return err
	}
	switch st.Action {
	case "ADD PARTITION":
		return r.addPartitions(ctx, t, st)
	case "DROP PARTITION":
		return r.dropPartitions(ctx, t, st)
	case "RENAME PARTITION":
		old, err := specValues(t, st.Specs[0])
		if err != nil {
			return err
		}
		p, err := r.e.opts.Catalog.Partition(ctx, r.s, t.Database, t.Name, old)
		if err != nil {
			return err
		}
		if p.Values, err = specValues(t, st.Specs[1]); err != nil {
			return err
		}
		return r.e.opts.Catalog.UpdatePartition(ctx, r.s, t.Database, t.Name, old, p)
	case "SET LOCATION":
		if len(st.Specs) == 1 {
			values, err := specValues(t, st.Specs[0])
			if err != nil {
				return err
			}
			p, err := r.e.opts.Catalog.Partition(ctx, r.s, t.Database, t.Name, values)
			if err != nil {
				return err
			}
			p.Storage.Location = st.Specs[0].Location
			return r.e.opts.Catalog.UpdatePartition(ctx, r.s, t.Database, t.Name, values, p)
		}
		t.Storage.Location = st.Location
	case "SET TBLPROPERTIES":
		t.Parameters = merged(t.Parameters, st.Properties)
	case "ADD COLUMNS":
		add, err := columnsOf(st.Columns)
		if err != nil {
			return err
		}
		t.Storage.Columns = append(t.Storage.Columns, add...)
	case "REPLACE COLUMNS":
		if t.Storage.Columns, err = columnsOf(st.Columns); err != nil {
			return err
		}
	case "CHANGE COLUMN":
		change, err := columnsOf(st.Columns)
		if err != nil {
			return err
		}
		found := false
		for i, c := range t.Storage.Columns {
			if strings.EqualFold(c.Name, st.Names[0]) {
				t.Storage.Columns[i], found = change[0], true
			}
		}
		if !found {
			return &sqlfront.Error{Name: "FAILED", Message: "Invalid column reference " + st.Names[0]}
		}
	default:
		return refused("ALTER TABLE %s is not supported", st.Action)
	}
	return r.e.opts.Catalog.UpdateTable(ctx, r.s, t, catalog.Update{Version: &t.Version})
}
