package protocol

import "errors"

// ErrorRow says how an engine's error is answered.
type ErrorRow struct {
	Err     error
	Code    string // name of the error's shape, or the code on the wire
	Status  int    // 0 = that of the model, else 400
	Message string // "" = the error's own text
}

// MapErrors returns the Service.MapError of a table; the first row that errors.Is finds counts.
func MapErrors(table []ErrorRow) func(error) *Error {
	return func(err error) *Error {
		for _, row := range table {
			if !errors.Is(err, row.Err) {
				continue
			}
			e := &Error{Code: row.Code, Status: row.Status, Message: row.Message}
			if e.Message == "" {
				e.Message = err.Error()
			}
			return e
		}
		return nil
	}
}
