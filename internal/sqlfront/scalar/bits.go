package scalar

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func shift(f func(v, n int64, bits uint) int64) builder {
	return func(s Signature) (Func, error) {
		width := map[types.Base]uint{types.TinyInt: 8, types.SmallInt: 16, types.Integer: 32, types.BigInt: 64}[s.Args[0].Base]
		if width == 0 {
			return nil, errSignature
		}
		return func(a []any) (any, error) { return signed(f(num(a[0]), num(a[1]), width), width), nil }, nil
	}
}

func signed(v int64, width uint) int64 { return v << (64 - width) >> (64 - width) }

func shiftLeft(v, n int64, width uint) int64 {
	n = masked(n)
	if n >= int64(width) {
		return 0
	}
	return v << n
}

// masked reads a negative count as Java's shifts of 64 bits do: it is the low six bits.
func masked(n int64) int64 {
	if n < 0 {
		return n & 63
	}
	return n
}

func shiftRight(v, n int64, width uint) int64 {
	n = masked(n)
	if n >= int64(width) {
		return 0
	}
	if n == 0 {
		return v
	}
	return int64(uint64(v) << (64 - width) >> (64 - width) >> n)
}

func shiftArithmetic(v, n int64, width uint) int64 {
	n = masked(n)
	if n >= int64(width) {
		if v >= 0 {
			return 0
		}
		return -1
	}
	return v >> n
}

func bitCount(a []any) (any, error) {
	n, width := num(a[0]), num(a[1])
	if width < 2 || width > 64 {
		return nil, invalid("Bits specified in bit_count must be between 2 and 64, got %d", width)
	}
	if width < 64 {
		lo, hi := -(int64(1) << (width - 1)), int64(1)<<(width-1)-1
		if n < lo || n > hi {
			return nil, invalid("Number must be representable with the bits specified. %d cannot be represented with %d bits", n, width)
		}
		n &= int64(1)<<width - 1
	}
	return int64(bits.OnesCount64(uint64(n))), nil
}

func radix(n int64) error {
	if n < 2 || n > 36 {
		return invalid("Radix must be between 2 and 36")
	}
	return nil
}

func toBase(a []any) (any, error) {
	if err := radix(num(a[1])); err != nil {
		return nil, err
	}
	return strconv.FormatInt(num(a[0]), int(num(a[1]))), nil
}

func fromBase(a []any) (any, error) {
	if err := radix(num(a[1])); err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(str(a[0]), int(num(a[1])), 64)
	if err != nil || strings.Contains(str(a[0]), "_") {
		return nil, invalid("Not a valid base-%d number: %s", num(a[1]), str(a[0]))
	}
	return n, nil
}
