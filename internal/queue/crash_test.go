package queue_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/queue"
)

// TestPowerCut cuts the power again and again, with one receive allowed: all that was acknowledged is there, nothing that was
// acknowledged as deleted comes back, nothing is given twice, and each message is in one place.
func TestPowerCut(t *testing.T) {
	for _, suffix := range []string{"", ".fifo"} {
		t.Run("q"+suffix, func(t *testing.T) { powerCuts(t, suffix) })
	}
}

func powerCuts(t *testing.T, suffix string) {
	const seed = 20260101
	rng := rand.New(rand.NewPCG(seed, 1))
	fs := vfs.NewCrashableMem()
	c := clock.NewFake(epoch)
	r := open(t, kvtest.Open(t, fs), c)
	dead := r.make("dead"+suffix, nil)
	q := r.make("q"+suffix, func(s *queue.Settings) { s.Redrive = &queue.Redrive{TargetARN: dead.ARN(), MaxReceives: 1} })
	sent, given, deleted, buried := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	last := map[string]int{} // of each group: the last message given
	var handles []queue.Received
	n := 0
	for range 400 {
		switch rng.IntN(10) {
		case 0, 1, 2, 3:
			var list []queue.Incoming
			for range 1 + rng.IntN(5) {
				n++
				m := queue.Message{Body: fmt.Sprint(n)}
				if suffix != "" {
					m.Group, m.DedupID = fmt.Sprint("g", rng.IntN(3)), m.Body
				}
				list = append(list, queue.Incoming{Queue: q, Message: m})
			}
			if _, _, err := r.SendAll(t.Context(), nil, list); err != nil {
				t.Fatal(err)
			}
			for _, in := range list {
				sent[in.Message.Body] = true
			}
		case 4, 5, 6:
			for _, m := range r.receive(q, 1+rng.IntN(10)) {
				if given[m.Body] || deleted[m.Body] || !sent[m.Body] || m.Count != 1 {
					t.Fatalf("message %s: given %v, deleted %v, sent %v, count %d", m.Body, given[m.Body], deleted[m.Body], sent[m.Body], m.Count)
				}
				given[m.Body] = true
				handles = append(handles, m)
				if suffix != "" {
					var i int
					if _, err := fmt.Sscan(m.Body, &i); err != nil || i <= last[m.Group] {
						t.Fatalf("group %s: %d after %d", m.Group, i, last[m.Group])
					}
					last[m.Group] = i
				}
			}
		case 7, 8:
			if len(handles) > 0 {
				i := rng.IntN(len(handles))
				if errs, err := r.DeleteMessages(t.Context(), q, []string{handles[i].Handle}); err != nil {
					t.Fatal(err)
				} else if errs[0] == nil && !buried[handles[i].Body] {
					deleted[handles[i].Body] = true
				}
				handles = append(handles[:i], handles[i+1:]...)
			}
		case 9:
			c.Advance(time.Duration(rng.IntN(40)) * time.Second)
			handles = nil // their time may be up: consumers forget them
		}
		if rng.IntN(8) == 0 {
			// What was not synced may be there or not; what was acknowledged must be.
			crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			r.stop()
			fs = crashed
			r = open(t, kvtest.Open(t, fs), c)
		}
	}
	c.Advance(time.Minute)
	for r.counts(q).Visible > 0 {
		for _, m := range r.receive(q, 10) {
			if given[m.Body] || deleted[m.Body] {
				t.Fatalf("%s came again", m.Body)
			}
			given[m.Body] = true
			r.delete(q, m.Handle)
			deleted[m.Body] = true
		}
	}
	for more := true; more; {
		more = false
		for _, m := range r.receive(dead, 10) {
			more = true
			if !given[m.Body] || deleted[m.Body] || buried[m.Body] {
				t.Errorf("%s is a dead letter: given %v, deleted %v, twice %v", m.Body, given[m.Body], deleted[m.Body], buried[m.Body])
			}
			buried[m.Body] = true
			r.delete(dead, m.Handle)
		}
	}
	for body := range sent {
		if !deleted[body] && !buried[body] {
			t.Errorf("%s is lost", body)
		}
	}
	if c := r.counts(q); c != (queue.Counts{}) {
		t.Errorf("left: %+v", c)
	}
	t.Logf("seed %d: %d sent, %d deleted, %d dead letters", seed, len(sent), len(deleted), len(buried))
}

// TestModel runs random operations against a model that is as simple as can be, with the engine opened anew now and
// then, while somebody sets the wall clock forward and back: what passed counts, not what the clock shows.
func TestModel(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 2))
	r := newRig(t)
	q := r.make("q", func(s *queue.Settings) { s.Retention = 10 * time.Minute })
	type message struct {
		sent, at time.Time
		count    int
		handle   string
	}
	model := map[string]*message{}
	n := 0
	now := func() time.Time { return epoch.Add(r.clock.Elapsed()) }
	var set time.Duration // how far the wall clock is off
	visible := func() (list []string) {
		for body, m := range model {
			if !m.at.After(now()) {
				list = append(list, body)
			}
		}
		return list
	}
	for step := range 3000 {
		for body, m := range model {
			if m.sent.Before(now().Add(-10 * time.Minute)) {
				delete(model, body)
			}
		}
		switch rng.IntN(12) {
		case 0, 1, 2:
			n++
			m := queue.Message{Body: fmt.Sprint(n)}
			o := &message{sent: now(), at: now()}
			if rng.IntN(3) == 0 {
				m.Delay = second(rng.IntN(60))
				o.at = now().Add(*m.Delay)
			}
			r.send(q, m)
			model[m.Body] = o
		case 3, 4, 5:
			max := 1 + rng.IntN(10)
			want := min(max, len(visible()))
			hide := time.Duration(rng.IntN(40)) * time.Second
			var none time.Duration
			got, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: max, Visibility: &hide, Wait: &none})
			if err != nil || len(got) != want {
				t.Fatalf("step %d: received %d (%v), want %d", step, len(got), err, want)
			}
			for _, g := range got {
				m := model[g.Body]
				if m == nil || m.at.After(now()) || g.Count != m.count+1 {
					t.Fatalf("step %d: %+v, model %+v", step, g, m)
				}
				m.count, m.at, m.handle = g.Count, now().Add(hide), g.Handle
			}
		case 6, 7, 8:
			for body, m := range model {
				if m.handle == "" {
					continue
				}
				if rng.IntN(2) == 0 {
					r.delete(q, m.handle)
					delete(model, body)
					break
				}
				d := time.Duration(rng.IntN(50)) * time.Second
				errs, err := r.ChangeVisibility(t.Context(), q, []queue.VisibilityChange{{Handle: m.handle, Visibility: d}})
				if err != nil {
					t.Fatal(err)
				}
				if errs[0] != nil { // whether it is in flight, or visible again
					t.Fatalf("step %d: change of %s: %v", step, body, errs[0])
				}
				m.at = now().Add(d)
				break
			}
		case 9, 10:
			r.clock.Advance(time.Duration(rng.IntN(20)) * time.Second)
			if rng.IntN(3) == 0 {
				jump := []time.Duration{time.Hour, -time.Hour, 700 * time.Millisecond, -300 * time.Millisecond, 24 * time.Hour}[rng.IntN(5)]
				r.clock.Jump(jump)
				set += jump
			}
		case 11:
			if rng.IntN(5) == 0 {
				r.clock.Jump(-set) // over a restart the wall clock counts
				set = 0
				r = r.reopen()
			}
		}
		var want queue.Counts
		for body, m := range model {
			switch {
			case m.sent.Before(now().Add(-10 * time.Minute)):
				delete(model, body)
			case !m.at.After(now()):
				want.Visible++
			case m.count > 0:
				want.InFlight++
			default:
				want.Delayed++
			}
		}
		if got := r.counts(q); got != want {
			t.Fatalf("step %d (seed %d): counts %+v, want %+v", step, seed, got, want)
		}
	}
}
