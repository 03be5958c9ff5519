package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Primary is the workgroup that every account has in every region.
const Primary = "primary"

// MinCutoffBytes is the least limit of bytes that a query may scan.
const MinCutoffBytes = 10_000_000

// Workgroup separates queries and their settings.
type Workgroup struct {
	Name, Description string
	Disabled          bool
	Created           time.Time
	// OutputLocation is where results go: s3://bucket/prefix/; "" = each query must say.
	OutputLocation string
	Encryption     string // SSE_S3, SSE_KMS, CSE_KMS; "" = none
	KmsKey         string
	BucketOwner    string
	// Enforce makes the workgroup's settings override those of a query.
	Enforce        bool
	CutoffBytes    int64 // 0 = none
	PublishMetrics bool
	RequesterPays  bool
	EngineVersion  string // as selected: AUTO
	Tags           map[string]string
}

var workgroupName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)

func (w *Workgroup) validate() error {
	switch {
	case !workgroupName.MatchString(w.Name):
		return fmt.Errorf("%w: WorkGroup name %q must have 1 to 128 of a-z A-Z 0-9 . _ -", ErrInvalid, w.Name)
	case w.CutoffBytes != 0 && w.CutoffBytes < MinCutoffBytes:
		return fmt.Errorf("%w: BytesScannedCutoffPerQuery %d is below the minimum of %d", ErrInvalid, w.CutoffBytes, MinCutoffBytes)
	}
	if w.OutputLocation != "" {
		if _, _, err := splitLocation(w.OutputLocation); err != nil {
			return err
		}
	}
	return nil
}

// CreateWorkgroup adds a workgroup. Errors: ErrInvalid, also if it exists.
func (e *Engine) CreateWorkgroup(ctx context.Context, s ident.Scope, w Workgroup) error {
	if err := w.validate(); err != nil {
		return err
	}
	if w.Name == Primary {
		return fmt.Errorf("%w: WorkGroup %s already exists", ErrInvalid, w.Name)
	}
	w.Created = e.clock.Now()
	var b kv.Batch
	k := under(s, "workgroup").Str(w.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, w)
	err := kv.Commit(ctx, e.kv, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: WorkGroup %s already exists", ErrInvalid, w.Name)
	}
	return err
}

// Workgroup returns a workgroup. Errors: ErrNotFound.
func (e *Engine) Workgroup(ctx context.Context, s ident.Scope, name string) (Workgroup, error) {
	if name == "" {
		name = Primary
	}
	w, err := load[Workgroup](ctx, e, under(s, "workgroup").Str(name), "WorkGroup %s is not found", name)
	if errors.Is(err, ErrNotFound) && name == Primary {
		return Workgroup{Name: Primary, PublishMetrics: true}, nil
	}
	return w, err
}

// Workgroups lists workgroups by name.
func (e *Engine) Workgroups(ctx context.Context, s ident.Scope, after string, limit int) ([]Workgroup, string, error) {
	list, next, err := page(ctx, e, under(s, "workgroup"), after, limit, func(w Workgroup) string { return w.Name })
	if err != nil {
		return nil, "", err
	}
	if after == "" {
		for _, w := range list {
			if w.Name == Primary {
				return list, next, nil
			}
		}
		primary, err := e.Workgroup(ctx, s, Primary)
		if err != nil {
			return nil, "", err
		}
		list = append([]Workgroup{primary}, list...)
	}
	return list, next, nil
}

// UpdateWorkgroup changes a workgroup.
func (e *Engine) UpdateWorkgroup(ctx context.Context, s ident.Scope, name string, change func(*Workgroup) error) error {
	return e.edit(ctx, func(b *kv.Batch) error {
		w, err := e.Workgroup(ctx, s, name)
		if err != nil {
			return err
		}
		if err := change(&w); err != nil {
			return err
		}
		if err := w.validate(); err != nil {
			return err
		}
		if w.Created.IsZero() {
			w.Created = e.clock.Now()
		}
		kv.Put(b, under(s, "workgroup").Str(w.Name), w)
		return nil
	})
}

// DeleteWorkgroup removes a workgroup; recursive also removes its named queries and prepared statements.
func (e *Engine) DeleteWorkgroup(ctx context.Context, s ident.Scope, name string, recursive bool) error {
	if name == Primary {
		return fmt.Errorf("%w: WorkGroup %s cannot be deleted", ErrInvalid, name)
	}
	if _, err := e.Workgroup(ctx, s, name); err != nil {
		return err
	}
	named, _, err := e.NamedQueries(ctx, s, name, "", 1)
	if err != nil {
		return err
	}
	prepared, _, err := e.PreparedStatements(ctx, s, name, "", 1)
	if err != nil {
		return err
	}
	if !recursive && len(named)+len(prepared) > 0 {
		return fmt.Errorf("%w: WorkGroup %s is not empty", ErrInvalid, name)
	}
	var b kv.Batch
	b.Delete(under(s, "workgroup").Str(name))
	for _, kind := range []string{"named", "namedBy", "prepared"} {
		if kind == "named" {
			continue
		}
		p := under(s, kind).Str(name)
		b.DeleteRange(p, p.End())
	}
	all, _, err := e.NamedQueries(ctx, s, name, "", 0)
	if err != nil {
		return err
	}
	for _, q := range all {
		b.Delete(under(s, "named").Str(q.ID))
	}
	return kv.Commit(ctx, e.kv, &b)
}
