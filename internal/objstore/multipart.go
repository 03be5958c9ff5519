package objstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Upload is a multipart upload in progress.
type Upload struct {
	Bucket, Key, ID string
	Initiated       time.Time
	Owner           string // account
	ACL             *ACL   `json:",omitempty"`
	Initiator       string // ARN
	Metadata        Metadata
	Tags            []Tag
	Lock            Lock         `json:",omitzero"` // of the object that will be made
	Algorithm       Algorithm    // of the parts' checksums; "" = none
	Type            ChecksumType // of the object's checksum
	// Base is the sequence number of the newest version when the upload began; 0 = none.
	Base uint64 `json:",omitempty"`
}

type upload = Upload

// storedPart is the row of a part.
type storedPart struct {
	Part
	Blob blob.ID // "" = empty part
	// CRC64 is the part's default checksum, in uploads without an algorithm of their own; "" = not known.
	CRC64 string `json:",omitempty"`
}

// CreateUpload starts a multipart upload. The fields that the store decides (ID, Initiated) are filled in.
func (s *Store) CreateUpload(ctx context.Context, u Upload) (*Upload, error) {
	if err := s.checkNew(ctx, u.Bucket, u.Key, &u.Metadata, u.Tags); err != nil {
		return nil, err
	}
	if u.Algorithm != "" {
		if u.Type == "" {
			u.Type = u.Algorithm.DefaultType()
		}
		if !u.Algorithm.Supports(u.Type) {
			return nil, fmt.Errorf("%w: the %s checksum type cannot be used with the %s checksum algorithm.", ErrInvalidRequest, u.Type, strings.ToLower(string(u.Algorithm)))
		}
	} else if u.Type != "" {
		return nil, fmt.Errorf("%w: the x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.", ErrInvalidRequest)
	}
	u.ID = ident.Hex(24)
	u.Initiated = s.clock.Now().UTC().Truncate(time.Millisecond)
	err := s.change(ctx, u.Bucket, u.Key, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		if u.Owner == "" {
			u.Owner = bk.Account
		}
		if err := s.checkLock(bk, &u.Lock); err != nil {
			return nil, err
		}
		now, _, err := s.current(ctx, u.Bucket, u.Key)
		if err != nil {
			return nil, err
		}
		if u.Base = 0; now != nil {
			u.Base = now.seq
		}
		kv.Put(b, uploadKey(u.Bucket, u.Key, u.ID), u)
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return &u, nil
}

// Upload returns an upload in progress or ErrNoSuchUpload.
func (s *Store) Upload(ctx context.Context, bucket, name, id string) (*Upload, error) {
	if _, err := s.Bucket(ctx, bucket); err != nil {
		return nil, err
	}
	u, err := kv.Load[Upload](ctx, s.kv, uploadKey(bucket, name, id))
	if isNotFound(err) {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchUpload, id)
	}
	if err != nil {
		return nil, mapError(err)
	}
	return &u, nil
}

// PutPart stores a part. A part of that number that is there already is replaced.
func (s *Store) PutPart(ctx context.Context, bucket, name, id string, number int, c Content) (*Part, error) {
	u, err := s.Upload(ctx, bucket, name, id)
	if err != nil {
		return nil, err
	}
	if err := checkPartNumber(number); err != nil {
		return nil, err
	}
	if err := u.checkAlgorithm(&c.Checksum); err != nil {
		return nil, err
	}
	c.limit, c.also, c.part = MaxPartBytes, u.Algorithm == "", true
	r, err := s.receive(ctx, &c, 0)
	if err != nil {
		return nil, err
	}
	p := storedPart{Part: Part{Number: number, Size: r.size, ETag: r.etag(), Checksum: r.checksum}, Blob: r.blob, CRC64: r.extra}
	if u.Algorithm == "" {
		p.Checksum = Checksum{} // it was compared, and is told to this writer only
	}
	part, err := s.addPart(ctx, u, p, func(b *kv.Batch, at []byte) {
		if p.Blob != "" {
			blob.Ref(b, p.Blob, at)
		}
	})
	if err != nil {
		s.discard(ctx, p.Blob, err)
		return nil, err
	}
	part.Checksum = r.checksum
	return part, nil
}

// checkAlgorithm compares the checksum of a part with what the upload was created for. Where the object's checksum is of
// all its bytes, a part without one gets one; where it is made of the parts' checksums, each must come with its own.
func (u *Upload) checkAlgorithm(c *Checksum) error {
	if u.Algorithm == "" || c.Algorithm == u.Algorithm {
		return nil
	}
	given := "null"
	if c.Algorithm != "" {
		given = strings.ToLower(string(c.Algorithm))
	} else if u.Type == FullObject {
		c.Algorithm = u.Algorithm
		return nil
	}
	return fmt.Errorf("%w: Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", ErrInvalidRequest, strings.ToLower(string(u.Algorithm)), given)
}

func checkPartNumber(n int) error {
	if n < 1 || n > MaxParts {
		return argument("partNumber", strconv.Itoa(n), "part number must be an integer between 1 and %d, inclusive", MaxParts)
	}
	return nil
}

// addPart stores the row of a part; refer adds the reference of the row to its blob.
func (s *Store) addPart(ctx context.Context, u *Upload, p storedPart, refer func(b *kv.Batch, at []byte)) (*Part, error) {
	p.ModTime = s.clock.Now().UTC().Truncate(time.Millisecond)
	err := s.change(ctx, u.Bucket, u.Key, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		at := partKey(u.ID, p.Number)
		b.IfPresent(uploadKey(u.Bucket, u.Key, u.ID))
		if _, err := s.Upload(ctx, u.Bucket, u.Key, u.ID); err != nil {
			return nil, err
		}
		old, err := kv.Load[storedPart](ctx, s.kv, at)
		if err != nil && !isNotFound(err) {
			return nil, mapError(err)
		}
		if err == nil && old.Blob != "" && old.Blob != p.Blob {
			blob.Unref(b, old.Blob, at)
		}
		refer(b, at)
		kv.Put(b, at, p)
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return &p.Part, nil
}

// CopyPart makes a part from n bytes from off of an object; n negative = all of it. A whole object of one blob is shared,
// anything else is read and written anew.
func (s *Store) CopyPart(ctx context.Context, bucket, name, id string, number int, srcBucket, srcKey, srcVersion string, off, n int64, cond Conditions) (*Part, *Object, error) {
	u, err := s.Upload(ctx, bucket, name, id)
	if err != nil {
		return nil, nil, err
	}
	if err := checkPartNumber(number); err != nil {
		return nil, nil, err
	}
	src, err := s.copySource(ctx, srcBucket, srcKey, srcVersion, &cond)
	if err != nil {
		return nil, nil, err
	}
	whole := n < 0
	if whole {
		off, n = 0, src.Size
	}
	if n > MaxPartBytes {
		return nil, nil, fmt.Errorf("%w: a part of %d bytes, at most %d", ErrEntityTooLarge, n, int64(MaxPartBytes))
	}
	if off >= src.Size && n > 0 {
		return nil, nil, fmt.Errorf("%w: the specified copy range is invalid for the source object size", ErrInvalidRequest)
	}
	if off < 0 || off > src.Size-n {
		return nil, nil, argument("x-amz-copy-source-range", fmt.Sprintf("bytes=%d-%d", off, off+n-1), "range specified is not valid for source object of size: %d", src.Size)
	}
	if whole && len(src.segments) == 1 && u.Algorithm == "" && !strings.Contains(src.ETag, "-") {
		p := storedPart{Part: Part{Number: number, Size: src.Size, ETag: src.ETag}, Blob: src.segments[0].ID}
		if c := src.Checksum; c.Algorithm == Default && c.Type == FullObject {
			p.CRC64 = c.Value
		}
		part, err := s.addPart(ctx, u, p, func(b *kv.Batch, at []byte) {
			blob.RefFrom(b, p.Blob, owner(src.Bucket, src.Key, src.seq), at)
		})
		return part, src, err
	}
	body, err := s.body(ctx, src)
	if err != nil {
		return nil, nil, mapError(err)
	}
	defer body.Close()
	part, err := s.PutPart(ctx, bucket, name, id, number, Content{Body: &section{body, off, off + n}, Size: n, Checksum: Checksum{Algorithm: u.Algorithm}})
	return part, src, err
}

// AbortUpload gives up an upload and its parts.
func (s *Store) AbortUpload(ctx context.Context, bucket, name, id string) error {
	return s.change(ctx, bucket, name, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		u, err := s.Upload(ctx, bucket, name, id)
		if err != nil {
			return nil, err
		}
		b.IfPresent(uploadKey(bucket, name, id))
		return nil, s.dropUpload(ctx, b, u)
	})
}

func (s *Store) dropUpload(ctx context.Context, b *kv.Batch, u *Upload) error {
	b.Delete(uploadKey(u.Bucket, u.Key, u.ID))
	b.UseReserve()
	return s.eachPart(ctx, u.ID, 0, func(p *storedPart) bool {
		at := partKey(u.ID, p.Number)
		b.Delete(at)
		if p.Blob != "" {
			blob.Unref(b, p.Blob, at)
		}
		return true
	})
}

// eachPart calls f with the parts behind a number, in order, until it returns false.
func (s *Store) eachPart(ctx context.Context, id string, after int, f func(*storedPart) bool) error {
	rng := kv.Prefix(partPrefix(id))
	rng.Lo = partKey(id, after+1)
	for it, err := range s.kv.Scan(ctx, rng) {
		if err != nil {
			return mapError(err)
		}
		var p storedPart
		if err := json.Unmarshal(it.Value, &p); err != nil {
			return fmt.Errorf("%w: part at %q", ErrCorrupt, it.Key)
		}
		if !f(&p) {
			break
		}
	}
	return nil
}

// Parts returns the parts of an upload behind a number, at most limit.
func (s *Store) Parts(ctx context.Context, bucket, name, id string, after, limit int) (u *Upload, parts []Part, more bool, err error) {
	if u, err = s.Upload(ctx, bucket, name, id); err != nil {
		return nil, nil, false, err
	}
	err = s.eachPart(ctx, id, after, func(p *storedPart) bool {
		if more = len(parts) >= limit; !more {
			parts = append(parts, p.Part)
		}
		return !more
	})
	return u, parts, more, err
}

// UploadsRequest selects a page of uploads in progress.
type UploadsRequest struct {
	Bucket, Prefix, Delimiter string
	After                     string // key to go on behind, or at if AfterID is given
	AfterID                   string // upload of After to go on behind
	Limit                     int
}

// Uploads is a page of uploads in progress, by key and id.
type Uploads struct {
	Uploads  []*Upload
	Prefixes []string
	More     bool
	Next     string // where this page ends, whether there is more or not
	NextID   string
}

// Uploads returns a page of the uploads in progress of a bucket.
func (s *Store) Uploads(ctx context.Context, req *UploadsRequest) (*Uploads, error) {
	if _, err := s.Bucket(ctx, req.Bucket); err != nil {
		return nil, err
	}
	out := &Uploads{}
	if req.Limit <= 0 {
		return out, nil
	}
	base := uploadPrefix(req.Bucket)
	lo := base.Clone().StrPrefix(req.Prefix)
	rng := kv.Range{Lo: lo, Hi: lo.End()}
	if req.After != "" {
		from := base.Clone().Str(req.After).End()
		if req.AfterID != "" {
			from = append(base.Clone().Str(req.After).Str(req.AfterID), 0)
		}
		if string(from) > string(rng.Lo) {
			rng.Lo = from
		}
	}
	last := ""
	for it, err := range s.kv.Scan(ctx, rng) {
		if err != nil {
			return nil, mapError(err)
		}
		r := key.Read(it.Key, key.Multipart)
		r.Str()
		r.Str()
		name := r.Str()
		p := commonPrefix(name, req.Prefix, req.Delimiter)
		if p != "" && (p == last || req.After != "" && strings.HasPrefix(req.After, p)) {
			continue
		}
		if len(out.Uploads)+len(out.Prefixes) == req.Limit {
			out.More = true
			return out, nil
		}
		if p != "" {
			last = p
			out.Prefixes = append(out.Prefixes, p)
			out.Next, out.NextID = p, ""
			continue
		}
		u := &Upload{}
		if err := json.Unmarshal(it.Value, u); err != nil {
			return nil, fmt.Errorf("%w: upload at %q", ErrCorrupt, it.Key)
		}
		out.Uploads = append(out.Uploads, u)
		out.Next, out.NextID = u.Key, u.ID
	}
	return out, nil
}

// section reads [off, end) of a body.
type section struct {
	body     *Body
	off, end int64
}

func (r *section) Read(p []byte) (int, error) {
	p = p[:min(int64(len(p)), r.end-r.off)]
	if r.off == r.end {
		return eof{}.Read(p)
	}
	n, err := r.body.ReadAt(p, r.off)
	r.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}
