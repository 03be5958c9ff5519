package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// nameRest is how long the name of a deleted queue cannot be used, in milliseconds.
const nameRest = 60_000

func deletedKey(r Ref) key.Key {
	return key.In(key.Queue).Str("gone").Str(r.Account).Str(r.Region).Str(r.Name)
}

// forgetNames drops the names that can be used again; e.names is held.
func (e *Engine) forgetNames(b *kv.Batch, now int64) {
	for r, at := range e.deleted {
		if now-at >= nameRest {
			b.Delete(deletedKey(r))
			delete(e.deleted, r)
		}
	}
}

// loadDeleted reads the names that rest.
func (e *Engine) loadDeleted(ctx context.Context) error {
	for it, err := range e.store.Scan(ctx, kv.Prefix(key.In(key.Queue).Str("gone"))) {
		if err != nil {
			return fmt.Errorf("read names of deleted queues: %w", err)
		}
		k := key.Read(it.Key, key.Queue)
		k.Str()
		r := Ref{Scope: ident.Scope{Account: k.Str(), Region: k.Str()}, Name: k.Str()}
		var at int64
		if err := errors.Join(k.Err(), json.Unmarshal(it.Value, &at)); err != nil {
			return fmt.Errorf("read names of deleted queues: %w", err)
		}
		e.deleted[r] = min(at, e.now()) // the clock may have been set back
	}
	return nil
}
