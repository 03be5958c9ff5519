// Package blobfs is what a store of blobs asks of a file system. Tests put one behind it that loses what was not synced.
package blobfs

import (
	"io"
	"os"
)

// FS is a file system. Names are paths as in package filepath.
type FS interface {
	MkdirAll(dir string) error
	Create(name string) (File, error) // fails if name exists
	Open(name string) (File, error)
	Rename(from, to string) error // to does not exist
	Remove(name string) error
	List(dir string) ([]string, error)
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// SyncData makes the bytes and the length durable.
	SyncData() error
	// Stamp returns the length and a value that changes when the file does.
	Stamp() (size int64, version uint64, err error)
	// OS returns the file itself, or nil.
	OS() *os.File
}
