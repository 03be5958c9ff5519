package pace

import (
	"fmt"
	"testing"
	"time"
)

func TestTurn(t *testing.T) {
	var p Pacer
	for i, c := range []struct {
		name      string
		now, want time.Duration
	}{
		{"a", 0, 0}, {"a", 0, time.Second}, {"b", 0, 0}, {"a", 500 * time.Millisecond, 1500 * time.Millisecond}, {"a", 10 * time.Second, 0}, {"a", 10 * time.Second, time.Second},
	} {
		if got := p.turn(c.name, c.now, time.Second); got != c.want {
			t.Errorf("turn %d of %s at %v: in %v, want %v", i, c.name, c.now, got, c.want)
		}
	}
	for i := range 3 * maxIdle {
		p.turn(fmt.Sprint(i), time.Hour+time.Duration(i)*time.Minute, time.Second)
	}
	if len(p.next) > maxIdle {
		t.Errorf("%d names are remembered", len(p.next))
	}
}
