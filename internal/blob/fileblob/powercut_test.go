package fileblob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobfs"
	"github.com/tarn-data/tarn/internal/blob/blobtest"
)

// watchedFS calls after, if set, after every operation that changes it.
type watchedFS struct {
	blobtest.FS
	after func()
}

func (m *watchedFS) done() {
	if m.after != nil {
		m.after()
	}
}

func (m *watchedFS) MkdirAll(dir string) error { defer m.done(); return m.FS.MkdirAll(dir) }
func (m *watchedFS) Rename(a, b string) error  { defer m.done(); return m.FS.Rename(a, b) }
func (m *watchedFS) Remove(name string) error  { defer m.done(); return m.FS.Remove(name) }
func (m *watchedFS) SyncDir(dir string) error  { defer m.done(); return m.FS.SyncDir(dir) }

func (m *watchedFS) Create(name string) (blobfs.File, error) {
	defer m.done()
	f, err := m.FS.Create(name)
	return &watchedFile{f, m}, err
}

type watchedFile struct {
	blobfs.File
	fs *watchedFS
}

func (f *watchedFile) Write(p []byte) (int, error) { defer f.fs.done(); return f.File.Write(p) }
func (f *watchedFile) SyncData() error             { defer f.fs.done(); return f.File.SyncData() }

// TestPowerCut cuts the power after every single operation of a few commits, with some of the unsynced data kept or
// none, and expects every committed blob whole, every other blob whole or absent, and no garbage after the restart.
func TestPowerCut(t *testing.T) {
	for _, unsynced := range []int{0, 50} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("unsynced=%d,seed=%d", unsynced, seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			mem := vfs.NewCrashableMem()
			fs := &watchedFS{FS: blobtest.FS{FS: mem}}
			s := openStore(t, "blobs", fs)
			want := map[blob.ID][]byte{}
			cuts := 0
			fs.after = func() {
				cuts++
				clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng})
				after := openStore(t, "blobs", blobtest.FS{FS: clone})
				for id, data := range want {
					got, err := readAll(t, after, id)
					if err != nil || !bytes.Equal(got, data) {
						t.Fatalf("cut %d: committed blob of %d bytes: read %d, %v", cuts, len(data), len(got), err)
					}
				}
				for id, err := range after.List(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					if _, err := readAll(t, after, id); want[id] == nil && err != nil && !errors.Is(err, blob.ErrNotFound) {
						t.Fatalf("cut %d: a blob that was being committed: %v", cuts, err)
					}
				}
				if left, err := clone.List("blobs/" + tmpDir); err != nil || len(left) > 0 {
					t.Fatalf("cut %d: garbage after the restart: %v, %v", cuts, left, err)
				}
			}
			for _, n := range []int{10, 50_000, blockSize + 5} {
				data := bytes.Repeat([]byte{byte(n)}, n)
				want[blobtest.Write(t, s, data)] = data
			}
			if cuts < 15 {
				t.Errorf("only %d operations were seen", cuts)
			}
		})
	}
}

func readAll(t *testing.T, s *Store, id blob.ID) ([]byte, error) {
	r, err := s.Open(t.Context(), id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
