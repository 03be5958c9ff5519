package objstore

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/kv"
)

// CompleteRequest makes an object of the parts of an upload.
type CompleteRequest struct {
	Bucket, Key, ID string
	Parts           []Part // Number and ETag; Checksum.Value where the client gives it
	Checksum        Checksum
	Size            int64 // announced size of the object; negative = not given
	If              Conditions
	By              Actor
}

// Complete makes an object of the parts, which become its body without being copied. An upload that was completed before
// with the same parts answers the same again, as long as the object is there.
func (s *Store) Complete(ctx context.Context, req *CompleteRequest) (*Object, error) {
	if len(req.Parts) == 0 {
		return nil, fmt.Errorf("%w: you must specify at least one part", ErrInvalidRequest)
	}
	var o *Object
	err := s.change(ctx, req.Bucket, req.Key, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		u, err := s.Upload(ctx, req.Bucket, req.Key, req.ID)
		if errors.Is(err, ErrNoSuchUpload) {
			if done, ok := s.completed(ctx, req); ok {
				o = done
				return nil, nil
			}
		}
		if err != nil {
			return nil, err
		}
		if t := req.Checksum.Type; t != "" && t != u.Type {
			return nil, fmt.Errorf("%w: the upload was created using the %s checksum mode. The complete request must use the same checksum mode.", ErrInvalidRequest, cmp.Or(string(u.Type), "null"))
		}
		have := map[int]*storedPart{}
		if err := s.eachPart(ctx, u.ID, 0, func(p *storedPart) bool { have[p.Number] = p; return true }); err != nil {
			return nil, err
		}
		chosen, err := req.choose(u, have)
		if err != nil {
			return nil, err
		}
		old, row, err := s.current(ctx, req.Bucket, req.Key)
		if err != nil {
			return nil, err
		}
		if err := req.If.forWrite(old); err != nil {
			return nil, err
		}
		if err := req.If.undisturbed(u, old); err != nil {
			return nil, err
		}
		o = s.newVersion(bk, req.Key, old)
		o.Lock = bk.newLock(u.Lock, o.ModTime)
		o.Owner, o.Metadata, o.Tags, o.ACL = u.Owner, u.Metadata, u.Tags, u.ACL
		if err := o.assemble(u, chosen); err != nil {
			return nil, err
		}
		if req.Size >= 0 && req.Size != o.Size {
			return nil, fmt.Errorf("%w: the provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", ErrInvalidRequest, req.Size, o.Size)
		}
		// An upload without an algorithm of its own takes no notice of other checksums, as in S3.
		if (u.Algorithm != "" || req.Checksum.Algorithm == Default) && !req.Checksum.agrees(o.Checksum) {
			return nil, fmt.Errorf("%w: the %s you specified did not match the calculated checksum.", ErrBadDigest, strings.ToLower(string(o.Checksum.Algorithm)))
		}
		b.IfPresent(uploadKey(u.Bucket, u.Key, u.ID))
		if err := s.dropUpload(ctx, b, u); err != nil {
			return nil, err
		}
		to := owner(o.Bucket, o.Key, o.seq)
		for _, p := range chosen {
			if p.Blob != "" {
				blob.RefFrom(b, p.Blob, partKey(u.ID, p.Number), to)
			}
		}
		kv.Put(b, completedKey(req.ID), completedUpload{req.Bucket, req.Key, o.ETag, s.clock.Now().UTC()})
		if err := s.install(ctx, b, bk, old, row, o); err != nil {
			return nil, err
		}
		return &Write{Object: o, Event: "ObjectCreated:CompleteMultipartUpload", By: req.By}, nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// agrees compares the checksum that a completion announces with the computed one. One without a type is taken to be of the
// algorithm's default type, as S3 does.
func (c Checksum) agrees(computed Checksum) bool {
	if c.Value == "" {
		return true
	}
	plain, _, _ := strings.Cut(computed.Value, "-") // the number of parts may be left out
	return c.Algorithm == computed.Algorithm && cmp.Or(c.Type, c.Algorithm.DefaultType()) == computed.Type && (c.Value == computed.Value || c.Value == plain)
}

// choose checks the client's list against the parts that are there.
func (req *CompleteRequest) choose(u *Upload, have map[int]*storedPart) ([]*storedPart, error) {
	chosen := make([]*storedPart, 0, len(req.Parts))
	for i := 1; i < len(req.Parts); i++ {
		if n, before := req.Parts[i].Number, req.Parts[i-1].Number; n <= before {
			return nil, fmt.Errorf("%w: %d after %d", ErrInvalidPartOrder, n, before)
		}
	}
	for i, want := range req.Parts {
		p := have[want.Number]
		if p == nil || p.ETag != strings.Trim(want.ETag, `"`) {
			return nil, invalidPart(&want)
		}
		v := want.Checksum.Value
		if a := want.Checksum.Algorithm; v != "" && a != p.Checksum.Algorithm && u.Algorithm != "" {
			return nil, fmt.Errorf("%w: the %s you specified for part %d did not match what we received.", ErrBadDigest, strings.ToLower(string(a)), want.Number)
		} else if v != "" && (a != p.Checksum.Algorithm || v != p.Checksum.Value) {
			return nil, invalidPart(&want)
		} else if v == "" && u.Algorithm != "" && u.Type == Composite {
			return nil, fmt.Errorf("%w: the upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", ErrInvalidRequest, strings.ToLower(string(u.Algorithm)), want.Number)
		}
		if i < len(req.Parts)-1 && p.Size < MinPartBytes {
			return nil, detail(fmt.Errorf("%w: part %d has %d bytes, at least %d", ErrEntityTooSmall, p.Number, p.Size, MinPartBytes),
				"ETag", p.ETag, "PartNumber", strconv.Itoa(p.Number), "ProposedSize", strconv.FormatInt(p.Size, 10), "MinSizeAllowed", strconv.Itoa(MinPartBytes))
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

func invalidPart(p *Part) error {
	return detail(fmt.Errorf("%w: part %d", ErrInvalidPart, p.Number), "PartNumber", strconv.Itoa(p.Number), "ETag", strings.Trim(p.ETag, `"`))
}

// assemble makes the body, the ETag and the checksum of o from the parts.
func (o *Object) assemble(u *Upload, parts []*storedPart) error {
	sum := md5.New()
	for _, p := range parts {
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return fmt.Errorf("%w: ETag of part %d", ErrCorrupt, p.Number)
		}
		sum.Write(raw)
		o.Size += p.Size
		if p.Blob != "" {
			o.segments = append(o.segments, segment{p.Blob, p.Size})
		}
		kept := p.Part
		kept.ETag = ""
		o.Parts = append(o.Parts, kept)
	}
	if o.Size > MaxObjectBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrEntityTooLarge, o.Size, int64(MaxObjectBytes))
	}
	o.ETag = hex.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(parts))
	if u.Algorithm == "" {
		o.defaultChecksum(parts)
		return nil
	}
	o.Checksum = Checksum{Algorithm: u.Algorithm, Type: u.Type}
	if u.Type == FullObject {
		o.Checksum.Value = fullObject(u.Algorithm, o.Parts)
	} else {
		o.Checksum.Value = composite(u.Algorithm, o.Parts)
	}
	return nil
}

// defaultChecksum joins the default checksums of the parts. A part that was copied without being read may have none; then
// the object has none either.
func (o *Object) defaultChecksum(parts []*storedPart) {
	list := make([]Part, len(parts))
	for i, p := range parts {
		if p.CRC64 == "" {
			return
		}
		list[i] = Part{Size: p.Size, Checksum: Checksum{Value: p.CRC64}}
	}
	o.Checksum = Checksum{Algorithm: Default, Type: FullObject, Value: fullObject(Default, list)}
}

// completedUpload remembers what an upload became, so that a client whose answer got lost may ask again.
type completedUpload struct {
	Bucket, Key, ETag string
	At                time.Time
}

func completedKey(id string) []byte { return completedPrefix().Str(id) }

func (s *Store) completed(ctx context.Context, req *CompleteRequest) (*Object, bool) {
	done, err := kv.Load[completedUpload](ctx, s.kv, completedKey(req.ID))
	if err != nil || done.Bucket != req.Bucket || done.Key != req.Key {
		return nil, false
	}
	o, _, err := s.current(ctx, req.Bucket, req.Key)
	if err != nil || o == nil || o.ETag != done.ETag {
		return nil, false
	}
	return o, true
}
