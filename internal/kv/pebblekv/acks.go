package pebblekv

import (
	"context"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tarn-data/tarn/internal/kv"
)

// pending is a batch on its way to the disk.
type pending struct {
	batch *pebble.Batch // owned by acks
	wake  []*watcher
	done  chan struct{} // closed when err is known
	err   error
}

// Wait implements kv.Pending.
func (p *pending) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acks waits for the sync of every batch, in the order in which they were applied, wakes watchers and then releases the
// caller. One goroutine does it for all, so that neither a caller who gives up nor one who never waits holds anything.
type acks struct {
	watch   *watchers
	stopped chan struct{}
	failed  error // the first failure, after which no batch can be durable; used by run only

	mu     sync.Mutex // guards the fields below
	more   sync.Cond
	queue  []*pending
	closed bool
}

func newAcks(w *watchers) *acks {
	a := &acks{watch: w, stopped: make(chan struct{})}
	a.more.L = &a.mu
	go a.run()
	return a
}

// push queues p. The caller holds the mutex that orders batches.
func (a *acks) push(p *pending) {
	a.mu.Lock()
	a.queue = append(a.queue, p)
	if len(a.queue) == 1 {
		a.more.Signal()
	}
	a.mu.Unlock()
}

// close ends the goroutine after the queue is empty and waits for it.
func (a *acks) close() {
	a.mu.Lock()
	a.closed = true
	a.more.Signal()
	a.mu.Unlock()
	<-a.stopped
}

func (a *acks) run() {
	defer close(a.stopped)
	var spare []*pending
	for {
		a.mu.Lock()
		for len(a.queue) == 0 && !a.closed {
			a.more.Wait()
		}
		list := a.queue
		a.queue = spare[:0]
		a.mu.Unlock()
		if len(list) == 0 {
			return
		}
		for i, p := range list {
			a.settle(p)
			list[i] = nil
		}
		spare = list
	}
}

func (a *acks) settle(p *pending) {
	err := p.batch.SyncWait()
	p.batch.Close()
	p.batch = nil
	if err != nil && a.failed == nil {
		a.failed = mapError(err)
	}
	if p.err = a.failed; p.err == nil {
		a.watch.notify(p.wake)
	}
	close(p.done)
}

var _ kv.Pending = (*pending)(nil)
