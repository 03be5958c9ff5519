package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/workflow"
)

// WorkflowFiles reads the items of distributed maps and writes their results, with the rights of the machine's role.
type WorkflowFiles struct {
	RoleReader
	SQL *duck.Pool // reads Parquet files
	Dir string     // where the workers of SQL may read and write
}

var _ workflow.Files = WorkflowFiles{}

func (f WorkflowFiles) allowed(ctx context.Context, role workflow.FileRole, action, bucket, key string) *workflow.TaskError {
	return s3Fail(f.Allowed(ctx, role.Scope, role.RoleARN, action, bucket, key))
}

// s3Fail names an error of the store as a state machine sees it.
func s3Fail(err error) *workflow.TaskError {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, objstore.ErrNoSuchKey):
		return &workflow.TaskError{Error: "S3.NoSuchKeyException", Cause: "The specified key does not exist. (Service: S3, Status Code: 404)"}
	case errors.Is(err, objstore.ErrNoSuchBucket):
		return &workflow.TaskError{Error: "S3.NoSuchBucketException", Cause: "The specified bucket does not exist (Service: S3, Status Code: 404)"}
	case errors.Is(err, errDenied):
		return &workflow.TaskError{Error: "S3.S3Exception", Cause: err.Error() + " (Service: S3, Status Code: 403)"}
	}
	return &workflow.TaskError{Error: "S3.S3Exception", Cause: err.Error()}
}

// Get implements workflow.Files.
func (f WorkflowFiles) Get(ctx context.Context, role workflow.FileRole, bucket, key, version string) (workflow.Body, *workflow.TaskError) {
	if fail := f.allowed(ctx, role, "s3:GetObject", bucket, key); fail != nil {
		return nil, fail
	}
	_, b, err := f.Objects.Open(ctx, bucket, key, version, objstore.Conditions{})
	if err != nil {
		return nil, s3Fail(err)
	}
	return b, nil
}

// Rows implements workflow.Files. A worker of DuckDB writes the rows into a file of JSON lines: damaged Parquet files can
// make a reader take any amount of memory, which is to end that worker and not Tarn.
func (f WorkflowFiles) Rows(ctx context.Context, role workflow.FileRole, bucket, key, version string) (_ workflow.Body, fail *workflow.TaskError) {
	object, fail := f.Get(ctx, role, bucket, key, version)
	if fail != nil {
		return nil, fail
	}
	defer func() { _ = object.Close() }() // it was only read
	dir, err := os.MkdirTemp(f.Dir, "rows-")
	if err != nil {
		return nil, s3Fail(err)
	}
	rows := &rowsBody{dir: dir}
	defer func() {
		if fail != nil {
			_ = rows.Close() // the failure is told
		}
	}()
	in, out := filepath.Join(dir, "in.parquet"), filepath.Join(dir, "out.jsonl")
	if err := copyFile(in, object); err != nil {
		return nil, s3Fail(err)
	}
	result, err := f.SQL.Run(ctx, duck.Job{
		Statements: []string{"COPY (SELECT * FROM read_parquet(" + value.Literal(in) + ")) TO " + value.Literal(out) + " (FORMAT json)"},
		ReadPaths:  []string{in}, WriteDirs: []string{dir}, TempDir: dir, Group: role.Account,
	})
	if err == nil {
		_, err = result.All()
	}
	if err != nil {
		return nil, &workflow.TaskError{Error: "S3.S3Exception", Cause: fmt.Sprintf("The object s3://%s/%s cannot be read as a Parquet file: %v", bucket, key, err)}
	}
	if rows.File, err = os.Open(out); err != nil {
		return nil, s3Fail(err)
	}
	return rows, nil
}

// rowsBody is a file in a directory of its own, which goes with it.
type rowsBody struct {
	*os.File
	dir string
}

// Close implements workflow.Body.
func (r *rowsBody) Close() error {
	err := os.RemoveAll(r.dir)
	if r.File != nil {
		err = errors.Join(r.File.Close(), err)
	}
	return err
}

func copyFile(name string, from io.Reader) error {
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return errors.Join(err, w.Close())
}

// List implements workflow.Files.
func (f WorkflowFiles) List(ctx context.Context, role workflow.FileRole, bucket, prefix, after string, limit int) ([]any, string, *workflow.TaskError) {
	if fail := f.allowed(ctx, role, "s3:ListBucket", bucket, prefix); fail != nil {
		return nil, "", fail
	}
	page, err := f.Objects.List(ctx, &objstore.ListRequest{Bucket: bucket, Prefix: prefix, After: after, Limit: min(limit, 1000)})
	if err != nil {
		return nil, "", s3Fail(err)
	}
	items := make([]any, len(page.Objects))
	for i, o := range page.Objects {
		items[i] = jsonvalue.NewObject("Etag", `"`+o.ETag+`"`, "Key", o.Key, "LastModified", jsonvalue.Int(o.ModTime.Unix()), "Size", jsonvalue.Int(o.Size), "StorageClass", "STANDARD")
	}
	if !page.More {
		return items, "", nil
	}
	return items, page.Next, nil
}

// Put implements workflow.Files.
func (f WorkflowFiles) Put(ctx context.Context, role workflow.FileRole, bucket, key string, body []byte) *workflow.TaskError {
	if fail := f.allowed(ctx, role, "s3:PutObject", bucket, key); fail != nil {
		return fail
	}
	_, err := f.Objects.Put(ctx, &objstore.PutRequest{Bucket: bucket, Key: key, Content: objstore.Content{Body: bytes.NewReader(body), Size: int64(len(body))}, Owner: role.Account})
	return s3Fail(err)
}
