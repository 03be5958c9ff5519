package function_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var scope = ident.Scope{Account: "000000000000", Region: "us-west-2"}

// fixture is a service over stores in memory, with what it sent and logged.
type fixture struct {
	*function.Service
	store kv.Store

	mu   sync.Mutex
	logs []string
	sent chan string // "target record"
	full atomic.Bool // destinations take nothing
}

func (f *fixture) AppendLines(_ context.Context, _ ident.Scope, _, _ string, lines []function.LogLine) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range lines {
		f.logs = append(f.logs, l.Message)
	}
	return nil
}

func (f *fixture) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.logs, "\n")
}

func (f *fixture) Send(_ context.Context, _ *kv.Batch, _ ident.Scope, target string, r function.Outcome) error {
	text := target + " " + string(r.Body)
	if r.Letter != nil {
		text += fmt.Sprintf(" %d %s", r.Letter.ErrorCode, r.Letter.ErrorMessage)
	}
	f.sent <- text
	if f.full.Load() {
		return errors.New("no such queue")
	}
	return nil
}

func open(t *testing.T, edit func(*function.Options)) *fixture {
	t.Helper()
	sb, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	g := lifecycle.New(context.Background(), quiet)
	f := &fixture{store: kvtest.New(t), sent: make(chan string, 10)}
	opts := function.Options{
		Store: f.store, Blobs: memBlobs{dir: t.TempDir()}, Dir: t.TempDir(), Sandbox: sb, Group: g, Logger: quiet, Logs: f, Dest: f,
		Packages: function.Packages{None: true},
	}
	if edit != nil {
		edit(&opts)
	}
	if f.Service, err = function.Open(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func packaged(t *testing.T, files map[string]string) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf
}

func config(runtime string) function.Config {
	return function.Config{Runtime: runtime, Handler: "app.handler", Role: "arn:aws:iam::000000000000:role/r", Timeout: 10 * time.Second}
}

func (f *fixture) make(t *testing.T, name string, cfg function.Config, files map[string]string) function.Ref {
	t.Helper()
	if _, err := f.Create(t.Context(), scope, function.CreateRequest{Name: name, Config: cfg, Code: function.Code{Zip: packaged(t, files)}}); err != nil {
		t.Fatal(err)
	}
	return function.Ref{Scope: scope, Name: name}
}

func (f *fixture) python(t *testing.T, code string) function.Ref {
	return f.make(t, "f", config("python3.12"), map[string]string{"app.py": code})
}

func (f *fixture) call(t *testing.T, r function.Ref, payload string) function.Result {
	t.Helper()
	res, err := f.Invoke(t.Context(), function.Invocation{Ref: r, Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestInvoke_PythonKeepsItsProcess(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, `
import os
n = 0
def handler(event, context):
    global n
    n += 1
    print("call", n, "of", context.function_name)
    return {"n": n, "got": event, "left": context.get_remaining_time_in_millis() > 0, "task": os.environ["LAMBDA_TASK_ROOT"], "é": "ü"}
`)
	for i := 1; i <= 3; i++ {
		res := f.call(t, r, `{"x": 1.5}`)
		var out map[string]any
		if err := json.Unmarshal(res.Payload, &out); err != nil || res.Failed {
			t.Fatalf("payload %s, failed %v, err %v", res.Payload, res.Failed, err)
		}
		if out["n"] != float64(i) || out["left"] != true || out["é"] != "ü" {
			t.Errorf("call %d: %v", i, out)
		}
		want := fmt.Sprintf("call %d of f", i)
		log := string(res.LogTail)
		if !strings.HasPrefix(log, "START RequestId: "+res.RequestID) || !strings.Contains(log, want) || !strings.Contains(log, "REPORT RequestId: "+res.RequestID) {
			t.Errorf("log tail %q lacks %q", log, want)
		}
		if cold := strings.Contains(log, "Init Duration"); cold != (i == 1) {
			t.Errorf("call %d: cold = %v", i, cold)
		}
	}
}

func TestInvoke_PythonErrors(t *testing.T) {
	f := open(t, nil)
	for name, c := range map[string]struct{ code, kind, message string }{
		"raised":   {"class Mine(Exception):\n    pass\ndef handler(e, c):\n    raise Mine('no good')\n", "Mine", "no good"},
		"marshal":  {"import datetime\ndef handler(e, c):\n    return datetime.date(2026, 1, 1)\n", "Runtime.MarshalError", "Unable to marshal response: Object of type date is not JSON serializable"},
		"import":   {"import not_there\ndef handler(e, c):\n    return 1\n", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'not_there'"},
		"handler":  {"x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"},
		"syntax":   {"def handler(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': invalid syntax (app.py, line 1)"},
		"exit":     {"import sys\ndef handler(e, c):\n    sys.exit(3)\n", "Runtime.ExitError", "Runtime exited with error: exit status 3"},
		"crash":    {"import os, signal\ndef handler(e, c):\n    os.kill(os.getpid(), signal.SIGSEGV)\n    import ctypes; ctypes.string_at(0)\n", "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault"},
		"timeout":  {"import time\ndef handler(e, c):\n    time.sleep(60)\n", "Sandbox.Timedout", "Task timed out after 1.00 seconds"},
		"too much": {"def handler(e, c):\n    return 'x' * 7000000\n", "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config("python3.11")
			if name == "timeout" {
				cfg.Timeout = time.Second
			}
			r := f.make(t, "e-"+strings.ReplaceAll(name, " ", "-"), cfg, map[string]string{"app.py": c.code})
			res := f.call(t, r, `{}`)
			var doc struct {
				ErrorType, ErrorMessage string
				StackTrace              []string
			}
			if err := json.Unmarshal(res.Payload, &doc); err != nil {
				t.Fatalf("%s: %v", res.Payload, err)
			}
			if !res.Failed || doc.ErrorType != c.kind || !strings.Contains(doc.ErrorMessage, c.message) {
				t.Errorf("failed %v, %+v; want %s: %s", res.Failed, doc, c.kind, c.message)
			}
			if name == "raised" && (len(doc.StackTrace) != 1 || !strings.Contains(doc.StackTrace[0], "raise Mine")) {
				t.Errorf("stack trace %q", doc.StackTrace)
			}
			// It works again: the next request gets an instance that is not broken.
			if again := f.call(t, r, `{}`); !again.Failed {
				t.Errorf("the second call succeeded: %s", again.Payload)
			}
		})
	}
}

func TestInvoke_Node(t *testing.T) {
	f := open(t, nil)
	for name, files := range map[string]map[string]string{
		"commonjs": {"app.js": `exports.handler = async (e, c) => { console.log('hi', c.functionName); return { got: e.x } }`},
		"callback": {"app.js": `exports.handler = (e, c, cb) => { console.log('hi', c.functionName); setTimeout(() => cb(null, { got: e.x }), 5) }`},
		"module":   {"app.mjs": `export const handler = async (e, c) => { console.log('hi', c.functionName); return { got: e.x } }`},
	} {
		t.Run(name, func(t *testing.T) {
			r := f.make(t, "n-"+name, config("nodejs10.x"), files)
			res := f.call(t, r, `{"x":"y"}`)
			if string(res.Payload) != `{"got":"y"}` || res.Failed {
				t.Errorf("payload %s, failed %v\n%s", res.Payload, res.Failed, res.LogTail)
			}
			if !strings.Contains(string(res.LogTail), "INFO\thi n-"+name) {
				t.Errorf("log tail %q", res.LogTail)
			}
		})
	}
	r := f.make(t, "n-error", config("nodejs20.x"), map[string]string{"app.js": `exports.handler = async () => { throw new TypeError('bad type') }`})
	res := f.call(t, r, `{}`)
	var doc struct {
		ErrorType, ErrorMessage string
		Trace                   []string
	}
	if err := json.Unmarshal(res.Payload, &doc); err != nil || doc.ErrorType != "TypeError" || doc.ErrorMessage != "bad type" || len(doc.Trace) < 2 {
		t.Errorf("%s %v", res.Payload, err)
	}
}

func TestInvoke_Provided(t *testing.T) {
	f := open(t, nil)
	script := `#!/usr/bin/python3
import os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    r = urllib.request.urlopen(base + "next")
    urllib.request.urlopen(base + r.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", b"[" + r.read() + b"]")
`
	r := f.make(t, "p", config("provided.al2023"), map[string]string{"bootstrap": script})
	if res := f.call(t, r, `7`); string(res.Payload) != `[7]` || res.Failed {
		t.Errorf("payload %s, failed %v\n%s", res.Payload, res.Failed, f.log())
	}
}

func TestInvoke_MemoryAndForkLimits(t *testing.T) {
	f := open(t, nil)
	r := f.make(t, "mem", config("python3.12"), map[string]string{"app.py": "def handler(e, c):\n    x = bytearray(900 << 20)\n    import time\n    time.sleep(5)\n"})
	res := f.call(t, r, `{}`)
	if !res.Failed || !strings.Contains(string(res.Payload), "Runtime.OutOfMemory") {
		t.Errorf("payload %s", res.Payload)
	}
}

func TestInvoke_StorageLimit(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, "import os, time\ndef handler(e, c):\n    for i in range(3):\n        os.posix_fallocate(os.open('/tmp/%d' % i, os.O_CREAT | os.O_WRONLY), 0, 200 << 20)\n    time.sleep(60)\n")
	if got := string(f.call(t, r, "{}").Payload); !strings.Contains(got, "Runtime.ExitError") || !strings.Contains(got, "/tmp holds more than 512 MB") {
		t.Errorf("three files of 200 MB: %s", got)
	}
}

func TestInvoke_MuchOutput(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, `
def handler(e, c):
    for i in range(40000):
        print("line %06d " % i + "x" * 240)
    return "done"
`)
	res := f.call(t, r, `{}`)
	if res.Failed || string(res.Payload) != `"done"` || len(res.LogTail) != 4096 {
		t.Fatalf("payload %s, failed %v, tail of %d bytes", res.Payload, res.Failed, len(res.LogTail))
	}
	log := f.log()
	if !strings.Contains(log, "line 000000 ") || !strings.Contains(log, "REPORT RequestId") {
		t.Error("first line or report is missing")
	}
}

func TestInvokeAsync_DestinationsAndRetries(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, `
def handler(e, c):
    if e.get("bad"):
        raise ValueError("bad event")
    return e
`)
	zero := 0
	if _, err := f.PutEventConfig(t.Context(), r, function.EventConfig{Retries: &zero, OnSuccess: "arn:aws:sqs:us-west-2:000000000000:ok", OnFailure: "arn:aws:sqs:us-west-2:000000000000:failed"}, false); err != nil {
		t.Fatal(err)
	}
	for payload, want := range map[string]string{
		`{"n":1}`:      `arn:aws:sqs:us-west-2:000000000000:ok {"requestContext":{"approximateInvokeCount":1,"condition":"Success"`,
		`{"bad":true}`: `arn:aws:sqs:us-west-2:000000000000:failed {"requestContext":{"approximateInvokeCount":1,"condition":"RetriesExhausted"`,
	} {
		if _, err := f.InvokeAsync(t.Context(), function.Invocation{Ref: r, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		if got := <-f.sent; !strings.HasPrefix(got, want) || !strings.Contains(got, payload) {
			t.Errorf("sent %s\nwant %s…", got, want)
		}
	}
	if err := f.DeleteEventConfig(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := f.PutEventConfig(t.Context(), r, function.EventConfig{Retries: &zero}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.UpdateConfig(t.Context(), r, "", func(c *function.Config) { c.DeadLetter = "arn:aws:sqs:us-west-2:000000000000:dead" }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.InvokeAsync(t.Context(), function.Invocation{Ref: r, Payload: []byte(`{"bad":true}`)}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-f.sent, `arn:aws:sqs:us-west-2:000000000000:dead {"bad":true} 200 bad event`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if err := f.SetReserved(t.Context(), r, &zero); err != nil {
		t.Fatal(err)
	}
	if _, err := f.InvokeAsync(t.Context(), function.Invocation{Ref: r, Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-f.sent, `arn:aws:sqs:us-west-2:000000000000:dead {} 429 Rate Exceeded.`; got != want {
		t.Errorf("a function without concurrency: sent %s, want %s", got, want)
	}
}

// TestInvokeAsync_DestinationThatRefuses: the function runs once, whatever becomes of its outcome.
func TestInvokeAsync_DestinationThatRefuses(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, "def handler(e, c):\n    return e\n")
	if _, err := f.PutEventConfig(t.Context(), r, function.EventConfig{OnSuccess: "arn:aws:sqs:us-west-2:000000000000:gone"}, false); err != nil {
		t.Fatal(err)
	}
	f.full.Store(true)
	if _, err := f.InvokeAsync(t.Context(), function.Invocation{Ref: r, Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	<-f.sent
	waiting := func() (n int) {
		for _, err := range f.store.Scan(t.Context(), kv.Prefix(key.In(key.Outbox))) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	for waiting() > 0 {
		runtime.Gosched()
		if len(f.sent) > 0 {
			t.Fatal("the function ran again")
		}
	}
}

func TestVersionsAndAliases(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	r := f.python(t, "def handler(e, c):\n    return c.function_version\n")
	v1, err := f.Publish(ctx, r, "", "", "one")
	if err != nil || v1.Number != "1" {
		t.Fatalf("version %q, err %v", v1.Number, err)
	}
	if again, err := f.Publish(ctx, r, "", "", ""); err != nil || again.Number != "1" {
		t.Errorf("publishing without a change gave %q, %v", again.Number, err)
	}
	if _, err := f.UpdateCode(ctx, r, function.Code{Zip: packaged(t, map[string]string{"app.py": "def handler(e, c):\n    return 'new ' + c.function_version\n"})}, "", true, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateAlias(ctx, scope, function.Alias{Function: "f", Name: "live", Version: "1"}); err != nil {
		t.Fatal(err)
	}
	for qualifier, want := range map[string]string{"": `"new $LATEST"`, "1": `"1"`, "2": `"new 2"`, "live": `"1"`} {
		if res := f.call(t, function.Ref{Scope: scope, Name: "f", Qualifier: qualifier}, `{}`); string(res.Payload) != want {
			t.Errorf("%s answered %s, want %s", qualifier, res.Payload, want)
		}
	}
	if err := f.Delete(ctx, function.Ref{Scope: scope, Name: "f", Qualifier: "1"}); !errors.Is(err, function.ErrInUse) {
		t.Errorf("delete a version with an alias: %v", err)
	}
	if _, err := f.UpdateConfig(ctx, r, "not-the-revision", func(*function.Config) {}); !errors.Is(err, function.ErrRevision) {
		t.Errorf("stale revision: %v", err)
	}
	if err := f.Delete(ctx, r); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(ctx, r); !errors.Is(err, function.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
}

func TestUpdateCode_DryRunChangesNothing(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, "def handler(e, c): return 1")
	before, err := f.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := f.UpdateCode(t.Context(), r, function.Code{Zip: packaged(t, map[string]string{"app.py": "def handler(e, c): return 2"})}, "", false, true, nil)
	if err != nil || dry.CodeHash == before.CodeHash {
		t.Errorf("dry run: %v, code %s", err, dry.CodeHash)
	}
	if after, err := f.Get(t.Context(), r); err != nil || after.Revision != before.Revision || after.CodeHash != before.CodeHash {
		t.Errorf("%v: revision %s, was %s", err, after.Revision, before.Revision)
	}
	if res := f.call(t, r, "{}"); string(res.Payload) != "1" {
		t.Errorf("answers %s", res.Payload)
	}
}

func TestLayers(t *testing.T) {
	f := open(t, nil)
	l, err := f.PublishLayer(t.Context(), scope, function.Layer{Name: "lib"}, packaged(t, map[string]string{"python/shared.py": "x = 'from the layer'\n"}))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config("python3.12")
	cfg.Layers = []string{function.LayerARN(scope, "lib", l.Number)}
	r := f.make(t, "f", cfg, map[string]string{"app.py": "import shared\ndef handler(e, c):\n    return shared.x\n"})
	if res := f.call(t, r, `{}`); string(res.Payload) != `"from the layer"` {
		t.Errorf("payload %s", res.Payload)
	}
	cfg.Layers = []string{function.LayerARN(scope, "lib", 9)}
	_, err = f.Create(t.Context(), scope, function.CreateRequest{Name: "g", Config: cfg, Code: function.Code{Zip: packaged(t, map[string]string{"app.py": ""})}})
	if !errors.Is(err, function.ErrBadParameter) {
		t.Errorf("a layer that does not exist: %v", err)
	}
}

func TestCreate_RefusesBadInput(t *testing.T) {
	f := open(t, nil)
	f.python(t, "def handler(e, c):\n    return 1\n")
	zipped := func() io.Reader { return packaged(t, map[string]string{"app.py": ""}) }
	for name, c := range map[string]struct {
		name string
		edit func(*function.Config)
		zip  io.Reader
		want error
	}{
		"taken":     {"f", func(*function.Config) {}, zipped(), function.ErrExists},
		"name":      {"a b", func(*function.Config) {}, zipped(), function.ErrBadParameter},
		"runtime":   {"g", func(c *function.Config) { c.Runtime = "cobol85" }, zipped(), function.ErrBadParameter},
		"timeout":   {"g", func(c *function.Config) { c.Timeout = 901 * time.Second }, zipped(), function.ErrBadParameter},
		"memory":    {"g", func(c *function.Config) { c.MemoryMB = 64 }, zipped(), function.ErrBadParameter},
		"env":       {"g", func(c *function.Config) { c.Env = map[string]string{"AWS_REGION": "x"} }, zipped(), function.ErrBadParameter},
		"env size":  {"g", func(c *function.Config) { c.Env = map[string]string{"BIG": strings.Repeat("x", 4096)} }, zipped(), function.ErrBadParameter},
		"role":      {"g", func(c *function.Config) { c.Role = "me" }, zipped(), function.ErrBadParameter},
		"not a zip": {"g", func(*function.Config) {}, strings.NewReader("hello"), function.ErrBadZip},
		"no code":   {"g", func(*function.Config) {}, nil, function.ErrBadParameter},
		"path":      {"g", func(*function.Config) {}, packaged(t, map[string]string{"../../evil.py": "x"}), function.ErrBadZip},
	} {
		cfg := config("python3.12")
		c.edit(&cfg)
		_, err := f.Create(t.Context(), scope, function.CreateRequest{Name: c.name, Config: cfg, Code: function.Code{Zip: c.zip}})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", name, err, c.want)
		}
	}
}

// noDeadline gives credentials only to a start that nothing but its caller bounds, and tells which functions start.
type noDeadline struct{ started chan string }

func (n noDeadline) AssumeForService(ctx context.Context, _ ident.Scope, _, _, session string, _ time.Duration) (function.Credentials, error) {
	if _, bounded := ctx.Deadline(); bounded {
		return function.Credentials{}, context.DeadlineExceeded
	}
	n.started <- session
	return function.Credentials{AccessKeyID: "k", Expires: time.Now().Add(time.Hour)}, nil
}

func (noDeadline) AssumableBy(ident.Scope, string, string) error { return nil }

// A request waits for an instance as long as its function may run, then is refused by name; the start of an instance is
// no part of the wait.
func TestInvoke_WaitsForAnInstance(t *testing.T) {
	roles := noDeadline{make(chan string, 10)}
	f := open(t, func(o *function.Options) { o.MaxInstances, o.Roles = 1, roles })
	long := f.make(t, "long", config("python3.12"), map[string]string{"app.py": "import time\ndef handler(e, c):\n    time.sleep(60)\n"})
	quick := config("python3.12")
	quick.Timeout = time.Second
	short := f.make(t, "short", quick, map[string]string{"app.py": "def handler(e, c):\n    return 1\n"})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := f.Invoke(ctx, function.Invocation{Ref: long})
		ended <- err
	}()
	if got := <-roles.started; got != "long" {
		t.Fatalf("%s starts", got)
	}
	if _, err := f.Invoke(t.Context(), function.Invocation{Ref: short}); !errors.Is(err, function.ErrTooManyRequests) {
		t.Errorf("while the only instance is another's: %v", err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: %v", err)
	}
	if got := f.call(t, short, "{}"); string(got.Payload) != "1" {
		t.Errorf("after it has ended: %s", got.Payload)
	}
}

// A function that is called without a pause does not keep another from its turn.
func TestInvoke_TurnsAreTaken(t *testing.T) {
	f := open(t, func(o *function.Options) { o.MaxInstances = 1 })
	busy := f.make(t, "busy", config("python3.12"), map[string]string{"app.py": "def handler(e, c):\n    return 1\n"})
	other := f.make(t, "other", config("python3.12"), map[string]string{"app.py": "def handler(e, c):\n    return 2\n"})
	f.call(t, busy, "{}")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = f.Invoke(ctx, function.Invocation{Ref: busy}) // refused or cancelled at times
			}
		})
	}
	for range 3 {
		if got := f.call(t, other, "{}"); string(got.Payload) != "2" {
			t.Errorf("got %s", got.Payload)
		}
	}
	stop()
	wg.Wait()
}

// Many requests at once to a function that is cold start a few instances, and the rest is served by those.
func TestInvoke_Stampede(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, "import os\ndef handler(e, c):\n    return os.getpid()\n")
	const requests = 40
	errs := make(chan error, requests)
	for range requests {
		go func() {
			res, err := f.Invoke(t.Context(), function.Invocation{Ref: r})
			if err == nil && res.Failed {
				err = errors.New(string(res.Payload))
			}
			errs <- err
		}()
	}
	for range requests {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(f.log(), "Init Duration"); n == 0 || n >= 32 {
		t.Errorf("%d instances were started for %d short requests", n, requests)
	}
}

func TestReservedConcurrency(t *testing.T) {
	f := open(t, nil)
	r := f.python(t, "def handler(e, c):\n    return 1\n")
	none := 0
	if err := f.SetReserved(t.Context(), r, &none); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invoke(t.Context(), function.Invocation{Ref: r}); !errors.Is(err, function.ErrTooManyRequests) {
		t.Errorf("err = %v, want ErrTooManyRequests", err)
	}
}

// memBlobs keeps blobs as plain files; the real store has tests of its own.
type memBlobs struct{ dir string }

type memWriter struct {
	*os.File
	dir string
}

func (b memBlobs) Create(context.Context) (blob.Writer, error) {
	f, err := os.CreateTemp(b.dir, "tmp")
	return memWriter{f, b.dir}, err
}

func (w memWriter) Commit(context.Context) (blob.ID, error) {
	id := ident.Hex(8)
	return blob.ID(id), errors.Join(w.Close(), os.Rename(w.Name(), filepath.Join(w.dir, id)))
}

func (w memWriter) Abort() { _ = w.Close() }

func (b memBlobs) Open(_ context.Context, id blob.ID) (blob.Reader, error) {
	f, err := os.Open(filepath.Join(b.dir, string(id)))
	if err != nil {
		return nil, blob.ErrNotFound
	}
	st, err := f.Stat()
	return fileReader{f, st.Size()}, err
}

type fileReader struct {
	f    *os.File
	size int64
}

func (r fileReader) Read(p []byte) (int, error)                { return r.f.Read(p) }
func (r fileReader) ReadAt(p []byte, off int64) (int, error)   { return r.f.ReadAt(p, off) }
func (r fileReader) Seek(off int64, whence int) (int64, error) { return r.f.Seek(off, whence) }
func (r fileReader) Close() error                              { return r.f.Close() }
func (r fileReader) Size() int64                               { return r.size }
func (r fileReader) File(int64, int64) (*os.File, error)       { return r.f, nil }

func (b memBlobs) Path(_ context.Context, id blob.ID) (string, error) {
	return filepath.Join(b.dir, string(id)), nil
}
func (b memBlobs) Remove(_ context.Context, id blob.ID) error {
	return os.Remove(filepath.Join(b.dir, string(id)))
}
func (b memBlobs) List(context.Context) iter.Seq2[blob.ID, error] {
	return func(func(blob.ID, error) bool) {}
}
func (b memBlobs) Close() error { return nil }
