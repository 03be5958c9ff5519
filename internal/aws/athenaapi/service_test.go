package athenaapi

import "testing"

func TestTableFitsTheModel(t *testing.T) {
	if err := New(Options{}).Check(); err != nil {
		t.Fatal(err)
	}
}
