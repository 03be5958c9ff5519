package objstore

import (
	"errors"
	"fmt"
)

// Errors of the store; compare with errors.Is. The text of a wrapped error says what was wrong.
var (
	ErrNoSuchBucket        = errors.New("the specified bucket does not exist")
	ErrBucketExists        = errors.New("the bucket is owned by another account")
	ErrBucketOwnedByYou    = errors.New("the bucket is owned by you already")
	ErrBucketNotEmpty      = errors.New("the bucket is not empty")
	ErrInvalidBucketName   = errors.New("the specified bucket is not valid")
	ErrTooManyBuckets      = errors.New("the account has as many buckets as it may have")
	ErrNoSuchKey           = errors.New("the specified key does not exist")
	ErrNoSuchVersion       = errors.New("the specified version does not exist")
	ErrInvalidVersion      = errors.New("invalid version id specified")
	ErrDeleteMarker        = errors.New("the specified version is a delete marker")
	ErrKeyTooLong          = errors.New("your key is too long")
	ErrMetadataTooLarge    = errors.New("your metadata headers exceed the maximum allowed metadata size")
	ErrEntityTooLarge      = errors.New("your proposed upload exceeds the maximum allowed object size")
	ErrEntityTooSmall      = errors.New("your proposed upload is smaller than the minimum allowed object size")
	ErrIncompleteBody      = errors.New("the request body was shorter than announced")
	ErrInvalidDigest       = errors.New("the Content-MD5 you specified is not valid")
	ErrBadDigest           = errors.New("the digest you specified did not match what was received")
	ErrInvalidChecksum     = errors.New("the checksum you specified is not valid")
	ErrPreconditionFailed  = errors.New("at least one of the preconditions you specified did not hold")
	ErrConditionConflict   = errors.New("the object was changed while the upload was in progress")
	ErrLocked              = errors.New("the version is kept by its lock")
	ErrBucketState         = errors.New("the state of the bucket does not allow it")
	ErrNotModified         = errors.New("not modified")
	ErrConflict            = errors.New("a conflicting operation is in progress against this resource")
	ErrInvalidRange        = errors.New("the requested range is not satisfiable")
	ErrNoSuchUpload        = errors.New("the specified multipart upload does not exist")
	ErrInvalidPart         = errors.New("one or more of the specified parts could not be found")
	ErrInvalidPartOrder    = errors.New("the list of parts was not in ascending order")
	ErrInvalidPartNumber   = errors.New("the requested part number is not satisfiable")
	ErrInvalidTag          = errors.New("the tag provided was not a valid tag")
	ErrTooManyTags         = errors.New("there are more tags than allowed")
	ErrInvalidArgument     = errors.New("invalid argument")
	ErrInvalidRequest      = errors.New("invalid request")
	ErrCopyOntoItself      = errors.New("this copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes")
	ErrNoSuchConfiguration = errors.New("the specified configuration does not exist")
	ErrNotImplemented      = errors.New("not implemented")
	ErrFull                = errors.New("the disk is full; please try again later")
	ErrCorrupt             = errors.New("the stored data is corrupt")
)

// Errors lists them all, for adapters' tests.
func Errors() []error {
	return []error{
		ErrNoSuchBucket, ErrBucketExists, ErrBucketOwnedByYou, ErrBucketNotEmpty, ErrInvalidBucketName,
		ErrTooManyBuckets, ErrNoSuchKey, ErrNoSuchVersion, ErrInvalidVersion, ErrDeleteMarker,
		ErrKeyTooLong, ErrMetadataTooLarge, ErrEntityTooLarge, ErrEntityTooSmall, ErrIncompleteBody,
		ErrInvalidDigest, ErrBadDigest, ErrInvalidChecksum, ErrPreconditionFailed, ErrConditionConflict, ErrLocked, ErrBucketState, ErrNotModified,
		ErrConflict, ErrInvalidRange, ErrNoSuchUpload, ErrInvalidPart, ErrInvalidPartOrder,
		ErrInvalidPartNumber, ErrInvalidTag, ErrTooManyTags, ErrInvalidArgument, ErrInvalidRequest, ErrCopyOntoItself,
		ErrNoSuchConfiguration, ErrNotImplemented, ErrFull, ErrCorrupt,
	}
}

// Detail is an error with facts about it, by the names under which S3 shows them: which tag, which part, which condition.
// Find it with errors.As.
type Detail struct {
	Facts map[string]string
	err   error
}

// Error implements error.
func (d *Detail) Error() string { return d.err.Error() }

// Unwrap returns the error that the facts are about.
func (d *Detail) Unwrap() error { return d.err }

// detail wraps an error of the store with facts: names and values by turns.
func detail(err error, facts ...string) error {
	d := &Detail{Facts: make(map[string]string, len(facts)/2), err: err}
	for i := 0; i+1 < len(facts); i += 2 {
		d.Facts[facts[i]] = facts[i+1]
	}
	return d
}

// argument is an error about an argument, by its name and value on the wire.
func argument(name, value, format string, args ...any) error {
	return detail(fmt.Errorf("%w: "+format, append([]any{ErrInvalidArgument}, args...)...), "ArgumentName", name, "ArgumentValue", value)
}
