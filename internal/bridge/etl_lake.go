package bridge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

// JobLake is the object store as visual jobs use it, with the rights of their roles.
type JobLake struct{ RoleReader }

var _ etl.Lake = JobLake{}

// Files implements etl.Lake.
func (j JobLake) Files(ctx context.Context, scope ident.Scope, role, bucket, prefix, dir string) ([]etl.LocalFile, error) {
	if err := j.Allowed(ctx, scope, role, "s3:ListBucket", bucket, prefix); err != nil {
		return nil, err
	}
	var list []etl.LocalFile
	for f, err := range j.Objects.Files(ctx, bucket, prefix) {
		if err != nil {
			return nil, err
		}
		// s3://b/data names data and what is below data/, not data2.
		if rest := f.Key[len(prefix):]; prefix != "" && prefix[len(prefix)-1] != '/' && rest != "" && rest[0] != '/' {
			continue
		}
		if err := j.Allowed(ctx, scope, role, "s3:GetObject", bucket, f.Key); err != nil {
			return nil, err
		}
		if f.Path == "" && f.Size > 0 {
			f.Path = filepath.Join(dir, strconv.Itoa(len(list))+"-"+ident.Hex(8))
			if err := os.WriteFile(f.Path, f.Inline, 0o600); err != nil {
				return nil, fmt.Errorf("write %s for its reader: %w", f.Key, err)
			}
		}
		list = append(list, etl.LocalFile{Object: etl.Object{Key: f.Key, Size: f.Size, Version: f.ETag}, Path: f.Path})
	}
	return list, nil
}

// Put implements etl.Lake.
func (j JobLake) Put(ctx context.Context, scope ident.Scope, role, bucket, key, file string) error {
	if err := j.Allowed(ctx, scope, role, "s3:PutObject", bucket, key); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = j.Objects.Put(ctx, &objstore.PutRequest{Bucket: bucket, Key: key, Content: objstore.Content{Body: f, Size: st.Size()}})
	return err
}
