package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/logs"
	"github.com/tarn-data/tarn/internal/objstore"
)

// CrawlObjects shows the object store to crawlers, with the rights of their roles.
type CrawlObjects struct{ RoleReader }

var _ crawl.Objects = CrawlObjects{}

// List implements crawl.Objects.
func (c CrawlObjects) List(ctx context.Context, scope ident.Scope, role, bucket, prefix, after string, limit int) ([]crawl.File, bool, error) {
	if err := c.allowed(ctx, scope, role, "s3:ListBucket", bucket, prefix); err != nil {
		return nil, false, err
	}
	page, err := c.Objects.List(ctx, &objstore.ListRequest{Bucket: bucket, Prefix: prefix, After: after, Limit: limit})
	if err != nil {
		return nil, false, err
	}
	files := make([]crawl.File, len(page.Objects))
	for i, o := range page.Objects {
		files[i] = crawl.File{Key: o.Key, Size: o.Size, ETag: o.ETag, Version: o.Version, Modified: o.ModTime}
	}
	return files, page.More, nil
}

// Open implements crawl.Objects.
func (c CrawlObjects) Open(ctx context.Context, scope ident.Scope, role, bucket string, f crawl.File) (crawl.Body, error) {
	if err := c.allowed(ctx, scope, role, "s3:GetObject", bucket, f.Key); err != nil {
		return nil, err
	}
	_, b, err := c.Objects.Open(ctx, bucket, f.Key, "", objstore.Conditions{})
	if err != nil {
		return nil, err
	}
	return objectBody{b}, nil
}

func (c CrawlObjects) allowed(ctx context.Context, scope ident.Scope, role, action, bucket, key string) error {
	err := c.Allowed(ctx, scope, role, action, bucket, key)
	if errors.Is(err, errDenied) {
		return fmt.Errorf("%w: %w", crawl.ErrAccess, err)
	}
	return err
}

// objectBody reads an object anywhere.
type objectBody struct{ *objstore.Body }

// CrawlLogs keeps what crawlers write.
type CrawlLogs struct{ Logs *logs.Store }

// Append implements crawl.LogSink.
func (l CrawlLogs) Append(ctx context.Context, scope ident.Scope, group, stream string, at time.Time, line string) {
	// A crawl does not fail because its log cannot be written; the store has logged why.
	_ = l.Logs.Append(ctx, scope, group, stream, []logs.Event{{Time: at, Message: line}})
}
