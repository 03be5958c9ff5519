package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/queue"
)

func TestVisibilityOfGroups(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", nil)
	r.send(q, queue.Message{Body: "m", Group: "g", DedupID: "1"})
	h := r.receive(q, 1)[0].Handle
	r.clock.Advance(31 * time.Second)
	change := func(want error) {
		t.Helper()
		errs, err := r.ChangeVisibility(t.Context(), q, []queue.VisibilityChange{{Handle: h, Visibility: time.Minute}})
		if err != nil || !errors.Is(errs[0], want) {
			t.Errorf("%v, %v; want %v", errs, err, want)
		}
	}
	change(queue.ErrNotInFlight)
	r.receive(q, 1)
	change(queue.ErrNotAvailable)
}

// TestTurnsAtOnce has groups come back at the same time: they follow those that wait, in the order of their first messages.
func TestTurnsAtOnce(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", nil)
	for _, m := range []string{"a1", "b1", "b2", "c1", "a2"} {
		r.send(q, queue.Message{Body: m, Group: m[:1], DedupID: m})
	}
	var none time.Duration
	for _, want := range []string{"a1 a2 b1 ", "c1 a1 a2 b1 b2 "} {
		got, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: len(want) / 3, Visibility: &none, Wait: &none})
		text := ""
		for _, m := range got {
			text += m.Body + " "
		}
		if err != nil || text != want {
			t.Errorf("got %s (%v), want %s", text, err, want)
		}
	}
}

func TestPurgeForgetsDuplicates(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", nil)
	m := queue.Message{Body: "m", Group: "g", DedupID: "1"}
	r.send(q, m)
	if err := r.Purge(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	r = r.reopen()
	r.send(q, m)
	if n := r.counts(q).Visible; n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestNoDelayInGroups(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", func(s *queue.Settings) { s.Delay = time.Minute })
	var none time.Duration
	r.send(q, queue.Message{Body: "m", Group: "g", DedupID: "1", Delay: &none})
	if n := r.counts(q).Delayed; n != 1 {
		t.Errorf("%d messages are delayed: the queue's delay counts", n)
	}
}

// TestBeforeTheFirstInFlight: what precedes the first message of a group that is in flight may be received, what follows waits.
func TestBeforeTheFirstInFlight(t *testing.T) {
	for at, want := range []string{"", "a ", "a b "} {
		r := newRig(t)
		q := r.make("q.fifo", nil)
		for _, m := range []string{"a", "b", "c"} {
			r.send(q, queue.Message{Body: m, Group: "g", DedupID: m})
		}
		list := r.receive(q, 3)
		if errs, err := r.ChangeVisibility(t.Context(), q, []queue.VisibilityChange{{Handle: list[at].Handle, Visibility: time.Hour}}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
		r.clock.Advance(31 * time.Second)
		if got := r.bodies(q, 10); got != want {
			t.Errorf("with %s in flight: %q, want %q", list[at].Body, got, want)
		}
	}
}
