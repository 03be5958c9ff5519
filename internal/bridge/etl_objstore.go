package bridge

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/logs"
	"github.com/tarn-data/tarn/internal/objstore"
)

// JobObjects is the object store as jobs use it, with the rights of their roles.
type JobObjects struct{ RoleReader }

var _ etl.Objects = JobObjects{}

// Read implements etl.Objects.
func (j JobObjects) Read(ctx context.Context, scope ident.Scope, role, url string, limit int64) ([]byte, error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	if !ok {
		return nil, fmt.Errorf("%q names no object", url)
	}
	if err := j.Allowed(ctx, scope, role, "s3:GetObject", bucket, key); err != nil {
		return nil, err
	}
	o, body, err := j.Objects.Open(ctx, bucket, key, "", objstore.Conditions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if o.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", url, o.Size, limit)
	}
	return io.ReadAll(body)
}

// List implements etl.Objects.
func (j JobObjects) List(ctx context.Context, scope ident.Scope, role, bucket, prefix string) ([]etl.Object, error) {
	if err := j.Allowed(ctx, scope, role, "s3:ListBucket", bucket, prefix); err != nil {
		return nil, err
	}
	var list []etl.Object
	for after, more := "", true; more; {
		page, err := j.Objects.List(ctx, &objstore.ListRequest{Bucket: bucket, Prefix: prefix, After: after, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, o := range page.Objects {
			list = append(list, etl.Object{Key: o.Key, Size: o.Size, Version: o.ETag})
		}
		after, more = page.Next, page.More
	}
	return list, nil
}

// Move implements etl.Objects.
func (j JobObjects) Move(ctx context.Context, scope ident.Scope, role, bucket string, moves map[string]string, remove []string, with func(*kv.Batch)) error {
	stays := map[string]bool{}
	for from, to := range moves {
		stays[to] = true
		for _, need := range [][2]string{{"s3:GetObject", from}, {"s3:PutObject", to}, {"s3:DeleteObject", from}} {
			if err := j.Allowed(ctx, scope, role, need[0], bucket, need[1]); err != nil {
				return err
			}
		}
	}
	for _, key := range remove {
		if stays[key] {
			continue
		}
		if err := j.Allowed(ctx, scope, role, "s3:DeleteObject", bucket, key); err != nil {
			return err
		}
	}
	if _, err := j.Objects.Move(ctx, &objstore.MoveRequest{Bucket: bucket, Moves: moves, Remove: remove, With: with}); err != nil {
		return fmt.Errorf("move %d objects of %s and remove %d: %w", len(moves), bucket, len(remove), err)
	}
	return nil
}

// JobRoles gives jobs the credentials of their roles.
type JobRoles struct{ FunctionRoles }

var _ etl.Roles = JobRoles{}

// AssumeForService implements etl.Roles.
func (r JobRoles) AssumeForService(ctx context.Context, scope ident.Scope, roleARN, service, session string, ttl time.Duration) (etl.Credentials, error) {
	c, err := r.Identity.AssumeForService(ctx, scope, roleARN, service, session, ttl)
	if err != nil {
		return etl.Credentials{}, err
	}
	return etl.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.Token}, nil
}

// JobLogs keeps what jobs write.
type JobLogs struct{ Logs *logs.Store }

var _ etl.LogSink = JobLogs{}

// Append implements etl.LogSink.
func (l JobLogs) Append(ctx context.Context, scope ident.Scope, group, stream string, at time.Time, lines []string) {
	events := make([]logs.Event, len(lines))
	for i, line := range lines {
		events[i] = logs.Event{Time: at, Message: line}
	}
	// A job does not fail because its log cannot be written; the store has logged why.
	_ = l.Logs.Append(ctx, scope, group, stream, events)
}
