package s3api

import (
	"context"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) multipartOps() []protocol.Op {
	return []protocol.Op{
		protocol.Also(onObject(a, "CreateMultipartUpload", "s3:PutObject", func(in *CreateMultipartUploadRequest) (string, string) { return in.Bucket, in.Key }, a.createMultipartUpload),
			func(_ *protocol.Call, in *CreateMultipartUploadRequest) []protocol.Access {
				list := append(taggingAccess(in.Tagging, in.Bucket, in.Key), lockAccess(in.ObjectLockMode, in.ObjectLockLegalHoldStatus, in.Bucket, in.Key)...)
				return append(list, aclAccess(in.ACL, grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, nil, in.GrantWriteACP}, in.Bucket, in.Key)...)
			}),
		onObject(a, "UploadPart", "s3:PutObject", func(in *UploadPartRequest) (string, string) { return in.Bucket, in.Key }, a.uploadPart),
		protocol.Also(onObject(a, "UploadPartCopy", "s3:PutObject", func(in *UploadPartCopyRequest) (string, string) { return in.Bucket, in.Key }, a.uploadPartCopy),
			func(_ *protocol.Call, in *UploadPartCopyRequest) []protocol.Access {
				return sourceAccess(in.CopySource)
			}),
		onObject(a, "CompleteMultipartUpload", "s3:PutObject", func(in *CompleteMultipartUploadRequest) (string, string) { return in.Bucket, in.Key }, a.completeMultipartUpload),
		onObject(a, "AbortMultipartUpload", "", func(in *AbortMultipartUploadRequest) (string, string) { return in.Bucket, in.Key }, a.abortMultipartUpload),
		onObject(a, "ListParts", "s3:ListMultipartUploadParts", func(in *ListPartsRequest) (string, string) { return in.Bucket, in.Key }, a.listParts),
		onBucket(a, "ListMultipartUploads", "s3:ListBucketMultipartUploads", func(in *ListMultipartUploadsRequest) string { return in.Bucket }, a.listMultipartUploads),
	}
}

func (a *api) createMultipartUpload(ctx context.Context, c *call, in *CreateMultipartUploadRequest) (*CreateMultipartUploadOutput, error) {
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
	u := objstore.Upload{Bucket: in.Bucket, Key: in.Key, Metadata: meta, ACL: acl, Owner: owner, Initiator: c.Principal.ARN, Type: objstore.ChecksumType(str(in.ChecksumType))}
	if u.Lock, err = lock(in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus); err != nil {
		return nil, err
	}
	if u.Tags, err = parseTagging(str(in.Tagging)); err != nil {
		return nil, err
	}
	if in.ChecksumAlgorithm != nil {
		if u.Algorithm, err = objstore.ParseAlgorithm(string(*in.ChecksumAlgorithm)); err != nil {
			return nil, err
		}
	}
	done, err := a.store.CreateUpload(ctx, u)
	if err != nil {
		return nil, err
	}
	return &CreateMultipartUploadOutput{
		Bucket: &in.Bucket, Key: &in.Key, UploadId: &done.ID, ServerSideEncryption: encryption(&objstore.Object{Metadata: meta}),
		ChecksumAlgorithm: opt(ChecksumAlgorithm(done.Algorithm)), ChecksumType: opt(ChecksumType(done.Type)),
	}, nil
}

func (a *api) uploadPart(ctx context.Context, c *call, in *UploadPartRequest) (*UploadPartOutput, error) {
	body, err := content(c.HTTP, str(in.ContentMD5), in.ChecksumAlgorithm,
		sums{in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256})
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		body.Body = in.Body
	}
	p, err := a.store.PutPart(ctx, in.Bucket, in.Key, in.UploadId, int(in.PartNumber), *body)
	if err != nil {
		return nil, err
	}
	s := sumsOf(p.Checksum)
	return &UploadPartOutput{
		ETag: ptr(`"` + p.ETag + `"`), ServerSideEncryption: encryption(&objstore.Object{}),
		ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
	}, nil
}

func (a *api) uploadPartCopy(ctx context.Context, c *call, in *UploadPartCopyRequest) (*UploadPartCopyOutput, error) {
	src, err := parseSource(in.CopySource)
	if err != nil {
		return nil, err
	}
	if err := a.sourceOwner(ctx, c, src.bucket); err != nil {
		return nil, err
	}
	off, n := int64(0), int64(-1)
	if r := str(in.CopySourceRange); r != "" {
		from, to, ok := strings.Cut(strings.TrimPrefix(r, "bytes="), "-")
		first, ok1 := number(from)
		last, ok2 := number(to)
		if !strings.HasPrefix(r, "bytes=") || !ok || !ok1 || !ok2 || last < first {
			return nil, argument("x-amz-copy-source-range", r, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
		off, n = first, last-first+1
	}
	p, from, err := a.store.CopyPart(ctx, in.Bucket, in.Key, in.UploadId, int(in.PartNumber), src.bucket, src.key, src.version, off, n, objstore.Conditions{
		Match: str(in.CopySourceIfMatch), NoneMatch: str(in.CopySourceIfNoneMatch),
		ModifiedSince: deref(in.CopySourceIfModifiedSince), UnmodifiedSince: deref(in.CopySourceIfUnmodifiedSince),
	})
	if err != nil {
		return nil, err
	}
	s := sumsOf(p.Checksum)
	out := &UploadPartCopyOutput{ServerSideEncryption: encryption(&objstore.Object{}), CopyPartResult: &CopyPartResult{
		ETag: ptr(`"` + p.ETag + `"`), LastModified: shown(p.ModTime),
		ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
	}}
	if from.Version != objstore.NullVersion {
		out.CopySourceVersionId = &from.Version
	}
	return out, nil
}

func (a *api) completeMultipartUpload(ctx context.Context, c *call, in *CompleteMultipartUploadRequest) (*CompleteMultipartUploadOutput, error) {
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		if _, err := a.store.Upload(ctx, in.Bucket, in.Key, in.UploadId); err != nil {
			return nil, err
		}
		return nil, refuse("InvalidRequest", http.StatusBadRequest, "You must specify at least one part")
	}
	if err := checkWriteConditions(in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	req := &objstore.CompleteRequest{
		Bucket: in.Bucket, Key: in.Key, ID: in.UploadId, Size: -1, By: c.by(),
		If: objstore.Conditions{Match: str(in.IfMatch), NoneMatch: str(in.IfNoneMatch)},
	}
	if in.MpuObjectSize != nil {
		if *in.MpuObjectSize < 0 {
			return nil, refuse("InvalidRequest", http.StatusBadRequest, "Value for x-amz-mp-object-size header is invalid.")
		}
		req.Size = *in.MpuObjectSize
	}
	var err error
	if req.Checksum, err = (sums{in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256}).checksum(); err != nil {
		return nil, err
	}
	req.Checksum.Type = objstore.ChecksumType(str(in.ChecksumType))
	for i := range in.MultipartUpload.Parts {
		p := &in.MultipartUpload.Parts[i]
		if p.PartNumber == nil || p.ETag == nil {
			return nil, refuse("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
		}
		part := objstore.Part{Number: int(*p.PartNumber), ETag: str(p.ETag)}
		if part.Checksum, err = (sums{p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME, p.ChecksumSHA1, p.ChecksumSHA256}).checksum(); err != nil {
			return nil, err
		}
		req.Parts = append(req.Parts, part)
	}
	o, err := a.store.Complete(ctx, req)
	if err != nil {
		return nil, err
	}
	s := sumsOf(o.Checksum)
	location := "/" + in.Bucket + "/" + escapeKey(in.Key)
	if c.HTTP != nil {
		location = "http://" + c.HTTP.Host + location
	}
	return &CompleteMultipartUploadOutput{
		Bucket: &in.Bucket, Key: &in.Key, ETag: ptr(`"` + o.ETag + `"`), Location: &location, VersionId: c.versionOf(o.Version),
		ServerSideEncryption: encryption(o), Expiration: c.expiration(o), ChecksumType: opt(ChecksumType(o.Checksum.Type)),
		ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
	}, nil
}

func (a *api) abortMultipartUpload(ctx context.Context, _ *call, in *AbortMultipartUploadRequest) (*AbortMultipartUploadOutput, error) {
	if err := a.store.AbortUpload(ctx, in.Bucket, in.Key, in.UploadId); err != nil {
		return nil, err
	}
	return &AbortMultipartUploadOutput{}, nil
}

func (a *api) listParts(ctx context.Context, c *call, in *ListPartsRequest) (*ListPartsOutput, error) {
	limit, err := pageSize(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	after := int(deref(in.PartNumberMarker))
	if after < 0 {
		return nil, invalid("Argument part-number-marker must be an integer between 0 and 2147483647")
	}
	u, list, more, err := a.store.Parts(ctx, in.Bucket, in.Key, in.UploadId, after, limit)
	if err != nil {
		return nil, err
	}
	out := &ListPartsOutput{
		Bucket: &in.Bucket, Key: &in.Key, UploadId: &in.UploadId, MaxParts: ptr(int32(limit)), PartNumberMarker: ptr(int32(after)), IsTruncated: &more,
		Owner: owner(u.Owner), Initiator: initiator(u), StorageClass: ptr(StorageClass(class(&objstore.Object{Metadata: u.Metadata}))),
		ChecksumAlgorithm: opt(ChecksumAlgorithm(u.Algorithm)), ChecksumType: opt(ChecksumType(u.Type)), NextPartNumberMarker: ptr(int32(0)),
	}
	for _, p := range list {
		s := sumsOf(p.Checksum)
		out.NextPartNumberMarker = ptr(int32(p.Number))
		out.Parts = append(out.Parts, Part{
			PartNumber: ptr(int32(p.Number)), Size: &p.Size, ETag: ptr(`"` + p.ETag + `"`), LastModified: shown(p.ModTime),
			ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256,
		})
	}
	return out, nil
}

// initiator shows who began an upload: by its ARN and the last part of that.
func initiator(u *objstore.Upload) *Initiator {
	name := u.Initiator[strings.LastIndexAny(u.Initiator, "/:")+1:]
	return &Initiator{ID: &u.Initiator, DisplayName: &name}
}

func (a *api) listMultipartUploads(ctx context.Context, c *call, in *ListMultipartUploadsRequest) (*ListMultipartUploadsOutput, error) {
	limit, err := pageSize(in.MaxUploads, "max-uploads")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	req := &objstore.UploadsRequest{Bucket: in.Bucket, Prefix: str(in.Prefix), Delimiter: str(in.Delimiter), After: str(in.KeyMarker), Limit: limit}
	if req.After != "" {
		req.AfterID = str(in.UploadIdMarker)
	}
	l, err := a.store.Uploads(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &ListMultipartUploadsOutput{
		Bucket: &in.Bucket, KeyMarker: enc(str(in.KeyMarker)), UploadIdMarker: ptr(str(in.UploadIdMarker)),
		MaxUploads: ptr(int32(limit)), IsTruncated: &l.More, EncodingType: in.EncodingType, CommonPrefixes: prefixes(l.Prefixes, enc),
	}
	if in.Delimiter != nil && *in.Delimiter != "" {
		out.Delimiter = enc(*in.Delimiter)
	}
	if p := str(in.Prefix); p != "" {
		out.Prefix = enc(p)
	}
	if !l.More && l.NextID == "" {
		l.Next = "" // of a last page, S3 names the upload that ends it, but no common prefix
	}
	out.NextKeyMarker, out.NextUploadIdMarker = enc(l.Next), ptr(l.NextID)
	for _, u := range l.Uploads {
		out.Uploads = append(out.Uploads, MultipartUpload{
			Key: enc(u.Key), UploadId: &u.ID, Initiated: shown(u.Initiated), Owner: owner(u.Owner), Initiator: initiator(u),
			StorageClass: ptr(StorageClass(class(&objstore.Object{Metadata: u.Metadata}))), ChecksumAlgorithm: opt(ChecksumAlgorithm(u.Algorithm)), ChecksumType: opt(ChecksumType(u.Type)),
		})
	}
	return out, nil
}

// getObjectAttributes answers only what is asked for.
func (a *api) getObjectAttributes(ctx context.Context, c *call, in *GetObjectAttributesRequest) (*GetObjectAttributesOutput, error) {
	o, err := a.store.Head(ctx, in.Bucket, in.Key, str(in.VersionId))
	if err != nil {
		if o != nil && o.DeleteMarker {
			c.Header.Set("X-Amz-Delete-Marker", "true")
			c.Header.Set("X-Amz-Version-Id", o.Version)
		}
		return nil, err
	}
	if len(in.ObjectAttributes) == 0 {
		return nil, invalid("Invalid attribute name specified.")
	}
	out := &GetObjectAttributesOutput{LastModified: &o.ModTime, VersionId: c.versionOf(o.Version)}
	for _, name := range in.ObjectAttributes {
		switch name {
		case "ETag":
			out.ETag = &o.ETag
		case "ObjectSize":
			out.ObjectSize = &o.Size
		case "StorageClass":
			out.StorageClass = ptr(StorageClass(class(o)))
		case "Checksum":
			if o.Checksum.Algorithm != "" {
				plain := o.Checksum
				plain.Value, _, _ = strings.Cut(plain.Value, "-") // without the number of parts
				s := sumsOf(plain)
				out.Checksum = &Checksum{ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256, ChecksumType: opt(ChecksumType(o.Checksum.Type))}
			}
		case "ObjectParts":
			if len(o.Parts) > 0 {
				if out.ObjectParts, err = objectParts(o, in); err != nil {
					return nil, err
				}
			}
		default:
			return nil, invalid("Invalid attribute name specified.")
		}
	}
	return out, nil
}

func objectParts(o *objstore.Object, in *GetObjectAttributesRequest) (*GetObjectAttributesParts, error) {
	limit, err := pageSize(in.MaxParts, "max-parts")
	if err != nil {
		return nil, err
	}
	after := int(deref(in.PartNumberMarker))
	out := &GetObjectAttributesParts{TotalPartsCount: ptr(int32(len(o.Parts))), MaxParts: ptr(int32(limit)), PartNumberMarker: ptr(int32(after)), IsTruncated: ptr(false), NextPartNumberMarker: ptr(int32(0))}
	if o.Checksum.Type != objstore.Composite {
		return &GetObjectAttributesParts{TotalPartsCount: out.TotalPartsCount}, nil // only parts with a part in the checksum are listed
	}
	n := 0
	for _, p := range o.Parts {
		if p.Number <= after {
			continue
		}
		if n == limit {
			out.IsTruncated = ptr(true)
			break
		}
		n++
		out.NextPartNumberMarker = ptr(int32(p.Number))
		if p.Checksum.Algorithm == "" {
			continue // AWS lists the parts of objects with checksums only
		}
		s := sumsOf(p.Checksum)
		out.Parts = append(out.Parts, ObjectPart{PartNumber: ptr(int32(p.Number)), Size: &p.Size, ChecksumCRC32: s.crc32, ChecksumCRC32C: s.crc32c, ChecksumCRC64NVME: s.crc64, ChecksumSHA1: s.sha1, ChecksumSHA256: s.sha256})
	}
	return out, nil
}
