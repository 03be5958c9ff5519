// Package tail shows what happens to whoever watches, as it happens. Nothing waits for a watcher: one that is too slow misses some.
package tail

import (
	"sync"
	"sync/atomic"
)

// buffer is how far a watcher may lag.
const buffer = 1000

// Hub takes values of topics K to those who watch them. The zero value is ready; all methods are safe for concurrent use.
type Hub[K comparable, V any] struct {
	watched atomic.Int64

	mu   sync.Mutex // guards list
	list map[chan V]K
}

// Watched reports whether anybody watches anything: whoever would have to make a value for it may ask first.
func (h *Hub[K, V]) Watched() bool { return h.watched.Load() > 0 }

// Send shows a value to those who watch k.
func (h *Hub[K, V]) Send(k K, v V) {
	if !h.Watched() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, want := range h.list {
		if want != k {
			continue
		}
		select {
		case c <- v:
		default: // the watcher is too slow
		}
	}
}

// Watch returns a channel of what is sent for k from now on. stop is called when it is not needed any more; the channel is not
// closed.
func (h *Hub[K, V]) Watch(k K) (values <-chan V, stop func()) {
	c := make(chan V, buffer)
	h.mu.Lock()
	if h.list == nil {
		h.list = map[chan V]K{}
	}
	h.list[c] = k
	h.mu.Unlock()
	h.watched.Add(1)
	return c, sync.OnceFunc(func() {
		h.mu.Lock()
		delete(h.list, c)
		h.mu.Unlock()
		h.watched.Add(-1)
	})
}
