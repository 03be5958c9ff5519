package asl

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// NumberField is a number that is written, selected by a path (field …Path) or computed by JSONata.
type NumberField struct {
	Name  string // "TimeoutSeconds"
	value jsonvalue.Number
	path  *PathField
	query *query
}

// Constant returns the written number; ok is false when it is computed.
func (f *NumberField) Constant() (n jsonvalue.Number, ok bool) {
	return f.value, f.path == nil && f.query == nil
}

// Path returns the path's source; "" if there is none.
func (f *NumberField) Path() string {
	if f.path == nil {
		return ""
	}
	return f.path.src
}

// Number returns the field's value: the raw value of a path, which need not be a number, or the number.
func (f *NumberField) Number(s *Scope) (any, error) {
	switch {
	case f.path != nil:
		return f.path.Get(s)
	case f.query != nil:
		v, err := f.query.eval(s)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(jsonvalue.Number); !ok {
			return nil, f.query.wrongType("number", v)
		}
		return v, nil
	}
	return f.value, nil
}

// Integer returns the field's value as an integer, also from text, as Map states take it.
func (f *NumberField) Integer(s *Scope) (int64, error) {
	v, err := f.Number(s)
	if err != nil {
		return 0, err
	}
	switch x := v.(type) {
	case jsonvalue.Number:
		if n, ok := x.Int(); ok {
			return n, nil
		}
		if f.path == nil {
			return int64(x.Float()), nil
		}
	case string:
		if n, err := strconv.ParseInt(x, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, f.notA("integer", v)
}

// Float returns the field's value as a double, also from text.
func (f *NumberField) Float(s *Scope) (float64, error) {
	v, err := f.Number(s)
	if err != nil {
		return 0, err
	}
	switch x := v.(type) {
	case jsonvalue.Number:
		return x.Float(), nil
	case string:
		if n, err := strconv.ParseFloat(x, 64); err == nil {
			return n, nil
		}
	}
	return 0, f.notA("float", v)
}

func (f *NumberField) notA(what string, v any) error {
	shown := text(v)
	if s, ok := v.(string); ok {
		shown = s
	}
	return runtimeError("The %sPath field refers to value \"%s\" which is not a valid %s: %s", f.Name, shown, what, f.Path())
}

// TextField is a string that is written, selected by a path or an intrinsic function, or computed by JSONata.
type TextField struct {
	Name  string // "Error"
	value string
	expr  *expr
	query *query
}

// Path returns the path's source; "" if there is none.
func (f *TextField) Path() string {
	if f.expr == nil {
		return ""
	}
	return f.expr.src
}

// Get returns the field's value, which is no string if a path selects something else.
func (f *TextField) Get(s *Scope) (any, error) {
	switch {
	case f.expr != nil:
		v, err := f.expr.eval(s)
		if err != nil {
			var se *StateError
			if errors.As(err, &se) {
				return nil, se
			}
			return nil, f.expr.missing(s, f.Name+"Path")
		}
		return v, nil
	case f.query != nil:
		v, err := f.query.eval(s)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(string); !ok {
			return nil, f.query.wrongType("string", v)
		}
		return v, nil
	}
	return f.value, nil
}

// Text returns the field's value as text; what is no string is its JSON.
func (f *TextField) Text(s *Scope) (string, error) {
	v, err := f.Get(s)
	if err != nil {
		return "", err
	}
	if t, ok := v.(string); ok {
		return t, nil
	}
	return text(v), nil
}

func compileQuery(src, field string) (*query, error) {
	e, err := jsonata.Compile(strings.TrimSpace(src))
	if err != nil {
		return nil, err
	}
	return &query{src: src, expr: e, field: field, data: dataOnly(src)}, nil
}
