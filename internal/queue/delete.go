package queue

import (
	"context"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// Delete of messages and changes of their visibility. Both exist for one and for several handles: those that are refused have
// their error in the list, and do not keep the others back.

// DeleteMessages removes messages by their handles. A message that is gone already is no error. In a standard queue a
// handle of an earlier receive deletes too: a delete that is acknowledged never comes back. In a FIFO queue a handle that
// has expired is refused. The deletes are durable when it returns.
func (e *Engine) DeleteMessages(ctx context.Context, r Ref, handles []string) ([]error, error) {
	errs, p, err := e.QueueDelete(ctx, nil, r, handles)
	if err != nil || p == nil {
		return errs, err
	}
	return errs, p.Wait(ctx)
}

// QueueDelete is DeleteMessages with what b holds already, in one batch. It is visible when QueueDelete returns, and durable
// after p.Wait; p is nil when there was nothing to do.
func (e *Engine) QueueDelete(ctx context.Context, b *kv.Batch, r Ref, handles []string) (errs []error, p kv.Pending, err error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, nil, err
	}
	if b == nil {
		b = &kv.Batch{}
	}
	if err := s.lock(ctx); err != nil {
		return nil, nil, err
	}
	defer s.mu.Unlock()
	s.index.advance(e.now())
	errs = make([]error, len(handles))
	var gone []*item
	for i, h := range handles {
		seq, count, ok := s.parseHandle(h)
		if !ok {
			errs[i] = badHandle(h)
			continue
		}
		it := s.index.items[seq]
		if it == nil {
			continue
		}
		if s.fifo && (it.state != inFlight || it.count != count) {
			errs[i] = refuse(ErrExpiredHandle, "value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", h)
			continue
		}
		s.delete(b, seq)
		b.UseReserve()
		gone = append(gone, it)
	}
	if b.Empty() {
		return errs, nil, nil
	}
	if p, err = s.apply(ctx, b); err != nil {
		return nil, nil, err
	}
	for _, it := range gone {
		if s.index.items[it.seq] == it { // a handle may have been given twice
			s.index.remove(it)
		}
	}
	if s.fifo {
		s.wake() // groups may have their turn
	}
	return errs, p, nil
}

func badHandle(h string) error {
	return refuse(ErrBadHandle, "the input receipt handle \"%s\" is not a valid receipt handle.", h)
}

// VisibilityChange sets how long a message that is in flight stays hidden, from now on.
type VisibilityChange struct {
	Handle     string
	Visibility time.Duration // 0 = visible at once
}

// ChangeVisibility changes the visibility of messages that were received. In a standard queue a handle of an earlier receive
// does, too, and a message that is visible again is hidden once more; a FIFO queue takes the newest handle only, while the
// message is in flight. The changes are durable when it returns.
func (e *Engine) ChangeVisibility(ctx context.Context, r Ref, list []VisibilityChange) ([]error, error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, err
	}
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	now := e.now()
	s.index.advance(now)
	errs := make([]error, len(list))
	var b kv.Batch
	var undo []func()
	for i, c := range list {
		var u func()
		if u, errs[i] = s.changeVisibility(&b, c, now); u != nil {
			undo = append(undo, u)
		}
	}
	var p kv.Pending
	if !b.Empty() {
		p, err = s.apply(ctx, &b)
		if err == nil {
			s.index.advance(now)
			s.wake()
		} else {
			for _, u := range slices.Backward(undo) {
				u()
			}
		}
	}
	s.mu.Unlock()
	if err != nil || p == nil {
		return errs, err
	}
	return errs, p.Wait(ctx)
}

// changeVisibility makes one change and returns what takes it back; nil where there was none.
func (s *shard) changeVisibility(b *kv.Batch, c VisibilityChange, now int64) (undo func(), err error) {
	seq, count, ok := s.parseHandle(c.Handle)
	if !ok {
		return nil, badHandle(c.Handle)
	}
	it := s.index.items[seq]
	switch {
	case it == nil || s.fifo && it.count != count:
		return nil, refuse(ErrNotAvailable, "value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", c.Handle)
	case s.fifo && it.state != inFlight:
		return nil, ErrNotInFlight
	case it.state != inFlight && c.Visibility == 0:
		return nil, nil // it is visible as it is
	}
	at := now + c.Visibility.Milliseconds()
	if at-it.received > MaxVisibility.Milliseconds() {
		return nil, refuse(ErrTooLongVisible, "total VisibilityTimeout for the message is beyond the limit [%d seconds].", int(MaxVisibility.Seconds()))
	}
	was := it.at
	if it.state == inFlight {
		s.index.reschedule(it, at)
		undo = func() { s.index.reschedule(it, was) }
	} else {
		s.index.rehide(it, at)
		undo = func() {
			s.index.hidden.remove(it)
			it.at = was
			s.index.unhide(it)
		}
	}
	s.put(b, it)
	return undo, nil
}

// Purge deletes all messages that a queue has now; a FIFO queue forgets their deduplication ids, too.
func (e *Engine) Purge(ctx context.Context, r Ref) error {
	s, err := e.shard(r)
	if err != nil {
		return err
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	now := e.clock.Now()
	if !s.purged.IsZero() && now.Sub(s.purged) < purgeInterval {
		s.mu.Unlock()
		return refuse(ErrPurging, "only one PurgeQueue operation on %s is allowed every 60 seconds.", r.Name)
	}
	var b kv.Batch
	b.DeleteRange(messagePrefix(s.id), messagePrefix(s.id).End())
	b.DeleteRange(statePrefix(s.id), statePrefix(s.id).End())
	b.DeleteRange(dedupPrefix(s.id), dedupPrefix(s.id).End())
	p, err := s.apply(ctx, &b)
	if err == nil {
		s.purged = now
		s.index = newIndex(s.fifo)
		s.attempts = map[string]attempt{}
		s.dedup, s.dedupAge = map[dedupHash]dedupEntry{}, nil
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}
