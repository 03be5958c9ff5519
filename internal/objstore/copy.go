package objstore

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/kv"
)

// CopyRequest makes an object from another one. No byte is copied but those of small bodies.
type CopyRequest struct {
	SourceBucket, SourceKey string
	SourceVersion           string // "" = the newest
	SourceIf                Conditions

	Bucket, Key string
	// Rewrite says that the request names a storage class, a redirect or an encryption: then a copy onto itself is no mistake,
	// whatever they were before.
	Rewrite         bool
	ReplaceMetadata bool     // use Metadata instead of the source's
	Metadata        Metadata // its StorageClass, WebsiteRedirect and Encryption are used in any case
	ReplaceTags     bool     // use Tags instead of the source's
	Tags            []Tag
	Lock            Lock      // of the copy; that of the source is not copied
	Algorithm       Algorithm // checksum to compute; "" = keep the source's
	ACL             *ACL      // of the copy; that of the source is not copied
	Owner           string
	If              Conditions
	By              Actor
}

// Copy copies an object. It returns the copy and the source. A copy onto itself must change something
// (ErrCopyOntoItself).
func (s *Store) Copy(ctx context.Context, req *CopyRequest) (dst, src *Object, err error) {
	for range maxAttempts {
		// A conflict may mean that the source was replaced while it was copied: read it again.
		if dst, src, err = s.copyOnce(ctx, req); !errors.Is(err, ErrConflict) {
			break
		}
	}
	return dst, src, err
}

func (s *Store) copyOnce(ctx context.Context, req *CopyRequest) (dst, src *Object, err error) {
	if err := s.checkNew(ctx, req.Bucket, req.Key, &req.Metadata, req.Tags); err != nil {
		return nil, nil, err
	}
	src, err = s.copySource(ctx, req.SourceBucket, req.SourceKey, req.SourceVersion, &req.SourceIf)
	if err != nil {
		return nil, nil, err
	}
	if src.Size > MaxPutBytes {
		return nil, nil, fmt.Errorf("%w: the copy source has %d bytes, at most %d are copied in one request; use UploadPartCopy", ErrInvalidRequest, src.Size, int64(MaxPutBytes))
	}
	sum := src.Checksum
	if req.Algorithm != "" && (sum.Algorithm != req.Algorithm || sum.Type != FullObject) {
		if sum, err = s.checksumOf(ctx, src, req.Algorithm); err != nil {
			return nil, nil, err
		}
	}
	err = s.change(ctx, req.Bucket, req.Key, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		old, row, err := s.current(ctx, req.Bucket, req.Key)
		if err != nil {
			return nil, err
		}
		if err := req.If.forWrite(old); err != nil {
			return nil, err
		}
		if old != nil && old.Bucket == src.Bucket && old.Key == src.Key && old.seq == src.seq && bk.Encryption == nil && !req.changes(src) {
			return nil, ErrCopyOntoItself
		}
		if err := s.checkLock(bk, &req.Lock); err != nil {
			return nil, err
		}
		dst = s.newVersion(bk, req.Key, old)
		dst.Lock = bk.newLock(req.Lock, dst.ModTime)
		dst.Size, dst.ETag, dst.Checksum = src.Size, src.ETag, sum
		dst.Metadata, dst.Tags, dst.ACL = req.Metadata, req.Tags, req.ACL
		if !req.ReplaceMetadata {
			keep := req.Metadata
			dst.Metadata = src.Metadata
			dst.Metadata.User = maps.Clone(src.Metadata.User)
			dst.Metadata.StorageClass, dst.Metadata.WebsiteRedirect, dst.Metadata.Encryption = keep.StorageClass, keep.WebsiteRedirect, keep.Encryption
		}
		if !req.ReplaceTags {
			dst.Tags = src.Tags
		}
		if req.Owner != "" {
			dst.Owner = req.Owner
		}
		if err := s.share(ctx, b, src, dst); err != nil {
			return nil, err
		}
		if err := s.install(ctx, b, bk, old, row, dst); err != nil {
			return nil, err
		}
		return &Write{Object: dst, Source: src, Event: "ObjectCreated:Copy", By: req.By}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return dst, src, nil
}

func (s *Store) copySource(ctx context.Context, bucket, name, version string, cond *Conditions) (*Object, error) {
	src, err := s.Head(ctx, bucket, name, version)
	if err != nil {
		if src != nil && src.DeleteMarker && version != "" {
			return nil, fmt.Errorf("%w: the source of a copy request may not specifically refer to a delete marker by version id.", ErrInvalidRequest)
		}
		if errors.Is(err, ErrNoSuchKey) {
			err = detail(err, "Key", name)
		}
		return nil, err
	}
	return src, cond.source(src, s.clock.Now())
}

// changes reports whether a copy of src onto itself would change anything.
func (req *CopyRequest) changes(src *Object) bool {
	m := &req.Metadata
	return req.Rewrite || req.ReplaceMetadata || m.StorageClass != "" && m.StorageClass != src.Metadata.StorageClass || m.WebsiteRedirect != src.Metadata.WebsiteRedirect || m.Encryption != "" || req.SourceVersion != "" && !src.Latest
}

// share gives dst the body of src. It fails the batch with a conflict when src is gone by then.
func (s *Store) share(ctx context.Context, b *kv.Batch, src, dst *Object) error {
	if src.inline {
		from := bodyKey(src.Bucket, src.Key, src.seq)
		data, err := s.kv.Get(ctx, from)
		if isNotFound(err) {
			return fmt.Errorf("%w: the source was replaced", ErrConflict)
		}
		if err != nil {
			return mapError(err)
		}
		dst.inline = true
		b.IfPresent(from)
		b.Set(bodyKey(dst.Bucket, dst.Key, dst.seq), data)
		return nil
	}
	dst.segments = src.segments
	from, to := owner(src.Bucket, src.Key, src.seq), owner(dst.Bucket, dst.Key, dst.seq)
	for _, seg := range src.segments {
		blob.RefFrom(b, seg.ID, from, to)
	}
	return nil
}

// checksumOf reads the object to compute a checksum that it does not have.
func (s *Store) checksumOf(ctx context.Context, o *Object, a Algorithm) (Checksum, error) {
	body, err := s.body(ctx, o)
	if err != nil {
		return Checksum{}, mapError(err)
	}
	defer body.Close()
	h := a.new()
	if err := copyAll(h, body); err != nil {
		return Checksum{}, err
	}
	return Checksum{Algorithm: a, Type: FullObject, Value: encodeSum(h)}, nil
}
