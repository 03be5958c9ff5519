package queue

import (
	"container/list"
	"context"
	"time"
)

// waiter is a receive that waits for messages. It costs a channel and a timer: nothing polls.
type waiter struct {
	poke  chan struct{} // holds one value
	elem  *list.Element // its place; nil = not in the list
	poked bool          // the last wait ended by a poke
}

// waiterList holds the receives that wait, first come first. One of them, armed, also wakes when the next hidden message
// becomes visible. Whoever changes that time, or takes the armed one off the list, pokes the first.
type waiterList struct {
	list  list.List
	armed *waiter
}

func (l *waiterList) remove(w *waiter) {
	l.list.Remove(w.elem)
	w.elem = nil
	if l.armed == w {
		l.armed = nil
	}
}

// wake pokes as many waiters as can receive something, and the first one in any case.
func (s *shard) wake() {
	ready := s.index.counts.Visible
	if s.fifo {
		ready = len(s.index.turn)
	}
	s.pokeFirst(max(ready, 1))
}

func (s *shard) wakeAll() { s.pokeFirst(s.waiters.list.Len()) }

func (s *shard) pokeFirst(n int) {
	for f := s.waiters.list.Front(); f != nil && n > 0; f = s.waiters.list.Front() {
		w := f.Value.(*waiter)
		s.waiters.remove(w)
		w.poke <- struct{}{} // never blocks: it is empty while the waiter is in the list
		n--
	}
}

// done is called when a receive ends: what it was told of, and the alarm, pass on to the next waiter.
func (s *shard) done() {
	if s.gone || !s.loaded || s.waiters.list.Len() == 0 {
		return
	}
	if s.index.counts.Visible > 0 || s.waiters.armed == nil && s.index.hidden.len() > 0 {
		s.wake()
	}
}

// wait sleeps until messages may be there; s.mu is held, and released meanwhile. It reports false when the time is up.
func (s *shard) wait(ctx context.Context, w *waiter, until time.Time) (bool, error) {
	c := s.engine.clock
	d := until.Sub(c.Now())
	if d <= 0 {
		return false, nil
	}
	if w.poke == nil {
		w.poke = make(chan struct{}, 1)
	}
	if w.poked { // its place is kept
		w.elem = s.waiters.list.PushFront(w)
	} else {
		w.elem = s.waiters.list.PushBack(w)
	}
	if s.waiters.list.Front() == w.elem {
		s.waiters.armed = w
		if next := s.index.hidden.min(); next != nil {
			d = min(d, time.Duration(max(next.at-s.engine.now(), 1))*time.Millisecond)
		}
	}
	s.mu.Unlock()
	t := c.NewTimer(d)
	defer t.Stop()
	var err error
	w.poked = false
	select {
	case <-w.poke:
		w.poked = true
	case <-t.C():
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.engine.opts.Group.Context().Done():
		err = context.Canceled
	}
	s.mu.Lock()
	if w.elem != nil {
		s.waiters.remove(w)
	} else if !w.poked {
		<-w.poke // it was sent after the select
		w.poked = true
	}
	if err != nil {
		s.done()
	}
	return true, err
}
