// Package clock is the source of time of every engine. Nothing below internal/ but this package reads the machine's
// clock, so that tests can move time: windows close, messages become visible and retries fall due without waiting.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and wakes callers. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current time. On the real clock it carries a monotonic reading, so that differences of two calls
	// are not disturbed by changes of the wall clock.
	Now() time.Time
	// Elapsed returns how much time has passed since a moment of the clock's own choice. Nobody can set it: it tells
	// how long something took while the process ran, whatever became of Now meanwhile.
	Elapsed() time.Duration
	// NewTimer returns a timer that sends once on C when d has passed, whatever becomes of Now meanwhile. A timer with d <= 0 fires at once.
	NewTimer(d time.Duration) Timer
}

// Timer fires once. It models *time.Timer.
type Timer interface {
	// C receives the time at which the timer fired. It is never closed.
	C() <-chan time.Time
	// Stop keeps the timer from firing and reports whether it did so.
	Stop() bool
	// Reset makes the timer fire after d, whatever its state was; a value not yet received is dropped.
	Reset(d time.Duration)
}

// Sleep waits for d on c. It returns early with the context's error when ctx ends.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Real returns the machine's clock.
func Real() Clock { return realClock{time.Now()} }

type realClock struct{ start time.Time }

func (realClock) Now() time.Time { return time.Now() }

func (c realClock) Elapsed() time.Duration { return time.Since(c.start) }

func (realClock) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

type realTimer struct{ t *time.Timer }

func (t realTimer) C() <-chan time.Time   { return t.t.C }
func (t realTimer) Stop() bool            { return t.t.Stop() }
func (t realTimer) Reset(d time.Duration) { t.t.Reset(d) }
