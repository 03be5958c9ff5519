package scheduler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// group returns a group; e.mu is held.
func (e *Engine) group(s ident.Scope, name string) (Group, error) {
	g, ok := e.groups[groupRef(s, name)]
	if !ok && name != DefaultGroup {
		return g, fmt.Errorf("%w: Schedule group %s does not exist.", ErrNotFound, name)
	}
	g.Scope, g.Name = s, name
	return g, nil
}

// CreateGroup adds a group.
func (e *Engine) CreateGroup(ctx context.Context, g Group) error {
	if !nameForm.MatchString(g.Name) {
		return fmt.Errorf("%w: group name %q: want 1 to 64 letters, digits, -, _ and .", ErrBadInput, g.Name)
	}
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, err := e.group(g.Scope, g.Name); err == nil {
			return nil, fmt.Errorf("%w: Schedule group %s already exists.", ErrExists, g.Name)
		}
		n := 1
		for r := range e.groups {
			if r.Scope == g.Scope {
				n++
			}
		}
		if n >= MaxGroups {
			return nil, fmt.Errorf("%w: an account has at most %d schedule groups", ErrLimit, MaxGroups)
		}
		g.Created = e.opts.Clock.Now().UTC()
		g.Modified = g.Created
		kv.Put(b, under(g.Scope, "group").Str(g.Name), g)
		return func() { e.groups[groupRef(g.Scope, g.Name)] = g }, nil
	})
}

// EditTags changes the tags of a group.
func (e *Engine) EditTags(ctx context.Context, s ident.Scope, name string, f func(map[string]string)) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		g, err := e.group(s, name)
		if err != nil {
			return nil, err
		}
		if g.Tags = maps.Clone(g.Tags); g.Tags == nil {
			g.Tags = map[string]string{}
		}
		if f(g.Tags); len(g.Tags) > MaxTags {
			return nil, fmt.Errorf("%w: %d tags: want at most %d", ErrBadInput, len(g.Tags), MaxTags)
		}
		g.Modified = e.opts.Clock.Now().UTC()
		kv.Put(b, under(s, "group").Str(name), g)
		return func() { e.groups[groupRef(s, name)] = g }, nil
	})
}

// DeleteGroup removes a group with its schedules.
func (e *Engine) DeleteGroup(ctx context.Context, s ident.Scope, name string) error {
	if name == DefaultGroup {
		return fmt.Errorf("%w: The default schedule group cannot be deleted.", ErrBadInput)
	}
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		if _, err := e.group(s, name); err != nil {
			return nil, err
		}
		b.Delete(under(s, "group").Str(name))
		all := under(s, "schedule").Str(name)
		b.DeleteRange(all, all.End())
		return func() {
			delete(e.groups, groupRef(s, name))
			maps.DeleteFunc(e.schedules, func(r Ref, _ Schedule) bool { return r.Scope == s && r.Group == name })
		}, nil
	})
}

// Group returns a group.
func (e *Engine) Group(s ident.Scope, name string) (Group, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.group(s, name)
}

// Groups returns the groups of a scope in the order of their names.
func (e *Engine) Groups(s ident.Scope, prefix, after string, limit int) (list []Group, next string) {
	e.mu.RLock()
	base, _ := e.group(s, DefaultGroup)
	all := []Group{base}
	for r, g := range e.groups {
		if r.Scope == s && g.Name != DefaultGroup {
			all = append(all, g)
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(all, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	for _, g := range all {
		if !strings.HasPrefix(g.Name, prefix) || g.Name <= after {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Name
		}
		list = append(list, g)
	}
	return list, ""
}
