package s3api

import (
	"strconv"
	"strings"
)

// parseRange reads a Range header (RFC 9110, section 14.2) for a body of that size. ok is false for what is to be
// ignored: other units, several ranges, bad syntax. n is 0 where the range has no byte of the body.
func parseRange(s string, size int64) (off, n int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	if !ok || strings.Contains(s, ",") {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return 0, 0, false
	}
	if from == "" {
		last, ok := number(to)
		if !ok {
			return 0, 0, false
		}
		last = min(last, size)
		return size - last, last, true
	}
	if off, ok = number(from); !ok {
		return 0, 0, false
	}
	end := size - 1
	if to != "" {
		last, ok := number(to)
		if !ok || last < off {
			return 0, 0, false
		}
		end = min(end, last)
	}
	return off, max(end-off+1, 0), true
}

func number(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true // larger than anything
	}
	return n, true
}
