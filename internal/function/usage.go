package function

import (
	"context"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Usage is what an account has in a region.
type Usage struct {
	Functions int64
	CodeBytes int64 // of the packages of all versions of functions and layers, as they were uploaded
	Reserved  int   // concurrency that is reserved for functions
}

// Use adds up what an account has in a region.
func (s *Service) Use(ctx context.Context, scope ident.Scope) (Usage, error) {
	var u Usage
	versions, _, err := kv.LoadAll[Version](ctx, s.opts.Store, kv.Prefix(under(scope, "fn")), 0)
	if err != nil {
		return u, err
	}
	for _, v := range versions {
		u.CodeBytes += v.CodeSize
	}
	layers, _, err := kv.LoadAll[Layer](ctx, s.opts.Store, kv.Prefix(under(scope, "layer")), 0)
	if err != nil {
		return u, err
	}
	for _, l := range layers {
		u.CodeBytes += l.CodeSize
	}
	metas, _, err := kv.LoadAll[meta](ctx, s.opts.Store, kv.Prefix(under(scope, "meta")), 0)
	for _, m := range metas {
		u.Functions++
		if m.Reserved != nil {
			u.Reserved += *m.Reserved
		}
	}
	return u, err
}
