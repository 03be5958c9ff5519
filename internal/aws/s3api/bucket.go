package s3api

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) bucketOps() []protocol.Op {
	return []protocol.Op{
		protocol.Also(protocol.Handle("CreateBucket", func(_ *protocol.Call, in *CreateBucketRequest) []string { return []string{bucketARN(in.Bucket)} }, a.createBucket), createAccess),
		protocol.Handle("ListBuckets", nil, a.listBuckets).As("s3:ListAllMyBuckets"),
		onBucket(a, "DeleteBucket", "", func(in *DeleteBucketRequest) string { return in.Bucket }, a.deleteBucket),
		onBucket(a, "HeadBucket", "s3:ListBucket", func(in *HeadBucketRequest) string { return in.Bucket }, a.headBucket),
		onBucket(a, "GetBucketLocation", "", func(in *GetBucketLocationRequest) string { return in.Bucket }, a.getBucketLocation),
	}
}

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// region returns where a new bucket is to be. In us-east-1 a request may name any region; elsewhere it must name its own.
func createRegion(c *protocol.Call, conf *CreateBucketConfiguration) (string, error) {
	want := ""
	if conf != nil {
		want = str(conf.LocationConstraint)
	}
	switch {
	case want == "EU" && (c.Region == "us-east-1" || c.Region == "eu-west-1"):
		want = "eu-west-1"
	case c.Region != "us-east-1": // what is not here is refused below, whatever it is
	case want == "us-east-1", want != "" && !regionForm.MatchString(want):
		e := refuse("InvalidLocationConstraint", http.StatusBadRequest, "The specified location-constraint is not valid")
		e.Members = map[string]any{"LocationConstraint": want}
		return "", e
	}
	if c.Region == "us-east-1" || c.Region == want {
		if want == "" {
			return c.Region, nil
		}
		return want, nil
	}
	named := want
	if named == "" {
		if c.HTTP == nil {
			return c.Region, nil
		}
		named = "unspecified"
	}
	return "", refuse("IllegalLocationConstraintException", http.StatusBadRequest, "The "+named+" location constraint is incompatible for the region specific endpoint this request was sent to.")
}

func (a *api) createBucket(ctx context.Context, c *protocol.Call, in *CreateBucketRequest) (*CreateBucketOutput, error) {
	region, err := createRegion(c, in.CreateBucketConfiguration)
	if err != nil {
		return nil, err
	}
	given, err := bucketGrants(in).parse(str(in.ACL))
	if err != nil {
		return nil, err
	}
	acl := given
	if acl == nil {
		acl = cannedACL(str(in.ACL), c.Account, c.Account)
	}
	if acl != nil {
		if o := str(in.ObjectOwnership); o == "" || o == objstore.OwnerEnforced {
			return nil, listsDisabled()
		}
		if isPublicACL(acl) { // all public access is blocked in a new bucket
			return nil, refuse("InvalidBucketAclWithBlockPublicAccessError", http.StatusBadRequest, "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
		}
	}
	var tags []objstore.Tag
	if conf := in.CreateBucketConfiguration; conf != nil {
		tags = fromTags(conf.Tags)
		if err := checkBucketTags(tags, `User-defined tag keys can't start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.`); err != nil {
			return nil, err
		}
	}
	bk, err := a.store.CreateBucketWith(ctx, ident.Scope{Account: c.Account, Region: region}, in.Bucket, func(b *objstore.Bucket) {
		b.Ownership, b.Tags, b.ACL = str(in.ObjectOwnership), tags, acl
		if deref(in.ObjectLockEnabledForBucket) {
			b.Versioning, b.ObjectLock = objstore.Enabled, &objstore.ObjectLock{}
		}
		if conf := in.CreateBucketConfiguration; conf != nil && str(conf.LocationConstraint) == "EU" {
			b.Location = "EU"
		}
	})
	if errors.Is(err, objstore.ErrBucketOwnedByYou) && region == "us-east-1" && bk.Region == region && len(tags) == 0 {
		err = nil // as the oldest region has it
	}
	if err != nil {
		return nil, err
	}
	return &CreateBucketOutput{Location: ptr("/" + in.Bucket), BucketArn: ptr(bk.ARN())}, nil
}

func bucketGrants(in *CreateBucketRequest) grantHeaders {
	return grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP}
}

// createAccess asks for the rights to what a new bucket is made with.
func createAccess(_ *protocol.Call, in *CreateBucketRequest) (list []protocol.Access) {
	if in.ACL != nil || bucketGrants(in) != (grantHeaders{}) {
		list = append(list, protocol.Access{Action: "s3:PutBucketAcl", Resource: bucketARN(in.Bucket)})
	}
	if in.ObjectOwnership != nil {
		list = append(list, protocol.Access{Action: "s3:PutBucketOwnershipControls", Resource: bucketARN(in.Bucket)})
	}
	return list
}

func (a *api) deleteBucket(ctx context.Context, _ *call, in *DeleteBucketRequest) (*none, error) {
	return &none{}, a.store.DeleteBucket(ctx, in.Bucket)
}

func (a *api) headBucket(_ context.Context, c *call, _ *HeadBucketRequest) (*HeadBucketOutput, error) {
	c.Header.Set("Content-Type", "application/xml")
	return &HeadBucketOutput{BucketRegion: &c.bk.Region, AccessPointAlias: ptr(false), BucketArn: ptr(c.bk.ARN())}, nil
}

func (a *api) getBucketLocation(_ context.Context, c *call, _ *GetBucketLocationRequest) (*GetBucketLocationOutput, error) {
	out := &GetBucketLocationOutput{}
	switch {
	case c.bk.Location != "":
		out.LocationConstraint = &c.bk.Location
	case c.bk.Region != "us-east-1":
		out.LocationConstraint = &c.bk.Region
	}
	return out, nil
}

func (a *api) listBuckets(ctx context.Context, c *protocol.Call, in *ListBucketsRequest) (*ListBucketsOutput, error) {
	limit := 10_000
	if in.MaxBuckets != nil {
		if limit = int(*in.MaxBuckets); limit < 1 || limit > 10_000 {
			return nil, invalid("max-buckets must be between 1 and 10000")
		}
	}
	after, err := readToken(str(in.ContinuationToken))
	if err != nil {
		return nil, err
	}
	list, more := a.store.Buckets(ctx, c.Account, str(in.BucketRegion), str(in.Prefix), after, limit)
	out := &ListBucketsOutput{Owner: owner(c.Account), Prefix: in.Prefix, Buckets: make([]Bucket, 0, len(list))}
	for _, b := range list {
		item := Bucket{Name: &b.Name, CreationDate: &b.Created, BucketArn: ptr(b.ARN())}
		if in.MaxBuckets != nil || in.Prefix != nil || in.BucketRegion != nil || in.ContinuationToken != nil {
			item.BucketRegion = &b.Region // as S3 has it: not for requests without parameters
		}
		out.Buckets = append(out.Buckets, item)
	}
	if more {
		out.ContinuationToken = ptr(token(list[len(list)-1].Name))
	}
	return out, nil
}

// owner shows an account as S3 shows owners: by an id of 64 digits, made from the account's.
func owner(account string) *Owner { return &Owner{ID: ptr(CanonicalID(account))} }
