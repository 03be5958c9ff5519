package function

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// PublishLayer adds a version of a layer, from a zip package, and returns it with its number.
func (s *Service) PublishLayer(ctx context.Context, scope ident.Scope, l Layer, zip io.Reader) (Layer, error) {
	if !layerForm.MatchString(l.Name) {
		return Layer{}, fmt.Errorf("%w: layer name %q: want 1 to 140 letters, digits, - and _", ErrBadParameter, l.Name)
	}
	pkg, err := s.storeZip(ctx, zip, Config{})
	if err != nil {
		return Layer{}, err
	}
	l.Code, l.CodeSize, l.CodeHash, l.Created = pkg.id, pkg.size, pkg.hash, s.opts.Clock.Now()
	err = s.edit(ctx, func(b *kv.Batch) error {
		// The counter outlives deleted versions: a number is never given twice.
		counter := under(scope, "layers").Str(l.Name)
		next, err := kv.Load[int](ctx, s.opts.Store, counter)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		l.Number = next + 1
		kv.Put(b, counter, l.Number)
		k := layerKey(scope, l.Name, l.Number)
		kv.Put(b, k, l)
		blob.Ref(b, l.Code, k)
		return nil
	})
	return l, err
}

// Layer returns a version of a layer or ErrLayerNotFound.
func (s *Service) Layer(ctx context.Context, scope ident.Scope, name string, number int) (Layer, error) {
	if number < 1 {
		return Layer{}, fmt.Errorf("%w: Layer Version Cannot be less than 1", ErrBadParameter)
	}
	l, err := kv.Load[Layer](ctx, s.opts.Store, layerKey(scope, name, number))
	if errors.Is(err, kv.ErrNotFound) {
		return Layer{}, ErrLayerNotFound
	}
	return l, err
}

// LayerVersions lists a layer's versions, newest first, those below the number before (0 = from the newest).
func (s *Service) LayerVersions(ctx context.Context, scope ident.Scope, name string, before, limit int) (list []Layer, more bool, err error) {
	rng := kv.Prefix(under(scope, "layer").Str(name))
	if before > 0 {
		rng.Hi = layerKey(scope, name, before)
	}
	rng.Reverse = true
	list, next, err := kv.LoadAll[Layer](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// Layers lists the newest version of each layer by name, those after the name after.
func (s *Service) Layers(ctx context.Context, scope ident.Scope, after string, limit int) (list []Layer, more bool, err error) {
	rng := kv.Prefix(under(scope, "layers"))
	if after != "" {
		rng.Lo = under(scope, "layers").Str(after).End()
	}
	for it, err := range s.opts.Store.Scan(ctx, rng) {
		if err != nil {
			return nil, false, err
		}
		r := key.Read(it.Key, key.Function)
		_, _, _ = r.Str(), r.Str(), r.Str()
		newest, _, err := s.LayerVersions(ctx, scope, r.Str(), 0, 1)
		if err != nil {
			return nil, false, err
		}
		if len(newest) == 0 {
			continue
		}
		if limit > 0 && len(list) == limit {
			return list, true, nil
		}
		list = append(list, newest[0])
	}
	return list, false, nil
}

// DeleteLayer removes a version of a layer. Functions that use it keep working, as on AWS: they hold what they unpacked
// until they are updated.
func (s *Service) DeleteLayer(ctx context.Context, scope ident.Scope, name string, number int) error {
	l, err := s.Layer(ctx, scope, name, number)
	if errors.Is(err, ErrLayerNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var b kv.Batch
	k := layerKey(scope, name, number)
	b.Delete(k)
	b.Delete(layerPolicyKey(scope, name, number))
	blob.Unref(&b, l.Code, k)
	return kv.Commit(ctx, s.opts.Store, &b)
}

// checkLayers refuses layers that a function of the scope cannot have, and returns their sizes.
func (s *Service) checkLayers(ctx context.Context, of ident.Scope, arns []string) (sizes []int64, err error) {
	seen := map[string]string{}
	for _, arn := range arns {
		scope, name, number, err := ParseLayerARN(arn)
		if err != nil {
			return nil, err
		}
		base := LayerARN(scope, name, 0)
		if before := seen[base]; before != "" {
			return nil, fmt.Errorf("%w: Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", ErrBadParameter, before, arn)
		}
		seen[base] = arn
		if scope.Region != of.Region {
			return nil, fmt.Errorf("%w: Layers are not in the same region as the function. Layers are expected to be in region %s.", ErrBadParameter, of.Region)
		}
		l, err := s.Layer(ctx, scope, name, number)
		if errors.Is(err, ErrLayerNotFound) {
			return nil, fmt.Errorf("%w: Layer version %s does not exist.", ErrBadParameter, arn)
		}
		if err != nil {
			return nil, err
		}
		if err := s.checkShared(ctx, scope, name, number, of.Account); err != nil {
			return nil, err
		}
		sizes = append(sizes, l.CodeSize)
	}
	return sizes, nil
}

func layerKey(s ident.Scope, name string, number int) key.Key {
	return under(s, "layer").Str(name).Uint(uint64(number))
}
