package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Options are the settings of an Engine.
type Options struct {
	Store   kv.Store     // required
	Account string       // created at first start; "" = ident.DefaultAccount
	Clock   clock.Clock  // nil = the real one
	Logger  *slog.Logger // nil = slog.Default()
	// AnyRole lets services act as the account's root where they are to use a role of it that does not exist. For
	// development, where code names roles that nobody has made.
	AnyRole bool
}

// Engine holds the identities of an installation. It is safe for concurrent use.
type Engine struct {
	store   kv.Store
	clock   clock.Clock
	log     *slog.Logger
	account string
	anyRole bool
	seal    sealer

	mu       sync.RWMutex // guards the fields below
	accounts map[string]*Account
	entities map[entityID]*Entity
	policies map[policyID]*Policy
	keys     map[string]*AccessKey
	lastUsed map[string]Use // of access keys and roles, by id; lost at a restart

	resolved resolveCache
}

type entityID struct {
	account string
	kind    Kind
	name    string // in lower case
}

type policyID struct{ account, name string } // name in lower case

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// Open reads the identities in o.Store. At the first start it makes the account, its root key and the key that seals
// sessions.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Account == "" {
		o.Account = ident.DefaultAccount
	}
	e := &Engine{
		store: o.Store, clock: o.Clock, log: o.Logger.With("component", "identity"), account: o.Account, anyRole: o.AnyRole,
		accounts: map[string]*Account{}, entities: map[entityID]*Entity{}, policies: map[policyID]*Policy{}, keys: map[string]*AccessKey{}, lastUsed: map[string]Use{},
	}
	if err := e.load(ctx); err != nil {
		return nil, fmt.Errorf("open identities: %w", err)
	}
	for name, doc := range managed {
		path, base := splitPath("/" + name)
		e.policies[policyID{"aws", lower(base)}] = &Policy{
			Account: "aws", Name: base, Path: path, ID: "ANPA" + stableID(name), Created: managedSince, Updated: managedSince,
			Default: "v1", Versions: []Version{{ID: "v1", Document: doc, Created: managedSince}}, Next: 2,
		}
	}
	if e.accounts[e.account] == nil {
		if _, err := e.CreateAccount(ctx, e.account); err != nil {
			return nil, fmt.Errorf("create account %s: %w", e.account, err)
		}
	}
	return e, nil
}

func (e *Engine) load(ctx context.Context) error {
	secret, err := e.store.Get(ctx, sealKey())
	if errors.Is(err, kv.ErrNotFound) {
		secret = make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return fmt.Errorf("make sealing key: %w", err)
		}
		var b kv.Batch
		b.Set(sealKey(), secret)
		err = kv.Commit(ctx, e.store, &b)
	}
	if err != nil {
		return fmt.Errorf("read sealing key: %w", err)
	}
	if e.seal, err = newSealer(secret); err != nil {
		return err
	}
	accounts, err := all[Account](ctx, e.store, "account")
	if err != nil {
		return err
	}
	for _, a := range accounts {
		e.accounts[a.ID] = &a
	}
	entities, err := all[Entity](ctx, e.store, "entity")
	if err != nil {
		return err
	}
	for _, x := range entities {
		e.entities[entityID{x.Account, x.Kind, lower(x.Name)}] = &x
	}
	policies, err := all[Policy](ctx, e.store, "policy")
	if err != nil {
		return err
	}
	for _, p := range policies {
		e.policies[policyID{p.Account, lower(p.Name)}] = &p
	}
	keys, err := all[AccessKey](ctx, e.store, "key")
	if err != nil {
		return err
	}
	for _, k := range keys {
		e.keys[k.ID] = &k
	}
	return nil
}

func all[T any](ctx context.Context, s kv.Store, what string) ([]T, error) {
	list, _, err := kv.LoadAll[T](ctx, s, kv.Prefix(key.In(key.Identity).Str(what)), 0)
	if err != nil {
		return nil, fmt.Errorf("read %s records: %w", what, err)
	}
	return list, nil
}

// DefaultAccount returns the account that the installation was started with.
func (e *Engine) DefaultAccount() string { return e.account }

// CreateAccount makes an account and returns its root key. ErrExists, ErrInvalid.
func (e *Engine) CreateAccount(ctx context.Context, id string) (AccessKey, error) {
	if !accountForm.MatchString(id) {
		return AccessKey{}, fail(ErrInvalid, "%q is not an account: want twelve digits", id)
	}
	a := &Account{ID: id, Created: e.now()}
	k := e.newKey(id, "")
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		if e.accounts[id] != nil {
			return nil, fail(ErrExists, "The account %s already exists.", id)
		}
		kv.Put(b, accountKey(id), a)
		kv.Put(b, accessKeyKey(k.ID), k)
		return func() { e.accounts[id], e.keys[k.ID] = a, k }, nil
	})
	if err != nil {
		return AccessKey{}, err
	}
	return *k, nil
}

// RootKey returns the oldest active root key of an account, or ErrNoSuchEntity.
func (e *Engine) RootKey(account string) (AccessKey, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var best *AccessKey
	for _, k := range e.keys {
		if k.Account == account && k.User == "" && !k.Inactive && (best == nil || k.Created.Before(best.Created)) {
			best = k
		}
	}
	if best == nil {
		return AccessKey{}, fail(ErrNoSuchEntity, "The account %s has no active root key.", account)
	}
	return *best, nil
}

func (e *Engine) newKey(account, user string) *AccessKey {
	var secret [30]byte
	if _, err := rand.Read(secret[:]); err != nil {
		panic("BUG: the system's random source failed: " + err.Error())
	}
	return &AccessKey{ID: "AKIA" + ident.Upper(16), Secret: base64.StdEncoding.EncodeToString(secret[:]), Account: account, User: user, Created: e.now()}
}

// change runs f under the lock, applies the batch that it fills and then the change of memory that it returns, and waits
// outside of the lock until the batch is durable.
func (e *Engine) change(ctx context.Context, f func(b *kv.Batch) (func(), error)) error {
	p, err := func() (kv.Pending, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		var b kv.Batch
		apply, err := f(&b)
		if err != nil {
			return nil, err
		}
		p, err := e.store.Apply(ctx, &b)
		if err != nil {
			return nil, fmt.Errorf("store identities: %w", err)
		}
		apply()
		e.resolved.clear()
		return p, nil
	}()
	if err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return fmt.Errorf("store identities: %w", err)
	}
	return nil
}
