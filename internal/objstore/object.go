package objstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
)

// Limits of objects, as in S3.
const (
	MaxKeyBytes      = 1024
	MaxMetadataBytes = 2048
	MaxObjectBytes   = 5 << 40
	MaxPutBytes      = 5 << 30
	MaxPartBytes     = 5 << 30
	MinPartBytes     = 5 << 20
	MaxParts         = 10_000
	MaxTags          = 10
)

// Object is a version of an object, without its body.
type Object struct {
	Bucket, Key  string
	Version      string // NullVersion or an id
	Latest       bool   // whether it was the newest version when it was read
	DeleteMarker bool   // then most of the rest is empty
	Size         int64
	ETag         string // without quotes
	ModTime      time.Time
	Owner        string // account
	Metadata     Metadata
	Tags         []Tag
	Checksum     Checksum // Algorithm "" = none
	Parts        []Part   // of a multipart upload; nil otherwise
	Lock         Lock     // what keeps the version from being removed
	ACL          *ACL     // nil = the owner's alone

	seq      uint64
	random   versionRandom
	inline   bool      // the body is a row
	segments []segment // the body is these blobs, one after the other
}

// Part is a part of an object that was uploaded in parts.
type Part struct {
	Number   int
	Size     int64
	ETag     string // empty once the object is complete
	ModTime  time.Time
	Checksum Checksum
}

// segment is a blob that holds a piece of a body.
type segment struct {
	ID   blob.ID
	Size int64
}

// Metadata is what a writer says about an object. Empty = not given.
type Metadata struct {
	ContentType        string // "" is served as binary/octet-stream
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string
	WebsiteRedirect    string
	StorageClass       string            // "" = STANDARD
	Encryption         string            // the encryption that was asked for: "AES256"
	User               map[string]string // x-amz-meta-*, names in lower case
}

// Tag is a label of an object or bucket.
type Tag struct{ Key, Value string }

// Sequencer returns the number that orders the events of one key, as a hexadecimal string.
func (o *Object) Sequencer() string { return strings.ToUpper(strconv.FormatUint(o.seq|1<<63, 16)) }

func (o *Object) setVersion(null bool) {
	if null {
		o.Version = NullVersion
		return
	}
	o.random = newVersionRandom()
	o.Version = versionID(o.seq, o.random)
}
