package topic

import (
	"context"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// pace keeps posts by HTTP to the rates of their throttle policies.
type pace struct {
	mu   sync.Mutex               // guards next
	next map[string]time.Duration // by subscription: when, on the clock's elapsed time, its next post may begin
}

// maxPaced bounds what is remembered of subscriptions whose turn has passed.
const maxPaced = 1000

// turn takes the next turn of a subscription and returns how long it is away.
func (p *pace) turn(subscription string, now, every time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := max(p.next[subscription], now)
	if len(p.next) >= maxPaced {
		for s, t := range p.next {
			if t <= now {
				delete(p.next, s)
			}
		}
	}
	if p.next == nil {
		p.next = map[string]time.Duration{}
	}
	p.next[subscription] = at + every
	return at - now
}

// awaitTurn waits until a notice may be posted. The few posts of one endpoint that are under way at a time wait here, the others in
// the outbox, so that nothing else is held up.
//
// Source: "Creating an HTTP/S delivery policy" in the Amazon SNS developer guide: maxReceivesPerSecond counts for a subscription.
func (e *Engine) awaitTurn(ctx context.Context, n *Notice) error {
	if n.Kind != Notification || n.Subscription.Protocol != "http" && n.Subscription.Protocol != "https" {
		return nil
	}
	perSecond := EffectivePolicy(&n.Topic, &n.Subscription).PerSecond
	if perSecond == 0 {
		return nil
	}
	return clock.Sleep(ctx, e.opts.Clock, e.pace.turn(n.Subscription.ARN(), e.opts.Clock.Elapsed(), time.Second/time.Duration(perSecond)))
}
