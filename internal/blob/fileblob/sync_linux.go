package fileblob

import (
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// Large writes go past the page cache (O_DIRECT): they must reach the disk before Commit returns anyway, and filling the
// cache costs more processor time than the write. What does not fit the rules of direct I/O (small files, the end of a
// file, memory that is not aligned, file systems without it) is written as usual.
const (
	directMin   = 128 << 10
	directAlign = 4096
)

// osFile is a file of the machine. Its writes are sequential.
type osFile struct {
	*os.File
	off      int64 // where the next write goes
	direct   bool  // O_DIRECT is set
	noDirect bool  // the file system does not have it
}

// Write implements io.Writer.
func (f *osFile) Write(p []byte) (int, error) {
	n := 0
	if len(p) >= directMin && !f.noDirect && f.off%directAlign == 0 && uintptr(unsafe.Pointer(&p[0]))%directAlign == 0 {
		head := p[:len(p)&^(directAlign-1)]
		if f.setDirect(true) {
			var err error
			n, err = f.File.Write(head)
			f.off += int64(n)
			if err != nil && !(n == 0 && isInvalid(err)) {
				return n, err
			}
			f.noDirect = err != nil
		}
	}
	if n == len(p) {
		return n, nil
	}
	f.setDirect(false)
	m, err := f.File.Write(p[n:])
	f.off += int64(m)
	return n + m, err
}

// setDirect switches O_DIRECT and reports whether it is as wanted.
func (f *osFile) setDirect(on bool) bool {
	if f.direct == on {
		return true
	}
	flags := 0
	if on {
		flags = syscall.O_DIRECT
	}
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_SETFL, uintptr(flags))
	if errno != 0 {
		f.noDirect = true
		return false
	}
	f.direct = on
	return true
}

func isInvalid(err error) bool {
	pe, ok := err.(*os.PathError) //nolint:errorlint // what os.File.Write returns
	return ok && (pe.Err == syscall.EINVAL || pe.Err == syscall.EOPNOTSUPP)
}

func (f *osFile) SyncData() error {
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
