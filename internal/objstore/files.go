package objstore

import (
	"context"
	"iter"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/kv"
)

// File is an object as queries, crawlers and jobs read it.
type File struct {
	Key     string
	Size    int64
	ETag    string
	Version string
	Object  *Object
	Path    string // file of exactly the object's bytes; "" if the body is Inline
	Inline  []byte // a small body; the caller writes it where its reader finds it
}

// Files yields the objects under a prefix, in order, with where their bytes are. Objects of several blobs (multipart
// uploads) are joined into one the first time. A path stays readable for the collector's grace period after the object
// is overwritten; whoever needs it longer opens the object.
func (s *Store) Files(ctx context.Context, bucket, prefix string) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		req := &ListRequest{Bucket: bucket, Prefix: prefix, Limit: 1000}
		for {
			page, err := s.List(ctx, req)
			if err != nil {
				yield(File{}, err)
				return
			}
			for _, o := range page.Objects {
				f, err := s.file(ctx, o)
				if err == errGone {
					continue // deleted since it was listed
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
			if !page.More {
				return
			}
			req.After = page.Next
		}
	}
}

// OpenFile returns one object as Files does. version "" = the newest.
func (s *Store) OpenFile(ctx context.Context, bucket, name, version string) (File, error) {
	for range maxAttempts {
		o, err := s.Head(ctx, bucket, name, version)
		if err != nil {
			return File{}, err
		}
		if f, err := s.file(ctx, o); err != errGone {
			return f, err
		}
	}
	return File{}, ErrConflict
}

func (s *Store) file(ctx context.Context, o *Object) (File, error) {
	f := File{Key: o.Key, Size: o.Size, ETag: o.ETag, Version: o.Version, Object: o}
	if len(o.segments) > 1 {
		joined, err := s.join(ctx, o)
		if err != nil {
			return f, err
		}
		o = joined
		f.Object = o
	}
	if len(o.segments) == 1 {
		p, err := s.blobs.Path(ctx, o.segments[0].ID)
		if errIsMissing(err) {
			return f, s.gone(ctx, o)
		}
		f.Path = p
		return f, mapError(err)
	}
	b, err := s.body(ctx, o)
	if err != nil {
		return f, err
	}
	defer b.Close()
	if f.Inline = b.Bytes(); f.Inline == nil {
		f.Inline = []byte{}
	}
	return f, nil
}

// join copies the blobs of a body into one and makes the version refer to it.
func (s *Store) join(ctx context.Context, o *Object) (*Object, error) {
	body, err := s.body(ctx, o)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	w, err := s.blobs.Create(ctx)
	if err != nil {
		return nil, mapError(err)
	}
	defer w.Abort()
	if err := copyAll(w, body); err != nil {
		return nil, mapError(err)
	}
	id, err := w.Commit(ctx)
	if err != nil {
		return nil, mapError(err)
	}
	var joined *Object
	err = s.change(ctx, o.Bucket, o.Key, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		now, _, err := s.version(ctx, o.Bucket, o.Key, o.Version)
		if err != nil || now.seq != o.seq {
			return nil, errGone
		}
		if joined = now; len(now.segments) == 1 {
			return nil, nil // another reader was quicker; the collector removes this copy
		}
		s.drop(b, now)
		now.segments = []segment{{id, now.Size}}
		at := olderKey(o.Bucket, o.Key, o.seq)
		if now.Latest {
			at = currentKey(o.Bucket, o.Key)
		}
		b.IfPresent(at)
		b.Set(at, now.encode())
		blob.Ref(b, id, owner(o.Bucket, o.Key, o.seq))
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return joined, nil
}
