package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// The inbox takes messages in the batches of other engines, which are applied without the queues' mutexes. Each entry leaves
// it in the batch that puts the message into its queue: there is exactly one message an entry.

func inboxPrefix() key.Key { return key.In(key.Queue).Str("in") }

// Check reports why a queue would refuse a message: the errors are those of Send.
func (e *Engine) Check(in Incoming) error {
	s, err := e.shard(in.Queue)
	if err != nil {
		return err
	}
	set := s.definition().Settings
	return checkMessage(&in.Message, &set)
}

// Enqueue adds a message to b. It is in its queue soon after b is durable. Errors are those that Send would give; what is found
// out later (the queue was deleted) is logged and the message dropped. Whoever commits the batch alone uses SendAll.
func (e *Engine) Enqueue(b *kv.Batch, in Incoming) error {
	if err := e.Check(in); err != nil {
		return err
	}
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	e.inboxMu.Lock()
	e.inboxSeq = max(e.inboxSeq+1, e.clock.Now().UnixNano())
	k := inboxPrefix().Int(e.inboxSeq)
	e.inboxMu.Unlock()
	b.Set(k, data)
	return nil
}

// openInbox finds the last number in use: after a restart the clock may show less.
func (e *Engine) openInbox(ctx context.Context) error {
	r := kv.Prefix(inboxPrefix())
	r.Reverse = true
	for it, err := range e.store.Scan(ctx, r) {
		if err != nil {
			return err
		}
		k := key.Read(it.Key, key.Queue)
		_, e.inboxSeq = k.Str(), k.Int()
		return k.Err()
	}
	return nil
}

func (e *Engine) runInbox(ctx context.Context) {
	watch := e.store.Watch(inboxPrefix())
	defer watch.Close()
	for {
		more, err := e.emptyInbox(ctx)
		if err != nil && ctx.Err() == nil {
			e.log.Error("take in messages", "err", err)
			if clock.Sleep(ctx, e.clock, time.Second) != nil {
				return
			}
			continue
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-watch.C():
		}
	}
}

// emptyInbox moves some entries into their queues; more is set when others may be left.
func (e *Engine) emptyInbox(ctx context.Context) (more bool, err error) {
	const most = 256
	var b kv.Batch
	var list []Incoming
	size := 0
	for it, err := range e.store.Scan(ctx, kv.Prefix(inboxPrefix())) {
		if errors.Is(err, kv.ErrCorrupt) {
			e.log.Error("message in the inbox is unreadable", "err", err)
			continue
		}
		if err != nil {
			return false, err
		}
		if more = len(list) == most || size > 4<<20; more {
			break
		}
		b.Delete(append([]byte(nil), it.Key...))
		var in Incoming
		if err := json.Unmarshal(it.Value, &in); err != nil {
			e.log.Error("message in the inbox is malformed", "key", fmt.Sprintf("%q", it.Key), "err", err)
			continue
		}
		size += len(it.Value)
		list = append(list, in)
	}
	if b.Empty() {
		return false, nil
	}
	_, errs, err := e.SendAll(ctx, &b, list)
	if err != nil {
		return false, err
	}
	for i, err := range errs {
		if err != nil {
			e.log.Warn("drop a message", "queue", list[i].Queue.ARN(), "err", err)
		}
	}
	return more, nil
}
