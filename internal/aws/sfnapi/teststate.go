package sfnapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

func refuse(format string, args ...any) *protocol.Error {
	return &protocol.Error{Code: Code_ValidationException, Message: fmt.Sprintf(format, args...)}
}

func (a *api) testState(ctx context.Context, c *protocol.Call, in *TestStateInput) (*TestStateOutput, error) {
	machine, state, err := tested(in)
	if err == nil && state == nil {
		return nil, refuse("State not found in definition")
	}
	if err != nil {
		return nil, &protocol.Error{Code: Code_InvalidDefinition, Message: err.Error()}
	}
	req := &interp.TestRequest{State: state, Input: protocol.Or(in.Input, "{}"), Reveal: protocol.Or(in.RevealSecrets, false)}
	if conf := in.StateConfiguration; conf != nil {
		req.Retries = int(protocol.Or(conf.RetrierRetryCount, 0))
		if conf.MapIterationFailureCount != nil {
			n := int(*conf.MapIterationFailureCount)
			req.Failures = &n
		}
	}
	if _, err := jsonvalue.Parse(req.Input); err != nil {
		return nil, &protocol.Error{Code: Code_InvalidExecutionInput, Message: "Invalid State Machine Execution Input: '" + err.Error() + "'"}
	}
	for _, step := range []func(*TestStateInput, *interp.TestRequest) *protocol.Error{testedKind, testedContext, testedVariables, a.testedMock} {
		if e := step(in, req); e != nil {
			return nil, e
		}
	}
	level := protocol.Or(in.InspectionLevel, InspectionLevel_INFO)
	return testResult(a.engine.TestState(ctx, c.Scope, protocol.Or(in.RoleArn, ""), machine, req), level, req), nil
}

// tested reads the definition: of a state machine when a state of it is named, else of a state. The state is nil when
// there is none of that name.
func tested(in *TestStateInput) (*asl.Machine, *asl.State, error) {
	if in.StateName == nil {
		s, _, err := asl.ParseState(interp.TestedName, in.Definition, asl.Options{})
		if err != nil {
			return nil, nil, err
		}
		return &asl.Machine{StartAt: interp.TestedName, States: map[string]*asl.State{interp.TestedName: s}, Order: []string{interp.TestedName}}, s, nil
	}
	m, _, err := asl.Parse(in.Definition, asl.Options{})
	if err != nil {
		return nil, nil, err
	}
	_, s := m.Find(*in.StateName)
	return m, s, nil
}

// testedKind checks that the state can be tested in the way that is asked for.
func testedKind(in *TestStateInput, req *interp.TestRequest) *protocol.Error {
	s := req.State
	if m := in.Mock; m != nil {
		switch {
		case m.Result != nil && m.ErrorOutput != nil:
			return refuse("A test mock should have only one of the following fields: [result, errorOutput].")
		case protocol.Or(in.RevealSecrets, false):
			return refuse("TestState does not support RevealSecrets when a mock is specified.")
		case s.Kind != asl.Task && s.Kind != asl.Map && s.Kind != asl.Parallel:
			return refuse("State type '%s' is not supported when a mock is specified", s.Kind)
		}
		return nil
	}
	switch {
	case req.Failures != nil:
		return refuse("TestState does not support MapIterationFailureCount when a mock is not specified.")
	case s.Kind == asl.Map || s.Kind == asl.Parallel:
		return &protocol.Error{Code: Code_InvalidDefinition, Message: "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"}
	case s.Kind == asl.Task && in.RoleArn == nil:
		return refuse("RoleArn must be specified when testing a Task state")
	}
	return nil
}

// contextFields are the members that a context object may have; nil stands for a value of any kind.
var contextFields = map[string][]string{
	"Execution":    {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount"},
	"State":        {"EnteredTime", "Name", "RetryCount"},
	"StateMachine": {"Id", "Name"},
	"Task":         {"Token"},
}

func testedContext(in *TestStateInput, req *interp.TestRequest) *protocol.Error {
	if in.Context == nil {
		return nil
	}
	bad := func(format string, args ...any) *protocol.Error {
		return refuse("Invalid Context object provided: "+format, args...)
	}
	v, err := jsonvalue.Parse(*in.Context)
	top, ok := v.(*jsonvalue.Object)
	if err != nil || !ok {
		return bad("Context object must be a JSON object")
	}
	for field, v := range top.All() {
		if field == "Map" {
			return bad("'Map' field is not supported when mocking a Context object")
		}
		allowed, ok := contextFields[field]
		if !ok {
			return bad("Field '%s' is not allowed", field)
		}
		o, ok := v.(*jsonvalue.Object)
		if !ok {
			return bad("%s must be an object", field)
		}
		for name, v := range o.All() {
			if !slices.Contains(allowed, name) {
				return bad("Field '%s' is not allowed", name)
			}
			_, text := v.(string)
			_, number := v.(jsonvalue.Number)
			switch {
			case name == "Input":
			case name == "RedriveCount" || name == "RetryCount":
				if !number {
					return bad("%s.%s must be a number", field, name)
				}
			case !text:
				return bad("%s.%s must be a string", field, name)
			}
		}
	}
	if top.Has("Task") && (req.State.Kind != asl.Task || req.State.Resource.Pattern == asl.RequestResponse) {
		return bad("Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern")
	}
	req.Context = top
	return nil
}

func testedVariables(in *TestStateInput, req *interp.TestRequest) *protocol.Error {
	if in.Variables == nil {
		return nil
	}
	v, err := jsonvalue.Parse(*in.Variables)
	o, ok := v.(*jsonvalue.Object)
	if err != nil || !ok {
		return refuse("Variables must be a JSON object")
	}
	req.Vars = map[string]string{}
	for name, v := range o.All() {
		req.Vars[name] = jsonvalue.Marshal(v)
	}
	return nil
}

func testResult(r *interp.TestResult, level InspectionLevel, req *interp.TestRequest) *TestStateOutput {
	status := TestExecutionStatus(r.Status)
	out := &TestStateOutput{Status: &status, Error: r.Error, Cause: r.Cause, NextState: protocol.Some(r.Next), Output: protocol.Some(r.Output)}
	if level == InspectionLevel_INFO {
		return out
	}
	stage := func(name string) *string {
		if v, ok := r.Inspected[name]; ok {
			return &v
		}
		return nil
	}
	d := &InspectionData{
		Input: stage("input"), AfterArguments: stage("afterArguments"), AfterInputPath: stage("afterInputPath"), AfterItemsPath: stage("afterItemsPath"), AfterItemsPointer: stage("afterItemsPointer"),
		AfterItemSelector: stage("afterItemSelector"), AfterItemBatcher: stage("afterItemBatcher"), AfterParameters: stage("afterParameters"), AfterResultPath: stage("afterResultPath"), AfterResultSelector: stage("afterResultSelector"),
		Result: stage("result"), MaxConcurrency: narrow(r.Concurrency), ToleratedFailureCount: narrow(r.Count), ToleratedFailurePercentage: r.Share,
	}
	if r.CatchIndex != nil || r.RetryIndex != nil {
		d.ErrorDetails = &InspectionErrorDetails{CatchIndex: narrow(r.CatchIndex), RetryIndex: narrow(r.RetryIndex), RetryBackoffIntervalSeconds: narrow(r.Backoff)}
	}
	if r.Assigned != nil && r.Assigned.Len() > 0 || len(req.Vars) > 0 {
		all := jsonvalue.NewObject()
		for name, text := range req.Vars {
			v, _ := jsonvalue.Parse(text)
			all.Set(name, v)
		}
		if r.Assigned != nil {
			for name, v := range r.Assigned.All() {
				all.Set(name, v)
			}
		}
		text := jsonvalue.Marshal(all)
		d.Variables = &text
	}
	if x := r.Exchange; x != nil && level == InspectionLevel_TRACE {
		d.Request = &InspectionDataRequest{Protocol: &x.Protocol, Method: &x.Method, Url: &x.URL, Headers: &x.Header, Body: protocol.Some(x.Body)}
		code := strconv.Itoa(x.Status)
		d.Response = &InspectionDataResponse{Protocol: &x.Protocol, StatusCode: &code, StatusMessage: &x.StatusText, Headers: &x.AnswerHeader, Body: &x.Answer}
	}
	out.InspectionData = d
	return out
}

func narrow[N int | int64](n *N) *int32 {
	if n == nil {
		return nil
	}
	v := int32(*n)
	return &v
}
