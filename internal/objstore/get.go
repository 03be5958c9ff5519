package objstore

import (
	"context"
	"fmt"

	"github.com/tarn-data/tarn/internal/blob"
)

// Head returns a version of an object. version "" stands for the newest. Errors: ErrNoSuchBucket, ErrNoSuchKey,
// ErrNoSuchVersion, ErrInvalidVersion; with ErrDeleteMarker or ErrNoSuchKey the result is the delete marker, if that is
// the reason.
func (s *Store) Head(ctx context.Context, bucket, name, version string) (*Object, error) {
	if _, err := s.Bucket(ctx, bucket); err != nil {
		return nil, err
	}
	if len(name) > MaxKeyBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrKeyTooLong, len(name), MaxKeyBytes)
	}
	if version != "" {
		o, _, err := s.version(ctx, bucket, name, version)
		if err != nil {
			return nil, err
		}
		if o.DeleteMarker {
			return o, detail(fmt.Errorf("%w: %s", ErrDeleteMarker, version), "ResourceType", "DeleteMarker")
		}
		return o, nil
	}
	o, _, err := s.current(ctx, bucket, name)
	if err != nil {
		return nil, err
	}
	if o == nil || o.DeleteMarker {
		return o, fmt.Errorf("%w: %s", ErrNoSuchKey, name)
	}
	return o, nil
}

// version returns the version with that id, which may be a delete marker, and its row.
func (s *Store) version(ctx context.Context, bucket, name, id string) (*Object, []byte, error) {
	missing := fmt.Errorf("%w: %s of %s", ErrNoSuchVersion, id, name)
	var seq uint64
	if id != NullVersion {
		var err error
		if seq, _, err = parseVersionID(id); err != nil {
			return nil, nil, err
		}
	}
	o, row, err := s.current(ctx, bucket, name)
	if err != nil {
		return nil, nil, err
	}
	if o == nil {
		return nil, nil, missing
	}
	if o.Version == id {
		return o, row, nil
	}
	if id == NullVersion {
		v, err := s.olderNull(ctx, bucket, name)
		if err != nil {
			return nil, nil, err
		}
		if v == nil {
			return nil, nil, missing
		}
		return v, v.encode(), nil
	}
	row, err = s.kv.Get(ctx, olderKey(bucket, name, seq))
	if isNotFound(err) {
		return nil, nil, missing
	}
	if err != nil {
		return nil, nil, mapError(err)
	}
	v, err := decodeObject(bucket, name, row)
	if err != nil {
		return nil, nil, mapError(err)
	}
	if v.Version != id {
		return nil, nil, missing
	}
	return v, row, nil
}

// Open returns a version of an object with its body, which must be closed. Conditions are checked first. Errors are
// those of Head and of Conditions.Read; with the latter the object is returned too.
func (s *Store) Open(ctx context.Context, bucket, name, version string, cond Conditions) (*Object, *Body, error) {
	for range maxAttempts {
		o, err := s.Head(ctx, bucket, name, version)
		if err != nil {
			return o, nil, err
		}
		if err := cond.Read(o, s.clock.Now()); err != nil {
			return o, nil, err
		}
		body, err := s.body(ctx, o)
		if err == errGone {
			continue // overwritten between the two reads
		}
		if err != nil {
			return nil, nil, mapError(err)
		}
		return o, body, nil
	}
	return nil, nil, fmt.Errorf("%w: %s/%s", ErrConflict, bucket, name)
}

var errGone = fmt.Errorf("%w: its object was replaced", blob.ErrNotFound)

// body opens all blobs of a body, so that none of them can go away.
func (s *Store) body(ctx context.Context, o *Object) (*Body, error) {
	b := &Body{size: o.Size}
	if o.inline {
		data, err := s.kv.Get(ctx, bodyKey(o.Bucket, o.Key, o.seq))
		if isNotFound(err) {
			return nil, s.gone(ctx, o)
		}
		if err != nil {
			return nil, err
		}
		b.small = data
		return b, nil
	}
	for _, seg := range o.segments {
		r, err := s.blobs.Open(ctx, seg.ID)
		if err != nil {
			b.Close()
			if errIsMissing(err) {
				return nil, s.gone(ctx, o)
			}
			return nil, err
		}
		b.parts = append(b.parts, r)
		if r.Size() != seg.Size {
			b.Close()
			return nil, fmt.Errorf("%w: blob %s has %d bytes, not %d", ErrCorrupt, seg.ID, r.Size(), seg.Size)
		}
	}
	return b, nil
}

// gone tells a body that was replaced from one that is lost.
func (s *Store) gone(ctx context.Context, o *Object) error {
	now, _, err := s.version(ctx, o.Bucket, o.Key, o.Version)
	if err == nil && now.seq == o.seq {
		return fmt.Errorf("%w: the body of %s/%s is missing", ErrCorrupt, o.Bucket, o.Key)
	}
	return errGone
}
