package function

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/sandbox"
)

// pool keeps instances warm and bounds how many there are.
type pool struct {
	svc *Service
	api *runtimeAPI

	mu     sync.Mutex
	idle   map[string][]*instance // by key, most recently used last
	all    map[*instance]bool
	slots  int           // instances that exist or are being started
	freed  chan struct{} // closed and replaced whenever a slot or an instance becomes free
	closed bool
}

const (
	watchEvery   = 250 * time.Millisecond
	maxProcesses = 1024 // per instance, as on Lambda
)

func newPool(s *Service) (*pool, error) {
	api, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	run := filepath.Join(s.opts.Dir, "run")
	if err := errors.Join(os.RemoveAll(run), os.MkdirAll(run, 0o700)); err != nil {
		api.close()
		return nil, fmt.Errorf("make instance folders: %w", err)
	}
	p := &pool{svc: s, api: api, idle: map[string][]*instance{}, all: map[*instance]bool{}, freed: make(chan struct{})}
	s.opts.Group.Go("function watch", p.watch)
	return p, nil
}

func poolKey(scope ident.Scope, v Version) string {
	return scope.String() + "/" + v.Name + "/" + v.Number + "/" + v.Revision
}

// acquire returns an instance for a version: a warm one, or a new one that may not be ready yet. It waits for room as long
// as the function may run; how long a start takes does not count.
func (p *pool) acquire(ctx context.Context, scope ident.Scope, v Version) (in *instance, cold bool, err error) {
	key := poolKey(scope, v)
	patience := p.svc.opts.Clock.NewTimer(v.Config.Timeout)
	defer patience.Stop()
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, false, fmt.Errorf("%w: the server is stopping", ErrTooManyRequests)
		}
		if in := p.pop(key); in != nil {
			p.mu.Unlock()
			return in, false, nil
		}
		if p.slots < p.svc.opts.MaxInstances {
			p.slots++
			p.mu.Unlock()
			in, err := p.svc.start(ctx, scope, v, key)
			if err != nil {
				p.releaseSlot()
				return nil, false, err
			}
			p.mu.Lock()
			p.all[in] = true
			p.mu.Unlock()
			go func() { // whatever ends it gives its slot back
				<-in.exited
				p.forget(in)
			}()
			return in, true, nil
		}
		victim := p.oldestIdle()
		freed := p.freed
		p.mu.Unlock()
		if victim != nil {
			victim.kill("evicted")
			continue
		}
		select {
		case <-freed:
		case <-patience.C():
			return nil, false, fmt.Errorf("%w: all %d instances were busy for %v; raise --max-instances", ErrTooManyRequests, p.svc.opts.MaxInstances, v.Config.Timeout)
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// pop takes the most recently used live instance of key.
func (p *pool) pop(key string) *instance {
	list := p.idle[key]
	for len(list) > 0 {
		in := list[len(list)-1]
		list = list[:len(list)-1]
		select {
		case <-in.exited:
			continue
		default:
		}
		if p.svc.opts.Clock.Now().After(in.expires) {
			go in.kill("expired")
			continue
		}
		p.setIdle(key, list)
		return in
	}
	p.setIdle(key, list)
	return nil
}

func (p *pool) setIdle(key string, list []*instance) {
	if len(list) == 0 {
		delete(p.idle, key)
	} else {
		p.idle[key] = list
	}
}

// oldestIdle takes the instance that was idle longest, of any function.
func (p *pool) oldestIdle() *instance {
	var oldest *instance
	for _, list := range p.idle {
		if in := list[0]; oldest == nil || in.lastUsed.Before(oldest.lastUsed) {
			oldest = in
		}
	}
	if oldest != nil {
		p.setIdle(oldest.key, p.idle[oldest.key][1:])
	}
	return oldest
}

// put gives an instance back after a request that it served well.
func (p *pool) put(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in.lastUsed = p.svc.opts.Clock.Now()
	if p.closed {
		go in.kill("closing")
		return
	}
	p.idle[in.key] = append(p.idle[in.key], in)
	p.signal()
}

func (p *pool) releaseSlot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots--
	p.signal()
}

func (p *pool) forget(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, in)
	list := p.idle[in.key]
	for i, other := range list {
		if other == in {
			p.setIdle(in.key, append(list[:i:i], list[i+1:]...))
			break
		}
	}
	p.slots--
	p.signal()
}

func (p *pool) signal() {
	close(p.freed)
	p.freed = make(chan struct{})
}

// retire ends the idle instances of a function that was deleted.
func (p *pool) retire(scope ident.Scope, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for in := range p.all {
		if in.scope == scope && in.version.Name == name {
			in.expires = time.Time{}
		}
	}
	for _, list := range p.idle {
		for _, in := range list {
			if in.scope == scope && in.version.Name == name {
				go in.kill("deleted")
			}
		}
	}
}

// watch enforces memory and process limits, and ends instances that were idle for long.
func (p *pool) watch(ctx context.Context) {
	for clock.Sleep(ctx, p.svc.opts.Clock, watchEvery) == nil {
		p.mu.Lock()
		list := make([]*instance, 0, len(p.all))
		for in := range p.all {
			list = append(list, in)
		}
		idle := map[*instance]bool{}
		for _, l := range p.idle {
			for _, in := range l {
				idle[in] = true
			}
		}
		now := p.svc.opts.Clock.Now()
		busy := len(list) > len(idle)
		p.mu.Unlock()
		var use map[int]sandbox.Group
		if busy {
			use = sandbox.Usage()
		}
		for _, in := range list {
			if idle[in] {
				if now.Sub(in.lastUsed) > p.svc.opts.IdleAfter {
					in.kill("idle")
				}
				continue
			}
			in.check(use[in.cmd.Process.Pid])
		}
	}
}

// check records what an instance uses and ends it when that is too much.
func (in *instance) check(g sandbox.Group) {
	in.mu.Lock()
	in.maxMemory = max(in.maxMemory, g.ResidentBytes)
	limit := int64(in.version.Config.MemoryMB) << 20
	in.mu.Unlock()
	switch {
	case g.ResidentBytes > limit+in.overhead():
		in.kill("memory")
	case g.Processes > maxProcesses:
		in.kill("processes")
	}
}

// overhead is what the interpreter itself may use above the function's memory: on Lambda runtimes are built for 128 MB,
// the interpreters of a distribution are not.
func (in *instance) overhead() int64 {
	switch fam, _ := familyOf(in.version.Config.Runtime); fam {
	case nodejs:
		return 96 << 20
	case java: // the virtual machine itself: code, metadata, its compiler
		return 128 << 20
	case python:
		return 32 << 20
	}
	return 0
}

// residentNow is the memory of an instance that was never seen by the watcher because it was quick.
func residentNow(in *instance) int64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", in.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(stat), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

func (p *pool) close(context.Context) error {
	p.mu.Lock()
	p.closed = true
	list := make([]*instance, 0, len(p.all))
	for in := range p.all {
		list = append(list, in)
	}
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, in := range list {
		wg.Go(func() { in.kill("closing") })
	}
	wg.Wait()
	p.api.close()
	return nil
}
