package scalar

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"math"
	"strings"

	"github.com/cespare/xxhash/v2"
)

var binaryTable = map[string]entry{
	"md5": digest(md5.New), "sha1": digest(sha1.New), "sha256": digest(sha256.New), "sha512": digest(sha512.New),
	"hmac_md5": keyed(md5.New), "hmac_sha1": keyed(sha1.New), "hmac_sha256": keyed(sha256.New), "hmac_sha512": keyed(sha512.New),
	"crc32":          plain(func(a []any) (any, error) { return int64(crc32.ChecksumIEEE(raw(a[0]))), nil }),
	"xxhash64":       plain(func(a []any) (any, error) { return binary.BigEndian.AppendUint64(nil, xxhash.Sum64(raw(a[0]))), nil }),
	"to_hex":         plain(func(a []any) (any, error) { return strings.ToUpper(hex.EncodeToString(raw(a[0]))), nil }),
	"from_hex":       plain(fromHex),
	"to_base64":      plain(func(a []any) (any, error) { return base64.StdEncoding.EncodeToString(raw(a[0])), nil }),
	"to_base64url":   plain(func(a []any) (any, error) { return base64.URLEncoding.EncodeToString(raw(a[0])), nil }),
	"to_base32":      plain(func(a []any) (any, error) { return base32.StdEncoding.EncodeToString(raw(a[0])), nil }),
	"from_base64":    plain(fromBase64(base64.StdEncoding, base64.RawStdEncoding)),
	"from_base64url": plain(fromBase64(base64.URLEncoding, base64.RawURLEncoding)),
	"from_base32": plain(func(a []any) (any, error) {
		b, err := base32.StdEncoding.DecodeString(strings.ToUpper(textOrBytes(a[0])))
		if err != nil {
			return nil, invalid("Invalid base32 input: %s", err.Error())
		}
		return b, nil
	}),
	"to_big_endian_32":   plain(func(a []any) (any, error) { return binary.BigEndian.AppendUint32(nil, uint32(num(a[0]))), nil }),
	"to_big_endian_64":   plain(func(a []any) (any, error) { return binary.BigEndian.AppendUint64(nil, uint64(num(a[0]))), nil }),
	"from_big_endian_32": plain(fixed(4, func(b []byte) any { return int64(int32(binary.BigEndian.Uint32(b))) })),
	"from_big_endian_64": plain(fixed(8, func(b []byte) any { return int64(binary.BigEndian.Uint64(b)) })),
	"to_ieee754_32": plain(func(a []any) (any, error) {
		return binary.BigEndian.AppendUint32(nil, canonical32(a[0].(float32))), nil
	}),
	"to_ieee754_64": plain(func(a []any) (any, error) {
		return binary.BigEndian.AppendUint64(nil, canonical64(dbl(a[0]))), nil
	}),
	"from_ieee754_32": plain(fixedFloat(4, func(b []byte) any { return math.Float32frombits(binary.BigEndian.Uint32(b)) })),
	"from_ieee754_64": plain(fixedFloat(8, func(b []byte) any { return math.Float64frombits(binary.BigEndian.Uint64(b)) })),
	"uuid": {volatile: true, build: func(Signature) (Func, error) {
		return func([]any) (any, error) {
			var b [16]byte
			if _, err := rand.Read(b[:]); err != nil {
				return nil, fmt.Errorf("read random bytes: %w", err)
			}
			b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
			return uuidText(hex.EncodeToString(b[:])), nil
		}, nil
	}},
}

// canonical64 returns the bits of a number; every NaN has Java's.
func canonical64(f float64) uint64 {
	if math.IsNaN(f) {
		return 0x7ff8000000000000
	}
	return math.Float64bits(f)
}

func canonical32(f float32) uint32 {
	if f != f {
		return 0x7fc00000
	}
	return math.Float32bits(f)
}

func textOrBytes(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(raw(v))
}

func digest(f func() hash.Hash) entry {
	return plain(func(a []any) (any, error) {
		h := f()
		h.Write(raw(a[0]))
		return h.Sum(nil), nil
	})
}

func keyed(f func() hash.Hash) entry {
	return plain(func(a []any) (any, error) {
		if len(raw(a[1])) == 0 {
			return nil, fail("GENERIC_INTERNAL_ERROR", "Empty key")
		}
		h := hmac.New(f, raw(a[1]))
		h.Write(raw(a[0]))
		return h.Sum(nil), nil
	})
}

func fromHex(a []any) (any, error) {
	s := textOrBytes(a[0])
	for _, c := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return nil, invalid("not a hexadecimal digit: %q = %d", string(c), c)
		}
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, invalid("string is not a valid hexadecimal string: odd number of digits: %d", len(s))
	}
	return b, nil
}

func fromBase64(padded, bare *base64.Encoding) Func {
	return func(a []any) (any, error) {
		s := textOrBytes(a[0])
		b, err := padded.DecodeString(s)
		if err != nil {
			if b, err = bare.DecodeString(s); err != nil {
				return nil, invalid("Illegal base64 input: %s", err.Error())
			}
		}
		return b, nil
	}
}

func fixed(n int, f func([]byte) any) Func {
	return func(a []any) (any, error) {
		if len(raw(a[0])) != n {
			return nil, invalid("expected %d-byte input, but got instead: %d", n, len(raw(a[0])))
		}
		return f(raw(a[0])), nil
	}
}

func fixedFloat(n int, f func([]byte) any) Func {
	return func(a []any) (any, error) {
		if len(raw(a[0])) != n {
			return nil, invalid("Input floating-point value must be exactly %d bytes long", n)
		}
		return f(raw(a[0])), nil
	}
}
