package s3api

import (
	"context"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

// source is a parsed x-amz-copy-source: bucket/key?versionId=id, percent-encoded.
type source struct{ bucket, key, version string }

func parseSource(s string) (source, error) {
	path, query, _ := strings.Cut(s, "?")
	path, err := url.QueryUnescape(path) // a plus is a space here
	if _, rest, ok := strings.Cut(path, "://"); ok && (strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")) {
		_, path, _ = strings.Cut(rest, "/") // the address of the source serves as well
	}
	path = strings.TrimPrefix(path, "/")
	bucket, key, ok := strings.Cut(path, "/")
	if err != nil || !ok || bucket == "" || key == "" || strings.HasPrefix(path, "arn:") {
		return source{}, argument("x-amz-copy-source", "x-amz-copy-source", "Invalid copy source object key")
	}
	src := source{bucket: bucket, key: key}
	if query != "" {
		v, ok := strings.CutPrefix(query, "versionId=")
		if !ok || v == "" {
			return source{}, invalid("Unsupported copy source parameter.")
		}
		if src.version, err = url.QueryUnescape(v); err != nil {
			return source{}, invalid("Unsupported copy source parameter.")
		}
	}
	return src, nil
}

// sourceAccess asks for the right to read a copy's source.
func sourceAccess(s string) []protocol.Access {
	src, err := parseSource(s)
	if err != nil {
		return nil // the handler answers it
	}
	action := "s3:GetObject"
	if src.version != "" {
		action = "s3:GetObjectVersion"
	}
	return []protocol.Access{{Action: action, Resource: objectARN(src.bucket, src.key)}}
}

func (a *api) copyObject(ctx context.Context, c *call, in *CopyObjectRequest) (*CopyObjectOutput, error) {
	acl, owner, err := c.objectACL(str(in.ACL), grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, in.Key)
	if err != nil {
		return nil, err
	}
	if err := checkWriteConditions(in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	src, err := parseSource(in.CopySource)
	if err != nil {
		return nil, err
	}
	req := &objstore.CopyRequest{
		SourceBucket: src.bucket, SourceKey: src.key, SourceVersion: src.version, Bucket: in.Bucket, Key: in.Key, By: c.by(), ACL: acl, Owner: owner,
		If: objstore.Conditions{Match: str(in.IfMatch), NoneMatch: str(in.IfNoneMatch)},
		SourceIf: objstore.Conditions{
			Match: str(in.CopySourceIfMatch), NoneMatch: str(in.CopySourceIfNoneMatch),
			ModifiedSince: deref(in.CopySourceIfModifiedSince), UnmodifiedSince: deref(in.CopySourceIfUnmodifiedSince),
		},
	}
	if req.Metadata, err = c.metadata(metadataFields{
		in.ContentType, in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.Expires,
		in.WebsiteRedirectLocation, in.StorageClass, in.ServerSideEncryption, in.SSEKMSKeyId, in.Metadata,
	}); err != nil {
		return nil, err
	}
	req.Rewrite = in.StorageClass != nil || in.ServerSideEncryption != nil || in.WebsiteRedirectLocation != nil
	if req.ReplaceMetadata, err = directive(str(in.MetadataDirective), "metadata"); err != nil {
		return nil, err
	}
	if req.ReplaceTags, err = directive(str(in.TaggingDirective), "tagging"); err != nil {
		return nil, err
	}
	if req.Lock, err = lock(in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus); err != nil {
		return nil, err
	}
	if req.Tags, err = parseTagging(str(in.Tagging)); err != nil {
		return nil, err
	}
	if in.ChecksumAlgorithm != nil {
		if req.Algorithm, err = objstore.ParseAlgorithm(string(*in.ChecksumAlgorithm)); err != nil {
			return nil, err
		}
	}
	if err := a.sourceOwner(ctx, c, src.bucket); err != nil {
		return nil, err
	}
	dst, from, err := a.store.Copy(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &CopyObjectOutput{VersionId: c.versionOf(dst.Version), ServerSideEncryption: encryption(dst), Expiration: c.expiration(dst)}
	if from.Version != objstore.NullVersion {
		out.CopySourceVersionId = &from.Version
	}
	s := sumsOf(dst.Checksum)
	out.CopyObjectResult = &CopyObjectResult{
		ETag: ptr(`"` + dst.ETag + `"`), LastModified: shown(dst.ModTime),
		ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
		ChecksumType: opt(ChecksumType(dst.Checksum.Type)),
	}
	return out, nil
}

func directive(s, what string) (replace bool, err error) {
	switch s {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	}
	return false, invalid("Unknown " + what + " directive.")
}

// sourceOwner compares x-amz-source-expected-bucket-owner.
func (a *api) sourceOwner(ctx context.Context, c *call, bucket string) error {
	bk, err := a.store.Bucket(ctx, bucket)
	if err != nil {
		e := *mapError(err)
		e.Members = map[string]any{"BucketName": bucket}
		return &e
	}
	if c.HTTP == nil {
		return nil
	}
	return checkOwner(c.HTTP.Header.Get("X-Amz-Source-Expected-Bucket-Owner"), bk)
}
