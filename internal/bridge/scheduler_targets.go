package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/scheduler"
)

// SchedulerTargets calls the targets of schedules in process, as sessions of their roles.
type SchedulerTargets struct {
	Registry *protocol.Registry
	Identity *identity.Engine
	Ready    <-chan struct{} // closed when the services of Registry are served
}

var _ scheduler.Targets = SchedulerTargets{}

const schedulerService = "scheduler.amazonaws.com"

// readers are the beginnings of operations that change nothing, which universal targets cannot call.
//
// Source: "Using universal targets" in the EventBridge Scheduler user guide.
var readers = []string{
	"get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover", "validate", "batchGet", "batchDescribe", "batchRead",
	"transactGet", "adminGet", "adminList", "testMigration", "retrieve", "testConnection", "translateDocument", "isAuthorized", "invokeModel",
}

// operation returns the operation that a target stands for.
func operation(t scheduler.Target) (service, name string, err error) {
	bad := func(format string, args ...any) (string, string, error) {
		return "", "", fmt.Errorf("%w: %s", scheduler.ErrBadInput, fmt.Sprintf(format, args...))
	}
	a, err := ident.ParseARN(t.ARN)
	if err != nil {
		return bad("Provided Arn is not in correct format.")
	}
	kind, rest, _ := strings.Cut(a.Resource, ":")
	if a.Service != "sqs" && t.Group != "" {
		return bad("SqsParameters are for queues only: %s", t.ARN)
	}
	bus := a.Service == "events" && strings.HasPrefix(a.Resource, "event-bus/")
	if bus != (t.Source != "") {
		return bad("EventBridgeParameters are required for event buses, and only there: %s", t.ARN)
	}
	switch {
	case a.Service == "scheduler" && kind == "aws-sdk":
		service, name, _ = strings.Cut(rest, ":")
		for _, r := range readers {
			if strings.HasPrefix(name, r) {
				return bad("%s is not a supported api for a Target.", name)
			}
		}
		return service, name, nil
	case a.Service == "lambda" && kind == "function":
		return "lambda", "Invoke", nil
	case a.Service == "sqs":
		if strings.HasSuffix(t.ARN, ".fifo") != (t.Group != "") {
			return bad("SqsParameters.MessageGroupId is required for FIFO queues, and only there: %s", t.ARN)
		}
		return "sqs", "SendMessage", nil
	case a.Service == "sns":
		return "sns", "Publish", nil
	case a.Service == "states" && kind == "stateMachine":
		return "states", "StartExecution", nil
	case bus:
		return "events", "PutEvents", nil
	}
	return bad("Targets of %s are not supported by Tarn: give a function, queue, topic, state machine or event bus, or arn:aws:scheduler:::aws-sdk:SERVICE:OPERATION.", a.Service)
}

// Check implements scheduler.Targets.
func (s SchedulerTargets) Check(_ context.Context, scope ident.Scope, t scheduler.Target) error {
	service, name, err := operation(t)
	if err != nil {
		return err
	}
	if !s.Registry.Serves(service, name) {
		return fmt.Errorf("%w: Tarn does not serve %s of %s.", scheduler.ErrBadInput, name, service)
	}
	if t.Input != "" && (strings.Contains(t.ARN, ":aws-sdk:") || service == "events" || service == "states") && !json.Valid([]byte(t.Input)) {
		return fmt.Errorf("%w: Invalid Input: it must be JSON for this target.", scheduler.ErrBadInput)
	}
	if t.Dead != "" {
		if q, ok := queue.ParseARN(t.Dead); !ok || strings.HasSuffix(q.Name, ".fifo") {
			return fmt.Errorf("%w: DeadLetterConfig: %s is not the ARN of a standard queue.", scheduler.ErrBadInput, t.Dead)
		}
	}
	if err := s.Identity.AssumableBy(scope, t.Role, schedulerService); err != nil {
		return fmt.Errorf("%w: The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", scheduler.ErrBadInput)
	}
	return nil
}

// request is the input of the operation.
func request(c scheduler.Call, service string) any {
	a, _ := ident.ParseARN(c.Target.ARN) // Check has read it
	switch {
	case a.Service == "scheduler":
		return json.RawMessage(c.Target.Input)
	case service == "lambda":
		return map[string]any{"FunctionName": c.Target.ARN, "InvocationType": "Event", "Payload": c.Target.Input}
	case service == "sqs":
		in := map[string]any{"QueueUrl": "https://sqs." + a.Region + ".amazonaws.com/" + a.Account + "/" + a.Resource, "MessageBody": c.Target.Input}
		if c.Target.Group != "" {
			in["MessageGroupId"] = c.Target.Group
		}
		return in
	case service == "sns":
		return map[string]any{"TopicArn": c.Target.ARN, "Message": c.Target.Input}
	case service == "states":
		return map[string]any{"StateMachineArn": c.Target.ARN, "Name": c.ExecutionID, "Input": c.Target.Input}
	}
	return map[string]any{"Entries": []any{map[string]any{
		"EventBusName": c.Target.ARN, "Source": c.Target.Source, "DetailType": c.Target.DetailType, "Detail": c.Target.Input, "Resources": []string{c.Schedule},
	}}}
}

// Call implements scheduler.Targets.
func (s SchedulerTargets) Call(ctx context.Context, c scheduler.Call) error {
	service, name, err := operation(c.Target)
	if err != nil {
		return fmt.Errorf("%w: %w", scheduler.ErrPermanent, err)
	}
	out, fail, err := s.invoke(ctx, c, service, name, request(c, service))
	switch {
	case err != nil:
		return err
	case fail != nil && service == "states" && fail.Code == "ExecutionAlreadyExists":
		return nil // an attempt that was repeated
	case fail != nil && (fail.Status >= 500 || strings.Contains(fail.Code, "Throttl") || strings.Contains(fail.Code, "TooManyRequests")):
		return fail
	case fail != nil:
		return fmt.Errorf("%w: %w", scheduler.ErrPermanent, fail)
	}
	var answer struct{ FailedEntryCount int }
	if service == "events" && json.Unmarshal(out, &answer) == nil && answer.FailedEntryCount > 0 {
		return fmt.Errorf("%w: the bus refuses the event: %s", scheduler.ErrPermanent, out)
	}
	return nil
}

// invoke calls an operation as a session of the target's role.
func (s SchedulerTargets) invoke(ctx context.Context, c scheduler.Call, service, name string, in any) (json.RawMessage, *protocol.Error, error) {
	select {
	case <-s.Ready:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	session, err := s.Identity.AssumeForService(ctx, c.Scope, c.Target.Role, schedulerService, "scheduler-"+c.ExecutionID, time.Hour)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the role %s could not be assumed: %w", scheduler.ErrPermanent, c.Target.Role, err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", scheduler.ErrPermanent, err)
	}
	out, fail := s.Registry.Invoke(ctx, &protocol.Call{Scope: c.Scope, Principal: session.Principal}, service, name, body)
	return out, fail, nil
}

// Bury implements scheduler.Targets. The role must be allowed to send to the queue.
//
// Source: "Configuring a dead-letter queue" in the EventBridge Scheduler user guide.
func (s SchedulerTargets) Bury(ctx context.Context, c scheduler.Call, exhausted string, reason error) error {
	q, ok := queue.ParseARN(c.Target.Dead)
	if !ok {
		return fmt.Errorf("%q is not the ARN of a queue", c.Target.Dead)
	}
	attrs := map[string]any{}
	for name, v := range map[string]string{
		"ERROR_CODE": "DELIVERY_FAILED", "ERROR_MESSAGE": reason.Error(), "EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": strconv.Itoa(c.Attempt - 1),
		"SCHEDULE_ARN": c.Schedule, "SCHEDULED_TIME": c.Scheduled.UTC().Format(time.RFC3339), "EXECUTION_ID": c.ExecutionID, "TARGET_ARN": c.Target.ARN,
	} {
		if v != "" {
			attrs[name] = map[string]string{"DataType": "String", "StringValue": v}
		}
	}
	_, fail, err := s.invoke(ctx, c, "sqs", "SendMessage", map[string]any{
		"QueueUrl": "https://sqs." + q.Region + ".amazonaws.com/" + q.Account + "/" + q.Name, "MessageBody": c.Target.Input, "MessageAttributes": attrs,
	})
	if err == nil && fail != nil {
		err = fail
	}
	return err
}
