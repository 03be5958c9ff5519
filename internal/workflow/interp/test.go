package interp

import (
	"math"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// TestedName is the name of a state that is tried out, as its context object tells it whatever the definition says.
const TestedName = "StateName"

// TestRequest asks for one state to be tried out.
type TestRequest struct {
	State    *asl.State
	Input    string            // JSON
	Vars     map[string]string // JSON by name
	Context  *jsonvalue.Object // instead of the real context object; nil = the real one
	Mock     *string           // JSON that a Task, Map or Parallel state gets as its result
	MockFail *TaskError
	Run      func(start TaskStart) (string, *TaskError) // calls the task when there is no mock
	Reveal   bool                                       // show what a connection adds to requests
	Retries  int                                        // how often the task was retried already
	Failures *int                                       // iterations of a Map that failed
}

// Exchange is a request to an HTTP API with its answer. Headers are JSON objects of arrays.
type Exchange struct {
	Protocol, Method, URL, Header, Body string
	Status                              int
	StatusText, AnswerHeader, Answer    string
}

// TestResult is what a state did.
type TestResult struct {
	Status      string // SUCCEEDED, FAILED, RETRIABLE, CAUGHT_ERROR
	Output      string
	Next        string
	Error       *string
	Cause       *string
	Inspected   map[string]string // JSON by the name of the stage: "afterInputPath"
	Concurrency *int64
	Count       *int64
	Share       *float64
	CatchIndex  *int
	RetryIndex  *int
	Backoff     *int
	Assigned    *jsonvalue.Object
	Exchange    *Exchange // of an HTTP task
}

// tester tries out one state.
type tester struct {
	*Step
	t   *Thread
	s   *asl.State
	req *TestRequest
	out *TestResult
}

// Test evaluates a state as TestState does. The step's State needs its Info only.
func (r *Step) Test(req *TestRequest) *TestResult {
	t := &Thread{ID: 1, State: req.State.Name, in: fromText(req.Input), Vars: req.Vars, EnteredAt: r.Now, Retries: req.Retries}
	r.State.Threads = map[uint32]*Thread{1: t}
	r.State.Status = Running
	if req.State.Resource.Pattern != asl.RequestResponse || req.State.Resource.Integration == asl.Activity {
		t.Token = r.newID()
	}
	x := &tester{Step: r, t: t, s: req.State, req: req, out: &TestResult{Status: "SUCCEEDED", Inspected: map[string]string{}}}
	x.see("input", fromText(req.Input))
	if err := x.run(); err != nil {
		f := r.raise(t, x.s, err)
		if f.cause != "" {
			f.cause = trimPlace(f.cause)
		}
		x.failed(f, f.name == asl.ErrRuntime)
	}
	return x.out
}

// trimPlace takes off the sentence that names the state: a state that is tried out has no event id.
func trimPlace(cause string) string {
	const mark = "). "
	for i := 0; i+len(mark) <= len(cause); i++ {
		if cause[i:i+len(mark)] == mark {
			return cause[i+len(mark):]
		}
	}
	return cause
}

func (x *tester) see(stage string, p payload) { x.out.Inspected[stage] = p.json() }

func (x *tester) scope() *asl.Scope {
	s := x.Step.scope(x.t, x.s)
	if x.req.Context != nil {
		s.Context = func() *jsonvalue.Object { return x.req.Context }
	}
	return s
}

// path applies a path to a document, keeping its text where nothing is selected.
func (x *tester) path(p *asl.PathField, scope *asl.Scope, in payload) (payload, error) {
	if p == nil {
		return in, nil
	}
	v, err := p.Get(scope.WithInput(in.value()))
	return fromTree(v), err
}

func (x *tester) run() error {
	s, scope := x.s, x.scope()
	in := x.t.in
	jsonPath := s.Language == asl.JSONPath
	// Pass with a Result and Parallel do not show their input's way.
	quiet := s.Kind == asl.Pass && s.HasResult || s.Kind == asl.Parallel
	if jsonPath {
		var err error
		if in, err = x.path(s.InputPath, scope, in); err != nil {
			return err
		}
		if !quiet {
			x.see("afterInputPath", in)
		}
	}
	switch s.Kind {
	case asl.Fail:
		return x.failState(scope)
	case asl.Choice:
		return x.choice(scope, in)
	case asl.Wait:
		if _, err := x.waitUntil(x.t, s); err != nil {
			return err
		}
		return x.leave(scope, in, s.Next, s.Output, s.Assign)
	case asl.Succeed:
		return x.leave(scope, in, "", s.Output, nil)
	case asl.Map:
		return x.mapState(scope, in)
	}
	params := in
	if s.Parameters != nil && (jsonPath || s.Kind != asl.Pass) {
		v, err := s.Parameters.Eval(scope.WithInput(in.value()))
		if err != nil {
			return err
		}
		params = fromTree(v)
	}
	if jsonPath && !quiet {
		x.see("afterParameters", params)
	}
	if !jsonPath && s.Kind == asl.Task {
		x.see("afterArguments", params)
	}
	result := params
	switch {
	case s.Kind == asl.Pass && !jsonPath:
		return x.leave(scope, x.t.in, s.Next, s.Output, s.Assign)
	case s.Kind == asl.Pass && s.HasResult:
		result = fromTree(s.Result)
		x.see("result", result)
	case s.Kind == asl.Task || s.Kind == asl.Parallel:
		text, fail := x.call(scope, params)
		if fail != nil {
			x.failed(failure{name: fail.Error, cause: fail.Cause, hasName: !fail.NoError, hasCause: !fail.NoCause}, false)
			return nil
		}
		if _, err := jsonvalue.Parse(text); err != nil {
			return &asl.StateError{Name: asl.ErrRuntime, Cause: "The task returned a result that is not valid JSON"}
		}
		result = fromText(text)
		if s.Kind == asl.Task {
			x.see("result", result)
		}
	}
	return x.shapeResult(scope, result)
}

func (x *tester) call(scope *asl.Scope, params payload) (string, *TaskError) {
	switch {
	case x.req.MockFail != nil:
		return "", x.req.MockFail
	case x.req.Mock != nil:
		return *x.req.Mock, nil
	}
	start, err := x.taskStart(x.t, x.s)
	if err != nil {
		return "", &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
	}
	start.Input = params.json()
	return x.req.Run(start)
}

// shapeResult applies what comes after a state's result, stage by stage.
func (x *tester) shapeResult(scope *asl.Scope, result payload) error {
	s := x.s
	if s.Language == asl.JSONata {
		out := result
		with := scope.WithResult(result.value())
		if s.Output != nil {
			v, err := s.Output.Eval(with)
			if err != nil {
				return err
			}
			out = fromTree(v)
		}
		return x.done(out, s.Next, s.Assign, with)
	}
	if s.ResultSelector != nil {
		v, err := s.ResultSelector.Eval(scope.WithInput(result.value()))
		if err != nil {
			return err
		}
		result = fromTree(v)
	}
	x.see("afterResultSelector", result)
	out := result
	if s.ResultPath != nil {
		v, err := s.ResultPath.Apply(x.t.in.value(), result.value())
		if err != nil {
			return err
		}
		out = fromTree(v)
	}
	x.see("afterResultPath", out)
	out, err := x.path(s.OutputPath, scope, out)
	if err != nil {
		return err
	}
	return x.done(out, s.Next, s.Assign, scope.WithInput(result.value()))
}

func (x *tester) done(out payload, next string, assign *asl.Template, scope *asl.Scope) error {
	if len(out.json()) > asl.MaxPayload {
		f := x.tooLarge(x.s)
		x.failed(f, false)
		return nil
	}
	assigned, err := evalAssign(assign, scope)
	if err != nil {
		return err
	}
	x.out.Output, x.out.Next, x.out.Assigned = out.json(), next, assigned
	return nil
}

// leave ends a state that makes no result of its own.
func (x *tester) leave(scope *asl.Scope, in payload, next string, output, assign *asl.Template) error {
	out := in
	if x.s.Language == asl.JSONata {
		if output != nil {
			v, err := output.Eval(scope)
			if err != nil {
				return err
			}
			out = fromTree(v)
		}
	} else {
		var err error
		if out, err = x.path(x.s.OutputPath, scope, in); err != nil {
			return err
		}
		scope = scope.WithInput(in.value())
	}
	return x.done(out, next, assign, scope)
}

func (x *tester) failState(scope *asl.Scope) error {
	var f failure
	var err error
	if x.s.Error != nil {
		f.hasName = true
		if f.name, err = x.s.Error.Text(scope); err != nil {
			return err
		}
	}
	if x.s.Cause != nil {
		f.hasCause = true
		if f.cause, err = x.s.Cause.Text(scope); err != nil {
			return err
		}
	}
	x.failed(f, true)
	return nil
}

func (x *tester) choice(scope *asl.Scope, in payload) error {
	s := x.s
	test := scope
	if s.Language == asl.JSONPath {
		test = scope.WithInput(in.value())
	}
	for i := range s.Choices {
		c := &s.Choices[i]
		ok, err := c.Matches(test)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		output := c.Output
		if output == nil {
			output = s.Output
		}
		return x.leave(scope, in, c.Next, output, c.Assign)
	}
	if s.Default == "" {
		return &asl.StateError{Name: asl.ErrNoChoice, Cause: "Failed to transition out of the state. The state does not point to a next state."}
	}
	return x.leave(scope, in, s.Default, s.Output, s.Assign)
}

func (x *tester) mapState(scope *asl.Scope, in payload) error {
	s, m := x.s, x.s.Map
	scope = scope.WithInput(in.value())
	n := 0
	if m.Reader == nil {
		items, err := x.items(s, scope)
		if err != nil {
			return err
		}
		n = len(items)
		if m.ItemsPath != nil {
			x.out.Inspected["afterItemsPath"] = spaced(items)
		}
	}
	limit := int64(0)
	if m.MaxConcurrency != nil {
		var err error
		if limit, err = m.MaxConcurrency.Integer(scope); err != nil {
			return err
		}
	}
	x.out.Concurrency = &limit
	count, share, err := x.tolerance(s, scope)
	if err != nil {
		return err
	}
	if m.TolerateCount != nil {
		x.out.Count = &count
	}
	if m.TolerateShare != nil {
		x.out.Share = &share
	}
	if f := x.req.MockFail; f != nil {
		x.failed(failure{name: f.Error, cause: f.Cause, hasName: !f.NoError, hasCause: !f.NoCause}, false)
		return nil
	}
	result := fromText(*x.req.Mock)
	if list, ok := result.value().([]any); ok && n == 0 {
		n = len(list)
	}
	if k := x.req.Failures; k != nil {
		over := m.TolerateCount != nil && int64(*k) > count
		if m.TolerateShare != nil && float64(*k)*100/float64(max(n, 1)) > share {
			over = true
		}
		if over {
			x.failed(named(asl.ErrExceedTolerated, "The specified tolerated failure threshold was exceeded"), false)
			return nil
		}
	}
	x.t.in = fromText(x.req.Input)
	return x.shapeResult(x.scope(), result)
}

// spaced is JSON with a blank after each comma and colon, as TestState shows the items of a Map.
func spaced(v any) string {
	switch v := v.(type) {
	case []any:
		s := "["
		for i, e := range v {
			if i > 0 {
				s += ", "
			}
			s += spaced(e)
		}
		return s + "]"
	case *jsonvalue.Object:
		s := "{"
		for k, e := range v.All() {
			if len(s) > 1 {
				s += ", "
			}
			s += jsonvalue.Marshal(k) + ": " + spaced(e)
		}
		return s + "}"
	}
	return jsonvalue.Marshal(v)
}

// failed looks for a retrier or catcher of an error.
func (x *tester) failed(f failure, fatal bool) {
	out := x.out
	out.Status = "FAILED"
	if f.hasName {
		out.Error = &f.name
	}
	if f.hasCause {
		out.Cause = &f.cause
	}
	if fatal {
		return
	}
	for i, rt := range x.s.Retry {
		if !matches(rt.Errors, f) {
			continue
		}
		out.RetryIndex = &i
		if x.req.Retries < rt.MaxAttempts {
			delay := rt.Interval * math.Pow(rt.Backoff, float64(x.req.Retries))
			if rt.MaxDelay > 0 {
				delay = min(delay, rt.MaxDelay)
			}
			secs := int(min(delay, math.MaxInt32))
			out.Status, out.Backoff = "RETRIABLE", &secs
			return
		}
		break
	}
	for i := range x.s.Catch {
		c := &x.s.Catch[i]
		if !matches(c.Errors, f) {
			continue
		}
		out.CatchIndex = &i
		if err := x.caught(c, f); err != nil {
			e := x.raise(x.t, x.s, err)
			out.Error, out.Cause = &e.name, &e.cause
			return
		}
		out.Status, out.Next = "CAUGHT_ERROR", c.Next
		return
	}
}

func (x *tester) caught(c *asl.Catcher, f failure) error {
	o := f.output()
	scope := x.scope()
	var v any = o
	var err error
	if x.s.Language == asl.JSONata {
		scope = scope.WithFailure(o)
		if c.Output != nil {
			v, err = c.Output.Eval(scope)
		}
	} else {
		v, err = c.ResultPath.Apply(x.t.in.value(), o)
		scope = scope.WithInput(o)
	}
	if err != nil {
		return err
	}
	if x.out.Assigned, err = evalAssign(c.Assign, scope); err != nil {
		return err
	}
	x.out.Output = jsonvalue.Marshal(v)
	return nil
}
