package function

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// AccountConcurrency is how many requests an account may have under way at once, and unreserved what must be left for
// functions without a reservation.
const (
	AccountConcurrency = 1000
	unreserved         = 100
)

// SetReserved reserves concurrency for a function, or takes the reservation back with nil.
func (s *Service) SetReserved(ctx context.Context, r Ref, n *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != nil && (*n < 0 || *n > AccountConcurrency-unreserved) {
		return fmt.Errorf("%w: specified ReservedConcurrentExecutions %d for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d]", ErrBadParameter, *n, unreserved)
	}
	return s.editMeta(ctx, r, func(m *meta) { m.Reserved = n })
}

// Reserved returns a function's reservation, or nil.
func (s *Service) Reserved(ctx context.Context, r Ref) (*int, error) {
	m, err := s.meta(ctx, r.Scope, r.Name)
	return m.Reserved, err
}

// Tags returns a function's tags.
func (s *Service) Tags(ctx context.Context, r Ref) (map[string]string, error) {
	m, err := s.meta(ctx, r.Scope, r.Name)
	return m.Tags, err
}

// Tag adds and replaces tags, and removes those named in drop.
func (s *Service) Tag(ctx context.Context, r Ref, add map[string]string, drop []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return err
	}
	tags := maps.Clone(m.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, add)
	for _, k := range drop {
		delete(tags, k)
	}
	if len(tags) > 50 {
		return fmt.Errorf("%w: %d tags: a function can have 50 at most", ErrBadParameter, len(tags))
	}
	return s.editMeta(ctx, r, func(m *meta) { m.Tags = tags })
}

func (s *Service) editMeta(ctx context.Context, r Ref, edit func(*meta)) error {
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return err
	}
	edit(&m)
	var b kv.Batch
	kv.Put(&b, metaKey(r.Scope, r.Name), m)
	return kv.Commit(ctx, s.opts.Store, &b)
}

// PutEventConfig sets how asynchronous invocations of a function, version or alias are retried and where their records
// go. With merge, fields that are zero keep their old value.
func (s *Service) PutEventConfig(ctx context.Context, r Ref, c EventConfig, merge bool) (EventConfig, error) {
	if c.MaxAge != 0 && (c.MaxAge < time.Minute || c.MaxAge > 6*time.Hour) {
		return EventConfig{}, fmt.Errorf("%w: maximum event age %v: want 60 to 21600 seconds", ErrBadParameter, c.MaxAge)
	}
	if c.Retries != nil && (*c.Retries < 0 || *c.Retries > 2) {
		return EventConfig{}, fmt.Errorf("%w: maximum retry attempts %d: want 0 to 2", ErrBadParameter, *c.Retries)
	}
	if err := s.checkTargets(c.OnSuccess, c.OnFailure); err != nil {
		return EventConfig{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.resolve(ctx, r, false); err != nil {
		return EventConfig{}, err
	}
	if merge {
		old, err := s.EventConfig(ctx, r)
		if err != nil {
			return EventConfig{}, err
		}
		if c.MaxAge == 0 {
			c.MaxAge = old.MaxAge
		}
		if c.Retries == nil {
			c.Retries = old.Retries
		}
		if c.OnSuccess == "" {
			c.OnSuccess = old.OnSuccess
		}
		if c.OnFailure == "" {
			c.OnFailure = old.OnFailure
		}
	}
	c.Modified = s.opts.Clock.Now()
	var b kv.Batch
	kv.Put(&b, eventKey(r.Scope, r.Name, r.Qualifier), c)
	return c, kv.Commit(ctx, s.opts.Store, &b)
}

// EventConfig returns what PutEventConfig set, or ErrNoPolicy.
func (s *Service) EventConfig(ctx context.Context, r Ref) (EventConfig, error) {
	if _, err := s.resolve(ctx, r, false); err != nil {
		return EventConfig{}, err
	}
	c, err := kv.Load[EventConfig](ctx, s.opts.Store, eventKey(r.Scope, r.Name, r.Qualifier))
	if errors.Is(err, kv.ErrNotFound) {
		return EventConfig{}, fmt.Errorf("%w: the function %s doesn't have an EventInvokeConfig", ErrNoPolicy, r.ARN())
	}
	return c, err
}

// DeleteEventConfig removes what PutEventConfig set, or returns ErrNoPolicy.
func (s *Service) DeleteEventConfig(ctx context.Context, r Ref) error {
	if _, err := s.EventConfig(ctx, r); err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(eventKey(r.Scope, r.Name, r.Qualifier))
	return kv.Commit(ctx, s.opts.Store, &b)
}

func eventKey(s ident.Scope, name, qualifier string) []byte {
	if qualifier == Latest {
		qualifier = ""
	}
	return under(s, "event").Str(name).Str(qualifier)
}
