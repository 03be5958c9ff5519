//go:build !linux

package fileblob

import (
	"io/fs"
	"os"
)

type osFile struct{ *os.File }

func (f *osFile) SyncData() error { return f.Sync() }

func version(st fs.FileInfo) uint64 { return uint64(st.ModTime().UnixNano()) }
