package queue

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// MoveTask moves the messages of a dead-letter queue back where they came from, or elsewhere.
type MoveTask struct {
	ID          string
	Source      Ref
	Destination string // ARN; "" = each message's own source
	PerSecond   int    // 0 = as fast as it goes
	Status      string // RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED
	Reason      string `json:",omitempty"` // of FAILED
	Started     time.Time
	Moved       int
	ToMove      int // messages at the start
}

// Handle names the task in requests.
func (t MoveTask) Handle() string {
	b, err := json.Marshal(map[string]string{"taskId": t.ID, "sourceArn": t.Source.ARN()})
	if err != nil {
		panic("BUG: encode task handle: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// keptTasks is how many tasks of a queue are remembered.
const keptTasks = 10

func movePrefix(id uint64) key.Key { return key.In(key.Queue).Str("move").Uint(id) }

func moveKey(id uint64, t MoveTask) key.Key { return movePrefix(id).Time(t.Started).Str(t.ID) }

// StartMove starts a task. The source must be the dead-letter queue of some queue; one task runs on a source at a time.
func (e *Engine) StartMove(ctx context.Context, src Ref, destination string, perSecond int) (MoveTask, error) {
	s, err := e.shard(src)
	if err != nil {
		return MoveTask{}, err
	}
	if perSecond < 0 || perSecond > 500 {
		return MoveTask{}, badParameter("MaxNumberOfMessagesPerSecond", perSecond, "Must be between 1 and 500, if provided.")
	}
	sources, _, err := e.Sources(src, "", 1)
	if err != nil {
		return MoveTask{}, err
	}
	if len(sources) == 0 {
		return MoveTask{}, refuse(ErrBadParameter, "source queue must be configured as a Dead Letter Queue.")
	}
	if destination != "" {
		r, ok := ParseARN(destination)
		if !ok {
			return MoveTask{}, badParameter("DestinationArn", destination, "It is not the ARN of a queue.")
		}
		d, err := e.shard(r)
		if err != nil {
			return MoveTask{}, refuse(ErrNoDestination, "the resource that you specified for the DestinationArn parameter doesn't exist.")
		}
		if d == s {
			return MoveTask{}, refuse(ErrBadParameter, "source queue arn and destination queue arn cannot be the same.")
		}
		if d.fifo != s.fifo {
			return MoveTask{}, refuse(ErrBadParameter, "source and destination must both be FIFO queues or both be standard queues.")
		}
	}
	counts, err := e.Counts(ctx, src)
	if err != nil {
		return MoveTask{}, err
	}
	t := MoveTask{
		ID: ident.UUID(), Source: src, Destination: destination, PerSecond: perSecond, Status: "RUNNING", Started: timeOf(e.now()),
		ToMove: counts.Visible + counts.Delayed + counts.InFlight,
	}
	err = kv.CommitLocked(ctx, &e.starting, e.store, func(b *kv.Batch) (func(), error) {
		tasks, err := e.Moves(ctx, src, 0)
		if err != nil {
			return nil, err
		}
		if len(tasks) > 0 && (tasks[0].Status == "RUNNING" || tasks[0].Status == "CANCELLING") {
			return nil, refuse(ErrBusyTask, "there is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
		b.IfPresent(definitionKey(src))
		kv.Put(b, moveKey(s.id, t), t)
		for i, old := range tasks {
			if i >= keptTasks-1 {
				b.Delete(moveKey(s.id, old))
			}
		}
		return func() {}, nil
	})
	if errors.Is(err, kv.ErrConflict) {
		return MoveTask{}, fmt.Errorf("%w: %s", ErrNoQueue, src.Name)
	}
	if err != nil {
		return MoveTask{}, err
	}
	e.runMove(s, t)
	return t, nil
}

// Moves returns the tasks of a queue, the newest first; limit 0 = all that are remembered.
func (e *Engine) Moves(ctx context.Context, src Ref, limit int) ([]MoveTask, error) {
	s, err := e.shard(src)
	if err != nil {
		return nil, err
	}
	list, _, err := kv.LoadAll[MoveTask](ctx, e.store, kv.Prefix(movePrefix(s.id)), 0)
	slices.Reverse(list)
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, err
}

// taskHandle is what Handle says.
type taskHandle struct {
	TaskID    string `json:"taskId"`
	SourceARN string `json:"sourceArn"`
}

func parseHandle(handle string) (h taskHandle, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	ok = err == nil && json.Unmarshal(raw, &h) == nil && h.TaskID != ""
	return h, ok
}

// TaskSource returns the ARN of the queue that the handle of a task names; "" where it names none.
func TaskSource(handle string) string {
	h, _ := parseHandle(handle)
	return h.SourceARN
}

// CancelMove stops a task that runs and returns how many messages it has moved.
func (e *Engine) CancelMove(ctx context.Context, handle string) (int, error) {
	h, ok := parseHandle(handle)
	if !ok {
		return 0, refuse(ErrBadParameter, "value for parameter TaskHandle is invalid.")
	}
	src, _ := ParseARN(h.SourceARN)
	s, err := e.shard(src)
	if err != nil {
		return 0, err
	}
	for {
		tasks, err := e.Moves(ctx, src, 0)
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(tasks, func(t MoveTask) bool { return t.ID == h.TaskID })
		if i < 0 || tasks[i].Status != "RUNNING" {
			return 0, refuse(ErrNoTask, "task does not exist.")
		}
		w := movingTask{shard: s, task: tasks[i]}
		if err := w.read(ctx); err != nil {
			return 0, err
		}
		if w.task.Status != "RUNNING" {
			continue
		}
		now := w.task
		now.Status = "CANCELLING"
		var b kv.Batch
		w.put(&b, now)
		err = kv.Commit(ctx, e.store, &b)
		if errors.Is(err, kv.ErrConflict) {
			continue // it moved some, or ended
		}
		if err != nil {
			return 0, err
		}
		e.mu.Lock()
		cancel := e.tasks[now.ID]
		e.mu.Unlock()
		if cancel != nil {
			cancel()
		}
		return now.Moved, nil
	}
}

// movingTask is a task with its record as it stands in the store. Whoever works on the task and whoever cancels it replace
// only what they have read.
type movingTask struct {
	shard *shard
	task  MoveTask
	raw   []byte
}

// read fetches the record. It returns kv.ErrNotFound where the queue is gone.
func (w *movingTask) read(ctx context.Context) (err error) {
	if w.raw, err = w.shard.engine.store.Get(ctx, moveKey(w.shard.id, w.task)); err == nil {
		err = json.Unmarshal(w.raw, &w.task)
	}
	return err
}

// put replaces the record in b, which fails with kv.ErrConflict where it is another by now, and returns the new one.
func (w *movingTask) put(b *kv.Batch, t MoveTask) []byte {
	raw, err := json.Marshal(t)
	if err != nil {
		panic("BUG: encode move task: " + err.Error())
	}
	k := moveKey(w.shard.id, w.task)
	b.IfEqual(k, w.raw)
	b.Set(k, raw)
	return raw
}

// resumeMoves goes on with the tasks that a stop interrupted.
func (e *Engine) resumeMoves(ctx context.Context) error {
	for _, s := range e.all(func(Ref) bool { return true }) {
		tasks, err := e.Moves(ctx, s.ref, 0)
		if err != nil {
			return fmt.Errorf("read move tasks of %s: %w", s.ref.Name, err)
		}
		for _, t := range tasks {
			if t.Status == "RUNNING" || t.Status == "CANCELLING" {
				e.runMove(s, t)
			}
		}
	}
	return nil
}

func (e *Engine) runMove(s *shard, t MoveTask) {
	cancelled, cancel := context.WithCancel(e.opts.Group.Context())
	e.mu.Lock()
	e.tasks[t.ID] = cancel
	e.mu.Unlock()
	e.opts.Group.Go("queue move task", func(ctx context.Context) {
		defer func() {
			cancel()
			e.mu.Lock()
			delete(e.tasks, t.ID)
			e.mu.Unlock()
		}()
		w := &movingTask{shard: s, task: t}
		err := w.read(ctx)
		for err == nil && w.task.Status == "RUNNING" {
			if err = e.moveAll(cancelled, w); ctx.Err() != nil {
				return // goes on after the next start
			}
			if cancelled.Err() != nil || errors.Is(err, kv.ErrConflict) {
				err = w.read(ctx) // it was cancelled
				continue
			}
			end := w.task
			end.Status = "COMPLETED"
			if err != nil {
				end.Status, end.Reason = "FAILED", err.Error()
			}
			if err = e.endMove(ctx, w, end); errors.Is(err, kv.ErrConflict) {
				err = w.read(ctx)
			}
		}
		if err == nil && w.task.Status == "CANCELLING" {
			end := w.task
			end.Status = "CANCELLED"
			err = e.endMove(ctx, w, end)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, kv.ErrNotFound) && !errors.Is(err, kv.ErrConflict) {
			e.log.Error("record the end of a move task", "queue", s.ref.ARN(), "err", err)
		}
	})
}

// endMove records what became of a task.
func (e *Engine) endMove(ctx context.Context, w *movingTask, end MoveTask) error {
	var b kv.Batch
	b.UseReserve()
	raw := w.put(&b, end)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return err
	}
	w.task, w.raw = end, raw
	return nil
}

// moveAll moves the messages that are visible until none is left.
func (e *Engine) moveAll(ctx context.Context, w *movingTask) error {
	s, t := w.shard, &w.task
	for ctx.Err() == nil {
		n := 100
		if t.PerSecond > 0 {
			n = min(10, t.PerSecond) // not more at once than within a second
		}
		if err := s.lock(ctx); err != nil {
			return err
		}
		s.index.advance(e.now())
		seqs := s.index.next(n)
		s.mu.Unlock()
		if len(seqs) == 0 {
			return nil
		}
		to, err := e.destination(t)
		if err != nil {
			return err
		}
		now, raw := *t, w.raw
		moved, known, err := e.move(ctx, s, seqs, to, func(it *item) bool { return it.state == visible }, false, func(b *kv.Batch, moved int) {
			if moved > 0 {
				now.Moved = t.Moved + moved
				raw = w.put(b, now)
			}
		})
		if err != nil {
			return err
		}
		if w.task, w.raw = now, raw; known == 0 {
			return fmt.Errorf("%w: the queue that the messages came from is gone", ErrNoQueue)
		}
		if t.PerSecond > 0 {
			if err := clock.Sleep(ctx, e.clock, time.Duration(moved)*time.Second/time.Duration(t.PerSecond)); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// destination says where a task moves a message to.
func (e *Engine) destination(t *MoveTask) (func(*stored) *shard, error) {
	if t.Destination == "" {
		return func(m *stored) *shard {
			r, _ := ParseARN(m.deadOf)
			s, err := e.shard(r)
			if err != nil {
				return nil // stays
			}
			return s
		}, nil
	}
	r, _ := ParseARN(t.Destination)
	s, err := e.shard(r)
	return func(*stored) *shard { return s }, err
}

// next returns the numbers of up to n visible messages, in order.
func (x *index) next(n int) (seqs []uint64) {
	for m := range x.fresh.all {
		if len(seqs) == n {
			return seqs
		}
		seqs = append(seqs, m.seq)
	}
	for _, it := range x.back.items {
		if len(seqs) == n {
			return seqs
		}
		seqs = append(seqs, it.seq)
	}
	for _, g := range x.turn {
		for _, it := range g.list {
			if len(seqs) == n {
				return seqs
			}
			if it.state == visible {
				seqs = append(seqs, it.seq)
			}
		}
	}
	return seqs
}
