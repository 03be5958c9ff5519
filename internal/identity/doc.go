// Package identity holds who may sign requests: accounts, users, groups, roles, access keys, policies and the temporary
// credentials of sessions.
//
// The whole state of an installation is a few thousand small records, so it is kept in memory and every change is
// written through to kv before it is answered.
//
// Invariants:
//
//	I1  A change is answered after its batch is durable; readers may see it a moment before.
//	I2  Names of users, groups, roles and policies are unique in their account whatever their case; access key ids are
//	    unique in the installation.
//	I3  Records in memory are never changed in place: whoever holds one keeps what it read.
//	I4  A session token is sealed with a key that never leaves kv (AES-256-GCM). It says who it is for and until when, so
//	    sessions survive restarts and need no record. The secret of a temporary key is derived from its id and that key.
//	I5  A session has the policies that its role has now, not those of the time of AssumeRole; it ends with its role.
//
// Keys on disk are described in docs/formats/identity.md.
package identity

import (
	"errors"
	"fmt"
)

// Kinds of errors; each error's text is what IAM tells the user.
var (
	ErrNoSuchEntity  = errors.New("no such entity")
	ErrExists        = errors.New("entity already exists")
	ErrConflict      = errors.New("entity is in use")
	ErrLimit         = errors.New("limit exceeded")
	ErrInvalid       = errors.New("invalid input")
	ErrMalformed     = errors.New("malformed policy document")
	ErrUnmodifiable  = errors.New("entity cannot be changed")
	ErrNotAuthorised = errors.New("not authorised")

	// ErrUnknownKey reports an access key id that does not exist or is inactive.
	ErrUnknownKey = errors.New("unknown access key")
	// ErrInvalidToken reports a session token that is forged, damaged, missing or of another key.
	ErrInvalidToken = errors.New("session token is invalid")
	// ErrExpiredToken reports a session that has ended.
	ErrExpiredToken = errors.New("session token has expired")
)

// Error is an error of a kind with the text for the user.
type Error struct {
	Kind    error
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func fail(kind error, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
