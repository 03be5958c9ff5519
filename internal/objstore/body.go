package objstore

import (
	"errors"
	"io"

	"github.com/tarn-data/tarn/internal/blob"
)

func errIsMissing(err error) bool { return errors.Is(err, blob.ErrNotFound) }

// Body is the bytes of an object that is open. It must be closed. It is not safe for concurrent use.
type Body struct {
	size  int64
	small []byte
	parts []blob.Reader
	pos   int64
}

// Size returns the length in bytes.
func (b *Body) Size() int64 { return b.size }

// Bytes returns the whole body if it is kept in memory, else nil. The caller must not change it.
func (b *Body) Bytes() []byte { return b.small }

// Close releases the body.
func (b *Body) Close() error {
	var errs []error
	for _, p := range b.parts {
		errs = append(errs, p.Close())
	}
	b.parts = nil
	return errors.Join(errs...)
}

// Send writes n bytes from off to w, straight from the file where w knows how (io.ReaderFrom). It returns ErrCorrupt
// before the first byte of a damaged block.
func (b *Body) Send(w io.Writer, off, n int64) error {
	if b.small != nil {
		_, err := w.Write(b.small[off : off+n])
		return err
	}
	for _, p := range b.parts {
		if off >= p.Size() {
			off -= p.Size()
			continue
		}
		k := min(n, p.Size()-off)
		if err := send(w, p, off, k); err != nil {
			return mapError(err)
		}
		if n -= k; n == 0 {
			return nil
		}
		off = 0
	}
	if n > 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func send(w io.Writer, p blob.Reader, off, n int64) error {
	f, err := p.File(off, n)
	if err != nil {
		return err
	}
	var src io.Reader = io.NewSectionReader(p, off, n)
	if f != nil {
		if _, err := f.Seek(off, io.SeekStart); err != nil {
			return err
		}
		src = &io.LimitedReader{R: f, N: n}
	}
	got, err := io.Copy(w, src)
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Check reads and verifies what of [off, off+n) was not verified yet, so that Send cannot fail half-way on damage.
func (b *Body) Check(off, n int64) error {
	for _, p := range b.parts {
		if off >= p.Size() {
			off -= p.Size()
			continue
		}
		if n <= 0 {
			return nil
		}
		k := min(n, p.Size()-off)
		if _, err := p.File(off, k); err != nil {
			return mapError(err)
		}
		n -= k
		off = 0
	}
	return nil
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.ReadAt(p, b.pos)
	b.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (b *Body) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += b.pos
	case io.SeekEnd:
		off += b.size
	}
	if off < 0 {
		return 0, errors.New("seek object: negative offset")
	}
	b.pos = off
	return off, nil
}

// ReadAt implements io.ReaderAt.
func (b *Body) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.size {
		return 0, io.EOF
	}
	if b.small != nil {
		n := copy(p, b.small[off:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	done := 0
	for _, r := range b.parts {
		if off >= r.Size() {
			off -= r.Size()
			continue
		}
		k := min(int64(len(p)-done), r.Size()-off)
		n, err := r.ReadAt(p[done:done+int(k)], off)
		done += n
		if err != nil && err != io.EOF {
			return done, mapError(err)
		}
		if done == len(p) {
			return done, nil
		}
		off = 0
	}
	return done, io.EOF
}
