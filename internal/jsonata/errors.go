package jsonata

import (
	"errors"
	"fmt"
	"strings"
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
	Position int    // offset in the expression, in UTF-16 units, of the end of the token at fault; 0 where there is none
	Token    string // what the error is about; "" = nothing

	fields map[string]any // what the message is made of: value, value2, token, index, type, exp, functionName
}

// Error returns "T1006: Attempted to invoke a non-function".
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

func fail(code string) *Error { return &Error{Code: code} }

// scriptError is an error that the JavaScript library raises by accident, such as a method called on a value that has none.
func scriptError(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

func (e *Error) with(field string, v any) *Error {
	if e.fields == nil {
		e.fields = make(map[string]any, 4)
	}
	e.fields[field] = v
	return e
}

func (e *Error) val(v any) *Error { return e.with("value", v) }

func (e *Error) at(pos int) *Error { e.Position = pos; return e }

// tok sets what the error is about; undef leaves it unset.
func (e *Error) tok(v any) *Error {
	if isUndef(v) {
		return e
	}
	return e.with("token", v)
}

func (e *Error) hasToken() bool {
	t, ok := e.fields["token"]
	return ok && scriptTruth(t)
}

// finish fills in the message from the code's template, and the token.
func (e *Error) finish() *Error {
	if t, ok := e.fields["token"]; ok && e.Token == "" {
		e.Token = textOf(t)
	}
	template, ok := messages[e.Code]
	if !ok || e.Message != "" {
		return e
	}
	var b strings.Builder
	for {
		i := strings.Index(template, "{{")
		if i < 0 {
			break
		}
		b.WriteString(template[:i])
		plain := strings.HasPrefix(template[i:], "{{{")
		open, closing := "{{", "}}"
		if plain {
			open, closing = "{{{", "}}}"
		}
		end := strings.Index(template[i:], closing)
		v, ok := e.fields[template[i+len(open):i+end]]
		switch {
		case !ok || isUndef(v):
			b.WriteString("undefined")
		case plain:
			b.WriteString(textOf(v))
		default:
			w := stringifier{ev: &evaluator{}, plain: true}
			if err := w.value(v, 0); err != nil {
				w.out = []byte("{}")
			}
			b.Write(w.out)
		}
		template = template[i+end+len(closing):]
	}
	b.WriteString(template)
	e.Message = b.String()
	return e
}

func textOf(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return numberText(x)
	case bool:
		return fmt.Sprint(x)
	case nil:
		return "null"
	}
	return ""
}

func stackOverflow() *Error {
	return &Error{Code: "U1001", Message: "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."}
}

func circular() *Error { return scriptError("Converting circular structure to JSON") }

func timeout() *Error {
	return &Error{Code: "U1001", Message: "Expression evaluation timeout: Check for infinite loop"}
}

func outOfMemory(limit uint64) *Error {
	return &Error{Code: "U1001", Message: fmt.Sprintf("Expression evaluation used more than %d MiB of memory", limit>>20)}
}
