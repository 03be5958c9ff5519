package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Iterations that begin together schedule all their tasks before the first is started, and those whose time is over together
// have all timed out before the first of them fails.
func TestTasksOfIterationsInStep(t *testing.T) {
	e := newEngine(t, newFakeTasks(func(ctx context.Context, _ string, _ int, _ *TaskCall) (string, *TaskError) {
		<-ctx.Done()
		return "", &TaskError{}
	}))
	m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`f","TimeoutSeconds":5,"End":true}}},"End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `[1,2]`).ARN)
	want := `1<0 ExecutionStarted input=[1,2]
2<0 MapStateEntered name=M input=[1,2]
3<2 MapStateStarted
4<3 MapIterationStarted name=M
5<3 MapIterationStarted name=M
6<4 TaskStateEntered name=T input=1
7<6 LambdaFunctionScheduled input=1 resource=` + lambda + `f
8<5 TaskStateEntered name=T input=2
9<8 LambdaFunctionScheduled input=2 resource=` + lambda + `f
10<7 LambdaFunctionStarted
11<9 LambdaFunctionStarted
12<10 LambdaFunctionTimedOut error=States.Timeout
13<11 LambdaFunctionTimedOut error=States.Timeout
14<12 MapIterationFailed name=M
15<12 TaskStateAborted
16<12 MapIterationAborted name=M
17<12 TaskStateAborted
18<12 MapStateFailed
19<18 ExecutionFailed error=States.Timeout
`
	if d := cmp.Diff(want, history(t, e, rec.ARN)); d != "" {
		t.Error(d)
	}
}

// An Express execution ends after five minutes, whatever its definition says.
func TestExpressTimeIsLimited(t *testing.T) {
	e := newEngine(t, nil)
	for _, limit := range []string{"", `"TimeoutSeconds":3000,`} {
		m := create(t, e, "m"+string(rune('0'+len(limit))), `{`+limit+`"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000000,"End":true}}}`, Express)
		rec, err := e.StartSync(t.Context(), m.ARN, "", `{}`, "")
		if err != nil || rec.Status != interp.TimedOut {
			t.Errorf("%q: %+v %v", limit, rec, err)
		}
	}
}

// Who stops an execution does not wait for the expression that is evaluated for it.
func TestStopEndsAnExpression(t *testing.T) {
	e := newEngine(t, nil)
	m := create(t, e, "m", `{"QueryLanguage":"JSONata","StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"P"},
	 "P":{"Type":"Pass","Output":"{% ($f := function($n) { $n < 0 ? 0 : $f($n + 1) }; $f(0)) %}","End":true}}}`, Standard)
	arn := start(t, e, m.ARN, "x", `{}`).ARN
	for x := (*exec)(nil); x == nil || x.under.Load() == nil; { // the expression goes on until it is stopped or 5 s are over
		rec, err := e.Execution(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		x = e.find(rec.Key)
	}
	name, cause := "Enough", "of it"
	if _, err := e.StopExecution(t.Context(), arn, &name, &cause); err != nil {
		t.Fatal(err)
	}
	rec := await(t, e, arn)
	if rec.Status != interp.Aborted || rec.Error == nil || *rec.Error != name || *rec.Cause != cause {
		t.Errorf("%s %v %v\n%s", rec.Status, rec.Error, rec.Cause, history(t, e, arn))
	}
}

// Of redrives at one time one is made, and the execution that it started is the one in memory.
func TestRedrivesAtOnce(t *testing.T) {
	ok := make(chan struct{})
	e := newEngine(t, newFakeTasks(func(_ context.Context, _ string, n int, _ *TaskCall) (string, *TaskError) {
		if n == 1 {
			return "", &TaskError{Error: "E"}
		}
		<-ok
		return `{}`, nil
	}))
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`f","Next":"W"},"W":{"Type":"Wait","Seconds":1,"End":true}}}`, Standard)
	arn := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN).ARN
	var all sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		all.Go(func() {
			_, err := e.Redrive(t.Context(), arn)
			results <- err
		})
	}
	all.Wait()
	close(results)
	close(ok)
	made := 0
	for err := range results {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, ErrNotRedrivable):
			t.Error(err)
		}
	}
	if rec := await(t, e, arn); made != 1 || rec.Status != interp.Succeeded || rec.Redrives != 1 {
		t.Errorf("%d redrives: %s after %d", made, rec.Status, rec.Redrives)
	}
	if len(e.names.held) != 0 {
		t.Errorf("%d locks are left", len(e.names.held))
	}
}

// A task that no worker fetched leaves its queue when nobody waits for it any more, and queues that are empty go.
func TestOffersAreWithdrawn(t *testing.T) {
	e := newEngine(t, nil)
	act, err := e.CreateActivity(t.Context(), scope, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+act.ARN+`","TimeoutSeconds":5,"Retry":[{"ErrorEquals":["States.Timeout"],"MaxAttempts":2,"IntervalSeconds":1}],"End":true}}}`, Standard)
	if rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN); rec.Status != interp.Failed {
		t.Fatal(rec.Status)
	}
	if token, _, err := e.GetActivityTask(t.Context(), act.ARN, "w"); err != nil || token != "" {
		t.Errorf("%q %v", token, err)
	}
	e.activities.mu.Lock()
	defer e.activities.mu.Unlock()
	if len(e.activities.at) != 0 || len(e.activities.queues) != 0 {
		t.Errorf("%d offers, %d queues", len(e.activities.at), len(e.activities.queues))
	}
}

// With an execution go its map runs and their children; one that was redriven meanwhile stays.
func TestForgottenWithMapRuns(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
	 "StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`f","End":true}}},"End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `[1,2,3]`).ARN)
	if err := e.collectOnce(t.Context(), rec.Start); err != nil {
		t.Fatal(err)
	}
	if left := rows(t, e); left["x"] != 4 || left["n"] != 3 || left["p"] != 1 {
		t.Fatalf("before: %v", left)
	}
	if err := e.forget(t.Context(), rec.Scope, rec.Machine, rec.Name); err != nil {
		t.Fatal(err)
	}
	if left := rows(t, e); len(left) != 2 || left["m"] != 1 || left["d"] != 1 {
		t.Errorf("after: %v", left)
	}
	long := create(t, e, "long", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100000,"End":true}}}`, Standard)
	arn := start(t, e, long.ARN, "y", `{}`).ARN
	if err := e.forget(t.Context(), scope, "long", "y"); err != nil {
		t.Fatal(err)
	}
	if again, err := e.Execution(t.Context(), arn); err != nil || again.Status != interp.Running {
		t.Errorf("%+v %v", again, err)
	}
	if err := e.collectOnce(t.Context(), time.Now().Add(1000*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// The variables of one Assign have 256 KiB together, those of an execution 10 MiB.
func TestVariablesAreLimited(t *testing.T) {
	e := newEngine(t, nil)
	input := `{"s":"` + strings.Repeat("x", 200<<10) + `"}`
	both := create(t, e, "both", `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"a.$":"$.s","b.$":"$.s"},"End":true}}}`, Standard)
	states := []string{`"S60":{"Type":"Pass","End":true}`}
	for i := range 60 {
		states = append(states, fmt.Sprintf(`"S%d":{"Type":"Pass","Assign":{"v%d.$":"$.s"},"Next":"S%d"}`, i, i%30, i+1))
	}
	thirty := create(t, e, "thirty", `{"StartAt":"S0","States":{`+strings.Join(states, ",")+`}}`, Standard)
	sixty := create(t, e, "sixty", `{"StartAt":"S0","States":{`+strings.Join(states[:31], ",")+`,`+strings.ReplaceAll(strings.Join(states[31:], ","), `"v`, `"u`)+`}}`, Standard)
	for m, want := range map[*Machine]string{both: "States.DataLimitExceeded", thirty: "", sixty: "States.DataLimitExceeded"} {
		rec := await(t, e, start(t, e, m.ARN, "x", input).ARN)
		got := ""
		if rec.Error != nil {
			got = *rec.Error
		}
		if got != want {
			t.Errorf("%s: %s %q, want %q", m.Name, rec.Status, got, want)
		}
	}
}

// What a catcher makes can be too large as well: that is not caught again.
func TestCaughtResultTooLarge(t *testing.T) {
	e := newEngine(t, newFakeTasks(func(context.Context, string, int, *TaskCall) (string, *TaskError) {
		return `"` + strings.Repeat("x", 300<<10) + `"`, nil
	}))
	for name, catch := range map[string]string{"path": `"ResultPath":"$.e"`, "assign": `"ResultPath":null,"Assign":{"a.$":"$","b.$":"States.Format('{}{}{}{}', $.Cause, $.Cause, $$.Execution.Input.s, $$.Execution.Input.s)"}`} {
		m := create(t, e, name, `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`f","Catch":[{"ErrorEquals":["States.DataLimitExceeded"],`+catch+`,"Next":"P"}],"End":true},"P":{"Type":"Pass","End":true}}}`, Standard)
		rec := await(t, e, start(t, e, m.ARN, "x", `{"s":"`+strings.Repeat("x", asl.MaxPayload-20)+`"}`).ARN)
		if rec.Status != interp.Failed || *rec.Error != "States.DataLimitExceeded" {
			t.Errorf("%s: %s %v", name, rec.Status, *rec.Error)
		}
	}
}

// rows counts the rows of the workflow space by kind.
func rows(t *testing.T, e *Engine) map[string]int {
	t.Helper()
	out := map[string]int{}
	for it, err := range e.store.Scan(t.Context(), kv.Prefix(key.In(key.Workflow))) {
		if err != nil {
			t.Fatal(err)
		}
		out[key.Read(it.Key, key.Workflow).Str()]++
	}
	return out
}
