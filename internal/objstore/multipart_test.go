package objstore

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMultipart(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	for _, a := range []struct {
		algorithm Algorithm
		typ       ChecksumType
	}{{"", ""}, {CRC32, FullObject}, {CRC32, Composite}, {CRC64NVME, FullObject}, {SHA256, Composite}} {
		t.Run(string(a.algorithm)+string(a.typ), func(t *testing.T) {
			u, err := e.CreateUpload(ctx, Upload{Bucket: "bkt", Key: "big", Algorithm: a.algorithm, Type: a.typ, Metadata: Metadata{ContentType: "text/x"}, Tags: []Tag{{"k", "v"}}})
			if err != nil {
				t.Fatal(err)
			}
			sizes := []int{MinPartBytes, MinPartBytes + 1, 10}
			var whole []byte
			sum := md5.New()
			req := &CompleteRequest{Bucket: "bkt", Key: "big", ID: u.ID, Size: -1}
			for i, n := range sizes {
				data := make([]byte, n)
				rand.NewChaCha8([32]byte{byte(i)}).Read(data)
				for range 2 { // the second time replaces the first
					c := content(data)
					c.Checksum.Algorithm = a.algorithm
					p, err := e.PutPart(ctx, "bkt", "big", u.ID, 10*i+1, c)
					if err != nil {
						t.Fatal(err)
					}
					if i == 0 || len(req.Parts) <= i {
						req.Parts = append(req.Parts[:i], *p)
					}
				}
				whole = append(whole, data...)
				h := md5.Sum(data)
				sum.Write(h[:])
			}
			e.restart()
			_, parts, more, err := e.Parts(ctx, "bkt", "big", u.ID, 1, 1)
			if err != nil || len(parts) != 1 || parts[0].Number != 11 || !more {
				t.Fatalf("parts = %v, %v, %v", parts, more, err)
			}
			o, err := e.Complete(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			if want := hex.EncodeToString(sum.Sum(nil)) + "-3"; o.ETag != want {
				t.Errorf("ETag = %s, want %s", o.ETag, want)
			}
			if a.algorithm == CRC32 && a.typ == FullObject {
				c := crc32.ChecksumIEEE(whole)
				if want := base64.StdEncoding.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}); o.Checksum.Value != want {
					t.Errorf("checksum = %s, want %s", o.Checksum.Value, want)
				}
			} else if a.typ == FullObject {
				h := a.algorithm.new()
				h.Write(whole)
				if want := encodeSum(h); o.Checksum.Value != want {
					t.Errorf("checksum = %s, want %s", o.Checksum.Value, want)
				}
			}
			e.want("bkt", "big", "", string(whole))
			_, b, err := e.Open(ctx, "bkt", "big", "", Conditions{})
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				off := rand.IntN(len(whole))
				n := rand.IntN(len(whole) - off)
				var got bytes.Buffer
				if err := b.Send(&got, int64(off), int64(n)); err != nil || !bytes.Equal(got.Bytes(), whole[off:off+n]) {
					t.Fatalf("send of %d bytes from %d: %d bytes, %v", n, off, got.Len(), err)
				}
			}
			b.Close()
			again, err := e.Complete(ctx, req)
			if err != nil || again.ETag != o.ETag {
				t.Errorf("complete again: %v, %v", again, err)
			}
			f, err := e.OpenFile(ctx, "bkt", "big", "")
			if err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(f.Path); err != nil || !bytes.Equal(data, whole) {
				t.Errorf("file of %d bytes, %v", len(data), err)
			}
			if n := e.referenced(); n != 1 {
				t.Errorf("%d blobs are referenced after joining, want 1", n)
			}
			e.want("bkt", "big", "", string(whole))
			if now, _ := e.Head(ctx, "bkt", "big", ""); now.ETag != o.ETag || len(now.Parts) != 3 || now.Metadata.ContentType != "text/x" || len(now.Tags) != 1 {
				t.Errorf("joined object = %+v", now)
			}
		})
	}
}

func TestMultipartErrors(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	u, err := e.CreateUpload(ctx, Upload{Bucket: "bkt", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	var parts []Part
	for n := 1; n <= 2; n++ {
		p, err := e.PutPart(ctx, "bkt", "k", u.ID, n, content([]byte("small")))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, *p)
	}
	complete := func(ps ...Part) error {
		_, err := e.Complete(ctx, &CompleteRequest{Bucket: "bkt", Key: "k", ID: u.ID, Parts: ps, Size: -1})
		return err
	}
	other := parts[0]
	other.ETag = strings.Repeat("0", 32)
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"too small", complete(parts...), ErrEntityTooSmall},
		{"no parts", complete(), ErrInvalidRequest},
		{"wrong order", complete(parts[1], parts[0]), ErrInvalidPartOrder},
		{"twice", complete(parts[1], parts[1]), ErrInvalidPartOrder},
		{"wrong etag", complete(other), ErrInvalidPart},
		{"no such part", complete(Part{Number: 7}), ErrInvalidPart},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if _, err := e.PutPart(ctx, "bkt", "k", u.ID, 10_001, Content{}); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("part 10001: %v", err)
	}
	if _, err := e.PutPart(ctx, "bkt", "k", "none", 1, Content{}); !errors.Is(err, ErrNoSuchUpload) {
		t.Errorf("unknown upload: %v", err)
	}
	page, err := e.Uploads(ctx, &UploadsRequest{Bucket: "bkt", Limit: 10})
	if err != nil || len(page.Uploads) != 1 {
		t.Fatalf("uploads = %v, %v", page, err)
	}
	if err := e.AbortUpload(ctx, "bkt", "k", u.ID); err != nil {
		t.Fatal(err)
	}
	if err := e.AbortUpload(ctx, "bkt", "k", u.ID); !errors.Is(err, ErrNoSuchUpload) {
		t.Errorf("abort again: %v", err)
	}
	if n := e.referenced(); n != 0 {
		t.Errorf("%d blobs are referenced after the abort", n)
	}
}

func TestLifecycle(t *testing.T) {
	e := newEnv(t) // 10:00 on day 0
	ctx := t.Context()
	e.bucket("bkt")
	e.bucket("ver")
	e.versioning("ver", Enabled)
	set := func(b string, rules ...Rule) {
		t.Helper()
		if err := CheckLifecycle(rules); err != nil {
			t.Fatal(err)
		}
		if err := e.Update(ctx, b, func(b *Bucket) error { b.Lifecycle = rules; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(b, k string) bool { _, err := e.Head(ctx, b, k, ""); return err == nil }
	expire := func() {
		t.Helper()
		if err := e.Expire(ctx); err != nil {
			t.Fatal(err)
		}
	}
	set("bkt", Rule{ID: "tmp", Prefix: "tmp/", Days: 1}, Rule{ID: "tagged", Tags: []Tag{{"keep", "no"}}, Days: 2}, Rule{ID: "up", AbortDays: 1}, Rule{ID: "off", Disabled: true, Days: 1})
	e.put("bkt", "tmp/a", nil)
	e.put("bkt", "keep", nil)
	if _, err := e.Put(ctx, &PutRequest{Bucket: "bkt", Key: "t", Tags: []Tag{{"keep", "no"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.CreateUpload(ctx, Upload{Bucket: "bkt", Key: "u"}); err != nil {
		t.Fatal(err)
	}
	e.clock.Advance(37 * time.Hour) // 23:00 on day 1
	expire()
	if !exists("bkt", "tmp/a") {
		t.Error("expired before the midnight after a day")
	}
	e.clock.Advance(time.Hour)
	expire()
	if exists("bkt", "tmp/a") || !exists("bkt", "keep") || !exists("bkt", "t") {
		t.Error("wrong objects expired after a day")
	}
	if page, _ := e.Uploads(ctx, &UploadsRequest{Bucket: "bkt", Limit: 10}); len(page.Uploads) != 0 {
		t.Error("the upload was not aborted")
	}
	e.clock.Advance(24 * time.Hour)
	expire()
	if exists("bkt", "t") || !exists("bkt", "keep") {
		t.Error("wrong objects expired after two days")
	}

	set("ver", Rule{ID: "n", Days: 1, NoncurrentDays: 1, KeepNoncurrent: 1}, Rule{ID: "m", ExpireMarkers: true})
	for range 4 {
		e.put("ver", "k", []byte("x"))
	}
	e.clock.Advance(48 * time.Hour)
	expire() // the newest becomes older under a marker, and two of the three old ones go
	count := func() int {
		page, err := e.Versions(ctx, &VersionsRequest{Bucket: "ver", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Objects)
	}
	if exists("ver", "k") || count() != 3 {
		t.Errorf("%d versions, want marker and two", count())
	}
	set("ver", Rule{ID: "n", NoncurrentDays: 1, ExpireMarkers: true})
	e.clock.Advance(48 * time.Hour)
	expire()
	expire()
	if count() != 0 {
		t.Errorf("%d versions are left", count())
	}
	if n := e.referenced(); n != 0 {
		t.Errorf("%d blobs are referenced", n)
	}
}
