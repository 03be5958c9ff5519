package s3api

import (
	"context"
	"net/http"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) aclOps() []protocol.Op {
	return []protocol.Op{
		onBucket(a, "PutBucketAcl", "", func(in *PutBucketAclRequest) string { return in.Bucket }, a.putBucketACL),
		onBucket(a, "GetBucketAcl", "", func(in *GetBucketAclRequest) string { return in.Bucket }, a.getBucketACL),
		onObject(a, "PutObjectAcl", "", func(in *PutObjectAclRequest) (string, string) { return in.Bucket, in.Key }, a.putObjectACL),
		onObject(a, "GetObjectAcl", "", func(in *GetObjectAclRequest) (string, string) { return in.Bucket, in.Key }, a.getObjectACL),
	}
}

func listsDisabled() error {
	return refuse("InvalidBucketAclWithObjectOwnership", http.StatusBadRequest, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
}

func noACL() error {
	return refuse("AccessControlListNotSupported", http.StatusBadRequest, "The bucket does not allow ACLs")
}

// ownersAlone reports whether a list gives nobody anything but the owner, who has everything.
func ownersAlone(acl *objstore.ACL, owner string) bool {
	if acl == nil {
		return true
	}
	return len(acl.Grants) > 0 && !slices.ContainsFunc(acl.Grants, func(g objstore.Grant) bool {
		return g.User != CanonicalID(owner) || g.Permission != fullControl
	})
}

// isPublicACL reports whether a list gives anything to everybody, with or without a signature.
func isPublicACL(acl *objstore.ACL) bool {
	return acl != nil && slices.ContainsFunc(acl.Grants, func(g objstore.Grant) bool { return g.Group == allUsers || g.Group == authenticatedUsers })
}

// admit refuses lists that the settings of the bucket forbid. action and resource are named in the refusal.
func (c *call) admitACL(acl *objstore.ACL, action, resource string) error {
	if isPublicACL(acl) && access(c.bk).BlockPublicACLs {
		return refuse("AccessDenied", http.StatusForbidden, "User: "+c.Principal.ARN+" is not authorized to perform: "+action+" on resource: \""+resource+
			"\" because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.")
	}
	return nil
}

// objectACL returns the list and the owner of an object that is written with a canned list or headers.
func (c *call) objectACL(canned string, h grantHeaders, key string) (acl *objstore.ACL, owner string, err error) {
	given, err := h.parse(canned)
	if err != nil {
		return nil, "", err
	}
	if !c.bk.Lists() {
		// These change nothing where the bucket's owner owns all.
		if given != nil || canned != "" && canned != "private" && canned != "bucket-owner-full-control" {
			return nil, "", noACL()
		}
		return nil, c.bk.Account, nil
	}
	owner = accountOf(c.Call)
	if owner == "" || c.bk.Ownership == objstore.OwnerPreferred && canned == "bucket-owner-full-control" {
		owner = c.bk.Account
	}
	if acl = given; acl == nil {
		acl = cannedACL(canned, owner, c.bk.Account)
	}
	return acl, owner, c.admitACL(acl, "s3:PutObject", objectARN(c.bk.Name, key))
}

// aclAccess asks for the right to write a list along with an object.
func aclAccess[T ~string](canned *T, h grantHeaders, bucket, key string) []protocol.Access {
	if canned == nil && h == (grantHeaders{}) {
		return nil
	}
	return []protocol.Access{{Action: "s3:PutObjectAcl", Resource: objectARN(bucket, key)}}
}

// newACL reads the list of PutBucketAcl and PutObjectAcl, which comes as a name, in headers or as a document.
func (c *call) newACL(canned string, h grantHeaders, doc *AccessControlPolicy, owner string) (*objstore.ACL, error) {
	given, err := h.parse(canned)
	if err != nil {
		return nil, err
	}
	switch {
	case doc != nil && (canned != "" || given != nil):
		return nil, refuse("UnexpectedContent", http.StatusBadRequest, "This request does not support content")
	case doc != nil:
		return documentACL(doc, owner)
	case given != nil:
		return given, nil
	case canned == "":
		e := refuse("MissingSecurityHeader", http.StatusBadRequest, "Your request was missing a required header")
		e.Members = map[string]any{"MissingHeaderName": "x-amz-acl"}
		return nil, e
	}
	return cannedACL(canned, owner, c.bk.Account), nil
}

func (a *api) putBucketACL(ctx context.Context, c *call, in *PutBucketAclRequest) (*none, error) {
	acl, err := c.newACL(str(in.ACL), grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP}, in.AccessControlPolicy, c.bk.Account)
	if err != nil {
		return nil, err
	}
	if !c.bk.Lists() {
		if in.AccessControlPolicy != nil && ownersAlone(acl, c.bk.Account) {
			return &none{}, nil
		}
		return nil, noACL()
	}
	if err := c.admitACL(acl, "s3:PutBucketAcl", c.bk.ARN()); err != nil {
		return nil, err
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error {
		if !b.Lists() {
			return noACL()
		}
		b.ACL = acl
		return nil
	})
}

func (a *api) getBucketACL(_ context.Context, c *call, _ *GetBucketAclRequest) (*GetBucketAclOutput, error) {
	acl := c.bk.ACL
	if !c.bk.Lists() {
		acl = nil
	}
	return &GetBucketAclOutput{Owner: owner(c.bk.Account), Grants: showACL(acl, c.bk.Account)}, nil
}

func (a *api) putObjectACL(ctx context.Context, c *call, in *PutObjectAclRequest) (*PutObjectAclOutput, error) {
	o, err := a.store.Head(ctx, in.Bucket, in.Key, str(in.VersionId))
	if err != nil {
		return nil, onMarker(o, err)
	}
	h := grantHeaders{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP}
	acl, err := c.newACL(str(in.ACL), h, in.AccessControlPolicy, o.Owner)
	if err != nil {
		return nil, err
	}
	if !c.bk.Lists() {
		if ownersAlone(acl, o.Owner) && str(in.ACL) != "private" {
			return &PutObjectAclOutput{}, nil
		}
		return nil, noACL()
	}
	if err := c.admitACL(acl, "s3:PutObjectAcl", objectARN(in.Bucket, in.Key)); err != nil {
		return nil, err
	}
	if o, err = a.store.SetACL(ctx, in.Bucket, in.Key, str(in.VersionId), acl, c.by()); err != nil {
		return nil, onMarker(o, err)
	}
	return &PutObjectAclOutput{}, nil
}

func (a *api) getObjectACL(ctx context.Context, c *call, in *GetObjectAclRequest) (*GetObjectAclOutput, error) {
	o, err := a.store.Head(ctx, in.Bucket, in.Key, str(in.VersionId))
	if err != nil {
		if in.VersionId == nil { // only the marker itself is said to be one
			return nil, err
		}
		return nil, onMarker(o, err)
	}
	acl, by := o.ACL, o.Owner
	if !c.bk.Lists() {
		acl, by = nil, c.bk.Account
	}
	return &GetObjectAclOutput{Owner: owner(by), Grants: showACL(acl, by)}, nil
}
