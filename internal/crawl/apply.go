package crawl

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/tabular"
)

// Parameters that crawlers write into tables.
const (
	paramCrawler    = "UPDATED_BY_CRAWLER"
	paramDeprecated = "DEPRECATED_BY_CRAWLER"
)

// finish brings the catalog in step with what was found, in one batch with the end of the crawl. Somebody else's change of
// a table in the meantime makes it begin anew, a few times.
func (s *Service) finish(ctx context.Context, scope ident.Scope, c Crawler, r *Run, tables []table) error {
	for attempt := 0; ; attempt++ {
		err := s.tryFinish(ctx, scope, c, r, tables)
		if err == nil || !errors.Is(err, catalog.ErrConcurrent) || attempt == 5 {
			return err
		}
	}
}

func (s *Service) tryFinish(ctx context.Context, scope ident.Scope, c Crawler, r *Run, tables []table) error {
	r.Created, r.Updated, r.Deleted, r.PartsNew, r.PartsUpd, r.PartsDel = nil, nil, nil, 0, 0, 0
	set, err := c.settings()
	if err != nil {
		return err
	}
	if len(c.Targets) > 0 {
		if err := s.ensureDatabase(ctx, scope, c.Database); err != nil {
			return err
		}
	}
	a := &applier{s: s, ctx: ctx, scope: scope, c: c, r: r, set: set, ch: s.opts.Catalog.Begin(), seen: map[string]bool{}}
	a.lineage = lineage.Run{ID: r.ID, Kind: "crawl", Subject: scope.ARN("glue", "crawler/"+c.Name), Account: scope.Account}
	for _, t := range tables {
		if err := a.table(t); err != nil {
			return err
		}
	}
	if err := a.gone(); err != nil {
		return err
	}
	pending, err := a.applyEnd()
	if err != nil {
		return err
	}
	if err := pending.Wait(ctx); err != nil {
		return err
	}
	s.say(scope, *r, "BENCHMARK", "Finished writing to Catalog")
	s.say(scope, *r, "INFO", fmt.Sprintf("Run Summary For TABLE: ADD: %d UPDATE: %d DELETE: %d", len(r.Created), len(r.Updated), len(r.Deleted)))
	s.say(scope, *r, "INFO", fmt.Sprintf("Run Summary For PARTITION: ADD: %d UPDATE: %d DELETE: %d", r.PartsNew, r.PartsUpd, r.PartsDel))
	return nil
}

// applyEnd adds the crawl's end to the change and makes it visible, unless the user has stopped the crawl. What the change depends on in the
// catalog stands in its preconditions; the lock is for the crawler's own record.
func (a *applier) applyEnd() (kv.Pending, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	a.r.State, a.r.Error = "COMPLETED", ""
	if err := a.s.addEnd(a.ctx, &a.ch.Batch, a.scope, a.c.Name, a.r); err != nil {
		return nil, err
	}
	a.lineage.At, a.lineage.Duration = a.r.End, a.r.End.Sub(a.r.Start)
	lineage.Record(&a.ch.Batch, a.lineage)
	return a.ch.Apply(a.ctx)
}

// ensureDatabase makes the crawler's database where it lacks, as Glue does.
func (s *Service) ensureDatabase(ctx context.Context, scope ident.Scope, name string) error {
	_, err := s.opts.Catalog.Database(ctx, scope, name)
	if errors.Is(err, catalog.ErrNotFound) {
		err = s.opts.Catalog.CreateDatabase(ctx, scope, catalog.Database{Name: name})
		if errors.Is(err, catalog.ErrExists) {
			return nil
		}
	}
	return err
}

// applier collects the changes of one crawl.
type applier struct {
	s       *Service
	ctx     context.Context
	scope   ident.Scope
	c       Crawler
	r       *Run
	set     settings
	ch      *catalog.Change
	seen    map[string]bool // tables found, by name
	lineage lineage.Run
}

// table creates or updates one table with its partitions.
func (a *applier) table(t table) error {
	want, err := a.describe(t)
	if err != nil {
		return err
	}
	have, err := a.s.opts.Catalog.Table(a.ctx, a.scope, want.Database, want.Name)
	if err == nil && t.database == "" && !sameLocation(have, want) {
		// The name is taken by another location: Glue adds a hash of the path.
		sum := md5.Sum([]byte(want.Storage.Location))
		want.Name += "_" + hex.EncodeToString(sum[:])
		have, err = a.s.opts.Catalog.Table(a.ctx, a.scope, want.Database, want.Name)
	}
	a.seen[want.Name] = true
	for _, f := range t.files {
		a.lineage.Inputs = append(a.lineage.Inputs, lineage.Object(t.bucket, f.Key, versionOf(f)))
	}
	version := uint64(0)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		if err := a.ch.CreateTable(a.ctx, a.scope, want); err != nil {
			return err
		}
		a.r.Created = append(a.r.Created, want.Name)
		a.s.say(a.scope, *a.r, "INFO", fmt.Sprintf("Created table %s in database %s", want.Name, want.Database))
		have = want
	case err != nil:
		return err
	default:
		version = have.Version
		changed, differs := a.merge(have, want)
		switch {
		case !differs:
		case a.c.OnUpdate == UpdateLog:
			a.s.say(a.scope, *a.r, "INFO", fmt.Sprintf("Table %s in database %s differs from what was found; it is left as it is", have.Name, have.Database))
		default:
			if err := a.ch.UpdateTable(a.ctx, a.scope, changed, catalog.Update{Version: &have.Version}); err != nil {
				return err
			}
			a.r.Updated = append(a.r.Updated, have.Name)
			a.s.say(a.scope, *a.r, "INFO", fmt.Sprintf("Updated table %s in database %s", have.Name, have.Database))
			have = changed
			version++
		}
	}
	a.lineage.Outputs = append(a.lineage.Outputs, lineage.Table(a.scope.Region, want.Database, want.Name, strconv.FormatUint(version, 10)))
	a.lineage.Rows += t.schema.rows
	return a.partitions(have, t)
}

// describe turns what was found into a table of the catalog.
func (a *applier) describe(t table) (catalog.Table, error) {
	st, params := storage(t.schema, "s3://"+t.bucket+"/"+t.path)
	size := int64(0)
	for _, f := range t.files {
		size += f.Size
	}
	maps.Copy(params, map[string]string{
		"CrawlerSchemaDeserializerVersion": "1.0", "CrawlerSchemaSerializerVersion": "1.0", paramCrawler: a.c.Name, "typeOfData": "file",
		"objectCount": strconv.Itoa(len(t.files)), "recordCount": strconv.FormatInt(t.schema.rows, 10), "sizeKey": strconv.FormatInt(size, 10),
		"averageRecordSize": strconv.FormatInt(size/max(t.schema.rows, 1), 10),
	})
	st.Parameters = maps.Clone(params)
	if len(t.keys) > 0 {
		params["partition_filtering.enabled"] = "true"
	}
	out := catalog.Table{
		Database: a.c.Database, Name: tableName(a.c.TablePrefix, t.name), Owner: "owner", Type: "EXTERNAL_TABLE", Storage: st, Parameters: params,
	}
	if t.database != "" {
		out.Database, out.Name = t.database, t.name
	}
	for i := range out.Storage.Columns {
		// A column that is a partition key as well is told from it as Glue does.
		if slices.Contains(t.keys, strings.ToLower(out.Storage.Columns[i].Name)) {
			out.Storage.Columns[i].Name += "_data"
		}
	}
	for _, k := range t.keys {
		out.PartitionKeys = append(out.PartitionKeys, catalog.Column{Name: k, Type: "string"})
	}
	return out, nil
}

// storage describes how to read files of a format.
func storage(f *found, location string) (*catalog.Storage, map[string]string) {
	st := &catalog.Storage{Location: location, Compressed: f.compression != "none", Serde: &catalog.Serde{}, Buckets: -1}
	params := map[string]string{"classification": f.classification, "compressionType": f.compression}
	for _, col := range f.columns {
		st.Columns = append(st.Columns, catalog.Column{Name: col.Name, Type: col.Type.String()})
	}
	const text, ignoreKey = "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
	st.InputFormat, st.OutputFormat = text, ignoreKey
	switch f.classification {
	case "parquet":
		st.InputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
		st.OutputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
		st.Serde.Library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
		st.Serde.Parameters = map[string]string{"serialization.format": "1"}
	case "json":
		st.Serde.Library = "org.openx.data.jsonserde.JsonSerDe"
		names := make([]string, len(f.columns))
		for i, col := range f.columns {
			names[i] = col.Name
		}
		st.Serde.Parameters = map[string]string{"paths": strings.Join(names, ",")}
		if f.array {
			params["jsonPath"] = "$[*]"
		}
	case "csv":
		csvSerde(f, st, params)
	}
	return st, params
}

func csvSerde(f *found, st *catalog.Storage, params map[string]string) {
	delimiter := string(f.csv.Delimiter)
	st.Serde.Library = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
	st.Serde.Parameters = map[string]string{"field.delim": delimiter}
	params["delimiter"], params["columnsOrdered"], params["areColumnsQuoted"] = delimiter, "true", strconv.FormatBool(f.csv.Quoted)
	if f.csv.Header {
		params["skip.header.line.count"] = "1"
	}
	c := f.classifier
	if c == nil {
		return
	}
	if c.Serde == "OpenCSVSerDe" || c.Serde == "" && c.Quote != "" {
		st.Serde.Library = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
		st.Serde.Parameters = map[string]string{"separatorChar": delimiter}
		if c.Quote != "" {
			st.Serde.Parameters["quoteChar"] = c.Quote
		}
		for i := range st.Columns { // this serde reads strings only
			st.Columns[i].Type = tabular.String.String()
		}
	}
}

// merge returns the table as it should be, and whether that differs from what it is.
func (a *applier) merge(have, want catalog.Table) (catalog.Table, bool) {
	out := have
	st := *want.Storage
	out.Storage = &st
	if a.set.mergeColumns {
		for _, col := range have.Columns() {
			if !slices.ContainsFunc(st.Columns, func(n catalog.Column) bool { return strings.EqualFold(n.Name, col.Name) }) {
				st.Columns = append(st.Columns, col)
			}
		}
	}
	for i, col := range st.Columns { // comments are the user's
		for _, old := range have.Columns() {
			if strings.EqualFold(old.Name, col.Name) {
				st.Columns[i].Comment = old.Comment
			}
		}
	}
	out.Parameters = maps.Clone(have.Parameters)
	if out.Parameters == nil {
		out.Parameters = map[string]string{}
	}
	maps.Copy(out.Parameters, want.Parameters)
	delete(out.Parameters, paramDeprecated)
	if len(want.PartitionKeys) > 0 && len(have.PartitionKeys) == 0 {
		out.PartitionKeys = want.PartitionKeys
	}
	differs := !sameColumns(have.Columns(), st.Columns) || !sameColumns(have.PartitionKeys, out.PartitionKeys) ||
		have.Storage == nil || have.Storage.InputFormat != st.InputFormat || have.Storage.Serde == nil ||
		have.Storage.Serde.Library != st.Serde.Library || !maps.Equal(have.Storage.Serde.Parameters, st.Serde.Parameters) ||
		have.Parameters["skip.header.line.count"] != out.Parameters["skip.header.line.count"] ||
		have.Parameters[paramDeprecated] != ""
	return out, differs
}

func sameColumns(a, b []catalog.Column) bool {
	return slices.EqualFunc(a, b, func(x, y catalog.Column) bool { return x.Name == y.Name && x.Type == y.Type })
}

func sameLocation(a, b catalog.Table) bool {
	return a.Storage != nil && strings.TrimSuffix(a.Storage.Location, "/") == strings.TrimSuffix(b.Storage.Location, "/")
}

// partitions adds new partitions, updates changed ones and, where the crawler may, removes those that are gone.
func (a *applier) partitions(t catalog.Table, found table) error {
	if len(t.PartitionKeys) == 0 {
		return nil
	}
	have := map[string]catalog.Partition{}
	if !slices.Contains(a.r.Created, t.Name) {
		list, _, err := a.s.opts.Catalog.Partitions(a.ctx, a.scope, t.Database, t.Name, catalog.PartitionQuery{})
		if err != nil {
			return err
		}
		for _, p := range list {
			have[strings.Join(p.Values, "\x00")] = p
		}
	}
	for _, p := range found.partitions {
		if len(p.values) != len(t.PartitionKeys) {
			a.s.say(a.scope, *a.r, "WARN", fmt.Sprintf("Left out the folder s3://%s/%s: table %s has %d partition keys", found.bucket, p.path, t.Name, len(t.PartitionKeys)))
			continue
		}
		id := strings.Join(p.values, "\x00")
		old, exists := have[id]
		delete(have, id)
		st, _ := storage(p.schema, "s3://"+found.bucket+"/"+p.path)
		if a.set.inheritPartitions && t.Storage != nil {
			inherited := *t.Storage
			inherited.Location = st.Location
			st = &inherited
		}
		st.Parameters = maps.Clone(t.Storage.Parameters)
		next := catalog.Partition{Values: p.values, Storage: st, Parameters: map[string]string{"classification": p.schema.classification}}
		switch {
		case !exists:
			a.r.PartsNew++
		case a.c.Recrawl == "CRAWL_NEW_FOLDERS_ONLY" || a.c.OnUpdate == UpdateLog,
			old.Storage != nil && sameColumns(old.Storage.Columns, st.Columns) && old.Storage.Location == st.Location:
			continue
		default:
			next.Created = old.Created
			a.r.PartsUpd++
		}
		a.ch.PutPartition(a.scope, t, next)
	}
	if a.c.OnDelete == DeleteInCatalog {
		for _, p := range have {
			a.ch.DeletePartition(a.scope, t, p.Values)
			a.r.PartsDel++
		}
	}
	return nil
}

// gone deals with the tables that this crawler made and no longer finds.
func (a *applier) gone() error {
	if a.c.OnDelete == DeleteLog || len(a.c.Targets) == 0 {
		return nil
	}
	tables, _, err := a.s.opts.Catalog.Tables(a.ctx, a.scope, a.c.Database, "", "", 0)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if a.seen[t.Name] || t.Parameters[paramCrawler] != a.c.Name || !a.covers(t) {
			continue
		}
		if a.c.OnDelete == DeleteInCatalog {
			a.ch.DeleteTable(a.scope, t.Database, t.Name)
			a.r.Deleted = append(a.r.Deleted, t.Name)
			a.s.say(a.scope, *a.r, "INFO", fmt.Sprintf("Deleted table %s in database %s", t.Name, t.Database))
			continue
		}
		if t.Parameters[paramDeprecated] != "" {
			continue
		}
		t.Parameters[paramDeprecated] = strconv.FormatInt(a.s.opts.Clock.Now().UnixMilli(), 10)
		if err := a.ch.UpdateTable(a.ctx, a.scope, t, catalog.Update{}); err != nil {
			return err
		}
		a.r.Updated = append(a.r.Updated, t.Name)
		a.s.say(a.scope, *a.r, "INFO", fmt.Sprintf("Deprecated table %s in database %s", t.Name, t.Database))
	}
	return nil
}

// covers reports whether a table lies under one of the crawler's targets.
func (a *applier) covers(t catalog.Table) bool {
	if t.Storage == nil {
		return false
	}
	for _, target := range a.c.Targets {
		if strings.HasPrefix(t.Storage.Location, strings.TrimSuffix(target.Path, "/")) {
			return true
		}
	}
	return false
}

// count adds what AWS would bill: two DPUs for the crawl's time, ten minutes at least.
func (s *Service) count(b *kv.Batch, scope ident.Scope, c Crawler, r Run) {
	took := max(r.End.Sub(r.Start), 10*time.Minute)
	s.opts.Meter.Add(b, r.End, scope, meter.CrawlerDPUHours, scope.ARN("glue", "crawler/"+c.Name), 2*took.Hours())
}

// versionOf tells versions of a file apart: by its ETag in buckets that keep one version.
func versionOf(f File) string {
	if f.Version != "" && f.Version != "null" {
		return f.Version
	}
	return f.ETag
}
