package blobtest

import (
	"bytes"
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob/blobfs"
)

// FS puts a file system of Pebble's kind under a store of blobs: one that can be cloned as a power cut would leave it
// (vfs.NewCrashableMem), which may be under a key-value store at the same time.
type FS struct{ vfs.FS }

var _ blobfs.FS = FS{}

// MkdirAll implements blobfs.FS.
func (m FS) MkdirAll(dir string) error { return m.FS.MkdirAll(dir, 0o700) }

// Create implements blobfs.FS.
func (m FS) Create(name string) (blobfs.File, error) {
	f, err := m.FS.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Open implements blobfs.FS.
func (m FS) Open(name string) (blobfs.File, error) {
	f, err := m.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// SyncDir implements blobfs.FS.
func (m FS) SyncDir(dir string) error {
	d, err := m.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type file struct{ vfs.File }

func (file) OS() *os.File { return nil }

func (f file) Write(p []byte) (int, error) {
	return f.File.Write(bytes.Clone(p)) // vfs allows it to change p
}

func (f file) Stamp() (int64, uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return st.Size(), 0, nil
}
