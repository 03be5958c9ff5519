// Package outbox carries effects from one engine to another without losing or inventing any. The engine that causes an
// effect puts an entry into a box in the batch of its own change; the box hands the entry to its consumer until
// that succeeds, and removes it in the batch of what the consumer did. Where both ends are kept in the same store the
// effect therefore happens exactly once; where the consumer acts outside (a process, another host) it happens at
// least once, and the entry's ID tells repetitions apart.
//
// Keys: (Outbox, box name, due time, id) → entry. Entries are taken in the order in which they fall due. Due times are those of
// a steady clock: an entry waits as long as it was to, whoever sets the wall clock meanwhile.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Entry is an effect that waits for its delivery.
type Entry struct {
	ID      string          // unique; stays the same over all attempts
	Created time.Time       // when it was put
	Queued  time.Time       // when the wait for this attempt began
	Attempt int             // deliveries that failed so far
	Body    json.RawMessage // what the producer put
}

// Deliver carries out the effect of e. What it adds to b is committed together with the removal of e. It returns nil
// when the effect is done or given up for good, and an error (see Later) when it is to be tried again. It is
// called concurrently.
type Deliver func(ctx context.Context, e Entry, b *kv.Batch) error

// Options of a box.
type Options struct {
	Name    string // which box of the store; required
	Clock   clock.Clock
	Logger  *slog.Logger
	Workers int // deliveries at once; 0 = 16
	// Lane names what an entry has in common with others, by its body. Of one lane LaneWorkers deliveries run at once, of which one
	// is the lane's own: lanes share the Workers for the others alone, so that however many lanes hang, the next one goes on.
	// nil = one lane.
	Lane        func(body json.RawMessage) string
	LaneWorkers int
	// Backoff is how long an entry waits after its n-th failed delivery (n from 1) unless the error says otherwise;
	// nil = one second doubled each time, five minutes at most.
	Backoff func(n int) time.Duration
}

// Box is one list of entries. All methods are safe for concurrent use; Run is called once.
type Box struct {
	store kv.Store
	opts  Options
	log   *slog.Logger

	mu    sync.Mutex      // guards the fields below
	busy  map[string]bool // ids being delivered
	lanes map[string]int  // deliveries under way by lane
	total int             // the sum of lanes
	// lanes of entries that found theirs full, by id: those of the pass under way, and of the one before
	wait, waited map[string]string
}

// maxLanes bounds how many lanes have deliveries under way.
const maxLanes = 4096

// maxPassed bounds how many entries of full lanes one look at the box passes over.
const maxPassed = 50_000

// New returns the box of that name.
func New(store kv.Store, opts Options) *Box {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Workers <= 0 {
		opts.Workers = 16
	}
	if opts.Backoff == nil {
		opts.Backoff = doubling
	}
	opts.Clock = clock.Steady(opts.Clock)
	return &Box{store: store, opts: opts, log: opts.Logger.With("component", "outbox", "box", opts.Name), busy: map[string]bool{}, lanes: map[string]int{}, wait: map[string]string{}}
}

func doubling(n int) time.Duration {
	return min(time.Second<<min(n-1, 20), 5*time.Minute)
}

// Put adds an entry to b, to be delivered at once. body is encoded as JSON. It returns the entry's id.
func (x *Box) Put(b *kv.Batch, body any) string { return x.PutAfter(b, 0, body) }

// PutAfter is Put for an entry that is delivered when d has passed, or soon after it.
func (x *Box) PutAfter(b *kv.Batch, d time.Duration, body any) string {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("BUG: encode %T: %v", body, err))
	}
	now := x.opts.Clock.Now()
	e := Entry{ID: ident.Hex(12), Created: now, Queued: now, Body: data}
	kv.Put(b, x.key(now.Add(d), e.ID), e)
	return e.ID
}

// Age returns how much time has passed since an entry was put.
func (x *Box) Age(e Entry) time.Duration { return x.opts.Clock.Now().Sub(e.Created) }

// Later is the error of a delivery that is to be tried again after a given time.
type Later struct {
	After time.Duration
	Err   error
}

// Error implements error.
func (l *Later) Error() string { return fmt.Sprintf("try again in %v: %v", l.After, l.Err) }

// Unwrap returns the reason.
func (l *Later) Unwrap() error { return l.Err }

// Run delivers entries until ctx ends, and waits for the deliveries under way.
func (x *Box) Run(ctx context.Context, deliver Deliver) {
	x.setBack(ctx)
	watch := x.store.Watch(x.prefix())
	defer watch.Close()
	timer := x.opts.Clock.NewTimer(0)
	defer timer.Stop()
	freed := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-watch.C():
		case <-timer.C():
		case <-freed:
		}
		next := x.start(ctx, deliver, freed, &wg)
		if next.IsZero() {
			continue
		}
		timer.Reset(max(next.Sub(x.opts.Clock.Now()), 0))
		if !next.After(x.opts.Clock.Now()) { // it fell due between the look at the clock and the timer's start
			timer.Reset(0)
		}
	}
}

// setBack brings forward what waits since a time that is not yet: the clock was set back since it was put, so that its wait
// counts from now on.
func (x *Box) setBack(ctx context.Context) {
	now := x.opts.Clock.Now()
	var b kv.Batch
	later := kv.Prefix(x.prefix())
	later.Lo = x.prefix().Time(now)
	for it, err := range x.store.Scan(ctx, later) {
		if err != nil {
			if errors.Is(err, kv.ErrCorrupt) {
				continue
			}
			break
		}
		k := append([]byte(nil), it.Key...)
		r := key.Read(k, key.Outbox)
		_, due := r.Str(), r.Time()
		var e Entry
		if json.Unmarshal(it.Value, &e) != nil || !e.Queued.After(now) {
			continue // what is malformed is told when it falls due
		}
		due = now.Add(due.Sub(e.Queued))
		e.Queued, e.Created = now, now.Add(e.Created.Sub(e.Queued))
		b.Delete(k)
		kv.Put(&b, x.key(due, e.ID), e)
	}
	if b.Empty() {
		return
	}
	if err := kv.Commit(ctx, x.store, &b); err != nil && ctx.Err() == nil {
		x.log.Error("bring entries forward after the clock was set back", "err", err)
	}
}

// start delivers due entries as far as there are workers and returns when the next one falls due, or zero.
func (x *Box) start(ctx context.Context, deliver Deliver, freed chan struct{}, wg *sync.WaitGroup) time.Time {
	passed := 0
	x.forgetWaiting()
	for it, err := range x.store.Scan(ctx, kv.Prefix(x.prefix())) {
		if errors.Is(err, kv.ErrCorrupt) {
			x.log.Error("entry is unreadable", "err", err)
			continue
		}
		if err != nil {
			if ctx.Err() == nil {
				x.log.Error("read entries", "err", err)
				return x.opts.Clock.Now().Add(time.Second)
			}
			return time.Time{}
		}
		k := append([]byte(nil), it.Key...)
		r := key.Read(k, key.Outbox)
		_, due, id := r.Str(), r.Time(), r.Str()
		if due.After(x.opts.Clock.Now()) {
			return due
		}
		if x.full(id) {
			if passed++; passed == maxPassed {
				return time.Time{} // a delivery that ends wakes us
			}
			continue
		}
		var e Entry
		if err := json.Unmarshal(it.Value, &e); err != nil || r.Err() != nil {
			x.log.Error("entry is malformed", "key", fmt.Sprintf("%q", k), "err", errors.Join(err, r.Err()))
			continue
		}
		lane := ""
		if x.opts.Lane != nil {
			lane = x.opts.Lane(e.Body)
		}
		if !x.claim(id, lane) {
			if x.opts.Lane == nil && !x.room(lane) {
				return time.Time{} // a delivery that ends wakes us
			}
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			x.deliver(ctx, deliver, k, e)
			x.release(id, lane)
			select {
			case freed <- struct{}{}:
			default:
			}
		}()
	}
	return time.Time{}
}

func (x *Box) deliver(ctx context.Context, deliver Deliver, k []byte, e Entry) {
	// The scan that found the entry may have begun before another delivery removed it.
	if _, err := x.store.Get(ctx, k); err != nil {
		if !errors.Is(err, kv.ErrNotFound) && ctx.Err() == nil {
			x.log.Error("read entry", "id", e.ID, "err", err)
			_ = clock.Sleep(ctx, x.opts.Clock, time.Second)
		}
		return
	}
	var b kv.Batch
	err := x.attempt(ctx, deliver, e, &b)
	if ctx.Err() != nil {
		return // stays as it is; delivered again after the next start
	}
	if err != nil {
		e.Attempt++
		wait := x.opts.Backoff(e.Attempt)
		var later *Later
		if errors.As(err, &later) {
			wait = later.After
		}
		x.log.Warn("delivery failed", "id", e.ID, "attempt", e.Attempt, "retry_in", wait, "err", err)
		b.Reset()
		b.Delete(k) // before the new one is put, which may have the same key
		e.Queued = x.opts.Clock.Now()
		kv.Put(&b, x.key(e.Queued.Add(wait), e.ID), e)
	} else {
		b.Delete(k)
	}
	if err := kv.Commit(ctx, x.store, &b); err != nil && ctx.Err() == nil {
		x.log.Error("commit delivery", "id", e.ID, "err", err)
		_ = clock.Sleep(ctx, x.opts.Clock, time.Second) // the entry is still there: do not spin on a full disk
	}
}

// attempt makes one delivery. One that panics has failed: it must not end the process, nor each process that finds it again.
func (x *Box) attempt(ctx context.Context, deliver Deliver, e Entry, b *kv.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.log.Error("delivery panicked", "id", e.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("the delivery panicked: %v", p)
		}
	}()
	return deliver(ctx, e, b)
}

// forgetWaiting begins a pass: the entries that wait for their lanes now are those that the pass sees.
func (x *Box) forgetWaiting() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waited, x.wait = x.wait, map[string]string{}
}

// claim takes an entry for delivery, unless that is under way or its lane is full.
func (x *Box) claim(id, lane string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[id] {
		return false
	}
	if !x.admits(lane) {
		x.wait[id] = lane
		return false
	}
	delete(x.wait, id)
	x.busy[id] = true
	x.lanes[lane]++
	x.total++
	return true
}

// admits reports whether a lane may have one more delivery under way; x.mu is held.
func (x *Box) admits(lane string) bool {
	n := x.lanes[lane]
	if x.opts.Lane == nil {
		return n < x.opts.Workers
	}
	if n == 0 {
		return len(x.lanes) < maxLanes
	}
	return n < x.opts.LaneWorkers && x.total-len(x.lanes) < x.opts.Workers
}

func (x *Box) room(lane string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.admits(lane)
}

// full reports whether an entry is known to wait for a lane that is full.
func (x *Box) full(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	lane, ok := x.waited[id]
	if !ok || x.admits(lane) {
		return false
	}
	x.wait[id] = lane
	return true
}

func (x *Box) release(id, lane string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, id)
	x.total--
	if x.lanes[lane]--; x.lanes[lane] == 0 {
		delete(x.lanes, lane)
	}
}

func (x *Box) prefix() key.Key { return key.In(key.Outbox).Str(x.opts.Name) }

func (x *Box) key(due time.Time, id string) key.Key { return x.prefix().Time(due).Str(id) }
