package objstore

import (
	"context"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/kv"
)

// PutRequest is a new object.
type PutRequest struct {
	Bucket, Key string
	Content     Content
	Metadata    Metadata
	Tags        []Tag
	Lock        Lock
	ACL         *ACL
	Owner       string // account; "" = the bucket's
	If          Conditions
	By          Actor
	Event       string // "" = ObjectCreated:Put
}

// Put stores an object. The result is what was stored.
func (s *Store) Put(ctx context.Context, req *PutRequest) (*Object, error) {
	if err := s.checkNew(ctx, req.Bucket, req.Key, &req.Metadata, req.Tags); err != nil {
		return nil, err
	}
	if req.If.any() { // refuse before the body is sent; decided for good in the change
		if _, err := s.precheck(ctx, req.Bucket, req.Key, &req.If); err != nil {
			return nil, err
		}
	}
	req.Content.limit = MaxPutBytes
	body, err := s.receive(ctx, &req.Content, s.inline)
	if err != nil {
		return nil, err
	}
	var o *Object
	err = s.change(ctx, req.Bucket, req.Key, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		old, row, err := s.current(ctx, req.Bucket, req.Key)
		if err != nil {
			return nil, err
		}
		if err := req.If.forWrite(old); err != nil {
			return nil, err
		}
		if err := s.checkLock(bk, &req.Lock); err != nil {
			return nil, err
		}
		o = s.newVersion(bk, req.Key, old)
		o.Lock = bk.newLock(req.Lock, o.ModTime)
		o.Size, o.ETag, o.Checksum = body.size, body.etag(), body.checksum
		o.Metadata, o.Tags, o.ACL = req.Metadata, req.Tags, req.ACL
		if req.Owner != "" {
			o.Owner = req.Owner
		}
		switch {
		case body.blob != "":
			o.segments = []segment{{body.blob, body.size}}
			blob.Ref(b, body.blob, owner(o.Bucket, o.Key, o.seq))
		case body.size > 0:
			o.inline = true
			b.Set(bodyKey(o.Bucket, o.Key, o.seq), body.small)
		}
		if err := s.install(ctx, b, bk, old, row, o); err != nil {
			return nil, err
		}
		return &Write{Object: o, Event: event(req.Event, "ObjectCreated:Put"), By: req.By}, nil
	})
	if err != nil {
		s.discard(ctx, body.blob, err)
		return nil, err
	}
	return o, nil
}

func event(name, def string) string {
	if name == "" {
		return def
	}
	return name
}

func (s *Store) checkNew(ctx context.Context, bucket, name string, m *Metadata, tags []Tag) error {
	if _, err := s.Bucket(ctx, bucket); err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("%w: the key is empty", ErrInvalidArgument)
	}
	if len(name) > MaxKeyBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrKeyTooLong, len(name), MaxKeyBytes)
	}
	n := 0
	for k, v := range m.User {
		n += len(k) + len(v)
	}
	if n > MaxMetadataBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrMetadataTooLarge, n, MaxMetadataBytes)
	}
	return CheckTags(tags, MaxTags)
}

// current returns the newest version of a key and its row, or nil.
func (s *Store) current(ctx context.Context, bucket, name string) (*Object, []byte, error) {
	row, err := s.kv.Get(ctx, currentKey(bucket, name))
	if isNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, mapError(err)
	}
	o, err := decodeObject(bucket, name, row)
	if err != nil {
		return nil, nil, mapError(err)
	}
	o.Latest = true
	return o, row, nil
}

// newVersion returns a version of a key that follows old, with what the bucket decides about it.
func (s *Store) newVersion(bk *Bucket, name string, old *Object) *Object {
	o := &Object{Bucket: bk.Name, Key: name, Owner: bk.Account, Latest: true}
	o.ModTime = s.clock.Now().UTC().Truncate(time.Millisecond)
	after := uint64(0)
	if old != nil {
		after = old.seq
	}
	o.seq = s.next(after)
	o.setVersion(bk.Versioning != Enabled)
	return o
}

// install makes o the newest version of its key. What becomes of old, whose row is given, depends on the versioning.
func (s *Store) install(ctx context.Context, b *kv.Batch, bk *Bucket, old *Object, row []byte, o *Object) error {
	at := currentKey(o.Bucket, o.Key)
	if old == nil {
		b.IfAbsent(at)
	} else {
		b.IfEqual(at, row)
	}
	if err := s.retire(ctx, b, bk, old, row); err != nil {
		return err
	}
	b.Set(at, o.encode())
	return nil
}

// retire moves the newest version to the older ones, or removes it where the bucket keeps no versions of its kind.
func (s *Store) retire(ctx context.Context, b *kv.Batch, bk *Bucket, old *Object, row []byte) error {
	if old == nil {
		return nil
	}
	null := old.Version == NullVersion
	if bk.Versioning == Unversioned || bk.Versioning == Suspended && null {
		s.drop(b, old)
		return nil
	}
	b.Set(olderKey(old.Bucket, old.Key, old.seq), row)
	if bk.Versioning == Enabled {
		return nil
	}
	// Suspended: the new version is the null version, of which there is one only.
	v, err := s.olderNull(ctx, old.Bucket, old.Key)
	if v != nil {
		b.Delete(olderKey(v.Bucket, v.Key, v.seq))
		s.drop(b, v)
	}
	return err
}

// drop gives up the body of a version whose row goes.
func (s *Store) drop(b *kv.Batch, o *Object) {
	if o.inline {
		b.Delete(bodyKey(o.Bucket, o.Key, o.seq))
	}
	for _, seg := range o.segments {
		blob.Unref(b, seg.ID, owner(o.Bucket, o.Key, o.seq))
	}
}

// olderNull finds the null version among the older ones of a key, or nil.
func (s *Store) olderNull(ctx context.Context, bucket, name string) (*Object, error) {
	for it, err := range s.kv.Scan(ctx, kv.Prefix(olderPrefix(bucket, name))) {
		if err != nil {
			return nil, mapError(err)
		}
		o, err := decodeObject(bucket, name, it.Value)
		if err != nil {
			return nil, mapError(err)
		}
		if o.Version == NullVersion {
			return o, nil
		}
	}
	return nil, nil
}
