package s3api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

// errorTable says how the store's errors are answered. A message of "" stands for the error's own text.
var errorTable = []struct {
	err     error
	code    string
	status  int
	message string
}{
	{objstore.ErrNoSuchBucket, "NoSuchBucket", 404, "The specified bucket does not exist"},
	{objstore.ErrBucketExists, "BucketAlreadyExists", 409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."},
	{objstore.ErrBucketOwnedByYou, "BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it."},
	{objstore.ErrBucketNotEmpty, "BucketNotEmpty", 409, ""},
	{objstore.ErrInvalidBucketName, "InvalidBucketName", 400, "The specified bucket is not valid."},
	{objstore.ErrTooManyBuckets, "TooManyBuckets", 400, "You have attempted to create more buckets than allowed"},
	{objstore.ErrNoSuchKey, "NoSuchKey", 404, "The specified key does not exist."},
	{objstore.ErrNoSuchVersion, "NoSuchVersion", 404, "The specified version does not exist."},
	{objstore.ErrInvalidVersion, "InvalidArgument", 400, "Invalid version id specified"},
	{objstore.ErrDeleteMarker, "MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
	{objstore.ErrKeyTooLong, "KeyTooLongError", 400, "Your key is too long"},
	{objstore.ErrMetadataTooLarge, "MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"},
	{objstore.ErrEntityTooLarge, "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
	{objstore.ErrEntityTooSmall, "EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
	{objstore.ErrIncompleteBody, "IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header"},
	{objstore.ErrInvalidDigest, "InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
	{objstore.ErrBadDigest, "BadDigest", 400, ""},
	{objstore.ErrInvalidChecksum, "InvalidRequest", 400, ""},
	{objstore.ErrPreconditionFailed, "PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
	{objstore.ErrConditionConflict, "ConditionalRequestConflict", 409, "The conditional request cannot succeed due to a conflicting operation against this resource."},
	{objstore.ErrNotModified, "NotModified", 304, "Not Modified"},
	{objstore.ErrConflict, "OperationAborted", 409, "A conflicting conditional operation is currently in progress against this resource. Please try again."},
	{objstore.ErrLocked, "AccessDenied", 403, "Access Denied because object protected by object lock."},
	{objstore.ErrBucketState, "InvalidBucketState", 409, ""},
	{objstore.ErrInvalidRange, "InvalidRange", 416, "The requested range is not satisfiable"},
	{objstore.ErrNoSuchUpload, "NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	{objstore.ErrInvalidPart, "InvalidPart", 400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."},
	{objstore.ErrInvalidPartOrder, "InvalidPartOrder", 400, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	{objstore.ErrInvalidPartNumber, "InvalidPartNumber", 416, "The requested partnumber is not satisfiable"},
	{objstore.ErrInvalidTag, "InvalidTag", 400, ""},
	{objstore.ErrTooManyTags, "BadRequest", 400, ""},
	{objstore.ErrInvalidArgument, "InvalidArgument", 400, ""},
	{objstore.ErrInvalidRequest, "InvalidRequest", 400, ""},
	{objstore.ErrCopyOntoItself, "InvalidRequest", 400, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."},
	{objstore.ErrNotImplemented, "NotImplemented", 501, ""},
	{objstore.ErrNoSuchConfiguration, "NoSuchConfiguration", 404, "The specified configuration does not exist."},
	{objstore.ErrFull, "ServiceUnavailable", 503, "The disk of the server is full: writes are refused until space returns."},
	{objstore.ErrCorrupt, "InternalError", 500, "The stored data fails its checksum. Restore the object from a copy."},
}

func mapError(err error) *protocol.Error {
	for _, e := range errorTable {
		if !errors.Is(err, e.err) {
			continue
		}
		// A body's own refusal (a wrong signature, a bad chunk) is more exact than what became of it.
		var own *protocol.Error
		if errors.As(err, &own) {
			return own
		}
		message := e.message
		if message == "" {
			message = strings.TrimPrefix(err.Error(), e.err.Error()+": ")
			if len(message) > 0 {
				message = strings.ToUpper(message[:1]) + message[1:]
			}
		}
		out := &protocol.Error{Code: e.code, Status: e.status, Message: message}
		var d *objstore.Detail
		if errors.As(err, &d) {
			out.Members = make(map[string]any, len(d.Facts))
			for k, v := range d.Facts {
				out.Members[k] = v
			}
		}
		return out
	}
	var own *protocol.Error
	if errors.As(err, &own) {
		return own
	}
	return nil
}

func refuse(code string, status int, message string) *protocol.Error {
	return &protocol.Error{Code: code, Status: status, Message: message}
}

func invalid(message string) *protocol.Error {
	return refuse("InvalidArgument", http.StatusBadRequest, message)
}

func accessDenied() *protocol.Error {
	return refuse("AccessDenied", http.StatusForbidden, "Access Denied")
}

// argument is an error about an argument, by its name on the wire.
func argument(name, value, message string) *protocol.Error {
	e := invalid(message)
	e.Members = map[string]any{"ArgumentName": name, "ArgumentValue": value}
	return e
}

// unimplemented refuses a header by name.
func unimplemented(header, why string) *protocol.Error {
	e := refuse("NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented")
	e.Members = map[string]any{"Header": header}
	if why != "" {
		e.Members["additionalMessage"] = why
	}
	return e
}
