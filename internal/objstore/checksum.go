package objstore

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/minio/crc64nvme"
)

// Algorithm names a checksum as S3 does.
type Algorithm string

// The algorithms.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Algorithms lists them in the order in which S3 documents them.
var Algorithms = [...]Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

// ChecksumType says what the checksum of a multipart object is of.
type ChecksumType string

// The types.
const (
	FullObject ChecksumType = "FULL_OBJECT" // of the bytes of the object
	Composite  ChecksumType = "COMPOSITE"   // of the checksums of its parts, with "-N" behind it
)

// Checksum is a checksum of an object or part.
type Checksum struct {
	Algorithm Algorithm // "" = none
	Type      ChecksumType
	Value     string // base64, big endian
}

// Default is the algorithm of objects whose writer names none, as in S3.
const Default = CRC64NVME

// ParseAlgorithm returns the algorithm of that name, in any case.
func ParseAlgorithm(name string) (Algorithm, error) {
	a := Algorithm(strings.ToUpper(name))
	if a.size() == 0 {
		return "", fmt.Errorf("%w: checksum algorithm %q", ErrInvalidRequest, name)
	}
	return a, nil
}

func (a Algorithm) size() int {
	switch a {
	case CRC32, CRC32C:
		return 4
	case CRC64NVME:
		return 8
	case SHA1:
		return sha1.Size
	case SHA256:
		return sha256.Size
	}
	return 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (a Algorithm) new() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	}
	panic("BUG: checksum algorithm " + string(a))
}

// valid reports whether value is a checksum of a in base64.
func (a Algorithm) valid(value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(raw) == a.size()
}

// DefaultType returns the type of a multipart checksum when the request names none.
func (a Algorithm) DefaultType() ChecksumType {
	if a == CRC64NVME {
		return FullObject
	}
	return Composite
}

// Supports reports whether the algorithm can be of that type.
func (a Algorithm) Supports(t ChecksumType) bool {
	switch t {
	case FullObject:
		return a == CRC32 || a == CRC32C || a == CRC64NVME
	case Composite:
		return a != CRC64NVME
	}
	return false
}

// composite is the checksum of the parts' checksums.
func composite(a Algorithm, parts []Part) string {
	h := a.new()
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
		if err != nil {
			panic("BUG: stored checksum: " + err.Error())
		}
		h.Write(raw)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))
}

// fullObject joins the CRCs of the parts into that of the whole.
func fullObject(a Algorithm, parts []Part) string {
	var poly, crc uint64
	bits := 32
	switch a {
	case CRC32:
		poly = crc32.IEEE
	case CRC32C:
		poly = crc32.Castagnoli
	case CRC64NVME:
		poly, bits = 0x9a6c9329ac4bc9b5, 64
	default:
		panic("BUG: full-object checksum of " + string(a))
	}
	for i, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
		if err != nil {
			panic("BUG: stored checksum: " + err.Error())
		}
		var c uint64
		for _, x := range raw {
			c = c<<8 | uint64(x)
		}
		if i == 0 {
			crc = c
		} else {
			crc = combineCRC(poly, bits, crc, c, p.Size)
		}
	}
	out := make([]byte, bits/8)
	for i := range out {
		out[i] = byte(crc >> (bits - 8 - 8*i))
	}
	return base64.StdEncoding.EncodeToString(out)
}

// combineCRC returns the CRC of A followed by B from the CRC of each and the length of B: the CRC of A is moved on by
// that many zero bytes, which is a multiplication by x^(8n) modulo the polynomial (reflected form, as in zlib's
// crc32_combine).
func combineCRC(poly uint64, bits int, a, b uint64, n int64) uint64 {
	one := uint64(1) << (bits - 1) // x^0
	mul := func(p, q uint64) uint64 {
		var r uint64
		for m := one; m != 0; m >>= 1 {
			if p&m != 0 {
				r ^= q
			}
			if q&1 != 0 {
				q = q>>1 ^ poly
			} else {
				q >>= 1
			}
		}
		return r
	}
	power, x := one, one>>8 // x^8, one zero byte
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = mul(power, x)
		}
		x = mul(x, x)
	}
	return mul(a, power) ^ b
}

func sameDigest(h hash.Hash, value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	return err == nil && bytes.Equal(raw, h.Sum(nil))
}

func encodeSum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

func copyAll(w io.Writer, r io.Reader) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
	return err
}
