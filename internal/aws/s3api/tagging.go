package s3api

import (
	"context"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

const maxBucketTags = 50

func fromTags(list []Tag) []objstore.Tag {
	out := make([]objstore.Tag, len(list))
	for i, t := range list {
		out[i] = objstore.Tag{Key: t.Key, Value: t.Value}
	}
	return out
}

func toTags(list []objstore.Tag) []Tag {
	out := make([]Tag, len(list))
	for i, t := range list {
		out[i] = Tag{Key: t.Key, Value: t.Value}
	}
	return out
}

// onMarker returns the error for an object whose newest version is a delete marker, which is there but has no tags.
func onMarker(o *objstore.Object, err error) error {
	if o == nil || !o.DeleteMarker {
		return err
	}
	e := mapError(objstore.ErrDeleteMarker)
	e.Members = map[string]any{"ResourceType": "DeleteMarker"}
	return e
}

// checkBucketTags is objstore.CheckTags with the words that S3 has for system tags of buckets.
func checkBucketTags(tags []objstore.Tag, system string) error {
	for _, t := range tags {
		if strings.HasPrefix(t.Key, "aws:") {
			return &protocol.Error{Code: "InvalidTag", Status: http.StatusBadRequest, Message: system, Members: map[string]any{"TagKey": t.Key}}
		}
	}
	return objstore.CheckTags(tags, maxBucketTags)
}

func malformed() error {
	return refuse("MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
}

func (a *api) getObjectTagging(ctx context.Context, c *call, in *GetObjectTaggingRequest) (*GetObjectTaggingOutput, error) {
	o, err := a.store.Head(ctx, in.Bucket, in.Key, str(in.VersionId))
	if err != nil {
		return nil, onMarker(o, err)
	}
	return &GetObjectTaggingOutput{TagSet: toTags(o.Tags), VersionId: c.versionOf(o.Version)}, nil
}

func (a *api) putObjectTagging(ctx context.Context, c *call, in *PutObjectTaggingRequest) (*PutObjectTaggingOutput, error) {
	if in.Tagging == nil {
		return nil, malformed()
	}
	o, err := a.store.SetTags(ctx, in.Bucket, in.Key, str(in.VersionId), fromTags(in.Tagging.TagSet), c.by())
	if err != nil {
		return nil, onMarker(o, err)
	}
	return &PutObjectTaggingOutput{VersionId: c.versionOf(o.Version)}, nil
}

func (a *api) deleteObjectTagging(ctx context.Context, c *call, in *DeleteObjectTaggingRequest) (*DeleteObjectTaggingOutput, error) {
	o, err := a.store.SetTags(ctx, in.Bucket, in.Key, str(in.VersionId), nil, c.by())
	if err != nil {
		return nil, onMarker(o, err)
	}
	return &DeleteObjectTaggingOutput{VersionId: c.versionOf(o.Version)}, nil
}
