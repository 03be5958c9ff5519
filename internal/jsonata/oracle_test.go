package jsonata_test

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/dop251/goja"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

//go:embed testdata/jsonata-2.0.6.min.js
var librarySource string

//go:embed testdata/glue.js
var glueSource string

// libraryProgram is the JavaScript library with its glue. The library is asynchronous only so that functions of the host
// may be; without async and await it gives the same answers, and an interrupted evaluation leaves no promises behind.
var libraryProgram = sync.OnceValues(func() (*goja.Program, error) {
	lib := strings.NewReplacer("await Promise.all(", "(", "async function", "function", "async(", "(", "await ", "").Replace(librarySource)
	return goja.Compile("jsonata.js", "var module={exports:{}},exports=module.exports;"+lib+";\nvar lib=module.exports;\n"+glueSource, false)
})

// oracle evaluates expressions with jsonata 2.0.6 itself.
type oracle struct {
	vm  *goja.Runtime
	run goja.Callable
}

// answer is what an evaluation gave: a value, nothing, no JSON, or an error.
type answer struct {
	value     any
	undefined bool
	notJSON   bool
	failed    bool
	gaveUp    bool // out of time, memory or stack
	code      string
	message   string
	position  int
	token     string
}

func newOracle(t testing.TB) *oracle {
	t.Helper()
	prog, err := libraryProgram()
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{vm: goja.New()}
	o.vm.SetMaxCallStackSize(20000)
	for name, fn := range map[string]any{
		"host_hash": func(s, alg string) string { // SHA-256 is enough here
			x := sha256.Sum256([]byte(s))
			return hex.EncodeToString(x[:])
		},
		"host_uuid":   func() string { return "00000000-0000-4000-8000-000000000000" },
		"host_random": func(goja.FunctionCall) goja.Value { return o.vm.ToValue(0.5) },
		"host_btoa": func(s string) string {
			b := make([]byte, 0, len(s))
			for _, r := range s {
				b = append(b, byte(r))
			}
			return base64.StdEncoding.EncodeToString(b)
		},
		"host_atob": func(s string) (string, error) {
			b, err := base64.StdEncoding.DecodeString(s)
			r := make([]rune, len(b))
			for i, c := range b {
				r[i] = rune(c)
			}
			return string(r), err
		},
	} {
		if err := o.vm.Set(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.vm.RunProgram(prog); err != nil {
		t.Fatal(err)
	}
	o.run, _ = goja.AssertFunction(o.vm.Get("run"))
	return o
}

// eval evaluates an expression with a value as $v, or as the input of plain JSONata.
func (o *oracle) eval(src string, v any, plain bool) answer {
	timer := time.AfterFunc(3*time.Second, func() { o.vm.Interrupt("time") })
	defer func() {
		timer.Stop()
		o.vm.ClearInterrupt()
	}()
	text := jsonvalue.Marshal(v)
	input := ""
	if plain {
		input = text
	}
	r, err := o.run(goja.Undefined(), o.vm.ToValue(src), o.vm.ToValue(plain), o.vm.ToValue(input), o.vm.NewArray("v"), o.vm.NewArray(text))
	switch {
	case err != nil:
		return o.failure(err)
	case goja.IsUndefined(r):
		return answer{undefined: true}
	case goja.IsNull(r):
		return answer{notJSON: true}
	}
	out, err := jsonvalue.Parse(r.String())
	if err != nil {
		return answer{notJSON: true}
	}
	return answer{value: out}
}

func (o *oracle) failure(err error) answer {
	a := answer{failed: true, message: err.Error()}
	var ex *goja.Exception
	if !errors.As(err, &ex) || strings.Contains(err.Error(), "Maximum call stack") {
		a.gaveUp = true
		return a
	}
	obj, ok := ex.Value().(*goja.Object)
	if !ok {
		return a
	}
	str := func(name string) string {
		if v := obj.Get(name); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			return v.String()
		}
		return ""
	}
	a.code, a.message, a.token = str("code"), str("message"), str("token")
	if v := obj.Get("position"); v != nil && !goja.IsUndefined(v) {
		a.position = int(v.ToInteger())
	}
	return a
}

// native evaluates an expression with the evaluator under test.
func native(t testing.TB, src string, v any, plain bool) answer {
	e, err := jsonata.Compile(src)
	var out any
	if err == nil {
		env := func(name string) (any, bool) { return v, name == "v" }
		limits := jsonata.Limits{Time: 2 * time.Second}
		if plain {
			out, err = e.EvalInput(t.Context(), v, true, env, limits)
		} else {
			out, err = e.Eval(t.Context(), env, limits)
		}
	}
	if err != nil && strings.Contains(err.Error(), "BUG") {
		t.Errorf("%s: %v", src, err)
	}
	var je *jsonata.Error
	switch {
	case errors.Is(err, jsonata.ErrUndefined):
		return answer{undefined: true}
	case errors.Is(err, jsonata.ErrNotJSON):
		return answer{notJSON: true}
	case errors.As(err, &je):
		return answer{failed: true, gaveUp: je.Code == "U1001", code: je.Code, message: je.Message, position: je.Position, token: je.Token}
	case err != nil:
		return answer{failed: true, message: err.Error()}
	}
	return answer{value: out}
}

func (a answer) String() string {
	switch {
	case a.gaveUp:
		return "gave up: " + a.message
	case a.failed:
		return "error " + a.code + " " + a.message
	case a.undefined:
		return "undefined"
	case a.notJSON:
		return "not JSON"
	}
	return jsonvalue.Marshal(a.value)
}

// agrees reports whether two answers are the same: the same value, or the same error by code.
func (a answer) agrees(b answer) bool {
	if a.gaveUp || b.gaveUp {
		return true // their limits differ
	}
	if a.failed || b.failed {
		return a.failed == b.failed && a.code == b.code
	}
	if a.notJSON || b.notJSON {
		return true // functions within a result: how JavaScript writes their insides is no measure
	}
	return a.undefined == b.undefined && (a.undefined || jsonvalue.Marshal(a.value) == jsonvalue.Marshal(b.value) || same(a.value, b.value))
}
