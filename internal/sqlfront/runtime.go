package sqlfront

import (
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
)

// runtimeErrors maps what DuckDB says when a statement runs to Trino's names. The first match counts.
var runtimeErrors = []struct{ says, name, message string }{
	{"More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"},
	{"Out of Memory Error", "EXCEEDED_MEMORY_LIMIT", "Query exceeded its memory limit"},
	{"Overflow in addition of DECIMAL", "NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow"},
	{"Overflow in subtract of DECIMAL", "NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow"},
	{"Overflow in multiplication of DECIMAL", "NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow"},
	{"Overflow in", "NUMERIC_VALUE_OUT_OF_RANGE", ""},
	{"out of range for the destination type", "NUMERIC_VALUE_OUT_OF_RANGE", ""},
	{"Out of Range Error", "NUMERIC_VALUE_OUT_OF_RANGE", ""},
	{"Invalid ntile", "INVALID_FUNCTION_ARGUMENT", "Buckets must be greater than 0"},
}

// RuntimeError turns the failure of a generated statement into what the user is told. Failures that this package does not
// expect become NOT_SUPPORTED if DuckDB refused the generated text, and GENERIC_INTERNAL_ERROR otherwise.
func RuntimeError(err error) error {
	var d *duck.Error
	if !errors.As(err, &d) {
		return err
	}
	if e, ok := scalar.FindError(d.Message); ok {
		return &Error{Name: e.Name, Message: e.Message}
	}
	for _, r := range runtimeErrors {
		if strings.Contains(d.Message, r.says) {
			message := r.message
			if message == "" {
				message = firstLine(d.Message)
			}
			return &Error{Name: r.name, Message: message}
		}
	}
	for _, s := range []string{"Binder Error", "Parser Error", "Catalog Error", "Not implemented", "NotImplemented"} {
		if strings.Contains(d.Message, s) {
			return &Error{Name: "NOT_SUPPORTED", Message: "this statement cannot be translated: " + firstLine(d.Message)}
		}
	}
	return &Error{Name: "GENERIC_INTERNAL_ERROR", Message: firstLine(d.Message)}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
