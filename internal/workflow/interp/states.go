package interp

import (
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

const timeLayout = "2006-01-02T15:04:05.000Z"

// scope is what the expressions of the thread's state can refer to.
func (r *Step) scope(t *Thread, s *asl.State) *asl.Scope {
	var ctx *jsonvalue.Object
	return &asl.Scope{
		Ctx:    r.Ctx,
		Limits: r.Limits,
		Input:  t.in.value(),
		Context: func() *jsonvalue.Object {
			if ctx == nil {
				ctx = r.context(t, s)
			}
			return ctx
		},
		Var: func(name string) (any, bool) { return r.variable(t, name) },
	}
}

// variable looks a name up in the thread's scope and those around it.
func (r *Step) variable(t *Thread, name string) (any, bool) {
	for t != nil {
		if text, ok := t.Vars[name]; ok {
			v, err := jsonvalue.Parse(text)
			return v, err == nil
		}
		t = r.State.Threads[t.Parent]
	}
	return nil, false
}

// context is the context object.
func (r *Step) context(t *Thread, s *asl.State) *jsonvalue.Object {
	x := r.State
	if x.parsed == nil {
		x.parsed, _ = jsonvalue.Parse(x.Input)
	}
	name, role := s.Name, any(x.RoleARN)
	if x.Tested { // as recorded
		name = TestedName
		if x.RoleARN == "" {
			role = nil
		}
	}
	state := jsonvalue.NewObject("Name", name, "EnteredTime", t.EnteredAt.UTC().Format(timeLayout))
	if s.Kind == asl.Task || s.Kind == asl.Map || s.Kind == asl.Parallel {
		state.Set("RetryCount", jsonvalue.Int(int64(t.Retries)))
	}
	execution := jsonvalue.NewObject("Id", x.ARN, "Input", x.parsed, "StartTime", x.Start.UTC().Format(timeLayout), "Name", x.Name, "RoleArn", role)
	if !x.Tested {
		execution.Set("RedriveCount", jsonvalue.Int(int64(x.Redrives)))
		if !x.Redriven.IsZero() {
			execution.Set("RedriveTime", x.Redriven.UTC().Format(timeLayout))
		}
	}
	out := jsonvalue.NewObject(
		"Execution", execution,
		"StateMachine", jsonvalue.NewObject("Id", x.MachineARN, "Name", x.MachineName),
		"State", state,
	)
	if item := r.mapItem(t); item != nil {
		out.Set("Map", jsonvalue.NewObject("Item", item))
	}
	if t.Token != "" {
		out.Set("Task", jsonvalue.NewObject("Token", r.token(t)))
	}
	return out
}

// mapItem is $$.Map.Item of the innermost iteration around the thread.
func (r *Step) mapItem(t *Thread) any {
	for t != nil && t.Parent != 0 {
		p := r.State.Threads[t.Parent]
		if t.Index < len(p.items) && r.stateOf(p).Kind == asl.Map {
			return itemOf(t.Index, p.items[t.Index])
		}
		t = p
	}
	if r.State.Item != "" {
		v, _ := jsonvalue.Parse(r.State.Item)
		return v
	}
	return nil
}

func itemOf(index int, value any) *jsonvalue.Object {
	return jsonvalue.NewObject("Index", jsonvalue.Int(int64(index)), "Value", value)
}

func evalAssign(t *asl.Template, scope *asl.Scope) (*jsonvalue.Object, error) {
	if t == nil {
		return nil, nil
	}
	v, err := t.Eval(scope)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*jsonvalue.Object)
	if !ok {
		return nil, &asl.StateError{Name: asl.ErrRuntime, Cause: "The value of 'Assign' is no object"}
	}
	total := 0
	for k, v := range o.All() {
		n := len(jsonvalue.Marshal(v))
		if n > asl.MaxPayload {
			return nil, &asl.StateError{Name: asl.ErrDataLimit, Cause: fmt.Sprintf("The variable '%s' has a size exceeding the maximum number of bytes service limit.", k)}
		}
		if total += n; total > asl.MaxPayload {
			return nil, &asl.StateError{Name: asl.ErrDataLimit, Cause: "The variables of 'Assign' have a combined size exceeding the maximum number of bytes service limit."}
		}
	}
	return o, nil
}

// maxVariables is how many bytes the values of all variables of an execution may have.
const maxVariables = 10 << 20

// roomFor reports whether the execution can keep what is assigned in the thread's scope.
func (r *Step) roomFor(t *Thread, assigned *jsonvalue.Object) bool {
	total := 0
	for k, v := range assigned.All() {
		total += len(jsonvalue.Marshal(v)) - len(t.Vars[k])
	}
	for _, x := range r.State.Threads {
		for _, v := range x.Vars {
			total += len(v)
		}
	}
	return total <= maxVariables
}

// through passes a state's input to its output: for states that make no result of their own.
func (r *Step) through(t *Thread, s *asl.State, next string, output, assign *asl.Template) {
	scope := r.scope(t, s)
	out := t.in
	var err error
	if s.Language == asl.JSONata {
		if output != nil {
			var v any
			if v, err = output.Eval(scope); err == nil {
				out = fromTree(v)
			}
		}
	} else if s.InputPath != nil || s.OutputPath != nil {
		var v any
		if v, err = s.InputPath.Get(scope); err == nil {
			scope = scope.WithInput(v)
			if v, err = s.OutputPath.Get(scope); err == nil {
				out = fromTree(v)
			}
		}
	}
	var assigned *jsonvalue.Object
	if err == nil && assign != nil {
		assigned, err = evalAssign(assign, scope)
	}
	if err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	r.exit(t, s, out, assigned, next)
}

func (r *Step) pass(t *Thread, s *asl.State) {
	if s.Language == asl.JSONata {
		r.through(t, s, s.Next, s.Output, s.Assign)
		return
	}
	if s.InputPath == nil && s.OutputPath == nil && s.ResultPath == nil && s.Parameters == nil && !s.HasResult && s.Assign == nil {
		r.exit(t, s, t.in, nil, s.Next)
		return
	}
	scope := r.scope(t, s)
	result, err := r.parameters(s, scope)
	if err == nil && s.HasResult {
		result = s.Result
	}
	if err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	r.output(t, s, scope, result)
}

// parameters applies InputPath and Parameters, or Arguments.
func (r *Step) parameters(s *asl.State, scope *asl.Scope) (any, error) {
	if s.Language == asl.JSONata {
		if s.Parameters == nil {
			return scope.Input, nil
		}
		return s.Parameters.Eval(scope)
	}
	in, err := s.InputPath.Get(scope)
	if err != nil || s.Parameters == nil {
		return in, err
	}
	return s.Parameters.Eval(scope.WithInput(in))
}

// output makes a state's output from its result and leaves the state. scope has the state's own input.
func (r *Step) output(t *Thread, s *asl.State, scope *asl.Scope, result any) {
	out, assigned, err := r.shape(s, scope, result)
	if err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	r.exit(t, s, fromTree(out), assigned, s.Next)
}

// shape applies ResultSelector, ResultPath, OutputPath and Assign, or Output and Assign.
func (r *Step) shape(s *asl.State, scope *asl.Scope, result any) (out any, assigned *jsonvalue.Object, err error) {
	if s.Language == asl.JSONata {
		scope = scope.WithResult(result)
		if out = result; s.Output != nil {
			if out, err = s.Output.Eval(scope); err != nil {
				return nil, nil, err
			}
		}
		assigned, err = evalAssign(s.Assign, scope)
		return out, assigned, err
	}
	if s.ResultSelector != nil {
		if result, err = s.ResultSelector.Eval(scope.WithInput(result)); err != nil {
			return nil, nil, err
		}
	}
	if out, err = s.ResultPath.Apply(scope.Input, result); err != nil {
		return nil, nil, err
	}
	if out, err = s.OutputPath.Get(scope.WithInput(out)); err != nil {
		return nil, nil, err
	}
	assigned, err = evalAssign(s.Assign, scope.WithInput(result))
	return out, assigned, err
}

func (r *Step) succeed(t *Thread, s *asl.State) { r.through(t, s, "", s.Output, nil) }

func (r *Step) failState(t *Thread, s *asl.State) {
	scope := r.scope(t, s)
	var f failure
	var err error
	if s.Error != nil {
		f.hasName = true
		f.name, err = s.Error.Text(scope)
	}
	if s.Cause != nil && err == nil {
		f.hasCause = true
		f.cause, err = s.Cause.Text(scope)
	}
	if err != nil {
		f = r.raise(t, s, err)
		if f.name == asl.ErrRuntime && !f.stopped {
			r.finish(ExecutionFailed, t.Prev, f)
			return
		}
	}
	r.threadFailed(t, f)
}

func (r *Step) choice(t *Thread, s *asl.State) {
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath && s.InputPath != nil {
		in, err := s.InputPath.Get(scope)
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
		scope = scope.WithInput(in)
	}
	for i := range s.Choices {
		c := &s.Choices[i]
		ok, err := c.Matches(scope)
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
		if ok {
			output := c.Output
			if output == nil {
				output = s.Output
			}
			r.through(t, s, c.Next, output, c.Assign)
			return
		}
	}
	if s.Default == "" {
		f := r.raise(t, s, &asl.StateError{Name: asl.ErrNoChoice, Cause: "Failed to transition out of the state. The state does not point to a next state."})
		r.threadFailed(t, f)
		return
	}
	r.through(t, s, s.Default, s.Output, s.Assign)
}

// maxWait is how far ahead a Wait state can be due: the seconds that fit an int32.
const maxWait = (1<<31 - 1) * time.Second

func (r *Step) wait(t *Thread, s *asl.State) {
	due, err := r.waitUntil(t, s)
	if err == nil && due.Sub(r.Now) > maxWait {
		err = &asl.StateError{Name: asl.ErrRuntime, Cause: "Wait state delay is too long."}
	}
	if err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	if !due.After(r.Now) {
		r.through(t, s, s.Next, s.Output, s.Assign)
		return
	}
	t.Phase, t.Due = Waiting, due
}

func (r *Step) waitUntil(t *Thread, s *asl.State) (time.Time, error) {
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath {
		in, err := s.InputPath.Get(scope)
		if err != nil {
			return time.Time{}, err
		}
		scope = scope.WithInput(in)
	}
	bad := func(format string, args ...any) (time.Time, error) {
		e := &asl.StateError{Name: asl.ErrRuntime, Cause: fmt.Sprintf(format, args...)}
		if s.Language == asl.JSONata {
			e.Name, e.Eval, e.Entered = asl.ErrQueryEvaluation, true, true
			if s.Seconds != nil {
				e.Location = "Seconds"
			} else {
				e.Location = "Timestamp"
			}
		}
		return time.Time{}, e
	}
	if s.Seconds != nil {
		v, err := s.Seconds.Number(scope)
		if err != nil {
			if s.Seconds.Path() != "" {
				return bad("The SecondsPath parameter does not reference an input value: %s", s.Seconds.Path())
			}
			return time.Time{}, err
		}
		n, ok := v.(jsonvalue.Number)
		secs, isInt := n.Int()
		switch path := s.Seconds.Path(); {
		case ok && isInt && secs >= 0:
			if secs > int64(maxWait/time.Second) {
				return bad("Wait state delay is too long.")
			}
			return r.Now.Add(time.Duration(secs) * time.Second), nil
		case path == "" && ok && isInt:
			return bad("The Seconds field cannot be negative: %s", n)
		case path == "":
			return bad("The Seconds field cannot be parsed as a long value: %s", jsonvalue.Marshal(v))
		case ok && isInt:
			return bad("The SecondsPath parameter references a negative value: %s == %s", path, n)
		default:
			return bad("The SecondsPath parameter cannot be parsed as a long value: %s == %s", path, shown(v))
		}
	}
	v, err := s.Timestamp.Get(scope)
	if err != nil {
		if s.Timestamp.Path() != "" {
			return bad("The TimestampPath parameter does not reference an input value: %s", s.Timestamp.Path())
		}
		return time.Time{}, err
	}
	text, _ := v.(string)
	due, ok := asl.ParseTimestamp(text)
	if !ok {
		if path := s.Timestamp.Path(); path != "" {
			return bad("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", path, shown(v))
		}
		return bad("The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: %s", shown(v))
	}
	return due, nil
}

func shown(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return jsonvalue.Marshal(v)
}
