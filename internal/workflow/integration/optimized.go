package integration

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	if res.Service == "http" {
		return r.http(params)
	}
	if j, ok := jobs[res.Service+":"+res.Action]; ok && (res.Pattern == asl.Sync || res.Pattern == asl.Sync2) {
		return r.job(j, params)
	}
	if fail := r.unreachable(params); fail != nil {
		return "", fail
	}
	if res.Service == "events" {
		params = r.originated(params)
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
	if res.Service == "events" { // its answer comes without metadata
		n, _ := o.Get("FailedEntryCount")
		if count, isNumber := n.(jsonvalue.Number); isNumber && count != "0" {
			return "", &workflow.TaskError{Error: "EventBridge.FailedEntry", Cause: out}
		}
		return out, nil
	}
	if res.Service == "sns" {
		return jsonvalue.Marshal(withMetadata(o, publishedSize(o), headers("text/xml"))), nil
	}
	return jsonvalue.Marshal(withMetadata(o, wireSize(o, out), headers(jsonType(res.Service)))), nil
}

// originated adds the state machine and the execution to the resources of each event, as EventBridge shows them.
func (r *run) originated(params *jsonvalue.Object) *jsonvalue.Object {
	v, _ := params.Get("Entries")
	list, ok := v.([]any)
	if !ok {
		return params
	}
	entries := make([]any, len(list))
	for i, e := range list {
		entries[i] = e
		if o, ok := e.(*jsonvalue.Object); ok {
			o = o.Clone()
			own, _ := o.Get("Resources")
			resources, _ := own.([]any)
			o.Set("Resources", append(append([]any{}, resources...), r.call.StateMachine, r.call.Execution))
			entries[i] = o
		}
	}
	params = params.Clone()
	params.Set("Entries", entries)
	return params
}

// publishedSize is how long the XML is in which SNS answers Publish.
func publishedSize(o *jsonvalue.Object) int {
	const id = "00000000-0000-0000-0000-000000000000"
	text := "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <PublishResult>\n    <MessageId>" + id + "</MessageId>\n"
	if n := o.Str("SequenceNumber"); n != "" {
		text += "    <SequenceNumber>" + n + "</SequenceNumber>\n"
	}
	text += "  </PublishResult>\n  <ResponseMetadata>\n    <RequestId>" + id + "</RequestId>\n  </ResponseMetadata>\n</PublishResponse>\n"
	return len(text)
}

// wireSize is how long an answer in JSON is on the wire: a time is a number of seconds there, which AWS writes as 1.764092795123E9.
func wireSize(o *jsonvalue.Object, out string) int {
	n := len(out)
	if v := o.Str("StartDate"); v != "" {
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			digits := strings.TrimRight(strconv.FormatInt(t.UnixMilli(), 10), "0")
			n += len(digits) + len(".E9") - len(v) - len(`""`)
		}
	}
	return n
}

// header is one of an answer's; values that are drawn or measured are "".
type header struct{ name, value string }

// headers are those of most answers, in the order in which the SDK lists them.
func headers(contentType string) []header {
	return []header{{"x-amzn-RequestId", ""}, {"connection", "keep-alive"}, {"Content-Length", ""}, {"Date", ""}, {"Content-Type", contentType}}
}

// jsonType is the media type in which a service answers.
func jsonType(service string) string {
	switch service {
	case "sqs", "states", "dynamodb":
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

// lambdaHeaders are those of Invoke's answer.
func lambdaHeaders(version, log, trace string) []header {
	h := []header{{"X-Amz-Executed-Version", version}, {"x-amzn-Remapped-Content-Length", "0"}, {"Connection", "keep-alive"}, {"x-amzn-RequestId", ""}, {"Content-Length", ""},
		{"Date", ""}, {"X-Amzn-Trace-Id", trace}, {"Content-Type", "application/json"}}
	if log != "" {
		h = append([]header{{"X-Amz-Log-Result", log}}, h...)
	}
	return h
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
func withMetadata(o *jsonvalue.Object, size int, list []header) *jsonvalue.Object {
	id := ident.UUID()
	all, first := jsonvalue.NewObject(), jsonvalue.NewObject()
	for _, h := range list {
		v := h.value
		switch h.name {
		case "x-amzn-RequestId":
			v = id
		case "Content-Length":
			v = string(jsonvalue.Int(int64(size)))
		case "Date":
			v = httpDate()
		}
		all.Set(h.name, []any{v})
	}
	// The single values are in the order of their names, whatever their case.
	slices.SortFunc(list, func(a, b header) int { return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	for _, h := range list {
		v, _ := all.Get(h.name)
		first.Set(h.name, v.([]any)[0])
	}
	o = o.Clone()
	o.Set("SdkHttpMetadata", jsonvalue.NewObject("AllHttpHeaders", all, "HttpHeaders", first, "HttpStatusCode", jsonvalue.Int(200)))
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
	switch v, _ := params.Get("Payload"); v := v.(type) {
	case nil: // the function gets an empty object
		params.Set("Payload", "{}")
	case string: // text that is JSON is the payload itself
		if !jsonvalue.Valid(v) {
			params.Set("Payload", jsonvalue.Marshal(v))
		}
	default:
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
	log := out.Str("LogResult")
	if log != "" {
		o.Set("LogResult", log)
	}
	return jsonvalue.Marshal(withMetadata(o, len(text), lambdaHeaders(o.Str("ExecutedVersion"), log, traceID()))), nil
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
		if fail.Status == 404 && strings.Count(fail.Message, ":") == 7 { // the version that was asked for is told
			fail.Message += ":$LATEST"
		}
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
		if r.call.Resource.Integration == asl.Optimized { // else it is the cause as the function wrote it
			cause = jsonvalue.Marshal(v)
		}
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

// traceID is the X-Ray header of a call that nobody traces.
func traceID() string {
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0;Lineage=1:%s:0", time.Now().Unix(), ident.Hex(12), ident.Hex(8), ident.Hex(4))
}
