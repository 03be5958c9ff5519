package connection

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// DefaultRate is how often a destination is called in a second where nothing is said.
const DefaultRate = 300

// Methods are those of calls.
var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}

func (e *Engine) checkDestination(d *Destination) error {
	if !nameForm.MatchString(d.Name) {
		return bad("API destination name %q: want 1 to 64 letters, digits, ., - and _", d.Name)
	}
	if u, err := url.Parse(d.Endpoint); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return bad("InvocationEndpoint %q: want a URL", d.Endpoint)
	}
	if !slices.Contains(methods, d.Method) {
		return bad("HttpMethod %q: want one of %v", d.Method, methods)
	}
	if d.Rate < 1 {
		return bad("InvocationRateLimitPerSecond %d: want 1 or more", d.Rate)
	}
	return nil
}

// known reports ErrNotFound where a destination's connection does not exist; e.mu is held.
func (e *Engine) known(d *Destination) error {
	for _, c := range e.connections {
		if c.ARN() == d.Connection {
			return nil
		}
	}
	return because(ErrNotFound, "Connection '%s' does not exist.", d.Connection)
}

func noDestination(r Ref) error {
	return because(ErrNotFound, "Failed to describe the api-destination(s). An api-destination '%s' does not exist.", r.Name)
}

// CreateDestination adds a destination. Rate 0 = DefaultRate.
func (e *Engine) CreateDestination(ctx context.Context, d Destination) (Destination, error) {
	if d.Rate == 0 {
		d.Rate = DefaultRate
	}
	if err := e.checkDestination(&d); err != nil {
		return d, err
	}
	d.ID, d.Created = ident.UUID(), e.opts.Clock.Now().UTC()
	d.Modified = d.Created
	return d, e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, ok := e.destinations[d.Ref]; ok {
			return nil, because(ErrExists, "An api-destination '%s' already exists.", d.Name)
		}
		if count(maps.Keys(e.destinations), d.Scope) >= MaxDestinations {
			return nil, because(ErrLimit, "an account has at most %d API destinations", MaxDestinations)
		}
		return e.putDestination(b, d)
	})
}

func (e *Engine) putDestination(b *kv.Batch, d Destination) (func(), error) {
	if err := e.known(&d); err != nil {
		return nil, err
	}
	kv.Put(b, under(d.Scope, "destination").Str(d.Name), d)
	return func() { e.destinations[d.Ref] = d }, nil
}

// UpdateDestination changes a destination.
func (e *Engine) UpdateDestination(ctx context.Context, r Ref, f func(*Destination)) (Destination, error) {
	var d Destination
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		var ok bool
		if d, ok = e.destinations[r]; !ok {
			return nil, noDestination(r)
		}
		f(&d)
		if err := e.checkDestination(&d); err != nil {
			return nil, err
		}
		d.Modified = e.opts.Clock.Now().UTC()
		return e.putDestination(b, d)
	})
	return d, err
}

// DeleteDestination removes a destination.
func (e *Engine) DeleteDestination(ctx context.Context, r Ref) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, ok := e.destinations[r]; !ok {
			return nil, noDestination(r)
		}
		b.Delete(under(r.Scope, "destination").Str(r.Name))
		return func() { delete(e.destinations, r) }, nil
	})
}

// Destination returns a destination, or ErrNotFound, and whether its connection is authorised.
func (e *Engine) Destination(r Ref) (d Destination, active bool, err error) {
	e.mu.RLock()
	d, ok := e.destinations[r]
	e.mu.RUnlock()
	if !ok {
		return d, false, noDestination(r)
	}
	return d, e.Active(d), nil
}

// Active reports whether a destination's connection is authorised.
func (e *Engine) Active(d Destination) bool {
	c, err := e.Find(d.Connection)
	return err == nil && c.State == Authorized
}

// Destinations returns a page of the destinations that keep wants, in the order of their names.
func (e *Engine) Destinations(s ident.Scope, keep func(Destination) bool, after string, limit int) (list []Destination, next string) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return page(e.destinations, s, keep, after, limit)
}
