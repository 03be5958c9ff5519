package s3api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

func (a *api) objectOps() []protocol.Op {
	put := onObject(a, "PutObject", "", func(in *PutObjectRequest) (string, string) { return in.Bucket, in.Key }, a.putObject)
	copied := onObject(a, "CopyObject", "s3:PutObject", func(in *CopyObjectRequest) (string, string) { return in.Bucket, in.Key }, a.copyObject)
	many := onBucket(a, "DeleteObjects", "s3:DeleteObject", func(in *DeleteObjectsRequest) string { return in.Bucket }, a.deleteObjects)
	del := onObject(a, "DeleteObject", "", func(in *DeleteObjectRequest) (string, string) { return in.Bucket, in.Key }, a.deleteObject)
	// These ask the policies themselves: what for depends on the input.
	many.Public, del.Public = true, true
	get := protocol.HandleHTTP("GetObject", nil, a.getObject)
	head := protocol.HandleHTTP("HeadObject", nil, func(ctx context.Context, c *protocol.Call, in *HeadObjectRequest, w http.ResponseWriter, r *http.Request) error {
		return a.getObject(ctx, c, (*GetObjectRequest)(in), w, r)
	})
	get.Public, head.Public = true, true
	return []protocol.Op{
		get, head, del, many,
		protocol.Also(put, func(_ *protocol.Call, in *PutObjectRequest) []protocol.Access {
			list := append(taggingAccess(in.Tagging, in.Bucket, in.Key), lockAccess(in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Bucket, in.Key)...)
			return append(list, aclAccess(in.ACL, grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, in.Bucket, in.Key)...)
		}),
		protocol.Also(copied, func(_ *protocol.Call, in *CopyObjectRequest) []protocol.Access {
			list := append(sourceAccess(in.CopySource), taggingAccess(in.Tagging, in.Bucket, in.Key)...)
			list = append(list, aclAccess(in.ACL, grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, in.Bucket, in.Key)...)
			return append(list, lockAccess(in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Bucket, in.Key)...)
		}),
		onObject(a, "GetObjectAttributes", "s3:GetObject", func(in *GetObjectAttributesRequest) (string, string) { return in.Bucket, in.Key }, a.getObjectAttributes),
		onObject(a, "GetObjectTagging", "", func(in *GetObjectTaggingRequest) (string, string) { return in.Bucket, in.Key }, a.getObjectTagging),
		protocol.If(onObject(a, "PutObjectTagging", "", func(in *PutObjectTaggingRequest) (string, string) { return in.Bucket, in.Key }, a.putObjectTagging),
			func(_ *protocol.Call, in *PutObjectTaggingRequest) map[string][]string {
				keys := policy.Keys{}
				if in.Tagging != nil {
					tagKeys(fromTags(in.Tagging.TagSet), keys)
				}
				return keys
			}),
		onObject(a, "DeleteObjectTagging", "", func(in *DeleteObjectTaggingRequest) (string, string) { return in.Bucket, in.Key }, a.deleteObjectTagging),
	}
}

func taggingAccess(tagging *string, bucket, key string) []protocol.Access {
	if str(tagging) == "" {
		return nil
	}
	return []protocol.Access{{Action: "s3:PutObjectTagging", Resource: objectARN(bucket, key)}}
}

func (a *api) putObject(ctx context.Context, c *call, in *PutObjectRequest) (*PutObjectOutput, error) {
	acl, owner, err := c.objectACL(str(in.ACL), grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, in.Key)
	if err != nil {
		return nil, err
	}
	meta, err := c.metadata(metadataFields{
		in.ContentType, in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.Expires,
		in.WebsiteRedirectLocation, in.StorageClass, in.ServerSideEncryption, in.SSEKMSKeyId, in.Metadata,
	})
	if err != nil {
		return nil, err
	}
	tags, err := parseTagging(str(in.Tagging))
	if err != nil {
		return nil, err
	}
	body, err := content(c.HTTP, str(in.ContentMD5), in.ChecksumAlgorithm,
		sums{in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256})
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		body.Body, body.Size = in.Body, -1
	}
	if err := checkWriteConditions(in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	l, err := lock(in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus)
	if err != nil {
		return nil, err
	}
	o, err := a.store.Put(ctx, &objstore.PutRequest{
		Bucket: in.Bucket, Key: in.Key, Content: *body, Metadata: meta, Tags: tags, Lock: l, ACL: acl, Owner: owner, By: c.by(),
		If: objstore.Conditions{Match: str(in.IfMatch), NoneMatch: str(in.IfNoneMatch)},
	})
	if err != nil {
		return nil, err
	}
	s := sumsOf(o.Checksum)
	return &PutObjectOutput{
		ETag: ptr(`"` + o.ETag + `"`), VersionId: c.writtenVersion(o), ServerSideEncryption: encryption(o), Expiration: c.expiration(o),
		ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
		ChecksumType: opt(ChecksumType(o.Checksum.Type)),
	}, nil
}

// writtenVersion returns the version's id as its writer sees it: the null version of a bucket with suspended versioning is
// not named.
func (c *call) writtenVersion(o *objstore.Object) *string {
	if o.Version == objstore.NullVersion {
		return nil
	}
	return &o.Version
}

// checkWriteConditions refuses what a write cannot be made to depend on.
func checkWriteConditions(match, noneMatch *string) error {
	refused := func(header string) error {
		return unimplemented(header, "We don't accept the provided value of "+header+" header for this API")
	}
	switch {
	case match != nil && noneMatch != nil:
		return unimplemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
	case noneMatch != nil && *noneMatch != "*":
		return refused("If-None-Match")
	case match != nil && *match == "*":
		return refused("If-Match")
	}
	return nil
}

// sums are the checksum members that many shapes have.
type sums struct{ crc32, crc32c, crc64, sha1, sha256 *string }

func sumsOf(c objstore.Checksum) (s sums) {
	switch v := &c.Value; c.Algorithm {
	case objstore.CRC32:
		s.crc32 = v
	case objstore.CRC32C:
		s.crc32c = v
	case objstore.CRC64NVME:
		s.crc64 = v
	case objstore.SHA1:
		s.sha1 = v
	case objstore.SHA256:
		s.sha256 = v
	}
	return s
}

// checksum returns the one that is given.
func (s sums) checksum() (c objstore.Checksum, err error) {
	for i, v := range [...]*string{s.crc32, s.crc32c, s.crc64, s.sha1, s.sha256} {
		if v == nil {
			continue
		}
		if c.Algorithm != "" {
			return c, refuse("InvalidRequest", http.StatusBadRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		c.Algorithm, c.Value = objstore.Algorithms[i], *v
	}
	return c, nil
}

// content describes the body of a request to the store.
func content(r *http.Request, md5 string, algorithm *ChecksumAlgorithm, given sums) (*objstore.Content, error) {
	sum, err := given.checksum()
	if err != nil {
		return nil, err
	}
	c := &objstore.Content{ContentMD5: md5, Checksum: sum, Size: -1}
	if algorithm != nil {
		if c.Checksum.Algorithm, err = objstore.ParseAlgorithm(string(*algorithm)); err != nil {
			return nil, err
		}
		if sum.Algorithm != "" && sum.Algorithm != c.Checksum.Algorithm {
			return nil, refuse("InvalidRequest", http.StatusBadRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
		}
	}
	if r == nil {
		return c, nil
	}
	if r.ContentLength < 0 {
		return nil, refuse("MissingContentLength", http.StatusLengthRequired, "You must provide the Content-Length HTTP header.")
	}
	c.Body, c.Size = r.Body, r.ContentLength
	for name := range strings.SplitSeq(r.Header.Get("X-Amz-Trailer"), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if a, ok := strings.CutPrefix(name, "x-amz-checksum-"); ok {
			if c.Checksum.Algorithm, err = objstore.ParseAlgorithm(a); err != nil {
				return nil, err
			}
			c.Trailer = func() string { return r.Trailer.Get(name) }
		}
	}
	return c, nil
}

// metadataFields are the members that say something about an object, in the order of the SDKs' documentation.
type metadataFields struct {
	contentType, cacheControl, disposition, encoding, language, expires, redirect *string
	class                                                                         *StorageClass
	encryption                                                                    *ServerSideEncryption
	kmsKey                                                                        *string
	user                                                                          map[string]string
}

func (c *call) metadata(f metadataFields) (objstore.Metadata, error) {
	m := objstore.Metadata{
		ContentType: str(f.contentType), CacheControl: str(f.cacheControl), ContentDisposition: str(f.disposition),
		ContentEncoding: str(f.encoding), ContentLanguage: str(f.language), Expires: str(f.expires), WebsiteRedirect: str(f.redirect),
		StorageClass: str(f.class), Encryption: str(f.encryption),
	}
	if to := m.WebsiteRedirect; to != "" && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") {
		return m, refuse("InvalidRedirectLocation", http.StatusBadRequest, "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	}
	if c.HTTP != nil {
		m.ContentEncoding = c.HTTP.Header.Get("Content-Encoding") // without aws-chunked
	}
	switch m.StorageClass {
	case "STANDARD":
		m.StorageClass = ""
	case "", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY", "GLACIER_IR":
	case "GLACIER", "DEEP_ARCHIVE":
		return m, refuse("NotImplemented", http.StatusNotImplemented, "Objects of the storage class "+m.StorageClass+" cannot be read at once; Tarn does not serve it.")
	default:
		e := refuse("InvalidStorageClass", http.StatusBadRequest, "The storage class you specified is not valid")
		e.Members = map[string]any{"StorageClassRequested": m.StorageClass}
		return m, e
	}
	switch m.Encryption {
	case "", "AES256":
	case "aws:kms", "aws:kms:dsse":
		return m, noKeys()
	default:
		return m, invalid("The encryption method specified is not supported")
	}
	if len(f.user) > 0 {
		m.User = make(map[string]string, len(f.user))
		for k, v := range f.user {
			m.User[strings.ToLower(k)] = decodeMetadata(v)
		}
	}
	return m, nil
}

// noKeys refuses encryption with keys of KMS, a service that Tarn does not have.
func noKeys() *protocol.Error {
	return refuse("NotImplemented", http.StatusNotImplemented, "Tarn has no KMS keys to encrypt with: leave the encryption out, or use AES256.")
}

func encryption(o *objstore.Object) *ServerSideEncryption {
	if o.Metadata.Encryption == "" {
		return ptr(ServerSideEncryption("AES256")) // what AWS says of every object
	}
	return ptr(ServerSideEncryption(o.Metadata.Encryption))
}

// parseTagging reads the tags of a header: a query string.
func parseTagging(s string) ([]objstore.Tag, error) {
	if s == "" {
		return nil, nil
	}
	var tags []objstore.Tag
	bad := argument("x-amz-tagging", s, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil || key == "" || strings.Contains(v, "=") || slices.ContainsFunc(tags, func(t objstore.Tag) bool { return t.Key == key }) {
			return nil, bad
		}
		tags = append(tags, objstore.Tag{Key: key, Value: value})
	}
	return tags, nil
}

// expiration words x-amz-expiration.
func (c *call) expiration(o *objstore.Object) *string {
	if len(c.bk.Lifecycle) == 0 {
		return nil
	}
	at, rule, ok := c.bk.Expires(o)
	if !ok {
		return nil
	}
	return ptr(`expiry-date="` + at.Format(http.TimeFormat) + `", rule-id="` + url.PathEscape(rule) + `"`)
}
