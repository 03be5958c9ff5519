package jsonata_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

const states = `{"input":{"order":{"id":"A1","tags":["x"],"lines":[{"p":2,"q":[1,2]},{"p":3},{"r":null}]},"one":[{"v":7}],"n":[[1],[2,3]],"e":[],"nul":null}}`

func env(t testing.TB, vars ...string) jsonata.Env {
	t.Helper()
	m := map[string]any{}
	for i := 0; i+1 < len(vars); i += 2 {
		v, err := jsonvalue.Parse(vars[i+1])
		if err != nil {
			t.Fatal(err)
		}
		m[vars[i]] = v
	}
	return func(name string) (any, bool) { v, ok := m[name]; return v, ok }
}

func eval(t testing.TB, src string) (string, error) {
	t.Helper()
	e, err := jsonata.Compile(src)
	if err != nil {
		return "", err
	}
	v, err := e.Eval(t.Context(), env(t, "states", states, "x", "3"), jsonata.Limits{})
	if err != nil {
		return "", err
	}
	return jsonvalue.Marshal(v), nil
}

func TestStepFunctionsFunctions(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		got, err := eval(t, src)
		if err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", src, got, err, want)
		}
	}
	f(`$partition([0],1)`, `[[0]]`)
	f(`$partition([0..3],3)`, `[[0,1,2],[3]]`)
	f(`$range(0,9,3)`, `[0,3,6,9]`)
	f(`$range(1,9,9)`, `1`)
	f(`$range(3,1,-1)`, `[3,2,1]`)
	f(`$parse('{"a":[1,"x"]}')`, `{"a":[1,"x"]}`)
	f(`$parse('-0')`, `0`)
	f(`$hash("input data","SHA-1")`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`)
	f(`$hash("input data","MD5")`, `"812f45842bc6d66ee14572ce20db8e86"`)
	f(`$random(7) = $random(7) and $random() < 1`, `true`)
	f(`$length($uuid())`, `36`)
	f(`$base64decode($base64encode("hi"))`, `"hi"`)
	f(`$x + $sum($states.input.order.lines.p)`, `8`)
}

func TestErrors(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		_, err := eval(t, src)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
	f(`$randomSeeded(1)`, "T1006: Attempted to invoke a non-function")
	f(`$eval("1")`, "T1006: Attempted to invoke a non-function")
	f(`$nothing`, jsonata.ErrUndefined.Error())
	f(`$nothing.a & $y.b ? 1 : $z`, jsonata.ErrUndefined.Error())
	f(`$fn := function($x){$x}`, jsonata.ErrNotJSON.Error())
	f(`1 +`, "S0207: Unexpected end of expression")
	f(`$error("no")`, "D3137: no")
}

func TestVariables(t *testing.T) {
	f := func(src string, want ...string) {
		t.Helper()
		e, err := jsonata.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(e.Variables(), want) {
			t.Errorf("%s: %v, want %v", src, e.Variables(), want)
		}
	}
	f(`$a.b`, "a")
	f(`$sum($a) + $b`, "a", "b")
	f(`($c := 1; $c + $d)`, "d")
	f(`$map($list, function($v, $i) { $v * $factor })`, "list", "factor")
	f(`{"k": $k, "l": [$l]}`, "k", "l")
	f(`$$.a`)
	f(`$a@$x.{"k": $x}`, "a")
	f(`$a#$i[$i < $n].$i`, "a", "n")
	f(`($f := function($n){ $n > 0 ? $f($n - 1) : $end }; $f(1))`, "end")
	f(`$v ~> |$.x|{"y": $y}, $z|`, "v", "y", "z")
	f(`$a^(>$by)`, "a", "by")
	f(`$a{$k: $v}`, "a", "k", "v")
}

// TestWalkAgrees compares the answers for plain paths with those of the evaluator, which is forced by
// brackets around the expression.
func TestWalkAgrees(t *testing.T) {
	for _, p := range []string{"", ".input", ".input.order", ".input.order.id", ".input.order.tags", ".input.order.lines", ".input.order.lines.p",
		".input.order.lines.q", ".input.order.lines.r", ".input.order.lines.none", ".input.one", ".input.one.v", ".input.n", ".input.n.x", ".input.e", ".input.e.x", ".input.nul",
		".input.nul.x", ".input.order.id.x", ".none"} {
		a, aerr := eval(t, "$states"+p)
		b, berr := eval(t, "($states"+p+")")
		if a != b || (aerr == nil) != (berr == nil) {
			t.Errorf("%s: walk %s %v, evaluator %s %v", p, a, aerr, b, berr)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(`{"a":[{"b":1},{"b":[2]}]}`, "a.b")
	f.Add(`[[{"a":{"b":[]}}],{"a":null}]`, "a.b")
	f.Fuzz(func(t *testing.T, doc, path string) {
		v, err := jsonvalue.Parse(doc)
		if err != nil || strings.Contains(doc, `\u`) || strings.ContainsAny(doc, "eE.-") || len(doc) > 200 {
			return // numbers are doubles in the evaluator
		}
		src := "$v." + path
		for _, r := range src {
			if r > 127 {
				return
			}
		}
		e, err := jsonata.Compile(src)
		if err != nil {
			return
		}
		slow, err := jsonata.Compile("(" + src + ")")
		if err != nil {
			return
		}
		get := func(string) (any, bool) { return v, true }
		a, aerr := e.Eval(t.Context(), get, jsonata.Limits{})
		b, berr := slow.Eval(t.Context(), get, jsonata.Limits{})
		if (aerr == nil) != (berr == nil) || aerr == nil && !same(a, b) {
			t.Errorf("%s of %s: %v %v, evaluator %v %v", src, doc, a, aerr, b, berr)
		}
	})
}

// Whatever an expression does, it comes to an end and leaves a value that is JSON, or an error.
func FuzzEval(f *testing.F) {
	for _, src := range []string{`$sum($v.b)`, `$map($v, function($x){$x & "a"})`, `($f := function($n){$n<1?1:$n*$f($n-1)}; $f(50))`, `[1..100000]`, `$v ~> |b|{"c":1}|`, `$match("ab", /a(b)/)`, `$formatNumber(1.5, "#0.00")`, `$v.b^(>$)`, `$eval("1+")`} {
		f.Add(src)
	}
	doc, err := jsonvalue.Parse(`{"b":[1,2,{"c":"x"}],"d":null}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := jsonata.Compile(src)
		if err != nil {
			return
		}
		v, err := e.Eval(t.Context(), func(string) (any, bool) { return doc, true }, jsonata.Limits{Time: 200 * time.Millisecond, Memory: 64 << 20})
		if err != nil && strings.Contains(err.Error(), "BUG") {
			t.Errorf("%s: %v", src, err)
		}
		if err != nil || v == nil {
			return
		}
		if text := jsonvalue.Marshal(v); !json.Valid([]byte(text)) {
			t.Errorf("%s gives %s", src, text)
		}
	})
}
