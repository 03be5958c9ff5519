package query

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func (r *running) createTableAs(ctx context.Context, st *parse.Statement) error {
	db, name, err := r.tableName(st.Name)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, "glue:CreateTable", db, name); err != nil {
		return err
	}
	if _, err := r.e.opts.Catalog.Database(ctx, r.s, db); err != nil {
		return &sqlfront.Error{Name: "SCHEMA_NOT_FOUND", Message: "Schema " + db + " not found"}
	}
	if _, err := r.e.opts.Catalog.Table(ctx, r.s, db, name); err == nil {
		if st.IfAbsent {
			return r.noRows(ctx)
		}
		return &sqlfront.Error{Name: "TABLE_ALREADY_EXISTS", Message: "line 1:1: Table 'awsdatacatalog." + db + "." + name + "' already exists"}
	} else if !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	out, err := outputOf(st.Properties, "format external_location field_delimiter write_compression parquet_compression partitioned_by bucketed_by bucket_count is_external table_type")
	if err != nil {
		return err
	}
	if t := st.Properties["table_type"]; t != "" && !strings.EqualFold(t, "HIVE") {
		return refused("table_type = '%s' is not supported", t)
	}
	plan, err := r.plan(ctx, st.Query)
	if err != nil {
		return err
	}
	if err := checkNames(plan.Columns); err != nil {
		return err
	}
	out.columns = plan.Columns
	if err := out.partitioned(st.Properties["partitioned_by"]); err != nil {
		return err
	}
	if err := out.bucketed(st.Properties["bucketed_by"], st.Properties["bucket_count"]); err != nil {
		return err
	}
	if out.location == "" {
		out.location = trimExtension(r.x.OutputLocation)
		out.location = out.location[:strings.LastIndexByte(out.location, '/')+1] + "tables/" + r.x.ID + "/"
	}
	bucket, prefix, err := folder(out.location)
	if err != nil {
		return err
	}
	if err := r.mayList(ctx, bucket, prefix); err != nil {
		return err
	}
	if list, err := r.e.opts.Objects.List(ctx, &objstore.ListRequest{Bucket: bucket, Prefix: prefix, Limit: 1}); err != nil {
		return fmt.Errorf("%w: %s", ErrInvalid, err.Error())
	} else if len(list.Objects) > 0 {
		return &sqlfront.Error{Name: "HIVE_PATH_ALREADY_EXISTS", Message: "Target directory for table '" + db + "." + name + "' already exists: " + out.location}
	}
	t, err := newTable(db, name, out)
	if err != nil {
		return err
	}
	t.Description = st.Comment
	var objects []written
	if st.Action != "NO DATA" {
		if objects, err = r.writeQuery(ctx, plan, out); err != nil {
			return err
		}
	} else if err := r.start(ctx); err != nil {
		return err
	}
	ch := r.e.opts.Catalog.Begin()
	if err = ch.CreateTable(ctx, r.s, t); err == nil {
		for _, values := range partitionsOf(objects, out.keys) {
			ch.PutPartition(r.s, t, newPartition(t, values, ""))
		}
		err = ch.Commit(ctx)
	}
	if err != nil {
		r.undo(ctx, bucket, objects)
		return catalogError(err)
	}
	r.outputs = append(r.outputs, lineage.Table(r.s.Region, db, name, "0"))
	r.x.UpdateCount = r.x.Rows
	r.x.Columns = []Column{{"rows", types.Of(types.BigInt)}}
	return r.manifest(ctx, bucket, objects)
}

// noRows finishes a statement that had nothing to write.
func (r *running) noRows(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	bucket, _, err := splitLocation(r.x.OutputLocation)
	if err != nil {
		return err
	}
	return r.manifest(ctx, bucket, nil)
}

func checkNames(cols []sqlfront.Column) error {
	seen := map[string]bool{}
	for i, c := range cols {
		n := strings.ToLower(c.Name)
		if strings.HasPrefix(n, "_col") {
			return &sqlfront.Error{Name: "MISSING_COLUMN_NAME", Message: fmt.Sprintf("line 1:1: Column name not specified at position %d", i+1)}
		}
		if seen[n] {
			return &sqlfront.Error{Name: "DUPLICATE_COLUMN_NAME", Message: "Column name '" + n + "' specified more than once"}
		}
		seen[n] = true
	}
	return nil
}

func newTable(db, name string, out output) (catalog.Table, error) {
	f := formats[out.format]
	sd := &catalog.Storage{Location: out.location, InputFormat: f.input, OutputFormat: f.output, Buckets: -1, Serde: &catalog.Serde{Library: f.serde, Parameters: map[string]string{"serialization.format": "1"}}}
	t := catalog.Table{Database: db, Name: name, Type: "EXTERNAL_TABLE", Storage: sd, Parameters: map[string]string{"EXTERNAL": "TRUE", "has_encrypted_data": "false"}}
	switch out.format {
	case "PARQUET", "JSON":
		t.Parameters["classification"] = f.classification
	default:
		sd.Serde.Parameters = map[string]string{"serialization.format": out.delimiter, "field.delim": out.delimiter}
	}
	for _, i := range out.bucketBy {
		sd.Buckets, sd.BucketColumns = out.buckets, append(sd.BucketColumns, strings.ToLower(out.columns[i].Name))
	}
	for i, c := range out.columns {
		hive, ok := c.Type.Hive()
		if !ok {
			return t, &sqlfront.Error{Name: "NOT_SUPPORTED", Message: "Unsupported Hive type: " + c.Type.String()}
		}
		col := catalog.Column{Name: strings.ToLower(c.Name), Type: hive}
		if i < len(out.columns)-out.keys {
			sd.Columns = append(sd.Columns, col)
		} else {
			t.PartitionKeys = append(t.PartitionKeys, col)
		}
	}
	return t, nil
}

// partitionsOf returns the distinct partitions of the objects.
func partitionsOf(objects []written, keys int) [][]string {
	if keys == 0 {
		return nil
	}
	seen := map[string]bool{}
	var out [][]string
	for _, w := range objects {
		if k := strings.Join(w.values, "\x00"); len(w.values) == keys && !seen[k] {
			seen[k] = true
			out = append(out, w.values)
		}
	}
	return out
}
