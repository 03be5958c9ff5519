package workflow

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Activity is work that workers outside fetch.
type Activity struct {
	ident.Scope
	Name    string
	ARN     string
	Created time.Time
	Tags    []Tag `json:",omitempty"`
}

// CreateActivity makes an activity; one that exists is returned.
func (e *Engine) CreateActivity(ctx context.Context, s ident.Scope, name string, tags []Tag) (*Activity, error) {
	if !ValidName(name) {
		return nil, fail(ErrInvalidName, "Invalid Name: '%s'", name)
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	k := activityKey(s, name)
	a := Activity{Scope: s, Name: name, ARN: s.ARN("states", "activity:"+name), Created: e.now(), Tags: tags}
	var b kv.Batch
	b.IfAbsent(k)
	kv.Put(&b, k, a)
	err := kv.Commit(ctx, e.store, &b)
	if errors.Is(err, kv.ErrConflict) {
		return e.Activity(ctx, a.ARN)
	}
	if err != nil {
		return nil, fmt.Errorf("store activity: %w", err)
	}
	return &a, nil
}

func parseActivity(arn string) (ident.Scope, string, error) {
	a, err := ident.ParseARN(arn)
	if err != nil {
		return ident.Scope{}, "", fail(ErrInvalidARN, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	name, ok := strings.CutPrefix(a.Resource, "activity:")
	if !ok || a.Service != "states" {
		return ident.Scope{}, "", fail(ErrInvalidARN, "Invalid Arn: 'Resource type not valid in this context: %s'", strings.SplitN(a.Resource, ":", 2)[0])
	}
	return a.Scope(), name, nil
}

// Activity returns an activity.
func (e *Engine) Activity(ctx context.Context, arn string) (*Activity, error) {
	s, name, err := parseActivity(arn)
	if err != nil {
		return nil, err
	}
	a, err := kv.Load[Activity](ctx, e.store, activityKey(s, name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrActivityNotFound, "Activity Does Not Exist: '%s'", arn)
	}
	if err != nil {
		return nil, fmt.Errorf("load activity: %w", err)
	}
	return &a, nil
}

// Activities lists activities by name.
func (e *Engine) Activities(ctx context.Context, s ident.Scope, limit int, token string) ([]Activity, string, error) {
	return page[Activity](ctx, e, scoped("c", s), limit, token, nil)
}

// DeleteActivity removes an activity. One that does not exist is no error.
func (e *Engine) DeleteActivity(ctx context.Context, arn string) error {
	s, name, err := parseActivity(arn)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(activityKey(s, name))
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("delete activity: %w", err)
	}
	return nil
}

// activityQueues hold the tasks that wait for a worker. They are a memory of the threads in the store.
type activityQueues struct {
	mu     sync.Mutex
	queues map[string]*activityQueue // by ARN; those that have offers or pollers
	at     map[alarmID]*list.Element // the offer of a thread
}

type activityQueue struct {
	arn     string
	waiting *list.List    // of offer
	pollers int           // who waits for wake
	wake    chan struct{} // closed and replaced when an offer comes
}

type offer struct {
	x               *exec
	thread, attempt uint32
	token           string
	queue           *activityQueue // set by put
}

func (o *offer) id() alarmID { return alarmID{o.x.rec.Key, o.thread} }

func newActivityQueues() *activityQueues {
	return &activityQueues{queues: map[string]*activityQueue{}, at: map[alarmID]*list.Element{}}
}

// put queues an offer in place of the thread's former one.
func (q *activityQueues) put(arn string, o offer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove(o.id())
	o.queue = q.get(arn)
	q.at[o.id()] = o.queue.waiting.PushBack(o)
	close(o.queue.wake)
	o.queue.wake = make(chan struct{})
}

// get returns the queue of an ARN. q.mu is held.
func (q *activityQueues) get(arn string) *activityQueue {
	a := q.queues[arn]
	if a == nil {
		a = &activityQueue{arn: arn, waiting: list.New(), wake: make(chan struct{})}
		q.queues[arn] = a
	}
	return a
}

// remove takes a thread's offer out of its queue. q.mu is held.
func (q *activityQueues) remove(id alarmID) {
	el := q.at[id]
	if el == nil {
		return
	}
	delete(q.at, id)
	a := el.Value.(offer).queue
	a.waiting.Remove(el)
	q.tidy(a)
}

// tidy forgets a queue that nobody needs. q.mu is held.
func (q *activityQueues) tidy(a *activityQueue) {
	if a.waiting.Len() == 0 && a.pollers == 0 {
		delete(q.queues, a.arn)
	}
}

// withdraw takes a thread's offer back, which nobody waits for any more. x.mu is held.
func (q *activityQueues) withdraw(x *exec, thread uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := alarmID{x.rec.Key, thread}
	if el := q.at[id]; el != nil && el.Value.(offer).x == x { // not that of a redrive
		q.remove(id)
	}
}

// take returns the oldest offer, or a channel that is closed when there is a new one. In the second case the caller then calls leave.
func (q *activityQueues) take(arn string) (o offer, ok bool, wake <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.get(arn)
	if el := a.waiting.Front(); el != nil {
		o = el.Value.(offer)
		q.remove(o.id())
		return o, true, nil
	}
	a.pollers++
	return offer{}, false, a.wake
}

func (q *activityQueues) leave(arn string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.get(arn)
	a.pollers--
	q.tidy(a)
}

// hasActivity reports whether there is an activity; also when that cannot be found out.
func (e *Engine) hasActivity(arn string) bool {
	_, err := e.Activity(e.group.Context(), arn)
	return !errors.Is(err, ErrActivityNotFound) && !errors.Is(err, ErrInvalidARN)
}

// offerActivity queues an activity's task. x.mu is held.
func (e *Engine) offerActivity(x *exec, start interp.TaskStart) {
	arn := start.State.Resource.ARN
	if !e.hasActivity(arn) {
		e.group.Go("workflow activity", func(context.Context) {
			e.step(x, func(s *interp.Step) {
				s.ScheduleFailed(start.Thread, start.Attempt, "States.Runtime", "The activity "+arn+" does not exist.")
			})
		})
		return
	}
	e.activities.put(arn, offer{x: x, thread: start.Thread, attempt: start.Attempt,
		token: interp.EncodeToken(interp.Token{Key: x.rec.Key, Thread: start.Thread, Attempt: start.Attempt, Secret: start.Token})})
}

// pollTime is how long GetActivityTask waits for a task.
const pollTime = 60 * time.Second

// GetActivityTask waits for a task of an activity, up to 60 s. Without one, the token is "".
func (e *Engine) GetActivityTask(ctx context.Context, arn, worker string) (token, input string, err error) {
	if _, err := e.Activity(ctx, arn); err != nil {
		return "", "", err
	}
	timer := e.clock.NewTimer(pollTime)
	defer timer.Stop()
	for {
		o, ok, wake := e.activities.take(arn)
		if ok {
			input, ok, err := e.handOut(ctx, o, worker)
			if err != nil {
				return "", "", err
			}
			if ok {
				return o.token, input, nil
			}
			continue
		}
		again := false
		select {
		case <-wake:
			again = true
		case <-timer.C():
		case <-ctx.Done():
			err = ctx.Err()
		case <-e.group.Context().Done():
		}
		e.activities.leave(arn)
		if !again {
			return "", "", err
		}
	}
}

// handOut marks a task as taken; ok is false when nobody waits for it any more.
func (e *Engine) handOut(ctx context.Context, o offer, worker string) (input string, ok bool, err error) {
	p, s, err := e.apply(o.x, nil, func(s *interp.Step) { input, ok = s.Taken(o.thread, o.attempt, worker) })
	if errors.Is(err, errAsleep) {
		return "", false, nil // what sleeps has no task that nobody took
	}
	if err != nil {
		e.stepFailed(o.x, err)
		return "", false, fmt.Errorf("store execution: %w", err)
	}
	if s == nil {
		return "", false, nil
	}
	if err := e.complete(ctx, o.x, p, s); err != nil {
		return "", false, err
	}
	return input, ok, nil
}

// byToken finds the execution that a token belongs to.
func (e *Engine) byToken(ctx context.Context, token string) (*exec, interp.Token, error) {
	k, ok := interp.DecodeToken(token)
	if !ok {
		return nil, k, fail(ErrInvalidToken, "Invalid Token: 'Invalid token'")
	}
	x, err := e.awake(ctx, k.Key)
	if err != nil {
		return nil, k, err
	}
	if x == nil {
		return nil, k, fail(ErrTaskTimedOut, "Task Timed Out: 'Provided task does not exist anymore'")
	}
	return x, k, nil
}

// outcome applies f to the task that a token names.
func (e *Engine) outcome(ctx context.Context, token string, f func(s *interp.Step, k interp.Token) bool) error {
	_, k, err := e.byToken(ctx, token)
	if err != nil {
		return err
	}
	done := false
	x, p, s, err := e.applyTo(ctx, k.Key, nil, func(s *interp.Step) {
		if s.State.TokenOf(k) {
			done = f(s, k)
		}
	})
	if err != nil {
		return err
	}
	if !done || s == nil {
		return fail(ErrTaskTimedOut, "Task Timed Out: 'Provided task does not exist anymore'")
	}
	return e.complete(ctx, x, p, s)
}

// TaskSuccess brings the output of a task that waits for its token.
func (e *Engine) TaskSuccess(ctx context.Context, token, output string) error {
	if _, _, err := e.byToken(ctx, token); err != nil {
		return err
	}
	if _, err := jsonvalue.Parse(output); err != nil {
		return fail(ErrInvalidOutput, "Invalid Output: '%s'", err.Error())
	}
	return e.outcome(ctx, token, func(s *interp.Step, k interp.Token) bool { return s.Done(k.Thread, k.Attempt, output, nil) })
}

// TaskFailure brings the error of a task that waits for its token.
func (e *Engine) TaskFailure(ctx context.Context, token string, name, cause *string) error {
	f := &TaskError{NoError: name == nil, NoCause: cause == nil}
	if name != nil {
		f.Error = *name
	}
	if cause != nil {
		f.Cause = *cause
	}
	return e.outcome(ctx, token, func(s *interp.Step, k interp.Token) bool { return s.Done(k.Thread, k.Attempt, "", f) })
}

// TaskHeartbeat puts off the heartbeat timeout of a task.
func (e *Engine) TaskHeartbeat(ctx context.Context, token string) error {
	return e.outcome(ctx, token, func(s *interp.Step, k interp.Token) bool { return s.Beat(k.Thread, k.Attempt) })
}
