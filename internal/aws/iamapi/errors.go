package iamapi

import (
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

// errorTable has a row for each kind of error of the engine; statuses are the model's where it has them.
var errorTable = []protocol.ErrorRow{
	{Err: identity.ErrNoSuchEntity, Code: Code_NoSuchEntityException},
	{Err: identity.ErrExists, Code: Code_EntityAlreadyExistsException},
	{Err: identity.ErrConflict, Code: Code_DeleteConflictException},
	{Err: identity.ErrLimit, Code: Code_LimitExceededException},
	{Err: identity.ErrMalformed, Code: Code_MalformedPolicyDocumentException},
	{Err: identity.ErrUnmodifiable, Code: "AccessDenied", Status: 403},
	{Err: identity.ErrNotAuthorised, Code: "AccessDenied", Status: 403},
	{Err: identity.ErrInvalid, Code: "ValidationError", Status: 400},
	{Err: identity.ErrUnknownKey, Code: "InvalidClientTokenId", Status: 403},
	{Err: identity.ErrInvalidToken, Code: "InvalidClientTokenId", Status: 403},
	{Err: identity.ErrExpiredToken, Code: "ExpiredToken", Status: 403},
}
