package sfnapi

import (
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// historyEvent is an event as GetExecutionHistory answers it. data false leaves payloads out.
func historyEvent(e *interp.Event, data bool) HistoryEvent {
	d := &e.Detail
	prev := e.Prev
	out := HistoryEvent{Id: e.ID, PreviousEventId: &prev, Timestamp: e.Time.Truncate(time.Millisecond), Type: HistoryEventType(e.Type.String())}
	payload := func(s string) *string {
		if !data {
			return nil
		}
		return protocol.Some(s)
	}
	details := func() *HistoryEventExecutionDataDetails {
		cut := false
		return &HistoryEventExecutionDataDetails{&cut}
	}
	credentials := func() *TaskCredentials {
		if d.Role == "" {
			return nil
		}
		return &TaskCredentials{&d.Role}
	}
	switch e.Type {
	case interp.ExecutionStarted:
		out.ExecutionStartedEventDetails = &ExecutionStartedEventDetails{Input: payload(d.Input), InputDetails: details(), RoleArn: &d.Role, StateMachineAliasArn: protocol.Some(d.Alias), StateMachineVersionArn: protocol.Some(d.Version)}
	case interp.ExecutionSucceeded:
		out.ExecutionSucceededEventDetails = &ExecutionSucceededEventDetails{payload(d.Output), details()}
	case interp.ExecutionFailed:
		out.ExecutionFailedEventDetails = &ExecutionFailedEventDetails{d.Cause, d.Error}
	case interp.ExecutionAborted:
		out.ExecutionAbortedEventDetails = &ExecutionAbortedEventDetails{d.Cause, d.Error}
	case interp.ExecutionTimedOut:
		out.ExecutionTimedOutEventDetails = &ExecutionTimedOutEventDetails{d.Cause, d.Error}
	case interp.ExecutionRedriven:
		n := int32(d.Redrives)
		out.ExecutionRedrivenEventDetails = &ExecutionRedrivenEventDetails{&n}
	case interp.MapStateStarted:
		n := int32(d.Length)
		out.MapStateStartedEventDetails = &MapStateStartedEventDetails{&n}
	case interp.MapIterationStarted:
		out.MapIterationStartedEventDetails = iteration(d)
	case interp.MapIterationSucceeded:
		out.MapIterationSucceededEventDetails = iteration(d)
	case interp.MapIterationFailed:
		out.MapIterationFailedEventDetails = iteration(d)
	case interp.MapIterationAborted:
		out.MapIterationAbortedEventDetails = iteration(d)
	case interp.MapRunStarted:
		out.MapRunStartedEventDetails = &MapRunStartedEventDetails{&d.MapRun}
	case interp.MapRunFailed:
		out.MapRunFailedEventDetails = &MapRunFailedEventDetails{d.Cause, d.Error}
	case interp.MapRunRedriven:
		n := int32(d.Redrives)
		out.MapRunRedrivenEventDetails = &MapRunRedrivenEventDetails{&d.MapRun, &n}
	case interp.EvaluationFailed:
		out.EvaluationFailedEventDetails = &EvaluationFailedEventDetails{d.Cause, d.Error, protocol.Some(d.Location), d.State}
	case interp.TaskScheduled:
		out.TaskScheduledEventDetails = &TaskScheduledEventDetails{HeartbeatInSeconds: protocol.Some(d.Heartbeat), Parameters: d.Parameters, Region: d.Region, Resource: d.Resource, ResourceType: d.ResourceType, TaskCredentials: credentials(), TimeoutInSeconds: protocol.Some(d.Timeout)}
		if !data {
			out.TaskScheduledEventDetails.Parameters = ""
		}
	case interp.TaskStarted:
		out.TaskStartedEventDetails = &TaskStartedEventDetails{d.Resource, d.ResourceType}
	case interp.TaskSubmitted:
		out.TaskSubmittedEventDetails = &TaskSubmittedEventDetails{payload(d.Output), details(), d.Resource, d.ResourceType}
	case interp.TaskSucceeded:
		out.TaskSucceededEventDetails = &TaskSucceededEventDetails{payload(d.Output), details(), d.Resource, d.ResourceType}
	case interp.TaskFailed:
		out.TaskFailedEventDetails = &TaskFailedEventDetails{d.Cause, d.Error, d.Resource, d.ResourceType}
	case interp.TaskTimedOut:
		out.TaskTimedOutEventDetails = &TaskTimedOutEventDetails{d.Cause, d.Error, d.Resource, d.ResourceType}
	case interp.TaskStartFailed:
		out.TaskStartFailedEventDetails = &TaskStartFailedEventDetails{d.Cause, d.Error, d.Resource, d.ResourceType}
	case interp.TaskSubmitFailed:
		out.TaskSubmitFailedEventDetails = &TaskSubmitFailedEventDetails{d.Cause, d.Error, d.Resource, d.ResourceType}
	case interp.LambdaFunctionScheduled:
		out.LambdaFunctionScheduledEventDetails = &LambdaFunctionScheduledEventDetails{payload(d.Input), details(), d.Resource, credentials(), protocol.Some(d.Timeout)}
	case interp.LambdaFunctionSucceeded:
		out.LambdaFunctionSucceededEventDetails = &LambdaFunctionSucceededEventDetails{payload(d.Output), details()}
	case interp.LambdaFunctionFailed:
		out.LambdaFunctionFailedEventDetails = &LambdaFunctionFailedEventDetails{d.Cause, d.Error}
	case interp.LambdaFunctionTimedOut:
		out.LambdaFunctionTimedOutEventDetails = &LambdaFunctionTimedOutEventDetails{d.Cause, d.Error}
	case interp.LambdaFunctionStartFailed:
		out.LambdaFunctionStartFailedEventDetails = &LambdaFunctionStartFailedEventDetails{d.Cause, d.Error}
	case interp.LambdaFunctionScheduleFailed:
		out.LambdaFunctionScheduleFailedEventDetails = &LambdaFunctionScheduleFailedEventDetails{d.Cause, d.Error}
	case interp.ActivityScheduled:
		out.ActivityScheduledEventDetails = &ActivityScheduledEventDetails{HeartbeatInSeconds: protocol.Some(d.Heartbeat), Input: payload(d.Input), InputDetails: details(), Resource: d.Resource, TimeoutInSeconds: protocol.Some(d.Timeout)}
	case interp.ActivityStarted:
		out.ActivityStartedEventDetails = &ActivityStartedEventDetails{protocol.Some(d.Worker)}
	case interp.ActivitySucceeded:
		out.ActivitySucceededEventDetails = &ActivitySucceededEventDetails{payload(d.Output), details()}
	case interp.ActivityFailed:
		out.ActivityFailedEventDetails = &ActivityFailedEventDetails{d.Cause, d.Error}
	case interp.ActivityTimedOut:
		out.ActivityTimedOutEventDetails = &ActivityTimedOutEventDetails{d.Cause, d.Error}
	case interp.ActivityScheduleFailed:
		out.ActivityScheduleFailedEventDetails = &ActivityScheduleFailedEventDetails{d.Cause, d.Error}
	default:
		switch {
		case e.Type.Entered():
			out.StateEnteredEventDetails = &StateEnteredEventDetails{payload(d.Input), details(), d.Name}
		case e.Type.Exited():
			out.StateExitedEventDetails = &StateExitedEventDetails{Name: d.Name, Output: payload(d.Output), OutputDetails: details()}
			if d.Assigned != "" {
				cut := false
				out.StateExitedEventDetails.AssignedVariablesDetails = &AssignedVariablesDetails{&cut}
				if data {
					out.StateExitedEventDetails.AssignedVariables = texts(d.Assigned)
				}
			}
		}
	}
	return out
}

func iteration(d *interp.Detail) *MapIterationEventDetails {
	n := int32(d.Index)
	return &MapIterationEventDetails{&n, &d.Name}
}

// texts reads a JSON object of strings.
func texts(s string) map[string]string {
	v, err := jsonvalue.Parse(s)
	o, ok := v.(*jsonvalue.Object)
	if err != nil || !ok {
		return nil
	}
	out := map[string]string{}
	for k, x := range o.All() {
		out[k], _ = x.(string)
	}
	return out
}
