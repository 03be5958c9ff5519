package workflow

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Children that did not succeed go on in the run that they belong to; those that did are left alone.
func TestMapRunIsRedriven(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			var fails atomic.Bool
			fails.Store(true)
			tasks := newFakeTasks(func(_ context.Context, name string, _ int, call *TaskCall) (string, *TaskError) {
				if name == "odd" && fails.Load() && strings.Contains("13", call.Input) {
					return "", &TaskError{Error: "Odd", Cause: call.Input}
				}
				return call.Input, nil
			})
			e := newEngine(t, tasks)
			m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ToleratedFailureCount":1,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"`+kind+`"},
			 "StartAt":"P","States":{"P":{"Type":"Pass","Next":"T"},"T":{"Type":"Task","Resource":"`+lambda+`odd","End":true}}},"End":true}}}`, Standard)
			rec := await(t, e, start(t, e, m.ARN, "x", `[1,2,3,4,5]`).ARN)
			runs, _, err := e.MapRuns(t.Context(), rec.ARN, 0, "")
			if err != nil || len(runs) != 1 || rec.Status != interp.Failed {
				t.Fatalf("%+v %+v %v", rec, runs, err)
			}
			if c := runs[0].Counts; c.Failed != 2 || c.Succeeded != 1 || c.Total != 3 {
				t.Fatalf("after the failure: %+v", c)
			}
			fails.Store(false)
			if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
				t.Fatal(err)
			}
			rec = await(t, e, rec.ARN)
			if rec.Status != interp.Succeeded || rec.Output != `[1,2,3,4,5]` {
				t.Errorf("%s %s %v", rec.Status, rec.Output, rec.Cause)
			}
			run, err := e.MapRun(t.Context(), runs[0].ARN)
			if err != nil || run.Redrives != 1 || run.Redriven.IsZero() || !run.Start.Equal(runs[0].Start) || run.Status != interp.Succeeded {
				t.Errorf("%+v %v", run, err)
			}
			if want := strings.Replace(run.ARN, ":mapRun:", ":stateMachine:", 1); !strings.HasPrefix(want, run.Machine+":") {
				t.Errorf("state machine %s of %s", run.Machine, run.ARN)
			}
			if want := (Counts{Succeeded: 5, Written: 5, Total: 5}); run.Counts != want || run.Items != want {
				t.Errorf("counts %+v, items %+v", run.Counts, run.Items)
			}
			children, _, err := e.MapRunExecutions(t.Context(), run.ARN, Filter{}, 0, "")
			if err != nil || len(children) != 5 {
				t.Fatalf("%+v %v", children, err)
			}
			redriven := 0
			for _, c := range children {
				redriven += c.Redrives
			}
			if want := map[string]int{"STANDARD": 2, "EXPRESS": 0}[kind]; redriven != want {
				t.Errorf("%d children were redriven, want %d", redriven, want)
			}
			if n := tasks.calls["odd"]; n != 7 { // three, two of them again, and two new ones
				t.Errorf("the task was called %d times", n)
			}
			h := history(t, e, rec.ARN)
			if strings.Count(h, "MapRunStarted") != 1 || !strings.Contains(h, "MapRunRedriven") || strings.Count(h, "MapStateEntered") != 1 {
				t.Errorf("history:\n%s", h)
			}
		})
	}
}

// A run that is stopped half way goes on with what it has not done.
func TestStoppedMapRunIsRedriven(t *testing.T) {
	gate := make(chan struct{})
	var done atomic.Int32
	e := newEngine(t, newFakeTasks(func(ctx context.Context, _ string, _ int, call *TaskCall) (string, *TaskError) {
		if call.Input == "3" {
			select {
			case <-gate:
			case <-ctx.Done():
				return "", &TaskError{Error: "Stopped"}
			}
		}
		if call.Input != "3" { // its end may not be wanted any more
			done.Add(1)
		}
		return call.Input, nil
	}))
	m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
	 "StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`gated","End":true}}},"End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `[0,1,2,3,4,5]`)
	for done.Load() < 3 {
		if _, err := e.Statuses(t.Context(), rec.ARN); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.StopExecution(t.Context(), rec.ARN, nil, nil); err != nil {
		t.Fatal(err)
	}
	await(t, e, rec.ARN)
	close(gate)
	if _, err := e.Redrive(t.Context(), rec.ARN); err != nil { // children may still be stopping
		t.Fatal(err)
	}
	rec = await(t, e, rec.ARN)
	if rec.Status != interp.Succeeded || rec.Output != `[0,1,2,3,4,5]` || done.Load() != 5 {
		t.Errorf("%s %s after %d calls: %s", rec.Status, rec.Output, done.Load(), fmt.Sprint(rec.Cause))
	}
}
