package s3api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// errorDetails says which facts about a request S3 adds to an error of a code. What only the store or the handler knows
// (the part that is too small, the condition that did not hold) comes with the error.
var errorDetails = map[string][]string{
	"BucketAlreadyExists":                            {"BucketName"},
	"BucketAlreadyOwnedByYou":                        {"BucketName"},
	"BucketNotEmpty":                                 {"BucketName"},
	"InvalidBucketName":                              {"BucketName"},
	"NoSuchBucket":                                   {"BucketName"},
	"NoSuchBucketPolicy":                             {"BucketName"},
	"NoSuchCORSConfiguration":                        {"BucketName"},
	"NoSuchLifecycleConfiguration":                   {"BucketName"},
	"NoSuchPublicAccessBlockConfiguration":           {"BucketName"},
	"NoSuchTagSet":                                   {"BucketName"},
	"NoSuchWebsiteConfiguration":                     {"BucketName"},
	"ObjectLockConfigurationNotFoundError":           {"BucketName"},
	"OwnershipControlsNotFoundError":                 {"BucketName"},
	"ReplicationConfigurationNotFoundError":          {"BucketName"},
	"ServerSideEncryptionConfigurationNotFoundError": {"BucketName"},

	"NoSuchKey":                  {"Key"},
	"NoSuchVersion":              {"Key", "VersionId"},
	"ConditionalRequestConflict": {"Key"},
	"MethodNotAllowed":           {"Method", "ResourceType"},

	"NoSuchUpload":     {"UploadId"},
	"InvalidPart":      {"UploadId"},
	"InvalidPartOrder": {"UploadId"},

	"InvalidDigest":       {"Content-MD5"},
	"InvalidStorageClass": {"StorageClassRequested"},
}

// details returns what errorDetails names for the code of an error.
func details(c *protocol.Call, r *http.Request, e *protocol.Error) map[string]any {
	names := errorDetails[e.Code]
	if len(names) == 0 {
		return nil
	}
	bucket, key := objectOf(r)
	out := make(map[string]any, len(names))
	for _, name := range names {
		var v string
		switch name {
		case "BucketName":
			v = bucket
		case "Key":
			v = key
			if c.Operation == "GetObjectTagging" {
				v = bucket + "/" + key // as S3 has it
			}
		case "VersionId":
			v = r.URL.Query().Get("versionId")
		case "UploadId":
			v = r.URL.Query().Get("uploadId")
		case "Method":
			v = r.Method
		case "ResourceType":
			v = resourceType(bucket, key)
		case "Content-MD5":
			v = r.Header.Get("Content-Md5")
		case "StorageClassRequested":
			v = r.Header.Get("X-Amz-Storage-Class")
		}
		out[name] = v
	}
	return out
}

func resourceType(bucket, key string) string {
	switch {
	case bucket == "":
		return "SERVICE"
	case key == "":
		return "BUCKET"
	}
	return "OBJECT"
}

// bucketOf returns the bucket that a request names in its host or path.
func bucketOf(r *http.Request) string {
	bucket, _ := objectOf(r)
	return bucket
}

// objectOf returns the bucket and the key that a request names in its host and path.
func objectOf(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if bucket = sigv4.HostBucket(r.Host); bucket == "" {
		bucket, path, _ = strings.Cut(path, "/")
		bucket, _ = url.PathUnescape(bucket)
	}
	key, err := url.PathUnescape(path)
	if err != nil {
		key = path
	}
	return bucket, key
}

// badArgument words the refusal of headers and parameters that the model bounds.
func badArgument(name, text string) *protocol.Error {
	switch name {
	case "encoding-type":
		return argument(name, text, "Invalid Encoding Method specified in Request")
	case "x-amz-object-ownership":
		e := invalid("Invalid x-amz-object-ownership header: " + text)
		e.Members = map[string]any{"ArgumentName": name}
		return e
	case "x-amz-transition-default-minimum-object-size":
		return refuse("InvalidRequest", http.StatusBadRequest, "Invalid TransitionDefaultMinimumObjectSize found: "+text)
	case "x-amz-acl":
		return argument(name, text, "")
	case "x-amz-copy-source":
		return argument(name, name, "Invalid copy source object key")
	case "max-keys", "max-parts", "max-uploads", "part-number-marker":
		return argument(name, text, "Provided "+name+" not an integer or within integer range")
	case "partNumber":
		return argument(name, text, "Part number must be an integer between 1 and 10000, inclusive")
	case "x-amz-storage-class":
		return &protocol.Error{Code: "InvalidStorageClass", Status: http.StatusBadRequest, Message: "The storage class you specified is not valid"}
	case "x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm":
		return refuse("InvalidRequest", http.StatusBadRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return nil
}
