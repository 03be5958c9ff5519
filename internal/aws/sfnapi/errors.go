package sfnapi

import (
	"errors"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow"
)

var codes = []struct {
	kind error
	code string
}{
	{workflow.ErrInvalidName, Code_InvalidName},
	{workflow.ErrInvalidARN, Code_InvalidArn},
	{workflow.ErrInvalidInput, Code_InvalidExecutionInput},
	{workflow.ErrInvalidOutput, Code_InvalidOutput},
	{workflow.ErrInvalidToken, Code_InvalidToken},
	{workflow.ErrInvalidPageToken, Code_InvalidToken},
	{workflow.ErrInvalidDefinition, Code_InvalidDefinition},
	{workflow.ErrInvalidLogging, Code_InvalidLoggingConfiguration},
	{workflow.ErrInvalidTracing, Code_InvalidTracingConfiguration},
	{workflow.ErrInvalidEncryption, Code_InvalidEncryptionConfiguration},
	{workflow.ErrMachineExists, Code_StateMachineAlreadyExists},
	{workflow.ErrMachineNotFound, Code_StateMachineDoesNotExist},
	{workflow.ErrMachineDeleting, Code_StateMachineDeleting},
	{workflow.ErrMachineType, Code_StateMachineTypeNotSupported},
	{workflow.ErrTooManyStateMachine, Code_StateMachineLimitExceeded},
	{workflow.ErrExecutionExists, Code_ExecutionAlreadyExists},
	{workflow.ErrExecutionNotFound, Code_ExecutionDoesNotExist},
	{workflow.ErrNotRedrivable, Code_ExecutionNotRedrivable},
	{workflow.ErrActivityNotFound, Code_ActivityDoesNotExist},
	{workflow.ErrActivityExists, Code_ActivityAlreadyExists},
	{workflow.ErrTaskNotFound, Code_TaskDoesNotExist},
	{workflow.ErrTaskTimedOut, Code_TaskTimedOut},
	{workflow.ErrMapRunNotFound, Code_ResourceNotFound},
	{workflow.ErrResourceNotFound, Code_ResourceNotFound},
	{workflow.ErrConflict, Code_ConflictException},
	{workflow.ErrValidation, Code_ValidationException},
	{workflow.ErrTooManyTags, Code_TooManyTags},
	{workflow.ErrQuota, Code_ServiceQuotaExceededException},
	{workflow.ErrMissingRole, Code_MissingRequiredParameter},
}

func mapError(err error) *protocol.Error {
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return &protocol.Error{Code: c.code, Message: err.Error()}
		}
	}
	if errors.Is(err, kv.ErrFull) {
		return &protocol.Error{Code: "ServiceUnavailable", Status: 503, Message: err.Error()}
	}
	return nil
}
