package kv

import (
	"context"
	"encoding/json"
	"fmt"
)

// Put adds v, encoded as JSON, to b. It panics if v cannot be encoded, which only a programmer can cause.
func Put[T any](b *Batch, key []byte, v T) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("BUG: encode %T: %v", v, err))
	}
	b.Set(key, data)
}

// Load reads the record that Put wrote under key. It returns ErrNotFound where there is none.
func Load[T any](ctx context.Context, r Reader, key []byte) (T, error) {
	var v T
	data, err := r.Get(ctx, key)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("decode %T at %q: %w", v, key, err)
	}
	return v, nil
}

// LoadAll reads the records of a range, at most limit of them (0 = all). After the last one, next is nil; else it is the
// key at which the next page starts.
func LoadAll[T any](ctx context.Context, r Reader, rng Range, limit int) (list []T, next []byte, err error) {
	for it, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, nil, err
		}
		if limit > 0 && len(list) == limit {
			return list, append([]byte(nil), it.Key...), nil
		}
		var v T
		if err := json.Unmarshal(it.Value, &v); err != nil {
			return nil, nil, fmt.Errorf("decode %T at %q: %w", v, it.Key, err)
		}
		list = append(list, v)
	}
	return list, nil, nil
}
