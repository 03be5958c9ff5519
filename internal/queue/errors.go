package queue

import (
	"errors"
	"fmt"
)

// Errors; compare with errors.Is. What is returned has a text of its own, which names the value, the limit and what to change.
var (
	ErrNoQueue = errors.New("the specified queue does not exist")
	ErrExists  = errors.New("a queue already exists with the same name and a different value for attribute")
	// ErrDeletedRecently reports a name that was in use within the last minute.
	ErrDeletedRecently = errors.New("you must wait 60 seconds after deleting a queue before you can create another with the same name")
	ErrBadName         = errors.New("invalid queue name")
	ErrBadAttribute    = errors.New("invalid value for the parameter")
	ErrBadParameter    = errors.New("invalid parameter")
	// ErrNoDedupID reports a message for a FIFO queue that has to name one.
	ErrNoDedupID      = errors.New("the queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	ErrMissing        = errors.New("the request must contain the parameter")
	ErrTooLong        = errors.New("one or more parameters are invalid. Reason: Message must be shorter than")
	ErrBadContents    = errors.New("the message contains characters outside the allowed set")
	ErrBadHandle      = errors.New("the input receipt handle is not a valid receipt handle")
	ErrExpiredHandle  = errors.New("the receipt handle has expired")
	ErrNotInFlight    = errors.New("the message referred to is not in flight")
	ErrNotAvailable   = errors.New("message does not exist or is not available for visibility timeout change")
	ErrTooLongVisible = errors.New("total VisibilityTimeout for the message is beyond the limit")
	ErrOverLimit      = errors.New("too many messages are in flight")
	ErrPurging        = errors.New("only one PurgeQueue operation is allowed every 60 seconds")
	ErrNoTask         = errors.New("the task does not exist")
	// ErrNoDestination reports a move task to a queue that is not there.
	ErrNoDestination = errors.New("the destination of the task does not exist")
	ErrBusyTask      = errors.New("there is already a task running")
)

// refusal is an error of one of the kinds above with its whole text.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind: kind, text: fmt.Sprintf(format, args...)}
}

// badParameter says why a value is refused.
func badParameter(name string, value any, reason string, args ...any) error {
	return refuse(ErrBadParameter, "value %v for parameter %s is invalid. Reason: %s", value, name, fmt.Sprintf(reason, args...))
}
