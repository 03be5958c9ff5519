package jsonata

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed" // the library
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

//go:embed jsonata-2.0.6.min.js
var librarySource string

//go:embed glue.js
var glueSource string

// program is the library and the glue, compiled once. JSONata 2 is asynchronous only so that functions of the host may
// be; ours are not. Without async and await it gives the same answers faster, and an interrupted evaluation leaves no
// pending promises behind.
var program = sync.OnceValues(func() (*goja.Program, error) {
	lib := strings.NewReplacer("await Promise.all(", "(", "async function", "function", "async(", "(", "await ", "").Replace(librarySource)
	return goja.Compile("jsonata.js", "var module={exports:{}},exports=module.exports;"+lib+";\nvar lib=module.exports;\n"+glueSource, false)
})

const maxCallStack = 6000 // frames of JavaScript: about 600 nested calls of an expression

// jsRuntime is an interpreter with its compiled expressions. It serves one evaluation at a time.
type jsRuntime struct {
	vm        *goja.Runtime
	runFn     goja.Callable
	varsFn    goja.Callable
	compileFn goja.Callable
}

var (
	idle    = make(chan *jsRuntime, 64)
	permits = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
)

func acquire(ctx context.Context) (*jsRuntime, error) {
	select {
	case permits <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case rt := <-idle:
		return rt, nil
	default:
	}
	rt, err := newRuntime()
	if err != nil {
		<-permits
	}
	return rt, err
}

// release gives rt back; a runtime whose evaluation was interrupted is dropped (vm nil).
func release(rt *jsRuntime) {
	<-permits
	if rt.vm == nil {
		return
	}
	select {
	case idle <- rt:
	default:
	}
}

func newRuntime() (*jsRuntime, error) {
	prog, err := program()
	if err != nil {
		return nil, fmt.Errorf("compile the JSONata library: %w", err)
	}
	vm := goja.New()
	vm.SetMaxCallStackSize(maxCallStack)
	for name, fn := range map[string]any{
		"host_hash": func(s, alg string) (string, error) { return hash(s, alg) },
		"host_uuid": ident.UUID,
		"host_random": func(c goja.FunctionCall) goja.Value {
			if a := c.Argument(0); !goja.IsUndefined(a) {
				seed := uint64(a.ToInteger())
				return vm.ToValue(rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)).Float64())
			}
			return vm.ToValue(rand.Float64())
		},
	} {
		if err := vm.Set(name, fn); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	if err := setBase64(vm); err != nil {
		return nil, err
	}
	if _, err := vm.RunProgram(prog); err != nil {
		return nil, fmt.Errorf("load the JSONata library: %w", err)
	}
	rt := &jsRuntime{vm: vm}
	for name, fn := range map[string]*goja.Callable{"run": &rt.runFn, "variables": &rt.varsFn, "compile": &rt.compileFn} {
		f, ok := goja.AssertFunction(vm.Get(name))
		if !ok {
			return nil, fmt.Errorf("load the JSONata library: no function %s", name)
		}
		*fn = f
	}
	return rt, nil
}

func (rt *jsRuntime) compile(src string) ([]string, error) {
	v, err := rt.varsFn(goja.Undefined(), rt.vm.ToValue(src))
	if err != nil {
		return nil, rt.convert(err)
	}
	list, err := jsonvalue.Parse(v.String())
	if err != nil {
		return nil, fmt.Errorf("decode variables: %w", err)
	}
	var out []string
	for _, x := range list.([]any) {
		if name := x.(string); !builtin[name] {
			out = append(out, name)
		}
	}
	return out, nil
}

func (rt *jsRuntime) run(ctx context.Context, e *Expr, plain bool, input string, env Env, limits Limits) (any, error) {
	names, values := make([]any, 0, 4), make([]any, 0, 4)
	for _, name := range e.vars {
		if env == nil {
			break
		}
		if v, ok := env(name); ok {
			names = append(names, name)
			values = append(values, jsonvalue.Marshal(v))
		}
	}
	stop := rt.watch(ctx, limits)
	v, err := rt.runFn(goja.Undefined(), rt.vm.ToValue(e.src), rt.vm.ToValue(plain), rt.vm.ToValue(input), rt.vm.NewArray(names...), rt.vm.NewArray(values...))
	stop()
	if err != nil {
		return nil, rt.convert(err)
	}
	if goja.IsUndefined(v) {
		return nil, ErrUndefined
	}
	if goja.IsNull(v) {
		return nil, ErrNotJSON
	}
	return jsonvalue.Parse(v.String())
}

// watch interrupts the evaluation when it exceeds a limit, until stop is called.
func (rt *jsRuntime) watch(ctx context.Context, limits Limits) (stop func()) {
	const period = 20 * time.Millisecond
	var mu sync.Mutex
	done := false
	vm := rt.vm
	start := time.Now()
	heap := uint64(0)
	var timer *time.Timer
	timer = time.AfterFunc(period, func() {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return
		}
		now := heapBytes()
		if heap == 0 {
			heap = now
		}
		switch {
		case ctx.Err() != nil:
			vm.Interrupt(ctx.Err())
		case time.Since(start) > limits.Time:
			vm.Interrupt(timeout())
		case now > heap+limits.Memory:
			vm.Interrupt(outOfMemory(limits.Memory))
		default:
			timer.Reset(period)
		}
	})
	return func() {
		mu.Lock()
		done = true
		mu.Unlock()
		timer.Stop()
	}
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

// convert turns an error of the interpreter into one of this package. A runtime that was interrupted is not used again.
func (rt *jsRuntime) convert(err error) error {
	var interrupted *goja.InterruptedError
	if errors.As(err, &interrupted) {
		rt.vm = nil
		if cause, ok := interrupted.Value().(error); ok {
			return cause
		}
		return timeout()
	}
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		rt.vm = nil
		return stackOverflow()
	}
	var ex *goja.Exception
	if !errors.As(err, &ex) {
		return err
	}
	o, ok := ex.Value().(*goja.Object)
	if !ok {
		return &Error{Message: ex.Value().String()}
	}
	str := func(name string) string {
		if v := o.Get(name); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			return v.String()
		}
		return ""
	}
	out := &Error{Code: str("code"), Message: str("message"), Token: str("token")}
	if v := o.Get("position"); v != nil && !goja.IsUndefined(v) {
		out.Position = int(v.ToInteger())
	}
	if out.Message == "" {
		out.Message = ex.Value().String()
	}
	return out
}

func hash(s, alg string) (string, error) {
	switch strings.ToUpper(alg) {
	case "MD5":
		x := md5.Sum([]byte(s))
		return hex.EncodeToString(x[:]), nil
	case "SHA-1":
		x := sha1.Sum([]byte(s))
		return hex.EncodeToString(x[:]), nil
	case "SHA-256":
		x := sha256.Sum256([]byte(s))
		return hex.EncodeToString(x[:]), nil
	case "SHA-384":
		x := sha512.Sum384([]byte(s))
		return hex.EncodeToString(x[:]), nil
	case "SHA-512":
		x := sha512.Sum512([]byte(s))
		return hex.EncodeToString(x[:]), nil
	}
	return "", fmt.Errorf("hash algorithm %q is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512", alg)
}
