package pebblekv

import (
	"context"
	"sync"

	"github.com/tarn-data/tarn/internal/kv"
)

// gate counts the calls that use the database, so that Close can wait for them: Pebble panics when it is used after its
// Close. After Close has begun nobody enters, not even from
// the loop of a scan that still runs: it sees kv.ErrClosed.
type gate struct {
	mu     sync.Mutex // guards the fields below
	inside int
	closed bool
	empty  chan struct{} // closed when the last call has left a closed gate
}

// enter returns kv.ErrClosed or the context's error, or lets the caller in, who must leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return kv.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
	g.mu.Unlock()
}

// close lets nobody in any more and waits until all have left. It reports whether it was the first close.
func (g *gate) close() bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.closed = true
	var empty chan struct{}
	if g.inside > 0 {
		empty = make(chan struct{})
		g.empty = empty
	}
	g.mu.Unlock()
	if empty != nil {
		<-empty
	}
	return true
}
