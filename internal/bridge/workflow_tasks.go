package bridge

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/integration"
)

// WorkflowTasks lets state machines call every operation that Tarn serves, in process, as sessions of their roles.
type WorkflowTasks struct {
	Registry *protocol.Registry
	Identity *identity.Engine
	// HTTP and Connections serve tasks that call HTTP APIs.
	HTTP        *HTTPCalls
	Connections *connection.Engine
	// Ready is closed when everything that a task may need is served: tasks of executions that a restart takes up wait for it.
	Ready <-chan struct{}
}

var _ workflow.Tasks = WorkflowTasks{}

const taskSession = time.Hour

// Run implements workflow.Tasks.
func (t WorkflowTasks) Run(ctx context.Context, call *workflow.TaskCall, submitted func(handle, output string) error) (string, *workflow.TaskError) {
	select {
	case <-t.Ready:
	case <-ctx.Done():
		return "", &workflow.TaskError{Error: asl.ErrTaskFailed, Cause: ctx.Err().Error()}
	}
	name := call.Execution[len(call.Execution)-min(len(call.Execution), 32):]
	session, err := t.Identity.AssumeForService(ctx, call.Scope, call.RoleARN, "states.amazonaws.com", sessionOf(name), taskSession)
	if err != nil {
		return "", &workflow.TaskError{Error: asl.ErrTaskFailed, Cause: "The role " + call.RoleARN + " could not be assumed: " + err.Error()}
	}
	c := integration.Caller{HTTP: taskHTTP{t.HTTP, t.Connections, call, session.Principal}, Invoke: func(ctx context.Context, service, operation, input string) (string, *integration.ServiceError) {
		pc := &protocol.Call{Scope: call.Scope, Principal: session.Principal, Token: call.ID}
		out, fail := t.Registry.Invoke(ctx, pc, service, operation, json.RawMessage(input))
		if fail != nil {
			return "", t.serviceError(service, operation, pc, fail)
		}
		return string(out), nil
	}}
	return c.Run(ctx, call, submitted)
}

func (t WorkflowTasks) serviceError(service, operation string, c *protocol.Call, e *protocol.Error) *integration.ServiceError {
	code, status := t.Registry.OnWire(service, e)
	fail := &integration.ServiceError{
		Code: code, Name: t.Registry.ErrorName(service, e), Modeled: t.Registry.Modeled(service, operation, e), Message: e.Message, Status: status, RequestID: c.RequestID,
	}
	if service == "s3" {
		fail.HostID = "tarn/" + c.RequestID // as its answers on the wire have it
	}
	return fail
}

// sessionOf makes a session's name of the end of an ARN: letters, digits and a few signs.
func sessionOf(text string) string {
	out := []byte("sfn-")
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			out = append(out, c)
		default:
			out = append(out, '-')
		}
	}
	return string(out)
}
