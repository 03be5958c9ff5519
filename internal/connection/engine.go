package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// Options of an engine. Store, Tokens and Group are required.
type Options struct {
	Store  kv.Store
	Tokens Tokens
	Group  *lifecycle.Group
	Clock  clock.Clock
	Logger *slog.Logger
}

// Engine keeps connections and destinations. All methods are safe for concurrent use.
type Engine struct {
	opts Options
	log  *slog.Logger

	mu           sync.RWMutex // guards the fields below; changes are applied to the store under it, and waited for outside
	connections  map[Ref]Connection
	destinations map[Ref]Destination
	tokens       map[string]Token // by the connection's ARN
}

// Open reads all connections and destinations, and goes on to authorise those that wait for it.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e := &Engine{opts: o, log: o.Logger.With("component", "connection"), connections: map[Ref]Connection{}, destinations: map[Ref]Destination{}, tokens: map[string]Token{}}
	for it, err := range o.Store.Scan(ctx, kv.Prefix(key.In(key.Connection))) {
		if err != nil {
			return nil, fmt.Errorf("read connections: %w", err)
		}
		k := key.Read(it.Key, key.Connection)
		_, _, kind := k.Str(), k.Str(), k.Str()
		if kind == "destination" {
			var d Destination
			if err := json.Unmarshal(it.Value, &d); err != nil {
				return nil, fmt.Errorf("decode API destination at %q: %w", it.Key, err)
			}
			e.destinations[d.Ref] = d
			continue
		}
		var c Connection
		if err := json.Unmarshal(it.Value, &c); err != nil {
			return nil, fmt.Errorf("decode connection at %q: %w", it.Key, err)
		}
		e.connections[c.Ref] = c
	}
	for _, c := range e.connections {
		if c.State == Authorizing {
			e.authorizeSoon(c)
		}
	}
	return e, nil
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Connection).Str(s.Account).Str(s.Region).Str(kind)
}

// change lets f look at what is in memory and add to a batch, applies that, has done change what is in memory, and waits until
// the batch is durable.
func (e *Engine) change(ctx context.Context, f func(b *kv.Batch) (done func(), err error)) error {
	return kv.CommitLocked(ctx, &e.mu, e.opts.Store, f)
}

func missing(r Ref) error {
	return because(ErrNotFound, "Failed to describe the connection(s). Connection '%s' does not exist.", r.Name)
}

// put adds a connection's change to a batch; e.mu is held.
func (e *Engine) put(b *kv.Batch, c Connection) func() {
	kv.Put(b, under(c.Scope, "connection").Str(c.Name), c)
	return func() {
		e.connections[c.Ref] = c
		delete(e.tokens, c.ARN())
	}
}

// taken sets the state of a connection whose credentials were just given, and forgets those of another type.
func (c *Connection) taken() {
	c.State, c.Reason, c.Authorized = Authorized, "", c.Modified
	switch a := c.Auth; c.Type {
	case Basic:
		c.Auth = &Auth{Username: a.Username, Password: a.Password}
	case APIKey:
		c.Auth = &Auth{KeyName: a.KeyName, KeyValue: a.KeyValue}
	case OAuth:
		c.Auth, c.State = &Auth{OAuth: a.OAuth}, Authorizing
	}
}

// Create adds a connection. The caller sets name, description, type, credentials and parameters.
func (e *Engine) Create(ctx context.Context, c Connection) (Connection, error) {
	if err := c.check(); err != nil {
		return c, err
	}
	c.ID, c.SecretID = ident.UUID(), ident.UUID()+"-"+ident.Upper(6)
	c.Created = e.opts.Clock.Now().UTC()
	c.Modified = c.Created
	c.taken()
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, ok := e.connections[c.Ref]; ok {
			return nil, because(ErrExists, "Connection %s already exists.", c.Name)
		}
		if n := count(maps.Keys(e.connections), c.Scope); n >= MaxConnections {
			return nil, because(ErrLimit, "an account has at most %d connections", MaxConnections)
		}
		return e.put(b, c), nil
	})
	if err == nil && c.State == Authorizing {
		e.authorizeSoon(c)
	}
	return c, err
}

// Update changes a connection. If f gives new credentials the connection is authorised again.
func (e *Engine) Update(ctx context.Context, r Ref, f func(*Connection) (authorize bool)) (Connection, error) {
	var c Connection
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		var ok bool
		if c, ok = e.connections[r]; !ok {
			return nil, missing(r)
		}
		again := f(&c)
		c.Modified = e.opts.Clock.Now().UTC()
		if again {
			if err := c.check(); err != nil {
				return nil, err
			}
			c.taken()
		}
		return e.put(b, c), nil
	})
	if err == nil && c.State == Authorizing {
		e.authorizeSoon(c)
	}
	return c, err
}

// Deauthorize forgets a connection's credentials. The connection stays, to be updated.
func (e *Engine) Deauthorize(ctx context.Context, r Ref) (Connection, error) {
	return e.Update(ctx, r, func(c *Connection) bool {
		c.Auth, c.Parameters, c.State, c.Reason = nil, nil, Deauthorized, ""
		return false
	})
}

// Delete removes a connection and returns what it was.
func (e *Engine) Delete(ctx context.Context, r Ref) (Connection, error) {
	var c Connection
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		var ok bool
		if c, ok = e.connections[r]; !ok {
			return nil, missing(r)
		}
		b.Delete(under(r.Scope, "connection").Str(r.Name))
		return func() {
			delete(e.connections, r)
			delete(e.tokens, c.ARN())
		}, nil
	})
	return c, err
}

// Connection returns a connection, or ErrNotFound.
func (e *Engine) Connection(r Ref) (Connection, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	c, ok := e.connections[r]
	if !ok {
		return c, missing(r)
	}
	return c, nil
}

// Find returns the connection with an ARN, or ErrNotFound.
func (e *Engine) Find(arn string) (Connection, error) {
	a, err := ident.ParseARN(arn)
	if parts := strings.Split(a.Resource, "/"); err == nil && a.Service == "events" && len(parts) == 3 && parts[0] == "connection" {
		if c, err := e.Connection(Ref{a.Scope(), parts[1]}); err == nil && c.ID == parts[2] {
			return c, nil
		}
	}
	return Connection{}, because(ErrNotFound, "Connection '%s' does not exist.", arn)
}

// Connections returns a page of the connections that keep wants, in the order of their names. next is "" after the last page.
func (e *Engine) Connections(s ident.Scope, keep func(Connection) bool, after string, limit int) (list []Connection, next string) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return page(e.connections, s, keep, after, limit)
}

func count(refs func(func(Ref) bool), s ident.Scope) (n int) {
	for r := range refs {
		if r.Scope == s {
			n++
		}
	}
	return n
}

// page returns what keep wants of a scope's entries after a name.
func page[T any](all map[Ref]T, s ident.Scope, keep func(T) bool, after string, limit int) (list []T, next string) {
	var names []string
	for r := range all {
		if r.Scope == s && r.Name > after && keep(all[r]) {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	if limit > 0 && len(names) > limit {
		names, next = names[:limit], names[limit-1]
	}
	for _, n := range names {
		list = append(list, all[Ref{s, n}])
	}
	return list, next
}
