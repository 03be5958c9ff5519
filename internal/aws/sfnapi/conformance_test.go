package sfnapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/eventsapi"
	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/lambdaapi"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/s3api"
	"github.com/tarn-data/tarn/internal/aws/sfnapi"
	"github.com/tarn-data/tarn/internal/aws/sqsapi"
	"github.com/tarn-data/tarn/internal/aws/stsapi"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/integration"
)

// tasks calls the services of a registry as the account's root.
type tasks struct{ registry *protocol.Registry }

func rootCall(s ident.Scope) *protocol.Call {
	c := &protocol.Call{Scope: s}
	c.Principal.Account, c.Principal.ARN, c.Principal.Root = s.Account, "arn:aws:iam::"+s.Account+":root", true
	return c
}

func (t tasks) Run(ctx context.Context, call *workflow.TaskCall, submitted func(handle, output string) error) (string, *workflow.TaskError) {
	c := rootCall(call.Scope)
	caller := &integration.Caller{Poll: 20 * time.Millisecond, Invoke: func(ctx context.Context, service, operation, input string) (string, *integration.ServiceError) {
		out, e := t.registry.Invoke(ctx, c, service, operation, json.RawMessage(input))
		if e != nil {
			fail := &integration.ServiceError{Code: e.Code, Name: t.registry.ErrorName(service, e), Modeled: true, Message: e.Message, Status: e.Status, RequestID: c.RequestID}
			if service == "s3" {
				fail.HostID = "host/" + c.RequestID
			}
			return "", fail
		}
		return string(out), nil
	}}
	return caller.Run(ctx, call, submitted)
}

// serve runs the service over a store in memory.
func serve(t *testing.T) (*protocol.Registry, *gateway.Gateway) {
	t.Helper()
	store := kvtest.New(t)
	id, err := identity.Open(t.Context(), identity.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	registry := protocol.NewRegistry(protocol.Options{})
	engine, err := workflow.Open(t.Context(), workflow.Options{Store: store, Tasks: tasks{registry}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	// The models of others are all that tests of states need of them.
	models := protocol.NewRegistry(protocol.Options{})
	models.Add(
		&protocol.Service{Name: "lambda", Model: lambdaapi.Model}, &protocol.Service{Name: "s3", Model: s3api.Model}, &protocol.Service{Name: "sqs", Model: sqsapi.Model},
		&protocol.Service{Name: "events", SDKName: "eventbridge", Model: eventsapi.Model}, &protocol.Service{Name: "states", SDKName: "sfn", Model: sfnapi.Model},
	)
	blobs, err := fileblob.Open(t.Context(), fileblob.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := objstore.Open(t.Context(), objstore.Options{KV: store, Blobs: blobs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	registry.Add(s3api.New(s3api.Options{Store: objects}), sfnapi.New(sfnapi.Options{Engine: engine, Registry: models}), stsapi.New(id))
	return registry, gateway.New(gateway.Options{Registry: registry, Identity: id, Insecure: true, Account: ident.DefaultAccount})
}

// leastScore is the share of recorded cases that must be answered as AWS did. Those that differ are explained in
// docs/conformance/stepfunctions.md.
const leastScore = 0.98

// TestRecordedCases replays what AWS Step Functions answered. TARN_ASL_CASES names the folder of recorded cases, with
// replay.py and skip.txt; TARN_PYTHON a Python that has what the former needs (make conformance prepares one).
func TestRecordedCases(t *testing.T) {
	cases := os.Getenv("TARN_ASL_CASES")
	if cases == "" {
		t.Skip("TARN_ASL_CASES is not set")
	}
	_, g := serve(t)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	dir := cases
	if info, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	} else if !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	python := cmp.Or(os.Getenv("TARN_PYTHON"), "python3")
	cmd := exec.CommandContext(t.Context(), python, filepath.Join(dir, "replay.py"), "--endpoint", server.URL, "--skip", filepath.Join(dir, "skip.txt"), "--jobs", "12", "--timeout", "20", "-v")
	out, err := cmd.CombinedOutput()
	m := regexp.MustCompile(`(?m)^asl: (\d+)/(\d+) equal`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("replay: %v\n%s", err, out)
	}
	equal, _ := strconv.Atoi(string(m[1]))
	all, _ := strconv.Atoi(string(m[2]))
	t.Logf("%d of %d recorded cases are answered as AWS did", equal, all)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "differs") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if float64(equal) < leastScore*float64(all) {
		t.Errorf("less than %g", leastScore)
	}
}

// The life of a state machine over the wire's own names.
func TestLife(t *testing.T) {
	registry, _ := serve(t)
	scope := ident.Scope{Account: "123456789012", Region: "eu-west-1"}
	call := func(operation, input string) string {
		t.Helper()
		out, e := registry.Invoke(t.Context(), rootCall(scope), "sfn", operation, json.RawMessage(input))
		if e != nil {
			return e.Code + ": " + e.Message
		}
		return string(out)
	}
	const (
		role       = "arn:aws:iam::123456789012:role/r"
		machine    = "arn:aws:states:eu-west-1:123456789012:stateMachine:m"
		execution  = "arn:aws:states:eu-west-1:123456789012:execution:m:x"
		definition = `"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":1.0,\"End\":true}}}"`
	)
	for _, c := range []struct{ operation, input, want string }{
		{"createStateMachine", `{"Name":"m","RoleArn":"` + role + `","Definition":` + definition + `}`, `"StateMachineArn":"` + machine + `"`},
		{"createStateMachine", `{"Name":"m","RoleArn":"` + role + `x","Definition":` + definition + `}`, `StateMachineAlreadyExists: State Machine Already Exists: '` + machine + `'`},
		{"createStateMachine", `{"Name":"a b","RoleArn":"` + role + `","Definition":` + definition + `}`, `InvalidName: Invalid Name: 'a b'`},
		{"createStateMachine", `{"Name":"n","RoleArn":"` + role + `","Definition":"{}"}`, `InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt]`},
		{"startExecution", `{"StateMachineArn":"` + machine + `","Name":"x","Input":"{\"a\":1}"}`, `"ExecutionArn":"` + execution + `"`},
		{"startExecution", `{"StateMachineArn":"` + machine + `","Name":"x","Input":"{\"a\":2}"}`, `ExecutionAlreadyExists: Execution Already Exists: '` + execution + `'`},
		{"startExecution", `{"StateMachineArn":"` + machine + `","Input":"{"}`, `InvalidExecutionInput: `},
		{"startExecution", `{"StateMachineArn":"` + machine + `y"}`, `StateMachineDoesNotExist: State Machine Does Not Exist: '` + machine + `y'`},
		{"describeExecution", `{"ExecutionArn":"` + execution + `"}`, `"Output":"1.0"`},
		{"describeExecution", `{"ExecutionArn":"` + execution + `z"}`, `ExecutionDoesNotExist: Execution Does Not Exist: '` + execution + `z'`},
		{"describeExecution", `{"ExecutionArn":"x"}`, `InvalidArn: Invalid Arn: `},
		{"getExecutionHistory", `{"ExecutionArn":"` + execution + `","ReverseOrder":true,"MaxResults":1}`, `"Type":"ExecutionSucceeded"`},
		{"listExecutions", `{"StateMachineArn":"` + machine + `"}`, `"Status":"SUCCEEDED"`},
		{"testState", `{"Definition":"{\"Type\":\"Pass\",\"Next\":\"B\"}","Input":"{\"a\":1}"}`, `"NextState":"B"`},
		{"testState", `{"Definition":"{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:sfn:startExecution\",\"End\":true}","RoleArn":"` + role + `","Mock":{"Result":"{}"}}`, `ValidationException: Mock result schema validation error: Required field 'ExecutionArn' is missing`},
		{"validateStateMachineDefinition", `{"Definition":"{}"}`, `"Code":"SCHEMA_VALIDATION_FAILED"`},
		{"sendTaskSuccess", `{"TaskToken":"x","Output":"{}"}`, `InvalidToken: `},
		{"deleteStateMachine", `{"StateMachineArn":"` + machine + `"}`, ``},
	} {
		if got := call(c.operation, c.input); !strings.Contains(got, c.want) {
			t.Errorf("%s %s\n got %s\nwant %s", c.operation, c.input, got, c.want)
		}
	}
}
