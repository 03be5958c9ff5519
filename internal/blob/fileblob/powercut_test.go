package fileblob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobtest"
)

// memFS is a file system in memory that can be cloned as a power cut would leave it. after, if set, is called after
// every operation that changes it.
type memFS struct {
	*vfs.MemFS
	after func()
}

func (m *memFS) done() {
	if m.after != nil {
		m.after()
	}
}

func (m *memFS) mkdirAll(dir string) error { defer m.done(); return m.MkdirAll(dir, 0o700) }
func (m *memFS) rename(a, b string) error  { defer m.done(); return m.Rename(a, b) }
func (m *memFS) remove(name string) error  { defer m.done(); return m.Remove(name) }
func (m *memFS) list(dir string) ([]string, error) {
	return m.List(dir)
}

func (m *memFS) create(name string) (file, error) {
	defer m.done()
	f, err := m.Create(name, vfs.WriteCategoryUnspecified)
	return &memFile{File: f, fs: m}, err
}

func (m *memFS) open(name string) (file, error) {
	f, err := m.Open(name)
	return &memFile{File: f, fs: m}, err
}

func (m *memFS) syncDir(dir string) error {
	d, err := m.OpenDir(dir)
	if err != nil {
		return err
	}
	defer m.done()
	return errors.Join(d.Sync(), d.Close())
}

type memFile struct {
	vfs.File
	fs *memFS
}

func (f *memFile) os() *os.File { return nil }
func (f *memFile) Write(p []byte) (int, error) {
	defer f.fs.done()
	return f.File.Write(bytes.Clone(p)) // the interface allows it to change p
}
func (f *memFile) syncData() error { defer f.fs.done(); return f.SyncData() }
func (f *memFile) stamp() (int64, uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return st.Size(), 0, nil
}

// TestPowerCut cuts the power after every single operation of a few commits, with some of the unsynced data kept or
// none, and expects every committed blob whole, every other blob whole or absent, and no garbage after the restart.
func TestPowerCut(t *testing.T) {
	for _, unsynced := range []int{0, 50} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("unsynced=%d,seed=%d", unsynced, seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			fs := &memFS{MemFS: vfs.NewCrashableMem()}
			s := openStore(t, "blobs", fs)
			want := map[blob.ID][]byte{}
			cuts := 0
			fs.after = func() {
				cuts++
				clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng})
				after := openStore(t, "blobs", &memFS{MemFS: clone})
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
