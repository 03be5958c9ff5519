package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// input is a file of a table as a worker reads it.
type input struct {
	path   string   // on this machine
	uri    string   // s3://…
	name   string   // last part of the key, tells the compression
	values []string // of the partition keys
	size   int64
}

// part is the files of a table that are read alike.
type part struct {
	storage *catalog.Storage
	files   []input
}

// execute runs a planned query. before are statements to run after the tables are defined; rows consumes the result.
func (r *running) execute(ctx context.Context, plan *sqlfront.Plan, sql string, writeDirs []string, rows func(context.Context, *duck.Result) error) error {
	job := duck.Job{Functions: plan.Functions, WriteDirs: writeDirs, TempDir: filepath.Join(r.dir, "spill"), Group: r.s.Account + "/" + r.x.Workgroup}
	for _, use := range plan.Tables {
		view, err := r.define(ctx, use, &job)
		if err != nil {
			return err
		}
		job.Statements = append(job.Statements, view)
	}
	if r.w.CutoffBytes > 0 && r.x.ScannedBytes > r.w.CutoffBytes {
		return &sqlfront.Error{Name: "EXCEEDED_SCAN_LIMIT", Message: fmt.Sprintf("Bytes scanned limit was exceeded: the query would scan %d bytes, the workgroup allows %d", r.x.ScannedBytes, r.w.CutoffBytes)}
	}
	job.Statements = append(job.Statements, sql)
	var startErr error
	job.OnStart = func() { startErr = r.start(ctx) }
	begin := time.Now()
	defer func() { r.x.EngineMillis = time.Since(begin).Milliseconds() - r.x.QueueMillis }()
	res, err := r.e.opts.Pool.Run(ctx, job)
	if startErr != nil {
		if res != nil {
			res.Close()
		}
		return startErr
	}
	if err != nil {
		return sqlfront.RuntimeError(err)
	}
	defer res.Close()
	return rows(ctx, res)
}

// define makes the view that a table's name stands for and adds its files to what the job may read.
func (r *running) define(ctx context.Context, use *sqlfront.TableUse, job *duck.Job) (string, error) {
	if name, ok := use.Handle.(infoTable); ok {
		return r.defineInfo(ctx, use, name)
	}
	t, ok := use.Handle.(*catalog.Table)
	if !ok {
		return "", fmt.Errorf("table %s has no handle", use.Table)
	}
	r.inputs = append(r.inputs, lineage.Table(r.s.Region, t.Database, t.Name, strconv.FormatUint(t.Version, 10)))
	parts, err := r.parts(ctx, t, use)
	if err != nil {
		return "", err
	}
	var selects []string
	for i, p := range parts {
		if len(p.files) == 0 {
			continue
		}
		for _, f := range p.files {
			job.ReadPaths = append(job.ReadPaths, f.path)
			r.x.ScannedBytes += f.size
			r.x.InputFiles++
		}
		s := &scan{r: r, table: t, use: use, part: &parts[i], job: job}
		sql, err := s.sql(ctx)
		if err != nil {
			return "", err
		}
		selects = append(selects, sql)
	}
	if len(selects) == 0 {
		cols := make([]string, len(use.Columns))
		for i, c := range use.Columns {
			cols[i] = "CAST(NULL AS " + sqlfront.Repr(c.Type).String() + ") AS c" + strconv.Itoa(i)
		}
		return "CREATE VIEW " + use.Alias + " AS SELECT " + strings.Join(cols, ", ") + " WHERE false", nil
	}
	return "CREATE VIEW " + use.Alias + " AS " + strings.Join(selects, " UNION ALL "), nil
}

// parts lists the files of a table, pruned by its partitions, grouped by how they are stored.
func (r *running) parts(ctx context.Context, t *catalog.Table, use *sqlfront.TableUse) ([]part, error) {
	if strings.EqualFold(t.Parameters["table_type"], "ICEBERG") {
		return nil, &sqlfront.Error{Name: "NOT_SUPPORTED", Message: "Iceberg tables are not supported: " + t.Name}
	}
	if len(t.PartitionKeys) == 0 {
		files, err := r.list(ctx, t.Storage.Location, nil)
		return []part{{t.Storage, files}}, err
	}
	if isProjected(t) {
		return r.projected(ctx, t, use)
	}
	var out []part
	index := map[string]int{}
	if err := r.mayTable(ctx, "glue:GetPartitions", t.Database, t.Name); err != nil {
		return nil, err
	}
	list, _, err := r.e.opts.Catalog.Partitions(ctx, r.s, t.Database, t.Name, catalog.PartitionQuery{})
	if err != nil {
		return nil, fmt.Errorf("read partitions of %s: %w", t.Name, err)
	}
	for _, p := range list {
		keep, err := matches(t, use, p.Values)
		if err != nil {
			return nil, err
		}
		if !keep || p.Storage == nil {
			continue
		}
		files, err := r.list(ctx, p.Storage.Location, p.Values)
		if err != nil {
			return nil, err
		}
		k := signature(p.Storage)
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, part{storage: p.Storage})
		}
		out[i].files = append(out[i].files, files...)
	}
	return out, nil
}

// signature tells storages apart that must be read differently.
func signature(s *catalog.Storage) string {
	var b strings.Builder
	for _, c := range s.Columns {
		b.WriteString(strings.ToLower(c.Name) + ":" + c.Type + ",")
	}
	b.WriteString(s.InputFormat)
	if s.Serde != nil {
		fmt.Fprintf(&b, "|%s|%v", s.Serde.Library, s.Serde.Parameters)
	}
	return b.String()
}

// matches tells whether a partition may hold rows that the statement needs.
func matches(t *catalog.Table, use *sqlfront.TableUse, values []string) (bool, error) {
	if len(use.Filters) == 0 {
		return true, nil
	}
	for i, key := range t.PartitionKeys[:min(len(values), len(t.PartitionKeys))] {
		typ, err := types.ParseHive(key.Type)
		if err != nil {
			return false, err
		}
		if keep, err := mayHold(use, key.Name, typ, values[i]); err != nil || !keep {
			return false, err
		}
	}
	return true, nil
}

// mayHold tells whether rows whose partition key has this value may satisfy what the statement demands of the key.
func mayHold(use *sqlfront.TableUse, key string, typ types.Type, value string) (bool, error) {
	for _, f := range use.Filters {
		if !strings.EqualFold(key, f.Column) {
			continue
		}
		v, err := partitionValue(value, typ)
		if err != nil {
			return true, nil //nolint:nilerr // the statement itself reports what is wrong
		}
		if v == nil || !f.Match(v, typ) { // NULL satisfies no condition
			return false, nil
		}
	}
	return true, nil
}

const hiveNull = "__HIVE_DEFAULT_PARTITION__"

func partitionValue(s string, t types.Type) (any, error) {
	if s == hiveNull {
		return nil, nil
	}
	f, ok := scalar.Cast(varchar, t)
	if !ok {
		return nil, fmt.Errorf("partition keys of type %s are not supported", t)
	}
	return f(s)
}

// list returns the files under a location: no hidden ones, no empty ones.
func (r *running) list(ctx context.Context, location string, values []string) ([]input, error) {
	bucket, prefix, err := folder(location)
	if err != nil {
		return nil, &sqlfront.Error{Name: "HIVE_INVALID_METADATA", Message: "location is not an S3 path: " + location}
	}
	if err := r.mayList(ctx, bucket, prefix); err != nil {
		return nil, err
	}
	var out []input
	for f, err := range r.e.opts.Objects.Files(ctx, bucket, prefix) {
		if errors.Is(err, objstore.ErrNoSuchBucket) {
			return nil, &sqlfront.Error{Name: "HIVE_CANNOT_OPEN_SPLIT", Message: "the bucket of " + location + " does not exist"}
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", location, err)
		}
		if f.Size == 0 || hidden(strings.TrimPrefix(f.Key, prefix)) {
			continue
		}
		if err := r.mayRead(ctx, bucket, f.Key); err != nil {
			return nil, err
		}
		in := input{path: f.Path, uri: "s3://" + bucket + "/" + f.Key, name: path.Base(f.Key), values: values, size: f.Size}
		if in.path == "" {
			if in.path, err = r.materialise(f.Inline); err != nil {
				return nil, err
			}
		}
		out = append(out, in)
	}
	return out, nil
}

// hidden tells whether a part of a key begins with a dot or an underscore.
func hidden(key string) bool {
	for _, p := range strings.Split(key, "/") {
		if strings.HasPrefix(p, ".") || strings.HasPrefix(p, "_") {
			return true
		}
	}
	return false
}

// materialise writes a small body where a worker can read it.
func (r *running) materialise(body []byte) (string, error) {
	r.files++
	p := filepath.Join(r.dir, "in"+strconv.Itoa(r.files))
	if err := os.WriteFile(p, body, 0o600); err != nil {
		return "", fmt.Errorf("write input file: %w", err)
	}
	return p, nil
}

// mapping is a relation of the files' paths with what belongs to them: URI and partition values.
func (p *part) mapping(keys int) string {
	lines := make([]string, len(p.files))
	for i, f := range p.files {
		cells := []string{value.Literal(f.path), value.Literal(f.uri)}
		for j := range keys {
			v := "NULL"
			if j < len(f.values) && f.values[j] != hiveNull {
				v = value.Literal(f.values[j])
			}
			cells = append(cells, v)
		}
		lines[i] = "(" + strings.Join(cells, ", ") + ")"
	}
	names := []string{"file", "uri"}
	for j := range keys {
		names = append(names, "k"+strconv.Itoa(j))
	}
	return "(VALUES " + strings.Join(lines, ", ") + ") AS m(" + strings.Join(names, ", ") + ")"
}

func (p *part) paths() string {
	quoted := make([]string, len(p.files))
	for i, f := range p.files {
		quoted[i] = value.Literal(f.path)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
