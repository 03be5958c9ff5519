// Package pace spaces calls so that no more than so many are made in a second.
package pace

import (
	"context"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// Pacer gives turns to those who share a name. The zero value is ready to use, and safe for concurrent use.
type Pacer struct {
	mu   sync.Mutex               // guards next
	next map[string]time.Duration // by name: when, on the clock's elapsed time, its next call may begin
}

// maxIdle bounds how many names are remembered whose turn has passed.
const maxIdle = 1000

// Await takes the next turn of a name and waits until it has come; perSecond is at least 1. It returns early, with the turn lost,
// when ctx ends.
func (p *Pacer) Await(ctx context.Context, c clock.Clock, name string, perSecond int) error {
	return clock.Sleep(ctx, c, p.turn(name, c.Elapsed(), time.Second/time.Duration(perSecond)))
}

// turn returns how long the next turn is away.
func (p *Pacer) turn(name string, now, every time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := max(p.next[name], now)
	if len(p.next) >= maxIdle {
		for s, t := range p.next {
			if t <= now {
				delete(p.next, s)
			}
		}
	}
	if p.next == nil {
		p.next = map[string]time.Duration{}
	}
	p.next[name] = at + every
	return at - now
}
