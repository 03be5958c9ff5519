package workflow

import (
	"context"
	"errors"
	"testing"

	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestTaskIDs: a task that is called again after a restart has the id of the first call, a retry and a redrive have others.
func TestTaskIDs(t *testing.T) {
	const definition = `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `task","Retry":[{"ErrorEquals":["Again"],"MaxAttempts":1}],"End":true}}}],"End":true}}}`
	ids, hold := make(chan string, 10), make(chan struct{})
	outcome := func(ctx context.Context, _ string, n int, call *TaskCall) (string, *TaskError) {
		ids <- call.ID
		switch n {
		case 1: // lost by the restart
			<-ctx.Done()
			return "", &TaskError{Error: "Gone"}
		case 2:
			<-hold
			return "", &TaskError{Error: "Again"}
		case 3:
			return "", &TaskError{Error: "Boom"}
		}
		return "{}", nil
	}
	store, tasks := kvtest.New(t), newFakeTasks(outcome)
	e := open(t, store, tasks)
	m := create(t, e, "m", definition, Standard)
	rec, err := e.StartExecution(t.Context(), m.ARN, "x", "{}", "")
	if err != nil {
		t.Fatal(err)
	}
	first := <-ids
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	e = open(t, store, tasks)
	defer func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	again := <-ids
	close(hold)
	retry := <-ids
	await(t, e, rec.ARN)
	if _, err := e.Redrive(t.Context(), rec.ARN); err != nil {
		t.Fatal(err)
	}
	redriven := <-ids
	if first != again || first == "" {
		t.Errorf("first call %q, after the restart %q", first, again)
	}
	if retry == first || redriven == first || redriven == retry {
		t.Errorf("first %s, retry %s, redriven %s", first, retry, redriven)
	}
}

func TestStartOnce(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m := create(t, e, "m", `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`, Standard)
	a, err := e.StartOnce(t.Context(), m.ARN, "n", "{}", "")
	if err != nil {
		t.Fatal(err)
	}
	await(t, e, a.ARN)
	if _, err := e.StartExecution(t.Context(), m.ARN, "n", "{}", ""); !errors.Is(err, ErrExecutionExists) {
		t.Errorf("a second start: %v", err)
	}
	b, err := e.StartOnce(t.Context(), m.ARN, "n", "{}", "")
	if err != nil || b.ARN != a.ARN || b.Key != a.Key {
		t.Errorf("repeated: %+v, %v", b, err)
	}
}
