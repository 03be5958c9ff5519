package interp

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// TaskError is why a task failed.
type TaskError struct {
	Error, Cause string
	NoCause      bool // there is no cause
	NoError      bool // there is no error name
	StartFailed  bool // the task could not even be started
}

// Token identifies the task that a token was given out for.
type Token struct {
	Key             uint64
	Thread, Attempt uint32
	Secret          string
}

// EncodeToken writes a token as text.
func EncodeToken(t Token) string {
	b := []byte{0, 'T', 'K', '1'}
	b = binary.BigEndian.AppendUint64(b, t.Key)
	b = binary.BigEndian.AppendUint32(b, t.Thread)
	b = binary.BigEndian.AppendUint32(b, t.Attempt)
	return base64.StdEncoding.EncodeToString(append(b, t.Secret...))
}

// DecodeToken reads what EncodeToken wrote.
func DecodeToken(s string) (Token, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 20 || string(b[:4]) != "\x00TK1" {
		return Token{}, false
	}
	return Token{binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:]), string(b[20:])}, true
}

func (r *Step) token(t *Thread) string {
	return EncodeToken(Token{r.State.Key, t.ID, t.Attempt, t.Token})
}

func (r *Step) task(t *Thread, s *asl.State) {
	t.Attempt++
	res := s.Resource
	if res.Pattern != asl.RequestResponse || res.Integration == asl.Activity { // of .sync too: whoever has it may end the task
		t.Token = r.newID()
	}
	start, err := r.taskStart(t, s)
	var heartbeat time.Duration
	if err == nil {
		heartbeat, err = r.seconds(t, s, s.Heartbeat)
	}
	if err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	if len(start.Input) > asl.MaxPayload {
		r.fail(t, s, r.tooLarge(s))
		return
	}
	if res.Integration == asl.Activity && r.Activity != nil && !r.Activity(res.ARN) {
		r.fail(t, s, r.raise(t, s, &asl.StateError{Name: asl.ErrRuntime, Cause: "The activity " + res.ARN + " does not exist."}))
		return
	}
	d := Detail{Timeout: int64(start.Timeout / time.Second), Role: start.RoleARN}
	switch res.Integration {
	case asl.Function:
		d.Resource, d.Input = res.ARN, start.Input
		t.Prev = r.emit(t.Prev, LambdaFunctionScheduled, d)
	case asl.Activity:
		d.Resource, d.Input, d.Heartbeat = res.ARN, start.Input, int64(heartbeat/time.Second)
		t.Prev = r.emit(t.Prev, ActivityScheduled, d)
	default:
		d.Resource, d.ResourceType, d.Region, d.Parameters, d.Heartbeat = res.Name(), res.Type(), r.State.Region, start.Input, int64(heartbeat/time.Second)
		t.Prev = r.emit(t.Prev, TaskScheduled, d)
	}
	if res.Integration != asl.Activity {
		r.scheduled = append(r.scheduled, t.ID)
	}
	t.Phase = Tasking
	t.Deadline, t.BeatBy, t.Heartbeat = time.Time{}, time.Time{}, heartbeat
	if start.Timeout > 0 {
		t.Deadline = r.Now.Add(start.Timeout)
	}
	if heartbeat > 0 {
		t.BeatBy = r.Now.Add(heartbeat)
	}
	r.Start = append(r.Start, start)
}

// started writes that the tasks were started which this step has scheduled. As recorded, branches and iterations that begin
// together schedule all their tasks before the first is started.
func (r *Step) started() {
	for _, id := range r.scheduled {
		t := r.State.Threads[id]
		if t == nil || t.Phase != Tasking {
			continue
		}
		if res := r.stateOf(t).Resource; res.Integration == asl.Function {
			t.Prev = r.emit(t.Prev, LambdaFunctionStarted, Detail{})
		} else {
			t.Prev = r.emit(t.Prev, TaskStarted, Detail{Resource: res.Name(), ResourceType: res.Type()})
		}
	}
	r.scheduled = nil
}

// taskStart evaluates what a task is started with.
func (r *Step) taskStart(t *Thread, s *asl.State) (TaskStart, error) {
	scope := r.scope(t, s)
	start := TaskStart{Thread: t.ID, Attempt: t.Attempt, State: s, Handle: t.Handle, Token: t.Token}
	var err error
	if start.Timeout, err = r.seconds(t, s, s.Timeout); err != nil {
		return start, err
	}
	if s.Credentials != nil {
		v, err := s.Credentials.Eval(scope)
		if err != nil {
			return start, err
		}
		if o, ok := v.(*jsonvalue.Object); ok {
			start.RoleARN = o.Str("RoleArn")
		}
	}
	if s.Parameters == nil && s.InputPath == nil {
		start.Input = t.in.json()
		return start, nil
	}
	v, err := r.parameters(s, scope)
	if err != nil {
		return start, err
	}
	start.Input = jsonvalue.Marshal(v)
	return start, nil
}

// seconds evaluates TimeoutSeconds or HeartbeatSeconds; 0 = not given.
func (r *Step) seconds(t *Thread, s *asl.State, f *asl.NumberField) (time.Duration, error) {
	if f == nil {
		return 0, nil
	}
	v, err := f.Number(r.scope(t, s))
	if err != nil {
		return 0, err
	}
	n, ok := v.(jsonvalue.Number)
	secs, isInt := n.Int()
	if !ok || !isInt || secs < 1 || secs > 99999999 {
		e := &asl.StateError{Name: asl.ErrRuntime, Cause: fmt.Sprintf("The %sPath field refers to value \"%s\" which is not a valid positive integer: %s", f.Name, shown(v), f.Path())}
		if f.Path() == "" {
			e = &asl.StateError{Name: asl.ErrQueryEvaluation, Eval: true, Location: f.Name, Cause: fmt.Sprintf("The value of the field '%s' must be a positive integer, but was %s", f.Name, shown(v))}
		}
		return 0, e
	}
	return time.Duration(secs) * time.Second, nil
}

// waits returns the thread if it still waits for the outcome of that attempt.
func (r *Step) waits(thread, attempt uint32, phase Phase) *Thread {
	t := r.State.Threads[thread]
	if t == nil || r.State.Status != Running || t.Phase != phase || t.Attempt != attempt {
		return nil
	}
	r.mark(t)
	return t
}

// Submitted is called when a job was started (.sync) or a task's token was sent out (.waitForTaskToken). It reports
// whether the task is still waited for.
func (r *Step) Submitted(thread, attempt uint32, handle, output string) bool {
	t := r.waits(thread, attempt, Tasking)
	if t == nil {
		return false
	}
	if t.Submitted {
		return true
	}
	res := r.stateOf(t).Resource
	t.Submitted, t.Handle = true, handle
	t.Prev = r.emit(t.Prev, TaskSubmitted, Detail{Output: output, Resource: res.Name(), ResourceType: res.Type()})
	return true
}

// Taken is called when a worker got an activity's task. It reports whether the task is still waited for.
func (r *Step) Taken(thread, attempt uint32, worker string) (input string, ok bool) {
	t := r.waits(thread, attempt, Tasking)
	if t == nil || t.Started {
		return "", false
	}
	s := r.stateOf(t)
	start, err := r.taskStart(t, s)
	if err != nil {
		return "", false
	}
	t.Started = true
	if t.Heartbeat > 0 {
		t.BeatBy = r.Now.Add(t.Heartbeat)
	}
	t.Prev = r.emit(t.Prev, ActivityStarted, Detail{Worker: worker})
	return start.Input, true
}

// Beat is a heartbeat of a task. It reports whether the task is still waited for.
func (r *Step) Beat(thread, attempt uint32) bool {
	t := r.waits(thread, attempt, Tasking)
	if t == nil {
		return false
	}
	if t.Heartbeat > 0 {
		t.BeatBy = r.Now.Add(t.Heartbeat)
	}
	return true
}

// TokenOf reports whether the token's task is waited for.
func (s *State) TokenOf(k Token) bool {
	t := s.Threads[k.Thread]
	return t != nil && s.Status == Running && t.Phase == Tasking && t.Attempt == k.Attempt && t.Token != "" && t.Token == k.Secret
}

// Done brings the outcome of a task: output, or an error.
func (r *Step) Done(thread, attempt uint32, output string, fail *TaskError) bool {
	t := r.waits(thread, attempt, Tasking)
	if t == nil {
		return false
	}
	s := r.stateOf(t)
	if fail == nil && len(output) > asl.MaxPayload {
		f := r.tooLarge(s)
		fail = &TaskError{Error: f.name, Cause: f.cause}
	}
	var result any
	if fail == nil {
		var err error
		if result, err = jsonvalue.Parse(output); err != nil {
			fail = &TaskError{Error: asl.ErrTaskFailed, Cause: fmt.Sprintf("The task returned a result that is not valid JSON: %s", err)}
		}
	}
	res := s.Resource
	if res.Pattern == asl.Sync || res.Pattern == asl.Sync2 {
		r.Over = append(r.Over, t.ID) // its token may have ended it
	}
	if fail != nil {
		r.taskFailed(t, s, fail)
		r.run()
		return true
	}
	switch res.Integration {
	case asl.Function:
		t.Prev = r.emit(t.Prev, LambdaFunctionSucceeded, Detail{Output: output})
	case asl.Activity:
		t.Prev = r.emit(t.Prev, ActivitySucceeded, Detail{Output: output})
	default:
		t.Prev = r.emit(t.Prev, TaskSucceeded, Detail{Output: output, Resource: res.Name(), ResourceType: res.Type()})
	}
	t.Phase = Pending
	r.output(t, s, r.scope(t, s), result)
	r.run()
	return true
}

func (r *Step) taskFailed(t *Thread, s *asl.State, e *TaskError) {
	f := failure{name: e.Error, cause: e.Cause, hasName: !e.NoError, hasCause: !e.NoCause}
	d := Detail{}
	if f.hasName {
		d.Error = &f.name
	}
	if f.hasCause {
		d.Cause = &f.cause
	}
	typ := TaskFailed
	switch res := s.Resource; {
	case res.Integration == asl.Function && e.StartFailed:
		typ = LambdaFunctionStartFailed
	case res.Integration == asl.Function:
		typ = LambdaFunctionFailed
	case res.Integration == asl.Activity:
		typ = ActivityFailed
	case e.StartFailed:
		typ = TaskStartFailed
		fallthrough
	default:
		d.Resource, d.ResourceType = res.Name(), res.Type()
	}
	t.Prev = r.emit(t.Prev, typ, d)
	t.Phase = Pending
	r.fail(t, s, f)
}

// ScheduleFailed ends an activity task whose activity does not exist.
func (r *Step) ScheduleFailed(thread, attempt uint32, name, cause string) {
	t := r.waits(thread, attempt, Tasking)
	if t == nil {
		return
	}
	s := r.stateOf(t)
	f := r.raise(t, s, &asl.StateError{Name: name, Cause: cause})
	t.Phase = Pending
	r.fail(t, s, f)
	r.run()
}

// taskTimedOut writes that a task's time is over. It reports false when it is not.
func (r *Step) taskTimedOut(t *Thread) (f failure, over bool) {
	beat := !t.BeatBy.IsZero() && !t.BeatBy.After(r.Now)
	if !beat && (t.Deadline.IsZero() || t.Deadline.After(r.Now)) {
		return f, false
	}
	r.mark(t)
	s := r.stateOf(t)
	f = failure{name: asl.ErrTimeout, hasName: true, heartbeat: beat}
	d := Detail{Error: &f.name}
	typ := TaskTimedOut
	switch res := s.Resource; res.Integration {
	case asl.Function:
		typ = LambdaFunctionTimedOut
	case asl.Activity:
		typ = ActivityTimedOut
	default:
		d.Resource, d.ResourceType = res.Name(), res.Type()
	}
	r.Cancel = append(r.Cancel, t.ID)
	t.Prev = r.emit(t.Prev, typ, d)
	return f, true
}
