package objstore

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

var scope = ident.Scope{Account: "123456789012", Region: "us-east-1"}

// env is a store with what it stands on, which can be restarted.
type env struct {
	*Store
	t     testing.TB
	fs    *vfs.MemFS
	dir   string
	clock *clock.Fake
	kv    interface {
		kv.Store
	}
	events []Event
}

func (e *env) Add(b *kv.Batch, ev Event) { e.events = append(e.events, ev) }

func newEnv(t testing.TB) *env {
	e := &env{t: t, fs: vfs.NewMem(), dir: t.TempDir(), clock: clock.NewFake(time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC))}
	e.open()
	return e
}

func (e *env) open() {
	e.t.Helper()
	s := kvtest.Open(e.t, e.fs)
	blobs, err := fileblob.Open(e.t.Context(), fileblob.Options{Dir: e.dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		e.t.Fatal(err)
	}
	e.kv = s
	e.Store, err = Open(e.t.Context(), Options{KV: s, Blobs: blobs, Clock: e.clock, Events: e, InlineBytes: 1000, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) restart() {
	e.t.Helper()
	if err := e.kv.Close(); err != nil {
		e.t.Fatal(err)
	}
	e.open()
}

func (e *env) bucket(name string) {
	e.t.Helper()
	if _, err := e.CreateBucket(e.t.Context(), scope, name); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) versioning(name string, v Versioning) {
	e.t.Helper()
	if err := e.Update(e.t.Context(), name, func(b *Bucket) error { b.Versioning = v; return nil }); err != nil {
		e.t.Fatal(err)
	}
}

func content(body []byte) Content {
	return Content{Body: bytes.NewReader(body), Size: int64(len(body))}
}

func (e *env) put(bucket, name string, body []byte) *Object {
	e.t.Helper()
	o, err := e.Put(e.t.Context(), &PutRequest{Bucket: bucket, Key: name, Content: content(body)})
	if err != nil {
		e.t.Fatalf("put %s: %v", name, err)
	}
	return o
}

// read returns the body of a version and checks its ETag.
func (e *env) read(bucket, name, version string) ([]byte, error) {
	e.t.Helper()
	o, b, err := e.Open(e.t.Context(), bucket, name, version, Conditions{})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	data, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(data)
	if int64(len(data)) != o.Size || !strings.Contains(o.ETag, "-") && o.ETag != hex.EncodeToString(sum[:]) {
		e.t.Errorf("%s: %d bytes, ETag %s of an object of %d bytes", name, len(data), o.ETag, o.Size)
	}
	var sent bytes.Buffer
	if err := b.Send(&sent, 0, o.Size); err != nil || !bytes.Equal(sent.Bytes(), data) {
		e.t.Errorf("%s: sent %d bytes, %v", name, sent.Len(), err)
	}
	return data, nil
}

func (e *env) want(bucket, name, version, body string) {
	e.t.Helper()
	if got, err := e.read(bucket, name, version); err != nil || string(got) != body {
		e.t.Errorf("%s version %q = %.20q, %v, want %.20q", name, version, got, err, body)
	}
}

// blobs counts the blobs that have a reference.
func (e *env) referenced() int {
	e.t.Helper()
	ids := map[string]bool{}
	for it, err := range e.kv.Scan(e.t.Context(), kv.Prefix([]byte{2})) {
		if err != nil {
			e.t.Fatal(err)
		}
		if bytes.Contains(it.Key, []byte("ref")) {
			ids[string(it.Key[:40])] = true
		}
	}
	return len(ids)
}

func TestBuckets(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("one")
	e.bucket("two")
	if _, err := e.CreateBucket(ctx, scope, "one"); !errors.Is(err, ErrBucketOwnedByYou) {
		t.Errorf("create again: %v", err)
	}
	if _, err := e.CreateBucket(ctx, ident.Scope{Account: "210987654321"}, "one"); !errors.Is(err, ErrBucketExists) {
		t.Errorf("create another's: %v", err)
	}
	for _, name := range []string{"", "ab", strings.Repeat("a", 64), "Upper", "a..b", "-ab", "ab-", "1.2.3.4", "a_b", "xn--ab", "a-s3alias", "a/b"} {
		if _, err := e.CreateBucket(ctx, scope, name); !errors.Is(err, ErrInvalidBucketName) {
			t.Errorf("create %q: %v, want ErrInvalidBucketName", name, err)
		}
	}
	e.put("one", "k", []byte("x"))
	if err := e.DeleteBucket(ctx, "one"); !errors.Is(err, ErrBucketNotEmpty) {
		t.Errorf("delete of a bucket with an object: %v", err)
	}
	if _, err := e.CreateUpload(ctx, Upload{Bucket: "two", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	e.restart()
	if err := e.DeleteBucket(ctx, "two"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := e.DeleteBucket(ctx, "two"); !errors.Is(err, ErrNoSuchBucket) {
		t.Errorf("delete again: %v", err)
	}
	if list, more := e.Buckets(ctx, scope.Account, "", "", "", 0); len(list) != 1 || list[0].Name != "one" || more {
		t.Errorf("buckets = %v", list)
	}
	if _, err := e.Put(ctx, &PutRequest{Bucket: "two", Key: "k"}); !errors.Is(err, ErrNoSuchBucket) {
		t.Errorf("put into a deleted bucket: %v", err)
	}
}

func TestSizesAndRestart(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	bodies := map[string]string{}
	for _, n := range []int{0, 1, 999, 1000, 1001, 300_000, 5 << 20} {
		k := fmt.Sprint("n", n)
		bodies[k] = strings.Repeat("z", n)
		e.put("bkt", k, []byte(bodies[k]))
		// of unknown size
		k2 := k + "/stream"
		bodies[k2] = bodies[k]
		if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: k2, Content: Content{Body: strings.NewReader(bodies[k]), Size: -1}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for k, body := range bodies {
			e.want("bkt", k, "", body)
		}
		e.restart()
	}
	if n := e.referenced(); n != 6 {
		t.Errorf("%d blobs are referenced, want 6", n)
	}
}

func TestWrongBodies(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	for _, c := range []struct {
		name string
		c    Content
		want error
	}{
		{"short", Content{Body: strings.NewReader("abc"), Size: 4}, ErrIncompleteBody},
		{"short and large", Content{Body: strings.NewReader(strings.Repeat("a", 5000)), Size: 5001}, ErrIncompleteBody},
		{"long", Content{Body: strings.NewReader("abcd"), Size: 3}, ErrIncompleteBody},
		{"too large", Content{Size: 5<<30 + 1}, ErrEntityTooLarge},
		{"wrong md5", Content{Body: strings.NewReader("abc"), Size: 3, ContentMD5: "AAAAAAAAAAAAAAAAAAAAAA=="}, ErrBadDigest},
		{"no md5", Content{Body: strings.NewReader("abc"), Size: 3, ContentMD5: "AAA"}, ErrInvalidDigest},
		{"wrong crc", Content{Body: strings.NewReader("abc"), Size: 3, Checksum: Checksum{Algorithm: CRC32, Value: "AAAAAA=="}}, ErrBadDigest},
		{"no crc", Content{Body: strings.NewReader("abc"), Size: 3, Checksum: Checksum{Algorithm: CRC32, Value: "AAAA"}}, ErrInvalidChecksum},
		{"wrong trailer", Content{Body: strings.NewReader("abc"), Size: 3, Checksum: Checksum{Algorithm: CRC32}, Trailer: func() string { return "AAAAAA==" }}, ErrBadDigest},
	} {
		if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "k", Content: c.c}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := e.Head(t.Context(), "bkt", "k", ""); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("a refused body was stored: %v", err)
	}
}

func TestChecksums(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	// Check values of "123456789": the catalogue of CRCs, RFC 3174 and FIPS 180.
	for a, want := range map[Algorithm]string{
		CRC32: "y/Q5Jg==", CRC32C: "4waSgw==", CRC64NVME: "rosUhgp5mIg=",
		SHA1: "98O8HYCOBHMq32eZZczDTKeuNEE=", SHA256: "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		c := content([]byte("123456789"))
		c.Checksum = Checksum{Algorithm: a, Value: want}
		o, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: string(a), Content: c})
		if err != nil || o.Checksum.Value != want {
			t.Errorf("%s = %v, %v, want %s", a, o, err, want)
		}
	}
}

func TestEvents(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	if err := e.Update(t.Context(), "bkt", func(b *Bucket) error {
		b.Notification = &Notification{Functions: []Notify{{ID: "f", ARN: "arn:f", Events: []string{"s3:ObjectCreated:*"}, Prefix: "in/", Suffix: ".csv"}},
			Queues: []Notify{{ID: "q", ARN: "arn:q", Events: []string{"s3:ObjectRemoved:Delete"}}}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	e.put("bkt", "in/a.csv", []byte("abc"))
	e.put("bkt", "in/a.txt", nil)
	e.put("bkt", "out/a.csv", nil)
	if _, _, err := e.Copy(t.Context(), &CopyRequest{SourceBucket: "bkt", SourceKey: "in/a.csv", Bucket: "bkt", Key: "in/b.csv"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Delete(t.Context(), &DeleteRequest{Bucket: "bkt", Key: "in/a.csv"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Delete(t.Context(), &DeleteRequest{Bucket: "bkt", Key: "never"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Delete(t.Context(), &DeleteRequest{Bucket: "bkt", Key: "never", TellAbsent: true}); err != nil {
		t.Fatal(err)
	}
	var got []string
	last := ""
	for _, ev := range e.events {
		got = append(got, fmt.Sprintf("%s %s %d %s", ev.Name, ev.Key, ev.Size, ev.Targets[0].ID))
		if ev.Sequencer <= last {
			t.Errorf("sequencer %s after %s", ev.Sequencer, last)
		}
		last = ev.Sequencer
	}
	want := "ObjectCreated:Put in/a.csv 3 f|ObjectCreated:Copy in/b.csv 3 f|ObjectRemoved:Delete in/a.csv 0 q|ObjectRemoved:Delete never 0 q"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("events = %s\nwant     %s", s, want)
	}
}

// overtaken is a body during whose arrival somebody else changes what the write depends on.
type overtaken struct {
	io.Reader
	change func()
}

func (o *overtaken) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err == io.EOF && o.change != nil { //nolint:errorlint // readers return it bare
		o.change()
		o.change = nil
	}
	return n, err
}

// The body of a write that is refused in the end does not stay on the disk.
func TestRefusedBodiesAreRemoved(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	large := strings.Repeat("x", 5000)
	count := func() (n int) {
		for _, err := range e.blobs.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	late := func(change func()) Content {
		return Content{Size: -1, Body: &overtaken{strings.NewReader(large), change}}
	}
	_, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "k", If: Conditions{NoneMatch: "*"}, Content: late(func() {
		if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "k", Content: content([]byte("first"))}); err != nil {
			t.Error(err)
		}
	})})
	if !errors.Is(err, ErrPreconditionFailed) || count() != 0 {
		t.Errorf("a condition that failed meanwhile: %v, %d blobs are left", err, count())
	}
	up, err := e.CreateUpload(t.Context(), Upload{Bucket: "bkt", Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.PutPart(t.Context(), "bkt", "parts", up.ID, 1, late(func() {
		if err := e.AbortUpload(t.Context(), "bkt", "parts", up.ID); err != nil {
			t.Error(err)
		}
	}))
	if !errors.Is(err, ErrNoSuchUpload) || count() != 0 {
		t.Errorf("an upload that was aborted meanwhile: %v, %d blobs are left", err, count())
	}
	if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "k", Content: late(nil)}); err != nil || count() != 1 {
		t.Errorf("a write that succeeds: %v, %d blobs", err, count())
	}
}
