package asl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// call is a compiled call of an intrinsic function.
type call struct {
	src  string
	name string // without "States."
	args []arg
}

// arg is an argument: an expression or a literal. The literal of States.Format keeps its escapes of braces.
type arg struct {
	expr    *expr
	literal any
	raw     string // a string literal before its escapes were undone
}

const maxCallDepth = 10 // as AWS limits the nesting of intrinsic functions

type callParser struct {
	s string
	i int
}

func (p *callParser) fail(msg string) error {
	return fmt.Errorf("%s at position %d of %q", msg, p.i, p.s)
}

func (p *callParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r", p.s[p.i]) >= 0 {
		p.i++
	}
}

// call parses "States.Name(arg, …)".
func (p *callParser) call(depth int) (*call, error) {
	if depth > maxCallDepth {
		return nil, p.fail("intrinsic functions are nested too deeply")
	}
	start := p.i
	open := strings.IndexByte(p.s[p.i:], '(')
	if open < 0 {
		return nil, p.fail("'(' is expected")
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(p.s[p.i:p.i+open]), "States.")
	arity, known := intrinsics[name]
	if !ok || !known {
		return nil, p.fail("there is no such intrinsic function")
	}
	p.i += open + 1
	c := &call{name: name}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ')' {
		p.i++
	} else {
		for done := false; !done; {
			a, err := p.arg(depth)
			if err != nil {
				return nil, err
			}
			c.args = append(c.args, a)
			p.space()
			if p.i >= len(p.s) {
				return nil, p.fail("')' is expected")
			}
			switch p.s[p.i] {
			case ',':
			case ')':
				done = true
			default:
				return nil, p.fail("',' or ')' is expected")
			}
			p.i++
		}
	}
	if n := len(c.args); n < arity.min || n > arity.max && arity.max >= 0 {
		return nil, p.fail("wrong number of arguments")
	}
	c.src = p.s[start:p.i]
	return c, nil
}

func (p *callParser) arg(depth int) (arg, error) {
	p.space()
	if p.i >= len(p.s) {
		return arg{}, p.fail("an argument is expected")
	}
	switch c := p.s[p.i]; {
	case c == '\'':
		return p.quoted()
	case c == '$':
		src := p.path()
		e, err := parsePath(src)
		if err != nil {
			return arg{}, err
		}
		return arg{expr: e}, nil
	case strings.HasPrefix(p.s[p.i:], "States."):
		start := p.i
		c, err := p.call(depth + 1)
		if err != nil {
			return arg{}, err
		}
		return arg{expr: &expr{src: p.s[start:p.i], root: rootCall, call: c}}, nil
	}
	start := p.i
	for p.i < len(p.s) && p.s[p.i] != ',' && p.s[p.i] != ')' {
		p.i++
	}
	word := strings.TrimSpace(p.s[start:p.i])
	v, err := jsonvalue.Parse(word)
	if err != nil {
		return arg{}, p.fail("bad argument")
	}
	switch v.(type) {
	case nil, bool, jsonvalue.Number:
		return arg{literal: v}, nil
	}
	return arg{}, p.fail("bad argument")
}

// quoted parses a literal in single quotes. A backslash may stand before quotes, braces and itself only.
func (p *callParser) quoted() (arg, error) {
	p.i++
	start := p.i
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch c {
		case '\'':
			raw := p.s[start:p.i]
			p.i++
			return arg{literal: b.String(), raw: raw}, nil
		case '\\':
			p.i++
			if p.i >= len(p.s) || strings.IndexByte(`'{}\`, p.s[p.i]) < 0 {
				return arg{}, p.fail("illegal escape")
			}
			c = p.s[p.i]
		}
		b.WriteByte(c)
		p.i++
	}
	return arg{}, p.fail("the literal is not closed")
}

// path takes the text of a path up to the comma or bracket that ends the argument.
func (p *callParser) path() string {
	start, depth := p.i, 0
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case '\'', '"':
			for p.i++; p.i < len(p.s) && p.s[p.i] != c; p.i++ {
				if p.s[p.i] == '\\' {
					p.i++
				}
			}
		case '[', '(':
			depth++
		case ']':
			depth--
		case ')':
			if depth == 0 {
				return strings.TrimSpace(p.s[start:p.i])
			}
			depth--
		case ',':
			if depth == 0 {
				return strings.TrimSpace(p.s[start:p.i])
			}
		}
		p.i++
	}
	p.i = min(p.i, len(p.s))
	return strings.TrimSpace(p.s[start:p.i])
}

// eval calls the function. The error is a *StateError.
func (c *call) eval(s *Scope) (any, error) {
	args := make([]any, len(c.args))
	for i, a := range c.args {
		if a.expr == nil {
			args[i] = a.literal
			continue
		}
		v, err := a.expr.eval(s)
		if err != nil {
			var se *StateError
			if errors.As(err, &se) {
				return nil, se
			}
			doc, _ := a.expr.target(s)
			return nil, runtimeError("The function '%s' had the following error: The JsonPath argument for the field '%s' could not be found in the input '%s'", c.src, a.expr.src, text(doc))
		}
		args[i] = v
	}
	v, err := intrinsics[c.name].fn(&invocation{call: c, scope: s, args: args})
	if err != nil {
		return nil, &StateError{Name: ErrIntrinsic, Cause: fmt.Sprintf("The function '%s' had the following error: %s", c.src, err.Error())}
	}
	return v, nil
}
