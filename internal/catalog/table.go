package catalog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// CreateTable makes a table in t.Database. Errors: ErrNotFound (the database), ErrExists, ErrBadInput.
func (c *Catalog) CreateTable(ctx context.Context, s ident.Scope, t Table) error {
	ch := c.Begin()
	if err := ch.CreateTable(ctx, s, t); err != nil {
		return err
	}
	return conflict(kv.Commit(ctx, c.kv, &ch.Batch), fmt.Errorf("%w: Table already exists.", ErrExists))
}

// CreateTable adds the creation of a table to the change.
func (ch *Change) CreateTable(ctx context.Context, s ident.Scope, t Table) error {
	t.Database, t.Name = strings.ToLower(t.Database), strings.ToLower(t.Name)
	if err := checkTable(t); err != nil {
		return err
	}
	if _, err := ch.c.Database(ctx, s, t.Database); err != nil {
		return err
	}
	t.Created = ch.c.clock.Now()
	t.Updated = t.Created
	t.Version = 0
	k := tableKey(s, t.Database, t.Name)
	ch.Batch.IfPresent(dbKey(s, t.Database))
	ch.Batch.IfAbsent(k)
	kv.Put(&ch.Batch, k, t)
	ch.tell(s, t.Database, t.Name, "CreateTable")
	return nil
}

// Table returns a table or ErrNotFound.
func (c *Catalog) Table(ctx context.Context, s ident.Scope, database, name string) (Table, error) {
	database, name = strings.ToLower(database), strings.ToLower(name)
	t, err := kv.Load[Table](ctx, c.kv, tableKey(s, database, name))
	if errors.Is(err, kv.ErrNotFound) {
		if _, err := c.Database(ctx, s, database); err != nil {
			return Table{}, err
		}
		return Table{}, fmt.Errorf("%w: Table %s not found.", ErrNotFound, name)
	}
	return t, err
}

// Tables lists a database's tables by name: those after the name after whose name matches pattern (a regular expression
// over the whole name, "" = all), at most limit (0 = all).
func (c *Catalog) Tables(ctx context.Context, s ident.Scope, database, pattern, after string, limit int) (list []Table, more bool, err error) {
	database = strings.ToLower(database)
	if _, err := c.Database(ctx, s, database); err != nil {
		return nil, false, err
	}
	match, err := namePattern(pattern)
	if err != nil {
		return nil, false, err
	}
	all, _, err := kv.LoadAll[Table](ctx, c.kv, from(under(s, "table").Str(database), after), 0)
	for _, t := range all {
		if match != nil && !match.MatchString(t.Name) {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, nil
		}
		list = append(list, t)
	}
	return list, false, err
}

// namePattern compiles a pattern of names, in which * alone stands for anything as Hive has it.
func namePattern(p string) (*regexp.Regexp, error) {
	if p == "" || p == "*" {
		return nil, nil
	}
	re, err := regexp.Compile(`(?i)^(?:` + p + `)$`)
	if err != nil {
		// Hive's own patterns know * and | only.
		parts := strings.Split(p, "|")
		for i := range parts {
			parts[i] = strings.ReplaceAll(regexp.QuoteMeta(parts[i]), `\*`, ".*")
		}
		re, err = regexp.Compile(`(?i)^(?:` + strings.Join(parts, "|") + `)$`)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: expression %q: %w", ErrBadInput, p, err)
	}
	return re, nil
}

// Update says how a table is changed.
type Update struct {
	Version     *uint64 // the version that the change is based on; nil = whichever is the newest
	SkipArchive bool    // do not keep the old version
}

// UpdateTable replaces a table; its name and creation stay. Errors: ErrNotFound, ErrConcurrent, ErrBadInput.
func (c *Catalog) UpdateTable(ctx context.Context, s ident.Scope, t Table, u Update) error {
	return c.step(ctx, ErrConcurrent, func(ch *Change) error { return ch.UpdateTable(ctx, s, t, u) })
}

// UpdateTable adds the replacement of a table to the change.
func (ch *Change) UpdateTable(ctx context.Context, s ident.Scope, t Table, u Update) error {
	t.Database, t.Name = strings.ToLower(t.Database), strings.ToLower(t.Name)
	if err := checkTable(t); err != nil {
		return err
	}
	old, err := ch.c.Table(ctx, s, t.Database, t.Name)
	if err != nil {
		return err
	}
	if u.Version != nil && *u.Version != old.Version {
		return fmt.Errorf("%w: Update table failed due to concurrent modifications: version %d was expected, the newest is %d", ErrConcurrent, *u.Version, old.Version)
	}
	k := tableKey(s, t.Database, t.Name)
	data, err := ch.c.kv.Get(ctx, k)
	if err != nil {
		return err
	}
	ch.Batch.IfEqual(k, data)
	if !u.SkipArchive {
		ch.Batch.Set(versionKey(s, old.Database, old.Name, old.Version), data)
	}
	t.Created, t.CreatedBy = old.Created, old.CreatedBy
	t.Updated, t.Version = ch.c.clock.Now(), old.Version+1
	kv.Put(&ch.Batch, k, t)
	ch.tell(s, t.Database, t.Name, "UpdateTable")
	return nil
}

// DeleteTable removes a table with its partitions, versions and statistics.
func (c *Catalog) DeleteTable(ctx context.Context, s ident.Scope, database, name string) error {
	database, name = strings.ToLower(database), strings.ToLower(name)
	if _, err := c.Table(ctx, s, database, name); err != nil {
		return err
	}
	ch := c.Begin()
	ch.DeleteTable(s, database, name)
	ch.Batch.UseReserve()
	return ch.Commit(ctx)
}

// DeleteTable adds the removal of a table, given in lower case, to the change.
func (ch *Change) DeleteTable(s ident.Scope, database, name string) {
	ch.Batch.IfPresent(tableKey(s, database, name))
	ch.Batch.Delete(tableKey(s, database, name))
	ch.tell(s, database, name, "DeleteTable")
	for _, kind := range []string{"version", "partition", "stats", "pstats", "index"} {
		p := under(s, kind).Str(database).Str(name)
		ch.Batch.DeleteRange(p, p.End())
	}
}

// Versions lists a table's versions, newest first, those below before (nil = from the newest), at most limit (0 = all).
func (c *Catalog) Versions(ctx context.Context, s ident.Scope, database, name string, before *uint64, limit int) (list []Table, more bool, err error) {
	t, err := c.Table(ctx, s, database, name)
	if err != nil {
		return nil, false, err
	}
	if before == nil || *before > t.Version {
		list = append(list, t)
	}
	rng := kv.Prefix(under(s, "version").Str(t.Database).Str(t.Name))
	rng.Reverse = true
	if before != nil {
		rng.Hi = versionKey(s, t.Database, t.Name, *before)
	}
	old, _, err := kv.LoadAll[Table](ctx, c.kv, rng, 0)
	list = append(list, old...)
	if limit > 0 && len(list) > limit {
		return list[:limit], true, err
	}
	return list, false, err
}

// Version returns one version of a table, or ErrVersionGone.
func (c *Catalog) Version(ctx context.Context, s ident.Scope, database, name string, number uint64) (Table, error) {
	t, err := c.Table(ctx, s, database, name)
	if err != nil || t.Version == number {
		return t, err
	}
	old, err := kv.Load[Table](ctx, c.kv, versionKey(s, t.Database, t.Name, number))
	if errors.Is(err, kv.ErrNotFound) {
		return Table{}, fmt.Errorf("%w: version %d of table %s", ErrVersionGone, number, t.Name)
	}
	return old, err
}

// DeleteVersion removes an old version; the newest cannot be removed.
func (c *Catalog) DeleteVersion(ctx context.Context, s ident.Scope, database, name string, number uint64) error {
	t, err := c.Version(ctx, s, database, name, number)
	if err != nil {
		return err
	}
	newest, err := c.Table(ctx, s, database, name)
	if err != nil {
		return err
	}
	if newest.Version == number {
		return fmt.Errorf("%w: the latest version %d cannot be deleted", ErrBadInput, number)
	}
	var b kv.Batch
	b.Delete(versionKey(s, t.Database, t.Name, number))
	return kv.Commit(ctx, c.kv, &b)
}

// Search lists the tables of all databases that hold text in their name, description, columns or parameters, in the
// order of database and name, after the table "database/name" given by after.
func (c *Catalog) Search(ctx context.Context, s ident.Scope, text string, keep func(Table) bool, after string, limit int) (list []Table, more bool, err error) {
	text = strings.ToLower(text)
	all, _, err := kv.LoadAll[Table](ctx, c.kv, kv.Prefix(under(s, "table")), 0)
	for _, t := range all {
		if id := t.Database + "/" + t.Name; after != "" && id <= after || !t.mentions(text) || keep != nil && !keep(t) {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, nil
		}
		list = append(list, t)
	}
	return list, false, err
}

func (t Table) mentions(text string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if text == "" || has(t.Name) || has(t.Database) || has(t.Description) {
		return true
	}
	for _, col := range slices.Concat(t.Columns(), t.PartitionKeys) {
		if has(col.Name) || has(col.Comment) {
			return true
		}
	}
	for k, v := range t.Parameters {
		if has(k) || has(v) {
			return true
		}
	}
	return false
}

// Columns returns the table's columns without its partition keys; the table keeps owning them.
func (t Table) Columns() []Column {
	if t.Storage == nil {
		return nil
	}
	return t.Storage.Columns
}

func checkTable(t Table) error {
	if err := checkName("table", t.Name); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, col := range slices.Concat(t.Columns(), t.PartitionKeys) {
		if err := checkName("column", col.Name); err != nil {
			return err
		}
		if name := strings.ToLower(col.Name); seen[name] {
			return fmt.Errorf("%w: column %s occurs twice in table %s", ErrBadInput, col.Name, t.Name)
		} else {
			seen[name] = true
		}
	}
	return nil
}

func tableKey(s ident.Scope, database, name string) key.Key {
	return under(s, "table").Str(database).Str(name)
}

func versionKey(s ident.Scope, database, name string, number uint64) key.Key {
	return under(s, "version").Str(database).Str(name).Uint(number)
}
