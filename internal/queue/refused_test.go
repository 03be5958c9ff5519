package queue_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/queue"
)

// faulty is a store that refuses what a test says.
type faulty struct {
	kv.Store
	apply atomic.Pointer[error]                     // what every Apply returns
	get   atomic.Pointer[func(key []byte) error]    // what a Get returns
	scan  atomic.Pointer[func(kv.Range) error]      // what a Scan yields first
	scans atomic.Int64                              // of the states of messages
	wait  atomic.Pointer[func(ctx context.Context)] // called by each Wait
}

func newFaulty(t testing.TB) (*rig, *faulty) {
	s := &faulty{Store: kvtest.New(t)}
	return open(t, s, clock.NewFake(epoch)), s
}

func (s *faulty) refuse(err error) { s.apply.Store(&err) }

func (s *faulty) Apply(ctx context.Context, b *kv.Batch) (kv.Pending, error) {
	if err := s.apply.Load(); err != nil && *err != nil {
		return nil, *err
	}
	p, err := s.Store.Apply(ctx, b)
	if f := s.wait.Load(); err == nil && f != nil {
		return slow{p, *f}, nil
	}
	return p, err
}

type slow struct {
	kv.Pending
	before func(context.Context)
}

func (p slow) Wait(ctx context.Context) error {
	p.before(ctx)
	return p.Pending.Wait(ctx)
}

func (s *faulty) Get(ctx context.Context, k []byte) ([]byte, error) {
	if f := s.get.Load(); f != nil {
		if err := (*f)(k); err != nil {
			return nil, err
		}
	}
	return s.Store.Get(ctx, k)
}

func (s *faulty) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Item, error] {
	if isState(r.Lo) {
		s.scans.Add(1)
	}
	if f := s.scan.Load(); f != nil {
		if err := (*f)(r); err != nil {
			return func(yield func(kv.Item, error) bool) { yield(kv.Item{}, err) }
		}
	}
	return s.Store.Scan(ctx, r)
}

func isState(k []byte) bool   { return bytes.HasPrefix(k, key.In(key.Queue).Str("i")) }
func isMessage(k []byte) bool { return bytes.HasPrefix(k, key.In(key.Queue).Str("m")) }

// TestFullDisk_RefusesWithoutChange: what a full disk refuses has not happened, and does not cost a reading of the queue.
func TestFullDisk_RefusesWithoutChange(t *testing.T) {
	for _, name := range []string{"q", "q.fifo"} {
		t.Run(name, func(t *testing.T) {
			r, store := newFaulty(t)
			q := r.make(name, nil)
			m := func(body string) queue.Message {
				if name == "q" {
					return queue.Message{Body: body}
				}
				return queue.Message{Body: body, Group: "g", DedupID: body}
			}
			r.send(q, m("a"))
			held := r.receive(q, 1)
			r.send(q, m("b"))
			before, scans := r.counts(q), store.scans.Load()

			store.refuse(kv.ErrFull)
			for range 3 {
				if _, err := r.Send(t.Context(), q, m("c")); !errors.Is(err, kv.ErrFull) {
					t.Fatalf("send: %v", err)
				}
				if got, err := r.Receive(t.Context(), q, queue.ReceiveRequest{Max: 10, Wait: second(0)}); name == "q" && !errors.Is(err, kv.ErrFull) || len(got) > 0 {
					t.Fatalf("receive: %v, %v", got, err)
				}
				if _, err := r.ChangeVisibility(t.Context(), q, []queue.VisibilityChange{{Handle: held[0].Handle, Visibility: 0}}); !errors.Is(err, kv.ErrFull) {
					t.Fatalf("change visibility: %v", err)
				}
			}
			if got := r.counts(q); got != before {
				t.Errorf("counts = %+v, before %+v", got, before)
			}
			store.refuse(nil)
			if n := store.scans.Load() - scans; n != 0 {
				t.Errorf("the queue was read %d times", n)
			}
			if s := r.send(q, m("c")); s.Duplicate {
				t.Error("what was refused counts as sent")
			}
			r.delete(q, held[0].Handle)
			got := r.receive(q, 10)
			if len(got) != 2 || got[0].Body != "b" || got[0].Count != 1 || got[1].Body != "c" {
				t.Errorf("received %+v, want b and c for the first time", got)
			}
			after := r.counts(q)
			if again := r.reopen(); again.counts(q) != after {
				t.Errorf("counts after a restart = %+v, before %+v", again.counts(q), after)
			}
		})
	}
}

// TestInbox_KeepsWhatCannotBeTakenInNow: a queue that cannot be opened for the moment is no reason to drop its messages.
func TestInbox_KeepsWhatCannotBeTakenInNow(t *testing.T) {
	r, store := newFaulty(t)
	q := r.make("q", nil)
	r.stop()
	r = open(t, store, r.clock)
	var failures atomic.Int64
	fail := func(rng kv.Range) error {
		if isState(rng.Lo) && failures.Add(1) == 1 {
			return errors.New("the disk does not answer")
		}
		return nil
	}
	store.scan.Store(&fail)
	var b kv.Batch
	if err := r.Enqueue(&b, queue.Incoming{Queue: q, Message: queue.Message{Body: "kept"}}); err != nil {
		t.Fatal(err)
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	for failures.Load() < 1 {
		time.Sleep(time.Millisecond) // nothing else tells
	}
	for r.counts(q).Visible == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the message is gone")
		}
		r.clock.Advance(time.Second) // the inbox tries again
		if n := inboxEntries(t, store); n == 0 && r.counts(q).Visible == 0 {
			t.Fatal("the message is neither in the inbox nor in its queue")
		}
	}
}

func inboxEntries(t *testing.T, s kv.Store) (n int) {
	for _, err := range s.Scan(t.Context(), kv.Prefix(key.In(key.Queue).Str("in"))) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestReceive_NothingForTheDead: whoever has gone away takes nothing.
func TestReceive_NothingForTheDead(t *testing.T) {
	r := newRig(t)
	q := r.make("q", func(s *queue.Settings) { s.Redrive = nil })
	r.send(q, queue.Message{Body: "a"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Receive(ctx, q, queue.ReceiveRequest{Max: 1, Wait: second(20)}); len(got) > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("received %v, %v", got, err)
	}
	if c := r.counts(q); c.Visible != 1 {
		t.Errorf("counts = %+v, want it still there", c)
	}
}

// TestReceive_UnreadableDeadLetterEnds: a message that is to be given up and cannot be read keeps no receive busy.
func TestReceive_UnreadableDeadLetterEnds(t *testing.T) {
	r, store := newFaulty(t)
	dlq := r.make("dlq", nil)
	q := r.make("q", func(s *queue.Settings) {
		s.Visibility = 0
		s.Redrive = &queue.Redrive{TargetARN: dlq.ARN(), MaxReceives: 1}
	})
	r.send(q, queue.Message{Body: "a"})
	r.receive(q, 1)
	corrupt := func(k []byte) error {
		if isMessage(k) {
			return kv.ErrCorrupt
		}
		return nil
	}
	store.get.Store(&corrupt)
	if got := r.receive(q, 1); len(got) != 0 {
		t.Errorf("received %+v", got)
	}
	store.get.Store(nil)
	if got := r.receive(q, 1); len(got) != 0 || r.counts(dlq).Visible != 1 {
		t.Errorf("received %+v; dead letters: %+v", got, r.counts(dlq))
	}
}

// TestReceive_KeepsWhatItTook: dead letters that cannot be moved now do not take back what a receive hands out.
func TestReceive_KeepsWhatItTook(t *testing.T) {
	r, store := newFaulty(t)
	dlq := r.make("dlq", nil)
	q := r.make("q", func(s *queue.Settings) {
		s.Visibility = 0
		s.Redrive = &queue.Redrive{TargetARN: dlq.ARN(), MaxReceives: 1}
	})
	r.send(q, queue.Message{Body: "dead"})
	r.receive(q, 1)
	r.send(q, queue.Message{Body: "alive"})
	r.stop()
	r = open(t, store, r.clock)
	broken := func(rng kv.Range) error { // the dead-letter queue cannot be opened
		if isState(rng.Lo) && store.scans.Load() > 1 {
			return errors.New("the disk does not answer")
		}
		return nil
	}
	store.scans.Store(0)
	store.scan.Store(&broken)
	if got := r.receive(q, 10); len(got) != 1 || got[0].Body != "alive" {
		t.Errorf("received %+v, want alive", got)
	}
}

// TestMoveTask_OneAtATime: of tasks that are started at the same time one runs.
func TestMoveTask_OneAtATime(t *testing.T) {
	r := newRig(t)
	dlq := r.make("dlq", nil)
	q := r.make("q", func(s *queue.Settings) { s.Redrive = &queue.Redrive{TargetARN: dlq.ARN(), MaxReceives: 1} })
	for range 100 {
		r.send(dlq, queue.Message{Body: "x"})
	}
	var started atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.StartMove(t.Context(), dlq, q.ARN(), 1); err == nil {
				started.Add(1)
			} else if !errors.Is(err, queue.ErrBusyTask) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if started.Load() != 1 {
		t.Errorf("%d tasks run", started.Load())
	}
}

// TestMoveTask_CancelStays: a task that moves on while it is cancelled does not forget it, also over a restart.
func TestMoveTask_CancelStays(t *testing.T) {
	r := newRig(t)
	dlq := r.make("dlq", nil)
	q := r.make("q", func(s *queue.Settings) { s.Redrive = &queue.Redrive{TargetARN: dlq.ARN(), MaxReceives: 1} })
	for round := range 20 {
		for range 10 {
			r.send(dlq, queue.Message{Body: "x"})
		}
		task, err := r.StartMove(t.Context(), dlq, q.ARN(), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.CancelMove(t.Context(), task.Handle())
		if err != nil && !errors.Is(err, queue.ErrNoTask) {
			t.Fatal(err)
		}
		for {
			tasks, err2 := r.Moves(t.Context(), dlq, 1)
			if err2 != nil {
				t.Fatal(err2)
			}
			s := tasks[0].Status
			if s == "CANCELLED" && err == nil || s == "COMPLETED" && err != nil {
				break
			}
			if s != "RUNNING" && s != "CANCELLING" || t.Context().Err() != nil {
				t.Fatalf("round %d: status %s after a cancel that returned %v", round, s, err)
			}
		}
		r.clock.Advance(time.Second) // tasks are told apart by the time of their start
	}
}

// TestCreate_WaitsForTheOther: whoever finds a queue that another call is making answers when it is durable, and no lock is
// held meanwhile.
func TestCreate_WaitsForTheOther(t *testing.T) {
	r, store := newFaulty(t)
	release, waiting := make(chan struct{}), make(chan struct{}, 8)
	block := func(context.Context) { waiting <- struct{}{}; <-release }
	store.wait.Store(&block)
	same := func(queue.Settings) error { return nil }
	done := make(chan error, 3)
	create := func(name string) {
		_, err := r.Create(t.Context(), ref(name), queue.Defaults(), nil, same)
		done <- err
	}
	go create("one")
	<-waiting
	go create("one")
	<-waiting // the second one waits for the first, not for a lock
	go create("two")
	<-waiting
	select {
	case err := <-done:
		t.Errorf("answered before it was durable: %v", err)
	default:
	}
	close(release)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
