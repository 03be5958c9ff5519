package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// output says how rows are written: their columns, format and partitions.
type output struct {
	columns     []sqlfront.Column // all, partition keys last
	keys        int
	buckets     int    // 0 = not bucketed
	bucketBy    []int  // columns
	format      string // PARQUET, TEXTFILE, CSV, JSON
	compression string
	delimiter   string
	null        string // what stands for NULL in text; "" = \N
	escape      string // before delimiters in text; "" = none
	header      bool
	location    string
}

// written is an object that a statement made.
type written struct {
	key    string
	values []string // of its partition
}

// writeQuery runs a query and stores its rows as objects under out.location.
func (r *running) writeQuery(ctx context.Context, plan *sqlfront.Plan, out output) (objects []written, err error) {
	dir := filepath.Join(r.dir, "out")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make output directory: %w", err)
	}
	sql, err := r.copySQL(plan, out, dir)
	if err != nil {
		return nil, err
	}
	err = r.execute(ctx, plan, sql, []string{dir}, func(_ context.Context, res *duck.Result) error {
		rows, err := res.All()
		if err != nil {
			return sqlfront.RuntimeError(err)
		}
		for _, row := range rows {
			if n, ok := row[0].(int64); ok {
				r.x.Rows += n
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.upload(ctx, dir, out)
}

// copySQL is the COPY statement of a write.
func (r *running) copySQL(plan *sqlfront.Plan, out output, dir string) (string, error) {
	items := make([]string, len(out.columns))
	var keys []string
	for i, c := range out.columns {
		x, err := toStored("q.c"+strconv.Itoa(i), c.Type, out.format, 0)
		if err != nil {
			return "", err
		}
		if out.format == "TEXTFILE" && c.Type.Text() && i < len(out.columns)-out.keys {
			x = out.textCell(x, c.Name)
		}
		name := value.Quote(strings.ToLower(c.Name))
		if i >= len(out.columns)-out.keys {
			x = "nullif(CAST(" + x + " AS VARCHAR), '" + hiveNull + "')" // that text reads back as NULL, and is its folder
			keys = append(keys, name)
		}
		items[i] = x + " AS " + name
	}
	if out.buckets > 0 {
		x, err := bucketSQL(plan, out)
		if err != nil {
			return "", err
		}
		keys = append(keys, value.Quote(bucketKey))
		items = append(items, x+" AS "+value.Quote(bucketKey))
	}
	var opts []string
	target := filepath.Join(dir, "part-0")
	switch out.format {
	case "PARQUET":
		opts = append(opts, "FORMAT parquet", "COMPRESSION "+out.compression)
	case "JSON":
		opts = append(opts, "FORMAT json", "COMPRESSION "+out.compression)
	default:
		opts = append(opts, "FORMAT csv", "DELIMITER "+value.Literal(out.delimiter), "HEADER "+strconv.FormatBool(out.header), "NULLSTR "+value.Literal(out.nullText()), "COMPRESSION "+out.compression)
		if out.format == "TEXTFILE" {
			opts = append(opts, "QUOTE ''", "ESCAPE ''")
		}
	}
	if len(keys) > 0 {
		opts = append(opts, "PARTITION_BY ("+strings.Join(keys, ", ")+")", "OVERWRITE_OR_IGNORE true")
		target = dir
	}
	return "COPY (SELECT " + strings.Join(items, ", ") + " FROM (" + plan.SQL + ") AS q) TO " + value.Literal(target) + " (" + strings.Join(opts, ", ") + ")", nil
}

func (o *output) nullText() string {
	if o.null == "" {
		return `\N`
	}
	return o.null
}

// textCell is a text as a line without quotes holds it. What such a line cannot hold fails: it would come back as other columns and rows.
func (o *output) textCell(sql, column string) string {
	bad := []string{"\n", "\r"}
	cell := sql
	if o.escape == "" {
		bad = append(bad, o.delimiter)
	} else {
		for _, c := range []string{o.escape, o.delimiter} {
			cell = "replace(" + cell + ", " + value.Literal(c) + ", " + value.Literal(o.escape+c) + ")"
		}
	}
	tests := make([]string, len(bad))
	for i, c := range bad {
		tests[i] = "contains(" + sql + ", " + value.Literal(c) + ")"
	}
	fault := scalar.Error{Name: "HIVE_WRITER_DATA_ERROR", Message: "column " + column + " has a value with a line break or with the table's delimiter, which its text format cannot keep; write PARQUET or JSON"}
	return "(CASE WHEN " + strings.Join(tests, " OR ") + " THEN error(" + value.Literal(fault.Error()) + ") ELSE " + cell + " END)"
}

// toStored turns the representation of t into what a file holds.
func toStored(sql string, t types.Type, format string, depth int) (string, error) {
	v := "w" + strconv.Itoa(depth)
	unsupported := func() (string, error) {
		return "", &sqlfront.Error{Name: "NOT_SUPPORTED", Message: "Unsupported Hive type: " + t.String()}
	}
	switch t.Base {
	case types.Array, types.Map, types.Row:
		if format != "PARQUET" && format != "JSON" {
			return "", refused("columns of type %s are not supported in text files", t)
		}
	}
	switch t.Base {
	case types.Array:
		inner, err := toStored(v, t.Elem(), format, depth+1)
		if err != nil || inner == v {
			return sql, err
		}
		return "list_transform(" + sql + ", lambda " + v + ": " + inner + ")", nil
	case types.Map:
		k, err := toStored("("+v+").k", t.Args[0], format, depth+1)
		if err != nil {
			return "", err
		}
		x, err := toStored("("+v+").v", t.Args[1], format, depth+1)
		if err != nil {
			return "", err
		}
		return "map_from_entries(list_transform(" + sql + ", lambda " + v + ": {'k': " + k + ", 'v': " + x + "}))", nil
	case types.Row:
		parts := make([]string, len(t.Args))
		for i, f := range t.Args {
			x, err := toStored("("+sql+").f"+strconv.Itoa(i), f, format, depth+1)
			if err != nil {
				return "", err
			}
			name := t.Names[i]
			if name == "" {
				name = "field" + strconv.Itoa(i)
			}
			parts[i] = value.Literal(name) + ": " + x
		}
		return "(CASE WHEN " + sql + " IS NULL THEN NULL ELSE {" + strings.Join(parts, ", ") + "} END)", nil
	case types.Varbinary:
		if format != "PARQUET" {
			return "to_base64(" + sql + ")", nil
		}
		return sql, nil
	case types.Real, types.Double:
		switch format { // DuckDB's own names of what is no number are neither JSON nor Java's
		case "JSON":
			return "(CASE WHEN isfinite(" + sql + ") THEN to_json(" + sql + ") WHEN isnan(" + sql + ") THEN to_json('NaN') WHEN " + sql + " > 0 THEN to_json('Infinity') WHEN " + sql + " < 0 THEN to_json('-Infinity') END)", nil
		case "PARQUET":
			return sql, nil
		}
		return "(CASE WHEN isfinite(" + sql + ") THEN CAST(" + sql + " AS VARCHAR) WHEN isnan(" + sql + ") THEN 'NaN' WHEN " + sql + " > 0 THEN 'Infinity' WHEN " + sql + " < 0 THEN '-Infinity' END)", nil
	case types.Decimal:
		if format == "JSON" && t.P > 15 { // a number of JSON is a double to many readers, DuckDB's writer among them
			return "CAST(" + sql + " AS VARCHAR)", nil
		}
		return sql, nil
	case types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Varchar, types.Char, types.Date, types.Timestamp:
		return sql, nil
	}
	return unsupported()
}

// upload stores the files of a directory as objects. If one cannot be stored the others are removed again.
func (r *running) upload(ctx context.Context, dir string, out output) (objects []written, err error) {
	store, prefix, err := folder(out.location)
	if err != nil {
		return nil, err
	}
	var files []string
	if err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, p)
		}
		return err
	}); err != nil {
		return nil, fmt.Errorf("read output directory: %w", err)
	}
	sort.Strings(files)
	if len(files) > 0 {
		if err := r.e.writing(ctx, r.s, r.x, out.location); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			r.undo(ctx, store, objects)
		}
	}()
	ext := map[string]string{"gzip": ".gz", "zstd": ".zst"}[out.compression]
	if out.format == "PARQUET" {
		ext = ""
	}
	for n, p := range files {
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return objects, fmt.Errorf("read output directory: %w", err)
		}
		w, bucket := written{}, ""
		folderOf := ""
		if made := filepath.ToSlash(filepath.Dir(rel)); made != "." {
			for _, d := range strings.Split(made, "/") { // as DuckDB names them, which escapes more than Hive
				k, v, _ := strings.Cut(d, "=")
				if k == bucketKey {
					bucket = "_bucket-" + v
					break
				}
				if v, err = url.PathUnescape(v); err != nil {
					return objects, fmt.Errorf("partition folder %s: %w", d, err)
				}
				folderOf += partitionFolder(strings.ToLower(out.columns[len(out.columns)-out.keys+len(w.values)].Name), v)
				w.values = append(w.values, v)
			}
		}
		w.key = prefix + folderOf + r.x.Submitted.UTC().Format("20060102_150405") + "_" + strconv.Itoa(n) + "_" + r.x.ID + bucket + ext
		f, err := os.Open(p)
		if err != nil {
			return objects, fmt.Errorf("read output file: %w", err)
		}
		size, err := f.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err == nil {
			objects = append(objects, w)
			r.x.OutputBytes += size
			err = r.put(ctx, "s3://"+store+"/"+w.key, f, size, "binary/octet-stream")
		}
		f.Close()
		if err != nil {
			return objects, err
		}
	}
	return objects, nil
}

// undo removes objects that a failed statement made.
func (r *running) undo(ctx context.Context, bucket string, objects []written) {
	ctx = context.WithoutCancel(ctx)
	for _, w := range objects {
		if _, err := r.e.opts.Objects.Delete(ctx, &objstore.DeleteRequest{Bucket: bucket, Key: w.key}); err != nil {
			r.e.log.Warn("object of a failed query stays", "query", r.x.ID, "key", w.key, "err", err)
		}
	}
}

// manifest lists the objects that were written, as Athena does beside its results.
func (r *running) manifest(ctx context.Context, bucket string, objects []written) error {
	var b strings.Builder
	for _, w := range objects {
		b.WriteString("s3://" + bucket + "/" + w.key + "\n")
	}
	r.x.Manifest = r.x.OutputLocation + "-manifest.csv"
	if err := r.put(ctx, r.x.Manifest, strings.NewReader(b.String()), int64(b.Len()), "text/csv"); err != nil {
		return err
	}
	return r.putMetadata(ctx)
}

var compressions = map[string]map[string]string{
	"PARQUET": {"": "gzip", "NONE": "uncompressed", "UNCOMPRESSED": "uncompressed", "SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "LZ4": "lz4_raw"},
	"TEXT":    {"": "gzip", "NONE": "none", "GZIP": "gzip", "ZSTD": "zstd"},
}

// outputOf reads the properties of CTAS and UNLOAD.
func outputOf(props map[string]string, known string) (output, error) {
	for k := range props {
		if !strings.Contains(" "+known+" ", " "+k+" ") {
			return output{}, &sqlfront.Error{Name: "INVALID_TABLE_PROPERTY", Message: "table property '" + k + "' does not exist"}
		}
	}
	out := output{format: strings.ToUpper(props["format"]), location: props["external_location"], delimiter: props["field_delimiter"]}
	switch out.format {
	case "":
		out.format = "PARQUET"
	case "PARQUET", "TEXTFILE", "JSON":
	default:
		return out, refused("format = '%s' is not supported", props["format"])
	}
	c := props["write_compression"]
	for _, k := range []string{"parquet_compression", "compression"} {
		if props[k] != "" {
			c = props[k]
		}
	}
	set := compressions["PARQUET"]
	if out.format != "PARQUET" {
		set = compressions["TEXT"]
		if out.delimiter == "" && out.format == "TEXTFILE" {
			out.delimiter = "\x01"
		}
	}
	var ok bool
	if out.compression, ok = set[strings.ToUpper(c)]; !ok {
		return out, refused("compression '%s' of %s is not supported", c, out.format)
	}
	return out, nil
}

// partitioned checks that the named columns are the last ones.
func (o *output) partitioned(by string) error {
	if by == "" {
		return nil
	}
	names := strings.Split(by, ",")
	o.keys = len(names)
	if o.keys >= len(o.columns) {
		return &sqlfront.Error{Name: "INVALID_TABLE_PROPERTY", Message: "Table contains only partition columns"}
	}
	for i, n := range names {
		c := o.columns[len(o.columns)-len(names)+i]
		if !strings.EqualFold(strings.TrimSpace(n), c.Name) {
			return &sqlfront.Error{Name: "HIVE_COLUMN_ORDER_MISMATCH", Message: "Partition keys must be the last columns in the table and in the same order as the table properties: [" + strings.Join(names, ", ") + "]"}
		}
	}
	return nil
}

func (r *running) insert(ctx context.Context, st *parse.Statement) error {
	db, name, err := r.tableName(st.Name)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, "glue:GetTable", db, name); err != nil {
		return err
	}
	t, err := r.e.opts.Catalog.Table(ctx, r.s, db, name)
	if errors.Is(err, catalog.ErrNotFound) {
		return &sqlfront.Error{Name: "TABLE_NOT_FOUND", Message: "Table 'awsdatacatalog." + db + "." + name + "' does not exist", Pos: st.Pos}
	}
	if err != nil {
		return err
	}
	if t.Type == "VIRTUAL_VIEW" || t.Storage == nil || t.Storage.Serde == nil {
		return refused("Inserting into views is not supported")
	}
	if isProjected(&t) && t.Parameters["storage.location.template"] != "" {
		return refused("INSERT into a table whose partitions stand where storage.location.template says is not supported: table %s", t.Name)
	}
	if len(t.Storage.BucketColumns) > 0 {
		return refused("INSERT into a bucketed table is not supported: table %s", t.Name)
	}
	out := output{location: t.Storage.Location, keys: len(t.PartitionKeys), compression: "gzip"}
	switch lib := t.Storage.Serde.Library; {
	case strings.Contains(lib, "ParquetHiveSerDe"):
		out.format = "PARQUET"
		if c, ok := compressions["PARQUET"][strings.ToUpper(t.Parameters["parquet.compression"])]; ok {
			out.compression = c
		}
	case strings.HasSuffix(lib, "JsonSerDe"):
		out.format = "JSON"
	case strings.HasSuffix(lib, "LazySimpleSerDe"):
		out.format = "TEXTFILE"
		out.delimiter = oneByte(t.Storage.Serde.Parameters["field.delim"])
		if out.delimiter == "" {
			out.delimiter = "\x01"
		}
		p := t.Storage.Serde.Parameters
		out.null, out.escape = p["serialization.null.format"], oneByte(p["escape.delim"])
		if out.escape != "" {
			out.compression = "none" // escapes are read back from plain files only
		}
		switch lines := (&scan{table: &t, part: &part{storage: t.Storage}}).headerLines(); {
		case lines > 1:
			return refused("INSERT into a table with skip.header.line.count above 1 is not supported: table %s", t.Name)
		case lines == 1:
			out.header = true
		}
	default:
		return refused("INSERT into a table with the SerDe %s is not supported", lib)
	}
	for _, c := range append(append([]catalog.Column{}, t.Storage.Columns...), t.PartitionKeys...) {
		typ, err := types.ParseHive(c.Type)
		if err != nil {
			return refused("column %s: %s", c.Name, err)
		}
		out.columns = append(out.columns, sqlfront.Column{Name: c.Name, Type: typ})
	}
	plan, err := r.plan(ctx, st.Query)
	if err != nil {
		return err
	}
	if plan, err = sqlfront.Assign(plan, out.columns, st.Names, st.Pos); err != nil {
		return err
	}
	if len(t.PartitionKeys) > 0 {
		if err := r.mayTable(ctx, "glue:BatchCreatePartition", db, name); err != nil {
			return err
		}
	}
	objects, err := r.writeQuery(ctx, plan, out)
	if err != nil {
		return err
	}
	bucket, _, err := folder(out.location)
	if err != nil {
		return err
	}
	var list []catalog.Partition
	for _, values := range partitionsOf(objects, out.keys) {
		list = append(list, newPartition(t, values, ""))
	}
	for len(list) > 0 {
		n := min(len(list), catalog.MaxPartitionsPerBatch)
		if _, err := r.e.opts.Catalog.CreatePartitions(ctx, r.s, db, name, list[:n]); err != nil {
			r.undo(ctx, bucket, objects)
			return catalogError(err)
		}
		list = list[n:]
	}
	r.outputs = append(r.outputs, lineage.Table(r.s.Region, db, name, strconv.FormatUint(t.Version, 10)))
	r.x.UpdateCount = r.x.Rows
	r.x.Columns = []Column{{"rows", types.Of(types.BigInt)}}
	return r.manifest(ctx, bucket, objects)
}

func (r *running) unload(ctx context.Context, st *parse.Statement) error {
	format := strings.ToUpper(st.Properties["format"])
	props := map[string]string{}
	for k, v := range st.Properties {
		props[k] = v
	}
	if format == "" || format == "CSV" {
		props["format"] = "TEXTFILE"
	}
	out, err := outputOf(props, "format compression field_delimiter partitioned_by")
	if err != nil {
		return err
	}
	if format == "" || format == "CSV" || format == "TEXTFILE" {
		out.format = "CSV"
		if props["field_delimiter"] == "" {
			out.delimiter = ","
		}
	}
	out.location = st.Location
	plan, err := r.plan(ctx, st.Query)
	if err != nil {
		return err
	}
	out.columns = plan.Columns
	if err := out.partitioned(st.Properties["partitioned_by"]); err != nil {
		return err
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
		return &sqlfront.Error{Name: "HIVE_PATH_ALREADY_EXISTS", Message: "Unload destination is not empty: " + st.Location}
	}
	objects, err := r.writeQuery(ctx, plan, out)
	if err != nil {
		return err
	}
	r.x.UpdateCount = r.x.Rows
	r.x.Columns = []Column{{"rows", types.Of(types.BigInt)}}
	return r.manifest(ctx, bucket, objects)
}
