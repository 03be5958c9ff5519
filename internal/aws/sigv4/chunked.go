package sigv4

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Limits of what stands around the data of a chunked body.
const (
	maxChunkLine = 4096
	maxChunk     = 1 << 30
	maxTrailers  = 32
)

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Body returns the body of a request whose signature Verify has accepted, and its length without the frames of
// aws-chunked (-1 = unknown). Reading it to its end checks what the signature promised about it: the hash of the whole,
// the signatures of the chunks and of the trailer, the announced length. Data is handed on before its chunk is verified,
// so whoever reads must keep nothing unless the end, io.EOF, was reached.
//
// The trailers of a chunked body are in r.Trailer once the end was reached; those that x-amz-trailer announces and the
// body lacks, or the reverse, are an error.
func (v *Verifier) Body(r *http.Request, c *Claim, secret string) (io.ReadCloser, int64, error) {
	switch {
	case c == nil || c.PayloadHash == "" || c.PayloadHash == UnsignedPayload:
		return r.Body, r.ContentLength, nil
	case !c.Streams():
		return &hashedBody{ReadCloser: r.Body, h: sha256.New(), want: c.PayloadHash}, r.ContentLength, nil
	}
	b := &chunkedBody{src: r.Body, in: bufio.NewReaderSize(r.Body, 32<<10), r: r, left: -1, total: -1}
	if s := r.Header.Get("X-Amz-Decoded-Content-Length"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return nil, 0, fmt.Errorf("%w: x-amz-decoded-content-length is %q", ErrChunk, s)
		}
		b.total = n
	}
	switch c.PayloadHash {
	case StreamingUnsigned:
		b.trailer = true
	case StreamingSigned, StreamingSignedTrailer:
		b.trailer = c.PayloadHash == StreamingSignedTrailer
		b.signed, b.key, b.prev = true, v.key(secret, c), c.signature
		b.prefix = c.Time.Format(timeFormat) + "\n" + c.scope() + "\n"
		b.h = sha256.New()
	default:
		return nil, 0, fmt.Errorf("%w: x-amz-content-sha256 is %q", ErrUnsupported, c.PayloadHash)
	}
	for name := range strings.SplitSeq(r.Header.Get("X-Amz-Trailer"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			b.announced = append(b.announced, name)
		}
	}
	if len(b.announced) > 0 && !b.trailer {
		return nil, 0, fmt.Errorf("%w: x-amz-trailer needs a payload with a trailer", ErrChunk)
	}
	return b, b.total, nil
}

// NewBody decodes an unsigned aws-chunked body that was not verified by this package, for tests and tools.
func NewBody(r *http.Request) (io.ReadCloser, int64, error) {
	return new(Verifier).Body(r, &Claim{PayloadHash: StreamingUnsigned}, "")
}

// hashedBody checks the hash of a whole body at its end.
type hashedBody struct {
	io.ReadCloser
	h    hash.Hash
	want string
}

func (b *hashedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.h.Write(p[:n])
	if errors.Is(err, io.EOF) && !strings.EqualFold(hex.EncodeToString(b.h.Sum(nil)), b.want) {
		return n, ErrPayload
	}
	return n, err
}

// chunkedBody decodes aws-chunked.
type chunkedBody struct {
	src       io.Closer
	in        *bufio.Reader
	r         *http.Request
	announced []string
	trailer   bool
	total     int64 // announced length; -1 = not announced
	read      int64

	left int64 // of the current chunk; -1 = its line comes next
	err  error // of the end

	signed bool
	key    [sha256.Size]byte
	prefix string // time and scope of the strings to sign
	prev   string // signature before this chunk
	cur    string // signature that this chunk claims
	h      hash.Hash
}

// Close implements io.Closer.
func (b *chunkedBody) Close() error { return b.src.Close() }

// Read implements io.Reader.
func (b *chunkedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.err == nil {
		if b.left < 0 {
			b.err = b.next()
			continue
		}
		if int64(len(p)) > b.left {
			p = p[:b.left]
		}
		n, err := b.in.Read(p)
		b.left -= int64(n)
		b.read += int64(n)
		if b.signed {
			b.h.Write(p[:n])
		}
		switch {
		case b.total >= 0 && b.read > b.total:
			b.err = fmt.Errorf("%w: more than the announced %d bytes", ErrChunk, b.total)
		case b.left == 0:
			b.err = b.endChunk()
		case err != nil:
			b.err = cut(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrIncomplete
	}
	return err
}

func (b *chunkedBody) line() (string, error) {
	var line []byte
	for {
		part, err := b.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxChunkLine {
			return "", fmt.Errorf("%w: a line is longer than %d bytes", ErrChunk, maxChunkLine)
		}
		if err == nil {
			return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(line), cut(err)
		}
	}
}

// next reads the line before a chunk; after the last chunk, the trailer. It returns io.EOF at the end.
func (b *chunkedBody) next() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	size, ext, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 63)
	if err != nil || n > maxChunk {
		return fmt.Errorf("%w: %q is not the size of a chunk", ErrChunk, size)
	}
	if b.signed {
		sig, ok := strings.CutPrefix(strings.TrimSpace(ext), "chunk-signature=")
		if !ok {
			return fmt.Errorf("%w: a chunk has no signature", ErrChunk)
		}
		b.cur = sig
	}
	if n > 0 {
		b.left = int64(n)
		return nil
	}
	if b.signed {
		if err := b.verifyChunk(); err != nil {
			return err
		}
	}
	if err := b.readTrailer(); err != nil {
		return err
	}
	if b.total >= 0 && b.read != b.total {
		return fmt.Errorf("%w: %d of the announced %d bytes", ErrIncomplete, b.read, b.total)
	}
	return io.EOF
}

func (b *chunkedBody) endChunk() error {
	b.left = -1
	var crlf [2]byte
	if _, err := io.ReadFull(b.in, crlf[:]); err != nil {
		return cut(err)
	}
	if crlf != [2]byte{'\r', '\n'} {
		return fmt.Errorf("%w: a chunk is longer than its size", ErrChunk)
	}
	if b.signed {
		return b.verifyChunk()
	}
	return nil
}

func (b *chunkedBody) verifyChunk() error {
	data := hex.EncodeToString(b.h.Sum(nil))
	b.h.Reset()
	return b.verify("AWS4-HMAC-SHA256-PAYLOAD\n"+b.prefix+b.prev+"\n"+emptyHash+"\n"+data, b.cur)
}

func (b *chunkedBody) verify(text, claimed string) error {
	want := mac(b.key[:], text)
	s := hex.EncodeToString(want[:])
	if subtle.ConstantTimeCompare([]byte(s), []byte(claimed)) != 1 {
		return fmt.Errorf("%w: of a chunk", ErrMismatch)
	}
	b.prev = s
	return nil
}

// readTrailer reads the lines after the last chunk up to an empty one or the end.
func (b *chunkedBody) readTrailer() error {
	got := http.Header{}
	var canonical strings.Builder
	signature := ""
	for range maxTrailers + 1 {
		line, err := b.line()
		if err != nil && !(errors.Is(err, ErrIncomplete) && line == "") {
			return err
		}
		if line == "" {
			return b.endTrailer(got, canonical.String(), signature)
		}
		k, v, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("%w: %q is not a trailer", ErrChunk, line)
		}
		k, v = strings.ToLower(strings.TrimSpace(k)), strings.TrimSpace(v)
		if k == "x-amz-trailer-signature" {
			signature = v
			continue
		}
		got.Set(k, v)
		canonical.WriteString(k + ":" + v + "\n")
	}
	return fmt.Errorf("%w: more than %d trailers", ErrChunk, maxTrailers)
}

func (b *chunkedBody) endTrailer(got http.Header, canonical, signature string) error {
	for _, k := range b.announced {
		if got.Get(k) == "" {
			return fmt.Errorf("%w: the trailer %s that x-amz-trailer announces is missing", ErrChunk, k)
		}
	}
	if len(got) != len(b.announced) {
		return fmt.Errorf("%w: a trailer that x-amz-trailer does not announce", ErrChunk)
	}
	if b.signed && b.trailer {
		if err := b.verify("AWS4-HMAC-SHA256-TRAILER\n"+b.prefix+b.prev+"\n"+hexHash([]byte(canonical)), signature); err != nil {
			return err
		}
	}
	if len(got) > 0 {
		b.r.Trailer = got
	}
	return nil
}
