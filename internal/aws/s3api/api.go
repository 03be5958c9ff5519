package s3api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/objstore"
)

// Destinations checks whether an event of a bucket may be sent to a function, queue or topic, when a notification
// configuration names it. The error says why not.
type Destinations interface {
	CheckDestination(ctx context.Context, bk *objstore.Bucket, arn string) error
}

// Options configures the service. Store is required.
type Options struct {
	Store        *objstore.Store
	Clock        clock.Clock  // nil = the real one
	Destinations Destinations // nil = every well-formed ARN is accepted
}

// api is the state behind the handlers.
type api struct {
	store        *objstore.Store
	clock        clock.Clock
	destinations Destinations
	policies     policies
}

// New returns Amazon S3's table of operations over a store.
func New(o Options) *protocol.Service {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	a := &api{store: o.Store, clock: o.Clock, destinations: o.Destinations}
	s := &protocol.Service{
		Name: "s3", Model: Model, MapError: mapError, ResourcePolicy: a.resourcePolicy, ConditionKeys: a.conditionKeys,
		Preflight: http.HandlerFunc(a.preflight), Form: a.postObject, Details: details, Argument: badArgument, Decorate: a.decorate,
	}
	for _, rows := range [][]protocol.Op{a.bucketOps(), a.settingOps(), a.objectOps(), a.listOps(), a.multipartOps(), a.accessOps(), a.aclOps(), a.absentOps(), a.lockOps()} {
		s.Ops = append(s.Ops, rows...)
	}
	return s
}

// call is a request on a bucket that is there and that may be served here.
type call struct {
	*protocol.Call
	bk *objstore.Bucket
}

// versionOf returns a version's id as it is shown: nothing in buckets that never had versioning.
func (c *call) versionOf(version string) *string {
	if c.bk.Versioning == objstore.Unversioned || version == "" {
		return nil
	}
	return &version
}

func (c *call) by() objstore.Actor { return actor(c.Call) }

func actor(c *protocol.Call) objstore.Actor {
	by := objstore.Actor{PrincipalID: c.Principal.ID, Account: c.Principal.Account, RequestID: c.RequestID, SourceIP: c.SourceIP}
	if c.HTTP != nil {
		by.Trace = c.HTTP.Header.Get("X-Amzn-Trace-Id")
	}
	return by
}

// onBucket makes a row for an operation on a bucket.
func onBucket[In, Out any](a *api, name, action string, bucket func(*In) string, serve func(context.Context, *call, *In) (*Out, error)) protocol.Op {
	return protocol.Handle(name, func(_ *protocol.Call, in *In) []string { return []string{bucketARN(bucket(in))} },
		func(ctx context.Context, c *protocol.Call, in *In) (*Out, error) {
			k, err := a.enter(ctx, c, bucket(in))
			if err != nil {
				return nil, err
			}
			return serve(ctx, k, in)
		}).As(action)
}

// onObject makes a row for an operation on an object.
func onObject[In, Out any](a *api, name, action string, object func(*In) (bucket, key string), serve func(context.Context, *call, *In) (*Out, error)) protocol.Op {
	return protocol.Handle(name, func(_ *protocol.Call, in *In) []string { return []string{objectARN(object(in))} },
		func(ctx context.Context, c *protocol.Call, in *In) (*Out, error) {
			bucket, _ := object(in)
			k, err := a.enter(ctx, c, bucket)
			if err != nil {
				return nil, err
			}
			return serve(ctx, k, in)
		}).As(action)
}

// enter finds the bucket and refuses what goes to another region or expects another owner.
func (a *api) enter(ctx context.Context, c *protocol.Call, bucket string) (*call, error) {
	bk, err := a.store.Bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	k := &call{c, bk}
	if c.HTTP == nil {
		return k, nil
	}
	if err := checkOwner(c.HTTP.Header.Get("X-Amz-Expected-Bucket-Owner"), bk); err != nil {
		return nil, err
	}
	if bk.RequesterPays && c.Principal.Account != bk.Account && c.Principal.Service == "" && c.HTTP.Header.Get("X-Amz-Request-Payer") != "requester" && c.HTTP.URL.Query().Get("x-amz-request-payer") != "requester" {
		return nil, accessDenied()
	}
	if c.Region != bk.Region && !c.Principal.Anonymous() && c.Operation != "GetBucketLocation" && namesRegion(c.HTTP) {
		return nil, wrongRegion(c, bk)
	}
	return k, nil
}

// checkOwner compares the owner that a request expects with that of the bucket; "" = any.
func checkOwner(want string, bk *objstore.Bucket) error {
	switch {
	case want == "", want == bk.Account:
		return nil
	case len(want) != 12 || strings.Trim(want, "0123456789") != "":
		return refuse("InvalidBucketOwnerAWSAccountID", http.StatusBadRequest, "The value of the expected bucket owner parameter must be an AWS Account ID... ["+want+"]")
	}
	return accessDenied()
}

// namesRegion reports whether the signature of a request names a region: that of version 2 does not.
func namesRegion(r *http.Request) bool {
	return !strings.HasPrefix(r.Header.Get("Authorization"), "AWS ") && !strings.Contains(r.URL.RawQuery, "AWSAccessKeyId=")
}

// wrongRegion tells a client where the bucket is, in the two ways of AWS: clients find the region in either.
func wrongRegion(c *protocol.Call, bk *objstore.Bucket) error {
	c.Header.Set("X-Amz-Bucket-Region", bk.Region)
	if c.HTTP.Method == http.MethodHead {
		return &protocol.Error{Code: "PermanentRedirect", Status: http.StatusMovedPermanently}
	}
	return &protocol.Error{
		Code: "AuthorizationHeaderMalformed", Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong; expecting '%s'", c.Region, bk.Region),
		Members: map[string]any{"Region": bk.Region},
	}
}

func bucketARN(bucket string) string      { return "arn:aws:s3:::" + bucket }
func objectARN(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }

func splitARN(arn string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:s3:::")
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, ok
}

// str returns the text that p points to, or "".
func str[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

// opt returns nil for "".
func opt[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

func ptr[T any](v T) *T { return &v }

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// none is the output of operations without one.
type none struct{}
