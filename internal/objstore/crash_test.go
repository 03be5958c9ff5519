package objstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestPowerCut cuts the power of the key-value store while writers are busy, and expects every acknowledged object with
// its body, and every other one whole or absent. Blobs are files on disk, where fileblob's own test cuts the power; what
// is tested here is that no row comes before its blob.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	fs := vfs.NewCrashableMem()
	quiet := slog.New(slog.DiscardHandler)
	open := func(fs *vfs.MemFS) *Store {
		blobs, err := fileblob.Open(t.Context(), fileblob.Options{Dir: dir, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Options{KV: kvtest.Open(t, fs), Blobs: blobs, InlineBytes: 100, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(fs)
	if _, err := s.CreateBucket(t.Context(), scope, "bkt"); err != nil {
		t.Fatal(err)
	}
	body := func(w, i int) string { return strings.Repeat(fmt.Sprintf("%d-%d,", w, i), 1+i%40) }
	const writers, cutAt = 6, 150
	var (
		mu    sync.Mutex
		acked = map[string]string{}
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
				b := body(w, i)
				if _, err := s.Put(t.Context(), &PutRequest{Bucket: "bkt", Key: k, Content: content([]byte(b))}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if clone == nil {
					acked[k] = b
					if total++; total == cutAt {
						clone = fs.CrashClone(vfs.CrashCloneCfg{})
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	e := &env{Store: open(clone), t: t}
	for k, want := range acked {
		got, err := e.read("bkt", k, "")
		if err != nil {
			t.Errorf("%s: %v", k, err)
		} else if string(got) != want && !strings.HasPrefix(string(got), k[:1]+"-") {
			t.Errorf("%s = %q, want %q or a later one", k, got, want)
		} else if newer := len(got) > 0 && string(got) != want; newer {
			var w, was, is int
			_, err1 := fmt.Sscanf(want, "%d-%d,", &w, &was)
			_, err2 := fmt.Sscanf(string(got), "%d-%d,", &w, &is)
			if err1 != nil || err2 != nil || is <= was {
				t.Errorf("%s = %.20q, which is older than the acknowledged %.20q", k, got, want)
			}
		}
	}
	if page, err := e.List(t.Context(), &ListRequest{Bucket: "bkt", Limit: 1000}); err != nil || len(page.Objects) < len(acked) {
		t.Errorf("%d objects are listed, %d were acknowledged: %v", len(page.Objects), len(acked), err)
	}
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
