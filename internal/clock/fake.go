package clock

import (
	"sync"
	"time"
)

// Fake is a clock that stands still until a test moves it. Make it with NewFake.
type Fake struct {
	mu      sync.Mutex
	start   time.Time
	elapsed time.Duration
	jumped  time.Duration // how far the wall clock was set
	timers  map[*fakeTimer]struct{}
	changed chan struct{} // closed and replaced whenever a timer is armed
}

var _ Clock = (*Fake)(nil)

// NewFake returns a clock that shows start.
func NewFake(start time.Time) *Fake {
	return &Fake{start: start, timers: map[*fakeTimer]struct{}{}, changed: make(chan struct{})}
}

// Now implements Clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now()
}

func (f *Fake) now() time.Time { return f.start.Add(f.elapsed + f.jumped) }

// Elapsed implements Clock.
func (f *Fake) Elapsed() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.elapsed
}

// NewTimer implements Clock.
func (f *Fake) NewTimer(d time.Duration) Timer {
	t := &fakeTimer{clock: f, c: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

// Advance lets d pass and fires the timers that fall due, earliest first.
func (f *Fake) Advance(d time.Duration) {
	if d < 0 {
		panic("BUG: time does not run backwards; Jump sets the wall clock back")
	}
	f.mu.Lock()
	target := f.elapsed + d
	for {
		next := f.earliest()
		if next == nil || next.at > target {
			break
		}
		f.elapsed = max(f.elapsed, next.at)
		delete(f.timers, next)
		next.fire(f.now())
	}
	f.elapsed = target
	f.mu.Unlock()
}

// Jump sets the wall clock forward by d, or back where d is negative, as its owner or a time server may: no time passes by it,
// and no timer fires.
func (f *Fake) Jump(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jumped += d
}

// AwaitTimers blocks until at least n timers are armed. It replaces sleeping in tests: wait until the code under test
// waits, then Advance.
func (f *Fake) AwaitTimers(n int) {
	for {
		f.mu.Lock()
		have, changed := len(f.timers), f.changed
		f.mu.Unlock()
		if have >= n {
			return
		}
		<-changed
	}
}

// NextTimer returns when the earliest armed timer fires; ok is false when none is armed.
func (f *Fake) NextTimer() (at time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.earliest(); t != nil {
		return f.start.Add(t.at + f.jumped), true
	}
	return time.Time{}, false
}

func (f *Fake) earliest() *fakeTimer {
	var next *fakeTimer
	for t := range f.timers {
		if next == nil || t.at < next.at {
			next = t
		}
	}
	return next
}

type fakeTimer struct {
	clock *Fake
	c     chan time.Time
	at    time.Duration // elapsed; guarded by clock.mu
}

func (t *fakeTimer) C() <-chan time.Time { return t.c }

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, armed := t.clock.timers[t]
	delete(t.clock.timers, t)
	return armed
}

func (t *fakeTimer) Reset(d time.Duration) {
	f := t.clock
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-t.c:
	default:
	}
	t.at = f.elapsed + d
	if d <= 0 {
		delete(f.timers, t)
		t.fire(f.now())
		return
	}
	f.timers[t] = struct{}{}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (t *fakeTimer) fire(now time.Time) {
	select {
	case t.c <- now:
	default:
	}
}
