package sqsapi

import (
	"os"
	"regexp"
	"testing"
)

func TestTable(t *testing.T) {
	if err := New(Options{}).Check(); err != nil {
		t.Error(err)
	}
}

// TestErrorsHaveRows counts the errors that the engine declares: each needs an answer.
func TestErrorsHaveRows(t *testing.T) {
	src, err := os.ReadFile("../../queue/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^\s+Err\w+\s+= errors.New`).FindAll(src, -1)); n != len(errorTable) {
		t.Errorf("the engine declares %d errors and the table has %d rows", n, len(errorTable))
	}
}
