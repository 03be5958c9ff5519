package objstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob/blobtest"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestPowerCut cuts the power of the whole data directory, rows and blobs together, while writers are busy, and expects
// every acknowledged object with its body or a later one, and every other one whole or absent.
func TestPowerCut(t *testing.T) {
	for _, unsynced := range []int{0, 30, 70} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("unsynced=%d,seed=%d", unsynced, seed), func(t *testing.T) { cutPower(t, unsynced, rand.New(rand.NewPCG(seed, 4))) })
	}
}

func cutPower(t *testing.T, unsynced int, rng *rand.Rand) {
	quiet := slog.New(slog.DiscardHandler)
	open := func(fs *vfs.MemFS) *env {
		blobs, err := fileblob.Open(t.Context(), fileblob.Options{Dir: "blobs", FS: blobtest.FS{FS: fs}, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Options{KV: kvtest.Open(t, fs), Blobs: blobs, InlineBytes: 100, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return &env{Store: s, t: t}
	}
	fs := vfs.NewCrashableMem()
	s := open(fs)
	if _, err := s.CreateBucket(t.Context(), scope, "bkt"); err != nil {
		t.Fatal(err)
	}
	const writers, cutAt = 6, 150
	var (
		mu    sync.Mutex
		acked = map[string]int{} // the number of the newest acknowledged write, by key
		total int
		clone *vfs.MemFS
		wg    sync.WaitGroup
	)
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				mu.Lock()
				done := clone != nil
				mu.Unlock()
				if done {
					return
				}
				k := fmt.Sprintf("%d/%d", w, i%10) // overwrites
				if err := s.writeNumbered(k, i); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if clone == nil {
					acked[k] = i
					if total++; total == cutAt {
						clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng})
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	e := open(clone)
	page, err := e.List(t.Context(), &ListRequest{Bucket: "bkt", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, o := range page.Objects {
		got, err := e.read("bkt", o.Key, "")
		if err != nil {
			t.Errorf("%s is listed: %v", o.Key, err)
			continue
		}
		i, whole := numberOf(o.Key, got)
		if !whole || int64(len(got)) != o.Size {
			t.Errorf("%s of %d bytes is not what anybody wrote: %.40q", o.Key, o.Size, got)
		}
		found[o.Key] = i
	}
	for k, i := range acked {
		if got, ok := found[k]; !ok || got < i {
			t.Errorf("%s: write %d was acknowledged, found %d, %v", k, i, got, ok)
		}
	}
}

// writeNumbered writes the i-th body of a key, every fifth one in parts.
func (e *env) writeNumbered(k string, i int) error {
	ctx := e.t.Context()
	body := numbered(k, i)
	if i%5 != 0 {
		_, err := e.Put(ctx, &PutRequest{Bucket: "bkt", Key: k, Content: content(body)})
		return err
	}
	up, err := e.CreateUpload(ctx, Upload{Bucket: "bkt", Key: k})
	if err != nil {
		return err
	}
	part, err := e.PutPart(ctx, "bkt", k, up.ID, 1, content(body))
	if err != nil {
		return err
	}
	_, err = e.Complete(ctx, &CompleteRequest{Bucket: "bkt", Key: k, ID: up.ID, Size: -1, Parts: []Part{{Number: 1, ETag: part.ETag}}})
	return err
}

// numbered is a body that tells which it is at each place: rows for small numbers, blobs for others.
func numbered(k string, i int) []byte {
	return []byte(strings.Repeat(fmt.Sprintf("%s=%d,", k, i), 1+i%40))
}

// numberOf returns the number of a body, and whether it is all of it.
func numberOf(k string, body []byte) (i int, whole bool) {
	first, _, _ := strings.Cut(strings.TrimPrefix(string(body), k+"="), ",")
	i, err := strconv.Atoi(first)
	return i, err == nil && bytes.Equal(body, numbered(k, i))
}

func FuzzRecord(f *testing.F) {
	e := newEnv(f)
	if _, err := e.CreateBucket(f.Context(), scope, "bkt"); err != nil {
		f.Fatal(err)
	}
	o, err := e.Put(f.Context(), &PutRequest{Bucket: "bkt", Key: "k", Content: content([]byte("x")), Tags: []Tag{{"a", "b"}}, Metadata: Metadata{ContentType: "c", User: map[string]string{"u": "v"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(o.encode())
	f.Add((&Object{Version: NullVersion, DeleteMarker: true}).encode())
	f.Fuzz(func(t *testing.T, row []byte) {
		o, err := decodeObject("bkt", "k", row)
		if err != nil {
			if !errors.Is(err, errRecord) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		again, err := decodeObject("bkt", "k", o.encode())
		if err != nil || again.seq != o.seq || again.Size != o.Size || again.ETag != o.ETag || len(again.Tags) != len(o.Tags) {
			t.Fatalf("%+v does not survive: %+v, %v", o, again, err)
		}
	})
}

// TestConcurrentWriters has many writers of one key in a bucket with versions, and expects each write to leave a version.
func TestConcurrentWriters(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	e.versioning("bkt", Enabled)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				if _, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "k", Content: content([]byte(strings.Repeat("x", 150*w+i)))}); err != nil {
					t.Error(err)
				}
				if _, _, err := e.Copy(t.Context(), &CopyRequest{SourceBucket: "bkt", SourceKey: "k", Bucket: "bkt", Key: fmt.Sprint("copy", w)}); err != nil {
					t.Error(err)
				}
				if _, err := e.read("bkt", "k", ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	page, err := e.Versions(t.Context(), &VersionsRequest{Bucket: "bkt", Prefix: "k", Limit: 1000})
	if err != nil || len(page.Objects) != 80 {
		t.Errorf("%d versions, %v, want 80", len(page.Objects), err)
	}
	for range 2 {
		for w := range 8 {
			wg.Go(func() {
				_, err := e.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: "once", Content: content([]byte{byte(w)}), If: Conditions{NoneMatch: "*"}})
				if err != nil && !errors.Is(err, ErrPreconditionFailed) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	page, err = e.Versions(t.Context(), &VersionsRequest{Bucket: "bkt", Prefix: "once", Limit: 1000})
	if err != nil || len(page.Objects) != 1 {
		t.Errorf("%d of 16 conditional writers won, %v", len(page.Objects), err)
	}
}
