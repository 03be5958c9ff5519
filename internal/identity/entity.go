package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// Limits of IAM, as its quotas are by default.
const (
	MaxAttached      = 10
	MaxInlineUser    = 2048 // characters in all inline policies of a user, without white space
	MaxInlineGroup   = 5120
	MaxInlineRole    = 10240
	MaxVersions      = 5
	MaxAccessKeys    = 2
	MaxGroupsPerUser = 10
	MaxTags          = 50
)

var (
	idPrefix = map[Kind]string{User: "AIDA", Group: "AGPA", Role: "AROA"}
	title    = map[Kind]string{User: "User", Group: "Group", Role: "Role"}
	nameForm = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathForm = regexp.MustCompile(`^/([\x21-\x7E]+/)?$`)
)

func lower(s string) string { return strings.ToLower(s) }

func (e *Engine) now() time.Time { return e.clock.Now().UTC().Truncate(time.Second) }

// stableID makes the unique part of an id from a name, for what exists in every installation.
func stableID(name string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	h := sha256.Sum256([]byte(name))
	b := make([]byte, 17)
	for i := range b {
		b[i] = alphabet[h[i]&31]
	}
	return string(b)
}

func splitPath(s string) (path, name string) {
	i := strings.LastIndexByte(s, '/')
	return s[:i+1], s[i+1:]
}

func noSuch(k Kind, name string) error {
	switch k {
	case Role:
		return fail(ErrNoSuchEntity, "The role with name %s cannot be found.", name)
	case Group:
		return fail(ErrNoSuchEntity, "The group with name %s cannot be found.", name)
	}
	return fail(ErrNoSuchEntity, "The user with name %s cannot be found.", name)
}

// Get returns an entity. The caller must not change it.
func (e *Engine) Get(account string, k Kind, name string) (*Entity, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.get(account, k, name)
}

func (e *Engine) get(account string, k Kind, name string) (*Entity, error) {
	if x := e.entities[entityID{account, k, lower(name)}]; x != nil {
		return x, nil
	}
	return nil, noSuch(k, name)
}

// List returns the entities of a kind whose path starts with prefix, by name.
func (e *Engine) List(account string, k Kind, prefix string) []*Entity {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var list []*Entity
	for id, x := range e.entities {
		if id.account == account && id.kind == k && strings.HasPrefix(x.Path, prefix) {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *Entity) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Create makes an entity from the given one, which needs Account, Kind and Name; a role also Trust. It returns what was
// stored. ErrExists, ErrInvalid, ErrMalformed, ErrNoSuchEntity for its boundary.
func (e *Engine) Create(ctx context.Context, x Entity) (*Entity, error) {
	if x.Path == "" {
		x.Path = "/"
	}
	switch {
	case !nameForm.MatchString(x.Name) || len(x.Name) > 128:
		return nil, fail(ErrInvalid, "The specified value for %sName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", lower(title[x.Kind]))
	case !pathForm.MatchString(x.Path):
		return nil, fail(ErrInvalid, "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	case len(x.Tags) > MaxTags:
		return nil, fail(ErrLimit, "The number of tags has reached the maximum limit of %d.", MaxTags)
	}
	if x.Kind == Role {
		if err := e.checkTrust(x.Trust); err != nil {
			return nil, err
		}
		if x.MaxSession == 0 {
			x.MaxSession = time.Hour
		}
	}
	x.ID, x.Created = idPrefix[x.Kind]+ident.Upper(17), e.now()
	n := &x
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, err := e.get(x.Account, x.Kind, x.Name); err == nil {
			return nil, fail(ErrExists, "%s with name %s already exists.", title[x.Kind], x.Name)
		}
		if x.Boundary != "" {
			if _, err := e.policy(x.Account, x.Boundary); err != nil {
				return nil, err
			}
		}
		return e.put(b, n), nil
	})
	return n, err
}

// put stores an entity, in the batch and, by the function it returns, in memory.
func (e *Engine) put(b *kv.Batch, x *Entity) func() {
	kv.Put(b, entityKey(x.Account, x.Kind, x.Name), x)
	return func() { e.entities[entityID{x.Account, x.Kind, lower(x.Name)}] = x }
}

// Update changes an entity by f, which gets a copy. Name, Kind, Account and ID stay.
func (e *Engine) Update(ctx context.Context, account string, k Kind, name string, f func(*Entity) error) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		old, err := e.get(account, k, name)
		if err != nil {
			return nil, err
		}
		x := old.clone()
		if err := f(x); err != nil {
			return nil, err
		}
		return e.put(b, x), nil
	})
}

// Delete removes an entity that nothing depends on any more: ErrConflict.
func (e *Engine) Delete(ctx context.Context, account string, k Kind, name string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		x, err := e.get(account, k, name)
		if err != nil {
			return nil, err
		}
		switch {
		case len(x.Inline) > 0:
			return nil, fail(ErrConflict, "Cannot delete entity, must delete policies first.")
		case len(x.Attached) > 0:
			return nil, fail(ErrConflict, "Cannot delete entity, must detach all policies first.")
		case len(x.Groups) > 0:
			return nil, fail(ErrConflict, "Cannot delete entity, must remove users from group first.")
		}
		if k == User {
			for _, key := range e.keys {
				if key.Account == account && strings.EqualFold(key.User, name) {
					return nil, fail(ErrConflict, "Cannot delete entity, must delete access keys first.")
				}
			}
		}
		if k == Group && len(e.members(account, name)) > 0 {
			return nil, fail(ErrConflict, "Cannot delete entity, must remove users from group first.")
		}
		b.Delete(entityKey(account, k, name))
		return func() { delete(e.entities, entityID{account, k, lower(name)}) }, nil
	})
}

// Rename gives a user or a group another name or path; "" keeps it. Keys and memberships follow.
func (e *Engine) Rename(ctx context.Context, account string, k Kind, name, newName, newPath string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		old, err := e.get(account, k, name)
		if err != nil {
			return nil, err
		}
		x := old.clone()
		if newPath != "" {
			x.Path = newPath
		}
		if newName == "" {
			return e.put(b, x), nil
		}
		if !nameForm.MatchString(newName) {
			return nil, fail(ErrInvalid, "The specified value for new name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
		}
		if other, err := e.get(account, k, newName); err == nil && other != old {
			return nil, fail(ErrExists, "%s with name %s already exists.", title[k], newName)
		}
		b.Delete(entityKey(account, k, name))
		x.Name = newName
		apply := []func(){func() { delete(e.entities, entityID{account, k, lower(name)}) }, e.put(b, x)}
		if k == User {
			for _, key := range e.keys {
				if key.Account == account && strings.EqualFold(key.User, name) {
					n := *key
					n.User = newName
					kv.Put(b, accessKeyKey(n.ID), n)
					apply = append(apply, func() { e.keys[n.ID] = &n })
				}
			}
		} else {
			for _, u := range e.members(account, name) {
				n := u.clone()
				for i, g := range n.Groups {
					if strings.EqualFold(g, name) {
						n.Groups[i] = newName
					}
				}
				apply = append(apply, e.put(b, n))
			}
		}
		return func() {
			for _, f := range apply {
				f()
			}
		}, nil
	})
}

// Members returns the users of a group, by name.
func (e *Engine) Members(account, group string) []*Entity {
	e.mu.RLock()
	defer e.mu.RUnlock()
	list := e.members(account, group)
	slices.SortFunc(list, func(a, b *Entity) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (e *Engine) members(account, group string) []*Entity {
	var list []*Entity
	for id, x := range e.entities {
		if id.account == account && id.kind == User && slices.ContainsFunc(x.Groups, func(g string) bool { return strings.EqualFold(g, group) }) {
			list = append(list, x)
		}
	}
	return list
}

// Join puts a user into a group, or takes it out.
func (e *Engine) Join(ctx context.Context, account, user, group string, in bool) error {
	return e.Update(ctx, account, User, user, func(u *Entity) error {
		if _, err := e.get(account, Group, group); err != nil { // under the lock: a group that goes meanwhile keeps no members
			return err
		}
		at := slices.IndexFunc(u.Groups, func(g string) bool { return strings.EqualFold(g, group) })
		switch {
		case in && at >= 0:
		case in && len(u.Groups) >= MaxGroupsPerUser:
			return fail(ErrLimit, "Cannot exceed quota for GroupsPerUser: %d", MaxGroupsPerUser)
		case in:
			u.Groups = append(u.Groups, group)
		case at < 0:
			return fail(ErrNoSuchEntity, "The user with name %s is not in the group %s.", user, group)
		default:
			u.Groups = slices.Delete(u.Groups, at, at+1)
		}
		return nil
	})
}

func (e *Engine) checkTrust(doc string) error {
	if n := len(doc); n > policy.MaxTrust*4 {
		return fail(ErrLimit, "Cannot exceed quota for ACLSizePerRole: %d", policy.MaxTrust)
	}
	return checkDocument(policy.Trust, doc)
}

func checkDocument(k policy.Kind, doc string) error {
	var m *policy.MalformedError
	if _, err := policy.Parse(k, doc); errors.As(err, &m) {
		return fail(ErrMalformed, "%s", m.Message)
	}
	return nil
}
