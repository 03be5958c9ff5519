package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/queue"
)

// TestClockIsSetWhileRunning lets time pass up to a second before and then to the end of everything that lasts a time, with
// the wall clock set in between.
func TestClockIsSetWhileRunning(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour, "a step": 900 * time.Millisecond, "a year": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			hide := func(s *queue.Settings) { s.Visibility, s.Retention = 30*time.Second, 10*time.Minute }
			q, f := r.make("q", hide), r.make("f.fifo", hide)
			r.send(q, queue.Message{Body: "flying"})
			r.receive(q, 1)
			r.send(q, queue.Message{Body: "delayed", Delay: second(30)})
			first := r.send(f, queue.Message{Body: "1", Group: "g", DedupID: "one"})
			r.send(f, queue.Message{Body: "2", Group: "g", DedupID: "two"})
			r.receive(f, 1)
			r.clock.Advance(10 * time.Second)
			r.clock.Jump(jump)
			r.clock.Advance(19 * time.Second)
			if got := r.bodies(q, 10) + r.bodies(f, 10); got != "" {
				t.Errorf("too early: %s", got)
			}
			r.clock.Jump(-2 * jump)
			r.clock.Advance(time.Second)
			if got := strings.TrimSpace(r.bodies(q, 10)); got != "flying delayed" {
				t.Errorf("when their time has come: %s", got)
			}
			if got := strings.TrimSpace(r.bodies(f, 10)); got != "1 2" {
				t.Errorf("of the group: %s", got)
			}
			r.clock.Advance(queue.DedupWindow - 31*time.Second)
			if again := r.send(f, queue.Message{Body: "1", Group: "g", DedupID: "one"}); !again.Duplicate || again.MessageID != first.MessageID {
				t.Errorf("within the window: %+v, want the message %s", again, first.MessageID)
			}
			r.clock.Jump(jump)
			r.clock.Advance(time.Second)
			if again := r.send(f, queue.Message{Body: "1", Group: "g", DedupID: "one"}); again.Duplicate {
				t.Errorf("past the window: %+v", again)
			}
			r.clock.Advance(5*time.Minute - time.Second)
			if c := r.counts(q); c.Visible != 2 {
				t.Errorf("just before the end of the retention: %+v", c)
			}
			r.clock.Advance(2 * time.Second)
			if c := r.counts(q); c != (queue.Counts{}) {
				t.Errorf("after the retention: %+v", c)
			}
		})
	}
}

// TestClockIsSetWhileAReceiveWaits: it ends when its time has passed, and is woken when a hidden message becomes visible.
func TestClockIsSetWhileAReceiveWaits(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	wait := func(own int) chan []queue.Received {
		got := make(chan []queue.Received, 1)
		go func() {
			list, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: 1, Wait: second(20)})
			if err != nil {
				t.Error(err)
			}
			got <- list
		}()
		r.clock.AwaitTimers(own + 1)
		return got
	}
	const own = 1 // retention
	r.clock.AwaitTimers(own)
	got := wait(own)
	r.clock.Jump(time.Hour)
	r.clock.Advance(20 * time.Second)
	if list := <-got; len(list) != 0 {
		t.Errorf("an empty queue: %v", list)
	}
	r.send(q, queue.Message{Body: "delayed", Delay: second(5)})
	got = wait(own)
	r.clock.Jump(-2 * time.Hour)
	r.clock.Advance(5 * time.Second)
	if list := <-got; len(list) != 1 {
		t.Errorf("when the delay has passed: %v", list)
	}
}

// TestClockIsSetBackWhileDown: a delay lasts as long as it was to, a deduplication id five minutes from the start on.
func TestClockIsSetBackWhileDown(t *testing.T) {
	r := newRig(t)
	q, f := r.make("q", nil), r.make("f.fifo", nil)
	r.send(q, queue.Message{Body: "delayed", Delay: second(30)})
	r.send(f, queue.Message{Body: "1", Group: "g", DedupID: "one"})
	r = open(t, r.store, clock.NewFake(epoch.Add(-time.Hour)))
	r.clock.Advance(29 * time.Second)
	if got := r.bodies(q, 10); got != "" {
		t.Errorf("too early: %s", got)
	}
	r.clock.Advance(time.Second)
	if got := r.bodies(q, 10); got != "delayed " {
		t.Errorf("when the delay has passed: %q", got)
	}
	r.clock.Advance(queue.DedupWindow)
	if again := r.send(f, queue.Message{Body: "1", Group: "g", DedupID: "one"}); again.Duplicate {
		t.Errorf("past the window: %+v", again)
	}
}

// TestClockIsSetWhileMoving: a move task keeps its rate.
func TestClockIsSetWhileMoving(t *testing.T) {
	r := newRig(t)
	dead := r.make("dead", nil)
	r.make("q", func(s *queue.Settings) { s.Redrive = &queue.Redrive{TargetARN: dead.ARN(), MaxReceives: 1} })
	to := r.make("to", nil)
	for range 3 {
		r.send(dead, queue.Message{Body: "m"})
	}
	const own = 1
	r.clock.AwaitTimers(own)
	if _, err := r.StartMove(t.Context(), dead, to.ARN(), 1); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		r.clock.AwaitTimers(own + 1)
		if c := r.counts(to); c.Visible != i {
			t.Fatalf("moved %d, want %d", c.Visible, i)
		}
		r.clock.Jump(time.Duration(1-i%2*2) * time.Hour)
		r.clock.Advance(time.Second)
	}
}
