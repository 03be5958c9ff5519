package integration

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// fakeServices answers operations by "service:operation" and remembers what was asked.
type fakeServices struct {
	answers map[string]func(n int) (string, *ServiceError)
	asked   []string
	counts  map[string]int
}

func (s *fakeServices) invoke(_ context.Context, service, operation, input string) (string, *ServiceError) {
	name := service + ":" + strings.ToLower(operation[:1]) + operation[1:]
	s.asked = append(s.asked, name+" "+input)
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[name]++
	if f := s.answers[name]; f != nil {
		return f(s.counts[name])
	}
	return "", &ServiceError{Code: "UnknownService", Message: "no " + name}
}

func gives(out string) func(int) (string, *ServiceError) {
	return func(int) (string, *ServiceError) { return out, nil }
}

func failing(e ServiceError) func(int) (string, *ServiceError) {
	return func(int) (string, *ServiceError) { return "", &e }
}

func runTask(t *testing.T, ctx context.Context, s *fakeServices, resource, input, handle string, submitted func(handle, output string) error) (string, *workflow.TaskError) {
	t.Helper()
	r, ok := asl.ParseResource(resource)
	if !ok {
		t.Fatalf("%s is no resource", resource)
	}
	if submitted == nil {
		submitted = func(string, string) error { return nil }
	}
	c := &Caller{Invoke: s.invoke, Poll: time.Millisecond}
	return c.Run(ctx, &workflow.TaskCall{Resource: r, Input: input, Handle: handle, Execution: "arn:aws:states:eu-west-1:1:execution:m:x"}, submitted)
}

const function = "arn:aws:lambda:eu-west-1:123456789012:function:f"

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, resource, input string
		service               string
		answer                func(int) (string, *ServiceError)
		asked, output         string // parts
		error, cause          string
	}{
		{"function by ARN", function, `{"a":1}`, "lambda:invoke", gives(`{"StatusCode":200,"Payload":"{\"b\":2.0}"}`), `"Payload":`, `{"b":2.0}`, "", ""},
		{"function raises", function, `{}`, "lambda:invoke", gives(`{"StatusCode":200,"FunctionError":"Unhandled","Payload":"{\"errorMessage\":\"m\",\"errorType\":\"KeyError\"}"}`), "", "", "KeyError", `"errorMessage":"m"`},
		{"lambda:invoke", "arn:aws:states:::lambda:invoke", `{"FunctionName":"f","Payload":{"a":1}}`, "lambda:invoke", gives(`{"StatusCode":200,"ExecutedVersion":"$LATEST","Payload":"[1]"}`), `"FunctionName":"f"`, `"Payload":[1]`, "", ""},
		{"function is missing", "arn:aws:states:::lambda:invoke", `{"FunctionName":"f"}`, "lambda:invoke", failing(ServiceError{Code: "ResourceNotFoundException", Name: "Lambda.ResourceNotFoundException", Modeled: true, Message: "Function not found", Status: 404, RequestID: "r"}), "", "", "Lambda.ResourceNotFoundException", "Function not found (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: r; Proxy: null)"},
		{"queue takes JSON as text", "arn:aws:states:::sqs:sendMessage", `{"QueueUrl":"q","MessageBody":{"a":[1,"x"]}}`, "sqs:sendMessage", gives(`{"MessageId":"i"}`), `"MessageBody":"{\"a\":[1,\"x\"]}"`, `"MessageId":"i"`, "", ""},
		{"SDK", "arn:aws:states:::aws-sdk:s3:listBuckets", `{}`, "s3:listBuckets", gives(`{"Buckets":[]}`), "", `{"Buckets":[]}`, "", ""},
		{"function by ARN raises: the cause is what it wrote", function, `{}`, "lambda:invoke", gives(`{"StatusCode":200,"FunctionError":"Unhandled","Payload":"{\"errorMessage\": \"m\", \"errorType\": \"KeyError\"}"}`), "", "", "KeyError", `{"errorMessage": "m", "errorType": "KeyError"}`},
		{"function by lambda:invoke raises: the cause is compact", "arn:aws:states:::lambda:invoke", `{"FunctionName":"f"}`, "lambda:invoke", gives(`{"StatusCode":200,"FunctionError":"Unhandled","Payload":"{\"errorMessage\": \"m\", \"errorType\": \"KeyError\"}"}`), "", "", "KeyError", `{"errorMessage":"m","errorType":"KeyError"}`},
		{"a body of text is its JSON", "arn:aws:states:::aws-sdk:s3:putObject", `{"Bucket":"b","Key":"k","Body":"text"}`, "s3:putObject", gives(`{"ETag":"e"}`), `"Body":"\"text\""`, `{"ETag":"e"}`, "", ""},
		{"events without metadata", "arn:aws:states:::events:putEvents", `{"Entries":[{"Detail":{"a":1},"Source":"s"}]}`, "events:putEvents", gives(`{"Entries":[{"EventId":"i"}],"FailedEntryCount":0}`), `"Detail":"{\"a\":1}"`, `{"Entries":[{"EventId":"i"}],"FailedEntryCount":0}`, "", ""},
		{"a start is as long as on the wire", "arn:aws:states:::states:startExecution", `{"StateMachineArn":"m"}`, "states:startExecution", gives(`{"ExecutionArn":"arn","StartDate":"2026-01-01T00:00:00.12Z"}`), "", `"Content-Length":["50"]`, "", ""},
		{"SDK fails", "arn:aws:states:::aws-sdk:s3:getObject", `{"Bucket":"b","Key":"k"}`, "s3:getObject", failing(ServiceError{Code: "NoSuchKey", Name: "S3.NoSuchKeyException", Modeled: true, Message: "no key", Status: 404, RequestID: "r", HostID: "h"}), "", "", "S3.NoSuchKeyException", "no key (Service: S3, Status Code: 404, Request ID: r, Extended Request ID: h)"},
	} {
		s := &fakeServices{answers: map[string]func(int) (string, *ServiceError){c.service: c.answer}}
		out, fail := runTask(t, t.Context(), s, c.resource, c.input, "", nil)
		if c.error != "" {
			if fail == nil || fail.Error != c.error || !strings.Contains(fail.Cause, c.cause) {
				t.Errorf("%s: %s, %+v", c.name, out, fail)
			}
			continue
		}
		if fail != nil || !strings.Contains(out, c.output) || !json.Valid([]byte(out)) {
			t.Errorf("%s: %s, %+v", c.name, out, fail)
		}
		if len(s.asked) != 1 || !strings.Contains(s.asked[0], c.asked) {
			t.Errorf("%s asked %q", c.name, s.asked)
		}
	}
}

const jobRun = "arn:aws:states:::glue:startJobRun.sync"

func jobStates(states ...string) *fakeServices {
	return &fakeServices{answers: map[string]func(int) (string, *ServiceError){
		"glue:startJobRun": gives(`{"JobRunId":"jr"}`),
		"glue:getJobRun": func(n int) (string, *ServiceError) {
			return `{"JobRun":{"Id":"jr","JobName":"j","JobRunState":"` + states[min(n, len(states))-1] + `","Arguments":{"--year":"2021"},"ErrorMessage":"oh"}}`, nil
		},
		"glue:batchStopJobRun": gives(`{}`),
	}}
}

func TestJobs(t *testing.T) {
	s := jobStates("STARTING", "RUNNING", "SUCCEEDED")
	var handle string
	out, fail := runTask(t, t.Context(), s, jobRun, `{"JobName":"j"}`, "", func(h, output string) error {
		handle = h
		if !strings.Contains(output, `"JobRunId":"jr"`) {
			t.Errorf("submitted with %s", output)
		}
		return nil
	})
	if fail != nil || !strings.Contains(out, `"--year":"2021"`) || handle == "" {
		t.Errorf("%s %+v, handle %q", out, fail, handle)
	}
	if s.counts["glue:startJobRun"] != 1 || s.counts["glue:getJobRun"] != 3 {
		t.Errorf("asked %v", s.counts)
	}

	s = jobStates("RUNNING", "SUCCEEDED")
	if out, fail = runTask(t, t.Context(), s, jobRun, `{"JobName":"j"}`, handle, func(string, string) error {
		t.Error("a job that was taken up is submitted again")
		return nil
	}); fail != nil || s.counts["glue:startJobRun"] != 0 {
		t.Errorf("taken up: %s %+v %v", out, fail, s.counts)
	}

	if _, fail = runTask(t, t.Context(), jobStates("FAILED"), jobRun, `{"JobName":"j"}`, "", nil); fail == nil || fail.Error != "States.TaskFailed" || !strings.Contains(fail.Cause, `"oh"`) {
		t.Errorf("failed job: %+v", fail)
	}

	s = jobStates("SUCCEEDED")
	if _, fail = runTask(t, t.Context(), s, jobRun, `{"JobName":"j"}`, "", func(string, string) error { return errors.New("store is full") }); fail == nil {
		t.Error("a job whose handle was not stored goes on")
	}
}

// A job is stopped when its task is no longer wanted, and left alone when Tarn ends.
func TestJobsAreStopped(t *testing.T) {
	for _, c := range []struct {
		cause error
		stops int
	}{{context.DeadlineExceeded, 1}, {context.Canceled, 0}} {
		s := jobStates("RUNNING")
		ctx, cancel := context.WithCancelCause(t.Context())
		if _, fail := runTask(t, ctx, s, jobRun, `{"JobName":"j"}`, "", func(string, string) error {
			cancel(c.cause)
			return nil
		}); fail == nil {
			t.Errorf("%v: no failure", c.cause)
		}
		if n := s.counts["glue:batchStopJobRun"]; n != c.stops {
			t.Errorf("%v: stopped %d times", c.cause, n)
		}
	}
}

// What .sync gives of an execution is what DescribeExecution answers, its redrive status included.
func TestExecutionJobTellsOfRedrives(t *testing.T) {
	s := &fakeServices{answers: map[string]func(int) (string, *ServiceError){
		"states:startExecution":    gives(`{"ExecutionArn":"arn","StartDate":"2026-01-01T00:00:00.12Z"}`),
		"states:describeExecution": gives(`{"ExecutionArn":"arn","Status":"SUCCEEDED","StartDate":"2026-01-01T00:00:00.12Z","Output":"[1]","RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"because"}`),
	}}
	out, fail := runTask(t, t.Context(), s, "arn:aws:states:::states:startExecution.sync:2", `{"StateMachineArn":"m"}`, "", func(string, string) error { return nil })
	want := `{"ExecutionArn":"arn","Output":[1],"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"because","StartDate":1767225600120,"Status":"SUCCEEDED"}`
	if fail != nil || out != want {
		t.Errorf("%s %+v, want %s", out, fail, want)
	}
}
