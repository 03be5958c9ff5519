package jsonata

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Light evaluations go on while the turns are taken; one that becomes heavy waits, and its time does not run.
func TestHeavyEvaluationsWaitForTheirTurn(t *testing.T) {
	heavy := NewHeavy(1)
	eval := func(ctx context.Context, src string, limits Limits) error {
		e, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		limits.Heavy = heavy
		_, err = e.Eval(ctx, nil, limits)
		return err
	}
	heavy.turns <- struct{}{}
	if err := eval(t.Context(), `$sum([1..1000])`, Limits{}); err != nil {
		t.Errorf("a light one: %v", err)
	}
	for _, src := range []string{`($f := function($x){ $f($x) }; $f(1))`, `$length($pad("x", 50000000))`} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := eval(ctx, src, Limits{Time: 100 * time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s did not wait: %v", src, err)
		}
		cancel()
	}
	<-heavy.turns
	for range 3 { // each gives its turn back
		var je *Error
		if err := eval(t.Context(), `($f := function($x){ $f($x) }; $f(1))`, Limits{Time: 50 * time.Millisecond}); !errors.As(err, &je) || je.Code != "U1001" {
			t.Errorf("%v", err)
		}
	}
	if err := eval(t.Context(), `$length($pad("x", 50000000))`, Limits{}); err != nil {
		t.Error(err)
	}
}
