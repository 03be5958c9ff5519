package jsonata

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound one evaluation.
type Limits struct {
	Time   time.Duration // 0 = 5 s
	Memory uint64        // bytes by which the heap may grow; 0 = 512 MiB
	Heavy  *Heavy        // bounds how many evaluations are heavy at a time; nil = no bound
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
	root *node
	walk *walk // set when the expression only walks members
	vars []string
}

// Compile parses an expression. The error is an *Error with code and position.
func Compile(src string) (_ *Expr, err error) {
	defer recovered(&err)
	root, err := parse(src)
	if err != nil {
		return nil, finished(err)
	}
	return &Expr{src: src, root: root, walk: parseWalk(src), vars: freeVariables(root)}, nil
}

// recovered turns a fault of the evaluator into an error of the one expression: a state machine must not take the others
// down with it.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = &Error{Message: fmt.Sprintf("BUG: the evaluator failed: %v", p)}
	}
}

// finished completes an error of the evaluator for the caller.
func finished(err error) error {
	e := &Error{}
	if errors.As(err, &e) {
		return e.finish()
	}
	return err
}

// String returns the expression's text.
func (e *Expr) String() string { return e.src }

// Variables returns the names of the variables that the expression refers to and does not bind itself, without the
// dollar sign, in order of first appearance. Names of built-in functions are not among them.
func (e *Expr) Variables() []string { return e.vars }

// Env gives the variables of an evaluation: a JSON value by name. It is asked only for what the evaluation meets. Values
// are shared, not copied, and never changed.
type Env func(name string) (any, bool)

// Eval evaluates the expression. The result may share parts with the values of env. Errors: ErrUndefined, ErrNotJSON,
// *Error, or the context's.
func (e *Expr) Eval(ctx context.Context, env Env, limits Limits) (any, error) {
	if e.walk != nil {
		if v, ok, err := e.walk.eval(env); ok {
			return v, err
		}
	}
	return e.run(ctx, undef, false, env, limits)
}

// EvalInput evaluates the expression as plain JSONata, $eval included and without Step Functions' functions, with input
// as context value; hasInput false stands for none.
func (e *Expr) EvalInput(ctx context.Context, input any, hasInput bool, env Env, limits Limits) (any, error) {
	if !hasInput {
		input = undef
	}
	return e.run(ctx, input, true, env, limits)
}

func (e *Expr) run(ctx context.Context, input any, plain bool, env Env, limits Limits) (_ any, err error) {
	defer recovered(&err)
	limits = limits.withDefaults()
	ev := &evaluator{ctx: ctx, time: limits.Time, memory: limits.Memory, heavy: limits.Heavy, plain: plain, env: env, parse: parse, copies: e.root.writes}
	defer ev.release()
	ev.root = &ev.rootFrame
	ev.root.names, ev.root.vals = ev.rootNames[:0], ev.rootValues[:0]
	if ev.copies {
		input = copyDocument(input)
	}
	input = norm(input)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ev.root.bind("$", input)
	if a, ok := input.(*array); ok && !a.seq {
		input = &array{items: []any{a}, seq: true, outer: true}
	}
	v, err := ev.eval(e.root, input, ev.root)
	if err == nil {
		v, err = ev.export(v)
	}
	if err != nil {
		return nil, finished(err)
	}
	return v, nil
}
