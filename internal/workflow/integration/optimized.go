package integration

import (
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

func (r *run) optimized(params *jsonvalue.Object) (string, *workflow.TaskError) {
	res := r.call.Resource
	if res.Service == "lambda" && res.Action == "invoke" {
		return r.lambda(params)
	}
	if j, ok := jobs[res.Service+":"+res.Action]; ok && (res.Pattern == asl.Sync || res.Pattern == asl.Sync2) {
		return r.job(j, params)
	}
	if fail := r.unreachable(params); fail != nil {
		return "", fail
	}
	out, fail := r.Invoke(r.ctx, res.Service, res.Action, jsonvalue.Marshal(serialise(params)))
	if fail != nil {
		return "", r.failed(fail)
	}
	v, err := jsonvalue.Parse(out)
	o, ok := v.(*jsonvalue.Object)
	if err != nil || !ok {
		return out, nil
	}
	if n, ok := o.Get("FailedEntryCount"); ok && res.Service == "events" {
		if count, isNumber := n.(jsonvalue.Number); isNumber && count != "0" {
			return "", &workflow.TaskError{Error: "EventBridge.FailedEntry", Cause: out}
		}
	}
	return jsonvalue.Marshal(withMetadata(o, len(out), "application/x-amz-json-1.0")), nil
}

// unreachable is the answer for a queue's address that is no address of a queue.
func (r *run) unreachable(params *jsonvalue.Object) *workflow.TaskError {
	if r.call.Resource.Service != "sqs" {
		return nil
	}
	u, err := url.Parse(params.Str("QueueUrl"))
	if err != nil || u.Host == "" || strings.Count(strings.Trim(u.Path, "/"), "/") > 0 {
		return nil
	}
	return &workflow.TaskError{Error: "SQS.SdkClientException", Cause: "Unable to execute HTTP request: " + u.Hostname() + ": Name or service not known"}
}

// withMetadata adds what the SDK tells about the answer, members in the order of their names.
func withMetadata(o *jsonvalue.Object, size int, contentType string) *jsonvalue.Object {
	id := ident.UUID()
	length := string(jsonvalue.Int(int64(size)))
	o = o.Clone()
	o.Set("SdkHttpMetadata", jsonvalue.NewObject(
		"AllHttpHeaders", jsonvalue.NewObject("x-amzn-RequestId", []any{id}, "connection", []any{"keep-alive"}, "Content-Length", []any{length}, "Date", []any{httpDate()}, "Content-Type", []any{contentType}),
		"HttpHeaders", jsonvalue.NewObject("connection", "keep-alive", "Content-Length", length, "Content-Type", contentType, "Date", httpDate(), "x-amzn-RequestId", id),
		"HttpStatusCode", jsonvalue.Int(200)))
	o.Set("SdkResponseMetadata", jsonvalue.NewObject("RequestId", id))
	return sorted(o)
}

// function invokes a Lambda function by its ARN: the input is the payload, the payload of the answer is the output.
func (r *run) function(in any) (string, *workflow.TaskError) {
	out, fail := r.invoke(jsonvalue.NewObject("FunctionName", r.call.Resource.ARN, "Payload", jsonvalue.Marshal(in)))
	if fail != nil {
		return "", fail
	}
	return payload(out), nil
}

// lambda invokes a function through the optimized integration.
func (r *run) lambda(params *jsonvalue.Object) (string, *workflow.TaskError) {
	params = params.Clone()
	if v, ok := params.Get("Payload"); ok {
		params.Set("Payload", jsonvalue.Marshal(v))
	}
	out, fail := r.invoke(params)
	if fail != nil {
		return "", fail
	}
	text := payload(out)
	v, err := jsonvalue.Parse(text)
	if err != nil {
		v = text
	}
	o := jsonvalue.NewObject("ExecutedVersion", out.Str("ExecutedVersion"))
	if o.Str("ExecutedVersion") == "" {
		o.Set("ExecutedVersion", "$LATEST")
	}
	if text == "" {
		v = jsonvalue.NewObject()
	}
	o.Set("Payload", v)
	if code, ok := out.Get("StatusCode"); ok {
		o.Set("StatusCode", code)
	}
	return jsonvalue.Marshal(withMetadata(o, len(text), "application/json")), nil
}

// payload returns the payload of an answer as text.
func payload(out *jsonvalue.Object) string {
	switch v, _ := out.Get("Payload"); v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		return jsonvalue.Marshal(v)
	}
}

// invoke calls Invoke and turns an error of the function into the task's.
func (r *run) invoke(params *jsonvalue.Object) (*jsonvalue.Object, *workflow.TaskError) {
	text, fail := r.Invoke(r.ctx, "lambda", "Invoke", jsonvalue.Marshal(params))
	if fail != nil {
		return nil, &workflow.TaskError{Error: lambdaError(fail), Cause: Cause("lambda", fail)}
	}
	v, err := jsonvalue.Parse(text)
	out, ok := v.(*jsonvalue.Object)
	if err != nil || !ok {
		return nil, &workflow.TaskError{Error: "Lambda.SdkClientException", Cause: "The answer of Invoke cannot be read"}
	}
	if out.Str("FunctionError") == "" {
		return out, nil
	}
	cause := payload(out)
	name := "Lambda.Unknown"
	if v, err := jsonvalue.Parse(cause); err == nil {
		if o, ok := v.(*jsonvalue.Object); ok {
			name = functionError(o)
		}
	}
	return nil, &workflow.TaskError{Error: name, Cause: cause}
}

// functionError names what a function raised by its errorType. An error without a type is Exception for a runtime's own,
// Lambda.Unknown for a process that ended.
func functionError(o *jsonvalue.Object) string {
	if t := o.Str("errorType"); t != "" {
		return t
	}
	if m := o.Str("errorMessage"); strings.Contains(m, "Task timed out") || strings.Contains(m, "exited") {
		return "Lambda.Unknown"
	}
	return "Exception"
}

// lambdaError names the errors of Invoke that are worth a retry by the names that AWS documents.
func lambdaError(e *ServiceError) string {
	switch {
	case e.Status >= 500 && !e.Modeled:
		return "Lambda.ServiceException"
	case e.Code == "ThrottlingException", e.Code == "TooManyRequestsException":
		return "Lambda.TooManyRequestsException"
	}
	return ErrorName("lambda", e)
}
