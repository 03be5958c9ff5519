package pebblekv

import (
	"bytes"
	"slices"
	"sync"

	"github.com/tarn-data/tarn/internal/kv"
)

// watchers finds the watchers whose prefix a batch touches. They are kept by the first byte of their prefix, which is
// the engine's key space.
type watchers struct {
	mu      sync.RWMutex // guards the fields below
	byFirst map[byte][]*watcher
	all     []*watcher // with an empty prefix
}

type watcher struct {
	owner  *watchers
	prefix []byte
	end    []byte // first key after the prefix; nil = none
	c      chan struct{}
}

// Watch implements kv.Store.
func (s *Store) Watch(prefix []byte) kv.Watcher {
	p := bytes.Clone(prefix)
	w := &watcher{owner: &s.watch, prefix: p, end: kv.Prefix(p).Hi, c: make(chan struct{}, 1)}
	s.watch.add(w)
	return w
}

// C implements kv.Watcher.
func (w *watcher) C() <-chan struct{} { return w.c }

// Close implements kv.Watcher.
func (w *watcher) Close() {
	ws := w.owner
	ws.mu.Lock()
	defer ws.mu.Unlock()
	is := func(o *watcher) bool { return o == w }
	if len(w.prefix) == 0 {
		ws.all = slices.DeleteFunc(ws.all, is)
		return
	}
	if left := slices.DeleteFunc(ws.byFirst[w.prefix[0]], is); len(left) > 0 {
		ws.byFirst[w.prefix[0]] = left
	} else {
		delete(ws.byFirst, w.prefix[0])
	}
}

func (ws *watchers) add(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(w.prefix) == 0 {
		ws.all = append(ws.all, w)
		return
	}
	if ws.byFirst == nil {
		ws.byFirst = map[byte][]*watcher{}
	}
	ws.byFirst[w.prefix[0]] = append(ws.byFirst[w.prefix[0]], w)
}

// match returns the watchers that ops touch.
func (ws *watchers) match(ops []kv.Op) []*watcher {
	ws.mu.RLock()
	defer ws.mu.RUnlock()
	var hit []*watcher
	add := func(w *watcher) {
		if !slices.Contains(hit, w) {
			hit = append(hit, w)
		}
	}
	for _, w := range ws.all {
		add(w)
	}
	if len(ws.byFirst) == 0 {
		return hit
	}
	for i := range ops {
		op := &ops[i]
		if op.Kind == kv.OpDeleteRange {
			for _, list := range ws.byFirst {
				for _, w := range list {
					if bytes.Compare(op.Value, w.prefix) > 0 && (w.end == nil || bytes.Compare(op.Key, w.end) < 0) {
						add(w)
					}
				}
			}
			continue
		}
		if len(op.Key) == 0 {
			continue
		}
		for _, w := range ws.byFirst[op.Key[0]] {
			if bytes.HasPrefix(op.Key, w.prefix) {
				add(w)
			}
		}
	}
	return hit
}

func (ws *watchers) notify(list []*watcher) {
	for _, w := range list {
		select {
		case w.c <- struct{}{}:
		default: // a wake-up is waiting already
		}
	}
}
