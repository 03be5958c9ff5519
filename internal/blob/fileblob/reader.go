package fileblob

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobfs"
)

// reader reads one blob. Read and Seek are not safe for concurrent use; ReadAt is.
type reader struct {
	s       *Store
	id      blob.ID
	f       blobfs.File
	size    int64
	version uint64
	pos     int64

	mu   sync.Mutex // guards the fields below
	sums []uint32   // the blocks' checksums, once they are needed
	ok   *blocks
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, id blob.ID) (blob.Reader, error) {
	r, err := s.open(ctx, id)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *Store) open(ctx context.Context, id blob.ID) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := s.path(id)
	if err != nil {
		return nil, err
	}
	f, err := s.fs.Open(p)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, mapError(err))
	}
	size, version, err := f.Stamp()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	return &reader{s: s, id: id, f: f, size: size, version: version}, nil
}

// Size implements blob.Reader.
func (r *reader) Size() int64 { return r.size }

// Close implements io.Closer.
func (r *reader) Close() error { return r.f.Close() }

// File implements blob.Reader.
func (r *reader) File(off, n int64) (*os.File, error) {
	f := r.f.OS()
	if f == nil {
		return nil, nil
	}
	return f, r.check(off, n)
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read blob %s: negative offset %d", r.id, off)
	}
	if off >= r.size {
		return 0, io.EOF
	}
	if err := r.check(off, int64(len(p))); err != nil {
		return 0, err
	}
	n, err := r.f.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read blob %s: %w", r.id, err)
	}
	return n, err
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	n, err := r.ReadAt(p, r.pos)
	r.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (r *reader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.pos
	case io.SeekEnd:
		off += r.size
	}
	if off < 0 {
		return 0, fmt.Errorf("seek blob %s: negative offset %d", r.id, off)
	}
	r.pos = off
	return off, nil
}

// check makes sure that the blocks of [off, off+n) are whole, reading those that nobody has read yet.
func (r *reader) check(off, n int64) error {
	if n <= 0 && r.size > 0 || off > r.size {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ok == nil {
		r.ok = r.s.verified.of(r.id, r.version, int((r.size+blockSize-1)/blockSize))
	}
	first, last := off/blockSize, (min(off+n, r.size)-1)/blockSize
	for i := first; i <= last; i++ {
		if r.ok.has(int(i)) {
			continue
		}
		if err := r.checkBlock(int(i)); err != nil {
			return err
		}
		r.ok.set(int(i))
	}
	return nil
}

var checkBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

func (r *reader) checkBlock(i int) error {
	if err := r.loadSums(); err != nil {
		return err
	}
	buf := checkBuffers.Get().(*[]byte)
	defer checkBuffers.Put(buf)
	from := int64(i) * blockSize
	left := min(blockSize, r.size-from)
	var crc uint32
	for left > 0 {
		b := (*buf)[:min(left, int64(len(*buf)))]
		if _, err := r.f.ReadAt(b, from); err != nil {
			return fmt.Errorf("read blob %s: %w", r.id, err)
		}
		crc = crc32.Update(crc, castagnoli, b)
		from += int64(len(b))
		left -= int64(len(b))
	}
	if len(r.sums) > 0 && crc != r.sums[i] || len(r.sums) == 0 && !vouches(r.id, binary.BigEndian.AppendUint32(nil, crc)) {
		return r.damaged(fmt.Sprintf("block %d fails its checksum", i))
	}
	return nil
}

// loadSums reads the list of checksums of a blob of several blocks. A blob of one block has none: its id is enough.
func (r *reader) loadSums() error {
	if r.size <= blockSize || r.sums != nil {
		return nil
	}
	p, err := r.s.path(r.id)
	if err != nil {
		return err
	}
	f, err := r.s.fs.Open(p + sumSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return r.damaged("its list of checksums is missing")
	}
	if err != nil {
		return fmt.Errorf("read checksums of blob %s: %w", r.id, err)
	}
	defer f.Close()
	n, _, err := f.Stamp()
	want := (r.size + blockSize - 1) / blockSize * 4
	if err == nil && n != want {
		return r.damaged(fmt.Sprintf("its list of checksums has %d bytes, not %d", n, want))
	}
	list := make([]byte, want)
	if err == nil {
		_, err = f.ReadAt(list, 0)
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("read checksums of blob %s: %w", r.id, err)
	}
	if !vouches(r.id, list) {
		return r.damaged("its list of checksums is damaged")
	}
	r.sums = make([]uint32, len(list)/4)
	for i := range r.sums {
		r.sums[i] = binary.BigEndian.Uint32(list[4*i:])
	}
	return nil
}

func (r *reader) damaged(how string) error {
	r.s.log.Error("blob is corrupt", "id", r.id, "why", how)
	return fmt.Errorf("%w: %s: %s", blob.ErrCorrupt, r.id, how)
}

// vouches reports whether id was made for this list of checksums.
func vouches(id blob.ID, list []byte) bool {
	want, err := strconv.ParseUint(string(id[idLen-8:]), 16, 32)
	return err == nil && uint32(want) == crc32.Checksum(list, castagnoli)
}
