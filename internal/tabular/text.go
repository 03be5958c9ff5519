package tabular

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// ErrCompressed reports a compressed file that is damaged, cut or not compressed at all. Its text is the one of Hadoop's readers.
var ErrCompressed = errors.New("damaged compressed file")

// Decompress returns what a compressed text holds; compression is gzip, zstd, bzip2, snappy or none. Errors of the reader are
// ErrCompressed where the file is to blame.
func Decompress(r io.Reader, compression string) (io.ReadCloser, error) {
	r = bufio.NewReaderSize(r, 64<<10)
	switch compression {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, compressedError(err)
		}
		return &unpacked{Reader: z}, nil
	case "bzip2":
		return &unpacked{Reader: bzip2.NewReader(r)}, nil
	case "snappy":
		return &unpacked{Reader: snappy.NewReader(r)}, nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, compressedError(err)
		}
		return &unpacked{z, z.Close}, nil
	}
	return io.NopCloser(r), nil
}

type unpacked struct {
	io.Reader
	close func()
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = compressedError(err)
	}
	return n, err
}

func (u *unpacked) Close() error {
	if u.close != nil {
		u.close()
	}
	return nil
}

func compressedError(err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, gzip.ErrHeader):
		text = "incorrect header check"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		text = "Unexpected end of input stream"
	case errors.Is(err, gzip.ErrChecksum):
		text = "incorrect data check"
	}
	return fmt.Errorf("%w: %s", ErrCompressed, text)
}

// ValidText reads a text to its end and reports whether it is UTF-8.
func ValidText(r io.Reader) (bool, error) {
	buf := make([]byte, 256<<10)
	valid, have := true, 0
	for {
		n, err := r.Read(buf[have:])
		have += n
		if valid {
			end := whole(buf[:have], err != nil)
			valid = utf8.Valid(buf[:end])
			have = copy(buf, buf[end:have])
		} else {
			have = 0
		}
		if err == io.EOF {
			return valid, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// whole returns how many bytes of a text do not end in the middle of a character; all, at the end of the text.
func whole(b []byte, last bool) int {
	if last {
		return len(b)
	}
	for back := 1; back <= min(3, len(b)); back++ {
		if c := b[len(b)-back]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-back:]) {
				return len(b) - back
			}
			break
		}
	}
	return len(b)
}

// CleanText copies a text and puts U+FFFD where it is not UTF-8: one for each longest part that could begin a character, as
// Java's decoders do.
func CleanText(w io.Writer, r io.Reader) error {
	buf, out := make([]byte, 256<<10), make([]byte, 0, 300<<10)
	for have := 0; ; {
		n, err := r.Read(buf[have:])
		have += n
		end := whole(buf[:have], err != nil)
		out = out[:0]
		for b := buf[:end]; len(b) > 0; {
			c, size := utf8.DecodeRune(b)
			if c == utf8.RuneError && size == 1 {
				size = illFormed(b)
			}
			out = utf8.AppendRune(out, c)
			b = b[size:]
		}
		have = copy(buf, buf[end:have])
		if _, werr := w.Write(out); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// illFormed returns the length of the longest part at the start of b that begins a character, 1 at least.
//
// Source: "U+FFFD Substitution of Maximal Subparts", The Unicode Standard, chapter 3.9.
func illFormed(b []byte) int {
	need, lo, hi := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			lo = 0xA0
		} else if c == 0xED {
			hi = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			lo = 0x90
		} else if c == 0xF4 {
			hi = 0x8F
		}
	}
	n := 1
	for ; n <= need && n < len(b) && b[n] >= lo && b[n] <= hi; n++ {
		lo, hi = 0x80, 0xBF
	}
	return n
}
