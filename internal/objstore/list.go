package objstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// ListRequest selects a page of a list.
type ListRequest struct {
	Bucket    string
	Prefix    string
	Delimiter string // "" = none
	After     string // list keys and common prefixes behind this one; "" = from the start
	Limit     int    // keys and common prefixes together; 0 = none, at most 1000
}

// List is a page of a list, in the order of the keys' bytes.
type List struct {
	Objects  []*Object
	Prefixes []string // common prefixes
	More     bool
	Next     string // After of the next page, if there is more
}

// List returns a page of the objects of a bucket. Delete markers are left out.
func (s *Store) List(ctx context.Context, req *ListRequest) (*List, error) {
	if _, err := s.Bucket(ctx, req.Bucket); err != nil {
		return nil, err
	}
	out := &List{}
	if req.Limit <= 0 {
		return out, nil
	}
	w := s.walk(req.Bucket, req.Prefix, req.After)
	if req.Delimiter != "" && strings.HasPrefix(req.After, req.Prefix) {
		// After may be a common prefix: nothing below it is listed again.
		if i := strings.Index(req.After[len(req.Prefix):], req.Delimiter); i >= 0 {
			w.skip(req.After[:len(req.Prefix)+i+len(req.Delimiter)])
		}
	}
	for w.more() {
		w.restart = false
		for it, err := range s.kv.Scan(ctx, kv.Range{Lo: w.lo, Hi: w.hi}) {
			if err != nil {
				return nil, mapError(err)
			}
			name, err := w.name(it.Key)
			if err != nil {
				return nil, err
			}
			if isMarker(it.Value) {
				continue
			}
			if len(out.Objects)+len(out.Prefixes) == req.Limit {
				out.More = true
				return out, nil
			}
			if p := commonPrefix(name, req.Prefix, req.Delimiter); p != "" {
				out.Prefixes = append(out.Prefixes, p)
				out.Next = p
				w.skip(p)
				break
			}
			o, err := decodeObject(req.Bucket, name, it.Value)
			if err != nil {
				return nil, mapError(err)
			}
			o.Latest = true
			out.Objects = append(out.Objects, o)
			out.Next = name
		}
		if !w.restart {
			break
		}
	}
	out.Next = ""
	return out, nil
}

// isMarker looks at a row without decoding it.
func isMarker(row []byte) bool { return len(row) > 1 && row[1]&flagMarker != 0 }

func commonPrefix(name, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	if i := strings.Index(name[len(prefix):], delimiter); i >= 0 {
		return name[:len(prefix)+i+len(delimiter)]
	}
	return ""
}

// walk is a range of the current rows that shrinks as a list goes on.
type walk struct {
	base    key.Key // of the bucket
	lo, hi  []byte
	restart bool
}

func (s *Store) walk(bucket, prefix, after string) *walk {
	base := currentPrefix(bucket)
	w := &walk{base: base, lo: base.Clone().StrPrefix(prefix)}
	w.hi = key.Key(w.lo).End()
	if after != "" {
		if behind := append(base.Clone().Str(after), 0); bytes.Compare(behind, w.lo) > 0 {
			w.lo = behind
		}
	}
	return w
}

func (w *walk) more() bool { return bytes.Compare(w.lo, w.hi) < 0 }

// skip goes on behind all keys that start with p.
func (w *walk) skip(p string) {
	if end := w.base.Clone().StrPrefix(p).End(); bytes.Compare(end, w.lo) > 0 {
		w.lo = end
	}
	w.restart = true
}

// name takes the object's key out of a row's key.
func (w *walk) name(k []byte) (string, error) {
	b := k[len(w.base):]
	// A string element is a tag, the bytes and two zero bytes; only a key with a zero byte in it needs more.
	if len(b) >= 3 && bytes.IndexByte(b[1:], 0) == len(b)-3 {
		return string(b[1 : len(b)-2]), nil
	}
	r := key.Read(k, key.Object)
	r.Str()
	r.Str()
	name := r.Str()
	if r.Err() != nil {
		return "", fmt.Errorf("%w: key %q: %w", ErrCorrupt, k, r.Err())
	}
	return name, nil
}

// VersionsRequest selects a page of a list of versions.
type VersionsRequest struct {
	Bucket, Prefix, Delimiter string
	After                     string // key to go on behind, or at if AfterVersion is given
	AfterVersion              string // version of After to go on behind
	Limit                     int
}

// Versions is a page of versions: by key, and the newest first. Delete markers are among them.
type Versions struct {
	Objects     []*Object
	Prefixes    []string
	More        bool
	Next        string
	NextVersion string
}

// Versions returns a page of all versions of a bucket.
func (s *Store) Versions(ctx context.Context, req *VersionsRequest) (*Versions, error) {
	bk, err := s.Bucket(ctx, req.Bucket)
	if err != nil {
		return nil, err
	}
	out := &Versions{}
	if req.Limit <= 0 {
		return out, nil
	}
	after := uint64(0) // sequence number of AfterVersion
	if req.AfterVersion != "" {
		v, _, err := s.version(ctx, req.Bucket, req.After, req.AfterVersion)
		switch {
		case err == nil:
			after = v.seq
		case req.AfterVersion == NullVersion:
			return nil, fmt.Errorf("%w: %s", ErrInvalidVersion, req.AfterVersion)
		default: // removed meanwhile: its id tells where it was
			if after, _, err = parseVersionID(req.AfterVersion); err != nil {
				return nil, err
			}
		}
	}
	w := s.walk(req.Bucket, req.Prefix, req.After)
	if after != 0 {
		if at := w.base.Clone().Str(req.After); bytes.Compare(at, w.base.Clone().StrPrefix(req.Prefix)) >= 0 {
			w.lo = at
		}
	} else if req.Delimiter != "" && strings.HasPrefix(req.After, req.Prefix) {
		if i := strings.Index(req.After[len(req.Prefix):], req.Delimiter); i >= 0 {
			w.skip(req.After[:len(req.Prefix)+i+len(req.Delimiter)])
		}
	}
	full := func() bool { return len(out.Objects)+len(out.Prefixes) == req.Limit }
	add := func(o *Object) bool {
		if full() {
			out.More = true
			return false
		}
		out.Objects = append(out.Objects, o)
		out.Next, out.NextVersion = o.Key, o.Version
		return true
	}
	for w.more() {
		w.restart = false
		for it, err := range s.kv.Scan(ctx, kv.Range{Lo: w.lo, Hi: w.hi}) {
			if err != nil {
				return nil, mapError(err)
			}
			name, err := w.name(it.Key)
			if err != nil {
				return nil, err
			}
			if p := commonPrefix(name, req.Prefix, req.Delimiter); p != "" {
				if full() {
					out.More = true
					return out, nil
				}
				out.Prefixes = append(out.Prefixes, p)
				out.Next, out.NextVersion = p, ""
				w.skip(p)
				break
			}
			o, err := decodeObject(req.Bucket, name, it.Value)
			if err != nil {
				return nil, mapError(err)
			}
			o.Latest = true
			resume := after != 0 && name == req.After
			if (!resume || o.seq < after) && !add(o) {
				return out, nil
			}
			if bk.Versioning == Unversioned {
				continue
			}
			rng := kv.Prefix(olderPrefix(req.Bucket, name))
			if resume {
				rng.Lo = append(olderKey(req.Bucket, name, after), 0)
			}
			for it, err := range s.kv.Scan(ctx, rng) {
				if err != nil {
					return nil, mapError(err)
				}
				v, err := decodeObject(req.Bucket, name, it.Value)
				if err != nil {
					return nil, mapError(err)
				}
				if !add(v) {
					return out, nil
				}
			}
		}
		if !w.restart {
			break
		}
	}
	out.Next, out.NextVersion = "", ""
	return out, nil
}
