package lambdaapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/mapping"
)

// errorTable says how the engine's errors are answered.
var errorTable = []struct {
	err    error
	code   string
	status int
}{
	{function.ErrNotFound, Code_ResourceNotFoundException, http.StatusNotFound},
	{function.ErrLayerNotFound, Code_ResourceNotFoundException, http.StatusNotFound},
	{function.ErrAliasNotFound, Code_ResourceNotFoundException, http.StatusNotFound},
	{function.ErrNoPolicy, Code_ResourceNotFoundException, http.StatusNotFound},
	{function.ErrExists, Code_ResourceConflictException, http.StatusConflict},
	{function.ErrAliasExists, Code_ResourceConflictException, http.StatusConflict},
	{function.ErrStatementExists, Code_ResourceConflictException, http.StatusConflict},
	{function.ErrInUse, Code_ResourceConflictException, http.StatusConflict},
	{function.ErrOutOfRange, "ValidationException", http.StatusBadRequest},
	{function.ErrBadParameter, Code_InvalidParameterValueException, http.StatusBadRequest},
	{function.ErrBadZip, Code_InvalidParameterValueException, http.StatusBadRequest},
	{function.ErrRevision, Code_PreconditionFailedException, http.StatusPreconditionFailed},
	{function.ErrReserved, Code_TooManyRequestsException, http.StatusTooManyRequests},
	{function.ErrTooManyRequests, Code_TooManyRequestsException, http.StatusTooManyRequests},
	{function.ErrTooLarge, Code_RequestTooLargeException, http.StatusRequestEntityTooLarge},
	{function.ErrBadPayload, Code_InvalidRequestContentException, http.StatusBadRequest},
	{function.ErrRuntime, Code_InvalidRuntimeException, http.StatusBadGateway},
	{mapping.ErrNotFound, Code_ResourceNotFoundException, http.StatusNotFound},
	{mapping.ErrExists, Code_ResourceConflictException, http.StatusConflict},
	{mapping.ErrBadParameter, Code_InvalidParameterValueException, http.StatusBadRequest},
	{function.ErrDenied, "AccessDeniedException", http.StatusForbidden},
}

// reasons complete TooManyRequestsException.
var reasons = map[error]string{
	function.ErrReserved:        "ReservedFunctionConcurrentInvocationLimitExceeded",
	function.ErrTooManyRequests: "ConcurrentInvocationLimitExceeded",
}

func mapError(err error) *protocol.Error {
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			text := err.Error()
			e := &protocol.Error{Code: row.code, Status: row.status, Message: strings.ToUpper(text[:1]) + text[1:]}
			if row.code != "AccessDeniedException" {
				e.Members = map[string]any{"Type": "User"}
			}
			if reason := reasons[row.err]; reason != "" {
				e.Members["Reason"] = reason
			}
			return e
		}
	}
	return nil
}
