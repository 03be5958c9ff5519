package workflow

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// alarms wakes threads at their due times. It is a memory of what the threads in the store say; an alarm that is no
// longer due is harmless.
type alarms struct {
	clock clock.Clock
	fire  func(key uint64, threads []uint32) // waits for no step

	mu    sync.Mutex
	heap  alarmHeap
	at    map[alarmID]time.Time // the due time last set; others are stale
	nudge chan struct{}
}

type alarmID struct {
	key    uint64
	thread uint32
}

type alarm struct {
	alarmID
	due time.Time
}

type alarmHeap []alarm

func (h alarmHeap) Len() int      { return len(h) }
func (h alarmHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h alarmHeap) Less(i, j int) bool { // those of one time in the order of their threads
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].thread < h[j].thread
}
func (h *alarmHeap) Push(x any) { *h = append(*h, x.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func newAlarms(c clock.Clock, fire func(uint64, []uint32)) *alarms {
	return &alarms{clock: c, fire: fire, at: map[alarmID]time.Time{}, nudge: make(chan struct{}, 1)}
}

func (a *alarms) set(key uint64, thread uint32, due time.Time) {
	id := alarmID{key, thread}
	a.mu.Lock()
	if !a.at[id].Equal(due) {
		a.at[id] = due
		heap.Push(&a.heap, alarm{id, due})
	}
	first := a.heap.Len() > 0 && a.heap[0].due.Equal(due)
	a.mu.Unlock()
	if first {
		select {
		case a.nudge <- struct{}{}:
		default:
		}
	}
}

// drop forgets an alarm.
func (a *alarms) drop(key uint64, thread uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.at, alarmID{key, thread})
	if len(a.heap) > 2*len(a.at)+1000 { // most are stale
		a.heap = slices.DeleteFunc(a.heap, func(x alarm) bool { at, ok := a.at[x.alarmID]; return !ok || !at.Equal(x.due) })
		a.heap = slices.Clip(a.heap)
		a.at = maps.Clone(a.at) // a map does not shrink
		heap.Init(&a.heap)
	}
}

func (a *alarms) run(ctx context.Context) {
	timer := a.clock.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, wait := a.pop()
		a.ring(due)
		if len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
		case <-a.nudge:
		}
	}
}

// ring fires alarms: those of an execution together, in their order.
func (a *alarms) ring(due []alarm) {
	threads := make(map[uint64][]uint32, len(due))
	for _, x := range due {
		threads[x.key] = append(threads[x.key], x.thread)
	}
	for _, x := range due {
		if list := threads[x.key]; list != nil {
			a.fire(x.key, list)
			threads[x.key] = nil
		}
	}
}

// pop takes the alarms that are due and tells how long the next one is away.
func (a *alarms) pop() (due []alarm, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for a.heap.Len() > 0 {
		x := a.heap[0]
		if x.due.After(now) {
			return due, x.due.Sub(now)
		}
		heap.Pop(&a.heap)
		if at, ok := a.at[x.alarmID]; ok && at.Equal(x.due) {
			delete(a.at, x.alarmID)
			due = append(due, x)
		}
	}
	return due, time.Hour
}
