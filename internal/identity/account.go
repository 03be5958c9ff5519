package identity

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// AccountCreated returns when an account was made; the zero time for one that does not exist.
func (e *Engine) AccountCreated(id string) time.Time {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if a := e.accounts[id]; a != nil {
		return a.Created
	}
	return time.Time{}
}

// Alias returns the alias of an account, or "".
func (e *Engine) Alias(id string) string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if a := e.accounts[id]; a != nil {
		return a.Alias
	}
	return ""
}

// SetAlias sets or, with "", removes the alias of an account. Aliases are unique: ErrExists.
func (e *Engine) SetAlias(ctx context.Context, id, alias string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		a := e.accounts[id]
		if a == nil {
			return nil, fail(ErrNoSuchEntity, "The account %s cannot be found.", id)
		}
		for _, x := range e.accounts {
			if alias != "" && x.Alias == alias && x != a {
				return nil, fail(ErrExists, "The account alias %s already exists.", alias)
			}
		}
		n := *a
		n.Alias = alias
		kv.Put(b, accountKey(id), n)
		return func() { e.accounts[id] = &n }, nil
	})
}
