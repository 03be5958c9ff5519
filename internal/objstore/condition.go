package objstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

func isNotFound(err error) bool { return errors.Is(err, kv.ErrNotFound) }

// Conditions are the conditional headers of a request. Empty fields ask nothing.
type Conditions struct {
	Match, NoneMatch string // entity tags, quoted or not, separated by commas; "*" = any
	ModifiedSince    time.Time
	UnmodifiedSince  time.Time
	MatchSize        int64     // x-amz-if-match-size of a delete; used if HasSize
	HasSize          bool      //
	MatchModTime     time.Time // x-amz-if-match-last-modified-time of a delete
}

func (c *Conditions) any() bool { return *c != Conditions{} }

// Read checks the conditions of a read: ErrPreconditionFailed, or ErrNotModified. Entity tags go before times (RFC 9110,
// section 13.2.2).
func (c *Conditions) Read(o *Object) error {
	mod := o.ModTime.Truncate(time.Second)
	if c.Match != "" {
		if !matchETag(c.Match, o.ETag) {
			return fmt.Errorf("%w: If-Match", ErrPreconditionFailed)
		}
	} else if !c.UnmodifiedSince.IsZero() && mod.After(c.UnmodifiedSince) {
		return fmt.Errorf("%w: If-Unmodified-Since", ErrPreconditionFailed)
	}
	if c.NoneMatch != "" {
		if matchETag(c.NoneMatch, o.ETag) {
			return ErrNotModified
		}
	} else if !c.ModifiedSince.IsZero() && !mod.After(c.ModifiedSince) {
		return ErrNotModified
	}
	return nil
}

// source checks the conditions on the source of a copy, none of which can answer "not modified".
func (c *Conditions) source(o *Object) error {
	if err := c.Read(o); err != nil {
		return fmt.Errorf("%w: x-amz-copy-source-if-…", ErrPreconditionFailed)
	}
	return nil
}

// forWrite checks the conditions of a write against the newest version, which may be nil or a delete marker.
func (c *Conditions) forWrite(old *Object) error {
	exists := old != nil && !old.DeleteMarker
	if c.NoneMatch != "" && exists && matchETag(c.NoneMatch, old.ETag) {
		return fmt.Errorf("%w: If-None-Match", ErrPreconditionFailed)
	}
	if c.Match != "" {
		if !exists {
			return ErrNoSuchKey
		}
		if !matchETag(c.Match, old.ETag) {
			return fmt.Errorf("%w: If-Match", ErrPreconditionFailed)
		}
	}
	if exists && c.HasSize && old.Size != c.MatchSize {
		return fmt.Errorf("%w: x-amz-if-match-size", ErrPreconditionFailed)
	}
	if exists && !c.MatchModTime.IsZero() && !old.ModTime.Truncate(time.Second).Equal(c.MatchModTime.Truncate(time.Second)) {
		return fmt.Errorf("%w: x-amz-if-match-last-modified-time", ErrPreconditionFailed)
	}
	return nil
}

// precheck applies the conditions of a write to the newest version, before its body is read.
func (s *Store) precheck(ctx context.Context, bucket, name string, c *Conditions) (*Object, error) {
	old, _, err := s.current(ctx, bucket, name)
	if err != nil {
		return nil, err
	}
	return old, c.forWrite(old)
}

func matchETag(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}
