package workflow

import (
	"testing"

	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// A tested Task state without a mock calls its task.
func TestTestStateCallsTheTask(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m, _, err := asl.Parse(`{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`echo","Parameters":{"k.$":"$.a"},"End":true}}}`, asl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := e.TestState(t.Context(), scope, "arn:aws:iam::123456789012:role/r", m, &interp.TestRequest{State: m.States["T"], Input: `{"a":1}`})
	if out.Status != "SUCCEEDED" || out.Output != `{"k":1}` {
		t.Errorf("%+v", out)
	}
}

// The context object of a tested state is the recorded one: a name that is always the same, no role where none was given.
func TestTestedContext(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m, _, err := asl.Parse(`{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"name.$":"$$.State.Name","role.$":"$$.Execution.RoleArn"},"End":true}}}`, asl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]string{"": `{"role":null,"name":"StateName"}`, "arn:aws:iam::123456789012:role/r": `{"role":"arn:aws:iam::123456789012:role/r","name":"StateName"}`} {
		if r := e.TestState(t.Context(), scope, role, m, &interp.TestRequest{State: m.States["P"], Input: `{}`}); r.Output != want {
			t.Errorf("with role %q: %s, want %s", role, r.Output, want)
		}
	}
}
