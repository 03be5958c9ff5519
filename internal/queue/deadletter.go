package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/kv"
)

func (e *Engine) exists(arn string) bool {
	r, ok := ParseARN(arn)
	if !ok {
		return false
	}
	_, err := e.shard(r)
	return err == nil
}

// giveUp moves messages that were received too often to the dead-letter queue. s.mu is held; it is released and taken again,
// because both queues are locked in the order of their ids. It returns how many were moved.
func (s *shard) giveUp(ctx context.Context, seqs []uint64) (int, error) {
	d := s.def.Settings.Redrive
	if d == nil {
		return 0, nil
	}
	r, _ := ParseARN(d.TargetARN)
	target, err := s.engine.shard(r)
	if err != nil {
		return 0, nil // deleted just now: the messages stay
	}
	s.mu.Unlock()
	moved, _, err := s.engine.move(ctx, s, seqs, func(m *stored) *shard { return target }, func(it *item) bool {
		return it.state == visible && int(it.count) >= d.MaxReceives
	}, true, nil)
	s.mu.Lock()
	if err != nil {
		return 0, fmt.Errorf("move messages to the dead-letter queue: %w", err)
	}
	return moved, s.usable(ctx)
}

// move takes messages from one queue to others, in one batch, together with what more adds to it. still says whether a message
// is to be moved, now that the locks are held. dead marks them as dead letters of from. known is how many could be read and have
// somewhere to go.
func (e *Engine) move(ctx context.Context, from *shard, seqs []uint64, to func(*stored) *shard, still func(*item) bool, dead bool, more func(b *kv.Batch, moved int)) (n, known int, err error) {
	type one struct {
		seq    uint64
		target *shard
		m      *stored
	}
	var list []one
	shards := []*shard{from}
	for _, seq := range seqs {
		m, err := from.read(ctx, seq)
		if errors.Is(err, kv.ErrNotFound) {
			known++ // deleted meanwhile
			continue
		}
		if err != nil {
			e.log.Error("message cannot be moved", "queue", from.ref.ARN(), "sequence", seq, "err", err)
			continue
		}
		if t := to(m); t != nil {
			list = append(list, one{seq, t, m})
			shards = append(shards, t)
		}
	}
	known += len(list)
	unlock, err := lockAll(ctx, shards...)
	if err != nil {
		return 0, known, err
	}
	var b kv.Batch
	now := e.now()
	moved := make([]item, len(list))
	for i, o := range list {
		it := from.item(o.seq)
		if it == nil || !still(it) {
			continue
		}
		m := o.m
		m.base += it.count
		if dead {
			m.deadOf = from.ref.ARN()
		} else {
			m.base, m.deadOf = 0, ""
		}
		if o.target.fifo || !dead {
			m.sent = now
		}
		p := prepared{message: m, record: m.encode(), delay: 0}
		if o.target.fifo {
			// The ids of messages that were moved count in neither queue: moving back and forth drops nothing.
			moved[i].group = &group{name: m.group}
		}
		from.delete(&b, o.seq)
		var sent Sent
		o.target.admit(&b, &p, &moved[i], now, &sent)
		n++
	}
	if more != nil {
		more(&b, n)
	}
	if b.Empty() {
		unlock()
		return 0, known, nil
	}
	p, err := e.store.Apply(context.WithoutCancel(ctx), &b)
	if err != nil {
		for _, s := range shards {
			s.failed(err)
		}
		unlock()
		return 0, known, err
	}
	for i, o := range list {
		if moved[i].seq == 0 {
			continue
		}
		from.forget(o.seq)
		o.target.index.add(moved[i], o.m.group)
	}
	for _, s := range ordered(shards) {
		s.wake()
	}
	unlock()
	return n, known, p.Wait(ctx)
}

// item returns what is known of a message; for one that was never received, what a receive would make of it.
func (s *shard) item(seq uint64) *item {
	if it := s.index.items[seq]; it != nil {
		return it
	}
	if m, ok := s.index.fresh.first(); ok && m.seq <= seq {
		for m := range s.index.fresh.all {
			if m.seq == seq {
				return &item{seq: seq, sent: m.sent}
			}
			if m.seq > seq {
				break
			}
		}
	}
	return nil
}

// forget takes a message out of the index, wherever it is.
func (s *shard) forget(seq uint64) {
	x := s.index
	if it := x.items[seq]; it != nil {
		x.remove(it)
		return
	}
	for m, ok := x.fresh.first(); ok && m.seq <= seq; m, ok = x.fresh.first() {
		x.fresh.pop()
		if m.seq == seq {
			x.counts.Visible--
			return
		}
		it := &item{seq: m.seq, sent: m.sent} // those before it stay
		x.items[it.seq] = it
		x.earliest = min(x.earliest, it.sent)
		x.back.push(it)
	}
}
