package fileblob

import (
	"io/fs"
	"syscall"
)

func (f osFile) syncData() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// version changes whenever the inode does, also when the file is replaced or its bytes are changed in place.
func version(st fs.FileInfo) uint64 {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return uint64(st.ModTime().UnixNano())
	}
	return uint64(s.Ctim.Nano()) ^ s.Ino<<32
}
