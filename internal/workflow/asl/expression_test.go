package asl

import (
	"testing"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func TestContextObjectIsMadeForExpressionsThatMayReadIt(t *testing.T) {
	for src, want := range map[string]bool{
		`$states.input.a`:                     false,
		`1`:                                   false,
		`$states.input.a & $states.result.b`:  false,
		`$states.errorOutput.Error`:           false,
		`$states.context.Execution.Id`:        true,
		`$states.input.a & $states.context.b`: true,
		`$lookup($states, "context")`:         true,
		`$states.*`:                           true,
		`($s := $states; $s.context.b)`:       true,
		"$states.`context`.b":                 true,
		`$states . input`:                     true,
	} {
		made := false
		scope := &Scope{Input: jsonvalue.NewObject(), Context: func() *jsonvalue.Object { made = true; return jsonvalue.NewObject("b", "c") }}
		q, err := compileQuery(src, "Output")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = q.eval(scope)
		if made != want {
			t.Errorf("%s: made %t, want %t", src, made, want)
		}
	}
}
