// Package key encodes the tuples under which everything durable is stored, so that the order of the encoded bytes is
// the order of the tuples: by space, then element by element, a shorter tuple before its extensions.
//
// A key is built by chaining: key.In(key.Object).Str(bucket).Str(name).Uint(version). Elements of different types may
// stand at the same place; strings sort before integers. Strings may hold any bytes: 0x00 is written as 0x00 0xFF and
// the element ends with 0x00 0x00, so that no string is a prefix of another one's encoding. The idea is that of the
// tuple layer of FoundationDB; the encoding is our own.
package key

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Key is an encoded tuple. Its methods append to it and return the result, as append does: a Key that is extended in
// two ways must be cloned first (Clone).
type Key []byte

const (
	tagString = 0x10
	tagInt    = 0x20 // int64 with its sign bit flipped, big endian
	tagUint   = 0x21 // uint64, big endian
)

// In starts a key in an engine's space.
func In(s Space) Key { return append(make(Key, 0, 64), byte(s)) }

// Clone returns a copy of k that can be extended without changing k's extensions.
func (k Key) Clone() Key { return append(make(Key, 0, len(k)+32), k...) }

// Str appends a string element.
func (k Key) Str(s string) Key {
	k = append(k, tagString)
	for i := 0; i < len(s); i++ {
		k = append(k, s[i])
		if s[i] == 0 {
			k = append(k, 0xFF)
		}
	}
	return append(k, 0, 0)
}

// StrPrefix appends the beginning of a string element that is not finished: the result is the prefix of the keys whose
// element starts with s. Nothing may be appended to it.
func (k Key) StrPrefix(s string) Key {
	k = k.Str(s)
	return k[:len(k)-2]
}

// Uint appends an unsigned integer.
func (k Key) Uint(u uint64) Key {
	return binary.BigEndian.AppendUint64(append(k, tagUint), u)
}

// Int appends a signed integer.
func (k Key) Int(i int64) Key {
	return binary.BigEndian.AppendUint64(append(k, tagInt), uint64(i)^(1<<63))
}

// Time appends t with a resolution of one nanosecond; it covers the years 1678 to 2262.
func (k Key) Time(t time.Time) Key { return k.Int(t.UnixNano()) }

// End returns the first key after all the keys that have k as a prefix: [k, k.End()) holds them.
func (k Key) End() Key {
	e := append(make(Key, 0, len(k)), k...)
	for i := len(e) - 1; i >= 0; i-- {
		if e[i] != 0xFF {
			e[i]++
			return e[:i+1]
		}
	}
	panic("BUG: a key made of 0xFF has no end")
}

// Reader takes a key apart. Its methods return zero values after the first error, which Err returns.
type Reader struct {
	rest []byte
	err  error
}

// ErrMalformed is reported for bytes that are not a key of the form that the caller expects.
var ErrMalformed = errors.New("malformed key")

// Read starts reading k, which must be in space s.
func Read(k []byte, s Space) *Reader {
	r := &Reader{rest: k}
	if len(k) == 0 || k[0] != byte(s) {
		r.fail("space")
		return r
	}
	r.rest = k[1:]
	return r
}

// Str reads a string element.
func (r *Reader) Str() string {
	if !r.tag(tagString) {
		return ""
	}
	var out []byte
	b := r.rest
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			out = append(out, b[i])
			continue
		}
		switch b[i+1] {
		case 0:
			r.rest = b[i+2:]
			return string(out)
		case 0xFF:
			out = append(out, 0)
			i++
		default:
			r.fail("string")
			return ""
		}
	}
	r.fail("string")
	return ""
}

// Uint reads an unsigned integer.
func (r *Reader) Uint() uint64 {
	if !r.tag(tagUint) || !r.has(8) {
		return 0
	}
	u := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return u
}

// Int reads a signed integer.
func (r *Reader) Int() int64 {
	if !r.tag(tagInt) || !r.has(8) {
		return 0
	}
	u := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return int64(u ^ (1 << 63))
}

// Time reads a time, in UTC.
func (r *Reader) Time() time.Time {
	n := r.Int()
	if r.err != nil {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// More reports whether elements are left.
func (r *Reader) More() bool { return r.err == nil && len(r.rest) > 0 }

// Err returns the first error, wrapping ErrMalformed.
func (r *Reader) Err() error { return r.err }

func (r *Reader) tag(t byte) bool {
	if r.err != nil {
		return false
	}
	if len(r.rest) == 0 || r.rest[0] != t {
		r.fail("element")
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *Reader) has(n int) bool {
	if len(r.rest) < n {
		r.fail("integer")
		return false
	}
	return true
}

func (r *Reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: bad %s with %d bytes left", ErrMalformed, what, len(r.rest))
		r.rest = nil
	}
}
