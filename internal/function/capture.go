package function

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// capture collects the lines that an instance writes to a pipe. A runtime answers over HTTP while its output travels
// through the pipe, so the answer may overtake the last lines: drain takes out what the pipe holds, under the same
// lock as the background reader, and after it nothing that was written before is missing (F5).
type capture struct {
	clock clock.Clock
	r     *os.File
	raw   syscall.RawConn

	mu      sync.Mutex
	buf     []byte
	partial []byte
	lines   []LogLine
	bytes   int  // in lines
	cut     bool // whether lines were dropped since the last take
	eof     bool
	onLines func() // told when many lines wait
}

const (
	maxLineBytes  = 256 << 10
	maxHeldBytes  = 8 << 20 // of lines that wait to be taken
	flushAtBytes  = 512 << 10
	captureBuffer = 32 << 10
)

// newCapture returns the reader's side and the file to give to the child.
func newCapture(c clock.Clock, onLines func()) (*capture, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, r.Close(), w.Close())
	}
	return &capture{clock: c, r: r, raw: raw, buf: make([]byte, captureBuffer), onLines: onLines}, w, nil
}

// run reads until the last writer has closed the pipe.
func (c *capture) run() {
	_ = c.raw.Read(func(fd uintptr) bool {
		for {
			c.mu.Lock()
			c.read(fd, 16)
			eof, many := c.eof, c.bytes >= flushAtBytes
			c.mu.Unlock()
			if many {
				c.onLines()
				continue
			}
			return eof // false: wait until there is more
		}
	})
	_ = c.r.Close()
}

// drain takes out what the pipe holds now.
func (c *capture) drain() {
	_ = c.raw.Control(func(fd uintptr) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.read(fd, 64)
	})
}

// read empties the pipe, at most n buffers.
func (c *capture) read(fd uintptr, n int) {
	for range n {
		got, err := syscall.Read(int(fd), c.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case got > 0:
			c.add(c.buf[:got])
		case err == syscall.EAGAIN:
			return
		default:
			c.eof = true
			return
		}
	}
}

func (c *capture) add(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			c.partial = append(c.partial, b...)
			if len(c.partial) >= maxLineBytes {
				c.emit()
			}
			return
		}
		c.partial = append(c.partial, b[:i]...)
		b = b[i+1:]
		c.emit()
	}
}

func (c *capture) emit() {
	text := string(bytes.ReplaceAll(bytes.TrimRight(c.partial, "\r"), []byte{'\r'}, []byte{'\n'}))
	c.partial = c.partial[:0]
	if text == "" {
		return
	}
	if c.bytes+len(text) > maxHeldBytes {
		c.cut = true
		return
	}
	c.lines = append(c.lines, LogLine{Time: c.clock.Now().Truncate(time.Millisecond), Message: text})
	c.bytes += len(text)
}

// take returns the lines collected since the last take; with rest, also what has no line end yet.
func (c *capture) take(rest bool) []LogLine {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rest && len(c.partial) > 0 {
		c.emit()
	}
	lines := c.lines
	if c.cut {
		lines = append(lines, LogLine{c.clock.Now(), "[tarn] output was written faster than it could be stored; some lines are missing here"})
	}
	c.lines, c.bytes, c.cut = nil, 0, false
	return lines
}
