package jsonata

import "time"

const (
	heavyAfter = 20 * time.Millisecond // an evaluation that takes longer is heavy
	heavyBytes = 16 << 20              // so is one that makes so many bytes
)

// Heavy lets a few evaluations be heavy at a time, in work or memory; others that become so wait for their turn, which does not
// count as their time. It is safe for concurrent use.
type Heavy struct {
	turns chan struct{}
}

// NewHeavy returns a Heavy for n evaluations at a time.
func NewHeavy(n int) *Heavy { return &Heavy{make(chan struct{}, n)} }

// takeTurn waits until the evaluation may be heavy.
func (ev *evaluator) takeTurn() error {
	if ev.heavy == nil || ev.turn || ev.ctx == nil {
		return nil
	}
	from := time.Now()
	select {
	case ev.heavy.turns <- struct{}{}:
	case <-ev.ctx.Done():
		return ev.ctx.Err()
	}
	ev.turn = true
	if !ev.deadline.IsZero() {
		ev.deadline = ev.deadline.Add(time.Since(from))
	}
	return nil
}

// release ends the turn of an evaluation that was heavy.
func (ev *evaluator) release() {
	if ev.turn {
		<-ev.heavy.turns
	}
}
