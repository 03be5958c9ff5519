// Package scalar has Trino's scalar functions, casts and comparisons on Go values. They are what DuckDB calls where its
// own functions answer differently, and what constants are folded with.
//
// Values have the Go forms of package duck/value for the representation that package sqlfront chose:
//
//	decimal *big.Int (unscaled)      date int64 days          time, timestamp int64 microseconds
//	interval day int64 milliseconds  interval year int64 months  timestamp with time zone []any{micros, zone}
//	time with time zone []any{micros of the local time, offset in minutes}   json, uuid, char (no trailing blanks) string
//	ipaddress []byte of 16           array, row []any         map []any of []any{key, value}
package scalar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// Error is a failure that Trino has a name for. Its text survives the way through DuckDB; see FindError.
type Error struct {
	Name    string // DIVISION_BY_ZERO
	Message string
}

const (
	markOpen  = "\u2039trino "
	markClose = "\u203a"
)

// Error implements error in a form that FindError recognises inside a longer text.
func (e *Error) Error() string { return markOpen + e.Name + ": " + e.Message + markClose }

// FindError returns the Error whose text is contained in s.
func FindError(s string) (*Error, bool) {
	_, rest, ok := strings.Cut(s, markOpen)
	if !ok {
		return nil, false
	}
	body, _, ok := strings.Cut(rest, markClose)
	if !ok {
		return nil, false
	}
	name, message, ok := strings.Cut(body, ": ")
	return &Error{Name: name, Message: message}, ok
}

func fail(name, format string, args ...any) error {
	return &Error{Name: name, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return fail("INVALID_FUNCTION_ARGUMENT", format, args...)
}

func badCast(format string, args ...any) error {
	return fail("INVALID_CAST_ARGUMENT", format, args...)
}

func outOfRange(format string, args ...any) error {
	return fail("NUMERIC_VALUE_OUT_OF_RANGE", format, args...)
}

func unsupported(format string, args ...any) error { return fail("NOT_SUPPORTED", format, args...) }

// Func is a bound function.
type Func = func(args []any) (any, error)

// Signature is what a function is bound for.
type Signature struct {
	Args   []types.Type
	Result types.Type
}

// builder makes a function for a signature; an error says that the implementation does not cover it.
type builder func(s Signature) (Func, error)

// errSignature reports argument types that an implementation does not cover.
var errSignature = errors.New("argument types are not supported")

// Entry is an implementation.
type entry struct {
	build    builder
	nulls    bool // is called with NULL arguments
	volatile bool
}

// Supports tells whether there is an implementation of name for the signature, and how it must be called.
func Supports(name string, s Signature) (callOnNull, volatile, ok bool) {
	e, ok := registry[name]
	if !ok {
		return false, false, false
	}
	if _, err := e.build(s); err != nil {
		return false, false, false
	}
	return e.nulls, e.volatile, true
}

// Bind makes the function.
func Bind(name string, s Signature) (Func, error) {
	e, ok := registry[name]
	if !ok {
		return nil, fmt.Errorf("no implementation of %s", name)
	}
	return e.build(s)
}

// Library offers the functions to DuckDB's workers. Function.Params holds the signature as EncodeSignature makes it.
type Library struct{}

// Bind implements duck.Library.
func (Library) Bind(f duck.Function) (func([]any) (any, error), error) {
	if len(f.Params) != 1 {
		return nil, fmt.Errorf("function %s has no signature", f.Name)
	}
	var s Signature
	if err := json.Unmarshal([]byte(f.Params[0]), &s); err != nil {
		return nil, fmt.Errorf("decode signature of %s: %w", f.Name, err)
	}
	return Bind(f.Impl, s)
}

// EncodeSignature returns the text that Library.Bind reads.
func EncodeSignature(s Signature) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("BUG: signature cannot be encoded: " + err.Error())
	}
	return string(b)
}

// registry is filled from the tables of the files beside this one.
var registry = func() map[string]entry {
	m := map[string]entry{}
	for _, table := range []map[string]entry{
		castTable, compareTable, numberTable, mathTable, stringTable, regexpTable, temporalTable, formatTable,
		arrayTable, mapTable, jsonTable, binaryTable, urlTable, aggregateTable, intervalTable, serdeTable,
		sqlJSONTable,
	} {
		for name, e := range table {
			m[name] = e
		}
	}
	return m
}()

// plain registers a function whose implementation does not depend on the types.
func plain(f Func) entry {
	return entry{build: func(Signature) (Func, error) { return f, nil }}
}

func typed(b builder) entry { return entry{build: b} }

func withNulls(e entry) entry {
	e.nulls = true
	return e
}

func str(v any) string   { s, _ := v.(string); return s }
func num(v any) int64    { n, _ := v.(int64); return n }
func dbl(v any) float64  { f, _ := v.(float64); return f }
func list(v any) []any   { l, _ := v.([]any); return l }
func raw(v any) []byte   { b, _ := v.([]byte); return b }
func dec(v any) *big.Int { b, _ := v.(*big.Int); return b }
func boolean(v any) bool { b, _ := v.(bool); return b }
