package bridge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

// FunctionRoles gives functions the credentials of their roles.
type FunctionRoles struct{ Identity *identity.Engine }

var _ function.Roles = FunctionRoles{}

// AssumeForService implements function.Roles.
func (r FunctionRoles) AssumeForService(ctx context.Context, scope ident.Scope, roleARN, service, session string, ttl time.Duration) (function.Credentials, error) {
	c, err := r.Identity.AssumeForService(ctx, scope, roleARN, service, session, ttl)
	if err != nil {
		return function.Credentials{}, err
	}
	return function.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.Token, Expires: c.Expires}, nil
}

// AssumableBy implements function.Roles.
func (r FunctionRoles) AssumableBy(scope ident.Scope, roleARN, service string) error {
	return r.Identity.AssumableBy(scope, roleARN, service)
}

// RoleReader reads objects with the rights of a role, for engines that act for a user while no request is under way.
type RoleReader struct {
	Identity *identity.Engine
	Objects  *objstore.Store
}

// Allowed returns nil where the role may carry out an action of S3 on a resource: by its own policies and the bucket's.
func (r RoleReader) Allowed(ctx context.Context, scope ident.Scope, roleARN, action, bucket, key string) error {
	name := roleARN[strings.LastIndexByte(roleARN, '/')+1:]
	p, err := r.Identity.RolePrincipal(scope.Account, name)
	if err != nil {
		return fmt.Errorf("role %s: %w", roleARN, err)
	}
	q := &policy.Request{Principal: p, Action: action, Resource: "arn:aws:s3:::" + bucket, Keys: policy.Keys{}}
	if action == "s3:ListBucket" {
		q.Keys.Set("s3:prefix", key)
	} else {
		q.Resource += "/" + key
	}
	b, err := r.Objects.Bucket(ctx, bucket)
	if err != nil {
		return err
	}
	q.Account = b.Account
	if b.Policy != "" {
		if q.ResourcePolicy, err = policy.Parse(policy.Resource, b.Policy); err != nil {
			return fmt.Errorf("policy of bucket %s: %w", bucket, err)
		}
	}
	if d := policy.Evaluate(q); !d.Allowed {
		return fmt.Errorf("%w: %s", errDenied, d.Message(q))
	}
	return nil
}

var errDenied = fmt.Errorf("access denied")
