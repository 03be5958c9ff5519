package protocol

import (
	"fmt"
	mathbits "math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

func (d *jsonDec) fail(want string) error {
	return fmt.Errorf("%w: byte %d: expected %s", errSyntax, d.i, want)
}

// mismatch is the error for a value of another type, worded as AWS does.
func (d *jsonDec) mismatch(want string) error {
	got := ""
	switch c := d.peek(); {
	case c == '"':
		got = "STRING_VALUE"
	case c == 't':
		got = "TRUE_VALUE"
	case c == 'f':
		got = "FALSE_VALUE"
	case c == '-' || c >= '0' && c <= '9':
		got = "NUMBER_VALUE"
	case c == '{':
		return fmt.Errorf("%w: Start of structure or map found where not expected.", errSyntax) //nolint:staticcheck // AWS's words
	case c == '[':
		return fmt.Errorf("%w: Start of list found where not expected", errSyntax)
	default:
		return d.fail(want)
	}
	return fmt.Errorf("%w: %s can not be converted to %s", errSyntax, got, want)
}

func (d *jsonDec) space() {
	for d.i < len(d.b) && (d.b[d.i] == ' ' || d.b[d.i] == '\n' || d.b[d.i] == '\t' || d.b[d.i] == '\r') {
		d.i++
	}
}

func (d *jsonDec) peek() byte {
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0
}

func (d *jsonDec) word(w string) bool {
	if len(d.b)-d.i >= len(w) && string(d.b[d.i:d.i+len(w)]) == w {
		d.i += len(w)
		return true
	}
	return false
}

func (d *jsonDec) null() bool { return d.peek() == 'n' && d.word("null") }

func (d *jsonDec) enter() error {
	if d.depth++; d.depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", errSyntax, maxDepth)
	}
	return nil
}

func (d *jsonDec) object(want string, f func(key []byte) error) error {
	if d.peek() != '{' {
		return d.mismatch(want)
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { d.depth-- }()
	d.i++
	d.space()
	if d.peek() == '}' {
		d.i++
		return nil
	}
	for {
		d.space()
		k, err := d.str()
		if err != nil {
			return err
		}
		d.space()
		if d.peek() != ':' {
			return d.fail("':'")
		}
		d.i++
		d.space()
		if err := f(k); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.i++
		case '}':
			d.i++
			return nil
		default:
			return d.fail("',' or '}'")
		}
	}
}

func (d *jsonDec) array(f func() error) error {
	if d.peek() != '[' {
		return d.mismatch("List")
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer func() { d.depth-- }()
	d.i++
	d.space()
	if d.peek() == ']' {
		d.i++
		return nil
	}
	for {
		d.space()
		if err := f(); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.i++
		case ']':
			d.i++
			return nil
		default:
			return d.fail("',' or ']'")
		}
	}
}

// text reads a string where the model asks for one.
func (d *jsonDec) text(want string) ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.mismatch(want)
	}
	return d.str()
}

// str returns the bytes of a string; they are valid until the next call. Invalid UTF-8 becomes U+FFFD.
func (d *jsonDec) str() ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.fail("string")
	}
	d.i++
	start := d.i
	high := false
	for d.i < len(d.b) {
		switch c := d.b[d.i]; {
		case c == '"':
			out := d.b[start:d.i]
			if high && !utf8.Valid(out) {
				return d.escaped(start, start)
			}
			d.i++
			return out, nil
		case c == '\\':
			return d.escaped(start, d.i)
		case c < 0x20:
			return nil, d.fail("no control character")
		default:
			high = high || c >= utf8.RuneSelf
			d.i++
		}
	}
	return nil, d.fail("'\"'")
}

// escaped reads the rest of a string that starts at start and is plain up to from.
func (d *jsonDec) escaped(start, from int) ([]byte, error) {
	out := append(d.buf[:0], d.b[start:from]...)
	if !utf8.Valid(out) {
		out, from = out[:0], start
	}
	for d.i = from; d.i < len(d.b); {
		switch c := d.b[d.i]; {
		case c == '"':
			d.i++
			d.buf = out
			return out, nil
		case c < 0x20:
			return nil, d.fail("no control character")
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(d.b[d.i:])
			out = utf8.AppendRune(out, r)
			d.i += n
		case c != '\\':
			out = append(out, c)
			d.i++
		default:
			var err error
			if out, err = d.escape(out); err != nil {
				return nil, err
			}
		}
	}
	return nil, d.fail("'\"'")
}

func (d *jsonDec) escape(out []byte) ([]byte, error) {
	d.i++
	switch c := d.peek(); c {
	case '"', '\\', '/':
		out = append(out, c)
	case 'b':
		out = append(out, '\b')
	case 'f':
		out = append(out, '\f')
	case 'n':
		out = append(out, '\n')
	case 'r':
		out = append(out, '\r')
	case 't':
		out = append(out, '\t')
	case 'u':
		r := d.hex4(d.i + 1)
		if r < 0 {
			return nil, d.fail("four hexadecimal digits")
		}
		d.i += 4
		if utf16.IsSurrogate(r) {
			r2 := rune(-1)
			if d.i+2 < len(d.b) && d.b[d.i+1] == '\\' && d.b[d.i+2] == 'u' {
				r2 = d.hex4(d.i + 3)
			}
			if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
				d.i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	default:
		return nil, d.fail("an escape")
	}
	d.i++
	return out, nil
}

func (d *jsonDec) hex4(i int) rune {
	if i+4 > len(d.b) {
		return -1
	}
	var r rune
	for _, c := range d.b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return -1
		}
	}
	return r
}

func (d *jsonDec) boolean() (bool, error) {
	switch {
	case d.word("true"):
		return true, nil
	case d.word("false"):
		return false, nil
	}
	return false, d.mismatch("Boolean")
}

// skip reads over a value of any type.
func (d *jsonDec) skip() error {
	switch c := d.peek(); {
	case c == '{':
		return d.object("", func([]byte) error { return d.skip() })
	case c == '[':
		return d.array(d.skip)
	case c == '"':
		_, err := d.str()
		return err
	case c == 't' || c == 'f':
		_, err := d.boolean()
		return err
	case d.null():
		return nil
	default:
		_, _, err := d.span("a value")
		return err
	}
}

// bits is a set of member indexes that needs no allocation up to 256 members, which no shape of AWS has.
type bits [4]uint64

func (s *bits) set(i int)      { s[i>>6&3] |= 1 << (i & 63) }
func (s *bits) has(i int) bool { return s[i>>6&3]>>(i&63)&1 == 1 }

func (s *bits) count() int {
	n := 0
	for _, w := range s {
		n += mathbits.OnesCount64(w)
	}
	return n
}
