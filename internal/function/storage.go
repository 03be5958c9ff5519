package function

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// maxWalked bounds how many files of a /tmp are looked at in one measurement.
const maxWalked = 100_000

var errEnough = errors.New("enough was seen")

// diskUse returns the bytes of disk that the files below dir take, or more than limit as soon as it has seen that much.
// Files that come and go meanwhile are left out.
func diskUse(dir string, limit int64) int64 {
	var total int64
	walked := 0
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if walked++; walked > maxWalked || total > limit {
			return errEnough
		}
		if err != nil {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}
