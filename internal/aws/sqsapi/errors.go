package sqsapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

// errorTable says how the engine's errors are answered.
var errorTable = []protocol.ErrorRow{
	{Err: queue.ErrNoQueue, Code: Code_QueueDoesNotExist, Message: "The specified queue does not exist."},
	{Err: queue.ErrDeletedRecently, Code: Code_QueueDeletedRecently},
	{Err: queue.ErrExists, Code: Code_QueueNameExists},
	{Err: queue.ErrBadName, Code: "InvalidParameterValue"},
	{Err: queue.ErrBadAttribute, Code: Code_InvalidAttributeValue},
	{Err: queue.ErrBadParameter, Code: "InvalidParameterValue"},
	{Err: queue.ErrNoDedupID, Code: "InvalidParameterValue", Message: "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
	{Err: queue.ErrMissing, Code: "MissingParameter"},
	{Err: queue.ErrTooLong, Code: "InvalidParameterValue"},
	{Err: queue.ErrBadContents, Code: Code_InvalidMessageContents},
	{Err: queue.ErrBadHandle, Code: Code_ReceiptHandleIsInvalid},
	{Err: queue.ErrExpiredHandle, Code: "InvalidParameterValue"},
	{Err: queue.ErrNotInFlight, Code: Code_MessageNotInflight},
	{Err: queue.ErrNotAvailable, Code: "InvalidParameterValue"},
	{Err: queue.ErrTooLongVisible, Code: "InvalidParameterValue"},
	{Err: queue.ErrOverLimit, Code: Code_OverLimit},
	{Err: queue.ErrPurging, Code: Code_PurgeQueueInProgress, Status: http.StatusForbidden},
	{Err: queue.ErrNoTask, Code: Code_ResourceNotFoundException, Status: http.StatusNotFound},
	{Err: queue.ErrNoDestination, Code: Code_ResourceNotFoundException, Status: http.StatusNotFound},
	{Err: queue.ErrBusyTask, Code: "InvalidParameterValue"},
}

var mapTable = protocol.MapErrors(errorTable)

func mapError(err error) *protocol.Error {
	e := mapTable(err)
	if errors.Is(err, queue.ErrNoQueue) {
		e.Query = "The specified queue does not exist for this wsdl version."
	}
	if e == nil || e.Message == "" {
		return e
	}
	e.Message = strings.ToUpper(e.Message[:1]) + e.Message[1:]
	return e
}

// entryError is the answer to an entry of a batch.
func entryError(id string, err error) (BatchResultErrorEntry, bool) {
	var e *protocol.Error
	if !errors.As(err, &e) {
		if e = mapError(err); e == nil {
			return BatchResultErrorEntry{}, false
		}
	}
	code, text := e.Code, e.Message
	if errors.Is(err, queue.ErrTooLong) { // an entry has a wording of its own
		text = strings.Replace(text, "are invalid", "cannot be validated", 1)
	}
	if s := Model().Exception(code); s != nil {
		code = s.ErrorCode
	}
	return BatchResultErrorEntry{Id: id, Code: code, Message: &text, SenderFault: true}, true
}
