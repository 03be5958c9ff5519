package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

func TestStateMark(t *testing.T) {
	for _, c := range []struct {
		s    app.ExecutionState
		want string
	}{
		{app.ExecutionState{}, "waiting"},
		{app.ExecutionState{Entered: 1, Active: 1}, "running"},
		{app.ExecutionState{Entered: 1}, "running"},
		{app.ExecutionState{Entered: 1, Exited: 1}, "done"},
		{app.ExecutionState{Entered: 1, Active: 1, Failed: 1, Attempts: 2}, "retrying"},
		{app.ExecutionState{Entered: 1, Failed: 1}, "failed"},
		{app.ExecutionState{Entered: 1, Exited: 1, Failed: 2}, "done after failures"},
	} {
		if got := stateMark(c.s); got != c.want {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
}

// watched is an execution of A, which has ended, and a Map with B, which goes on.
func watched() *app.Execution {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	return &app.Execution{
		ARN: "arn:aws:states:us-east-1:000000000000:execution:m:x", Status: "RUNNING", Start: at,
		Graph: asl.Graph{StartAt: "A", Nodes: []asl.Node{{Name: "A", Kind: asl.Task}, {Name: "M", Kind: asl.Map, Branches: []asl.Graph{{Nodes: []asl.Node{{Name: "B", Kind: asl.Wait}}}}}}},
		States: map[string]app.ExecutionState{
			"A": {Entered: 1, Exited: 1, Attempts: 3, Failed: 2, First: at, Last: at.Add(2 * time.Second)},
			"M": {Entered: 1, Active: 1, First: at.Add(2 * time.Second), Last: at.Add(2 * time.Second)},
		},
	}
}

func TestWatcherDrawsOverTheLastTree(t *testing.T) {
	var out strings.Builder
	w := sfWatcher{out: &out, live: true}
	x := watched()
	for range 2 {
		if err := w.show(x, x.Start.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	tree := "\x1b[2Kx RUNNING 5s\n\x1b[2K  ✓ A (Task) done after failures, 3 attempts, 2s\n\x1b[2K  ▶ M (Map) running, 3s\n\x1b[2K    · B (Wait) waiting\n"
	if d := cmp.Diff(tree+"\x1b[4A"+tree, out.String()); d != "" {
		t.Error(d)
	}
}

func TestWatcherPrintsChangesOnly(t *testing.T) {
	var out strings.Builder
	w := sfWatcher{out: &out}
	x := watched()
	for range 2 {
		if err := w.show(x, x.Start); err != nil {
			t.Fatal(err)
		}
	}
	stop := x.Start.Add(7 * time.Second)
	x.Stop, x.Status = &stop, "SUCCEEDED"
	x.States["M"] = app.ExecutionState{Entered: 1, Exited: 1, First: x.Start, Last: stop}
	if err := w.show(x, stop); err != nil {
		t.Fatal(err)
	}
	want := "03:04:07.000 ✓ A (Task) done after failures, 3 attempts, 2s\n03:04:07.000 ▶ M (Map) running, 0s\n03:04:12.000 ✓ M (Map) done, 7s\n03:04:12.000 SUCCEEDED after 7s\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestEventLine(t *testing.T) {
	got, err := eventLine([]byte(`{"id":3,"timestamp":1767323045.5,"type":"TaskFailed","previousEventId":2,"taskFailedEventDetails":{"error":"E","cause":"a\n b","resource":"r"}}`))
	if err != nil || !strings.HasPrefix(got, "    3  ") || !strings.HasSuffix(got, "TaskFailed  r  E  a b") {
		t.Errorf("%q, %v", got, err)
	}
}
