package queue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// attempt is what a ReceiveRequestAttemptId was answered with.
type attempt struct {
	at    int64
	items []*item
	count []uint32 // of each item, then
}

// Receive gives messages to a consumer and hides them from others. The counts, the visibility and the handles are durable
// when it returns. It returns an empty list when the wait ends without a message.
func (e *Engine) Receive(ctx context.Context, r Ref, q ReceiveRequest) ([]Received, error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, err
	}
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	visibility, wait := q.times(&s.def.Settings)
	until := e.clock.Now().Add(wait)
	w := &waiter{}
	for {
		taken, p, err := s.receive(ctx, &q, visibility)
		if err != nil || len(taken) > 0 {
			s.done()
			s.mu.Unlock()
			if err != nil {
				return nil, err
			}
			return s.deliver(ctx, taken, p)
		}
		again, err := s.wait(ctx, w, until)
		if err != nil || !again {
			s.done()
			s.mu.Unlock()
			return nil, err
		}
		if err := s.usable(ctx); err != nil {
			s.mu.Unlock()
			return nil, err
		}
	}
}

// ReceiveNow is Receive without the wait: where it gives nothing, wait tells how long Receive would wait.
func (e *Engine) ReceiveNow(ctx context.Context, r Ref, q ReceiveRequest) (list []Received, wait time.Duration, err error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, 0, err
	}
	if err := s.lock(ctx); err != nil {
		return nil, 0, err
	}
	visibility, wait := q.times(&s.def.Settings)
	taken, p, err := s.receive(ctx, &q, visibility)
	s.done()
	s.mu.Unlock()
	if err != nil || len(taken) == 0 {
		return nil, wait, err
	}
	list, err = s.deliver(ctx, taken, p)
	return list, 0, err
}

// times returns the visibility timeout and the longest wait of a request to a queue with these settings.
func (q *ReceiveRequest) times(set *Settings) (visibility, wait time.Duration) {
	visibility, wait = set.Visibility, set.Wait
	if q.Visibility != nil {
		visibility = *q.Visibility
	}
	if q.Wait != nil {
		wait = *q.Wait
	}
	return visibility, wait
}

// given is a message that was just received, as far as the index knows it.
type given struct {
	seq   uint64
	count uint32
	first int64
}

// receive takes what is ready, with s.mu held; it may release and take it again to give messages up.
func (s *shard) receive(ctx context.Context, q *ReceiveRequest, visibility time.Duration) ([]given, kv.Pending, error) {
	for tries := 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, nil, err // nobody is left to give them to
		}
		for more := true; more; {
			var err error
			if more, err = s.expire(ctx); err != nil {
				return nil, nil, err
			}
		}
		x, now := s.index, s.engine.now()
		x.advance(now)
		if taken, p, err, ok := s.retried(ctx, q, visibility); ok {
			return taken, p, err
		}
		room := MaxInFlight - x.counts.InFlight
		if room <= 0 {
			if q.LimitError && !x.fifo {
				return nil, nil, fmt.Errorf("%w: %d; delete some, or wait until they are visible again", ErrOverLimit, MaxInFlight)
			}
			return nil, nil, nil
		}
		items, dead := s.pick(min(q.Max, room))
		if len(items) == 0 && len(dead) > 0 {
			moved, err := s.giveUp(ctx, dead)
			if err != nil {
				return nil, nil, err
			}
			// Others may have moved them meanwhile. Or they are unreadable, and stay.
			if tries++; moved == 0 && tries > 2 {
				return nil, nil, nil
			}
			continue
		}
		if len(items) == 0 {
			return nil, nil, nil
		}
		taken, p, err := s.handOut(ctx, items, now, visibility)
		if err == nil && q.AttemptID != "" && x.fifo {
			a := attempt{at: now, items: items}
			for _, it := range items {
				a.count = append(a.count, it.count)
			}
			s.attempts[q.AttemptID] = a
		}
		if err == nil && len(dead) > 0 {
			// What was handed out is the caller's, whatever becomes of these: the next receive finds them again.
			if _, err := s.giveUp(ctx, dead); err != nil && ctx.Err() == nil {
				s.engine.log.Error("give messages up", "queue", s.ref.ARN(), "err", err)
			}
		}
		return taken, p, err
	}
}

// pick takes up to max messages off what is ready. dead are the numbers of those that were received too often already;
// they stay where they were.
func (s *shard) pick(max int) (items []*item, dead []uint64) {
	x := s.index
	limit := uint32(1<<32 - 1)
	if d := s.def.Settings.Redrive; d != nil && s.engine.exists(d.TargetARN) {
		limit = uint32(d.MaxReceives)
	}
	var back []*item
	var retry []*group
	for len(items) < max {
		var list []*item
		if x.fifo {
			list = x.takeGroup(max - len(items))
		} else if it := x.take(); it != nil {
			list = []*item{it}
		}
		if len(list) == 0 {
			break
		}
		for i, it := range list {
			if it.count < limit {
				continue
			}
			if x.fifo { // what follows in the group waits until it is gone
				back = append(back, list[i:]...)
				retry = append(retry, it.group)
				list = list[:i]
				dead = append(dead, it.seq)
				break
			}
			dead, back, list = append(dead, it.seq), append(back, it), nil
		}
		for _, it := range list {
			x.hide(it) // so that the group is locked at once
		}
		items = append(items, list...)
		if len(dead) >= 100 {
			break
		}
	}
	for _, it := range back {
		x.counts.Visible++
		if !x.fifo {
			x.back.push(it)
		}
	}
	if x.fifo {
		for i := len(back) - 1; i >= 0; i-- {
			g := back[i].group
			g.list = slices.Insert(g.list, 0, back[i])
		}
		for _, g := range retry {
			x.activate(g)
		}
	}
	return items, dead
}

// handOut writes the receive of items that are hidden already.
func (s *shard) handOut(ctx context.Context, items []*item, now int64, visibility time.Duration) ([]given, kv.Pending, error) {
	var b kv.Batch
	taken := make([]given, len(items))
	before := make([]item, len(items))
	for i, it := range items {
		before[i] = *it
		it.count++
		it.received = now
		if it.first == 0 {
			it.first = now
		}
		s.index.reschedule(it, now+visibility.Milliseconds())
		s.put(&b, it)
		taken[i] = given{it.seq, it.count, it.first}
	}
	p, err := s.apply(ctx, &b)
	if err != nil {
		for i, it := range items {
			old := &before[i]
			it.at, it.count, it.received, it.first = old.at, old.count, old.received, old.first
			s.index.hidden.remove(it)
			s.index.unhide(it)
		}
	}
	return taken, p, err
}

// retried answers a receive whose attempt id was used within the window as it was answered then, if nothing has happened to
// the messages since.
func (s *shard) retried(ctx context.Context, q *ReceiveRequest, visibility time.Duration) (taken []given, p kv.Pending, err error, ok bool) {
	if q.AttemptID == "" || !s.index.fifo {
		return nil, nil, nil, false
	}
	a, ok := s.attempts[q.AttemptID]
	now := s.engine.now()
	if !ok || now-a.at >= DedupWindow.Milliseconds() {
		return nil, nil, nil, false
	}
	var b kv.Batch
	for i, it := range a.items {
		if s.index.items[it.seq] != it || it.state != inFlight || it.count != a.count[i] {
			delete(s.attempts, q.AttemptID)
			return nil, nil, nil, false
		}
	}
	before := make([]int64, len(a.items))
	for i, it := range a.items {
		before[i] = it.at
		s.index.reschedule(it, now+visibility.Milliseconds())
		s.put(&b, it)
		taken = append(taken, given{it.seq, it.count, it.first})
	}
	if p, err = s.apply(ctx, &b); err != nil {
		for i, it := range a.items {
			s.index.reschedule(it, before[i])
		}
	}
	return taken, p, err, true
}

// deliver reads the messages and waits until their receive is durable.
func (s *shard) deliver(ctx context.Context, taken []given, p kv.Pending) ([]Received, error) {
	ctx = context.WithoutCancel(ctx) // they are taken, for one who may still have a use for them: a mapping that is changed has
	list := make([]Received, 0, len(taken))
	for _, g := range taken {
		m, err := s.read(ctx, g.seq)
		if errors.Is(err, kv.ErrNotFound) {
			continue // deleted or purged in between, by an older handle
		}
		if errors.Is(err, kv.ErrCorrupt) || errors.Is(err, errRecord) {
			s.engine.log.Error("message is unreadable", "queue", s.ref.ARN(), "sequence", g.seq, "err", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		out := m.received(g.seq, s.fifo)
		out.Count = int(m.base + g.count)
		out.FirstReceived = timeOf(g.first)
		out.Handle = s.handle(g.seq, g.count)
		list = append(list, out)
	}
	return list, p.Wait(ctx)
}

func (s *shard) read(ctx context.Context, seq uint64) (*stored, error) {
	b, err := s.engine.store.Get(ctx, messageKey(s.id, seq))
	if err != nil {
		return nil, err
	}
	return decodeStored(b)
}

func (m *stored) received(seq uint64, fifo bool) Received {
	out := Received{
		ID: formatID(m.id), Body: m.body, MD5Body: hex.EncodeToString(m.md5[:]), Attributes: m.attrs, Trace: m.trace, Sender: m.sender,
		Group: m.group, DedupID: m.dedup, DeadLetterOf: m.deadOf, Sent: timeOf(m.sent), Count: int(m.base),
	}
	slices.SortFunc(out.Attributes, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	if fifo {
		out.Sequence = seq
	}
	return out
}
