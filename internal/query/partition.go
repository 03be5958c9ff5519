package query

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

// specValues orders the values of a partition as the table's keys.
func specValues(t catalog.Table, spec parse.PartitionSpec) ([]string, error) {
	values := make([]string, len(t.PartitionKeys))
	if len(spec.Keys) != len(values) {
		return nil, &sqlfront.Error{Name: "FAILED", Message: fmt.Sprintf("SemanticException: partition spec has %d keys, table %s has %d", len(spec.Keys), t.Name, len(values))}
	}
	for i, k := range t.PartitionKeys {
		found := false
		for j, n := range spec.Keys {
			if strings.EqualFold(n, k.Name) {
				values[i], found = spec.Values[j], true
			}
		}
		if !found {
			return nil, &sqlfront.Error{Name: "FAILED", Message: "SemanticException: partition key " + k.Name + " is missing"}
		}
	}
	return values, nil
}

// partitionFolder is where rows with this value of a key lie, below the folder of the key before it: "key=value/", with Hive's escapes.
func partitionFolder(key, value string) string {
	return escapeHive(key) + "=" + escapeHive(value) + "/"
}

func newPartition(t catalog.Table, values []string, location string) catalog.Partition {
	sd := *t.Storage
	sd.Location = location
	if location == "" {
		var b strings.Builder
		for i, v := range values {
			b.WriteString(partitionFolder(t.PartitionKeys[i].Name, v))
		}
		sd.Location = strings.TrimSuffix(t.Storage.Location, "/") + "/" + b.String()
	}
	return catalog.Partition{Values: values, Storage: &sd}
}

func (r *running) addPartitions(ctx context.Context, t catalog.Table, st *parse.Statement) error {
	var list []catalog.Partition
	for _, spec := range st.Specs {
		values, err := specValues(t, spec)
		if err != nil {
			return err
		}
		list = append(list, newPartition(t, values, spec.Location))
	}
	for len(list) > 0 {
		n := min(len(list), catalog.MaxPartitionsPerBatch)
		taken, err := r.e.opts.Catalog.CreatePartitions(ctx, r.s, t.Database, t.Name, list[:n])
		if err != nil {
			return err
		}
		if len(taken) > 0 && !st.IfAbsent {
			return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. AlreadyExistsException: Partition already exists: " + strings.Join(list[taken[0]].Values, "/")}
		}
		list = list[n:]
	}
	return nil
}

func (r *running) dropPartitions(ctx context.Context, t catalog.Table, st *parse.Statement) error {
	var values [][]string
	for _, spec := range st.Specs {
		v, err := specValues(t, spec)
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	missing, err := r.e.opts.Catalog.DeletePartitions(ctx, r.s, t.Database, t.Name, values)
	if err == nil && len(missing) > 0 && !st.IfExists {
		err = &sqlfront.Error{Name: "FAILED", Message: "SemanticException [Error 10006]: Partition not found " + strings.Join(values[missing[0]], "/")}
	}
	return err
}

// repair finds folders named key=value under the table's location that the catalog does not know, and adds them.
func (r *running) repair(ctx context.Context, st *parse.Statement) error {
	t, err := r.table(ctx, st.Name)
	if err != nil {
		return catalogError(err)
	}
	if len(t.PartitionKeys) == 0 {
		return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. Table " + t.Name + " is not a partitioned table"}
	}
	bucket, prefix, err := folder(t.Storage.Location)
	if err != nil {
		return err
	}
	if err := r.mayTable(ctx, "glue:BatchCreatePartition", t.Database, t.Name); err != nil {
		return err
	}
	var found []catalog.Partition
	if err := r.walkPartitions(ctx, t, bucket, prefix, nil, &found); err != nil {
		return err
	}
	var rows [][]string
	for len(found) > 0 {
		n := min(len(found), catalog.MaxPartitionsPerBatch)
		taken, err := r.e.opts.Catalog.CreatePartitions(ctx, r.s, t.Database, t.Name, found[:n])
		if err != nil {
			return catalogError(err)
		}
		old := map[int]bool{}
		for _, i := range taken {
			old[i] = true
		}
		for i, p := range found[:n] {
			if !old[i] {
				spec := partitionName(t, p.Values)
				rows = append(rows, []string{"Repair: Added partition to metastore " + t.Name + ":" + spec})
			}
		}
		found = found[n:]
	}
	return r.lines(ctx, []Column{{"", varchar}}, rows)
}

func partitionName(t catalog.Table, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = t.PartitionKeys[i].Name + "=" + v
	}
	return strings.Join(parts, "/")
}

func (r *running) walkPartitions(ctx context.Context, t catalog.Table, bucket, prefix string, values []string, found *[]catalog.Partition) error {
	if len(values) == len(t.PartitionKeys) {
		*found = append(*found, newPartition(t, append([]string(nil), values...), "s3://"+bucket+"/"+prefix))
		return nil
	}
	if err := r.mayList(ctx, bucket, prefix); err != nil {
		return err
	}
	req := &objstore.ListRequest{Bucket: bucket, Prefix: prefix, Delimiter: "/", Limit: 1000}
	for {
		list, err := r.e.opts.Objects.List(ctx, req)
		if err != nil {
			return fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err)
		}
		for _, p := range list.Prefixes {
			k, v, ok := strings.Cut(path.Base(p), "=")
			if !ok || !strings.EqualFold(k, t.PartitionKeys[len(values)].Name) {
				continue
			}
			if err := r.walkPartitions(ctx, t, bucket, p, append(values, unescapeHive(v)), found); err != nil {
				return err
			}
		}
		if !list.More {
			return nil
		}
		req.After = list.Next
	}
}
