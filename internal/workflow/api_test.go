package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

const passing = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`

func start(t testing.TB, e *Engine, arn, name, input string) *Record {
	t.Helper()
	rec, err := e.StartExecution(t.Context(), arn, name, input, "")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestNamesAreUsedOnce(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	done := create(t, e, "done", passing, Standard)
	await(t, e, start(t, e, done.ARN, "x", `{}`).ARN)
	if _, err := e.StartExecution(t.Context(), done.ARN, "x", `{}`, ""); !errors.Is(err, ErrExecutionExists) {
		t.Errorf("a name that ended: %v", err)
	}
	waits := create(t, e, "waits", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":99999999,"End":true}}}`, Standard)
	first := start(t, e, waits.ARN, "x", `{"a":1}`)
	if again := start(t, e, waits.ARN, "x", `{"a":1}`); again.ARN != first.ARN || !again.Start.Equal(first.Start) {
		t.Errorf("the same start again: %+v", again)
	}
	if _, err := e.StartExecution(t.Context(), waits.ARN, "x", `{"a":2}`, ""); !errors.Is(err, ErrExecutionExists) {
		t.Errorf("another input: %v", err)
	}
	if _, err := e.StopExecution(t.Context(), first.ARN, nil, nil); err != nil {
		t.Fatal(err)
	}
	if rec := await(t, e, first.ARN); rec.Status != interp.Aborted {
		t.Errorf("stopped execution is %s", rec.Status)
	}
}

// A task that waits for a job has a token too: whoever has it may end the task before the job.
func TestTokenEndsJob(t *testing.T) {
	tokens, left := make(chan string, 1), make(chan bool, 1)
	e := newEngine(t, newFakeTasks(func(ctx context.Context, _ string, _ int, call *TaskCall) (string, *TaskError) {
		v, _ := jsonvalue.Parse(call.Input)
		tokens <- v.(*jsonvalue.Object).Str("t")
		<-ctx.Done()
		left <- Unwanted(ctx)
		return "", &TaskError{Error: "States.TaskFailed"}
	}))
	m := create(t, e, "m", `{"StartAt":"J","States":{"J":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync","Parameters":{"StateMachineArn":"x","t.$":"$$.Task.Token"},"End":true}}}`, Standard)
	arn := start(t, e, m.ARN, "x", `{}`).ARN
	if err := e.TaskSuccess(t.Context(), <-tokens, `"done"`); err != nil {
		t.Fatal(err)
	}
	if rec := await(t, e, arn); rec.Status != interp.Succeeded || rec.Output != `"done"` {
		t.Errorf("%s %s", rec.Status, rec.Output)
	}
	if <-left {
		t.Error("the job was to be stopped")
	}
}

// A job that nobody waits for any more is told so; one that Tarn's own end interrupts is not.
func TestStopEndsJobs(t *testing.T) {
	running := make(chan struct{}, 2)
	tasks := newFakeTasks(func(ctx context.Context, _ string, _ int, _ *TaskCall) (string, *TaskError) {
		running <- struct{}{}
		<-ctx.Done()
		return "", &TaskError{Error: "States.TaskFailed"}
	})
	store := kvtest.New(t)
	e := open(t, store, tasks)
	m := create(t, e, "m", `{"StartAt":"J","States":{"J":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j"},"End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `{}`)
	<-running
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(tasks.gone) != 0 {
		t.Error("the end of Tarn stopped a job")
	}
	e = open(t, store, tasks)
	defer func() { _ = e.Close(context.Background()) }()
	<-running
	name, cause := "Halt", "enough"
	if _, err := e.StopExecution(t.Context(), rec.ARN, &name, &cause); err != nil {
		t.Fatal(err)
	}
	if got := <-tasks.gone; got != "startJobRun.sync" {
		t.Errorf("stopped %s", got)
	}
	if n := tasks.jobs["startJobRun.sync of J"]; n != 1 {
		t.Errorf("the job was started %d times", n)
	}
}

func TestActivity(t *testing.T) {
	e := newEngine(t, nil)
	a, err := e.CreateActivity(t.Context(), scope, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+a.ARN+`","HeartbeatSeconds":100000,"End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `{"k":1}`)
	token, input, err := e.GetActivityTask(t.Context(), a.ARN, "worker")
	if err != nil || input != `{"k":1}` {
		t.Fatalf("%q %v", input, err)
	}
	if err := e.TaskHeartbeat(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := e.TaskSuccess(t.Context(), token, `"done"`); err != nil {
		t.Fatal(err)
	}
	if rec = await(t, e, rec.ARN); rec.Output != `"done"` {
		t.Errorf("%s %s", rec.Status, rec.Output)
	}
	if err := e.TaskSuccess(t.Context(), token, `1`); !errors.Is(err, ErrTaskTimedOut) {
		t.Errorf("a token used twice: %v", err)
	}
	if err := e.TaskSuccess(t.Context(), "x", `1`); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("no token: %v", err)
	}
}

func TestExpress(t *testing.T) {
	var mu sync.Mutex
	var logged []string
	e, err := Open(t.Context(), Options{Store: kvtest.New(t), Tasks: newFakeTasks(outcomes), Clock: newFastClock(), Logger: slog.New(slog.DiscardHandler), Logs: logFunc(func(l LogEntry) {
		mu.Lock()
		defer mu.Unlock()
		logged = append(logged, l.Message)
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	m, _, err := e.Create(t.Context(), scope, CreateMachine{
		Name: "m", RoleARN: "arn:aws:iam::123456789012:role/r", Kind: Express, Logging: &Logging{Level: "ALL", IncludeData: true, Groups: []string{"arn:aws:logs:us-west-2:123456789012:log-group:g:*"}},
		Definition: `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `third","Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1}],"End":true}}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := e.StartSync(t.Context(), m.ARN, "", `{}`, "")
	if err != nil || rec.Status != interp.Succeeded || rec.Output != `"at last"` {
		t.Fatalf("%+v %v", rec, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(logged) < 10 || !strings.Contains(logged[0], "ExecutionStarted") || !strings.Contains(strings.Join(logged, ""), "ExecutionSucceeded") {
		t.Errorf("logged %q", logged)
	}
	if _, err := e.StartSync(t.Context(), create(t, e, "standard", passing, Standard).ARN, "", `{}`, ""); !errors.Is(err, ErrMachineType) {
		t.Errorf("a standard machine: %v", err)
	}
}

type logFunc func(LogEntry)

func (f logFunc) Log(_ context.Context, e LogEntry) { f(e) }

func (logFunc) Exists(_ context.Context, group string) bool {
	return !strings.Contains(group, "missing")
}

func TestLogMessages(t *testing.T) {
	cause := "why"
	ev := &interp.Event{ID: 3, Prev: 2, Type: interp.ExecutionFailed}
	ev.Input, ev.Cause = `{"a":1}`, &cause
	for data, want := range map[bool]string{false: `"details":{"cause":"why"}`, true: `"details":{"input":"{\"a\":1}","inputDetails":{"truncated":false},"cause":"why"}`} {
		if got := logMessage(&Record{}, ev, data); !strings.Contains(got, want) {
			t.Errorf("with data %v: %s", data, got)
		}
	}
}

func TestLogGroupMustExist(t *testing.T) {
	e, err := Open(t.Context(), Options{Store: kvtest.New(t), Logs: logFunc(func(LogEntry) {}), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	in := CreateMachine{Name: "m", Definition: passing, RoleARN: "arn:aws:iam::123456789012:role/r", Logging: &Logging{Level: "ALL", Groups: []string{"arn:aws:logs:us-west-2:123456789012:log-group:missing:*"}}}
	if _, _, err := e.Create(t.Context(), scope, in); !errors.Is(err, ErrInvalidLogging) {
		t.Errorf("missing: %v", err)
	}
	in.Logging.Groups[0] = "arn:aws:logs:us-west-2:123456789012:log-group:there:*"
	if _, _, err := e.Create(t.Context(), scope, in); err != nil {
		t.Error(err)
	}
}

func TestRedrive(t *testing.T) {
	fails := true
	e := newEngine(t, newFakeTasks(func(_ context.Context, name string, _ int, call *TaskCall) (string, *TaskError) {
		if name == "flaky" && fails {
			return "", &TaskError{Error: "Boom"}
		}
		return call.Input, nil
	}))
	m := create(t, e, "m", `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"a":1},"Next":"T"},"T":{"Type":"Task","Resource":"`+lambda+`flaky","End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	if rec.Status != interp.Failed {
		t.Fatal(rec.Status)
	}
	fails = false
	if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
		t.Fatal(err)
	}
	rec = await(t, e, rec.ARN)
	if rec.Status != interp.Succeeded || rec.Output != `{"a":1}` || rec.Redrives != 1 {
		t.Errorf("%+v", rec)
	}
	if h := history(t, e, rec.ARN); strings.Count(h, "name=A") != 2 || !strings.Contains(h, "ExecutionRedriven") {
		t.Errorf("history:\n%s", h)
	}
	if _, err := e.Redrive(t.Context(), rec.ARN); !errors.Is(err, ErrNotRedrivable) {
		t.Errorf("redrive of what succeeded: %v", err)
	}
}

func TestVersionsAndAliases(t *testing.T) {
	e := newEngine(t, nil)
	m := create(t, e, "m", passing, Standard)
	v1, err := e.Publish(t.Context(), m.ARN, "", "first")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(passing, `"End"`, `"Result":2,"End"`, 1)
	if _, _, _, err := e.Update(t.Context(), m.ARN, UpdateMachine{Definition: &changed}); err != nil {
		t.Fatal(err)
	}
	v2, err := e.Publish(t.Context(), m.ARN, "", "second")
	if err != nil {
		t.Fatal(err)
	}
	one, two := m.ARN+":1", m.ARN+":2"
	if v1.Version != 1 || v2.Version != 2 {
		t.Errorf("versions %d, %d", v1.Version, v2.Version)
	}
	a, err := e.CreateAlias(t.Context(), "live", "", []Route{{VersionARN: one, Weight: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arn, want string }{{one, `{}`}, {two, `2`}, {a.ARN, `{}`}, {m.ARN, `2`}} {
		if rec := await(t, e, start(t, e, c.arn, "", `{}`).ARN); rec.Output != c.want {
			t.Errorf("%s gives %s", c.arn, rec.Output)
		}
	}
	if _, err := e.UpdateAlias(t.Context(), a.ARN, nil, []Route{{VersionARN: two, Weight: 100}}); err != nil {
		t.Fatal(err)
	}
	if rec := await(t, e, start(t, e, a.ARN, "", `{}`).ARN); rec.Output != `2` || rec.Alias != a.ARN {
		t.Errorf("%+v", rec)
	}
	if err := e.DeleteVersion(t.Context(), two); !errors.Is(err, ErrConflict) {
		t.Errorf("a version that an alias names: %v", err)
	}
}

func TestRetentionAndDeletion(t *testing.T) {
	e := newEngine(t, nil)
	m := create(t, e, "m", passing, Standard)
	for i := range 5 {
		await(t, e, start(t, e, m.ARN, fmt.Sprint(i), `{}`).ARN)
	}
	page, next, err := e.Executions(t.Context(), m.ARN, Filter{}, 3, "")
	if err != nil || len(page) != 3 || next == "" || page[0].Name != "4" {
		t.Fatalf("%+v %q %v", page, next, err)
	}
	if page, next, err = e.Executions(t.Context(), m.ARN, Filter{}, 3, next); err != nil || len(page) != 2 || next != "" {
		t.Fatalf("%+v %q %v", page, next, err)
	}
	if err := e.collectOnce(t.Context(), e.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if page, _, err = e.Executions(t.Context(), m.ARN, Filter{}, 3, ""); err != nil || len(page) != 0 {
		t.Errorf("after the retention: %+v %v", page, err)
	}
	if err := e.Delete(t.Context(), m.ARN); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Describe(t.Context(), m.ARN); !errors.Is(err, ErrMachineNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
}

// memFiles keeps objects by bucket and key.
type memFiles struct {
	mu      sync.Mutex
	objects map[string]string
}

func (f *memFiles) Get(_ context.Context, _ FileRole, bucket, key, _ string) (Body, *TaskError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, ok := f.objects[bucket+"/"+key]
	if !ok {
		return nil, &TaskError{Error: "S3.NoSuchKeyException"}
	}
	return io.NopCloser(strings.NewReader(body)), nil
}

// Rows takes what is stored for the rows themselves.
func (f *memFiles) Rows(ctx context.Context, role FileRole, bucket, key, version string) (Body, *TaskError) {
	if !strings.HasSuffix(key, ".parquet") {
		return nil, &TaskError{Error: "S3.S3Exception", Cause: key + " is no Parquet file"}
	}
	return f.Get(ctx, role, bucket, key, version)
}

func (f *memFiles) List(_ context.Context, _ FileRole, bucket, prefix, after string, limit int) ([]any, string, *TaskError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for name := range f.objects {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var items []any
	for _, k := range keys[:min(limit, len(keys))] {
		items = append(items, jsonvalue.NewObject("Key", k))
	}
	return items, "", nil
}

func (f *memFiles) Put(_ context.Context, _ FileRole, bucket, key string, body []byte) *TaskError {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[bucket+"/"+key] = string(bytes.Clone(body))
	return nil
}

// A distributed Map reads a file of items, runs a child for each and writes their results.
func TestMapOverAFile(t *testing.T) {
	files := &memFiles{objects: map[string]string{"in/items.csv": "id,name\n1,a\n2,b\n3,\"c,d\"\n"}}
	e, err := Open(t.Context(), Options{Store: kvtest.New(t), Tasks: newFakeTasks(outcomes), Files: files, Clock: newFastClock(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","Label":"rows","ToleratedFailureCount":1,
	 "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"},"Parameters":{"Bucket":"in","Key":"items.csv"}},
	 "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{
	  "C":{"Type":"Choice","Choices":[{"Variable":"$.id","StringEquals":"2","Next":"F"}],"Default":"P"},"F":{"Type":"Fail","Error":"Two"},"P":{"Type":"Pass","End":true}}},
	 "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"out","Prefix":"results"}},"End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	if rec.Status != interp.Succeeded || !strings.Contains(rec.Output, `"Bucket":"out"`) {
		t.Fatalf("%s %s", rec.Status, rec.Output)
	}
	runs, _, err := e.MapRuns(t.Context(), rec.ARN, 10, "")
	if err != nil || len(runs) != 1 {
		t.Fatalf("%+v %v", runs, err)
	}
	run, err := e.MapRun(t.Context(), runs[0].ARN)
	if err != nil || run.Counts.Succeeded != 2 || run.Counts.Failed != 1 || run.Counts.Total != 3 || run.Status != interp.Succeeded {
		t.Errorf("%+v %v", run, err)
	}
	children, _, err := e.MapRunExecutions(t.Context(), run.ARN, Filter{Status: interp.Failed}, 10, "")
	if err != nil || len(children) != 1 {
		t.Errorf("%+v %v", children, err)
	}
	all := ""
	for name, body := range files.objects {
		if strings.HasPrefix(name, "out/") {
			all += name + "\n" + body + "\n"
		}
	}
	for _, want := range []string{"manifest.json", "SUCCEEDED_0.json", "FAILED_0.json", `\"name\":\"c,d\"`} {
		if !strings.Contains(all, want) {
			t.Errorf("results lack %s:\n%s", want, all)
		}
	}
}

// An activity that does not exist ends the execution before anything is scheduled.
func TestActivityThatIsGone(t *testing.T) {
	e := newEngine(t, nil)
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:us-west-2:123456789012:activity:gone","End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	want := `1<0 ExecutionStarted input={}
2<0 TaskStateEntered name=T input={}
3<2 ExecutionFailed error=States.Runtime cause=An error occurred while executing the state 'T' (entered at the event id #2). The activity arn:aws:states:us-west-2:123456789012:activity:gone does not exist.
`
	if d := cmp.Diff(want, history(t, e, rec.ARN)); d != "" {
		t.Error(d)
	}
}
