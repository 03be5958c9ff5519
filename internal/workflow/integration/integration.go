// Package integration shapes the calls that Task states make of AWS's services: parameters, results and errors of each
// integration in the forms that state machines see on AWS. How a service is reached is the caller's: one function that
// invokes an operation.
package integration

import (
	"context"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// ServiceError is the error of a service's operation.
type ServiceError struct {
	Code      string // "NoSuchBucket"
	Name      string // as SDK integrations see it: "S3.NoSuchBucketException"
	Modeled   bool   // the operation's model knows the error
	Message   string
	Status    int
	RequestID string
	HostID    string // S3's extended request id
}

// Invoke calls an operation with the permissions of the task's role. Input and output are JSON with the members' names
// in upper camel case, as protocol.Registry.Invoke takes and gives them.
type Invoke func(ctx context.Context, service, operation, input string) (output string, fail *ServiceError)

// Caller runs tasks. Clock nil = the real one.
type Caller struct {
	Invoke Invoke
	HTTP   HTTP // nil = tasks cannot call HTTP APIs
	Clock  clock.Clock
	// Poll is how long .sync waits between two looks at a job: it starts at Poll and grows to ten times of it. 0 = 200 ms.
	Poll time.Duration
}

// Run is workflow.Tasks.Run over Invoke.
func (c *Caller) Run(ctx context.Context, call *workflow.TaskCall, submitted func(handle, output string) error) (string, *workflow.TaskError) {
	in, err := jsonvalue.Parse(call.Input)
	if err != nil {
		return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
	}
	r := &run{Caller: c, ctx: ctx, call: call, submitted: submitted}
	switch res := call.Resource; res.Integration {
	case asl.Function:
		return r.function(in)
	case asl.SDK:
		return r.sdk(in)
	case asl.Optimized:
		params, ok := in.(*jsonvalue.Object)
		if !ok {
			return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: "The Parameters '" + call.Input + "' could not be used to start the Task: [The value is no JSON object]"}
		}
		return r.optimized(params)
	}
	return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: "The resource " + call.Resource.ARN + " cannot be called"}
}

type run struct {
	*Caller
	ctx       context.Context
	call      *workflow.TaskCall
	submitted func(handle, output string) error
}

// texts are the members of type string into which a JSON value is written as text.
var texts = map[string]bool{"Input": true, "Output": true, "Message": true, "MessageBody": true, "Detail": true, "Definition": true, "Policy": true,
	"PolicyDocument": true, "AssumeRolePolicyDocument": true, "SecretString": true, "EventPattern": true, "Cause": true, "Attributes.Policy": true}

// serialise drops nulls and writes JSON values as text where an operation takes text.
func serialise(v any) any {
	switch v := v.(type) {
	case *jsonvalue.Object:
		o := jsonvalue.NewObject()
		for k, x := range v.All() {
			switch x.(type) {
			case nil:
				continue
			case *jsonvalue.Object, []any:
				if texts[k] {
					o.Set(k, jsonvalue.Marshal(x))
					continue
				}
			}
			o.Set(k, serialise(x))
		}
		return o
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = serialise(x)
		}
		return out
	}
	return v
}

func (r *run) sdk(in any) (string, *workflow.TaskError) {
	res := r.call.Resource
	in = serialise(in)
	if o, ok := in.(*jsonvalue.Object); ok && res.Service == "s3" && res.Action == "putObject" {
		in = asUploaded(o)
	}
	out, fail := r.Invoke(r.ctx, res.Service, res.Action, jsonvalue.Marshal(in))
	if fail != nil {
		return "", &workflow.TaskError{Error: fail.Name, Cause: SDKCause(res.Service, fail)}
	}
	return out, nil
}

// asUploaded adds what the SDK that Step Functions runs on sets for a body of text.
func asUploaded(o *jsonvalue.Object) *jsonvalue.Object {
	o = o.Clone()
	if text, ok := o.Get("Body"); ok {
		if _, ok := text.(string); ok { // a body is the JSON of the value that is given, text too
			o.Set("Body", jsonvalue.Marshal(text))
		}
	}
	if !o.Has("ContentType") {
		o.Set("ContentType", "text/plain; charset=UTF-8")
	}
	for k := range o.All() {
		if strings.HasPrefix(k, "Checksum") || k == "ContentMD5" {
			return o
		}
	}
	o.Set("ChecksumAlgorithm", "CRC32")
	return o
}

// service is how an optimized integration is called and how its errors are named.
type service struct {
	name   string // of the errors: "SQS"
	client string // in causes: "AmazonSQS"
	base   string // the exception of errors that the model does not know: "AmazonSQSException"
}

var services = map[string]service{
	"lambda":   {"Lambda", "AWSLambda", "AWSLambdaException"},
	"sqs":      {"SQS", "AmazonSQS", "AmazonSQSException"},
	"sns":      {"SNS", "AmazonSNS", "AmazonSNSException"},
	"states":   {"StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException"},
	"glue":     {"Glue", "AWSGlue", "AWSGlueException"},
	"athena":   {"Athena", "AmazonAthena", "AmazonAthenaException"},
	"dynamodb": {"DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException"},
	"events":   {"EventBridge", "AmazonEventBridge", "AmazonEventBridgeException"},
	"batch":    {"Batch", "AWSBatch", "AWSBatchException"},
	"ecs":      {"ECS", "AmazonECS", "AmazonECSException"},
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func serviceOf(name string) service {
	if s, ok := services[name]; ok {
		return s
	}
	n := upperFirst(name)
	return service{n, "AWS" + n, "AWS" + n + "Exception"}
}

// ErrorName names an error of a service as a state machine sees it through an optimized integration:
// "SQS.QueueDoesNotExistException", or "SQS.AmazonSQSException" for what the model does not know.
func ErrorName(service string, e *ServiceError) string {
	s := serviceOf(service)
	if !e.Modeled {
		return s.name + "." + s.base
	}
	name := e.Name[strings.LastIndexByte(e.Name, '.')+1:]
	if !strings.HasSuffix(name, "Exception") {
		name += "Exception"
	}
	return s.name + "." + name
}

// Cause words an error as optimized integrations do.
func Cause(service string, e *ServiceError) string {
	return e.Message + " (Service: " + serviceOf(service).client + "; Status Code: " + status(e) + "; Error Code: " + e.Code + "; Request ID: " + e.RequestID + "; Proxy: null)"
}

// SDKCause words an error as SDK integrations do.
func SDKCause(service string, e *ServiceError) string {
	name := e.Name
	if i := strings.IndexByte(name, '.'); i > 0 {
		name = name[:i]
	} else {
		name = upperFirst(service)
	}
	s := e.Message + " (Service: " + name + ", Status Code: " + status(e) + ", Request ID: " + e.RequestID
	if e.HostID != "" {
		s += ", Extended Request ID: " + e.HostID
	}
	return s + ")"
}

func status(e *ServiceError) string {
	n := e.Status
	if n == 0 {
		n = 400
	}
	return string(jsonvalue.Int(int64(n)))
}

func (r *run) failed(e *ServiceError) *workflow.TaskError {
	name := r.call.Resource.Service
	return &workflow.TaskError{Error: ErrorName(name, e), Cause: Cause(name, e)}
}
