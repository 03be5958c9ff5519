package event

import "sync"

// Seen is an event as Tail shows it.
type Seen struct {
	Bus   BusRef
	Event []byte // JSON
	Doc   any    // the same, decoded, for patterns
}

// tails are those who watch events as they come.
type tails struct {
	mu   sync.Mutex // guards list
	list map[chan Seen]BusRef
}

func (t *tails) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.list) > 0
}

func (t *tails) send(bus BusRef, a arrived) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, b := range t.list {
		if b != bus {
			continue
		}
		select {
		case c <- Seen{bus, a.text, a.doc}:
		default: // a reader that is too slow misses some
		}
	}
}

// Tail returns a channel of what comes on a bus from now on. Events are shown before they are durable; a reader that lags by more
// than a thousand misses some. stop is called when it is not needed any more.
func (e *Engine) Tail(bus BusRef) (events <-chan Seen, stop func()) {
	c := make(chan Seen, 1000)
	e.tails.mu.Lock()
	if e.tails.list == nil {
		e.tails.list = map[chan Seen]BusRef{}
	}
	e.tails.list[c] = bus
	e.tails.mu.Unlock()
	return c, func() {
		e.tails.mu.Lock()
		delete(e.tails.list, c)
		e.tails.mu.Unlock()
	}
}
