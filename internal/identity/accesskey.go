package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// Use is when and by what a key or a role was last used. It is kept in memory only.
type Use struct {
	At              time.Time
	Service, Region string
}

// CreateAccessKey makes a key for a user, or for root with "". At most MaxAccessKeys.
func (e *Engine) CreateAccessKey(ctx context.Context, account, user string) (AccessKey, error) {
	k := e.newKey(account, user)
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		if user != "" {
			u, err := e.get(account, User, user)
			if err != nil {
				return nil, err
			}
			k.User = u.Name
		}
		if len(e.accessKeys(account, user)) >= MaxAccessKeys {
			return nil, fail(ErrLimit, "Cannot exceed quota for AccessKeysPerUser: %d", MaxAccessKeys)
		}
		kv.Put(b, accessKeyKey(k.ID), k)
		return func() { e.keys[k.ID] = k }, nil
	})
	return *k, err
}

// AccessKeys returns the keys of a user, or of root with "", oldest first.
func (e *Engine) AccessKeys(account, user string) []AccessKey {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.accessKeys(account, user)
}

func (e *Engine) accessKeys(account, user string) []AccessKey {
	var list []AccessKey
	for _, k := range e.keys {
		if k.Account == account && strings.EqualFold(k.User, user) {
			list = append(list, *k)
		}
	}
	slices.SortFunc(list, func(a, b AccessKey) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// AccessKey returns a key by its id, whatever its account.
func (e *Engine) AccessKey(id string) (AccessKey, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if k := e.keys[id]; k != nil {
		return *k, nil
	}
	return AccessKey{}, fail(ErrNoSuchEntity, "The Access Key with id %s cannot be found.", id)
}

// SetAccessKey activates or deactivates a key of a user.
func (e *Engine) SetAccessKey(ctx context.Context, account, user, id string, active bool) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		k, err := e.ownKey(account, user, id)
		if err != nil {
			return nil, err
		}
		n := *k
		n.Inactive = !active
		kv.Put(b, accessKeyKey(id), n)
		return func() { e.keys[id] = &n }, nil
	})
}

// DeleteAccessKey removes a key of a user. The last key of root stays: nobody could come in any more.
func (e *Engine) DeleteAccessKey(ctx context.Context, account, user, id string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		k, err := e.ownKey(account, user, id)
		if err != nil {
			return nil, err
		}
		if k.User == "" && len(e.accessKeys(account, "")) == 1 {
			return nil, fail(ErrConflict, "Cannot delete the last access key of the account's root.")
		}
		b.Delete(accessKeyKey(id))
		return func() { delete(e.keys, id) }, nil
	})
}

func (e *Engine) ownKey(account, user, id string) (*AccessKey, error) {
	k := e.keys[id]
	if k == nil || k.Account != account || !strings.EqualFold(k.User, user) {
		return nil, fail(ErrNoSuchEntity, "The Access Key with id %s cannot be found.", id)
	}
	return k, nil
}

// Used notes the use of a long-lived key or, by its id, of a role. Temporary keys are not noted.
func (e *Engine) Used(id, service, region string) {
	if strings.HasPrefix(id, "ASIA") {
		return
	}
	now := e.now()
	e.mu.RLock()
	last := e.lastUsed[id]
	e.mu.RUnlock()
	// Once a minute is as exact as IAM is, and keeps the lock free.
	if now.Sub(last.At) < time.Minute && last.Service == service && last.Region == region {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lastUsed[id] = Use{now, service, region}
}

// LastUse returns the last use of a key or role since the start; the zero Use where there was none.
func (e *Engine) LastUse(id string) Use {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.lastUsed[id]
}
