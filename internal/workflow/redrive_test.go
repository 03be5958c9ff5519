package workflow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// redrives are executions that fail while tasks named flaky do, and succeed when they are redriven. again is how often
// each task is called altogether. What is to be aborted by the failure waits so long that no busy machine comes too late for it.
var redrives = []struct {
	name, definition, input string
	again                   map[string]int
}{
	{"parallel", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
	  {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `once","End":true}}},
	  {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":30,"Next":"C"},"C":{"Type":"Task","Resource":"` + lambda + `flaky","End":true}}},
	  {"StartAt":"D","States":{"D":{"Type":"Wait","QueryLanguage":"JSONata","Seconds":"{% $states.context.Execution.RedriveCount = 0 ? 1000000 : 400 %}","End":true}}}],"ResultPath":"$.all","End":true}}}`, `{"x":1}`, map[string]int{"once": 1, "flaky": 2}},
	{"map", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":1,"ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","all.$":"$.x"},"ItemProcessor":{"StartAt":"A","States":
	  {"A":{"Type":"Task","Resource":"` + lambda + `once","Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.i","NumericEquals":1,"Next":"B"}],"Default":"E"},"B":{"Type":"Task","Resource":"` + lambda + `flaky","Next":"E"},
	   "E":{"Type":"Pass","End":true}}},"End":true}}}`, `{"x":"y","items":["a","b","c"]}`, map[string]int{"once": 3, "flaky": 2}},
	{"map in parallel in map", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"StartAt":"V","States":{"V":{"Type":"Pass","Assign":{"outer.$":"$"},"Next":"P"},"P":{"Type":"Parallel","Branches":[
	  {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `once","End":true}}},
	  {"StartAt":"N","States":{"N":{"Type":"Map","MaxConcurrency":1,"ItemsPath":"$","ItemProcessor":{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":20,"Next":"F"},"F":{"Type":"Task","Resource":"` + lambda + `flaky","Parameters":{"o.$":"$outer","i.$":"$"},
	    "Retry":[{"ErrorEquals":["Boom"],"MaxAttempts":1}],"End":true}}},"End":true}}}],"End":true}}},"End":true}}}`, `[[1,2],[3]]`, map[string]int{"once": 2, "flaky": 5}},
	{"a branch that has a catcher", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
	  {"StartAt":"Q","States":{"Q":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `once","End":true}}},{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}],
	    "Catch":[{"ErrorEquals":["E"],"Next":"G"}],"End":true},"G":{"Type":"Wait","Seconds":20,"Next":"H"},"H":{"Type":"Task","Resource":"` + lambda + `flaky","End":true}}}],"End":true}}}`, `{}`, map[string]int{"flaky": 2}},
	{"after a parallel state", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `once","End":true}}}],"Next":"Z"},
	  "Z":{"Type":"Task","Resource":"` + lambda + `flaky","End":true}}}`, `{}`, map[string]int{"once": 1, "flaky": 2}},
}

func flaky(ok *atomic.Bool) *fakeTasks {
	var f *fakeTasks
	f = newFakeTasks(func(ctx context.Context, name string, _ int, call *TaskCall) (string, *TaskError) {
		if name == "flaky" && !ok.Load() {
			for !besides(f.engine.Load(), call.Execution) && ctx.Err() == nil {
				runtime.Gosched()
			}
			return "", &TaskError{Error: "Boom", Cause: "not yet"}
		}
		return call.Input, nil
	})
	return f
}

// besides reports whether the states named A have ended that began beside the task which is about to fail: on a busy machine too.
func besides(e *Engine, arn string) bool {
	events, _, err := e.History(context.Background(), arn, false, 1000, "")
	if err != nil {
		return true
	}
	h := story(events)
	return strings.Count(h, "TaskStateEntered name=A ") <= strings.Count(h, "TaskStateExited name=A ")+strings.Count(h, "TaskStateAborted")
}

// A redrive goes on with the branches and iterations that did not succeed, and with the results of those that did.
func TestRedriveOfBranchesAndIterations(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, c := range redrives {
		// in this order also on a busy machine
		c.definition = strings.NewReplacer(`: 400 %}`, `: 1500 %}`, `"Seconds":30`, `"Seconds":300`, `"Seconds":20`, `"Seconds":200`).Replace(c.definition)
		var ok atomic.Bool
		tasks := flaky(&ok)
		e := newEngine(t, tasks)
		m := create(t, e, "m", c.definition, Standard)
		rec := await(t, e, start(t, e, m.ARN, "x", c.input).ARN)
		if rec.Status != interp.Failed {
			t.Fatalf("%s: %+v", c.name, rec)
		}
		ok.Store(true)
		if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
			t.Fatal(err)
		}
		rec = await(t, e, rec.ARN)
		fmt.Fprintf(&b, "== %s: %s %s\n%s\n", c.name, rec.Status, rec.Output, history(t, e, rec.ARN))
		tasks.mu.Lock()
		for name, n := range c.again {
			if tasks.calls[name] != n {
				t.Errorf("%s: %s was called %d times, want %d", c.name, name, tasks.calls[name], n)
			}
		}
		tasks.mu.Unlock()
		if left := leftovers(t, e, rec.Key); left != "" {
			t.Errorf("%s: still stored: %s", c.name, left)
		}
	}
	golden(t, "redrives.golden", b.String())
}

// leftovers names what is stored of the inside of an execution.
func leftovers(t testing.TB, e *Engine, k uint64) string {
	t.Helper()
	var out []string
	for _, kind := range []string{"r", "t", "i", "o"} {
		p := byKey(kind, k)
		for _, err := range e.store.Scan(t.Context(), kv.Range{Lo: p, Hi: p.End()}) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, kind)
		}
	}
	return strings.Join(out, " ")
}

// An execution that is redriven again and again, stopped in between, loses and repeats nothing.
func TestRedriveAfterStop(t *testing.T) {
	var ok atomic.Bool
	tasks := flaky(&ok)
	e := newEngine(t, tasks)
	m := create(t, e, "m", redrives[0].definition, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{"x":1}`).ARN)
	for range 3 {
		if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
			t.Fatal(err)
		}
		if _, err := e.StopExecution(t.Context(), rec.ARN, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	ok.Store(true)
	if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
		t.Fatal(err)
	}
	rec = await(t, e, rec.ARN)
	if want := `{"x":1,"all":[{"x":1},{"x":1},{"x":1}]}`; rec.Output != want || rec.Redrives != 4 || tasks.calls["once"] != 1 {
		t.Errorf("%s after %d redrives; the branch that succeeded ran %d times", rec.Output, rec.Redrives, tasks.calls["once"])
	}
}

// A request for a redrive that comes again is answered as the first time; another one is not.
func TestRedriveOnce(t *testing.T) {
	var ok atomic.Bool
	e := newEngine(t, flaky(&ok))
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`flaky","End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	for i := range 12 {
		at, err := e.RedriveOnce(t.Context(), rec.ARN, fmt.Sprint("token ", i))
		if err != nil {
			t.Fatal(err)
		}
		if rec = await(t, e, rec.ARN); rec.Redrives != i+1 {
			t.Fatalf("%d redrives after %d", rec.Redrives, i+1)
		}
		again, err := e.RedriveOnce(t.Context(), rec.ARN, fmt.Sprint("token ", i))
		if err != nil || !again.Equal(at) || await(t, e, rec.ARN).Redrives != i+1 {
			t.Errorf("repeated: %s, then %s, %v", at, again, err)
		}
	}
	if len(rec.RedriveTokens) != redriveTokens {
		t.Errorf("%d tokens are kept", len(rec.RedriveTokens))
	}
}

// A time limit counts from the redrive.
func TestRedriveAfterTimeLimit(t *testing.T) {
	t.Parallel()
	e := newEngine(t, nil)
	m := create(t, e, "m", `{"TimeoutSeconds":500,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":300,"Next":"X"},"X":{"Type":"Wait","Seconds":300,"Next":"P"},
	  "P":{"Type":"Pass","Parameters":{"n.$":"$$.Execution.RedriveCount"},"End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	if rec.Status != interp.TimedOut {
		t.Fatal(rec.Status)
	}
	if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
		t.Fatal(err)
	}
	if rec = await(t, e, rec.ARN); rec.Status != interp.Succeeded || rec.Output != `{"n":1}` {
		t.Errorf("%s %s", rec.Status, rec.Output)
	}
}

func TestRedrivable(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ok := Record{Status: interp.Failed, Start: now.Add(-time.Hour), Stop: now.Add(-time.Minute), Events: 10}
	for want, change := range map[string]func(*Record){
		"REDRIVABLE ":            func(*Record) {},
		"REDRIVABLE_BY_MAP_RUN ": func(r *Record) { r.MapRun = "run" },
		"NOT_REDRIVABLE Execution is RUNNING and cannot be redriven":   func(r *Record) { r.Status = interp.Running },
		"NOT_REDRIVABLE Execution is SUCCEEDED and cannot be redriven": func(r *Record) { r.Status, r.MapRun = interp.Succeeded, "run" },
		"NOT_REDRIVABLE Execution history event limit exceeded":        func(r *Record) { r.Events = 24999 },
		"NOT_REDRIVABLE Execution has exceeded the max execution time": func(r *Record) { r.Start = now.AddDate(-1, 0, -2) },
		"NOT_REDRIVABLE Execution redrivable period exceeded":          func(r *Record) { r.Start, r.Stop = now.AddDate(0, 0, -16), now.AddDate(0, 0, -15) },
		"NOT_REDRIVABLE Execution reached its limit of 1000 redrives":  func(r *Record) { r.Redrives = 1000 },
	} {
		r := ok
		change(&r)
		status, reason := r.Redrivable(now)
		if got := status + " " + reason; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// redriveLive fails an execution, then redrives it on a machine that dies after some batches.
func redriveLive(t *testing.T, definition, input string, batches int, untold bool) (told string, died bool) {
	t.Helper()
	ctx := t.Context()
	var ok atomic.Bool
	tasks := flaky(&ok)
	store := kvtest.New(t)
	e := open(t, store, tasks)
	m := create(t, e, "m", definition, Standard)
	arn := await(t, e, start(t, e, m.ARN, "x", input).ARN).ARN
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	ok.Store(true)

	weak := newMortal(store, batches, untold)
	e = open(t, weak, tasks)
	if _, err := e.Redrive(ctx, arn); err == nil {
		died = diesBeforeTheEnd(t, e, weak, arn)
	} else {
		died = true
	}
	_ = e.Close(ctx)

	e = open(t, store, tasks)
	defer func() {
		if err := e.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if _, err := e.Redrive(ctx, arn); err != nil && !errors.Is(err, ErrNotRedrivable) {
		t.Fatal(err)
	}
	end := await(t, e, arn)
	return fmt.Sprintf("%s %s\n%s", end.Status, end.Output, unordered(history(t, e, arn))), died
}

// A redrive whose machine dies at any batch ends as if it had not.
func TestCrashOfRedrive(t *testing.T) {
	for _, c := range redrives {
		for _, untold := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, untold %t", c.name, untold), func(t *testing.T) {
				t.Parallel()
				want, died := redriveLive(t, c.definition, c.input, 1<<40, untold)
				if died {
					t.Fatal("died without cause")
				}
				batches := 0
				for died = true; died; batches++ {
					if batches > 500 {
						t.Fatal("the execution does not end")
					}
					var got string
					got, died = redriveLive(t, c.definition, c.input, batches, untold && batches > 0)
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("after %d batches (-want +got):\n%s", batches, d)
					}
				}
			})
		}
	}
}
