package interp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// HistoryLimit is the number of events that a history can hold.
const HistoryLimit = 25000

// budget is the number of events after which a step pauses, so that no step holds its execution for long.
const budget = 256

// Step runs an execution for one event. Make a new one for each, call one method, store what it tells, then carry out
// the effects.
type Step struct {
	Ctx     context.Context
	Machine *asl.Machine
	State   *State
	Now     time.Time
	Random  func() float64 // for jitter; in [0,1)
	NewID   func() string  // for tokens and map runs; nil = random
	Limits  jsonata.Limits // of each JSONata expression
	// Activity reports whether there is an activity; nil = there is.
	Activity func(arn string) bool

	// What to store.
	Events  []Event
	Dirty   map[uint32]bool // threads to write
	Gone    []uint32        // threads to delete, with their items and results
	Items   []uint32        // threads whose items are to be written
	Emptied []uint32        // threads whose items and results are to be deleted, before Items and Results are written
	Results []Result
	// What to do.
	Start  []TaskStart
	Maps   []MapStart
	Cancel []uint32 // threads whose task or map run is to be cancelled
	Over   []uint32 // threads whose task has ended: what still waits for it outside is to go, but for the job itself
	More   bool     // call Continue
	Last   bool     // for the shell: this step ended the execution
	Stored bool     // for the shell: there is a batch of it

	ready     []uint32
	catching  *Thread  // that leaves its state by a catcher
	scheduled []uint32 // threads of whose tasks it is still to be written that they were started
}

// Result is the output of a child of a Parallel or Map state.
type Result struct {
	Thread uint32 // of the state
	Index  int
	Text   string
}

// failure is an error on its way up.
type failure struct {
	name, cause       string
	hasName, hasCause bool
	heartbeat         bool
	stopped           bool // no failure: the execution is to end as aborted
}

// Stop is the cause of a step's context when the execution is to end at once, the expression under way included.
type Stop struct{ Name, Cause *string }

func (*Stop) Error() string { return "execution is stopped" }

func named(name, cause string) failure {
	return failure{name: name, cause: cause, hasName: true, hasCause: true}
}

// Begin starts the execution.
func (r *Step) Begin() {
	r.State.Status = Running
	if r.State.Threads == nil {
		r.State.Threads = map[uint32]*Thread{}
	}
	s := r.State
	r.emit(0, ExecutionStarted, Detail{Input: s.Input, Role: s.RoleARN, Alias: s.AliasARN, Version: s.VersionARN})
	r.thread(nil, 0, r.Machine.StartAt, fromText(s.Input))
	r.run()
}

// Continue goes on with the threads that are ready.
func (r *Step) Continue() {
	if r.State.Status != Running {
		return
	}
	for id, t := range r.State.Threads {
		if t.Phase == Ready || t.Phase == Pending {
			r.ready = append(r.ready, id)
		}
	}
	sort.Slice(r.ready, func(i, j int) bool { return r.ready[i] < r.ready[j] })
	r.run()
}

// emit adds an event and returns its id.
func (r *Step) emit(prev int64, typ EventType, d Detail) int64 {
	r.State.LastEvent++
	r.Events = append(r.Events, Event{ID: r.State.LastEvent, Prev: prev, Time: r.Now, Type: typ, Detail: d})
	return r.State.LastEvent
}

func (r *Step) thread(parent *Thread, index int, state string, in payload) *Thread {
	r.State.LastThread++
	t := &Thread{ID: r.State.LastThread, Index: index, State: state, in: in}
	if parent != nil {
		t.Parent = parent.ID
	}
	r.State.Threads[t.ID] = t
	r.mark(t)
	r.ready = append(r.ready, t.ID)
	return t
}

func (r *Step) mark(t *Thread) {
	if r.Dirty == nil {
		r.Dirty = map[uint32]bool{}
	}
	r.Dirty[t.ID] = true
}

// drop ends a thread and, with abort, all that runs below it.
func (r *Step) drop(t *Thread) {
	for _, c := range r.children(t) {
		r.drop(c)
	}
	if t.Phase == Tasking || t.Phase == Mapping {
		r.Cancel = append(r.Cancel, t.ID)
	}
	delete(r.State.Threads, t.ID)
	r.forget(t)
}

// dropChildren ends all that runs below a Map or Parallel state and forgets what came of it.
func (r *Step) dropChildren(t *Thread) {
	for _, c := range r.children(t) {
		r.drop(c)
	}
	r.empty(t)
}

// forget takes a thread that has ended out of what is to be stored.
func (r *Step) forget(t *Thread) {
	r.empty(t)
	delete(r.Dirty, t.ID)
	if t.Stored {
		r.Gone = append(r.Gone, t.ID)
	}
}

// empty takes the items and results of a thread out of what is to be stored.
func (r *Step) empty(t *Thread) {
	if len(r.Items) > 0 {
		r.Items = slices.DeleteFunc(r.Items, func(id uint32) bool { return id == t.ID })
	}
	if t.results != nil && len(r.Results) > 0 {
		r.Results = slices.DeleteFunc(r.Results, func(x Result) bool { return x.Thread == t.ID })
	}
	if t.Filled {
		r.Emptied = append(r.Emptied, t.ID)
		t.Filled = false
	}
}

func (r *Step) children(t *Thread) []*Thread {
	if t.Phase != Joining {
		return nil
	}
	var out []*Thread
	for _, c := range r.State.Threads {
		if c.Parent == t.ID {
			out = append(out, c)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// machineOf returns the machine that the thread runs.
func (r *Step) machineOf(t *Thread) *asl.Machine {
	if t.Parent == 0 {
		return r.Machine
	}
	p := r.State.Threads[t.Parent]
	s := r.stateOf(p)
	if s.Kind == asl.Map {
		return s.Map.Processor
	}
	return s.Branches[t.Index]
}

func (r *Step) stateOf(t *Thread) *asl.State { return r.machineOf(t).States[t.State] }

// run moves ready threads on until none is left or the budget is spent.
func (r *Step) run() {
	r.advance()
	if r.State.Status == Running {
		r.started()
	}
}

func (r *Step) advance() {
	for len(r.ready) > 0 && r.State.Status == Running {
		if len(r.Events) >= budget {
			r.More = true
			return
		}
		if r.Ctx != nil && r.Ctx.Err() != nil {
			r.More = true
			return
		}
		id := r.ready[0]
		r.ready = r.ready[1:]
		t := r.State.Threads[id]
		if t == nil || t.Phase != Ready && t.Phase != Pending {
			continue
		}
		if r.State.LastEvent >= HistoryLimit-1 && !r.State.Express {
			r.finish(ExecutionFailed, t.Prev, named("States.Runtime", fmt.Sprintf("The execution reached the maximum number of history events (%d).", HistoryLimit)))
			return
		}
		r.mark(t)
		s := r.stateOf(t)
		if t.Phase == Ready {
			r.enter(t, s)
		}
		r.body(t, s)
	}
}

var entered = map[asl.Kind]EventType{asl.Pass: PassStateEntered, asl.Task: TaskStateEntered, asl.Choice: ChoiceStateEntered, asl.Wait: WaitStateEntered,
	asl.Succeed: SucceedStateEntered, asl.Fail: FailStateEntered, asl.Parallel: ParallelStateEntered, asl.Map: MapStateEntered}

var exited = map[asl.Kind]EventType{asl.Pass: PassStateExited, asl.Task: TaskStateExited, asl.Choice: ChoiceStateExited, asl.Wait: WaitStateExited,
	asl.Succeed: SucceedStateExited, asl.Parallel: ParallelStateExited, asl.Map: MapStateExited}

func (r *Step) enter(t *Thread, s *asl.State) {
	t.Before = t.Prev
	t.Prev = r.emit(t.Prev, entered[s.Kind], Detail{Name: s.Name, Input: t.in.json()})
	t.Entered, t.EnteredAt = t.Prev, r.Now
	t.Tries, t.Retries = nil, 0
	t.Phase = Pending
}

// body does the work of a state that was entered, or that is tried again.
func (r *Step) body(t *Thread, s *asl.State) {
	t.Due = time.Time{}
	switch s.Kind {
	case asl.Pass:
		r.pass(t, s)
	case asl.Choice:
		r.choice(t, s)
	case asl.Wait:
		r.wait(t, s)
	case asl.Succeed:
		r.succeed(t, s)
	case asl.Fail:
		r.failState(t, s)
	case asl.Task:
		r.task(t, s)
	case asl.Parallel:
		r.parallel(t, s)
	case asl.Map:
		r.mapState(t, s)
	}
}

// exit leaves a state with its output and goes to the next state.
func (r *Step) exit(t *Thread, s *asl.State, out payload, assigned *jsonvalue.Object, next string) {
	text := out.json()
	if len(text) > asl.MaxPayload {
		r.overflow(t, s)
		return
	}
	d := Detail{Name: s.Name, Output: text}
	if assigned != nil && assigned.Len() > 0 {
		if !r.roomFor(t, assigned) {
			r.dropChildren(t)
			t.Phase = Pending
			r.fail(t, s, named(asl.ErrDataLimit, "The variables of the execution have a combined size exceeding the maximum number of bytes service limit."))
			return
		}
		if t.Vars == nil {
			t.Vars = map[string]string{}
		}
		names := jsonvalue.NewObject()
		for k, v := range assigned.All() {
			t.Vars[k] = jsonvalue.Marshal(v)
			names.Set(k, t.Vars[k])
		}
		d.Assigned = jsonvalue.Marshal(names)
	}
	t.Prev = r.emit(t.Prev, exited[s.Kind], d)
	if next == "" {
		r.ended(t, out)
		return
	}
	t.State, t.Phase, t.in = next, Ready, out
	t.Attempt++ // outcomes for the state that was left are stale
	r.empty(t)
	t.clearTask()
	t.clearJoin()
	r.mark(t)
	r.ready = append(r.ready, t.ID)
}

// overflow fails a state whose result is too large. When the execution is redriven, such a state runs again as a whole.
func (r *Step) overflow(t *Thread, s *asl.State) {
	r.dropChildren(t)
	t.Phase = Pending
	r.fail(t, s, r.tooLarge(s))
}

func (r *Step) tooLarge(s *asl.State) failure {
	name := s.Name
	if s.Kind == asl.Task {
		if name = s.Resource.ARN; s.Resource.Integration != asl.Function && s.Resource.Integration != asl.Activity {
			name = s.Resource.Type()
		}
	}
	return named(asl.ErrDataLimit, fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", name))
}

// ended is called when a thread has run its machine to the end.
func (r *Step) ended(t *Thread, out payload) {
	if t.Parent != 0 {
		r.childEnded(t, out)
		return
	}
	r.State.Output = out.json()
	r.close(Succeeded)
	r.emit(t.Prev, ExecutionSucceeded, Detail{Output: r.State.Output})
}

// finish ends the execution with an error.
func (r *Step) finish(typ EventType, prev int64, f failure) {
	var d Detail
	if f.hasName {
		d.Error, r.State.Error = &f.name, &f.name
	}
	if f.hasCause {
		d.Cause, r.State.Cause = &f.cause, &f.cause
	}
	status := Failed
	switch typ {
	case ExecutionAborted:
		status = Aborted
	case ExecutionTimedOut:
		status = TimedOut
	}
	r.close(status)
	r.emit(prev, typ, d)
}

// close stops all threads. Those of an execution that did not succeed stay for a redrive.
func (r *Step) close(status Status) {
	r.State.Status, r.State.Stop = status, r.Now
	for _, t := range r.State.Threads {
		if status == Succeeded {
			r.empty(t)
		}
		r.rest(t)
	}
	slices.Sort(r.Gone)
	slices.Sort(r.Cancel)
	r.ready = nil
	r.More = false
}

func (t *Thread) clearTask() {
	t.Token, t.Started, t.Submitted, t.Handle, t.Heartbeat = "", false, false, "", 0
	t.BeatBy, t.Deadline = time.Time{}, time.Time{}
}

func (t *Thread) clearJoin() {
	t.Total, t.Next, t.Active, t.Done, t.Limit, t.MapRun, t.items, t.results = 0, 0, 0, 0, 0, "", nil, nil
}

// Abort stops the execution.
func (r *Step) Abort(name, cause *string) {
	r.finish(ExecutionAborted, 0, stopped(name, cause))
}

func stopped(name, cause *string) failure {
	f := failure{stopped: true}
	if name != nil {
		f.name, f.hasName = *name, true
	}
	if cause != nil {
		f.cause, f.hasCause = *cause, true
	}
	return f
}

// Break ends an execution whose step went wrong half way, as if that step had not been. last is the newest event before it.
func (r *Step) Break(last int64, cause string) {
	r.State.Status, r.State.LastEvent = Running, last
	r.finish(ExecutionFailed, 0, named(asl.ErrRuntime, cause))
}

// fail deals with an error of a state: retry, catch, or up.
func (r *Step) fail(t *Thread, s *asl.State, f failure) {
	if f.stopped || r.catching == t { // what a catcher makes is not caught again
		r.threadFailed(t, f)
		return
	}
	if f.name == asl.ErrRuntime && f.hasName {
		r.finish(ExecutionFailed, t.Prev, f)
		return
	}
	if r.retry(t, s, f) {
		return
	}
	switch s.Kind {
	case asl.Map:
		t.Prev = r.emit(t.Prev, MapStateFailed, Detail{})
	case asl.Parallel:
		t.Prev = r.emit(t.Prev, ParallelStateFailed, Detail{})
	}
	for i := range s.Catch {
		c := &s.Catch[i]
		if matches(c.Errors, f) {
			r.caught(t, s, c, f)
			return
		}
	}
	r.threadFailed(t, f)
}

func matches(list []string, f failure) bool {
	if f.heartbeat {
		for _, e := range list {
			if e == asl.ErrHeartbeatTimeout {
				return true
			}
		}
	}
	return asl.Matches(list, f.name)
}

func (r *Step) retry(t *Thread, s *asl.State, f failure) bool {
	for i, rt := range s.Retry {
		if !matches(rt.Errors, f) {
			continue
		}
		for len(t.Tries) <= i {
			t.Tries = append(t.Tries, 0)
		}
		if t.Tries[i] >= rt.MaxAttempts {
			return false
		}
		delay := rt.Interval * math.Pow(rt.Backoff, float64(t.Tries[i]))
		if rt.MaxDelay > 0 {
			delay = min(delay, rt.MaxDelay)
		}
		if rt.Jitter && r.Random != nil {
			delay *= r.Random()
		}
		delay = min(delay, 31622400)
		r.dropChildren(t)
		t.Tries[i]++
		t.Retries++
		t.Attempt++
		t.Phase = Retrying
		t.Due = r.Now.Add(time.Duration(delay * float64(time.Second)))
		t.clearTask()
		t.clearJoin()
		r.mark(t)
		return true
	}
	return false
}

// output is what a catcher gets of a failure: null for what was not given, an empty cause for a timeout.
func (f failure) output() *jsonvalue.Object {
	var name, cause any
	if f.hasName {
		name = f.name
	}
	switch {
	case f.hasCause:
		cause = f.cause
	case f.name == asl.ErrTimeout:
		cause = ""
	}
	return jsonvalue.NewObject("Error", name, "Cause", cause)
}

func (r *Step) caught(t *Thread, s *asl.State, c *asl.Catcher, f failure) {
	r.dropChildren(t)
	t.Phase = Pending
	out := f.output()
	scope := r.scope(t, s)
	var result payload
	var err error
	if s.Language == asl.JSONata {
		scope = scope.WithFailure(out)
		result = fromTree(out)
		if c.Output != nil {
			var v any
			if v, err = c.Output.Eval(scope); err == nil {
				result = fromTree(v)
			}
		}
	} else {
		var v any
		if v, err = c.ResultPath.Apply(t.in.value(), out); err == nil {
			result = fromTree(v)
		}
		scope = scope.WithInput(out)
	}
	var assigned *jsonvalue.Object
	if err == nil && c.Assign != nil {
		assigned, err = evalAssign(c.Assign, scope)
	}
	if err != nil {
		r.threadFailed(t, r.raise(t, s, err))
		return
	}
	r.catching = t
	r.exit(t, s, result, assigned, c.Next)
	r.catching = nil
}

// raise turns an error of an evaluation into a failure, with an event for errors of JSONata.
func (r *Step) raise(t *Thread, s *asl.State, err error) failure {
	if r.Ctx != nil {
		var stop *Stop
		if errors.As(context.Cause(r.Ctx), &stop) {
			return stopped(stop.Name, stop.Cause)
		}
	}
	var se *asl.StateError
	if !errors.As(err, &se) {
		se = &asl.StateError{Name: asl.ErrRuntime, Cause: err.Error()}
	}
	cause := se.Cause
	switch {
	case se.Name == asl.ErrDataLimit && cause == "":
		cause = r.tooLarge(s).cause
	case se.Name != asl.ErrDataLimit:
		cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s", s.Name, t.Entered, se.Cause)
	}
	f := named(se.Name, cause)
	if se.Eval {
		prev := t.Before
		if se.Entered {
			prev = t.Prev
		}
		t.Prev = r.emit(prev, EvaluationFailed, Detail{Error: &f.name, Cause: &f.cause, Location: se.Location, State: s.Name})
	}
	return f
}

func (r *Step) threadFailed(t *Thread, f failure) {
	if f.stopped {
		r.finish(ExecutionAborted, 0, f)
		return
	}
	if t.Parent == 0 {
		r.finish(ExecutionFailed, t.Prev, f)
		return
	}
	r.childFailed(t, f)
}

func (r *Step) newID() string {
	if r.NewID != nil {
		return r.NewID()
	}
	return ident.UUID()
}
