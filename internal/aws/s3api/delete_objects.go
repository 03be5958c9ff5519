package s3api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func deleteAccess(bucket, key, version string) protocol.Access {
	action := "s3:DeleteObject"
	if version != "" {
		action = "s3:DeleteObjectVersion"
	}
	return protocol.Access{Action: action, Resource: objectARN(bucket, key)}
}

func (a *api) deleteObject(ctx context.Context, c *call, in *DeleteObjectRequest) (*DeleteObjectOutput, error) {
	if e := c.Allowed(ctx, deleteAccess(in.Bucket, in.Key, str(in.VersionId))); e != nil {
		return nil, e
	}
	switch { // directory buckets alone have these
	case in.IfMatchLastModifiedTime != nil:
		return nil, unimplemented("x-amz-if-match-last-modified-time", "")
	case in.IfMatchSize != nil:
		return nil, unimplemented("x-amz-if-match-size", "")
	}
	cond := objstore.Conditions{Match: str(in.IfMatch)}
	bypass, err := c.bypass(ctx, in.BypassGovernanceRetention, in.Key)
	if err != nil {
		return nil, err
	}
	d, err := a.store.Delete(ctx, &objstore.DeleteRequest{Bucket: in.Bucket, Key: in.Key, Version: str(in.VersionId), If: cond, Bypass: bypass, By: c.by()})
	if err != nil {
		return nil, err
	}
	out := &DeleteObjectOutput{VersionId: opt(d.Version)}
	if d.Marker {
		out.DeleteMarker = ptr(true)
	}
	return out, nil
}

const maxDeletes = 1000

func (a *api) deleteObjects(ctx context.Context, c *call, in *DeleteObjectsRequest) (*DeleteObjectsOutput, error) {
	if in.Delete == nil || len(in.Delete.Objects) == 0 || len(in.Delete.Objects) > maxDeletes {
		return nil, refuse("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
	}
	if _, err := c.bypass(ctx, in.BypassGovernanceRetention, ""); err != nil {
		return nil, err
	}
	out := &DeleteObjectsOutput{}
	for i := range in.Delete.Objects {
		o := &in.Delete.Objects[i]
		d, e := a.deleteOne(ctx, c, in, o)
		if e != nil {
			out.Errors = append(out.Errors, Error{Key: &o.Key, VersionId: o.VersionId, Code: &e.Code, Message: &e.Message})
			continue
		}
		if deref(in.Delete.Quiet) {
			continue
		}
		done := DeletedObject{Key: &o.Key, VersionId: o.VersionId}
		if d.Marker {
			done.DeleteMarker, done.DeleteMarkerVersionId = ptr(true), opt(d.Version)
		}
		out.Deleted = append(out.Deleted, done)
	}
	return out, nil
}

func (a *api) deleteOne(ctx context.Context, c *call, in *DeleteObjectsRequest, o *ObjectIdentifier) (objstore.Deleted, *protocol.Error) {
	if e := c.Allowed(ctx, deleteAccess(in.Bucket, o.Key, str(o.VersionId))); e != nil {
		return objstore.Deleted{}, e
	}
	bypass, _ := c.bypass(ctx, in.BypassGovernanceRetention, o.Key) // deleteObjects has looked at the error
	cond := objstore.Conditions{Match: strings.TrimSpace(str(o.ETag)), MatchModTime: deref(o.LastModifiedTime)}
	if o.Size != nil {
		cond.HasSize, cond.MatchSize = true, *o.Size
	}
	d, err := a.store.Delete(ctx, &objstore.DeleteRequest{Bucket: in.Bucket, Key: o.Key, Version: str(o.VersionId), If: cond, Bypass: bypass, TellAbsent: true, By: c.by()})
	if err == nil {
		return d, nil
	}
	if errors.Is(err, objstore.ErrInvalidVersion) {
		err = objstore.ErrNoSuchVersion // as S3 has it here, unlike in DeleteObject
	}
	if e := mapError(err); e != nil {
		return d, e
	}
	return d, refuse("InternalError", http.StatusInternalServerError, "We encountered an internal error. Please try again.")
}
