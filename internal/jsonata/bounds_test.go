package jsonata_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// TestRunawayExpressionsEnd checks that hostile expressions end with an error, soon.
func TestRunawayExpressionsEnd(t *testing.T) {
	nested := func(use string) string {
		return `($f := function($a,$n){$n=0 ? $a : $f([[$a]],$n-1)}; $x := $f(1, 100000); ` + use + `)`
	}
	for _, src := range []string{
		`($f := function($x){ 1 + $f($x) }; $f(1))`,
		`($f := function($x){ $f($x) }; $f(1))`,
		`($f := function($x){ $map([1,2], function($y){ $f($y) }) }; $f(1))`,
		`[1..1000000000]`,
		`[1..10000000].($ & "x")`,
		`($f := function($s){ $f($s & $s) }; $f("xxxxxxxxxxxxxxxx"))`,
		`($f := function($a){ $f($append($a, $a)) }; $f([1,2]))`,
		`($f := function($a){ $f([$a, [1..100000]]) }; $f([1,2]))`,
		`$pad("x", 1000000000)`,
		`$join($map([1..2000000], function($i){"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}))`,
		`$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /^(a+)+$/)`,
		`$formatInteger(1e300, "I")`,
		`$formatInteger(1/0, "w")`,
		`$formatNumber(-5, "0.0e0")`,
		`$fromMillis(0, "[Y,1000000000]")`,
		nested(`$string($x)`), nested(`$x`), nested(`$x.a`), nested(`$boolean($x)`), nested(`{"a":$x}.*`), nested(`$spread($x)`), nested(`$keys($x)`), nested(`$x = $x`), nested(`$x.**`), nested(`$distinct([$x,$x])`),
		`($v := {"a":{}}; $v ~> |a|{"self":$}|)`,
		`($big := [1..100000]; $l := [1..100000].{"b": $big}; $l.b)`,
		`($big := [1..100000]; $l := [1..100000].{"b": $big}; $lookup($l, "b"))`,
		`($big := [1..100000]; $l := [1..100000].{"b": [$big]}; $l.*)`,
		`($big := [1..100000]; $l := [1..100000].{"b": $big}; $l.**)`,
		`($big := [1..100000]; $l := [1..100000].{"k": "k", "b": [$big]}; $l{k: $count(b)})`,
		`($f := function($x, $n){ $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; $f("x", 60))`,
		`($f := function($x, $n){ $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; $string($f("x", 60)))`,
		`($s := $pad("x", 1000000); [1..10000].{"s": $s})`,
		`($v := {"a":{}}; $w := $v ~> |a|{"self":$}|; $w.** = 1)`,
		`($v := {"a":{}}; $w := $v ~> |a|{"self":$}|; $w = ($v ~> |a|{"self":$}|))`,
		strings.Repeat("(", 100000),
		strings.Repeat("[", 3000) + strings.Repeat("]", 3000),
		strings.Repeat("-", 100000) + "1",
		`"a"` + strings.Repeat(`&"a"`, 100000),
		`$v` + strings.Repeat(`[0]`, 100000) + `.`,
	} {
		name := src[:min(len(src), 100)]
		e, err := jsonata.Compile(src)
		if err == nil {
			_, err = e.Eval(t.Context(), nil, jsonata.Limits{Time: 300 * time.Millisecond, Memory: 64 << 20})
		}
		var je *jsonata.Error
		if !errors.As(err, &je) && !strings.Contains(src, "[0][0]") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := eval(t, `1+1`); got != "2" {
		t.Errorf("after the runaway expressions: %s, %v", got, err)
	}
}

func TestCancelledContextEndsTheEvaluation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e, err := jsonata.Compile(`($f := function($x){ $f($x) }; $f($stop))`)
	if err != nil {
		t.Fatal(err)
	}
	get := func(string) (any, bool) { cancel(); return nil, true }
	if _, err := e.Eval(ctx, get, jsonata.Limits{Time: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestWhatJavaScriptCannot has expressions that overflow the stack of the library and are well within the limits here.
func TestWhatJavaScriptCannot(t *testing.T) {
	for src, want := range map[string]string{
		`$sum($sort([1..20000]))`: "200010000",
		`$count([1..10000000])`:   "10000000",
		`[1..10000000][9999999]`:  "10000000",
		`($f := function($n){$n = 0 ? 1 : $n * $f($n - 1)}; $f(100))`:                                                         "9.33262154439441e+157",
		`($even := function($n){$n = 0 ? true : $odd($n-1)}; $odd := function($n){$n = 0 ? false : $even($n-1)}; $odd(6555))`: "true",
		`($data := {"number": [1..200000].$string()}; $count($data.number))`:                                                  "200000",
	} {
		got, err := eval(t, src)
		if want != "" && (err != nil || got != want) {
			t.Errorf("%s = %s, %v; want %s", src, got, err, want)
		}
	}
}

// A document is shared with the state machine: no expression may change it.
func TestDocumentsAreNotChanged(t *testing.T) {
	doc, err := jsonvalue.Parse(richDocument)
	if err != nil {
		t.Fatal(err)
	}
	before := jsonvalue.Marshal(doc)
	for _, src := range strings.Split(strings.TrimSpace(expressions), "\n") {
		native(t, src, doc, false)
		if after := jsonvalue.Marshal(doc); after != before {
			t.Fatalf("%s changed the document: %s", src, after)
		}
	}
}

// One compiled expression serves many evaluations at a time.
func TestConcurrentEvaluations(t *testing.T) {
	doc, err := jsonvalue.Parse(richDocument)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, src := range strings.Split(strings.TrimSpace(expressions), "\n") {
		e, err := jsonata.Compile(src)
		if err != nil || !comparable(src) {
			continue
		}
		answers := make([]string, 4)
		for i := range answers {
			wg.Go(func() {
				v, err := e.Eval(t.Context(), func(name string) (any, bool) { return doc, name == "v" }, jsonata.Limits{})
				answers[i] = fmt.Sprint(err)
				if err == nil {
					answers[i] = jsonvalue.Marshal(v)
				}
			})
		}
		wg.Wait()
		for _, a := range answers {
			if a != answers[0] {
				t.Errorf("%s: %s and %s", src, a, answers[0])
			}
		}
	}
}
