package jsonata

import "github.com/tarn-data/tarn/internal/jsonvalue"

type functionKind uint8

const (
	fnLambda  functionKind = iota // defined in the expression
	fnNative                      // of the library
	fnClosure                     // a function passed as an argument
	fnHost                        // made by the library at run time: a regular expression, the next of a match, a transform
)

// function is a function value.
type function struct {
	kind  functionKind
	arity int
	sig   *signature

	params []string // of a lambda
	body   *node
	input  any
	env    *frame
	thunk  bool
	bare   bool // a partial application: it cannot be called back

	builtin *builtin  // of a native function; of a lambda: the native function that it stands for
	inner   *function // of a closure
	host    func(args []any) (any, error)

	token any // the name and place of its latest call, for errors
	pos   int
}

// hasKeys tells functions that are objects in JavaScript, and so true, from those that are JavaScript functions.
func (fn *function) hasKeys() bool {
	return fn.kind == fnLambda || fn.kind == fnNative || fn.kind == fnHost && fn.sig != nil
}

// calleeName returns what errors call the function that a node calls.
func calleeName(n *node) any {
	switch n.kind {
	case kindPath:
		if s := n.list[0]; s.kind == kindName || s.kind == kindVariable {
			return s.str
		}
		return undef
	case kindVariable, kindFunction, kindString, kindBinary, kindNegation, kindArray, kindObject, kindBind, kindApply, kindPartial:
		return n.str
	case kindNumber, kindValue:
		return n.val
	case kindWildcard, kindDescendant:
		return n.id
	}
	return undef
}

// call evaluates a call; context is what ~> puts before the arguments.
func (ev *evaluator) call(n *node, input any, f *frame, context *any) (any, error) {
	proc, err := ev.eval(n.lhs, input, f)
	if err != nil {
		return nil, err
	}
	if isUndef(proc) && n.lhs.kind == kindPath && ev.isBound(n.lhs, f) {
		return nil, fail("T1005").at(n.pos).tok(n.lhs.list[0].str)
	}
	args := make([]any, 0, len(n.list)+1)
	if context != nil {
		args = append(args, *context)
	}
	for _, a := range n.list {
		v, err := ev.eval(a, input, f)
		if err != nil {
			return nil, err
		}
		if fn, ok := v.(*function); ok {
			v = &function{kind: fnClosure, inner: fn, env: f, arity: fn.arity}
		}
		args = append(args, v)
	}
	if fn, ok := proc.(*function); ok && fn.hasKeys() {
		fn.token, fn.pos = calleeName(n.lhs), n.pos
	}
	var v any
	if proc == nil {
		err = scriptError("Cannot set properties of null (setting 'token')")
	} else {
		v, err = ev.apply(proc, args, input, f)
	}
	if e, ok := err.(*Error); ok {
		if e.Position == 0 {
			e.Position = n.pos
		}
		if !e.hasToken() {
			e.tok(calleeName(n.lhs))
		}
	}
	return v, err
}

// isBound reports whether the name that is called as foo() is that of a variable $foo.
func (ev *evaluator) isBound(path *node, f *frame) bool {
	s := path.list[0]
	if s.kind != kindName && s.kind != kindVariable {
		return false
	}
	return scriptTruth(ev.variable(s.str, s.builtin, f))
}

// apply calls a function, and the calls that it hands back from its tail position.
func (ev *evaluator) apply(proc any, args []any, input any, f *frame) (any, error) {
	v, err := ev.applyOnce(proc, args, input, f)
	for err == nil {
		thunk, ok := v.(*function)
		if !ok || !thunk.thunk {
			return v, nil
		}
		if err := ev.step(); err != nil {
			return nil, err
		}
		call := thunk.body
		next, err := ev.eval(call.lhs, thunk.input, thunk.env)
		if err != nil {
			return nil, err
		}
		switch fn := next.(type) {
		case *function:
			if call.lhs.kind == kindVariable {
				fn.token = call.lhs.str
			}
			fn.pos = call.lhs.pos
		case *array, *jsonvalue.Object:
		default:
			return nil, scriptError("Cannot set properties of %s (setting 'position')", typeName(next))
		}
		args := make([]any, len(call.list))
		for i, a := range call.list {
			if args[i], err = ev.eval(a, thunk.input, thunk.env); err != nil {
				return nil, err
			}
		}
		if v, err = ev.applyOnce(next, args, input, f); err != nil {
			if e, ok := err.(*Error); ok && e.Code == "T1006" && e.Position == 0 {
				e.at(call.lhs.pos)
				if call.lhs.kind == kindVariable {
					e.tok(call.lhs.str)
				}
			}
			return nil, err
		}
	}
	return nil, err
}

func (ev *evaluator) applyOnce(proc any, args []any, input any, f *frame) (v any, err error) {
	fn, ok := proc.(*function)
	if !ok {
		return nil, fail("T1006")
	}
	if fn.sig != nil {
		args, err = fn.sig.validate(args, input)
	}
	if err == nil {
		if ev.depth++; ev.depth > maxDepth {
			return nil, stackOverflow()
		}
		v, err = ev.invoke(fn, args, input, f)
		ev.depth--
	}
	if e, ok := err.(*Error); ok {
		if _, has := e.fields["token"]; !has {
			if fn.token != nil {
				e.tok(fn.token)
			} else if fn.builtin != nil {
				e.tok(fn.builtin.name) // the library names the latest caller's variable, whichever expression that was in
			}
		}
		if fn.pos != 0 {
			e.Position = fn.pos
		}
	}
	return v, err
}

func (ev *evaluator) invoke(fn *function, args []any, input any, f *frame) (any, error) {
	switch fn.kind {
	case fnNative:
		return fn.builtin.fn(&call{ev: ev, input: input, env: f}, args)
	case fnClosure:
		return ev.apply(fn.inner, args, nil, fn.env)
	case fnHost:
		return fn.host(args)
	}
	inner := &frame{parent: fn.env, names: fn.params[:len(fn.params):len(fn.params)]}
	inner.vals = inner.space[:0]
	for i := range fn.params {
		inner.vals = append(inner.vals, argument(args, i))
	}
	if fn.builtin != nil {
		// a native function with some arguments given beforehand: its parameters are numbered in the frame
		given := make([]any, fn.builtin.params)
		for i := range given {
			v, ok := inner.lookup(parameterName(i))
			if !ok {
				v = undef
			}
			given[i] = v
		}
		return fn.builtin.fn(&call{ev: ev, input: undef, env: inner}, given)
	}
	return ev.eval(fn.body, fn.input, inner)
}

func parameterName(i int) string { return "?" + string(rune('a'+i)) }

// callback calls a function that was passed to a function of the library.
func (c *call) callback(fn *function, args ...any) (any, error) {
	switch fn.kind {
	case fnLambda:
		if fn.bare {
			return nil, scriptError("func.apply is not a function")
		}
		return c.ev.apply(fn, args, fn.input, c.env)
	case fnNative:
		return nil, scriptError("func.apply is not a function")
	case fnClosure:
		return c.ev.apply(fn.inner, args, nil, fn.env)
	}
	if fn.sig != nil {
		return nil, scriptError("func.apply is not a function")
	}
	return fn.host(args)
}

// partial evaluates a partial application: f(?, 1).
func (ev *evaluator) partial(n *node, input any, f *frame) (any, error) {
	args := make([]any, len(n.list))
	for i, a := range n.list {
		if a.kind == kindOperator {
			continue
		}
		v, err := ev.eval(a, input, f)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	proc, err := ev.eval(n.lhs, input, f)
	if err != nil {
		return nil, err
	}
	if isUndef(proc) && n.lhs.kind == kindPath && ev.isBound(n.lhs, f) {
		return nil, fail("T1007").at(n.pos).tok(n.lhs.list[0].str)
	}
	fn, ok := proc.(*function)
	if !ok {
		return nil, fail("T1008").at(n.pos).tok(calleeName(n.lhs))
	}
	bound := &frame{parent: fn.env}
	out := &function{kind: fnLambda, env: bound, input: fn.input, body: fn.body, builtin: fn.builtin, bare: true}
	params := fn.params
	switch {
	case fn.kind == fnNative && fn.builtin.hasDefault: // the library parses the parameters again
		return nil, fail("S0204").at(17).tok("!")
	case fn.kind == fnNative:
		bound.parent = nil
		for i := range fn.builtin.params {
			params = append(params, parameterName(i))
		}
	case fn.kind == fnClosure:
		return nil, fail("S0202").at(12).tok("..").val(")")
	case fn.kind == fnHost:
		out.builtin = &builtin{params: 2, fn: func(_ *call, args []any) (any, error) { return fn.host(args) }}
		bound.parent = nil
		params = []string{parameterName(0), parameterName(1)}
		if fn.sig != nil {
			out.builtin.params, params = 1, params[:1]
		}
	}
	for i, p := range params {
		if i < len(n.list) && n.list[i].kind == kindOperator {
			out.params = append(out.params, p)
			continue
		}
		v := any(undef)
		if i < len(args) {
			v = args[i]
		}
		bound.bind(p, v)
	}
	out.arity = len(out.params)
	return out, nil
}

// applyTo evaluates the operator ~>: a call with one more argument, or the composition of two functions.
func (ev *evaluator) applyTo(n *node, input any, f *frame) (any, error) {
	l, err := ev.eval(n.lhs, input, f)
	if err != nil {
		return nil, err
	}
	if n.rhs.kind == kindFunction {
		// as in the library, predicates behind the call are not applied
		return ev.call(n.rhs, input, f, &l)
	}
	r, err := ev.eval(n.rhs, input, f)
	if err != nil {
		return nil, err
	}
	second, ok := r.(*function)
	if !ok {
		return nil, fail("T2006").at(n.pos).val(r)
	}
	if first, ok := l.(*function); ok {
		return chain(first, second, f), nil
	}
	return ev.apply(second, []any{l}, nil, f)
}

// chain returns function($x){ $second($first($x)) }.
func chain(first, second *function, f *frame) *function {
	variable := func(name string, pos int) *node { return &node{kind: kindVariable, id: "(name)", str: name, pos: pos} }
	inner := &node{kind: kindFunction, str: "(", pos: 39, lhs: variable("f", 38), list: []*node{variable("x", 41)}}
	outer := &node{kind: kindFunction, str: "(", pos: 36, lhs: variable("g", 35), list: []*node{inner}}
	return &function{kind: fnLambda, params: []string{"x"}, arity: 1, input: nil, body: tailCalls(outer),
		env: &frame{parent: f, names: []string{"f", "g"}, vals: []any{first, second}}}
}

// matcher returns the function that a regular expression is: it gives the first match in a text, with a function next
// for those behind it.
func (ev *evaluator) matcher(n *node) *function {
	m := &function{kind: fnHost, arity: 2}
	m.host = func(args []any) (any, error) {
		text, ok := argument(args, 0).(string)
		if !ok {
			if text = textOf(argument(args, 0)); isUndef(argument(args, 0)) {
				text = "undefined"
			}
		}
		x := newSubject(text)
		from := 0
		if v, ok := argument(args, 1).(float64); ok && v > 0 {
			from = x.rune(int(v))
		}
		return ev.matchFrom(n, x, from)
	}
	return m
}

func (ev *evaluator) matchFrom(n *node, x *subject, from int) (any, error) {
	if err := ev.step(); err != nil {
		return nil, err
	}
	m, err := n.re.find(x, from)
	if err != nil || m == nil {
		return undef, err
	}
	if err := ev.grown(len(m.text) + 8*itemSize); err != nil {
		return nil, err
	}
	next := &function{kind: fnHost, host: func([]any) (any, error) {
		if m.end >= x.len {
			return undef, nil
		}
		v, err := ev.matchFrom(n, x, m.endRune)
		if err != nil {
			return nil, err
		}
		if o, ok := v.(*jsonvalue.Object); ok && o.Str("match") == "" {
			return nil, fail("D1004").at(n.pos).val(n.re.source)
		}
		return v, nil
	}}
	return jsonvalue.NewObject("match", m.text, "start", float64(m.start), "end", float64(m.end), "groups", &array{items: m.groups}, "next", next), nil
}

func argument(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return undef
}
