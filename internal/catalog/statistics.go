package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// PutStatistics keeps statistics of columns of a table (values nil) or of one of its partitions. Columns that the table
// does not have are returned by index.
func (c *Catalog) PutStatistics(ctx context.Context, s ident.Scope, database, table string, values []string, list []ColumnStatistics) (unknown []int, err error) {
	t, err := c.owner(ctx, s, database, table, values)
	if err != nil {
		return nil, err
	}
	var b kv.Batch
	b.IfPresent(tableKey(s, t.Database, t.Name))
	if values != nil {
		b.IfPresent(partitionKey(s, t, values))
	}
	columns := slices.Concat(t.Columns(), t.PartitionKeys)
	for i, st := range list {
		if !slices.ContainsFunc(columns, func(col Column) bool { return col.Name == st.Column }) {
			unknown = append(unknown, i)
			continue
		}
		kv.Put(&b, statsKey(s, t, values).Str(st.Column), st)
	}
	return unknown, conflict(kv.Commit(ctx, c.kv, &b), ErrConcurrent)
}

// Statistics returns what is known of the named columns; those without statistics are returned in missing.
func (c *Catalog) Statistics(ctx context.Context, s ident.Scope, database, table string, values, columns []string) (list []ColumnStatistics, missing []string, err error) {
	t, err := c.owner(ctx, s, database, table, values)
	if err != nil {
		return nil, nil, err
	}
	for _, col := range columns {
		st, err := kv.Load[ColumnStatistics](ctx, c.kv, statsKey(s, t, values).Str(col))
		switch {
		case errors.Is(err, kv.ErrNotFound):
			missing = append(missing, col)
		case err != nil:
			return nil, nil, err
		default:
			list = append(list, st)
		}
	}
	return list, missing, nil
}

// DeleteStatistics forgets the statistics of a column. One that has none is no error: Trino deletes those of all columns of a
// new table.
func (c *Catalog) DeleteStatistics(ctx context.Context, s ident.Scope, database, table string, values []string, column string) error {
	t, err := c.owner(ctx, s, database, table, values)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(statsKey(s, t, values).Str(column))
	return kv.Commit(ctx, c.kv, &b)
}

// owner returns the table, after checking that the partition exists where values are given.
func (c *Catalog) owner(ctx context.Context, s ident.Scope, database, table string, values []string) (Table, error) {
	t, err := c.Table(ctx, s, database, table)
	if err == nil && values != nil {
		_, err = c.Partition(ctx, s, database, table, values)
	}
	return t, err
}

// statsKey is the prefix of the statistics of a table or partition.
func statsKey(s ident.Scope, t Table, values []string) key.Key {
	if values == nil {
		return under(s, "stats").Str(t.Database).Str(t.Name)
	}
	k := under(s, "pstats").Str(t.Database).Str(t.Name)
	for _, v := range values {
		k = k.Str(v)
	}
	return k
}

// CreateIndex adds a partition index. Errors: ErrExists, ErrBadInput, ErrLimit.
func (c *Catalog) CreateIndex(ctx context.Context, s ident.Scope, database, table string, x Index) error {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return err
	}
	for _, k := range x.Keys {
		if !slices.ContainsFunc(t.PartitionKeys, func(col Column) bool { return col.Name == k }) {
			return fmt.Errorf("%w: %s is no partition key of table %s", ErrBadInput, k, t.Name)
		}
	}
	have, err := c.Indexes(ctx, s, database, table)
	if err != nil {
		return err
	}
	if len(have) >= 3 {
		return fmt.Errorf("%w: table %s has 3 partition indexes, which is the limit", ErrLimit, t.Name)
	}
	var b kv.Batch
	k := under(s, "index").Str(t.Database).Str(t.Name).Str(x.Name)
	b.IfAbsent(k)
	b.IfPresent(tableKey(s, t.Database, t.Name))
	kv.Put(&b, k, x)
	return conflict(kv.Commit(ctx, c.kv, &b), fmt.Errorf("%w: index %s", ErrExists, x.Name))
}

// Indexes lists a table's partition indexes by name.
func (c *Catalog) Indexes(ctx context.Context, s ident.Scope, database, table string) ([]Index, error) {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return nil, err
	}
	list, _, err := kv.LoadAll[Index](ctx, c.kv, kv.Prefix(under(s, "index").Str(t.Database).Str(t.Name)), 0)
	return list, err
}

// DeleteIndex removes a partition index.
func (c *Catalog) DeleteIndex(ctx context.Context, s ident.Scope, database, table, name string) error {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return err
	}
	var b kv.Batch
	k := under(s, "index").Str(t.Database).Str(t.Name).Str(name)
	b.IfPresent(k)
	b.Delete(k)
	return conflict(kv.Commit(ctx, c.kv, &b), fmt.Errorf("%w: index %s of table %s", ErrNotFound, name, t.Name))
}
