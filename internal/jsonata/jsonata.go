// Package jsonata evaluates JSONata 2.0.6, the version that AWS Step Functions runs, with the functions that Step
// Functions adds ($partition, $range, $hash, $random, $uuid, $parse) and without $eval.
//
// Expressions run on the library's own JavaScript (embedded, MIT licence) in an interpreter inside the process, pooled and
// bounded in time, stack and memory. Expressions that only walk members, such as $states.input.order.id, never reach the
// interpreter: they are answered by Go code that gives the same results.
package jsonata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// Errors of evaluations that yield no JSON value; compare with errors.Is.
var (
	// ErrUndefined reports an expression that returned nothing.
	ErrUndefined = errors.New("expression returned nothing (undefined)")
	// ErrNotJSON reports a result that is a function or holds one where JSON has no form for it.
	ErrNotJSON = errors.New("expression returned an unsupported result type")
)

// Error is an error of JSONata itself, at compilation or evaluation.
type Error struct {
	Code     string // "T1006", "S0201"; "" for an error raised without one
	Message  string
	Position int    // offset in the expression; 0 where the library gives none
	Token    string // what the error is about; "" = nothing
}

// Error returns "T1006: Attempted to invoke a non-function".
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// Limits bound one evaluation.
type Limits struct {
	Time   time.Duration // 0 = 5 s
	Memory uint64        // bytes by which the heap may grow; 0 = 512 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Time <= 0 {
		l.Time = 5 * time.Second
	}
	if l.Memory == 0 {
		l.Memory = 512 << 20
	}
	return l
}

// Expr is a compiled expression, safe for concurrent use.
type Expr struct {
	src  string
	walk *walk // set when the expression only walks members
	vars []string
}

// Compile checks an expression. The error is an *Error with code and position.
func Compile(src string) (*Expr, error) {
	e := &Expr{src: src}
	if e.walk = parseWalk(src); e.walk != nil {
		e.vars = []string{e.walk.variable}
		return e, nil
	}
	rt, err := acquire(context.Background())
	if err != nil {
		return nil, err
	}
	defer release(rt)
	e.vars, err = rt.compile(src)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// String returns the expression's text.
func (e *Expr) String() string { return e.src }

// Variables returns the names of the variables that the expression refers to and does not bind itself, without the
// dollar sign, in order of first appearance. Names of built-in functions are not among them.
func (e *Expr) Variables() []string { return e.vars }

// Env gives the variables of an evaluation: a JSON value by name. It is asked only for what the expression mentions.
type Env func(name string) (any, bool)

// Eval evaluates the expression. Errors: ErrUndefined, ErrNotJSON, *Error, or the context's.
func (e *Expr) Eval(ctx context.Context, env Env, limits Limits) (any, error) {
	if e.walk != nil {
		if v, ok, err := e.walk.eval(env); ok {
			return v, err
		}
	}
	rt, err := acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release(rt)
	return rt.run(ctx, e, false, "", env, limits.withDefaults())
}

// EvalInput evaluates the expression as plain JSONata, $eval included and without Step Functions' functions, with input
// as context value; hasInput false stands for none.
func (e *Expr) EvalInput(ctx context.Context, input any, hasInput bool, env Env, limits Limits) (any, error) {
	rt, err := acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release(rt)
	in := ""
	if hasInput {
		in = jsonvalue.Marshal(input)
	}
	return rt.run(ctx, e, true, in, env, limits.withDefaults())
}

func stackOverflow() error {
	return &Error{Code: "U1001", Message: "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."}
}

func timeout() error {
	return &Error{Code: "U1001", Message: "Expression evaluation timeout: Check for infinite loop"}
}

func outOfMemory(limit uint64) error {
	return &Error{Code: "U1001", Message: fmt.Sprintf("Expression evaluation used more than %d MiB of memory", limit>>20)}
}
