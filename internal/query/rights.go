package query

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/sqlfront"
)

// Rights tells what the one who started a query may do: a query reads and writes nothing that its user could not.
type Rights interface {
	// Check returns nil where p may carry out an action on an ARN, and otherwise an error whose text is AWS's. keys are condition
	// keys of the action's own.
	Check(ctx context.Context, s ident.Scope, p policy.Principal, action, resource string, keys map[string][]string) error
	// Principal returns, by its ARN, who started a query before the process was started anew.
	Principal(s ident.Scope, arn string) (policy.Principal, error)
}

// errNarrowed is why a query is not begun anew.
var errNarrowed = errors.New("the policy of the session that started it is not known any more")

// starter returns the principal of an interrupted query.
func (e *Engine) starter(s ident.Scope, x *Execution) (policy.Principal, error) {
	if e.opts.Rights == nil {
		return policy.Principal{}, nil
	}
	if x.Narrowed {
		return policy.Principal{}, errNarrowed
	}
	return e.opts.Rights.Principal(s, x.Principal)
}

func (r *running) may(ctx context.Context, action, resource string, keys map[string][]string) error {
	if r.e.opts.Rights == nil {
		return nil
	}
	return r.e.opts.Rights.Check(ctx, r.s, r.p, action, resource, keys)
}

// mayCatalog asks for an action of the catalog on resources below it, such as "database/db".
func (r *running) mayCatalog(ctx context.Context, action string, below ...string) error {
	for _, name := range append([]string{"catalog"}, below...) {
		if err := r.may(ctx, action, r.s.ARN("glue", name), nil); err != nil {
			return &sqlfront.Error{Name: "PERMISSION_DENIED", Message: "Insufficient permissions to execute the query. " + err.Error()}
		}
	}
	return nil
}

func (r *running) mayDatabase(ctx context.Context, action, database string) error {
	return r.mayCatalog(ctx, action, "database/"+strings.ToLower(database))
}

func (r *running) mayTable(ctx context.Context, action, database, table string) error {
	database = strings.ToLower(database)
	return r.mayCatalog(ctx, action, "database/"+database, "table/"+database+"/"+strings.ToLower(table))
}

// mayList asks whether the keys below a prefix may be listed.
func (r *running) mayList(ctx context.Context, bucket, prefix string) error {
	if err := r.may(ctx, "s3:ListBucket", "arn:aws:s3:::"+bucket, map[string][]string{"s3:prefix": {prefix}}); err != nil {
		return &sqlfront.Error{Name: "PERMISSION_DENIED", Message: fmt.Sprintf("Permission denied on S3 path: s3://%s/%s: %s", bucket, prefix, err)}
	}
	return nil
}

func (r *running) mayRead(ctx context.Context, bucket, key string) error {
	if err := r.may(ctx, "s3:GetObject", "arn:aws:s3:::"+bucket+"/"+key, nil); err != nil {
		return &sqlfront.Error{Name: "PERMISSION_DENIED", Message: fmt.Sprintf("Permission denied on S3 path: s3://%s/%s: %s", bucket, key, err)}
	}
	return nil
}

// mayWrite asks whether an object may be made.
func (r *running) mayWrite(ctx context.Context, location string) error {
	bucket, key, err := splitLocation(location)
	if err != nil {
		return err
	}
	if err := r.may(ctx, "s3:PutObject", "arn:aws:s3:::"+bucket+"/"+key, nil); err != nil {
		return &sqlfront.Error{Name: "PERMISSION_DENIED", Message: fmt.Sprintf("Access denied when writing output to url: %s: %s", location, err)}
	}
	return nil
}
