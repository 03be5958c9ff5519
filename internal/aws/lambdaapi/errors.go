package lambdaapi

import (
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/mapping"
)

// errorTable says how the engine's errors are answered.
var errorTable = []struct {
	err    error
	code   string
	status int
	bare   bool // the error's own text is not part of the answer, what follows it is the whole message
}{
	{function.ErrNotFound, Code_ResourceNotFoundException, http.StatusNotFound, false},
	{function.ErrLayerNotFound, Code_ResourceNotFoundException, http.StatusNotFound, false},
	{function.ErrAliasNotFound, Code_ResourceNotFoundException, http.StatusNotFound, false},
	{function.ErrNoPolicy, Code_ResourceNotFoundException, http.StatusNotFound, true},
	{function.ErrNoEventConfig, Code_ResourceNotFoundException, http.StatusNotFound, true},
	{function.ErrUnreachable, Code_ResourceNotFoundException, http.StatusNotFound, true},
	{function.ErrExists, Code_ResourceConflictException, http.StatusConflict, false},
	{function.ErrAliasExists, Code_ResourceConflictException, http.StatusConflict, false},
	{function.ErrStatementExists, Code_ResourceConflictException, http.StatusConflict, true},
	{function.ErrInUse, Code_ResourceConflictException, http.StatusConflict, false},
	{function.ErrOutOfRange, "ValidationException", http.StatusBadRequest, true},
	{function.ErrBadParameter, Code_InvalidParameterValueException, http.StatusBadRequest, true},
	{function.ErrBadZip, Code_InvalidParameterValueException, http.StatusBadRequest, true},
	{function.ErrRevision, Code_PreconditionFailedException, http.StatusPreconditionFailed, false},
	{function.ErrReserved, Code_TooManyRequestsException, http.StatusTooManyRequests, false},
	{function.ErrTooManyRequests, Code_TooManyRequestsException, http.StatusTooManyRequests, false},
	{function.ErrTooLarge, Code_RequestTooLargeException, http.StatusRequestEntityTooLarge, false},
	{function.ErrBadPayload, Code_InvalidRequestContentException, http.StatusBadRequest, false},
	{function.ErrRuntime, Code_InvalidRuntimeException, http.StatusBadGateway, false},
	{mapping.ErrNotFound, Code_ResourceNotFoundException, http.StatusNotFound, false},
	{mapping.ErrExists, Code_ResourceConflictException, http.StatusConflict, true},
	{mapping.ErrBadParameter, Code_InvalidParameterValueException, http.StatusBadRequest, true},
	{function.ErrDenied, "AccessDeniedException", http.StatusForbidden, false},
}

// reasons complete TooManyRequestsException.
var reasons = map[error]string{
	function.ErrReserved:        "ReservedFunctionConcurrentInvocationLimitExceeded",
	function.ErrTooManyRequests: "ConcurrentInvocationLimitExceeded",
}

func mapError(err error) *protocol.Error {
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			e := &protocol.Error{Code: row.code, Status: row.status, Message: message(err, row.err, row.bare)}
			if row.code != "AccessDeniedException" {
				e.Members = map[string]any{"Type": "User"}
			}
			if reason := reasons[row.err]; reason != "" {
				e.Members["Reason"] = reason
				e.Message = "Rate Exceeded."
			}
			return e
		}
	}
	return nil
}

// message is an error's text as Lambda words it: it begins with a capital letter, and without the name of the kind of error
// where the table says so.
func message(err, kind error, bare bool) string {
	text := err.Error()
	if bare {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
