package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// CreateFunction adds a user-defined function to f.Database.
func (c *Catalog) CreateFunction(ctx context.Context, s ident.Scope, f UserFunction) error {
	f.Database, f.Name = strings.ToLower(f.Database), strings.ToLower(f.Name)
	if err := checkName("function", f.Name); err != nil {
		return err
	}
	return c.step(ctx, ErrConcurrent, func(ch *Change) error {
		if _, err := c.Database(ctx, s, f.Database); err != nil {
			return err
		}
		switch _, err := c.Function(ctx, s, f.Database, f.Name); {
		case err == nil:
			return fmt.Errorf("%w: UserDefinedFunction already exists: %s", ErrExists, f.Name)
		case !errors.Is(err, ErrNotFound):
			return err
		}
		f.Created = c.clock.Now()
		ch.Batch.IfPresent(dbKey(s, f.Database)) // it may be deleted meanwhile
		kv.Put(&ch.Batch, under(s, "function").Str(f.Database).Str(f.Name), f)
		return nil
	})
}

// Function returns a user-defined function or ErrNotFound.
func (c *Catalog) Function(ctx context.Context, s ident.Scope, database, name string) (UserFunction, error) {
	f, err := kv.Load[UserFunction](ctx, c.kv, under(s, "function").Str(strings.ToLower(database)).Str(strings.ToLower(name)))
	if errors.Is(err, kv.ErrNotFound) {
		return UserFunction{}, fmt.Errorf("%w: UserDefinedFunction %s not found.", ErrNotFound, name)
	}
	return f, err
}

// Functions lists the functions whose name matches pattern, of one database or ("") of all, after "database/name".
func (c *Catalog) Functions(ctx context.Context, s ident.Scope, database, pattern, after string, limit int) (list []UserFunction, more bool, err error) {
	match, err := namePattern(pattern)
	if err != nil {
		return nil, false, err
	}
	p := under(s, "function")
	if database != "" {
		if _, err := c.Database(ctx, s, database); err != nil {
			return nil, false, err
		}
		p = p.Str(strings.ToLower(database))
	}
	all, _, err := kv.LoadAll[UserFunction](ctx, c.kv, kv.Prefix(p), 0)
	for _, f := range all {
		if after != "" && f.Database+"/"+f.Name <= after || match != nil && !match.MatchString(f.Name) {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, nil
		}
		list = append(list, f)
	}
	return list, false, err
}

// UpdateFunction replaces a user-defined function.
func (c *Catalog) UpdateFunction(ctx context.Context, s ident.Scope, database, name string, f UserFunction) error {
	return c.step(ctx, ErrConcurrent, func(ch *Change) error {
		old, err := c.Function(ctx, s, database, name)
		if err != nil {
			return err
		}
		f.Database, f.Name, f.Created = old.Database, old.Name, old.Created
		k := under(s, "function").Str(f.Database).Str(f.Name)
		ch.Batch.IfPresent(k)
		kv.Put(&ch.Batch, k, f)
		return nil
	})
}

// DeleteFunction removes a user-defined function.
func (c *Catalog) DeleteFunction(ctx context.Context, s ident.Scope, database, name string) error {
	f, err := c.Function(ctx, s, database, name)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(under(s, "function").Str(f.Database).Str(f.Name))
	return kv.Commit(ctx, c.kv, &b)
}

// CreateConnection adds a connection.
func (c *Catalog) CreateConnection(ctx context.Context, s ident.Scope, n Connection) error {
	if err := checkName("connection", n.Name); err != nil {
		return err
	}
	n.Created = c.clock.Now()
	n.Updated = n.Created
	var b kv.Batch
	k := under(s, "connection").Str(n.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, n)
	return conflict(kv.Commit(ctx, c.kv, &b), fmt.Errorf("%w: Connection already exists: %s", ErrExists, n.Name))
}

// Connection returns a connection or ErrNotFound.
func (c *Catalog) Connection(ctx context.Context, s ident.Scope, name string) (Connection, error) {
	n, err := kv.Load[Connection](ctx, c.kv, under(s, "connection").Str(name))
	if errors.Is(err, kv.ErrNotFound) {
		return Connection{}, fmt.Errorf("%w: Connection %s not found.", ErrNotFound, name)
	}
	return n, err
}

// Connections lists connections by name, those after the name after.
func (c *Catalog) Connections(ctx context.Context, s ident.Scope, after string, limit int) (list []Connection, more bool, err error) {
	list, next, err := kv.LoadAll[Connection](ctx, c.kv, from(under(s, "connection"), after), limit)
	return list, next != nil, err
}

// UpdateConnection replaces a connection.
func (c *Catalog) UpdateConnection(ctx context.Context, s ident.Scope, name string, n Connection) error {
	return c.step(ctx, ErrConcurrent, func(ch *Change) error {
		old, err := c.Connection(ctx, s, name)
		if err != nil {
			return err
		}
		n.Name, n.Created, n.Updated = old.Name, old.Created, c.clock.Now()
		ch.Batch.IfPresent(under(s, "connection").Str(name))
		kv.Put(&ch.Batch, under(s, "connection").Str(name), n)
		return nil
	})
}

// DeleteConnection removes a connection.
func (c *Catalog) DeleteConnection(ctx context.Context, s ident.Scope, name string) error {
	if _, err := c.Connection(ctx, s, name); err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(under(s, "connection").Str(name))
	return kv.Commit(ctx, c.kv, &b)
}
