package event

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Archive keeps events of a bus.
type Archive struct {
	Bus         BusRef // in whose scope the archive is
	Name        string
	Description string `json:",omitempty"`
	Pattern     string `json:",omitempty"` // "" = all events
	Days        int    `json:",omitempty"` // how long events are kept; 0 = for ever
	Created     time.Time

	pattern *eventpattern.Pattern
}

// ARN returns arn:aws:events:REGION:ACCOUNT:archive/NAME.
func (a Archive) ARN() string { return a.Bus.Scope.ARN("events", "archive/"+a.Name) }

func (a *Archive) compile() (err error) {
	a.pattern = nil
	if a.Pattern != "" {
		if a.pattern, err = eventpattern.Compile([]byte(a.Pattern)); err != nil {
			return fmt.Errorf("%w: %w", ErrBadPattern, err)
		}
	}
	return nil
}

func archiveKey(s ident.Scope, name string) key.Key { return under(s, "archive").Str(name) }

func archivedKey(s ident.Scope, name string) key.Key { return under(s, "archived").Str(name) }

func (e *Engine) setArchive(a Archive) {
	if e.archives[a.Bus] == nil {
		e.archives[a.Bus] = map[string]Archive{}
	}
	e.archives[a.Bus][a.Name] = a
}

// archive finds one by its name; e.mu is held.
func (e *Engine) archive(s ident.Scope, name string) (Archive, error) {
	for bus, list := range e.archives {
		if a, ok := list[name]; ok && bus.Scope == s {
			return a, nil
		}
	}
	return Archive{}, fmt.Errorf("%w: Archive %s does not exist.", ErrNotFound, name)
}

// CreateArchive adds an archive, which keeps what comes from now on.
func (e *Engine) CreateArchive(ctx context.Context, a Archive) (Archive, error) {
	if err := a.compile(); err != nil {
		return a, err
	}
	a.Created = e.opts.Clock.Now().UTC()
	return a, e.change(ctx, func(b *kv.Batch) (func(), error) {
		if !e.has(a.Bus) {
			return nil, fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, a.Bus.Name)
		}
		if _, err := e.archive(a.Bus.Scope, a.Name); err == nil {
			return nil, fmt.Errorf("%w: Archive %s already exists.", ErrExists, a.Name)
		}
		kv.Put(b, archiveKey(a.Bus.Scope, a.Name), a)
		return func() { e.setArchive(a) }, nil
	})
}

// EditArchive changes an archive.
func (e *Engine) EditArchive(ctx context.Context, s ident.Scope, name string, f func(*Archive)) (a Archive, err error) {
	err = e.change(ctx, func(b *kv.Batch) (func(), error) {
		if a, err = e.archive(s, name); err != nil {
			return nil, err
		}
		f(&a)
		if err := a.compile(); err != nil {
			return nil, err
		}
		kv.Put(b, archiveKey(s, name), a)
		return func() { e.setArchive(a) }, nil
	})
	return a, err
}

// DeleteArchive removes an archive with all its events.
func (e *Engine) DeleteArchive(ctx context.Context, s ident.Scope, name string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		a, err := e.archive(s, name)
		if err != nil {
			return nil, err
		}
		b.Delete(archiveKey(s, name))
		b.DeleteRange(archivedKey(s, name), archivedKey(s, name).End())
		return func() { delete(e.archives[a.Bus], name) }, nil
	})
}

// Archive returns one.
func (e *Engine) Archive(s ident.Scope, name string) (Archive, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.archive(s, name)
}

// Archives returns the archives of a scope in the order of their names.
func (e *Engine) Archives(s ident.Scope, match func(Archive) bool, after string, limit int) (list []Archive, next string) {
	e.mu.RLock()
	for bus, all := range e.archives {
		for _, a := range all {
			if bus.Scope == s && a.Name > after && match(a) {
				list = append(list, a)
			}
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b Archive) int { return strings.Compare(a.Name, b.Name) })
	if len(list) > limit {
		return list[:limit], list[limit-1].Name
	}
	return list, ""
}

// ArchiveSize counts the events of an archive and their bytes, by reading them.
func (e *Engine) ArchiveSize(ctx context.Context, a Archive) (events, bytes int64, err error) {
	for it, err := range e.opts.Store.Scan(ctx, kv.Prefix(archivedKey(a.Bus.Scope, a.Name))) {
		if err != nil {
			return 0, 0, fmt.Errorf("read archive %s: %w", a.Name, err)
		}
		events++
		bytes += int64(len(it.Value))
	}
	return events, bytes, nil
}

// runRetention removes archived events whose time is over, and replays that ended long ago.
func (e *Engine) runRetention(ctx context.Context) {
	for {
		if err := e.expire(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("empty archives", "err", err)
		}
		if clock.Sleep(ctx, e.opts.Clock, time.Hour) != nil {
			return
		}
	}
}

func (e *Engine) expire(ctx context.Context) error {
	now := e.opts.Clock.Now()
	e.mu.RLock()
	var list []Archive
	for _, all := range e.archives {
		for _, a := range all {
			if a.Days > 0 {
				list = append(list, a)
			}
		}
	}
	e.mu.RUnlock()
	var b kv.Batch
	for _, a := range list {
		from := archivedKey(a.Bus.Scope, a.Name)
		b.DeleteRange(from, from.Clone().Time(now.AddDate(0, 0, -a.Days)))
	}
	if err := e.forgetReplays(ctx, &b, now); err != nil {
		return err
	}
	if b.Empty() {
		return nil
	}
	return kv.Commit(ctx, e.opts.Store, &b)
}
