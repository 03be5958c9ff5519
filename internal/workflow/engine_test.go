package workflow

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

var update = flag.Bool("update", false, "rewrite the goldens")

var scope = ident.Scope{Account: "123456789012", Region: "us-west-2"}

// fastClock runs a thousand times faster than the real one: a second of a Wait state is a millisecond of the test.
type fastClock struct{ start time.Time }

const haste = 1000

func newFastClock() fastClock { return fastClock{time.Now()} }

func (c fastClock) Now() time.Time { return c.start.Add(time.Since(c.start) * haste) }

func (c fastClock) Elapsed() time.Duration { return time.Since(c.start) * haste }

func (c fastClock) NewTimer(d time.Duration) clock.Timer {
	return fastTimer{clock.Real().NewTimer(d / haste)}
}

type fastTimer struct{ clock.Timer }

func (t fastTimer) Reset(d time.Duration) { t.Timer.Reset(d / haste) }

// fakeTasks answers tasks by the last part of their resource.
type fakeTasks struct {
	mu    sync.Mutex
	calls map[string]int
	// answer gives the outcome of the n-th call (from 1) of a name.
	answer func(ctx context.Context, name string, n int, call *TaskCall) (string, *TaskError)
	jobs   map[string]int // submissions by handle
	engine atomic.Pointer[Engine]
	gone   chan string // names of calls whose context ended as not wanted
}

func newFakeTasks(answer func(ctx context.Context, name string, n int, call *TaskCall) (string, *TaskError)) *fakeTasks {
	return &fakeTasks{calls: map[string]int{}, jobs: map[string]int{}, answer: answer, gone: make(chan string, 100)}
}

func (f *fakeTasks) Run(ctx context.Context, call *TaskCall, submitted func(handle, output string) error) (string, *TaskError) {
	name := call.Resource.ARN[strings.LastIndex(call.Resource.ARN, ":")+1:]
	f.mu.Lock()
	f.calls[name]++
	n := f.calls[name]
	f.mu.Unlock()
	if strings.HasSuffix(name, ".sync") && call.Handle == "" {
		handle := fmt.Sprint(name, " of ", call.State)
		f.mu.Lock()
		f.jobs[handle]++
		f.mu.Unlock()
		if err := submitted(handle, `{"JobRunId":"jr_1"}`); err != nil {
			return "", &TaskError{Error: "States.Runtime"}
		}
	}
	out, fail := f.answer(ctx, name, n, call)
	if ctx.Err() != nil && Unwanted(ctx) {
		f.gone <- name
	}
	return out, fail
}

func echo(_ context.Context, _ string, _ int, call *TaskCall) (string, *TaskError) {
	return call.Input, nil
}

func open(t testing.TB, s kv.Store, tasks Tasks) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Store: s, Tasks: tasks, Clock: newFastClock(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := tasks.(*fakeTasks); ok {
		f.engine.Store(e)
	}
	return e
}

func newEngine(t testing.TB, tasks Tasks) *Engine {
	t.Helper()
	e := open(t, kvtest.New(t), tasks)
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func create(t testing.TB, e *Engine, name, definition string, kind Kind) *Machine {
	t.Helper()
	m, _, err := e.Create(t.Context(), scope, CreateMachine{Name: name, Definition: definition, RoleARN: "arn:aws:iam::123456789012:role/r", Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func await(t testing.TB, e *Engine, arn string) *Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rec, err := e.Await(ctx, arn)
	if err != nil {
		h, _, _ := e.History(t.Context(), arn, false, 1000, "")
		t.Fatalf("execution does not end: %v\n%s", err, story(h))
	}
	return rec
}

// runs holds what differs between equal executions: times, and the random parts of ARNs and tokens.
var variable = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"token":"[^"]*"`)

// story prints a history without what differs between equal executions.
func story(events []interp.Event) string {
	var b strings.Builder
	for i := range events {
		e := &events[i]
		fmt.Fprintf(&b, "%d<%d %s", e.ID, e.Prev, e.Type)
		put := func(name, v string) {
			if v != "" {
				fmt.Fprintf(&b, " %s=%s", name, v)
			}
		}
		put("name", e.Name)
		put("input", e.Input)
		put("output", e.Output)
		if e.Error != nil {
			put("error", *e.Error)
		}
		if e.Cause != nil {
			put("cause", *e.Cause)
		}
		put("resource", strings.TrimPrefix(e.ResourceType+":"+e.Resource, ":"))
		put("parameters", e.Parameters)
		put("assigned", e.Assigned)
		b.WriteByte('\n')
	}
	return variable.ReplaceAllString(b.String(), "~")
}

func history(t testing.TB, e *Engine, arn string) string {
	t.Helper()
	var all []interp.Event
	token := ""
	for {
		h, next, err := e.History(t.Context(), arn, false, 1000, token)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h...)
		if token = next; token == "" {
			break
		}
	}
	for i := range all {
		if all[i].ID != int64(i+1) {
			t.Fatalf("event %d stands at %d:\n%s", all[i].ID, i+1, story(all))
		}
	}
	return story(all)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); run with -update if it is right:\n%s", file, d)
	}
}

const lambda = "arn:aws:lambda:us-west-2:123456789012:function:"

// stories are executions whose histories stand in testdata/histories.golden.
var stories = []struct{ name, definition, input string }{
	{"pass", `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1.50},"ResultPath":"$.r","Next":"B"},"B":{"Type":"Succeed","OutputPath":"$.r"}}}`, `{"b":1,"a":2}`},
	{"choice", `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericGreaterThan":10,"Next":"Big"},{"And":[{"Variable":"$.n","IsPresent":true},{"Not":{"Variable":"$.n","IsNull":true}}],"Next":"Small"}]},"Big":{"Type":"Pass","End":true},"Small":{"Type":"Fail","Error":"Small","CausePath":"$.why"}}}`, `{"n":3,"why":"because"}`},
	{"no choice", `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.n","StringEquals":"x","Next":"X"}]},"X":{"Type":"Succeed"}}}`, `{"n":3}`},
	{"wait", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":2,"Next":"P"},"P":{"Type":"Wait","SecondsPath":"$.s","End":true}}}`, `{"s":1}`},
	{"retry, then caught", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `bad","Retry":[{"ErrorEquals":["Odd"],"MaxAttempts":5},{"ErrorEquals":["States.TaskFailed"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":1}],"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"P"}],"End":true},"P":{"Type":"Pass","End":true}}}`, `{"k":1}`},
	{"retry succeeds", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `third","Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1}],"ResultSelector":{"got.$":"$"},"ResultPath":"$.out","End":true}}}`, `{"k":1}`},
	{"sync job", `{"StartAt":"J","States":{"J":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j","Arguments":{"--year.$":"$.year"}},"OutputPath":"$.Arguments.--year","End":true}}}`, `{"year":"2021"}`},
	{"parallel", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"End":true}}},{"StartAt":"B","States":{"B":{"Type":"Pass","Result":"two","End":true}}}],"ResultPath":"$.all","End":true}}}`, `{}`},
	{"parallel fails", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1000,"End":true}}},{"StartAt":"B","States":{"B":{"Type":"Fail","Error":"E","Cause":"c"}}}],"Catch":[{"ErrorEquals":["E"],"Next":"Z"}],"End":true},"Z":{"Type":"Pass","End":true}}}`, `{}`},
	{"map", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":1,"ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","all.$":"$.x"},"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `echo","End":true}}},"End":true}}}`, `{"x":"y","items":["a","b"]}`},
	{"map of nothing", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},"End":true}}}`, `[]`},
	{"map fails", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `bad","End":true}}},"End":true}}}`, `[1,2]`},
	{"distributed map", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":2,"ItemBatcher":{"MaxItemsPerBatch":2},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"A","States":{"A":{"Type":"Pass","OutputPath":"$.Items","End":true}}},"End":true}}}`, `[1,2,3,4,5]`},
	{"variables", `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x.$":"$.n","y":[1,{"z":null}]},"Next":"B"},"B":{"Type":"Pass","Parameters":{"x.$":"$x","y.$":"$y[1]","f.$":"States.Format('{}-{}', $x, $.n)"},"End":true}}}`, `{"n":7}`},
	{"jsonata", `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"total":"{% $sum($states.input.n) %}"},"Next":"B"},"B":{"Type":"Choice","Choices":[{"Condition":"{% $total > 5 %}","Next":"C"}],"Default":"D"},"C":{"Type":"Task","Resource":"` + lambda + `echo","Arguments":{"t":"{% $total %}"},"Output":"{% $states.result.t & '!' %}","End":true},"D":{"Type":"Succeed"}}}`, `{"n":[1,2,3]}`},
	{"jsonata error", `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% $undefined.x + 'a' %}","End":true}}}`, `{}`},
	{"path error", `{"StartAt":"A","States":{"A":{"Type":"Pass","InputPath":"$.missing","End":true}}}`, `{}`},
	{"time limit", `{"TimeoutSeconds":1,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000,"End":true}}}`, `{}`},
	{"task time limit", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `never","TimeoutSeconds":2,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"P"}],"End":true},"P":{"Type":"Pass","End":true}}}`, `{}`},
}

// outcomes are the tasks that the stories call.
func outcomes(ctx context.Context, name string, n int, call *TaskCall) (string, *TaskError) {
	switch name {
	case "bad":
		return "", &TaskError{Error: "Boom", Cause: "it broke"}
	case "third":
		if n < 3 {
			return "", &TaskError{Error: "Boom", Cause: "not yet"}
		}
		return `"at last"`, nil
	case "never":
		<-ctx.Done()
		return "", &TaskError{Error: "States.Timeout"}
	}
	return call.Input, nil
}

func TestHistories(t *testing.T) {
	var b strings.Builder
	for _, c := range stories {
		e := newEngine(t, newFakeTasks(outcomes))
		m := create(t, e, "m", c.definition, Standard)
		rec, err := e.StartExecution(t.Context(), m.ARN, "x", c.input, "")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		rec = await(t, e, rec.ARN)
		fmt.Fprintf(&b, "== %s: %s %s\n%s\n", c.name, rec.Status, rec.Output, history(t, e, rec.ARN))
	}
	golden(t, "histories.golden", b.String())
}

// The pipeline of a published article runs to its end, and its failures go where it says.
func TestPublishedPipeline(t *testing.T) {
	definition, err := os.ReadFile("testdata/datapipeline.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	tasks := newFakeTasks(func(_ context.Context, name string, n int, call *TaskCall) (string, *TaskError) {
		if name == "generic-file-transfer-status" && n == 1 {
			return "", &TaskError{Error: "LandingToRawFileTransferInCompleteException", Cause: "still copying"}
		}
		return call.Input, nil
	})
	e := newEngine(t, tasks)
	m := create(t, e, "Datapipeline-for-SageMaker", string(definition), Standard)
	rec, err := e.StartExecution(t.Context(), m.ARN, "", `{"year":"2021","month":"01","day":"02"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	rec = await(t, e, rec.ARN)
	golden(t, "datapipeline.golden", fmt.Sprintf("%s %s\n%s", rec.Status, rec.Output, history(t, e, rec.ARN)))
}
