package main

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is one repetition of one workload at one contestant.
type sample struct {
	units int64
	wall  time.Duration
	cpu   time.Duration   // of the contestant's processes
	calls []time.Duration // how long each call took, in no order
}

// perUnit is the processor time that one unit cost.
func (s sample) perUnit() time.Duration { return s.cpu / time.Duration(max(s.units, 1)) }

// rate is units per second.
func (s sample) rate() float64 { return float64(s.units) / s.wall.Seconds() }

// at returns the latency below which the share p of the calls stayed; 0 without calls.
func (s sample) at(p float64) time.Duration {
	if len(s.calls) == 0 {
		return 0
	}
	slices.Sort(s.calls)
	return s.calls[int(float64(len(s.calls)-1)*p)]
}

// middle returns the sample with the median processor time.
func middle(all []sample) sample {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b sample) int { return int(a.perUnit() - b.perUnit()) })
	return all[len(all)/2]
}

// load is a closed loop: workers call op one after the other until the time is over or, with calls set, until so many
// calls were made. op gets its worker and the number of the call and returns how many units it did.
type load struct {
	workers int
	time    time.Duration
	calls   int64
	op      func(worker int, i int64) (units int, err error)
}

// run runs the loop; cpu reads the contestant's processor time. The first error ends it.
func (l load) run(cpu func() time.Duration) (sample, error) {
	var (
		s     sample
		next  atomic.Int64
		units atomic.Int64
		stop  atomic.Bool
		wg    sync.WaitGroup
		times = make([][]time.Duration, l.workers)
		errs  = make([]error, l.workers)
	)
	began, used := time.Now(), cpu()
	for w := range l.workers {
		wg.Go(func() {
			for !stop.Load() {
				i, t := next.Add(1)-1, time.Now()
				if l.calls > 0 && i >= l.calls || l.calls == 0 && t.Sub(began) >= l.time {
					return
				}
				n, err := l.op(w, i)
				if err != nil {
					errs[w] = err
					stop.Store(true)
					return
				}
				units.Add(int64(n))
				times[w] = append(times[w], time.Since(t))
			}
		})
	}
	wg.Wait()
	s.wall, s.cpu, s.units, s.calls = time.Since(began), cpu()-used, units.Load(), slices.Concat(times...)
	return s, errors.Join(errs...)
}
