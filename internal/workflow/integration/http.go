package integration

import (
	"context"
	"errors"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// HTTP reaches HTTP APIs for tasks with the resource http:invoke.
type HTTP interface {
	// Credentials returns what a connection adds to a request, once the role may make it. refused is a token that the API did not
	// take; "" = none.
	Credentials(ctx context.Context, t HTTPTarget, refused string) (Additions, *workflow.TaskError)
	// Do sends a request and reads at most limit bytes of the answer's body. Redirects are answers.
	Do(ctx context.Context, r *HTTPRequest, limit int) (*HTTPResponse, error)
}

// HTTPTarget is what the permissions to call an API name.
type HTTPTarget struct {
	Connection string // ARN
	Method     string
	Endpoint   string // URL as the state machine gives it
}

// Field is a header or a parameter.
type Field struct{ Name, Value string }

// Additions are what a connection adds to a request, in place of what the task gives by the same names.
type Additions struct {
	Header, Query, Body []Field
	Renewable           string // a token among the headers that may have become stale; "" = none
}

// HTTPRequest is a request to an API.
type HTTPRequest struct {
	Method, URL string
	Header      []Field // names are unique
	Body        string
}

// HTTPResponse is an API's answer.
type HTTPResponse struct {
	Proto  string // "HTTP/1.1"
	Status int
	Text   string // of the status line: "Not Found"
	Header []Field
	Body   []byte
}

// httpTime is how long a call may take.
const httpTime = 60 * time.Second

// Errors of HTTP tasks.
const (
	errSocket     = "States.Http.Socket"
	errStatusCode = "States.Http.StatusCode."
)

// httpCall is a task's parameters.
type httpCall struct {
	HTTPTarget
	header []Field
	query  []Field
	body   any
	given  bool   // there is a body
	form   bool   // the body is URL-encoded
	arrays string // how arrays are
}

// http calls an HTTP API.
func (r *run) http(params *jsonvalue.Object) (string, *workflow.TaskError) {
	if r.HTTP == nil {
		return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: "HTTP APIs cannot be called here"}
	}
	call, fail := parseHTTP(params)
	if fail != nil {
		return "", fail
	}
	ctx, cancel := context.WithTimeout(r.ctx, httpTime)
	defer cancel()
	for refused := ""; ; {
		add, fail := r.HTTP.Credentials(ctx, call.HTTPTarget, refused)
		if fail != nil {
			return "", fail
		}
		req, fail := call.request(add, r.call.Region)
		if fail != nil {
			return "", fail
		}
		res, err := r.HTTP.Do(ctx, req, asl.MaxPayload+1)
		if err != nil {
			cause := err.Error()
			if errors.Is(err, context.DeadlineExceeded) {
				cause = "The HTTP request timed out after 60 seconds"
			}
			return "", &workflow.TaskError{Error: errSocket, Cause: cause}
		}
		if (res.Status == 401 || res.Status == 407) && add.Renewable != "" && refused == "" {
			refused = add.Renewable
			continue
		}
		r.inspect(call, req, res)
		return answerHTTP(res)
	}
}

// inspect shows a tested state's request and answer. What the connection added is shown to those only who may see it.
func (r *run) inspect(call *httpCall, sent *HTTPRequest, res *HTTPResponse) {
	if r.call.Inspect == nil {
		return
	}
	shown := sent
	if !r.call.Reveal {
		var fail *workflow.TaskError
		if shown, fail = call.request(Additions{}, r.call.Region); fail != nil {
			return
		}
	}
	r.call.Inspect(&workflow.Exchange{
		Protocol: res.Proto, Method: shown.Method, URL: shown.URL, Header: jsonvalue.Marshal(headerObject(shown.Header)), Body: shown.Body,
		Status: res.Status, StatusText: res.Text, AnswerHeader: jsonvalue.Marshal(headerObject(res.Header)), Answer: string(res.Body),
	})
}

func headerObject(list []Field) *jsonvalue.Object {
	o := jsonvalue.NewObject()
	for _, f := range list {
		old, _ := o.Get(f.Name)
		values, _ := old.([]any)
		o.Set(f.Name, append(values, f.Value))
	}
	return o
}

// answerHTTP makes an answer the task's result.
func answerHTTP(res *HTTPResponse) (string, *workflow.TaskError) {
	if res.Status < 200 || res.Status > 299 {
		return "", &workflow.TaskError{Error: errStatusCode + string(jsonvalue.Int(int64(res.Status))), Cause: res.Text}
	}
	media := ""
	for _, f := range res.Header {
		if f.Name == "content-type" {
			media, _, _ = mime.ParseMediaType(f.Value)
		}
	}
	kind, _, _ := strings.Cut(media, "/")
	if media == "application/octet-stream" || slices.Contains([]string{"image", "video", "audio"}, kind) {
		return "", badHTTP("The response has the unsupported content-type " + media)
	}
	if !utf8.Valid(res.Body) {
		return "", badHTTP("The response could not be read as a string")
	}
	var body any = string(res.Body)
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		if v, err := jsonvalue.Parse(string(res.Body)); err == nil {
			body = v
		}
	}
	return jsonvalue.Marshal(jsonvalue.NewObject("Headers", headerObject(res.Header), "ResponseBody", body, "StatusCode", jsonvalue.Int(int64(res.Status)), "StatusText", res.Text)), nil
}

func badHTTP(cause string) *workflow.TaskError {
	return &workflow.TaskError{Error: asl.ErrRuntime, Cause: cause}
}

// addTo returns base with the fields of more in place of those by the same names, which same compares.
func addTo(base, more []Field, same func(a, b string) bool) []Field {
	out := slices.DeleteFunc(slices.Clone(base), func(f Field) bool {
		return slices.ContainsFunc(more, func(m Field) bool { return same(f.Name, m.Name) })
	})
	return append(out, more...)
}

func equal(a, b string) bool { return a == b }

// request makes the request of what the task gives and the connection adds.
func (c *httpCall) request(add Additions, region string) (*HTTPRequest, *workflow.TaskError) {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, badHTTP(err.Error())
	}
	req := &HTTPRequest{Method: c.Method}
	query := encodeFields(addTo(c.query, add.Query, equal))
	if u.RawQuery != "" && query != "" {
		query = "&" + query
	}
	u.RawQuery += query
	req.URL = u.String()
	req.Header = addTo(c.header, add.Header, strings.EqualFold)
	req.Header = addTo(req.Header, []Field{{"User-Agent", "Amazon|StepFunctions|HttpInvoke|" + region}, {"Range", "bytes=0-262144"}}, strings.EqualFold)

	body, given := c.body, c.given
	if len(add.Body) > 0 {
		o, ok := body.(*jsonvalue.Object)
		switch {
		case !given || body == nil:
			o = jsonvalue.NewObject()
		case !ok:
			return nil, badHTTP("The RequestBody is no JSON object, so that the body parameters of the connection cannot be added to it")
		default:
			o = o.Clone()
		}
		for _, f := range add.Body {
			o.Set(f.Name, f.Value)
		}
		body, given = o, true
	}
	if !given {
		return req, nil
	}
	kind := "application/json; charset=UTF-8"
	switch v := body.(type) {
	case string:
		req.Body = v
	case *jsonvalue.Object:
		if c.form {
			req.Body, kind = encodeForm(v, c.arrays), "application/x-www-form-urlencoded"
			break
		}
		req.Body = jsonvalue.Marshal(v)
	default:
		req.Body = jsonvalue.Marshal(v)
	}
	if !slices.ContainsFunc(req.Header, func(f Field) bool { return strings.EqualFold(f.Name, "Content-Type") }) {
		req.Header = append(req.Header, Field{"Content-Type", kind})
	}
	return req, nil
}
