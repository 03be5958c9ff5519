package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

func invoke(t *testing.T, pkg, op, in, out string, fail error) (string, string, *Error) {
	t.Helper()
	seen := ""
	s := testService(t, pkg, func(_ string, v reflect.Value, p *plan) (string, error) {
		if p != nil {
			seen = string(jsonEnc{loose: true}.append(nil, p, nil, v))
		}
		return out, fail
	})
	s.SDKName = "sdkname"
	g := NewRegistry(Options{Logger: quiet})
	g.Add(s)
	c := rootCall
	b, e := g.Invoke(t.Context(), &c, "sdkName", op, json.RawMessage(in))
	return seen, string(b), e
}

func TestInvoke(t *testing.T) {
	f := func(pkg, op, in, want, out, wantOut string) {
		t.Helper()
		seen, got, e := invoke(t, pkg, op, in, out, nil)
		if e != nil {
			t.Errorf("%s: %v", op, e)
			return
		}
		if seen != want {
			t.Errorf("%s: input %s, want %s", op, seen, want)
		}
		if got != wantOut {
			t.Errorf("%s: output %s, want %s", op, got, wantOut)
		}
	}
	f("lambdaapi", "invoke", `{"FunctionName":"f","Payload":{"a": [1, 2]}}`, `{"FunctionName":"f","Payload":"{\"a\":[1,2]}"}`,
		`{"StatusCode":200,"Payload":"{\"ok\":true}","ExecutedVersion":"$LATEST"}`, `{"ExecutedVersion":"$LATEST","Payload":"{\"ok\":true}","StatusCode":200}`)
	f("sfnapi", "startExecution", `{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m","input":"{}"}`,
		`{"Input":"{}","StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m"}`,
		`{"ExecutionArn":"x","StartDate":"2026-01-02T03:04:05.678Z"}`, `{"ExecutionArn":"x","StartDate":"2026-01-02T03:04:05.678Z"}`)
	f("s3api", "GetObject", `{"Bucket":"b","Key":"k"}`, `{"Bucket":"b","Key":"k"}`,
		`{"Body":"hello","ContentLength":5,"ETag":"\"x\"","LastModified":0}`, `{"Body":"hello","ContentLength":5,"ETag":"\"x\"","LastModified":"1970-01-01T00:00:00.000Z"}`)
	f("glueapi", "GetCrawlers", ``, `{}`, `{"Crawlers":[]}`, `{"Crawlers":[]}`)
	f("logsapi", "putRetentionPolicy", `{"LogGroupName":"g","RetentionInDays":7.0}`, `{"LogGroupName":"g","RetentionInDays":7}`, ``, `{}`)
}

func TestInvoke_Refuses(t *testing.T) {
	f := func(pkg, op, in, code, text string) {
		t.Helper()
		_, _, e := invoke(t, pkg, op, in, "", nil)
		if e == nil || e.Code != code || !strings.Contains(e.Message, text) {
			t.Errorf("%s %s: %v, want %s … %s", op, in, e, code, text)
		}
	}
	f("lambdaapi", "invoke", `{"FunctionNam":"f"}`, "ValidationException", "Value null at 'functionName'")
	f("lambdaapi", "invoke", `{"FunctionName":"f","Bogus":1}`, "ValidationException", "Tarn does not support Bogus")
	f("lambdaapi", "createFunctionUrlConfig", `{}`, "ValidationException", "The operation CreateFunctionUrlConfig of Lambda is not supported by Tarn.")
	f("lambdaapi", "bogus", `{}`, "UnknownOperationException", "")
	f("lambdaapi", "invoke", `{`, "SerializationException", "")
	f("lambdaapi", "invoke", `{"FunctionName":7}`, "SerializationException", "NUMBER_VALUE can not be converted to String")
	g := NewRegistry(Options{Logger: quiet})
	if _, e := g.Invoke(t.Context(), &Call{}, "quantum", "measure", nil); e == nil || e.Code != "UnknownService" {
		t.Errorf("unknown service: %v", e)
	}
}

func TestInvoke_Errors(t *testing.T) {
	boom := errors.New("boom")
	if _, _, e := invoke(t, "lambdaapi", "listFunctions", `{}`, "", boom); e == nil || e.Code != "InternalFailure" || strings.Contains(e.Message, "boom") {
		t.Errorf("an unmapped error: %v", e)
	}
	if _, _, e := invoke(t, "lambdaapi", "listFunctions", `{}`, "", fmt.Errorf("store: %w", kv.ErrFull)); e == nil || e.Status != 503 {
		t.Errorf("a full disk: %v", e)
	}
	if _, _, e := invoke(t, "lambdaapi", "listFunctions", `{}`, "", &Error{Code: "ResourceNotFoundException", Message: "gone"}); e == nil || e.Code != "ResourceNotFoundException" {
		t.Errorf("an answer: %v", e)
	}
	s := testService(t, "lambdaapi", func(string, reflect.Value, *plan) (string, error) { panic(boom) })
	g := NewRegistry(Options{Logger: quiet})
	g.Add(s)
	c := rootCall
	if _, e := g.Invoke(t.Context(), &c, "lambda", "listFunctions", nil); e == nil || e.Code != "InternalFailure" {
		t.Errorf("a panic: %v", e)
	}
	c.Principal = policy.Principal{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/u"}
	if _, e := g.Invoke(t.Context(), &c, "lambda", "listFunctions", nil); e == nil || e.Code != "AccessDeniedException" {
		t.Errorf("no rights: %v", e)
	}
	if n := g.ErrorName("lambda", &Error{Code: "ResourceNotFoundException"}); n != "Lambda.ResourceNotFoundException" {
		t.Errorf("error name = %s", n)
	}
}

func TestInvoke_HandleHTTP(t *testing.T) {
	type in struct{ Bucket, Key string }
	s := &Service{Name: "s3", Model: loadModel(t, "s3api")}
	get := func(_ context.Context, c *Call, in *in, w http.ResponseWriter, r *http.Request) error {
		if in.Key == "none" {
			return &Error{Code: "NoSuchKey", Message: "gone"}
		}
		if r.Method != http.MethodGet || c.HTTP != nil {
			t.Errorf("%s, %v", r.Method, c.HTTP)
		}
		h := w.Header()
		h.Set("Content-Length", "5")
		h.Set("ETag", `"x"`)
		h.Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
		h["x-amz-meta-owner"] = []string{"me"}
		h.Set("X-Amz-Delete-Marker", "true")
		w.WriteHeader(http.StatusPartialContent)
		_, err := w.Write([]byte(in.Key))
		return err
	}
	s.Ops = []Op{HandleHTTP("GetObject", func(_ *Call, in *in) []string { return []string{"arn:aws:s3:::" + in.Bucket + "/" + in.Key} }, get)}
	g := NewRegistry(Options{Logger: quiet})
	g.Add(s)
	c := rootCall
	got, e := g.Invoke(t.Context(), &c, "s3", "getObject", json.RawMessage(`{"Bucket":"b","Key":"hello"}`))
	const want = `{"Body":"hello","ContentLength":5,"DeleteMarker":true,"ETag":"\"x\"","LastModified":"2026-01-02T03:04:05.000Z","Metadata":{"owner":"me"}}`
	if e != nil || string(got) != want {
		t.Errorf("%s %v, want %s", got, e, want)
	}
	if _, e := g.Invoke(t.Context(), &c, "s3", "getObject", json.RawMessage(`{"Bucket":"b","Key":"none"}`)); e == nil || e.Code != "NoSuchKey" {
		t.Errorf("an error: %v", e)
	}
}

// A list of structures is repeated as Java writes it.
func TestEchoedStructures(t *testing.T) {
	type RoutingItem struct {
		VersionArn string
		Weight     int32
		Note       *string
		Parts      []string
		Blob       []byte
	}
	got := echoed(reflect.ValueOf([]RoutingItem{{VersionArn: "arn:1", Weight: 50, Parts: []string{"a", "b"}}}))
	if want := "[RoutingItem(versionArn=arn:1, weight=50, note=null, parts=[a, b], blob=…)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A number that JSON does not have passes every limit and can be kept by nothing: no request may give it.
func TestNumbersThatAreNone(t *testing.T) {
	for _, x := range []string{"NaN", "Infinity", "-Infinity"} {
		in := `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":"` + x + `"}}}`
		if seen, _, e := invoke(t, "lambdaapi", "createAlias", in, `{}`, nil); e == nil {
			t.Errorf("%s is given as %s", x, seen)
		}
	}
}
