package asl

import (
	"context"
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonpath"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// Scope is what the expressions of a state can refer to while it is evaluated.
type Scope struct {
	Ctx     context.Context
	Input   any                            // $, and $states.input
	Context func() *jsonvalue.Object       // $$, and $states.context
	Var     func(name string) (any, bool)  // variables of the workflow
	Result  func() (v any, ok bool)        // $states.result; nil = there is none
	Failure func() (v any, ok bool)        // $states.errorOutput; nil = there is none
	Random  func() float64                 // nil = none is needed
	Seeded  func(lo, hi, seed int64) int64 // States.MathRandom with a seed
	UUID    func() string                  // nil = random
	Limits  jsonata.Limits                 // of each expression
}

// WithInput returns the scope with another input.
func (s *Scope) WithInput(v any) *Scope {
	c := *s
	c.Input = v
	return &c
}

// WithResult returns the scope with a result for $states.result.
func (s *Scope) WithResult(v any) *Scope {
	c := *s
	c.Result = func() (any, bool) { return v, true }
	return &c
}

// WithFailure returns the scope with an error output for $states.errorOutput.
func (s *Scope) WithFailure(v any) *Scope {
	c := *s
	c.Failure = func() (any, bool) { return v, true }
	return &c
}

// expr is a JSONPath expression: a path into input, context or a variable, or a call of an intrinsic function.
type expr struct {
	src      string
	root     rootKind
	variable string
	path     *jsonpath.Path
	call     *call
}

type rootKind uint8

const (
	rootInput rootKind = iota
	rootContext
	rootVariable
	rootCall
)

var errExpression = errors.New("not a path or an intrinsic function")

// parseExpr compiles "$.a", "$$.Execution.Id", "$name.a" or "States.Format(…)".
func parseExpr(src string) (*expr, error) {
	switch {
	case strings.HasPrefix(src, "States."):
		p := &callParser{s: src}
		c, err := p.call(0)
		if err != nil {
			return nil, err
		}
		if p.space(); p.i != len(src) {
			return nil, p.fail("unexpected text after the function")
		}
		return &expr{src: src, root: rootCall, call: c}, nil
	case strings.HasPrefix(src, "$"):
		return parsePath(src)
	}
	return nil, errExpression
}

// parsePath compiles a path that may start at the input ($), the context object ($$) or a variable ($name).
func parsePath(src string) (*expr, error) {
	e := &expr{src: src}
	rest := src
	switch {
	case strings.HasPrefix(src, "$$"):
		e.root, rest = rootContext, src[1:]
	case len(src) > 1 && src[0] == '$' && isNameStart(src[1:]):
		n := nameLength(src[1:])
		e.root, e.variable, rest = rootVariable, src[1:1+n], "$"+src[1+n:]
	case !strings.HasPrefix(src, "$"):
		return nil, errExpression
	}
	var err error
	if e.path, err = jsonpath.Compile(rest); err != nil {
		return nil, err
	}
	return e, nil
}

func isNameStart(s string) bool {
	r := []rune(s)[0]
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r < 0x80 {
			return i
		}
	}
	return len(s)
}

// target returns the document that the expression's path is applied to.
func (e *expr) target(s *Scope) (any, bool) {
	switch e.root {
	case rootContext:
		if s.Context == nil {
			return nil, false
		}
		return s.Context(), true
	case rootVariable:
		if s.Var == nil {
			return nil, false
		}
		return s.Var(e.variable)
	}
	return s.Input, true
}

func (e *expr) eval(s *Scope) (any, error) {
	if e.root == rootCall {
		return e.call.eval(s)
	}
	doc, ok := e.target(s)
	if !ok {
		return nil, &jsonpath.NotFoundError{Msg: "No results for path: $['" + e.variable + "']"}
	}
	return e.path.Get(doc)
}

// variables appends the names of the variables that the expression refers to.
func (e *expr) variables(add func(string)) {
	switch {
	case e.root == rootVariable:
		add(e.variable)
	case e.call != nil:
		for _, a := range e.call.args {
			if a.expr != nil {
				a.expr.variables(add)
			}
		}
	}
}

// PathField is a field such as InputPath or TimeoutSecondsPath.
type PathField struct {
	src  string
	null bool
	expr *expr
}

// Source returns the field's text.
func (p *PathField) Source() string { return p.src }

// Get returns what the path selects. The error is a *StateError "Invalid path '…' : …". A null path gives an empty object.
func (p *PathField) Get(s *Scope) (any, error) {
	if p == nil {
		return s.Input, nil
	}
	if p.null {
		return jsonvalue.NewObject(), nil
	}
	v, err := p.expr.eval(s)
	if err != nil {
		var se *StateError
		if errors.As(err, &se) {
			return nil, se
		}
		return nil, runtimeError("Invalid path '%s' : %s", p.src, err.Error())
	}
	return v, nil
}

// isJSONata reports whether a string is a JSONata expression and returns it.
func isJSONata(s string) (string, bool) {
	if strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}") && len(s) >= 4 {
		return strings.TrimSpace(s[2 : len(s)-2]), true
	}
	return "", false
}

// query is a JSONata expression with the field that it stands in.
type query struct {
	src   string
	expr  *jsonata.Expr
	field string // "Output/result"
	data  bool   // it reads no member of $states but input, result and errorOutput: the context object is not made for it
}

// dataOnly reports whether each mention of $states in an expression is of a member other than the context object.
func dataOnly(src string) bool {
	for {
		_, rest, ok := strings.Cut(src, "$states")
		if !ok {
			return true
		}
		if !strings.HasPrefix(rest, ".input") && !strings.HasPrefix(rest, ".result") && !strings.HasPrefix(rest, ".errorOutput") {
			return false
		}
		src = rest
	}
}

// eval evaluates the expression. The error is a *StateError with Eval set.
func (q *query) eval(s *Scope) (any, error) {
	ctx := s.Ctx
	if ctx == nil {
		ctx = context.Background()
	}
	env := func(name string) (any, bool) { return s.env(name, !q.data) }
	v, err := q.expr.Eval(ctx, env, s.Limits)
	if err == nil {
		return v, nil
	}
	prefix := "The JSONata expression '" + q.src + "' specified for the field '" + q.field + "' "
	var je *jsonata.Error
	switch {
	case errors.Is(err, jsonata.ErrUndefined):
		prefix += "returned nothing (undefined)."
	case errors.Is(err, jsonata.ErrNotJSON):
		prefix += "returned an unsupported result type."
	case errors.As(err, &je):
		prefix += "threw an error during evaluation. " + je.Error()
	default:
		prefix += "threw an error during evaluation. " + err.Error()
	}
	return nil, &StateError{Name: ErrQueryEvaluation, Cause: prefix, Location: q.field, Eval: true}
}

// wrongType returns the error for a result of a type that the field does not take.
func (q *query) wrongType(want string, v any) error {
	return &StateError{Name: ErrQueryEvaluation, Location: q.field, Eval: true,
		Cause: "The JSONata expression '" + q.src + "' specified for the field '" + q.field + "' returned an unexpected result type. Expected '" + want +
			"', but was '" + jsonvalue.TypeName(v) + "' for value: " + text(v)}
}

// env returns the value of a variable; withContext says whether $states has to have the context object.
func (s *Scope) env(name string, withContext bool) (any, bool) {
	if name != "states" {
		if s.Var == nil {
			return nil, false
		}
		return s.Var(name)
	}
	o := jsonvalue.NewObject("input", s.Input)
	if s.Result != nil {
		if v, ok := s.Result(); ok {
			o.Set("result", v)
		}
	}
	if s.Failure != nil {
		if v, ok := s.Failure(); ok {
			o.Set("errorOutput", v)
		}
	}
	if s.Context != nil && withContext {
		o.Set("context", s.Context())
	}
	return o, true
}
