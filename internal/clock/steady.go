package clock

import "time"

// Steady returns a clock that shows the wall clock of this moment plus what has passed since: whoever sets the wall clock
// afterwards does not move it. Engines use it for whatever lasts a time: timeouts, delays, windows, retries.
func Steady(c Clock) Clock { return steady{c, c.Now().Round(0), c.Elapsed()} }

type steady struct {
	Clock
	start time.Time
	from  time.Duration
}

// Now implements Clock.
func (s steady) Now() time.Time { return s.start.Add(s.Clock.Elapsed() - s.from) }

// Jumps finds out that the wall clock was set, for what goes by the wall clock and yet must go on when it is. It is not
// safe for concurrent use.
type Jumps struct {
	clock  Clock
	steady Clock
}

// NewJumps looks at c from now on.
func NewJumps(c Clock) *Jumps { return &Jumps{c, Steady(c)} }

// leastJump keeps the small corrections of a time server from counting, until they add up.
const leastJump = time.Second

// Next returns how far the wall clock was set since the last call that did not return zero: forward, or back where it is
// negative. Less than a second is zero.
func (j *Jumps) Next() time.Duration {
	d := j.clock.Now().Round(0).Sub(j.steady.Now())
	if d.Abs() < leastJump {
		return 0
	}
	j.steady = Steady(j.clock)
	return d
}
