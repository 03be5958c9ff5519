// Package lifecycle starts the parts of a process in order and stops them in reverse. Every goroutine of Tarn that
// outlives a call belongs to a Group, which waits for it: after Stop returns nothing runs any more.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Group owns background goroutines and closers. The zero value is not usable: call New.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc
	log    *slog.Logger

	wg sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	closers []closer
	stopped bool
}

type closer struct {
	name  string
	close func(context.Context) error
}

// New returns an empty group. Its context ends when Stop is called or parent ends.
func New(parent context.Context, log *slog.Logger) *Group {
	if log == nil {
		log = slog.Default()
	}
	ctx, cancel := context.WithCancel(parent)
	return &Group{ctx: ctx, cancel: cancel, log: log}
}

// Context returns the context that the group's goroutines run under.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs fn in a goroutine that Stop waits for. fn must return soon after its context ends. A panic in fn is logged
// with its stack and ends that goroutine only. After Stop, Go does nothing.
func (g *Group) Go(name string, fn func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		defer func() {
			if p := recover(); p != nil {
				g.log.Error("background work panicked", "name", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		fn(g.ctx)
	}()
}

// OnStop registers close to be called by Stop, after the goroutines have ended, last registered first.
func (g *Group) OnStop(name string, close func(context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closers = append(g.closers, closer{name, close})
}

// Stop ends the group's context, waits for its goroutines and runs the closers in reverse order. It returns early with
// the context's error when ctx ends while goroutines are still running; the closers run all the same. A second Stop
// does nothing.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	if g.stopped {
		g.mu.Unlock()
		return nil
	}
	g.stopped = true
	closers := g.closers
	g.mu.Unlock()

	g.cancel()
	done := make(chan struct{})
	go func() { g.wg.Wait(); close(done) }()
	var errs []error
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("wait for background work: %w", ctx.Err()))
	}
	for i := len(closers) - 1; i >= 0; i-- {
		if err := closers[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", closers[i].name, err))
		}
	}
	return errors.Join(errs...)
}
