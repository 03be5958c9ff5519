package event

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/schedule"
)

func ruleKey(b BusRef, name string) key.Key { return under(b.Scope, "rule").Str(b.Name).Str(name) }

func (e *Engine) set(r Rule) {
	if e.rules[r.Bus] == nil {
		e.rules[r.Bus] = map[string]Rule{}
	}
	e.rules[r.Bus][r.Name] = r
}

func (r *Rule) compile() (err error) {
	if r.Pattern != "" {
		if r.pattern, err = eventpattern.Compile([]byte(r.Pattern)); err != nil {
			return fmt.Errorf("%w: %w", ErrBadPattern, err)
		}
	}
	if r.Schedule != "" {
		if strings.HasPrefix(r.Schedule, "at(") {
			return fmt.Errorf("%w: %s: want cron(…) or rate(…)", ErrBadSchedule, r.Schedule)
		}
		if r.schedule, err = schedule.Parse(r.Schedule); err != nil {
			return fmt.Errorf("%w: %w", ErrBadSchedule, err)
		}
	}
	return nil
}

// PutRule adds a rule, or replaces all of one but its targets and tags.
func (e *Engine) PutRule(ctx context.Context, r Rule) (Rule, error) {
	switch {
	case len(r.Name) > 64 || !nameForm.MatchString(r.Name) || strings.Contains(r.Name, "/"):
		return r, fmt.Errorf("%w: rule name %q: want 1 to 64 letters, digits, ., - and _", ErrBadInput, r.Name)
	case r.Pattern == "" && r.Schedule == "":
		return r, fmt.Errorf("%w: Parameter(s) EventPattern or ScheduleExpression must be specified.", ErrBadInput)
	case r.Schedule != "" && r.Bus.Name != DefaultBus:
		return r, fmt.Errorf("%w: ScheduleExpression is supported only on the default event bus.", ErrBadInput)
	}
	if err := r.compile(); err != nil {
		return r, err
	}
	err := e.edit(ctx, r.Bus, r.Name, true, func(old *Rule) error {
		r.Targets, r.Last = old.Targets, old.Last
		if r.Tags == nil {
			r.Tags = old.Tags
		}
		if old.Schedule != r.Schedule || r.Last.IsZero() {
			r.Last = e.opts.Clock.Now().UTC()
		}
		*old = r
		return nil
	})
	return r, err
}

// Edit changes a rule.
func (e *Engine) Edit(ctx context.Context, b BusRef, name string, f func(*Rule) error) error {
	return e.edit(ctx, b, name, false, f)
}

func (e *Engine) edit(ctx context.Context, bus BusRef, name string, create bool, f func(*Rule) error) error {
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		if !e.has(bus) {
			return nil, fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, bus.Name)
		}
		r, ok := e.rules[bus][name]
		if !ok && !create {
			return nil, fmt.Errorf("%w: Rule %s does not exist on EventBus %s.", ErrNotFound, name, bus.Name)
		}
		r.Targets = slices.Clone(r.Targets)
		if err := f(&r); err != nil {
			return nil, err
		}
		kv.Put(b, ruleKey(bus, name), r)
		return func() { e.set(r) }, nil
	})
	select {
	case e.kick <- struct{}{}:
	default:
	}
	return err
}

// DeleteRule removes a rule without targets. One that is gone is no error.
func (e *Engine) DeleteRule(ctx context.Context, bus BusRef, name string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if len(e.rules[bus][name].Targets) > 0 {
			return nil, fmt.Errorf("%w: Rule can't be deleted since it has targets.", ErrBadInput)
		}
		b.Delete(ruleKey(bus, name))
		return func() { delete(e.rules[bus], name) }, nil
	})
}

// Rule returns a rule.
func (e *Engine) Rule(b BusRef, name string) (Rule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	r, ok := e.rules[b][name]
	if !ok {
		return r, fmt.Errorf("%w: Rule %s does not exist on EventBus %s.", ErrNotFound, name, b.Name)
	}
	return r, nil
}

// Rules returns the rules of a bus in the order of their names.
func (e *Engine) Rules(b BusRef, match func(Rule) bool, after string, limit int) (list []Rule, next string, err error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !e.has(b) {
		return nil, "", fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, b.Name)
	}
	for _, r := range e.rules[b] {
		if r.Name > after && match(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].Name
	}
	return list, next, nil
}

// PutTarget adds a target to a rule or replaces the one with its id.
func (e *Engine) PutTarget(ctx context.Context, b BusRef, rule string, t Target) error {
	r, err := e.Rule(b, rule)
	if err != nil {
		return err
	}
	if err := t.validate(); err != nil {
		return err
	}
	if err := e.opts.Deliverer.Check(ctx, r, t); err != nil {
		return err
	}
	return e.Edit(ctx, b, rule, func(r *Rule) error {
		r.Targets = slices.DeleteFunc(r.Targets, func(o Target) bool { return o.ID == t.ID })
		if len(r.Targets) >= MaxTargets {
			return fmt.Errorf("%w: a rule has at most %d targets", ErrLimit, MaxTargets)
		}
		r.Targets = append(r.Targets, t)
		return nil
	})
}
