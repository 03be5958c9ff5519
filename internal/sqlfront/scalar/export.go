package scalar

import (
	"math/big"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// ParseDecimal reads digits with a point and an exponent: the unscaled value and its scale.
func ParseDecimal(s string) (v *big.Int, scale int, ok bool) { return parseDecimal(s) }

// Text prints a value of a scalar type as CAST(x AS varchar) does; false if there is no such cast.
func Text(v any, t types.Type) (string, bool) {
	f, ok := textOf(t)
	if !ok {
		return "", false
	}
	return f(v), true
}

// ToInstant returns the instant at which a clock in the zone shows local; gap tells that none ever does.
func ToInstant(local int64, zone string) (us int64, gap bool) { return toInstant(local, zone) }

// ToLocal returns what a clock in the zone shows at an instant.
func ToLocal(us int64, zone string) int64 { return toLocal(us, zone) }

// OffsetMinutes reads +HH:MM; false outside of fourteen hours.
func OffsetMinutes(s string) (int64, bool) {
	if len(s) != 6 {
		return 0, false
	}
	m := offsetMinutes(s)
	return m, m >= -14*60 && m <= 14*60
}

// Order compares two values of a scalar type that are not nil: negative, zero or positive.
func Order(a, b any, t types.Type) int { return order(a, b, t) }
