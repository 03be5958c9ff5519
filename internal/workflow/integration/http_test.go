package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// fakeHTTP answers in turn and remembers what was asked.
type fakeHTTP struct {
	add     Additions
	answers []HTTPResponse
	err     error
	asked   []string
	refused []string
}

func (f *fakeHTTP) Credentials(_ context.Context, _ HTTPTarget, refused string) (Additions, *workflow.TaskError) {
	f.refused = append(f.refused, refused)
	return f.add, nil
}

func (f *fakeHTTP) Do(_ context.Context, r *HTTPRequest, _ int) (*HTTPResponse, error) {
	text := r.Method + " " + r.URL
	for _, h := range r.Header {
		if h.Name != "User-Agent" && h.Name != "Range" {
			text += "\n" + h.Name + ": " + h.Value
		}
	}
	f.asked = append(f.asked, text+"\n"+r.Body)
	if f.err != nil {
		return nil, f.err
	}
	a := f.answers[min(len(f.asked), len(f.answers))-1]
	return &a, nil
}

func callHTTP(f *fakeHTTP, params string, inspect func(*workflow.Exchange)) (string, *workflow.TaskError) {
	r, _ := asl.ParseResource("arn:aws:states:::http:invoke")
	return (&Caller{HTTP: f}).Run(context.Background(), &workflow.TaskCall{Resource: r, Input: `{"Authentication":{"ConnectionArn":"c"},` + params + `}`, Inspect: inspect}, nil)
}

var okay = []HTTPResponse{{Status: 200, Text: "OK", Header: []Field{{"content-type", "application/json; charset=utf-8"}}, Body: []byte(`{"a":1.0}`)}}

func TestHTTPRequests(t *testing.T) {
	add := Additions{Header: []Field{{"X-key", "secret"}}, Query: []Field{{"q", "theirs"}}, Body: []Field{{"b", "theirs"}}}
	const array = `"ApiEndpoint":"http://h/p","Method":"POST","RequestBody":{"o":{"d":"a b"},"x":["1",2]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"%s"}}`
	form := func(body string) string {
		return "POST http://h/p\nContent-Type: application/x-www-form-urlencoded\no%5Bd%5D=a%20b&" + body
	}
	for _, c := range []struct {
		params, want string
		add          Additions
	}{
		{`"ApiEndpoint":"https://h/p?z=1","Method":"GET","QueryParameters":{"q":"mine","l":["a&b",2]},"Headers":{"x-Key":"mine","Accept":["a","b"]}`, "GET https://h/p?z=1&l=a%26b&l=2&q=theirs\nAccept: a,b\nX-key: secret\nContent-Type: application/json; charset=UTF-8\n" + `{"b":"theirs"}`, add},
		{`"ApiEndpoint":"http://h","Method":"POST","RequestBody":{"a":1,"b":"mine"}`, "POST http://h?q=theirs\nX-key: secret\nContent-Type: application/json; charset=UTF-8\n" + `{"a":1,"b":"theirs"}`, add},
		{`"ApiEndpoint":"http://h","Method":"POST","RequestBody":"text","Headers":{"content-type":"text/plain"}`, "POST http://h\ncontent-type: text/plain\ntext", Additions{}},
		{fmt.Sprintf(array, "INDICES"), form("x%5B0%5D=1&x%5B1%5D=2"), Additions{}},
		{fmt.Sprintf(array, "REPEAT"), form("x=1&x=2"), Additions{}},
		{fmt.Sprintf(array, "BRACKETS"), form("x%5B%5D=1&x%5B%5D=2"), Additions{}},
		{fmt.Sprintf(array, "COMMAS"), form("x=1%2C2"), Additions{}},
	} {
		f := &fakeHTTP{add: c.add, answers: okay}
		out, fail := callHTTP(f, c.params, nil)
		if fail != nil || !strings.Contains(out, `"ResponseBody":{"a":1.0},"StatusCode":200,"StatusText":"OK"`) {
			t.Errorf("%s: %s %+v", c.params, out, fail)
			continue
		}
		if d := cmp.Diff([]string{c.want}, f.asked); d != "" {
			t.Errorf("%s: %s", c.params, d)
		}
	}
}

func TestHTTPFailures(t *testing.T) {
	const get = `"ApiEndpoint":"https://h","Method":"GET"`
	answer := func(status int, text, kind, body string) *fakeHTTP {
		return &fakeHTTP{answers: []HTTPResponse{{Status: status, Text: text, Header: []Field{{"content-type", kind}}, Body: []byte(body)}}}
	}
	for _, c := range []struct {
		name, params, error, cause string
		http                       *fakeHTTP
	}{
		{"status", get, "States.Http.StatusCode.404", "Not Found", answer(404, "Not Found", "text/plain", "lost")},
		{"redirect", get, "States.Http.StatusCode.302", "Found", answer(302, "Found", "text/plain", "")},
		{"image", get, "States.Runtime", "image/png", answer(200, "OK", "image/png", "x")},
		{"binary", get, "States.Runtime", "string", answer(200, "OK", "text/plain", "\xff")},
		{"socket", get, "States.Http.Socket", "refused", &fakeHTTP{err: errors.New("connection refused")}},
		{"time", get, "States.Http.Socket", "60 seconds", &fakeHTTP{err: fmt.Errorf("read: %w", context.DeadlineExceeded)}},
		{"forbidden header", get + `,"Headers":{"X-Amz-Date":"1"}`, "States.Runtime", "X-Amz-Date", nil},
		{"authorization", get + `,"Headers":{"authorization":"1"}`, "States.Runtime", "authorization", nil},
		{"header injection", get + `,"Headers":{"a":"b\r\nc: d"}`, "States.Runtime", "not valid", nil},
		{"method", `"ApiEndpoint":"https://h","Method":"TRACE"`, "States.Runtime", "TRACE", nil},
		{"no URL", `"ApiEndpoint":"file:///etc/passwd","Method":"GET"`, "States.Runtime", "file:", nil},
		{"text with body parameters", get + `,"RequestBody":"x"`, "States.Runtime", "body parameters", &fakeHTTP{add: Additions{Body: []Field{{"a", "b"}}}}},
	} {
		f := c.http
		if f == nil {
			f = &fakeHTTP{}
		}
		if _, fail := callHTTP(f, c.params, nil); fail == nil || fail.Error != c.error || !strings.Contains(fail.Cause, c.cause) {
			t.Errorf("%s: %+v", c.name, fail)
		}
	}
}

// A token that the API refuses is renewed once.
func TestHTTPTokenIsRenewed(t *testing.T) {
	f := &fakeHTTP{add: Additions{Renewable: "t"}, answers: append([]HTTPResponse{{Status: 401, Text: "Unauthorized"}}, okay...)}
	if _, fail := callHTTP(f, `"ApiEndpoint":"https://h","Method":"GET"`, nil); fail != nil || !cmp.Equal(f.refused, []string{"", "t"}) {
		t.Errorf("%+v, %q", fail, f.refused)
	}
	f = &fakeHTTP{add: Additions{Renewable: "t"}, answers: []HTTPResponse{{Status: 401, Text: "Unauthorized"}}}
	if _, fail := callHTTP(f, `"ApiEndpoint":"https://h","Method":"GET"`, nil); fail == nil || fail.Error != "States.Http.StatusCode.401" || len(f.asked) != 2 {
		t.Errorf("%+v after %d requests", fail, len(f.asked))
	}
}

func TestHTTPInspectionHidesSecrets(t *testing.T) {
	f := &fakeHTTP{add: Additions{Header: []Field{{"X-Key", "secret"}}}, answers: okay}
	var seen *workflow.Exchange
	if _, fail := callHTTP(f, `"ApiEndpoint":"https://h","Method":"GET"`, func(x *workflow.Exchange) { seen = x }); fail != nil {
		t.Fatal(fail)
	}
	if seen == nil || strings.Contains(seen.Header, "secret") || seen.Status != 200 || seen.Answer != `{"a":1.0}` {
		t.Errorf("%+v", seen)
	}
}
