package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/queue"
)

var scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}

func ref(name string) queue.Ref { return queue.Ref{Scope: scope, Name: name} }

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// rig is an engine on a store, with a clock that the test moves.
type rig struct {
	*queue.Engine
	t     testing.TB
	clock *clock.Fake
	store kv.Store
	stop  func()
}

func open(t testing.TB, store kv.Store, c *clock.Fake) *rig {
	t.Helper()
	g := lifecycle.New(context.Background(), slog.New(slog.DiscardHandler))
	e, err := queue.Open(t.Context(), queue.Options{Store: store, Group: g, Clock: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	r := &rig{Engine: e, t: t, clock: c, store: store}
	r.stop = func() {
		if !stopped {
			stopped = true
			if err := g.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(r.stop)
	return r
}

func newRig(t testing.TB) *rig {
	return open(t, kvtest.New(t), clock.NewFake(epoch))
}

func (r *rig) make(name string, change func(*queue.Settings)) queue.Ref {
	r.t.Helper()
	s := queue.Defaults()
	s.FIFO = len(name) > 5 && name[len(name)-5:] == ".fifo"
	if change != nil {
		change(&s)
	}
	if _, err := r.Create(r.t.Context(), ref(name), s, nil, func(queue.Settings) error { return queue.ErrExists }); err != nil {
		r.t.Fatal(err)
	}
	return ref(name)
}

func (r *rig) send(q queue.Ref, m queue.Message) queue.Sent {
	r.t.Helper()
	s, err := r.Send(r.t.Context(), q, m)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) receive(q queue.Ref, n int) []queue.Received {
	r.t.Helper()
	var none time.Duration
	list, err := r.Receive(r.t.Context(), q, queue.ReceiveRequest{Max: n, Wait: &none})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *rig) bodies(q queue.Ref, n int) string {
	r.t.Helper()
	s := ""
	for _, m := range r.receive(q, n) {
		s += m.Body + " "
	}
	return s
}

func (r *rig) delete(q queue.Ref, handle string) {
	r.t.Helper()
	errs, err := r.DeleteMessages(r.t.Context(), q, []string{handle})
	if err = errors.Join(err, errs[0]); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) counts(q queue.Ref) queue.Counts {
	r.t.Helper()
	c, err := r.Counts(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) reopen() *rig {
	r.t.Helper()
	r.stop()
	return open(r.t, r.store, r.clock)
}

func second(n int) *time.Duration {
	d := time.Duration(n) * time.Second
	return &d
}

func TestLifeOfAMessage(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	sent := r.send(q, queue.Message{Body: "hello", Sender: "me", Attributes: []queue.Attribute{{Name: "a", Type: "Number", Value: []byte("1")}}})
	if sent.MD5Body != "5d41402abc4b2a76b9719d911017c592" || sent.MD5Attributes == "" {
		t.Errorf("sent = %+v", sent)
	}
	got := r.receive(q, 10)
	if len(got) != 1 || got[0].Body != "hello" || got[0].Count != 1 || got[0].ID != sent.MessageID || string(got[0].Attributes[0].Value) != "1" {
		t.Fatalf("received %+v", got)
	}
	if c := r.counts(q); c != (queue.Counts{InFlight: 1}) {
		t.Errorf("counts = %+v", c)
	}
	if s := r.bodies(q, 1); s != "" {
		t.Errorf("a message in flight was given again: %s", s)
	}
	r = r.reopen()
	r.clock.Advance(29 * time.Second)
	if s := r.bodies(q, 1); s != "" {
		t.Errorf("a message in flight was given again after the restart: %s", s)
	}
	r.clock.Advance(time.Second)
	again := r.receive(q, 1)
	if len(again) != 1 || again[0].Count != 2 || again[0].Handle == got[0].Handle || !again[0].FirstReceived.Equal(got[0].FirstReceived) {
		t.Fatalf("received again %+v", again)
	}
	r.delete(q, got[0].Handle) // the older handle deletes too
	r.delete(q, again[0].Handle)
	r.clock.Advance(time.Minute)
	r = r.reopen()
	if c := r.counts(q); c != (queue.Counts{}) {
		t.Errorf("counts after the delete = %+v", c)
	}
}

func TestDelays(t *testing.T) {
	r := newRig(t)
	q := r.make("q", func(s *queue.Settings) { s.Delay = 5 * time.Second })
	r.send(q, queue.Message{Body: "five"})
	r.send(q, queue.Message{Body: "two", Delay: second(2)})
	r.send(q, queue.Message{Body: "none", Delay: second(0)})
	if s := r.bodies(q, 10); s != "none " {
		t.Errorf("at once: %s", s)
	}
	r.clock.Advance(2 * time.Second)
	r = r.reopen()
	if c := r.counts(q); c != (queue.Counts{Visible: 1, Delayed: 1, InFlight: 1}) {
		t.Errorf("counts = %+v", c)
	}
	if s := r.bodies(q, 10); s != "two " {
		t.Errorf("after 2 s: %s", s)
	}
	r.clock.Advance(3 * time.Second)
	if s := r.bodies(q, 10); s != "five " {
		t.Errorf("after 5 s: %s", s)
	}
}

func TestVisibility(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	r.send(q, queue.Message{Body: "m"})
	h := r.receive(q, 1)[0].Handle
	change := func(h string, d time.Duration) error {
		errs, err := r.ChangeVisibility(t.Context(), q, []queue.VisibilityChange{{Handle: h, Visibility: d}})
		return errors.Join(err, errs[0])
	}
	if err := change(h, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(31 * time.Second)
	if err := change(h, queue.MaxVisibility); !errors.Is(err, queue.ErrTooLongVisible) {
		t.Errorf("beyond twelve hours: %v", err)
	}
	if err := change(h, 0); err != nil {
		t.Fatal(err)
	}
	if err := change(h, time.Minute); err != nil || r.bodies(q, 1) != "" {
		t.Errorf("of a visible message: %v", err)
	}
	r.clock.Advance(time.Minute)
	h2 := r.receive(q, 1)[0].Handle
	if err := change(h, 0); err != nil || r.counts(q).Visible != 1 {
		t.Errorf("with an old handle: %v", err)
	}
	if err := change(h2[:len(h2)-8]+"AAAAAAA=", 0); !errors.Is(err, queue.ErrBadHandle) {
		t.Errorf("with a forged handle: %v", err)
	}
	r.delete(q, h2)
	if err := change(h2, 0); !errors.Is(err, queue.ErrNotAvailable) {
		t.Errorf("of a deleted message: %v", err)
	}
	other := r.make("other", nil)
	if errs, err := r.DeleteMessages(t.Context(), other, []string{h2}); err != nil || !errors.Is(errs[0], queue.ErrBadHandle) {
		t.Errorf("with a handle of another queue: %v, %v", errs, err)
	}
}

func TestDeadLetters(t *testing.T) {
	for _, suffix := range []string{"", ".fifo"} {
		t.Run("q"+suffix, func(t *testing.T) {
			r := newRig(t)
			dlq := r.make("dead"+suffix, nil)
			q := r.make("q"+suffix, func(s *queue.Settings) { s.Redrive = &queue.Redrive{TargetARN: dlq.ARN(), MaxReceives: 2} })
			m := queue.Message{Body: "bad"}
			if suffix != "" {
				m.Group, m.DedupID = "g", "1"
			}
			sent := r.send(q, m)
			for i := range 2 {
				if got := r.receive(q, 1); len(got) != 1 || got[0].Count != i+1 {
					t.Fatalf("receive %d: %+v", i, got)
				}
				r.clock.Advance(30 * time.Second)
				r = r.reopen()
			}
			if got := r.receive(q, 1); len(got) != 0 {
				t.Fatalf("received too often: %+v", got)
			}
			if a, b := r.counts(q), r.counts(dlq); a != (queue.Counts{}) || b != (queue.Counts{Visible: 1}) {
				t.Fatalf("counts: %+v %+v", a, b)
			}
			r = r.reopen()
			got := r.receive(dlq, 1)
			if len(got) != 1 || got[0].ID != sent.MessageID || got[0].DeadLetterOf != q.ARN() || got[0].Count != 3 {
				t.Fatalf("in the dead-letter queue: %+v", got)
			}
			if _, err := r.ChangeVisibility(t.Context(), dlq, []queue.VisibilityChange{{Handle: got[0].Handle}}); err != nil {
				t.Fatal(err)
			}
			task, err := r.StartMove(t.Context(), dlq, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for task.Status == "RUNNING" {
				list, err := r.Moves(t.Context(), dlq, 1)
				if err != nil {
					t.Fatal(err)
				}
				task = list[0]
			}
			if task.Status != "COMPLETED" || task.Moved != 1 {
				t.Errorf("task = %+v", task)
			}
			if got := r.receive(q, 1); len(got) != 1 || got[0].Count != 1 {
				t.Errorf("moved back: %+v", got)
			}
		})
	}
}

func TestRedriveAllow(t *testing.T) {
	r := newRig(t)
	r.make("dead", func(s *queue.Settings) {
		s.RedriveAllow = &queue.RedriveAllow{Permission: "byQueue", Sources: []string{ref("ok").ARN()}}
	})
	r.make("fifo.fifo", nil)
	for _, c := range []struct {
		name, target string
		count        int
		ok           bool
	}{
		{"ok", "dead", 1, true}, {"other", "dead", 1, false}, {"gone", "nowhere", 1, false}, {"kind", "fifo.fifo", 1, false},
		{"zero", "dead", 0, false}, {"ok", "dead", 1000, true}, {"ok", "dead", 1001, false},
	} {
		s := queue.Defaults()
		s.Redrive = &queue.Redrive{TargetARN: ref(c.target).ARN(), MaxReceives: c.count}
		_, err := r.Create(t.Context(), ref(c.name), s, nil, func(queue.Settings) error {
			return r.Configure(t.Context(), ref(c.name), func(x *queue.Settings) error { *x = s; return nil })
		})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, queue.ErrBadAttribute) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if list, _, err := r.Sources(ref("dead"), "", 0); err != nil || len(list) != 1 || list[0].Name != "ok" {
		t.Errorf("sources = %v, %v", list, err)
	}
}

func TestRetention(t *testing.T) {
	r := newRig(t)
	q := r.make("q", func(s *queue.Settings) { s.Retention = time.Minute })
	for i := range 1500 {
		r.send(q, queue.Message{Body: fmt.Sprint(i)})
	}
	r.receive(q, 10)
	r.clock.Advance(30 * time.Second)
	r.send(q, queue.Message{Body: "young"})
	r.clock.Advance(31 * time.Second)
	if c := r.counts(q); c != (queue.Counts{Visible: 1}) {
		t.Errorf("counts = %+v", c)
	}
	r = r.reopen()
	if s := r.bodies(q, 10); s != "young " {
		t.Errorf("left: %s", s)
	}
}

func TestPurge(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	r.send(q, queue.Message{Body: "1"})
	r.send(q, queue.Message{Body: "2"})
	h := r.receive(q, 1)[0].Handle
	if err := r.Purge(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if err := r.Purge(t.Context(), q); !errors.Is(err, queue.ErrPurging) {
		t.Errorf("second purge: %v", err)
	}
	r = r.reopen()
	r.send(q, queue.Message{Body: "3"})
	r.delete(q, h)
	if s := r.bodies(q, 10); s != "3 " {
		t.Errorf("left: %s", s)
	}
}

func TestFIFO(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", func(s *queue.Settings) { s.ContentDedup = true })
	for _, m := range []string{"a1", "b1", "a2", "a3", "b2"} {
		r.send(q, queue.Message{Body: m, Group: m[:1]})
	}
	first := r.receive(q, 2)
	if len(first) != 2 || first[0].Body != "a1" || first[1].Body != "a2" {
		t.Fatalf("first: %+v", first)
	}
	if s := r.bodies(q, 10); s != "b1 b2 " {
		t.Errorf("while group a is locked: %s", s)
	}
	r.delete(q, first[0].Handle)
	r = r.reopen()
	if s := r.bodies(q, 10); s != "" {
		t.Errorf("while a2 is in flight: %s", s)
	}
	r.clock.Advance(30 * time.Second)
	if errs, err := r.DeleteMessages(t.Context(), q, []string{first[1].Handle}); err != nil || !errors.Is(errs[0], queue.ErrExpiredHandle) {
		t.Errorf("delete by an expired handle: %v %v", errs, err)
	}
	if s := r.bodies(q, 3); s != "a2 a3 b1 " && s != "b1 b2 a2 " {
		t.Errorf("after the timeout: %s", s)
	}
}

func TestDeduplication(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", nil)
	a := r.send(q, queue.Message{Body: "1", Group: "g", DedupID: "x"})
	r.delete(q, r.receive(q, 1)[0].Handle)
	r.clock.Advance(4 * time.Minute)
	r = r.reopen()
	if b := r.send(q, queue.Message{Body: "2", Group: "h", DedupID: "x"}); b.MessageID != a.MessageID || b.Sequence != a.Sequence || !b.Duplicate {
		t.Errorf("within the window: %+v, first %+v", b, a)
	}
	if c := r.counts(q); c.Visible != 0 {
		t.Errorf("counts = %+v", c)
	}
	r.clock.Advance(time.Minute)
	if b := r.send(q, queue.Message{Body: "2", Group: "h", DedupID: "x"}); b.Duplicate {
		t.Error("after the window the message was dropped")
	}
	if _, err := r.Send(t.Context(), q, queue.Message{Body: "1", Group: "g"}); !errors.Is(err, queue.ErrNoDedupID) {
		t.Errorf("without an id: %v", err)
	}
	if _, err := r.Send(t.Context(), q, queue.Message{Body: "1", DedupID: "y"}); !errors.Is(err, queue.ErrMissing) {
		t.Errorf("without a group: %v", err)
	}
}

func TestAttemptID(t *testing.T) {
	r := newRig(t)
	q := r.make("q.fifo", func(s *queue.Settings) { s.ContentDedup = true })
	r.send(q, queue.Message{Body: "1", Group: "g"})
	try := func(id string) []queue.Received {
		list, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: 1, AttemptID: id})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	a, b := try("x"), try("x")
	if len(a) != 1 || len(b) != 1 || a[0].Handle != b[0].Handle || b[0].Count != 1 {
		t.Errorf("same attempt: %+v %+v", a, b)
	}
	if c := try("y"); len(c) != 0 {
		t.Errorf("another attempt: %+v", c)
	}
}

func TestLongPoll(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	type answer struct {
		list []queue.Received
		err  error
	}
	got := make(chan answer)
	poll := func(ctx context.Context, seconds int) {
		go func() {
			list, err := r.Receive(ctx, q, queue.ReceiveRequest{Max: 1, Wait: second(seconds)})
			got <- answer{list, err}
		}()
	}
	const own = 1 // the timer of the retention loop
	for range 3 {
		poll(t.Context(), 20)
	}
	r.clock.AwaitTimers(own + 3)
	r.send(q, queue.Message{Body: "now"})
	if a := <-got; a.err != nil || len(a.list) != 1 {
		t.Fatalf("woken: %+v", a)
	}
	// Two wait on: one is armed for the message in flight.
	r.send(q, queue.Message{Body: "delayed", Delay: second(5)})
	r.clock.AwaitTimers(own + 2)
	for at := (time.Time{}); !at.Equal(epoch.Add(5 * time.Second)); at, _ = r.clock.NextTimer() {
		runtime.Gosched()
	}
	r.clock.Advance(5 * time.Second)
	if a := <-got; len(a.list) != 1 || a.list[0].Body != "delayed" {
		t.Fatalf("woken by: %+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	poll(ctx, 20)
	r.clock.AwaitTimers(own + 2)
	cancel()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("cancelled: %+v", a)
	}
	r.clock.AwaitTimers(own + 1)
	r.clock.Advance(20 * time.Second)
	if a := <-got; a.err != nil || len(a.list) != 0 {
		t.Errorf("time is up: %+v", a)
	}
}

func TestInbox(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	var b kv.Batch
	b.Set([]byte("\x7fother"), []byte("1"))
	for _, body := range []string{"1", "2", "3"} {
		if err := r.Enqueue(&b, queue.Incoming{Queue: q, Message: queue.Message{Body: body}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Enqueue(&b, queue.Incoming{Queue: ref("none"), Message: queue.Message{Body: "x"}}); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("no queue: %v", err)
	}
	if err := kv.Commit(t.Context(), r.store, &b); err != nil {
		t.Fatal(err)
	}
	var got string
	for len(got) < 6 {
		list, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: 10, Wait: second(20)})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			got += m.Body + " "
		}
	}
	if got != "1 2 3 " {
		t.Errorf("got %s", got)
	}
}

// TestClockChangesWhileDown reopens the store with another wall clock: messages in flight are hidden for their
// timeout at most, or free where it has passed.
func TestClockChangesWhileDown(t *testing.T) {
	for name, c := range map[string]struct {
		jump time.Duration
		left time.Duration // until the message in flight can be received again
	}{
		"set back": {-time.Hour, 30 * time.Second},
		"set on":   {time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			q := r.make("q", func(s *queue.Settings) { s.Visibility = 30 * time.Second })
			r.send(q, queue.Message{Body: "flying"})
			r.receive(q, 1)
			r.send(q, queue.Message{Body: "ready"})
			r.clock.Advance(10 * time.Second)
			r = open(t, r.store, clock.NewFake(r.clock.Now().Add(c.jump)))
			want := "ready"
			if c.left == 0 {
				want = "flying ready"
			}
			if got := strings.TrimSpace(r.bodies(q, 10)); got != want {
				t.Errorf("at once: %s", got)
			}
			if c.left > 0 {
				r.clock.Advance(c.left - time.Second)
				if got := strings.TrimSpace(r.bodies(q, 10)); got != "" {
					t.Errorf("too early: %s", got)
				}
				r.clock.Advance(time.Second)
				if got := strings.TrimSpace(r.bodies(q, 10)); got != "flying ready" { // whose timeout began then
					t.Errorf("after the time that was left: %s", got)
				}
			}
		})
	}
}
