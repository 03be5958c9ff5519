package objstore

import (
	"errors"
	"strings"
	"testing"
)

// TestCompleteChecksums goes through what a completion may say about checksums, and what S3 was recorded to answer.
func TestCompleteChecksums(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	const wrong = "AAAAAA=="
	for _, c := range []struct {
		name   string
		upload Upload
		part   func(sum Checksum) Checksum // what the completion says of the part
		object func(sum Checksum) Checksum // and of the object
		want   error
	}{
		{"composite, parts given", Upload{Algorithm: CRC32}, same, none, nil},
		{"composite, parts not given", Upload{Algorithm: CRC32}, none, none, ErrInvalidRequest},
		{"composite, wrong part", Upload{Algorithm: CRC32}, value(wrong), none, ErrInvalidPart},
		{"composite, other algorithm", Upload{Algorithm: CRC32}, func(s Checksum) Checksum { s.Algorithm = SHA256; return s }, none, ErrBadDigest},
		{"full object, parts not given", Upload{Algorithm: CRC32, Type: FullObject}, none, none, nil},
		{"full object, with its type", Upload{Algorithm: CRC32, Type: FullObject}, none, same, nil},
		{"full object, without a type", Upload{Algorithm: CRC32, Type: FullObject}, none, func(s Checksum) Checksum { s.Type = ""; return s }, ErrBadDigest},
		{"full object, wrong", Upload{Algorithm: CRC32, Type: FullObject}, none, value(wrong), ErrBadDigest},
		{"full object, other type", Upload{Algorithm: CRC32, Type: FullObject}, none, func(s Checksum) Checksum { s.Type = Composite; return s }, ErrInvalidRequest},
		{"no algorithm, parts given", Upload{}, same, none, ErrInvalidPart},
		{"no algorithm, a type", Upload{}, none, func(Checksum) Checksum { return Checksum{Type: FullObject} }, ErrInvalidRequest},
		{"no algorithm", Upload{}, none, none, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.upload.Bucket, c.upload.Key = "bkt", "k"
			u, err := e.CreateUpload(ctx, c.upload)
			if err != nil {
				t.Fatal(err)
			}
			p, err := e.PutPart(ctx, "bkt", "k", u.ID, 1, Content{Body: strings.NewReader("abc"), Size: 3, Checksum: Checksum{Algorithm: CRC32}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Complete(ctx, &CompleteRequest{
				Bucket: "bkt", Key: "k", ID: u.ID, Size: -1, Checksum: c.object(p.Checksum),
				Parts: []Part{{Number: 1, ETag: p.ETag, Checksum: c.part(p.Checksum)}},
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func none(Checksum) Checksum   { return Checksum{} }
func same(s Checksum) Checksum { return s }

func value(v string) func(Checksum) Checksum {
	return func(s Checksum) Checksum { s.Value = v; return s }
}
