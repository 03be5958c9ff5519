package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// CreatePartitions adds partitions to a table in one batch. Those whose values are taken are returned by index; the
// others are added all the same. Errors: ErrNotFound (the table), ErrBadInput (a wrong number of values).
func (c *Catalog) CreatePartitions(ctx context.Context, s ident.Scope, database, table string, list []Partition) (taken []int, err error) {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return nil, err
	}
	err = c.step(ctx, ErrConcurrent, func(ch *Change) error {
		seen := map[string]bool{}
		for i, p := range list {
			if err := t.checkValues(p.Values); err != nil {
				return err
			}
			k := partitionKey(s, t, p.Values)
			_, err := c.kv.Get(ctx, k)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			if err == nil || seen[string(k)] {
				taken = append(taken, i)
				continue
			}
			seen[string(k)] = true
			ch.PutPartition(s, t, p)
		}
		if !ch.Batch.Empty() {
			ch.Batch.IfPresent(tableKey(s, t.Database, t.Name))
		}
		return nil
	})
	return taken, err
}

// PutPartition adds the creation or replacement of a partition of t to the change. Its values must fit the table.
func (ch *Change) PutPartition(s ident.Scope, t Table, p Partition) {
	p.Database, p.Table = t.Database, t.Name
	verb := "Update"
	if p.Created.IsZero() {
		p.Created, verb = ch.c.clock.Now(), "Create"
	}
	ch.touch(s, t, verb, p.Values)
	kv.Put(&ch.Batch, partitionKey(s, t, p.Values), p)
}

// DeletePartition adds the removal of a partition of t to the change; one that is absent is no error.
func (ch *Change) DeletePartition(s ident.Scope, t Table, values []string) {
	ch.Batch.Delete(partitionKey(s, t, values))
	ch.touch(s, t, "Delete", values)
	p := statsKey(s, t, values)
	ch.Batch.DeleteRange(p, p.End())
}

// Partition returns the partition with exactly these values, or ErrNotFound.
func (c *Catalog) Partition(ctx context.Context, s ident.Scope, database, table string, values []string) (Partition, error) {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return Partition{}, err
	}
	if err := t.checkValues(values); err != nil {
		return Partition{}, err
	}
	p, err := kv.Load[Partition](ctx, c.kv, partitionKey(s, t, values))
	if errors.Is(err, kv.ErrNotFound) {
		return Partition{}, fmt.Errorf("%w: Cannot find partition.", ErrNotFound)
	}
	return p, err
}

// PartitionQuery selects partitions of a table.
type PartitionQuery struct {
	Expression     string   // "" = all
	Segment, Total int      // the Segment-th of Total equal parts; Total 0 = all
	After          []string // values of the last partition of the page before
	Limit          int      // 0 = all
	WithoutColumns bool     // leave the columns out of the answer
}

// Partitions lists a table's partitions in the order of their values.
func (c *Catalog) Partitions(ctx context.Context, s ident.Scope, database, table string, q PartitionQuery) (list []Partition, more bool, err error) {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return nil, false, err
	}
	expr, err := ParseExpression(q.Expression, t.PartitionKeys)
	if err != nil {
		return nil, false, err
	}
	if q.Total < 0 || q.Total > 0 && (q.Segment < 0 || q.Segment >= q.Total) {
		return nil, false, fmt.Errorf("%w: segment %d of %d", ErrBadInput, q.Segment, q.Total)
	}
	base := partitionKey(s, t, nil)
	for _, v := range expr.leading() { // equalities on the first keys narrow the scan
		base = base.Str(v)
	}
	rng := kv.Prefix(base)
	if q.After != nil {
		if after := partitionKey(s, t, q.After).End(); string(after) > string(rng.Lo) {
			rng.Lo = after
		}
	}
	for it, err := range c.kv.Scan(ctx, rng) {
		if err != nil {
			return nil, false, fmt.Errorf("read partitions of %s: %w", t.Name, err)
		}
		values, err := readValues(it.Key)
		if err != nil {
			return nil, false, err
		}
		if q.Total > 0 && segmentOf(values, q.Total) != q.Segment || !expr.Match(values) {
			continue
		}
		if q.Limit > 0 && len(list) == q.Limit {
			return list, true, nil
		}
		var p Partition
		if err := json.Unmarshal(it.Value, &p); err != nil {
			return nil, false, fmt.Errorf("decode partition of %s: %w", t.Name, err)
		}
		if q.WithoutColumns && p.Storage != nil {
			p.Storage.Columns = nil
		}
		list = append(list, p)
	}
	return list, false, nil
}

// UpdatePartition replaces the partition with the values old; p.Values may differ from them.
func (c *Catalog) UpdatePartition(ctx context.Context, s ident.Scope, database, table string, old []string, p Partition) error {
	return c.step(ctx, fmt.Errorf("%w: Partition already exists.", ErrExists), func(ch *Change) error {
		t, err := c.Table(ctx, s, database, table)
		if err != nil {
			return err
		}
		if err := t.checkValues(p.Values); err != nil {
			return err
		}
		before, err := c.Partition(ctx, s, database, table, old)
		if err != nil {
			return err
		}
		ch.Batch.IfPresent(partitionKey(s, t, old))
		if moved := partitionKey(s, t, p.Values); string(moved) != string(partitionKey(s, t, old)) {
			ch.Batch.IfAbsent(moved)
			ch.DeletePartition(s, t, old)
		}
		p.Created = before.Created
		ch.PutPartition(s, t, p)
		return nil
	})
}

// DeletePartitions removes partitions in one batch. Those that do not exist are returned by index.
func (c *Catalog) DeletePartitions(ctx context.Context, s ident.Scope, database, table string, values [][]string) (missing []int, err error) {
	t, err := c.Table(ctx, s, database, table)
	if err != nil {
		return nil, err
	}
	ch := c.Begin()
	for i, v := range values {
		if err := t.checkValues(v); err != nil {
			return nil, err
		}
		if _, err := c.kv.Get(ctx, partitionKey(s, t, v)); errors.Is(err, kv.ErrNotFound) {
			missing = append(missing, i)
			continue
		} else if err != nil {
			return nil, err
		}
		ch.DeletePartition(s, t, v)
	}
	if ch.Batch.Empty() {
		return missing, nil
	}
	ch.Batch.UseReserve()
	return missing, ch.Commit(ctx)
}

func (t Table) checkValues(values []string) error {
	if len(values) != len(t.PartitionKeys) {
		return fmt.Errorf("%w: The number of partition keys do not match the number of partition values: table %s has %d keys, %d values were given",
			ErrBadInput, t.Name, len(t.PartitionKeys), len(values))
	}
	return nil
}

// segmentOf spreads partitions over equal parts, independently of their order.
func segmentOf(values []string, total int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(values, "\x00")))
	return int(h.Sum32() % uint32(total))
}

func partitionKey(s ident.Scope, t Table, values []string) key.Key {
	k := under(s, "partition").Str(t.Database).Str(t.Name)
	for _, v := range values {
		k = k.Str(v)
	}
	return k
}

func readValues(k []byte) ([]string, error) {
	r := key.Read(k, key.Catalog)
	for range 5 {
		_ = r.Str()
	}
	var values []string
	for r.More() {
		values = append(values, r.Str())
	}
	return values, r.Err()
}
