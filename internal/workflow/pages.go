package workflow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// defaultPage is how many entries a page has when the caller names no number.
const defaultPage = 100

// page reads the records under prefix after the token, those that keep accepts, in order. The token is the last key
// that was looked at.
func page[T any](ctx context.Context, e *Engine, prefix key.Key, limit int, token string, keep func(*T) bool) ([]T, string, error) {
	return pageOf(ctx, e, kv.Range{Lo: prefix, Hi: prefix.End()}, limit, token, keep)
}

func pageOf[T any](ctx context.Context, e *Engine, rng kv.Range, limit int, token string, keep func(*T) bool) ([]T, string, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	if token != "" {
		k, err := base64.URLEncoding.DecodeString(token)
		if err != nil || string(k) < string(rng.Lo) || string(k) >= string(rng.Hi) {
			return nil, "", fail(ErrInvalidPageToken, "Invalid Token: 'Invalid token'")
		}
		if rng.Reverse {
			rng.Hi = k
		} else {
			rng.Lo = append(k, 0)
		}
	}
	var list []T
	var last []byte
	for it, err := range e.store.Scan(ctx, rng) {
		if err != nil {
			return nil, "", fmt.Errorf("scan list: %w", err)
		}
		var v T
		if err := json.Unmarshal(it.Value, &v); err != nil {
			return nil, "", fmt.Errorf("decode %T: %w", v, err)
		}
		if keep != nil && !keep(&v) {
			continue
		}
		if len(list) == limit {
			return list, base64.URLEncoding.EncodeToString(last), nil
		}
		list = append(list, v)
		last = append(last[:0], it.Key...)
	}
	return list, "", nil
}
