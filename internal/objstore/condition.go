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

// failed is the error for a condition that does not hold, by the name of its header.
func failed(condition string) error {
	return detail(fmt.Errorf("%w: %s", ErrPreconditionFailed, condition), "Condition", condition)
}

func (c *Conditions) any() bool { return *c != Conditions{} }

// Read checks the conditions of a read at the time now: ErrPreconditionFailed, or ErrNotModified. Entity tags go before
// times (RFC 9110, section 13.2.2); a modification time in the future is ignored (section 13.1.3).
func (c *Conditions) Read(o *Object, now time.Time) error {
	name, notModified := c.unmet(o, now)
	switch {
	case name == "":
		return nil
	case notModified:
		return ErrNotModified
	}
	return failed(name)
}

// unmet returns the header of the condition that does not hold; notModified is set where a read answers "not modified".
func (c *Conditions) unmet(o *Object, now time.Time) (header string, notModified bool) {
	mod := o.ModTime.Truncate(time.Second)
	if c.Match != "" {
		if !matchETag(c.Match, o.ETag) {
			return "If-Match", false
		}
	} else if !c.UnmodifiedSince.IsZero() && mod.After(c.UnmodifiedSince) {
		return "If-Unmodified-Since", false
	}
	if c.NoneMatch != "" {
		if matchETag(c.NoneMatch, o.ETag) {
			return "If-None-Match", true
		}
	} else if !c.ModifiedSince.IsZero() && !c.ModifiedSince.After(now) && !mod.After(c.ModifiedSince) {
		return "If-Modified-Since", true
	}
	return "", false
}

// source checks the conditions on the source of a copy, none of which can answer "not modified".
func (c *Conditions) source(o *Object, now time.Time) error {
	if header, _ := c.unmet(o, now); header != "" {
		return failed("x-amz-copy-source-" + header)
	}
	return nil
}

// forWrite checks the conditions of a write against the newest version, which may be nil or a delete marker.
func (c *Conditions) forWrite(old *Object) error {
	exists := old != nil && !old.DeleteMarker
	if c.NoneMatch != "" && exists && matchETag(c.NoneMatch, old.ETag) {
		return failed("If-None-Match")
	}
	if c.Match != "" {
		if !exists {
			return ErrNoSuchKey
		}
		if !matchETag(c.Match, old.ETag) {
			return failed("If-Match")
		}
	}
	if exists && c.HasSize && old.Size != c.MatchSize {
		return failed("x-amz-if-match-size")
	}
	if exists && !c.MatchModTime.IsZero() && !old.ModTime.Truncate(time.Second).Equal(c.MatchModTime.Truncate(time.Second)) {
		return failed("x-amz-if-match-last-modified-time")
	}
	return nil
}

// undisturbed checks that a conditional upload's key is as it was when the upload began.
func (c *Conditions) undisturbed(u *Upload, now *Object) error {
	seq := uint64(0)
	if now != nil {
		seq = now.seq
	}
	header := "If-Match"
	switch {
	case seq == u.Base, c.Match == "" && c.NoneMatch == "":
		return nil
	case c.Match == "":
		header = "If-None-Match"
	}
	return detail(fmt.Errorf("%w: %s", ErrConditionConflict, u.Key), "Condition", header)
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
