package logsapi

import "testing"

func TestTableFitsTheModel(t *testing.T) {
	if err := New(nil).Check(); err != nil {
		t.Fatal(err)
	}
}
