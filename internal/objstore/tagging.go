package objstore

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/kv"
)

// CheckTags applies S3's rules for tags: at most limit of them, keys of 1 to 128 characters and values of at most 256,
// of letters, digits, spaces and + - = . _ : / @, no key twice.
func CheckTags(tags []Tag, limit int) error {
	if len(tags) > limit {
		return fmt.Errorf("%w: %d, at most %d", ErrTooManyTags, len(tags), limit)
	}
	for i, t := range tags {
		bad := func(why string, facts ...string) error {
			return detail(fmt.Errorf("%w: %s", ErrInvalidTag, why), append(facts, "TagKey", t.Key)...)
		}
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > 128 || !tagText(t.Key) {
			return bad("the TagKey you have provided is invalid")
		}
		if strings.HasPrefix(t.Key, "aws:") {
			return bad("your TagKey cannot be prefixed with aws:")
		}
		if n := utf8.RuneCountInString(t.Value); n > 256 || !tagText(t.Value) {
			return bad("the TagValue you have provided is invalid", "TagValue", t.Value)
		}
		for _, u := range tags[:i] {
			if u.Key == t.Key {
				return bad("cannot provide multiple Tags with the same key")
			}
		}
	}
	return nil
}

func tagText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) && !strings.ContainsRune("+-=._:/@", r) {
			return false
		}
	}
	return true
}

// SetTags replaces the tags of a version ("" = the newest); nil removes them. It returns the version; with an error, the delete marker
// that is the reason, if it is one.
func (s *Store) SetTags(ctx context.Context, bucket, name, version string, tags []Tag, by Actor) (*Object, error) {
	if err := CheckTags(tags, MaxTags); err != nil {
		return nil, err
	}
	var o *Object
	err := s.change(ctx, bucket, name, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		var err error
		if o, err = s.Head(ctx, bucket, name, version); err != nil {
			return nil, err
		}
		o.Tags = tags
		s.rewrite(b, o)
		w := &Write{Object: o, Event: "ObjectTagging:Put", By: by}
		if len(tags) == 0 {
			w.Event = "ObjectTagging:Delete"
		}
		return w, nil
	})
	return o, err
}
