package objstore

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/blob"
)

// Content is what a writer sends: the bytes and what it says about them.
type Content struct {
	Body       io.Reader // nil = empty
	Size       int64     // as announced; negative = unknown
	ContentMD5 string    // base64; "" = not given
	Checksum   Checksum  // Algorithm "" = Default; Value "" = to be computed, or given by Trailer
	// Trailer returns the checksum that came behind the body; it is called after the body was read. nil = none.
	Trailer func() string
	limit   int64
	also    bool // compute the default checksum besides
	part    bool // of an upload: S3 shows the digest that was expected in another form
}

// received is a body that was read to its end and checked.
type received struct {
	size     int64
	md5      [16]byte
	checksum Checksum
	extra    string // the default checksum, where Content.also asks for it
	small    []byte // the bytes, if they are few
	blob     blob.ID
}

func (r *received) etag() string { return hex.EncodeToString(r.md5[:]) }

// buffers hold pieces of large bodies. Allocations of this size are aligned to pages, which direct writes want.
var buffers = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// receive reads a body. Up to inline bytes are kept in memory, more become a durable blob, that nothing refers to yet.
func (s *Store) receive(ctx context.Context, c *Content, inline int64) (*received, error) {
	if c.Size > c.limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrEntityTooLarge, c.Size, c.limit)
	}
	if c.ContentMD5 != "" {
		if raw, err := base64.StdEncoding.DecodeString(c.ContentMD5); err != nil || len(raw) != md5.Size {
			return nil, fmt.Errorf("%w: %q", ErrInvalidDigest, c.ContentMD5)
		}
	}
	if v := c.Checksum.Value; v != "" && !c.Checksum.Algorithm.valid(v) {
		return nil, fmt.Errorf("%w: value for x-amz-checksum-%s header is invalid.", ErrInvalidChecksum, strings.ToLower(string(c.Checksum.Algorithm)))
	}
	r := &received{}
	var err error
	if c.Body == nil {
		c.Body = eof{}
	}
	if c.Size >= 0 && c.Size <= inline {
		r.small = make([]byte, c.Size)
		n, readErr := io.ReadFull(c.Body, r.small)
		if err = readErr; err == nil {
			err = atEnd(c.Body)
		}
		r.size = int64(n)
	} else {
		err = s.receiveLarge(ctx, c, inline, r)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %d of %d bytes", ErrIncompleteBody, r.size, c.Size)
	case err != nil:
		return nil, mapError(err)
	}
	if r.blob == "" {
		r.md5 = md5.Sum(r.small)
		sums := c.sums()
		sums.write(r.small)
		if err := r.verify(c, sums); err != nil {
			return nil, err
		}
	}
	return r, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// atEnd reads the end of a body, which is where its decoder checks signatures and trailers.
func atEnd(r io.Reader) error {
	var b [1]byte
	for {
		switch n, err := r.Read(b[:]); {
		case n > 0:
			return fmt.Errorf("%w: more bytes than announced", ErrIncompleteBody)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *Store) receiveLarge(ctx context.Context, c *Content, inline int64, r *received) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	sum := md5.New()
	check := c.sums()
	var w blob.Writer
	for {
		n, err := io.ReadFull(c.Body, *buf)
		b := (*buf)[:n]
		r.size += int64(n)
		if r.size > c.limit {
			return fmt.Errorf("%w: more than %d bytes", ErrEntityTooLarge, c.limit)
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		last := err != nil
		if last && c.Size >= 0 && r.size != c.Size {
			return io.ErrUnexpectedEOF
		}
		if last && w == nil && r.size <= inline {
			r.small = append(make([]byte, 0, n), b...)
			return nil
		}
		if w == nil {
			if w, err = s.blobs.Create(ctx); err != nil {
				return err
			}
			defer w.Abort()
		}
		sum.Write(b)
		check.write(b)
		if _, err := w.Write(b); err != nil {
			return err
		}
		if last {
			break
		}
	}
	sum.Sum(r.md5[:0])
	if err := r.verify(c, check); err != nil {
		return err
	}
	var err error
	r.blob, err = w.Commit(ctx)
	return err
}

// sums are the checksums that a body needs; nil = not needed.
type sums struct{ named, extra hash.Hash }

// sums returns what is to be computed: the checksum that the writer names, or the default.
func (c *Content) sums() (s sums) {
	if c.also {
		s.extra = Default.new()
	} else if c.Checksum.Algorithm == "" {
		c.Checksum.Algorithm = Default
	}
	if a := c.Checksum.Algorithm; a != "" {
		s.named = a.new()
	}
	return s
}

func (s sums) write(b []byte) {
	if s.named != nil {
		s.named.Write(b)
	}
	if s.extra != nil {
		s.extra.Write(b)
	}
}

// verify compares what was received with what was announced.
func (r *received) verify(c *Content, check sums) error {
	if c.ContentMD5 != "" && c.ContentMD5 != base64.StdEncoding.EncodeToString(r.md5[:]) {
		return detail(fmt.Errorf("%w: the Content-MD5 you specified did not match what we received.", ErrBadDigest),
			"ExpectedDigest", c.expectedDigest(), "CalculatedDigest", base64.StdEncoding.EncodeToString(r.md5[:]))
	}
	if check.extra != nil {
		r.extra = encodeSum(check.extra)
	}
	sum := check.named
	if sum == nil {
		return nil
	}
	want := c.Checksum.Value
	if c.Trailer != nil {
		if want = c.Trailer(); want != "" && !c.Checksum.Algorithm.valid(want) {
			return fmt.Errorf("%w: value for x-amz-checksum-%s trailing header is invalid.", ErrInvalidChecksum, strings.ToLower(string(c.Checksum.Algorithm)))
		}
	}
	if want != "" && !sameDigest(sum, want) {
		return fmt.Errorf("%w: the %s you specified did not match the calculated checksum.", ErrBadDigest, c.Checksum.Algorithm)
	}
	r.checksum = Checksum{Algorithm: c.Checksum.Algorithm, Type: FullObject, Value: encodeSum(sum)}
	return nil
}

// expectedDigest is the Content-MD5 as S3 shows it where it does not match: in hexadecimal digits, but for parts.
func (c *Content) expectedDigest() string {
	raw, err := base64.StdEncoding.DecodeString(c.ContentMD5)
	if err != nil || c.part {
		return c.ContentMD5
	}
	return hex.EncodeToString(raw)
}
