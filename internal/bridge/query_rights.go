package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/query"
)

// QueryRights asks the policies what a query may do, as if its user had sent requests to Glue and S3.
type QueryRights struct {
	Registry *protocol.Registry
	Identity *identity.Engine
}

var _ query.Rights = QueryRights{}

// Check implements query.Rights.
func (q QueryRights) Check(ctx context.Context, s ident.Scope, p policy.Principal, action, resource string, keys map[string][]string) error {
	conditions := map[string][]string{"aws:CalledVia": {"athena.amazonaws.com"}, "aws:CalledViaFirst": {"athena.amazonaws.com"}, "aws:CalledViaLast": {"athena.amazonaws.com"}, "aws:ViaAWSService": {"true"}}
	for k, v := range keys {
		conditions[k] = v
	}
	err := q.Registry.Check(ctx, &protocol.Call{Scope: s, Principal: p}, protocol.Access{Action: action, Resource: resource, Conditions: conditions})
	if e := (*protocol.Error)(nil); errors.As(err, &e) {
		if e.Code == "NoSuchBucket" {
			return nil // the query tells
		}
		return errors.New(e.Message)
	}
	return err
}

// Principal implements query.Rights.
func (q QueryRights) Principal(s ident.Scope, arn string) (policy.Principal, error) {
	a, err := ident.ParseARN(arn)
	if err != nil {
		return policy.Principal{}, err
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Account != s.Account:
	case a.Resource == "root":
		return policy.Root(a.Account), nil
	case kind == "user":
		return q.Identity.UserPrincipal(a.Account, rest[strings.LastIndexByte(rest, '/')+1:])
	case kind == "role":
		return q.Identity.RolePrincipal(a.Account, rest[strings.LastIndexByte(rest, '/')+1:])
	case kind == "assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		p, err := q.Identity.RolePrincipal(a.Account, role)
		if err == nil && !p.Root {
			p.ARN = arn
		}
		return p, err
	}
	return policy.Principal{}, fmt.Errorf("%s is no principal of the account", arn)
}
