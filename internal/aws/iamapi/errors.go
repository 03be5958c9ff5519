package iamapi

import (
	"errors"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

// codes maps the engine's kinds of errors to IAM's; statuses are the model's.
var codes = []struct {
	kind   error
	code   string
	status int
}{
	{identity.ErrNoSuchEntity, Code_NoSuchEntityException, 0},
	{identity.ErrExists, Code_EntityAlreadyExistsException, 0},
	{identity.ErrConflict, Code_DeleteConflictException, 0},
	{identity.ErrLimit, Code_LimitExceededException, 0},
	{identity.ErrMalformed, Code_MalformedPolicyDocumentException, 0},
	{identity.ErrUnmodifiable, "AccessDenied", 403},
	{identity.ErrNotAuthorised, "AccessDenied", 403},
	{identity.ErrInvalid, "ValidationError", 400},
	{identity.ErrUnknownKey, "InvalidClientTokenId", 403},
	{identity.ErrInvalidToken, "InvalidClientTokenId", 403},
	{identity.ErrExpiredToken, "ExpiredToken", 403},
}

func mapError(err error) *protocol.Error {
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return &protocol.Error{Code: c.code, Status: c.status, Message: err.Error()}
		}
	}
	return nil
}
