package function

import (
	"context"
	"fmt"
	"slices"
	"time"
)

var errStopping = fmt.Errorf("%w: the server is stopping", ErrTooManyRequests)

// waiter is a request that waits for room.
type waiter struct {
	key string
	// turn gets a warm instance, or nil for a slot to start one in; it is closed when the server stops.
	turn chan *instance
}

// wait blocks until it is w's turn. An instance is warm; nil without an error is a slot.
func (p *pool) wait(ctx context.Context, w *waiter, patience time.Duration) (*instance, error) {
	t := p.svc.opts.Clock.NewTimer(patience)
	defer t.Stop()
	var why error
	select {
	case in, ok := <-w.turn:
		if !ok {
			return nil, errStopping
		}
		return in, nil
	case <-t.C():
		why = fmt.Errorf("%w: all %d instances were busy for %v; raise --max-instances", ErrTooManyRequests, p.svc.opts.MaxInstances, patience)
	case <-ctx.Done():
		why = ctx.Err()
	}
	p.mu.Lock()
	if i := slices.Index(p.queue, w); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
		p.mu.Unlock()
		return nil, why
	}
	p.mu.Unlock()
	// Its turn came at the same moment: it goes to the next.
	switch in, ok := <-w.turn; {
	case in != nil:
		p.put(in)
	case ok:
		p.mu.Lock()
		p.freeSlot()
		p.mu.Unlock()
	}
	return nil, why
}

// freeSlot gives a slot to the first who waits. p.mu is held.
func (p *pool) freeSlot() {
	if len(p.queue) == 0 {
		p.slots--
		p.signal()
		return
	}
	w := p.queue[0]
	p.queue = p.queue[1:]
	w.turn <- nil
}
