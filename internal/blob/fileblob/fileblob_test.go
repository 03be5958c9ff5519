package fileblob

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobfs"
	"github.com/tarn-data/tarn/internal/blob/blobtest"
)

func openStore(t testing.TB, dir string, fs blobfs.FS) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, FS: fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) func(*testing.T) blob.Store {
		dir := t.TempDir()
		return func(t *testing.T) blob.Store { return openStore(t, dir, nil) }
	})
}

func TestGarbageAtStart(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, nil)
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("half written when the process was killed"))
	openStore(t, dir, nil)
	left, err := os.ReadDir(filepath.Join(dir, tmpDir))
	if err != nil || len(left) != 0 {
		t.Errorf("%d files left in tmp, %v", len(left), err)
	}
}

// TestDamage changes bytes on disk in every way and expects every read of them to fail, and no other.
func TestDamage(t *testing.T) {
	const size = 2*blockSize + 1000
	change := func(off int64) func(*testing.T, string) {
		return func(t *testing.T, p string) {
			f, err := os.OpenFile(p, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var b [1]byte
			f.ReadAt(b[:], off)
			b[0] ^= 1
			if _, err := f.WriteAt(b[:], off); err != nil {
				t.Fatal(err)
			}
		}
	}
	truncate := func(n int64) func(*testing.T, string) {
		return func(t *testing.T, p string) {
			if err := os.Truncate(p, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	sums := func(f func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, p string) { f(t, p+sumSuffix) }
	}
	for _, c := range []struct {
		name   string
		size   int
		harm   func(*testing.T, string)
		off    int64 // where a read must fail
		intact int64 // where a read must succeed; negative = nowhere
	}{
		{"small", 1000, change(500), 0, -1},
		{"first block", size, change(0), 100, blockSize},
		{"last byte", size, change(size - 1), 2 * blockSize, blockSize - 1},
		{"cut to a block", size, truncate(blockSize), 0, -1},
		{"cut within the last block", size, truncate(size - 10), 2 * blockSize, 0},
		{"cut to nothing", 1000, truncate(0), 0, -1},
		{"grown", 1000, truncate(2000), 0, -1},
		{"checksums changed", size, sums(change(5)), 0, -1},
		{"checksums cut", size, sums(truncate(8)), 0, -1},
		{"checksums missing", size, func(t *testing.T, p string) { os.Remove(p + sumSuffix) }, 0, -1},
	} {
		for _, seenWhole := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				s := openStore(t, t.TempDir(), nil)
				id := blobtest.Write(t, s, make([]byte, c.size))
				p, err := s.path(id)
				if err != nil {
					t.Fatal(err)
				}
				if seenWhole { // a change after a check is found where the inode tells of it
					if _, err := s.Path(t.Context(), id); err != nil {
						t.Fatal(err)
					}
					if c.name[:4] == "chec" {
						return // the list is not read again
					}
				}
				c.harm(t, p)
				r, err := s.Open(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if c.intact >= 0 {
					if _, err := r.ReadAt(make([]byte, 1), c.intact); err != nil {
						t.Errorf("read at %d: %v", c.intact, err)
					}
					if _, err := r.File(c.intact, 1); err != nil {
						t.Errorf("file at %d: %v", c.intact, err)
					}
				}
				if n, err := r.Read(make([]byte, 0)); n != 0 || err != nil && c.size != 1000 {
					t.Errorf("empty read = %d, %v", n, err)
				}
				if r.Size() > c.off {
					if _, err := r.ReadAt(make([]byte, 1), c.off); !errors.Is(err, blob.ErrCorrupt) {
						t.Errorf("read at %d: %v, want ErrCorrupt", c.off, err)
					}
				}
				if _, err := r.File(0, r.Size()); !errors.Is(err, blob.ErrCorrupt) {
					t.Errorf("file: %v, want ErrCorrupt", err)
				}
				if _, err := s.Path(t.Context(), id); !errors.Is(err, blob.ErrCorrupt) {
					t.Errorf("path: %v, want ErrCorrupt", err)
				}
			})
		}
	}
}

// fullFS fails one kind of operation with ENOSPC.
type fullFS struct {
	blobfs.FS
	at string
}

type fullFile struct {
	blobfs.File
	at string
}

func (f *fullFS) Create(name string) (blobfs.File, error) {
	if f.at == "create" {
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	g, err := f.FS.Create(name)
	return &fullFile{g, f.at}, err
}

func (f *fullFS) Rename(from, to string) error {
	if f.at == "rename" {
		return syscall.ENOSPC
	}
	return f.FS.Rename(from, to)
}

func (f *fullFile) Write(p []byte) (int, error) {
	if f.at == "write" {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.File.Write(p)
}

func (f *fullFile) SyncData() error {
	if f.at == "sync" {
		return syscall.EDQUOT
	}
	return f.File.SyncData()
}

func TestDiskFull(t *testing.T) {
	for _, at := range []string{"create", "write", "sync", "rename"} {
		t.Run(at, func(t *testing.T) {
			dir := t.TempDir()
			fs := &fullFS{FS: osFS{}}
			s := openStore(t, dir, fs)
			old := blobtest.Write(t, s, []byte("old"))
			fs.at = at
			w, err := s.Create(t.Context())
			if err == nil {
				_, err = w.Write(make([]byte, 5<<20))
				var commit error
				if _, commit = w.Commit(t.Context()); err == nil {
					err = commit
				}
				if !errors.Is(commit, blob.ErrFull) {
					t.Errorf("commit: %v, want ErrFull", commit)
				}
			}
			if !errors.Is(err, blob.ErrFull) {
				t.Errorf("err = %v, want ErrFull", err)
			}
			if left, _ := os.ReadDir(filepath.Join(dir, tmpDir)); len(left) != 0 {
				t.Errorf("%d files left in tmp", len(left))
			}
			if _, err := s.Path(t.Context(), old); err != nil {
				t.Errorf("read on a full disk: %v", err)
			}
			fs.at = ""
			blobtest.Write(t, s, []byte("after"))
		})
	}
}
