package identity

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/policy"
)

// maxResolved bounds the cache of credentials; a full one starts anew.
const maxResolved = 10_000

// resolveCache remembers what keys stand for until something changes.
type resolveCache struct {
	mu         sync.RWMutex // guards the fields below
	generation uint64
	list       map[string]*Credential // by key id and token
}

func (c *resolveCache) get(k string) (*Credential, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.list[k], c.generation
}

// put keeps what was resolved in a generation, unless a change came between.
func (c *resolveCache) put(k string, cred *Credential, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	if c.list == nil || len(c.list) >= maxResolved {
		c.list = map[string]*Credential{}
	}
	c.list[k] = cred
}

func (c *resolveCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.list = nil
}

// Resolve returns what an access key, with its session token, stands for. ErrUnknownKey, ErrInvalidToken,
// ErrExpiredToken.
func (e *Engine) Resolve(_ context.Context, accessKeyID, token string) (Credential, error) {
	cached, generation := e.resolved.get(accessKeyID + "\n" + token)
	if cached == nil {
		c, err := e.resolve(accessKeyID, token)
		if err != nil {
			return Credential{}, err
		}
		cached = &c
		e.resolved.put(accessKeyID+"\n"+token, cached, generation)
	}
	if !cached.Expires.IsZero() && !e.now().Before(cached.Expires) {
		return Credential{}, ErrExpiredToken
	}
	return *cached, nil
}

func (e *Engine) resolve(id, token string) (Credential, error) {
	if strings.HasPrefix(id, "ASIA") {
		if token == "" {
			return Credential{}, ErrUnknownKey
		}
		s, err := e.seal.open(token)
		if err != nil {
			return Credential{}, err
		}
		if s.Key != id {
			return Credential{}, ErrInvalidToken
		}
		p, err := e.sessionPrincipal(s)
		if err != nil {
			return Credential{}, err
		}
		return Credential{AccessKeyID: id, Secret: e.seal.secret(id), Token: token, Expires: s.Expires, Principal: p}, nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	k := e.keys[id]
	if k == nil || k.Inactive {
		return Credential{}, ErrUnknownKey
	}
	if token != "" {
		return Credential{}, ErrInvalidToken
	}
	p, err := e.userPrincipal(k.Account, k.User)
	if err != nil {
		return Credential{}, ErrUnknownKey
	}
	return Credential{AccessKeyID: id, Secret: k.Secret, Principal: p}, nil
}

// UserPrincipal returns the principal of a user, with its policies; "" is root.
func (e *Engine) UserPrincipal(account, user string) (policy.Principal, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.userPrincipal(account, user)
}

func (e *Engine) userPrincipal(account, user string) (policy.Principal, error) {
	if user == "" {
		return policy.Root(account), nil
	}
	u, err := e.get(account, User, user)
	if err != nil {
		return policy.Principal{}, err
	}
	return policy.Principal{Account: account, ARN: u.ARN(), ID: u.ID, Name: u.Name, Tags: u.Tags, Grants: e.grants(u)}, nil
}

// RolePrincipal returns the principal that a session of a role would be, with the role's policies.
// With Options.AnyRole, root stands for a role that does not exist.
func (e *Engine) RolePrincipal(account, role string) (policy.Principal, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	r, err := e.get(account, Role, role)
	if err != nil && e.anyRole {
		return policy.Root(account), nil
	}
	if err != nil {
		return policy.Principal{}, err
	}
	return policy.Principal{Account: account, ARN: r.ARN(), Role: r.ARN(), ID: r.ID, Tags: r.Tags, Grants: e.grants(r)}, nil
}

func (e *Engine) sessionPrincipal(s *session) (policy.Principal, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if s.RoleName == "" {
		p, err := e.userPrincipal(s.Account, s.User)
		if err != nil || s.ID != "" && s.ID != p.ID {
			return policy.Principal{}, ErrInvalidToken
		}
		p.Temporary = true
		return p, nil
	}
	r, err := e.get(s.Account, Role, s.RoleName)
	if err != nil || r.ID != s.ID {
		return policy.Principal{}, ErrInvalidToken
	}
	tags := maps.Clone(r.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, s.Tags)
	p := policy.Principal{
		Account: s.Account, ARN: "arn:aws:sts::" + s.Account + ":assumed-role/" + r.Name + "/" + s.Name, ID: r.ID + ":" + s.Name,
		Role: r.ARN(), Tags: tags, Grants: e.grants(r),
	}
	if len(s.Policies)+len(s.Managed) > 0 {
		p.Grants.Session = []*policy.Document{}
		for _, d := range s.Policies {
			p.Grants.Session = append(p.Grants.Session, parsed(d))
		}
		for _, arn := range s.Managed {
			p.Grants.Session = append(p.Grants.Session, e.managedDocument(s.Account, arn))
		}
	}
	return p, nil
}

// grants collects the policies of an entity and of its groups.
func (e *Engine) grants(x *Entity) *policy.Grants {
	g := &policy.Grants{}
	add := func(x *Entity) {
		for _, n := range slices.Sorted(maps.Keys(x.Inline)) {
			g.Identity = append(g.Identity, parsed(x.Inline[n]))
		}
		for _, arn := range x.Attached {
			g.Identity = append(g.Identity, e.managedDocument(x.Account, arn))
		}
	}
	add(x)
	for _, n := range x.Groups {
		if grp, err := e.get(x.Account, Group, n); err == nil {
			add(grp)
		}
	}
	if x.Boundary != "" {
		g.Boundary = e.managedDocument(x.Account, x.Boundary)
	}
	return g
}

func (e *Engine) managedDocument(account, arn string) *policy.Document {
	p, err := e.policy(account, arn)
	if err != nil {
		return &policy.Document{} // a policy that is gone allows nothing
	}
	return parsed(p.Version("").Document)
}

// parsed parses a document that was valid when it was stored; one that no longer is allows nothing.
func parsed(text string) *policy.Document {
	d, err := policy.Parse(policy.Identity, text)
	if err != nil {
		return &policy.Document{}
	}
	return d
}
