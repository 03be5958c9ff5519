package objstore

import (
	"context"

	"github.com/tarn-data/tarn/internal/kv"
)

// ACL is an access control list. A bucket or object without one (nil) is its owner's alone. The store keeps lists; who may
// do what by them is for the caller to decide.
type ACL struct{ Grants []Grant }

// Grant gives a permission to an account or to a group; one of User and Group is set.
type Grant struct {
	User       string `json:",omitempty"` // canonical id of the account
	Group      string `json:",omitempty"` // URI
	Permission string // "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"
}

// The values of Bucket.Ownership, besides "", which stands for BucketOwnerEnforced.
const (
	OwnerEnforced    = "BucketOwnerEnforced"
	OwnerPreferred   = "BucketOwnerPreferred"
	ObjectWriter     = "ObjectWriter"
	OwnershipRemoved = "removed" // the setting was removed, which means ObjectWriter
)

// Lists reports whether access control lists are in force in the bucket.
func (b *Bucket) Lists() bool { return b.Ownership != "" && b.Ownership != OwnerEnforced }

// SetACL replaces the access control list of a version ("" = the newest) and returns the version. Errors are those of Head.
func (s *Store) SetACL(ctx context.Context, bucket, name, version string, acl *ACL, by Actor) (*Object, error) {
	var o *Object
	err := s.change(ctx, bucket, name, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		var err error
		if o, err = s.Head(ctx, bucket, name, version); err != nil {
			return nil, err
		}
		o.ACL = acl
		s.rewrite(b, o)
		return &Write{Object: o, Event: "ObjectAcl:Put", By: by}, nil
	})
	return o, err
}

// rewrite replaces the row of a version that was just read.
func (s *Store) rewrite(b *kv.Batch, o *Object) {
	at := olderKey(o.Bucket, o.Key, o.seq)
	if o.Latest {
		at = currentKey(o.Bucket, o.Key)
	}
	b.IfPresent(at)
	b.Set(at, o.encode())
}
