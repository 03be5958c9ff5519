package workflow

import (
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// A fault of the interpreter ends the one execution, with a history without a gap, and no other.
func TestStepThatPanics(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m := create(t, e, "m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":90000000,"End":true}}}`, Standard)
	rec, other := start(t, e, m.ARN, "x", `{}`), start(t, e, m.ARN, "y", `{}`)
	x, err := e.awake(t.Context(), rec.Key)
	if err != nil {
		t.Fatal(err)
	}
	e.step(x, func(s *interp.Step) {
		s.State.LastEvent += 5
		panic("half way")
	})
	end := await(t, e, rec.ARN)
	if end.Status != interp.Failed || *end.Error != "States.Runtime" || !strings.Contains(*end.Cause, "half way") {
		t.Errorf("%+v", end)
	}
	if h := history(t, e, rec.ARN); strings.Count(h, "ExecutionFailed") != 1 {
		t.Errorf("history:\n%s", h)
	}
	if rec, err := e.Execution(t.Context(), other.ARN); err != nil || rec.Status != interp.Running {
		t.Errorf("%+v %v", rec, err)
	}
}
