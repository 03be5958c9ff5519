package queue

import "errors"

// Errors; compare with errors.Is. Their texts are completed with the value, the limit and what to change.
var (
	ErrNoQueue = errors.New("the specified queue does not exist")
	ErrExists  = errors.New("a queue already exists with the same name and a different value for attribute")
	// ErrDeletedRecently reports a name that was in use within the last minute.
	ErrDeletedRecently = errors.New("you must wait 60 seconds after deleting a queue before you can create another with the same name")
	ErrBadName         = errors.New("invalid queue name")
	ErrBadAttribute    = errors.New("invalid value for the parameter")
	ErrBadParameter    = errors.New("invalid parameter")
	ErrMissing         = errors.New("the request must contain the parameter")
	ErrTooLong         = errors.New("one or more parameters are invalid. Reason: Message must be shorter than")
	ErrBadContents     = errors.New("the message contains characters outside the allowed set")
	ErrBadHandle       = errors.New("the input receipt handle is invalid")
	ErrExpiredHandle   = errors.New("the receipt handle has expired")
	ErrNotInFlight     = errors.New("the message referred to is not in flight")
	ErrNotAvailable    = errors.New("message does not exist or is not available for visibility timeout change")
	ErrTooLongVisible  = errors.New("total VisibilityTimeout for the message is beyond the limit")
	ErrOverLimit       = errors.New("too many messages are in flight")
	ErrPurging         = errors.New("only one PurgeQueue operation is allowed every 60 seconds")
	ErrNoTask          = errors.New("the task does not exist")
	ErrBusyTask        = errors.New("there is already a task running")
)
