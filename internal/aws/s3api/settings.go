package s3api

import (
	"context"
	"net/http"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) settingOps() []protocol.Op {
	return []protocol.Op{
		onBucket(a, "PutBucketVersioning", "", func(in *PutBucketVersioningRequest) string { return in.Bucket }, a.putBucketVersioning),
		onBucket(a, "GetBucketVersioning", "", func(in *GetBucketVersioningRequest) string { return in.Bucket }, a.getBucketVersioning),
		onBucket(a, "PutBucketTagging", "", func(in *PutBucketTaggingRequest) string { return in.Bucket }, a.putBucketTagging).Answering(http.StatusNoContent),
		onBucket(a, "GetBucketTagging", "", func(in *GetBucketTaggingRequest) string { return in.Bucket }, a.getBucketTagging),
		onBucket(a, "DeleteBucketTagging", "s3:PutBucketTagging", func(in *DeleteBucketTaggingRequest) string { return in.Bucket }, a.deleteBucketTagging),
		onBucket(a, "PutBucketCors", "s3:PutBucketCORS", func(in *PutBucketCorsRequest) string { return in.Bucket }, a.putBucketCors),
		onBucket(a, "GetBucketCors", "s3:GetBucketCORS", func(in *GetBucketCorsRequest) string { return in.Bucket }, a.getBucketCors),
		onBucket(a, "DeleteBucketCors", "s3:PutBucketCORS", func(in *DeleteBucketCorsRequest) string { return in.Bucket }, a.deleteBucketCors),
		onBucket(a, "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", func(in *PutBucketLifecycleConfigurationRequest) string { return in.Bucket }, a.putLifecycle),
		onBucket(a, "GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", func(in *GetBucketLifecycleConfigurationRequest) string { return in.Bucket }, a.getLifecycle),
		onBucket(a, "DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", func(in *DeleteBucketLifecycleRequest) string { return in.Bucket }, a.deleteLifecycle),
		onBucket(a, "PutBucketNotificationConfiguration", "s3:PutBucketNotification", func(in *PutBucketNotificationConfigurationRequest) string { return in.Bucket }, a.putNotification),
		onBucket(a, "GetBucketNotificationConfiguration", "s3:GetBucketNotification", func(in *GetBucketNotificationConfigurationRequest) string { return in.Bucket }, a.getNotification),
		onBucket(a, "PutBucketEncryption", "s3:PutEncryptionConfiguration", func(in *PutBucketEncryptionRequest) string { return in.Bucket }, a.putBucketEncryption),
		onBucket(a, "GetBucketEncryption", "s3:GetEncryptionConfiguration", func(in *GetBucketEncryptionRequest) string { return in.Bucket }, a.getBucketEncryption),
		onBucket(a, "GetBucketRequestPayment", "", func(in *GetBucketRequestPaymentRequest) string { return in.Bucket }, a.getRequestPayment),
		onBucket(a, "PutBucketRequestPayment", "", func(in *PutBucketRequestPaymentRequest) string { return in.Bucket }, a.putRequestPayment),
		onBucket(a, "DeleteBucketEncryption", "s3:PutEncryptionConfiguration", func(in *DeleteBucketEncryptionRequest) string { return in.Bucket }, a.deleteBucketEncryption),
	}
}

// set changes a bucket's settings; the output is empty.
func (a *api) set(ctx context.Context, c *call, change func(*objstore.Bucket) error) (*none, error) {
	return &none{}, a.store.Update(ctx, c.bk.Name, change)
}

func absent(code, message string) error {
	return refuse(code, http.StatusNotFound, message)
}

func (a *api) putBucketVersioning(ctx context.Context, c *call, in *PutBucketVersioningRequest) (*none, error) {
	if in.VersioningConfiguration == nil || in.VersioningConfiguration.Status == nil {
		return nil, refuse("IllegalVersioningConfigurationException", http.StatusBadRequest, "The Versioning element must be specified")
	}
	v := objstore.Versioning(*in.VersioningConfiguration.Status)
	if v != objstore.Enabled && v != objstore.Suspended {
		return nil, malformed()
	}
	return &none{}, a.store.SetVersioning(ctx, c.bk.Name, v)
}

func (a *api) getBucketVersioning(_ context.Context, c *call, _ *GetBucketVersioningRequest) (*GetBucketVersioningOutput, error) {
	return &GetBucketVersioningOutput{Status: opt(BucketVersioningStatus(c.bk.Versioning))}, nil
}

func (a *api) putBucketTagging(ctx context.Context, c *call, in *PutBucketTaggingRequest) (*none, error) {
	if in.Tagging == nil {
		return nil, malformed()
	}
	tags := fromTags(in.Tagging.TagSet)
	if err := checkBucketTags(tags, "System tags cannot be added/updated by requester"); err != nil {
		return nil, err
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Tags = tags; return nil })
}

func (a *api) getBucketTagging(_ context.Context, c *call, _ *GetBucketTaggingRequest) (*GetBucketTaggingOutput, error) {
	if len(c.bk.Tags) == 0 {
		return nil, absent("NoSuchTagSet", "The TagSet does not exist")
	}
	return &GetBucketTaggingOutput{TagSet: toTags(c.bk.Tags)}, nil
}

func (a *api) deleteBucketTagging(ctx context.Context, c *call, _ *DeleteBucketTaggingRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Tags = nil; return nil })
}

func (a *api) putBucketEncryption(ctx context.Context, c *call, in *PutBucketEncryptionRequest) (*none, error) {
	conf := in.ServerSideEncryptionConfiguration
	if conf == nil || len(conf.Rules) != 1 || conf.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return nil, malformed()
	}
	r := conf.Rules[0]
	e := &objstore.Encryption{Algorithm: string(r.ApplyServerSideEncryptionByDefault.SSEAlgorithm), KeyID: str(r.ApplyServerSideEncryptionByDefault.KMSMasterKeyID), BucketKey: deref(r.BucketKeyEnabled)}
	switch e.Algorithm {
	case "AES256":
		if e.KeyID != "" {
			e := invalid("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
			e.Members = map[string]any{"ArgumentName": "ApplyServerSideEncryptionByDefault"}
			return nil, e
		}
	case "aws:kms", "aws:kms:dsse":
		return nil, noKeys()
	default:
		return nil, malformed()
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Encryption = e; return nil })
}

func (a *api) getBucketEncryption(_ context.Context, c *call, _ *GetBucketEncryptionRequest) (*GetBucketEncryptionOutput, error) {
	e := c.bk.Encryption
	if e == nil {
		e = &objstore.Encryption{Algorithm: "AES256"}
	}
	return &GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &ServerSideEncryptionConfiguration{Rules: []ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &ServerSideEncryptionByDefault{SSEAlgorithm: ServerSideEncryption(e.Algorithm), KMSMasterKeyID: opt(e.KeyID)},
		BucketKeyEnabled:                   &e.BucketKey,
	}}}}, nil
}

func (a *api) deleteBucketEncryption(ctx context.Context, c *call, _ *DeleteBucketEncryptionRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Encryption = nil; return nil })
}

func (a *api) getRequestPayment(_ context.Context, c *call, _ *GetBucketRequestPaymentRequest) (*GetBucketRequestPaymentOutput, error) {
	payer := "BucketOwner"
	if c.bk.RequesterPays {
		payer = "Requester"
	}
	return &GetBucketRequestPaymentOutput{Payer: ptr(Payer(payer))}, nil
}

func (a *api) putRequestPayment(ctx context.Context, c *call, in *PutBucketRequestPaymentRequest) (*none, error) {
	if in.RequestPaymentConfiguration == nil {
		return nil, malformed()
	}
	payer := string(in.RequestPaymentConfiguration.Payer)
	if payer != "BucketOwner" && payer != "Requester" {
		return nil, malformed()
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.RequesterPays = payer == "Requester"; return nil })
}
