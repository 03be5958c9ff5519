package workflow

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tarn-data/tarn/internal/kv"
)

// Texts go once nothing refers to them in two sweeps; those of versions and of executions that are kept stay.
func TestOldDefinitionsAreRemoved(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	text := func(n int) string {
		return fmt.Sprintf(`{"StartAt":"A","States":{"A":{"Type":"Pass","Result":%d,"End":true}}}`, n)
	}
	m := create(t, e, "m", text(0), Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN) // keeps 0
	update := func(n int, publish bool) {
		t.Helper()
		d := text(n)
		if _, _, _, err := e.Update(t.Context(), m.ARN, UpdateMachine{Definition: &d, Publish: publish}); err != nil {
			t.Fatal(err)
		}
	}
	update(1, true) // kept by its version
	update(2, false)
	update(3, false)
	stays := func(want ...bool) {
		t.Helper()
		if err := e.sweepDefinitions(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n, w := range want {
			if _, err := e.store.Get(t.Context(), definitionKey(hashOf(text(n)))); (err == nil) != w || err != nil && !errors.Is(err, kv.ErrNotFound) {
				t.Errorf("definition %d: %v, want it to stay: %v", n, err, w)
			}
		}
	}
	stays(true, true, true, true)
	update(2, false) // used again between two sweeps
	stays(true, true, true, true)
	update(3, false)
	stays(true, true, true, true)
	stays(true, true, false, true)
	if err := e.forget(t.Context(), rec.Scope, rec.Machine, rec.Name); err != nil {
		t.Fatal(err)
	}
	stays(true, true, false, true)
	stays(false, true, false, true)
	update(0, false)
	if d, err := e.Describe(t.Context(), m.ARN); err != nil || d.Definition != text(0) {
		t.Errorf("%+v, %v", d, err)
	}
}
