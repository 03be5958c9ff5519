package schedulerapi

import "testing"

func TestTable(t *testing.T) {
	if err := New(nil).Check(); err != nil {
		t.Error(err)
	}
}
