package logs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Rejected tells which events of a Put were left out because of their time. The fields are indexes into the events:
// those before TooOldEnd or ExpiredEnd and those from TooNewStart on were dropped. -1 = none.
type Rejected struct {
	TooNewStart, TooOldEnd, ExpiredEnd int
}

// Any reports whether anything was rejected.
func (r Rejected) Any() bool { return r.TooNewStart >= 0 || r.TooOldEnd >= 0 || r.ExpiredEnd >= 0 }

// Put adds events, which must be in the order of their time, to a stream that exists.
func (l *Store) Put(ctx context.Context, s ident.Scope, group, stream string, events []Event) (Rejected, error) {
	rej := Rejected{-1, -1, -1}
	g, err := l.Group(ctx, s, group)
	if err != nil {
		return rej, err
	}
	if err := checkEvents(events); err != nil {
		return rej, err
	}
	now := l.clock.Now()
	kept := make([]Event, 0, len(events))
	for i, e := range events {
		switch {
		case e.Time.After(now.Add(maxFuture)):
			if rej.TooNewStart < 0 {
				rej.TooNewStart = i
			}
		case e.Time.Before(now.Add(-maxPast)):
			rej.TooOldEnd = i + 1
		case e.Time.Before(l.horizon(g)):
			rej.ExpiredEnd = i + 1
		default:
			kept = append(kept, e)
		}
	}
	if _, err := l.Stream(ctx, s, group, stream); err != nil {
		return rej, err
	}
	p, err := l.write(ctx, s, group, stream, kept, false)
	if err != nil || p == nil {
		return rej, err
	}
	return rej, p.Wait(ctx)
}

// Append is Put for Tarn's own writers: the group and stream are made where they lack, no event is rejected, and it
// answers when the events can be read, which is before they are durable.
func (l *Store) Append(ctx context.Context, s ident.Scope, group, stream string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := checkGroupName(group); err != nil {
		return err
	}
	_, err := l.write(ctx, s, group, stream, events, true)
	return err
}

func checkEvents(events []Event) error {
	if len(events) == 0 || len(events) > MaxBatchEvents {
		return fmt.Errorf("%w: %d log events: want 1 to %d", ErrBadInput, len(events), MaxBatchEvents)
	}
	size := 0
	for i, e := range events {
		if e.Message == "" {
			return fmt.Errorf("%w: log event %d is empty", ErrBadInput, i)
		}
		if len(e.Message) > MaxEventBytes-EventOverhead {
			return fmt.Errorf("%w: log event too large: %d bytes exceeds limit of %d", ErrBadInput, len(e.Message), MaxEventBytes-EventOverhead)
		}
		size += len(e.Message) + EventOverhead
		if i > 0 && e.Time.Before(events[i-1].Time) {
			return fmt.Errorf("%w: log events in a single PutLogEvents request must be in chronological order", ErrBadInput)
		}
	}
	if size > MaxBatchBytes {
		return fmt.Errorf("%w: upload too large: %d bytes exceeds limit of %d", ErrBadInput, size, MaxBatchBytes)
	}
	if span := events[len(events)-1].Time.Sub(events[0].Time); span > 24*time.Hour {
		return fmt.Errorf("%w: the batch of log events in a single PutLogEvents request cannot span more than 24 hours", ErrBadInput)
	}
	return nil
}

func (l *Store) write(ctx context.Context, s ident.Scope, group, stream string, events []Event, create bool) (kv.Pending, error) {
	if len(events) == 0 {
		return nil, nil
	}
	now := l.clock.Now()
	var b kv.Batch
	for _, e := range events {
		ms, seq := e.Time.UnixMilli(), l.seq.Add(1)
		value := binary.AppendVarint(make([]byte, 0, len(e.Message)+10), now.UnixMilli())
		b.Set(eventKey(s, group, ms, seq, stream), append(value, e.Message...))
		b.Set(indexKey(s, group, stream, ms, seq), nil)
	}
	return l.apply(ctx, s, group, stream, &b, events, now, create)
}

// apply adds the stream's own record to b and applies it; the lock keeps two writers of a stream from losing one
// another's times.
func (l *Store) apply(ctx context.Context, s ident.Scope, group, stream string, b *kv.Batch, events []Event, now time.Time, create bool) (kv.Pending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st, err := l.Stream(ctx, s, group, stream)
	switch {
	case err == nil:
	case create && errors.Is(err, ErrNoSuchGroup):
		kv.Put(b, groupKey(s, group), Group{Name: group, Created: now})
		st = Stream{Group: group, Name: stream, Created: now}
	case create && errors.Is(err, ErrNoSuchStream):
		st = Stream{Group: group, Name: stream, Created: now}
	default:
		return nil, err
	}
	first, last := events[0].Time, events[len(events)-1].Time
	if st.FirstEvent.IsZero() || first.Before(st.FirstEvent) {
		st.FirstEvent = first
	}
	if last.After(st.LastEvent) {
		st.LastEvent = last
	}
	st.LastIngested = now
	kv.Put(b, streamKey(s, group, stream), st)
	return l.kv.Apply(ctx, b)
}

func decodeEvent(it kv.Item) (Event, error) {
	ms, seq, stream, err := readEventKey(it.Key)
	if err != nil {
		return Event{}, err
	}
	ingested, n := binary.Varint(it.Value)
	if n <= 0 {
		return Event{}, fmt.Errorf("log event %q is malformed", it.Key)
	}
	return Event{
		Time: time.UnixMilli(ms).UTC(), Message: string(it.Value[n:]), Stream: stream, Ingested: time.UnixMilli(ingested).UTC(), Seq: seq,
	}, nil
}
