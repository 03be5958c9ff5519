package function

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	slots  int            // instances that exist or are being started
	starts map[string]int // instances that are not ready yet, by key
	queue  []*waiter      // requests that wait for room, in the order in which they came
	freed  chan struct{}  // closed and replaced whenever an instance becomes idle or a start has ended
	closed bool
}

// maxStarts bounds how many instances of one version start at the same time: more would only make each other slower. Who
// waits takes an instance that becomes free meanwhile.
func maxStarts() int { return max(4, 2*runtime.NumCPU()) }

const (
	watchEvery   = 250 * time.Millisecond
	sweepEvery   = 40   // looks
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
	p := &pool{svc: s, api: api, idle: map[string][]*instance{}, all: map[*instance]bool{}, starts: map[string]int{}, freed: make(chan struct{})}
	s.opts.Group.Go("function watch", p.watch)
	return p, nil
}

func poolKey(scope ident.Scope, v Version) string {
	return scope.String() + "/" + v.Name + "/" + v.Number + "/" + v.change()
}

// acquire returns an instance for a version: a warm one, or a new one that may not be ready yet. It waits for room as long
// as the function may run, in turn with others; how long a start takes does not count.
func (p *pool) acquire(ctx context.Context, scope ident.Scope, v Version) (in *instance, cold bool, err error) {
	key := poolKey(scope, v)
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, false, errStopping
		}
		if in := p.pop(key); in != nil {
			p.mu.Unlock()
			return in, false, nil
		}
		if p.starts[key] >= maxStarts() {
			freed := p.freed
			p.mu.Unlock()
			select {
			case <-freed:
				continue
			case <-ctx.Done():
				return nil, false, ctx.Err()
			}
		}
		if p.slots < p.svc.opts.MaxInstances && len(p.queue) == 0 {
			p.slots++
			in, err := p.launch(ctx, scope, v, key)
			return in, true, err
		}
		w := &waiter{key: key, turn: make(chan *instance, 1)}
		p.queue = append(p.queue, w)
		victim := p.oldestIdle()
		p.mu.Unlock()
		if victim != nil {
			go victim.kill("evicted")
		}
		in, err := p.wait(ctx, w, v.Config.Timeout)
		if err != nil || in != nil {
			return in, false, err
		}
		p.mu.Lock()
		in, err = p.launch(ctx, scope, v, key)
		return in, true, err
	}
}

// launch starts an instance in a slot that is counted already. It unlocks p.mu.
func (p *pool) launch(ctx context.Context, scope ident.Scope, v Version, key string) (*instance, error) {
	p.starts[key]++
	p.mu.Unlock()
	in, err := p.svc.start(ctx, scope, v, key)
	if err != nil {
		p.startEnded(key)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.freeSlot()
		return nil, err
	}
	p.mu.Lock()
	p.all[in] = true
	p.mu.Unlock()
	go func() { // whatever ends it gives its slot back
		select {
		case <-in.ready:
		case <-in.exited:
		}
		p.startEnded(key)
		<-in.exited
		p.forget(in)
	}()
	return in, nil
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
	select {
	case <-in.exited:
		return // whoever waits gets its slot
	default:
	}
	if len(p.queue) > 0 {
		if w := p.queue[0]; w.key == in.key && !p.svc.opts.Clock.Now().After(in.expires) {
			p.queue = p.queue[1:]
			w.turn <- in
		} else {
			go in.kill("evicted") // its slot is the turn of the first who waits
		}
		return
	}
	p.idle[in.key] = append(p.idle[in.key], in)
	p.signal()
}

// startEnded counts a start that has succeeded or failed.
func (p *pool) startEnded(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.starts[key]--; p.starts[key] == 0 {
		delete(p.starts, key)
	}
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
	p.freeSlot()
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

// watch enforces the limits of memory, processes and /tmp, and ends instances and folders of code that were idle for long.
func (p *pool) watch(ctx context.Context) {
	for tick := 0; clock.Sleep(ctx, p.svc.opts.Clock, watchEvery) == nil; tick++ {
		busy, tired := p.look()
		for _, in := range tired {
			in.kill("idle")
		}
		var use map[int]sandbox.Group
		if len(busy) > 0 {
			use = sandbox.Usage()
		}
		for _, in := range busy {
			in.check(use[in.cmd.Process.Pid])
			if tick%4 == 0 {
				in.checkStorage()
			}
		}
		if tick%sweepEvery == 0 {
			p.svc.code.sweep(p.svc.opts.IdleAfter)
		}
	}
}

// look returns the instances that have something to do, and takes out of the idle ones those that were idle too long, so that
// no request gets one that is about to end.
func (p *pool) look() (busy, tired []*instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.svc.opts.Clock.Now()
	idle := map[*instance]bool{}
	for key, list := range p.idle {
		n := 0
		for n < len(list) && now.Sub(list[n].lastUsed) > p.svc.opts.IdleAfter { // the one that was used last is at the end
			n++
		}
		tired = append(tired, list[:n]...)
		for _, in := range list {
			idle[in] = true
		}
		p.setIdle(key, list[n:])
	}
	for in := range p.all {
		if !idle[in] {
			busy = append(busy, in)
		}
	}
	return busy, tired
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

// checkStorage ends an instance whose /tmp holds more than it may. Lambda fails its writes; here one file alone is bound by
// the system (RLIMIT_FSIZE), many files by this.
func (in *instance) checkStorage() {
	limit := int64(in.version.Config.StorageMB) << 20
	if diskUse(filepath.Join(in.dir, "tmp"), limit) > limit {
		in.kill("storage")
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
	for _, w := range p.queue {
		close(w.turn)
	}
	p.queue = nil
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
