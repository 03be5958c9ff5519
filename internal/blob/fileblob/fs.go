package fileblob

import (
	"io"
	"os"
	"path/filepath"
)

// fsys is what the store asks of a file system. Tests put one behind it that loses what was not synced.
type fsys interface {
	mkdirAll(dir string) error
	create(name string) (file, error) // fails if name exists
	open(name string) (file, error)
	rename(from, to string) error // to does not exist
	remove(name string) error
	list(dir string) ([]string, error)
	syncDir(dir string) error
}

// file is an open file.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// syncData makes the bytes and the length durable.
	syncData() error
	// stamp returns the length and a value that changes when the file does.
	stamp() (size int64, version uint64, err error)
	// os returns the file itself, or nil.
	os() *os.File
}

type osFS struct{}

func (osFS) mkdirAll(dir string) error    { return os.MkdirAll(dir, 0o700) }
func (osFS) rename(from, to string) error { return os.Rename(from, to) }
func (osFS) remove(name string) error     { return os.Remove(name) }

func (osFS) create(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

func (osFS) open(name string) (file, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

func (osFS) list(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func (osFS) syncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (f *osFile) os() *os.File { return f.File }

func (f *osFile) stamp() (int64, uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return st.Size(), version(st), nil
}
