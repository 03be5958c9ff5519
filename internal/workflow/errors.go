package workflow

import (
	"errors"
	"fmt"
)

// The kinds of errors that the engine gives; compare with errors.Is. The text is AWS's message.
var (
	ErrInvalidName         = errors.New("invalid name")
	ErrInvalidARN          = errors.New("invalid ARN")
	ErrInvalidInput        = errors.New("invalid execution input")
	ErrInvalidOutput       = errors.New("invalid output")
	ErrInvalidToken        = errors.New("invalid token")
	ErrInvalidDefinition   = errors.New("invalid definition")
	ErrInvalidLogging      = errors.New("invalid logging configuration")
	ErrMachineExists       = errors.New("state machine already exists")
	ErrMachineNotFound     = errors.New("state machine does not exist")
	ErrMachineDeleting     = errors.New("state machine is being deleted")
	ErrMachineType         = errors.New("state machine type is not supported")
	ErrExecutionExists     = errors.New("execution already exists")
	ErrExecutionNotFound   = errors.New("execution does not exist")
	ErrNotRedrivable       = errors.New("execution cannot be redriven")
	ErrActivityNotFound    = errors.New("activity does not exist")
	ErrActivityExists      = errors.New("activity already exists")
	ErrTaskNotFound        = errors.New("task does not exist")
	ErrTaskTimedOut        = errors.New("task timed out")
	ErrResourceNotFound    = errors.New("resource not found")
	ErrConflict            = errors.New("conflict")
	ErrValidation          = errors.New("validation failed")
	ErrTooManyTags         = errors.New("too many tags")
	ErrQuota               = errors.New("service quota exceeded")
	ErrInvalidPageToken    = errors.New("invalid page token")
	ErrMapRunNotFound      = errors.New("map run does not exist")
	ErrMissingRole         = errors.New("role is missing")
	ErrInvalidTracing      = errors.New("invalid tracing configuration")
	ErrInvalidEncryption   = errors.New("invalid encryption configuration")
	ErrTooManyStateMachine = errors.New("state machine limit exceeded")
)

// apiError is one of the errors above with AWS's message.
type apiError struct {
	kind error
	msg  string
}

func (e *apiError) Error() string { return e.msg }

func (e *apiError) Unwrap() error { return e.kind }

func fail(kind error, format string, args ...any) error {
	return &apiError{kind, fmt.Sprintf(format, args...)}
}
