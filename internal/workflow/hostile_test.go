package workflow

import (
	"context"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// What tasks answer that no state can use ends the state, not the server.
func TestOddAnswersOfTasks(t *testing.T) {
	for name, c := range map[string]struct{ answer, error, cause string }{
		"ten megabytes":  {`"` + strings.Repeat("x", 10<<20) + `"`, "States.DataLimitExceeded", "returned a result with a size exceeding the maximum number of bytes service limit."},
		"just too much":  {`"` + strings.Repeat("x", 256<<10-1) + `"`, "States.DataLimitExceeded", "service limit."},
		"just enough":    {`"` + strings.Repeat("x", 256<<10-2) + `"`, "", ""},
		"nothing":        {"", "States.TaskFailed", "not valid JSON"},
		"half a JSON":    {`{"a":`, "States.TaskFailed", "not valid JSON"},
		"two of them":    {`1 2`, "States.TaskFailed", "not valid JSON"},
		"too deep":       {strings.Repeat("[", 100000) + strings.Repeat("]", 100000), "States.TaskFailed", "not valid JSON"},
		"a large number": {`1e400`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, newFakeTasks(func(context.Context, string, int, *TaskCall) (string, *TaskError) { return c.answer, nil }))
			m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`odd","End":true}}}`, Standard)
			rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
			if c.error == "" {
				if rec.Status != interp.Succeeded || rec.Output != c.answer {
					t.Errorf("%s %.100s", rec.Status, rec.Output)
				}
				return
			}
			if rec.Status != interp.Failed || *rec.Error != c.error || !strings.Contains(*rec.Cause, c.cause) || len(*rec.Cause) > 1000 {
				t.Errorf("%s %s: %.200s", rec.Status, *rec.Error, *rec.Cause)
			}
		})
	}
}

// A definition that names its input over and over makes no more than it may.
func TestValuesThatMultiply(t *testing.T) {
	many := func(sep, item string) string { return strings.TrimSuffix(strings.Repeat(item+sep, 20000), sep) }
	input := `"` + strings.Repeat("x", 200<<10) + `"`
	for name, c := range map[string]struct{ state, error string }{
		"parameters": {`"Type":"Pass","Parameters":{"a":[` + many(",", `{"b.$":"$"}`) + `]},"End":true`, "States.DataLimitExceeded"},
		"assign":     {`"Type":"Pass","Assign":{"a":[` + many(",", `{"b.$":"$"}`) + `]},"End":true`, "States.DataLimitExceeded"},
		"a task":     {`"Type":"Task","Resource":"` + lambda + `x","Parameters":{"a":[` + many(",", `{"b.$":"$"}`) + `]},"End":true`, "States.DataLimitExceeded"},
		"branches":   {`"Type":"Parallel","Parameters":{"a":[` + many(",", `{"b.$":"$"}`) + `]},"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"End":true`, "States.DataLimitExceeded"},
		"an array":   {`"Type":"Pass","Parameters":{"a.$":"States.ArrayLength(States.Array(` + many(",", "$") + `))"},"End":true`, "States.IntrinsicFailure"},
		"a text":     {`"Type":"Pass","Parameters":{"a.$":"States.Hash(States.Format('` + many("", "{}") + `',` + many(",", "$") + `),'MD5')"},"End":true`, "States.IntrinsicFailure"},
		"jsonata":    {`"Type":"Pass","QueryLanguage":"JSONata","Output":[` + many(",", `"{% $states.input %}"`) + `],"End":true`, "States.DataLimitExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, newFakeTasks(echo))
			m := create(t, e, "m", `{"StartAt":"A","States":{"A":{`+c.state+`}}}`, Standard)
			rec := await(t, e, start(t, e, m.ARN, "x", input).ARN)
			if rec.Status != interp.Failed || rec.Error == nil || *rec.Error != c.error || len(*rec.Cause) > 1<<20 {
				t.Errorf("%s %v %.200s", rec.Status, rec.Error, *rec.Cause)
			}
		})
	}
}
