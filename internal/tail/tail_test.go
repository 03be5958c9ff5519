package tail_test

import (
	"testing"

	"github.com/tarn-data/tarn/internal/tail"
)

func TestHub(t *testing.T) {
	var h tail.Hub[string, int]
	h.Send("a", 0)
	a, stop := h.Watch("a")
	for i := range 5000 { // nobody reads: what does not fit is dropped
		h.Send("a", i)
		h.Send("b", -1)
	}
	for i := range len(a) {
		if v := <-a; v != i {
			t.Fatalf("%d at %d", v, i)
		}
	}
	if stop(); h.Watched() {
		t.Error("watched after its end")
	}
	h.Send("a", 1)
	if len(a) != 0 {
		t.Error("shown after its end")
	}
}
