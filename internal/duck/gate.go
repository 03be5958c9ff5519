package duck

import (
	"context"
	"sync"
)

// gate admits a number of jobs at a time. Waiting jobs are admitted in turn by group, so that one group's burst does not
// keep out the others, and in order within a group.
type gate struct {
	mu    sync.Mutex // guards the fields below
	free  int
	turn  []string // groups that wait, next first
	queue map[string][]chan struct{}
}

func newGate(n int) *gate { return &gate{free: n, queue: map[string][]chan struct{}{}} }

// enter waits for a place. release must be called once.
func (g *gate) enter(ctx context.Context, group string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return sync.OnceFunc(g.leave), nil
	}
	mine := make(chan struct{})
	if len(g.queue[group]) == 0 {
		g.turn = append(g.turn, group)
	}
	g.queue[group] = append(g.queue[group], mine)
	g.mu.Unlock()
	select {
	case <-mine:
		return sync.OnceFunc(g.leave), nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	for i, c := range g.queue[group] {
		if c == mine {
			g.remove(group, i)
			g.mu.Unlock()
			return nil, ctx.Err()
		}
	}
	g.mu.Unlock()
	g.leave() // admitted in the meantime
	return nil, ctx.Err()
}

// remove drops one waiter; g.mu is held.
func (g *gate) remove(group string, i int) {
	q := append(g.queue[group][:i:i], g.queue[group][i+1:]...)
	if len(q) > 0 {
		g.queue[group] = q
		return
	}
	delete(g.queue, group)
	for n, name := range g.turn {
		if name == group {
			g.turn = append(g.turn[:n:n], g.turn[n+1:]...)
			break
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turn) == 0 {
		g.free++
		return
	}
	group := g.turn[0]
	next := g.queue[group][0]
	g.turn = append(g.turn[1:len(g.turn):len(g.turn)], group)
	g.remove(group, 0)
	close(next)
}

// waiting returns how many jobs wait.
func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, q := range g.queue {
		n += len(q)
	}
	return n
}
