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
	if r.Qualifier != "" {
		return fmt.Errorf("%w: This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.", ErrBadParameter)
	}
	return s.edit(ctx, func(b *kv.Batch) error {
		m, err := s.meta(ctx, r.Scope, r.Name)
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: %s:%s", ErrNotFound, r.ARN(), Latest)
		}
		if err != nil {
			return err
		}
		use, err := s.Use(ctx, r.Scope)
		if err != nil {
			return err
		}
		if old := m.Reserved; old != nil {
			use.Reserved -= *old
		}
		if n != nil && (*n < 0 || use.Reserved+*n > AccountConcurrency-unreserved) {
			return fmt.Errorf("%w: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", ErrBadParameter, unreserved)
		}
		return s.editMeta(ctx, b, r, func(m *meta) { m.Reserved = n })
	})
}

// Reserved returns a function's reservation, or nil.
func (s *Service) Reserved(ctx context.Context, r Ref) (*int, error) {
	m, err := s.meta(ctx, r.Scope, r.Name)
	return m.Reserved, err
}

// Tags returns a function's tags. Versions and aliases have none of their own.
func (s *Service) Tags(ctx context.Context, r Ref) (map[string]string, error) {
	m, err := s.meta(ctx, r.Scope, r.Name)
	return m.Tags, err
}

// Tag adds and replaces tags, and removes those named in drop.
func (s *Service) Tag(ctx context.Context, r Ref, add map[string]string, drop []string) error {
	if err := TaggableRef(r); err != nil {
		return err
	}
	if len(add) == 0 && len(drop) == 0 {
		return fmt.Errorf("%w: An error occurred and the request cannot be processed.", ErrBadParameter)
	}
	return s.edit(ctx, func(b *kv.Batch) error {
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
		if len(tags) > maxTags {
			return errTagLimit
		}
		v, err := s.load(ctx, r.Scope, r.Name, Latest)
		if err != nil {
			return err
		}
		v.Change, v.Revision = v.change(), ident.UUID()
		m.Tags = tags
		kv.Put(b, versionKey(r.Scope, r.Name, Latest), v)
		kv.Put(b, metaKey(r.Scope, r.Name), m)
		return nil
	})
}

// TaggableRef refuses a version or an alias.
func TaggableRef(r Ref) error {
	if r.Qualifier != "" {
		return fmt.Errorf("%w: Tags on function aliases and versions are not supported. Please specify a function ARN.", ErrBadParameter)
	}
	return nil
}

func (s *Service) editMeta(ctx context.Context, b *kv.Batch, r Ref, edit func(*meta)) error {
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return err
	}
	edit(&m)
	kv.Put(b, metaKey(r.Scope, r.Name), m)
	return nil
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
	if _, err := s.Get(ctx, r); errors.Is(err, ErrNotFound) {
		return EventConfig{}, fmt.Errorf("%w: The function doesn't exist.", ErrNoEventConfig)
	} else if err != nil {
		return EventConfig{}, err
	}
	for _, target := range []string{c.OnSuccess, c.OnFailure} {
		if err := s.checkDestination(ctx, r, c, target); err != nil {
			return EventConfig{}, err
		}
	}
	err := s.edit(ctx, func(b *kv.Batch) error {
		if merge {
			old, err := s.EventConfig(ctx, r)
			if err != nil {
				return err
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
		kv.Put(b, eventKey(r.Scope, r.Name, r.Qualifier), c)
		return nil
	})
	return c, err
}

// destinationText writes destinations as Lambda's errors do.
func destinationText(c EventConfig) string {
	one := func(name, target string) string {
		if target == "" {
			return "null"
		}
		return name + "(destination=" + target + ")"
	}
	return "DestinationConfig(onSuccess=" + one("OnSuccess", c.OnSuccess) + ", onFailure=" + one("OnFailure", c.OnFailure) + ")"
}

// checkDestination refuses a target that records cannot be sent to.
func (s *Service) checkDestination(ctx context.Context, r Ref, c EventConfig, target string) error {
	if err := s.checkTargets(target); err != nil || target == "" {
		return err
	}
	a, err := ident.ParseARN(target)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadParameter, err)
	}
	switch a.Service {
	case "lambda":
	case "sqs", "sns", "events":
		return nil
	case "s3":
		return fmt.Errorf("%w: Tarn does not support destinations of S3: give a queue, a topic, an event bus or a function", ErrBadParameter)
	default:
		return fmt.Errorf("%w: The provided destination config %s is invalid.", ErrBadParameter, destinationText(c))
	}
	to, err := ParseRef(Ref{}.Scope, target, "")
	if err != nil {
		return err
	}
	if to.Scope == r.Scope && to.Name == r.Name {
		return fmt.Errorf("%w: You can't specify the function as a destination for itself.", ErrBadParameter)
	}
	if _, err := s.Get(ctx, to); errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: The destination ARN %s is invalid.", ErrBadParameter, target)
	} else if err != nil {
		return err
	}
	return nil
}

// EventConfig returns what PutEventConfig set, or ErrNoEventConfig.
func (s *Service) EventConfig(ctx context.Context, r Ref) (EventConfig, error) {
	c, err := kv.Load[EventConfig](ctx, s.opts.Store, eventKey(r.Scope, r.Name, r.Qualifier))
	if errors.Is(err, kv.ErrNotFound) {
		if r.Qualifier == "" {
			r.Qualifier = Latest
		}
		return EventConfig{}, fmt.Errorf("%w: The function %s doesn't have an EventInvokeConfig", ErrNoEventConfig, r.ARN())
	}
	return c, err
}

// DeleteEventConfig removes what PutEventConfig set, or returns ErrNoEventConfig.
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
