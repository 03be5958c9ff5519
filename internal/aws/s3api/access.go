package s3api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

func (a *api) accessOps() []protocol.Op {
	return []protocol.Op{
		onBucket(a, "PutBucketPolicy", "", func(in *PutBucketPolicyRequest) string { return in.Bucket }, a.putBucketPolicy).Answering(http.StatusNoContent),
		onBucket(a, "GetBucketPolicy", "", func(in *GetBucketPolicyRequest) string { return in.Bucket }, a.getBucketPolicy),
		onBucket(a, "DeleteBucketPolicy", "", func(in *DeleteBucketPolicyRequest) string { return in.Bucket }, a.deleteBucketPolicy),
		onBucket(a, "GetBucketPolicyStatus", "", func(in *GetBucketPolicyStatusRequest) string { return in.Bucket }, a.getBucketPolicyStatus),
		onBucket(a, "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", func(in *PutPublicAccessBlockRequest) string { return in.Bucket }, a.putPublicAccessBlock),
		onBucket(a, "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", func(in *GetPublicAccessBlockRequest) string { return in.Bucket }, a.getPublicAccessBlock),
		onBucket(a, "DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", func(in *DeletePublicAccessBlockRequest) string { return in.Bucket }, a.deletePublicAccessBlock),
		onBucket(a, "PutBucketOwnershipControls", "", func(in *PutBucketOwnershipControlsRequest) string { return in.Bucket }, a.putOwnership),
		onBucket(a, "GetBucketOwnershipControls", "", func(in *GetBucketOwnershipControlsRequest) string { return in.Bucket }, a.getOwnership),
		onBucket(a, "DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls", func(in *DeleteBucketOwnershipControlsRequest) string { return in.Bucket }, a.deleteOwnership),
	}
}

// policies keeps the parsed policies of buckets.
type policies struct {
	mu   sync.RWMutex                // guards the field below
	docs map[string]*policy.Document // by text
}

const maxParsed = 10_000

func (p *policies) parse(text string) (*policy.Document, error) {
	p.mu.RLock()
	d := p.docs[text]
	p.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	d, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.docs == nil || len(p.docs) >= maxParsed {
		p.docs = map[string]*policy.Document{}
	}
	p.docs[text] = d
	return d, nil
}

// resourcePolicy returns the policy of the bucket that an ARN is in, and the bucket's account.
func (a *api) resourcePolicy(ctx context.Context, c *protocol.Call, resource string) (*policy.Document, string, error) {
	bucket, key, ok := splitARN(resource)
	if !ok {
		return nil, "", nil
	}
	bk, err := a.store.Bucket(ctx, bucket)
	if err != nil {
		if c.Operation == "CreateBucket" {
			return nil, "", nil
		}
		e := *mapError(err) // that there is no such bucket, everybody is told
		e.Members = map[string]any{"BucketName": bucket}
		return nil, "", &e
	}
	d, err := a.bucketPolicy(c, bk)
	if err != nil || !bk.Lists() {
		return d, bk.Account, err
	}
	return a.withLists(ctx, c, bk, key, d)
}

// bucketPolicy returns the policy of a bucket as far as it is in force for the principal; nil = none.
func (a *api) bucketPolicy(c *protocol.Call, bk *objstore.Bucket) (*policy.Document, error) {
	if bk.Policy == "" {
		return nil, nil
	}
	d, err := a.policies.parse(bk.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy of bucket %s: %w", bk.Name, err)
	}
	if access(bk).RestrictPublicBuckets && c.Principal.Account != bk.Account && c.Principal.Service == "" && isPublic(d) {
		return nil, nil
	}
	return d, nil
}

// access returns the public access block in force. New buckets have all of it, as AWS's.
func access(bk *objstore.Bucket) objstore.PublicAccess {
	if bk.PublicAccess == nil {
		return objstore.PublicAccess{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	}
	return *bk.PublicAccess
}

// isPublic reports whether a policy lets everybody in: a statement allows any principal, and no condition names who or
// where from (AWS: "The meaning of public").
func isPublic(d *policy.Document) bool {
	fixed := []string{
		"aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:userid", "aws:principalorgid",
		"aws:principalaccount", "aws:principalarn", "aws:sourceip", "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Deny || s.NotPrincipal == nil && (s.Principals == nil || !s.Principals.Any && !slices.Contains(s.Principals.AWS, "*")) {
			continue
		}
		if !slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
			return slices.Contains(fixed, c.Key) && !slices.ContainsFunc(c.Values, func(v string) bool {
				return v == "*" || v == "0.0.0.0/0" || v == "::/0"
			})
		}) {
			return true
		}
	}
	return false
}

const maxPolicyBytes = 20 << 10

func (a *api) putBucketPolicy(ctx context.Context, c *call, in *PutBucketPolicyRequest) (*none, error) {
	bad := func(message string) error { return refuse("MalformedPolicy", http.StatusBadRequest, message) }
	if len(in.Policy) > maxPolicyBytes {
		return nil, bad("Policy exceeds the maximum allowed document size.")
	}
	if !strings.HasPrefix(in.Policy, "{") || !json.Valid([]byte(in.Policy)) {
		return nil, bad("Policies must be valid JSON and the first byte must be '{'")
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal([]byte(in.Policy), &top); err == nil && top["Statement"] == nil {
		return nil, bad("Missing required field Statement")
	}
	d, err := policy.Parse(policy.Resource, in.Policy)
	if err != nil {
		if m := (*policy.MalformedError)(nil); errors.As(err, &m) {
			return nil, bad(m.Message)
		}
		return nil, bad(err.Error())
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		for _, r := range append(slices.Clone(s.Resources), s.NotResources...) {
			if r != c.bk.ARN() && !strings.HasPrefix(r, c.bk.ARN()+"/") && !strings.ContainsAny(r, "*?$") {
				return nil, bad("Policy has invalid resource")
			}
		}
	}
	if access(c.bk).BlockPublicPolicy && isPublic(d) {
		return nil, refuse("AccessDenied", http.StatusForbidden, "User: "+c.Principal.ARN+" is not authorized to perform: s3:PutBucketPolicy on resource: \""+c.bk.ARN()+"\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.")
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Policy = in.Policy; return nil })
}

func (a *api) getBucketPolicy(_ context.Context, c *call, _ *GetBucketPolicyRequest) (*GetBucketPolicyOutput, error) {
	if c.bk.Policy == "" {
		return nil, absent("NoSuchBucketPolicy", "The bucket policy does not exist")
	}
	return &GetBucketPolicyOutput{Policy: &c.bk.Policy}, nil
}

func (a *api) deleteBucketPolicy(ctx context.Context, c *call, _ *DeleteBucketPolicyRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Policy = ""; return nil })
}

func (a *api) getBucketPolicyStatus(_ context.Context, c *call, _ *GetBucketPolicyStatusRequest) (*GetBucketPolicyStatusOutput, error) {
	if c.bk.Policy == "" {
		return nil, absent("NoSuchBucketPolicy", "The bucket policy does not exist")
	}
	d, err := a.policies.parse(c.bk.Policy)
	if err != nil {
		return nil, err
	}
	return &GetBucketPolicyStatusOutput{PolicyStatus: &PolicyStatus{IsPublic: ptr(isPublic(d))}}, nil
}

func (a *api) putPublicAccessBlock(ctx context.Context, c *call, in *PutPublicAccessBlockRequest) (*none, error) {
	conf := in.PublicAccessBlockConfiguration
	if conf == nil {
		return nil, malformed()
	}
	p := &objstore.PublicAccess{
		BlockPublicACLs: deref(conf.BlockPublicAcls), IgnorePublicACLs: deref(conf.IgnorePublicAcls),
		BlockPublicPolicy: deref(conf.BlockPublicPolicy), RestrictPublicBuckets: deref(conf.RestrictPublicBuckets),
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.PublicAccess = p; return nil })
}

func (a *api) getPublicAccessBlock(_ context.Context, c *call, _ *GetPublicAccessBlockRequest) (*GetPublicAccessBlockOutput, error) {
	p := access(c.bk)
	if p.Removed {
		return nil, absent("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return &GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &PublicAccessBlockConfiguration{
		BlockPublicAcls: &p.BlockPublicACLs, IgnorePublicAcls: &p.IgnorePublicACLs, BlockPublicPolicy: &p.BlockPublicPolicy, RestrictPublicBuckets: &p.RestrictPublicBuckets,
	}}, nil
}

func (a *api) deletePublicAccessBlock(ctx context.Context, c *call, _ *DeletePublicAccessBlockRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.PublicAccess = &objstore.PublicAccess{Removed: true}; return nil })
}

func (a *api) putOwnership(ctx context.Context, c *call, in *PutBucketOwnershipControlsRequest) (*none, error) {
	if in.OwnershipControls == nil || len(in.OwnershipControls.Rules) != 1 {
		return nil, malformed()
	}
	o := string(in.OwnershipControls.Rules[0].ObjectOwnership)
	if o != objstore.OwnerEnforced && o != objstore.OwnerPreferred && o != objstore.ObjectWriter {
		return nil, malformed()
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error {
		if o == objstore.OwnerEnforced {
			if !ownersAlone(b.ACL, b.Account) {
				return listsDisabled()
			}
			b.ACL = nil
		}
		b.Ownership = o
		return nil
	})
}

func (a *api) getOwnership(_ context.Context, c *call, _ *GetBucketOwnershipControlsRequest) (*GetBucketOwnershipControlsOutput, error) {
	o := c.bk.Ownership
	switch o {
	case "":
		o = objstore.OwnerEnforced
	case objstore.OwnershipRemoved:
		return nil, absent("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	}
	return &GetBucketOwnershipControlsOutput{OwnershipControls: &OwnershipControls{Rules: []OwnershipControlsRule{{ObjectOwnership: ObjectOwnership(o)}}}}, nil
}

func (a *api) deleteOwnership(ctx context.Context, c *call, _ *DeleteBucketOwnershipControlsRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Ownership = objstore.OwnershipRemoved; return nil })
}
