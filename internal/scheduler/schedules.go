package scheduler

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/schedule"
)

// compile reads the expression and the zone.
func (s *Schedule) compile() (err error) {
	if s.expr, err = schedule.Parse(s.Expression); err != nil {
		return fmt.Errorf("%w: Invalid Schedule Expression %s.", ErrBadInput, s.Expression)
	}
	if s.loc = time.UTC; s.Zone != "" {
		if s.loc, err = time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
			return fmt.Errorf("%w: Provided ScheduleExpressionTimezone %s is not valid.", ErrBadInput, s.Zone)
		}
	}
	return nil
}

func (s *Schedule) rate() bool {
	_, ok := s.expr.(schedule.Rate)
	return ok
}

// next returns when the schedule falls due after what was fired last; zero = never again.
//
// Source: "Schedule types" in the EventBridge Scheduler user guide: a rate counts from the start date, and from the creation where
// there is none.
func (s *Schedule) next() time.Time {
	var due time.Time
	if rate, ok := s.expr.(schedule.Rate); ok {
		switch {
		case !s.Last.IsZero():
			due = s.Last.Add(time.Duration(rate))
		case s.Start.After(s.Created):
			due = s.Start
		default:
			due = s.Modified
		}
	} else {
		from := s.Last
		if from.IsZero() {
			from = s.Modified
			if s.Start.After(from) {
				from = s.Start.Add(-time.Nanosecond)
			}
		}
		due = s.expr.Next(from.In(s.loc))
	}
	if !s.End.IsZero() && due.After(s.End) {
		return time.Time{}
	}
	return due
}

// newest returns the newest due time that is not after now, from due on.
func (s *Schedule) newest(due, now time.Time) time.Time {
	if rate, ok := s.expr.(schedule.Rate); ok {
		due = due.Add(now.Sub(due) / time.Duration(rate) * time.Duration(rate))
		for !s.End.IsZero() && due.After(s.End) {
			due = due.Add(-time.Duration(rate))
		}
		return due
	}
	for {
		next := s.expr.Next(due.In(s.loc))
		if next.IsZero() || next.After(now) || !s.End.IsZero() && next.After(s.End) {
			return due
		}
		due = next
	}
}

func (s *Schedule) check(now time.Time) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadInput, fmt.Sprintf(format, args...))
	}
	t := &s.Target
	switch {
	case !nameForm.MatchString(s.Name):
		return bad("schedule name %q: want 1 to 64 letters, digits, -, _ and .", s.Name)
	case !s.End.IsZero() && !s.End.After(now):
		return bad("The EndDate you specify must come after the current time: %s", s.End.Format(time.RFC3339))
	case !s.End.IsZero() && !s.End.After(s.Start):
		return bad("The StartDate you specify must come before the EndDate: %s, %s", s.Start.Format(time.RFC3339), s.End.Format(time.RFC3339))
	case s.Window < 0 || s.Window > 24*time.Hour:
		return bad("MaximumWindowInMinutes %d: want 1 to 1440", int(s.Window/time.Minute))
	case t.Retries < 0 || t.Retries > 185:
		return bad("MaximumRetryAttempts %d: want 0 to 185", t.Retries)
	case t.MaxAge < time.Minute || t.MaxAge > 24*time.Hour:
		return bad("MaximumEventAgeInSeconds %d: want 60 to 86400", int(t.MaxAge/time.Second))
	case len(t.Input) > MaxInputBytes:
		return bad("Input has %d bytes: want at most %d", len(t.Input), MaxInputBytes)
	}
	return s.compile()
}

// Create adds a schedule. One that was made with the same token is no error.
func (e *Engine) Create(ctx context.Context, s Schedule) error {
	return e.put(ctx, s, func(old Schedule, ok bool) error {
		if ok {
			return fmt.Errorf("%w: Schedule %s already exists.", ErrExists, s.Name)
		}
		return nil
	})
}

// Replace sets all of a schedule but its creation. It counts its firings anew.
func (e *Engine) Replace(ctx context.Context, s Schedule) error {
	return e.put(ctx, s, func(_ Schedule, ok bool) error {
		if !ok {
			return fmt.Errorf("%w: Schedule %s does not exist.", ErrNotFound, s.Name)
		}
		return nil
	})
}

func (e *Engine) put(ctx context.Context, s Schedule, allowed func(old Schedule, ok bool) error) error {
	now := e.opts.Clock.Now().UTC()
	if err := s.check(now); err != nil {
		return err
	}
	if err := e.opts.Targets.Check(ctx, s.Scope, s.Target); err != nil {
		return err
	}
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, err := e.group(s.Scope, s.Group); err != nil {
			return nil, err
		}
		old, ok := e.schedules[s.Ref]
		if ok && s.Token != "" && old.Token == s.Token {
			return nil, nil // the same request again
		}
		if err := allowed(old, ok); err != nil {
			return nil, err
		}
		s.Created, s.Modified = now, now
		if ok {
			s.Created = old.Created
		}
		kv.Put(b, scheduleKey(s.Ref), s)
		return func() { e.set(s) }, nil
	})
}

// Delete removes a schedule. Firings that are queued are carried out.
func (e *Engine) Delete(ctx context.Context, r Ref) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, ok := e.schedules[r]; !ok {
			return nil, fmt.Errorf("%w: Schedule %s does not exist.", ErrNotFound, r.Name)
		}
		b.Delete(scheduleKey(r))
		return func() { delete(e.schedules, r) }, nil
	})
}

// Get returns a schedule.
func (e *Engine) Get(r Ref) (Schedule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s, ok := e.schedules[r]
	if !ok {
		return s, fmt.Errorf("%w: Schedule %s does not exist.", ErrNotFound, r.Name)
	}
	return s, nil
}

// List returns schedules that match in the order of their ARNs, after the ARN given.
func (e *Engine) List(match func(Schedule) bool, after string, limit int) (list []Schedule, next string) {
	e.mu.RLock()
	for _, s := range e.schedules {
		if match(s) && s.ARN() > after {
			list = append(list, s)
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b Schedule) int { return strings.Compare(a.ARN(), b.ARN()) })
	if len(list) > limit {
		return list[:limit], list[limit-1].ARN()
	}
	return list, ""
}
