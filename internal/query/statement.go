package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

// NamedQuery is a query that is kept under a name.
type NamedQuery struct {
	ID, Name, Description, Database, Text, Workgroup string
}

// CreateNamedQuery keeps a query and returns its id. The same token gives the same id.
func (e *Engine) CreateNamedQuery(ctx context.Context, s ident.Scope, q NamedQuery, token string) (string, error) {
	w, err := e.Workgroup(ctx, s, q.Workgroup)
	if err != nil {
		return "", err
	}
	q.Workgroup, q.ID = w.Name, ident.UUID()
	err = e.edit(ctx, func(b *kv.Batch) error {
		if token != "" {
			t := under(s, "namedToken").Str(token)
			old, err := kv.Load[NamedQuery](ctx, e.kv, t)
			switch {
			case err == nil && (old.Text != q.Text || old.Name != q.Name):
				return fmt.Errorf("%w: Idempotent parameters do not match", ErrInvalid)
			case err == nil:
				q.ID = old.ID
				return nil
			case !errors.Is(err, kv.ErrNotFound):
				return err
			}
			kv.Put(b, t, q)
		}
		putNamed(b, s, q)
		return nil
	})
	if err != nil {
		return "", err
	}
	return q.ID, nil
}

func putNamed(b *kv.Batch, s ident.Scope, q NamedQuery) {
	kv.Put(b, under(s, "named").Str(q.ID), q)
	kv.Put(b, under(s, "namedBy").Str(q.Workgroup).Str(q.ID), q)
}

// NamedQuery returns a named query. Errors: ErrNotFound.
func (e *Engine) NamedQuery(ctx context.Context, s ident.Scope, id string) (NamedQuery, error) {
	return load[NamedQuery](ctx, e, under(s, "named").Str(id), "Named query %s is not found", id)
}

// NamedQueries lists those of a workgroup by id. limit 0 = all.
func (e *Engine) NamedQueries(ctx context.Context, s ident.Scope, workgroup, after string, limit int) ([]NamedQuery, string, error) {
	w, err := e.Workgroup(ctx, s, workgroup)
	if err != nil {
		return nil, "", err
	}
	return page(ctx, e, under(s, "namedBy").Str(w.Name), after, limit, func(q NamedQuery) string { return q.ID })
}

// UpdateNamedQuery changes name, description and text.
func (e *Engine) UpdateNamedQuery(ctx context.Context, s ident.Scope, id, name, description, text string) error {
	return e.edit(ctx, func(b *kv.Batch) error {
		q, err := e.NamedQuery(ctx, s, id)
		if err != nil {
			return err
		}
		q.Name, q.Description, q.Text = name, description, text
		putNamed(b, s, q)
		return nil
	})
}

// DeleteNamedQuery removes a named query.
func (e *Engine) DeleteNamedQuery(ctx context.Context, s ident.Scope, id string) error {
	q, err := e.NamedQuery(ctx, s, id)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(under(s, "named").Str(id))
	b.Delete(under(s, "namedBy").Str(q.Workgroup).Str(id))
	return kv.Commit(ctx, e.kv, &b)
}

// Prepared is a statement with ? for its parameters.
type Prepared struct {
	Name, Workgroup, Description, Text string
	Modified                           time.Time
}

var preparedName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_@:]{0,255}$`)

// PutPrepared adds a prepared statement, or with update replaces one.
func (e *Engine) PutPrepared(ctx context.Context, s ident.Scope, p Prepared, update bool) error {
	w, err := e.Workgroup(ctx, s, p.Workgroup)
	if err != nil {
		return err
	}
	if !preparedName.MatchString(p.Name) {
		return fmt.Errorf("%w: prepared statement name %q must match %s", ErrInvalid, p.Name, preparedName)
	}
	if st, err := parse.ParseStatement(p.Text); err != nil {
		return fmt.Errorf("%w: %s", ErrInvalid, err.Error())
	} else if st.Kind != parse.Select && st.Kind != parse.Insert && st.Kind != parse.CreateTableAs && st.Kind != parse.Unload {
		return fmt.Errorf("%w: %s cannot be prepared", ErrInvalid, st.Kind)
	}
	p.Workgroup, p.Modified = w.Name, e.clock.Now()
	k := under(s, "prepared").Str(w.Name).Str(strings.ToLower(p.Name))
	var b kv.Batch
	if update {
		if _, err := e.Prepared(ctx, s, w.Name, p.Name); err != nil {
			return err
		}
		b.IfPresent(k)
	} else {
		b.IfAbsent(k)
	}
	kv.Put(&b, k, p)
	err = kv.Commit(ctx, e.kv, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: Prepared statement %s already exists", ErrInvalid, p.Name)
	}
	return err
}

// Prepared returns a prepared statement. Errors: ErrNotFound.
func (e *Engine) Prepared(ctx context.Context, s ident.Scope, workgroup, name string) (Prepared, error) {
	w, err := e.Workgroup(ctx, s, workgroup)
	if err != nil {
		return Prepared{}, err
	}
	return load[Prepared](ctx, e, under(s, "prepared").Str(w.Name).Str(strings.ToLower(name)), "Prepared Statement %s was not found in workGroup %s", name, w.Name)
}

// PreparedStatements lists those of a workgroup by name.
func (e *Engine) PreparedStatements(ctx context.Context, s ident.Scope, workgroup, after string, limit int) ([]Prepared, string, error) {
	w, err := e.Workgroup(ctx, s, workgroup)
	if err != nil {
		return nil, "", err
	}
	return page(ctx, e, under(s, "prepared").Str(w.Name), after, limit, func(p Prepared) string { return strings.ToLower(p.Name) })
}

// DeletePrepared removes a prepared statement. Errors: ErrNotFound.
func (e *Engine) DeletePrepared(ctx context.Context, s ident.Scope, workgroup, name string) error {
	p, err := e.Prepared(ctx, s, workgroup, name)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(under(s, "prepared").Str(p.Workgroup).Str(strings.ToLower(name)))
	return kv.Commit(ctx, e.kv, &b)
}
