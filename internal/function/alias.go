package function

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// CreateAlias names a version of a.Function. Errors: ErrAliasExists, ErrNotFound, ErrBadParameter.
func (s *Service) CreateAlias(ctx context.Context, scope ident.Scope, a Alias) (Alias, error) {
	if !aliasForm.MatchString(a.Name) || digits.MatchString(a.Name) {
		return Alias{}, fmt.Errorf("%w: alias name %q: want 1 to 128 letters, digits, - and _, and not digits only", ErrBadParameter, a.Name)
	}
	a.Revision = ident.UUID()
	err := s.edit(ctx, func(b *kv.Batch) error {
		k := aliasKey(scope, a.Function, a.Name)
		b.IfAbsent(k)
		kv.Put(b, k, a)
		return s.checkAlias(ctx, scope, a)
	})
	if errors.Is(err, kv.ErrConflict) {
		r := Ref{Scope: scope, Name: a.Function, Qualifier: a.Name}
		return Alias{}, fmt.Errorf("%w: %s", ErrAliasExists, r.ARN())
	}
	return a, err
}

// Alias returns an alias of the function that r names.
func (s *Service) Alias(ctx context.Context, r Ref, name string) (Alias, error) {
	a, err := kv.Load[Alias](ctx, s.opts.Store, aliasKey(r.Scope, r.Name, name))
	if errors.Is(err, kv.ErrNotFound) {
		if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
			return Alias{}, err
		}
		r.Qualifier = name
		return Alias{}, fmt.Errorf("%w: %s", ErrAliasNotFound, r.ARN())
	}
	return a, err
}

// Aliases lists a function's aliases by name, those of one version if version is given, after the name after; limit 0 = all.
func (s *Service) Aliases(ctx context.Context, r Ref, version, after string, limit int) (list []Alias, more bool, err error) {
	if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(under(r.Scope, "alias").Str(r.Name))
	if after != "" {
		rng.Lo = aliasKey(r.Scope, r.Name, after).End()
	}
	all, _, err := kv.LoadAll[Alias](ctx, s.opts.Store, rng, 0)
	for _, a := range all {
		if version != "" && a.Version != version {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, nil
		}
		list = append(list, a)
	}
	return list, false, err
}

// UpdateAlias changes an alias. revision, if given, must be the current one.
func (s *Service) UpdateAlias(ctx context.Context, r Ref, name, revision string, edit func(*Alias)) (a Alias, err error) {
	err = s.edit(ctx, func(b *kv.Batch) error {
		a, err = s.Alias(ctx, r, name)
		if errors.Is(err, ErrAliasNotFound) {
			r.Qualifier = name
			return fmt.Errorf("%w: Alias not found: %s", ErrNoPolicy, r.ARN())
		}
		if err != nil {
			return err
		}
		if revision != "" && revision != a.Revision {
			return errStale
		}
		edit(&a)
		a.Revision = ident.UUID()
		kv.Put(b, aliasKey(r.Scope, r.Name, name), a)
		return s.checkAlias(ctx, r.Scope, a)
	})
	return a, err
}

// DeleteAlias removes an alias; one that is absent is no error.
func (s *Service) DeleteAlias(ctx context.Context, r Ref, name string) error {
	if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(aliasKey(r.Scope, r.Name, name))
	b.Delete(policyKey(r.Scope, r.Name, name))
	b.Delete(eventKey(r.Scope, r.Name, name))
	return kv.Commit(ctx, s.opts.Store, &b)
}

func (s *Service) checkAlias(ctx context.Context, scope ident.Scope, a Alias) error {
	if a.Version != Latest && !digits.MatchString(a.Version) {
		return fmt.Errorf("%w: version %q: want $LATEST or a number", ErrBadParameter, a.Version)
	}
	if _, err := s.load(ctx, scope, a.Function, a.Version); err != nil {
		return err
	}
	if len(a.Weights) > 1 {
		return fmt.Errorf("%w: Number of items in AdditionalVersionWeights cannot be greater than 1", ErrBadParameter)
	}
	for v, w := range a.Weights {
		if w < 0 || w > 1 {
			return fmt.Errorf("%w: weight %v of version %s: want 0 to 1", ErrBadParameter, w, v)
		}
		switch {
		case a.Version == Latest || v == Latest:
			return fmt.Errorf("%w: $LATEST is not supported for an alias pointing to more than 1 version", ErrBadParameter)
		case v == a.Version:
			return fmt.Errorf("%w: Invalid function version %s. Function version %s is already included in routing configuration.", ErrBadParameter, v, v)
		}
		if _, err := s.load(ctx, scope, a.Function, v); err != nil {
			return err
		}
	}
	return nil
}

// pick chooses the version for one request.
func (a Alias) pick() string {
	for v, w := range a.Weights {
		if rand.Float64() < w {
			return v
		}
	}
	return a.Version
}

func aliasKey(s ident.Scope, name, alias string) key.Key {
	return under(s, "alias").Str(name).Str(alias)
}
