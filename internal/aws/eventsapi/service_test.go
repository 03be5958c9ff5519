package eventsapi

import "testing"

func TestTable(t *testing.T) {
	if err := New(nil, nil).Check(); err != nil {
		t.Error(err)
	}
}
