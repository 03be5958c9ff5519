package function

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// LayerPermission lets another account use a version of a layer: a statement of its resource policy.
type LayerPermission struct {
	ID        string
	Principal string // * or an account
	Org       string `json:",omitempty"` // of an organization; nobody is in one here, so the statement lets nobody in
}

// LayerPolicy is who may use a version of a layer besides its owner.
type LayerPolicy struct {
	Revision   string // changes with every change
	Statements []LayerPermission
}

// permits reports whether an account may use the layer.
func (p LayerPolicy) permits(account string) bool {
	return slices.ContainsFunc(p.Statements, func(s LayerPermission) bool {
		return s.Org == "" && (s.Principal == "*" || s.Principal == account)
	})
}

// LayerPolicy returns the policy of a version of a layer, or ErrNoPolicy where it does not exist or has none.
func (s *Service) LayerPolicy(ctx context.Context, scope ident.Scope, name string, number int) (LayerPolicy, error) {
	if _, err := s.Layer(ctx, scope, name, number); errors.Is(err, ErrLayerNotFound) {
		return LayerPolicy{}, fmt.Errorf("%w: Layer version %s does not exist.", ErrNoPolicy, LayerARN(scope, name, number))
	} else if err != nil {
		return LayerPolicy{}, err
	}
	p, err := kv.Load[LayerPolicy](ctx, s.opts.Store, layerPolicyKey(scope, name, number))
	if errors.Is(err, kv.ErrNotFound) {
		return LayerPolicy{}, fmt.Errorf("%w: No policy is associated with the given resource.", errNoLayerPolicy)
	}
	return p, err
}

// errNoLayerPolicy tells a layer without a policy from one that does not exist.
var errNoLayerPolicy = fmt.Errorf("%w", ErrNoPolicy)

// AddLayerPermission adds a statement to the policy of a version of a layer. revision, if given, must be the policy's.
// Errors: ErrNoPolicy, ErrStatementExists, ErrRevision.
func (s *Service) AddLayerPermission(ctx context.Context, scope ident.Scope, name string, number int, add LayerPermission, revision string) (LayerPolicy, error) {
	return s.editLayerPolicy(ctx, scope, name, number, revision, func(p *LayerPolicy) error {
		if slices.ContainsFunc(p.Statements, func(x LayerPermission) bool { return x.ID == add.ID }) {
			return fmt.Errorf("%w: The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", ErrStatementExists, add.ID)
		}
		p.Statements = append(p.Statements, add)
		return nil
	})
}

// RemoveLayerPermission removes a statement; see AddLayerPermission.
func (s *Service) RemoveLayerPermission(ctx context.Context, scope ident.Scope, name string, number int, id, revision string) error {
	_, err := s.editLayerPolicy(ctx, scope, name, number, revision, func(p *LayerPolicy) error {
		i := slices.IndexFunc(p.Statements, func(x LayerPermission) bool { return x.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: Statement %s is not found in resource policy.", ErrNoPolicy, id)
		}
		p.Statements = slices.Delete(p.Statements, i, i+1)
		return nil
	})
	return err
}

func (s *Service) editLayerPolicy(ctx context.Context, scope ident.Scope, name string, number int, revision string, edit func(*LayerPolicy) error) (p LayerPolicy, err error) {
	err = s.edit(ctx, func(b *kv.Batch) error {
		p, err = s.LayerPolicy(ctx, scope, name, number)
		if err != nil && !errors.Is(err, errNoLayerPolicy) {
			return err
		}
		if revision != "" && revision != p.Revision {
			return fmt.Errorf("%w. Call the GetLayerPolicy API to retrieve the latest Revision Id", ErrRevision)
		}
		if err := edit(&p); err != nil {
			return err
		}
		p.Revision = ident.UUID()
		if k := layerPolicyKey(scope, name, number); len(p.Statements) == 0 {
			b.Delete(k)
		} else {
			kv.Put(b, k, p)
		}
		return nil
	})
	return p, err
}

// checkShared refuses a layer of another account that does not share it.
func (s *Service) checkShared(ctx context.Context, scope ident.Scope, name string, number int, account string) error {
	if scope.Account == account {
		return nil
	}
	p, err := s.LayerPolicy(ctx, scope, name, number)
	if err != nil && !errors.Is(err, ErrNoPolicy) {
		return err
	}
	if !p.permits(account) {
		return fmt.Errorf("%w: account %s is not authorized to perform: lambda:GetLayerVersion on resource: %s because no resource-based policy allows it", ErrDenied, account, LayerARN(scope, name, number))
	}
	return nil
}

func layerPolicyKey(s ident.Scope, name string, number int) key.Key {
	return under(s, "layerpolicy").Str(name).Uint(uint64(number))
}
