package objstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/kv"
)

// DeleteRequest removes an object or one of its versions.
type DeleteRequest struct {
	Bucket, Key string
	Version     string // "" = the object: in buckets with versioning a delete marker is written
	If          Conditions
	Bypass      bool // remove a version that is under governance
	// TellAbsent emits the event of a removal even if there is nothing to remove, as DeleteObjects of S3 does.
	TellAbsent bool
	By         Actor
	// Event is the prefix of the event's name; "" = ObjectRemoved.
	Event string
	// only removes the version of that sequence number; anything else in its place is left alone. 0 = whatever is there.
	only uint64
}

// Deleted tells what a delete did.
type Deleted struct {
	Version string // removed version, or the delete marker that was written; "" in buckets without versioning
	Marker  bool   // whether Version is a delete marker
}

// Delete removes an object. One that does not exist is no error, as in S3.
func (s *Store) Delete(ctx context.Context, req *DeleteRequest) (Deleted, error) {
	var done Deleted
	if len(req.Key) > MaxKeyBytes {
		return done, fmt.Errorf("%w: %d bytes, at most %d", ErrKeyTooLong, len(req.Key), MaxKeyBytes)
	}
	err := s.change(ctx, req.Bucket, req.Key, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		done = Deleted{}
		old, row, err := s.current(ctx, req.Bucket, req.Key)
		if err != nil {
			return nil, err
		}
		var w *Write
		if req.Version != "" {
			w, done, err = s.deleteVersion(ctx, b, old, row, req)
		} else {
			if err := req.If.forWrite(old); err != nil {
				return nil, err
			}
			if req.only != 0 && (old == nil || old.seq != req.only) {
				return nil, nil
			}
			w, done, err = s.deleteNewest(ctx, b, bk, req.Key, old, row)
			if err == nil && w == nil && req.TellAbsent {
				w = &Write{Object: &Object{Bucket: bk.Name, Key: req.Key, Version: NullVersion, seq: s.next(0)}, Event: ":Delete"}
			}
		}
		if err == nil && (req.Version != "" || !done.Marker) {
			b.UseReserve()
		}
		if w != nil {
			w.By = req.By
			w.Event = event(req.Event, "ObjectRemoved") + w.Event
		}
		return w, err
	})
	return done, err
}

func (s *Store) deleteNewest(ctx context.Context, b *kv.Batch, bk *Bucket, name string, old *Object, row []byte) (*Write, Deleted, error) {
	if bk.Versioning == Unversioned {
		if old == nil {
			return nil, Deleted{}, nil
		}
		at := currentKey(old.Bucket, old.Key)
		b.IfEqual(at, row)
		b.Delete(at)
		s.drop(b, old)
		gone := *old
		gone.seq = s.next(old.seq) // the event comes after that of the write
		return &Write{Object: &gone, Event: ":Delete"}, Deleted{}, nil
	}
	m := s.newVersion(bk, name, old)
	m.DeleteMarker = true
	if err := s.install(ctx, b, bk, old, row, m); err != nil {
		return nil, Deleted{}, err
	}
	return &Write{Object: m, Event: ":DeleteMarkerCreated"}, Deleted{Version: m.Version, Marker: true}, nil
}

// deleteVersion removes one version for good. If it was the newest, the next older one takes its place.
func (s *Store) deleteVersion(ctx context.Context, b *kv.Batch, newest *Object, row []byte, req *DeleteRequest) (*Write, Deleted, error) {
	done := Deleted{Version: req.Version}
	v, vrow, err := s.version(ctx, req.Bucket, req.Key, req.Version)
	if errors.Is(err, ErrNoSuchVersion) {
		return nil, done, nil
	}
	if err != nil {
		return nil, done, err
	}
	if err := req.If.forWrite(v); err != nil {
		return nil, done, err
	}
	if v.Lock.keeps(s.clock.Now(), req.Bypass) {
		return nil, done, locked(v)
	}
	at := currentKey(req.Bucket, req.Key)
	b.IfEqual(at, row)
	if v.seq == newest.seq {
		next, nextRow, err := s.newestOlder(ctx, req.Bucket, req.Key)
		if err != nil {
			return nil, done, err
		}
		if next == nil {
			b.Delete(at)
		} else {
			b.Set(at, nextRow)
			b.IfEqual(olderKey(req.Bucket, req.Key, next.seq), nextRow)
			b.Delete(olderKey(req.Bucket, req.Key, next.seq))
		}
	} else {
		old := olderKey(req.Bucket, req.Key, v.seq)
		if v.Version != NullVersion {
			b.IfEqual(old, vrow)
		} else {
			b.IfPresent(old)
		}
		b.Delete(old)
	}
	s.drop(b, v)
	done.Marker = v.DeleteMarker
	gone := *v
	gone.seq = s.next(newest.seq)
	return &Write{Object: &gone, Event: ":Delete"}, done, nil
}

func (s *Store) newestOlder(ctx context.Context, bucket, name string) (*Object, []byte, error) {
	for it, err := range s.kv.Scan(ctx, kv.Prefix(olderPrefix(bucket, name))) {
		if err != nil {
			return nil, nil, mapError(err)
		}
		o, err := decodeObject(bucket, name, it.Value)
		return o, append([]byte(nil), it.Value...), mapError(err)
	}
	return nil, nil, nil
}
