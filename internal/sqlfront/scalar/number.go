package scalar

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var pow10 = func() []*big.Int {
	out := make([]*big.Int, 80)
	out[0] = big.NewInt(1)
	for i := 1; i < len(out); i++ {
		out[i] = new(big.Int).Mul(out[i-1], big.NewInt(10))
	}
	return out
}()

// divRound divides rounding half away from zero.
func divRound(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	twice := new(big.Int).Abs(r)
	twice.Lsh(twice, 1)
	if twice.CmpAbs(b) >= 0 {
		if (a.Sign() < 0) != (b.Sign() < 0) {
			return q.Sub(q, pow10[0])
		}
		return q.Add(q, pow10[0])
	}
	return q
}

// rescale changes the scale of an unscaled value, rounding half up.
func rescale(v *big.Int, from, to int) *big.Int {
	if to >= from {
		return new(big.Int).Mul(v, pow10[to-from])
	}
	return divRound(v, pow10[from-to])
}

func fits(v *big.Int, precision int) bool { return v.CmpAbs(pow10[precision]) < 0 }

// DecimalText prints an unscaled value with its full scale.
func DecimalText(v *big.Int, scale int) string {
	s := new(big.Int).Abs(v).String()
	if scale > 0 {
		if len(s) <= scale {
			s = strings.Repeat("0", scale-len(s)+1) + s
		}
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if v.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// parseDecimal reads digits, a point and an exponent into an unscaled value and its scale.
func parseDecimal(s string) (v *big.Int, scale int, ok bool) {
	mant, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		if err != nil || n > 400 || n < -400 {
			return nil, 0, false
		}
		mant, exp = s[:i], n
	}
	neg := strings.HasPrefix(mant, "-")
	mant = strings.TrimPrefix(strings.TrimPrefix(mant, "-"), "+")
	if neg && strings.HasPrefix(s, "-+") {
		return nil, 0, false
	}
	whole, frac, _ := strings.Cut(mant, ".")
	digits := whole + frac
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, 0, false
	}
	v, _ = new(big.Int).SetString(digits, 10)
	if neg {
		v.Neg(v)
	}
	scale = len(frac) - exp
	if scale < 0 {
		v.Mul(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-scale)), nil))
		scale = 0
	}
	return v, scale, true
}

func decimalToDouble(v *big.Int, scale int) float64 {
	f, _ := strconv.ParseFloat(DecimalText(v, scale), 64)
	return f
}

// JavaDouble prints a double as Java's Double.toString does.
func JavaDouble(f float64) string { return javaNumber(f, 64) }

// JavaFloat prints a real as Java's Float.toString does.
func JavaFloat(f float32) string { return javaNumber(float64(f), 32) }

func javaNumber(f float64, bits int) string {
	if s, ok := special(f); ok {
		return s
	}
	if f == 0 {
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	sign, digits, power := decompose(f, bits)
	switch {
	case power >= -3 && power < 0:
		return sign + "0." + strings.Repeat("0", -power-1) + digits
	case power >= 0 && power < 7:
		for len(digits) < power+2 {
			digits += "0"
		}
		return sign + digits[:power+1] + "." + digits[power+1:]
	}
	return sign + scientific(digits, power)
}

func special(f float64) (string, bool) {
	switch {
	case math.IsNaN(f):
		return "NaN", true
	case math.IsInf(f, 1):
		return "Infinity", true
	case math.IsInf(f, -1):
		return "-Infinity", true
	}
	return "", false
}

func scientific(digits string, power int) string {
	rest := digits[1:]
	if rest == "" {
		rest = "0"
	}
	return digits[:1] + "." + rest + "E" + strconv.Itoa(power)
}

// decompose returns the digits that Java prints: as few as tell the number from its neighbours, but the best two if one would do.
func decompose(f float64, bits int) (sign, digits string, power int) {
	s := strconv.FormatFloat(f, 'e', -1, bits)
	if !strings.Contains(s, ".") {
		s = strconv.FormatFloat(f, 'e', 1, bits)
	}
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	mant, exp, _ := strings.Cut(s, "e")
	power, _ = strconv.Atoi(exp)
	return sign, strings.TrimSuffix(strings.Replace(mant, ".", "", 1), "0"), power
}

// doubleText is CAST(double AS varchar): always with an exponent.
func doubleText(f float64) string {
	if s, ok := special(f); ok {
		return s
	}
	if f == 0 {
		if math.Signbit(f) {
			return "-0E0"
		}
		return "0E0"
	}
	sign, digits, power := decompose(f, 64)
	return sign + scientific(digits, power)
}

// realText is CAST(real AS varchar): at most seven digits.
func realText(f float32) string {
	if s, ok := special(float64(f)); ok {
		return s
	}
	if f == 0 {
		return doubleText(float64(f))
	}
	sign, digits, power := decompose(float64(f), 32)
	if len(digits) > 7 {
		s := strconv.FormatFloat(float64(f), 'e', 6, 64)
		sign = ""
		if s[0] == '-' {
			sign, s = "-", s[1:]
		}
		mant, exp, _ := strings.Cut(s, "e")
		power, _ = strconv.Atoi(exp)
		digits = strings.TrimRight(strings.Replace(mant, ".", "", 1), "0")
	}
	return sign + scientific(digits, power)
}

// javaParseDouble is Double.parseDouble.
func javaParseDouble(s string, bits int) (float64, bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	t := strings.TrimLeft(s, "+-")
	if len(s)-len(t) > 1 {
		return 0, false
	}
	sign := 1.0
	if strings.HasPrefix(s, "-") {
		sign = -1
	}
	switch t {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(int(sign)), true
	case "":
		return 0, false
	}
	hexa := strings.HasPrefix(strings.ToLower(t), "0x")
	if last := t[len(t)-1] | 32; (last == 'd' || last == 'f') && (!hexa || strings.ContainsAny(t, "pP")) {
		t = t[:len(t)-1]
	}
	if t == "" || strings.ContainsAny(t, "_iInN") || !hexa && strings.Trim(t, "0123456789.eE+-") != "" {
		return 0, false
	}
	if hexa && !strings.ContainsAny(t, "pP") {
		return 0, false
	}
	f, err := strconv.ParseFloat(t, bits)
	if err != nil && (f == 0 || !math.IsInf(f, 0)) && !strings.Contains(err.Error(), "range") {
		return 0, false
	}
	return sign * f, true
}

var integerRange = map[types.Base][2]int64{
	types.TinyInt: {math.MinInt8, math.MaxInt8}, types.SmallInt: {math.MinInt16, math.MaxInt16},
	types.Integer: {math.MinInt32, math.MaxInt32}, types.BigInt: {math.MinInt64, math.MaxInt64},
}

// numberTable holds the arithmetic that DuckDB's operators do not do as Trino does.
var numberTable = map[string]entry{
	"$div": typed(divide), "$mod": typed(modulo), "mod": typed(modulo), "$mul": typed(multiply), "$add": typed(addDecimal), "$neg": typed(negate),
	"$nonzero": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) {
			if num(a[0]) == 0 {
				return nil, fail("DIVISION_BY_ZERO", "Division by zero")
			}
			return a[0], nil
		}, nil
	}),
}

func divide(s Signature) (Func, error) {
	switch s.Result.Base {
	case types.Decimal:
		x, y, r := s.Args[0], s.Args[1], s.Result
		shift := r.S - x.S + y.S
		return func(a []any) (any, error) {
			if dec(a[1]).Sign() == 0 {
				return nil, fail("DIVISION_BY_ZERO", "Division by zero")
			}
			n, d := dec(a[0]), dec(a[1])
			if shift >= 0 {
				n = new(big.Int).Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
			} else {
				d = new(big.Int).Mul(d, pow10[-shift])
			}
			return bounded(divRound(n, d), r)
		}, nil
	case types.Double:
		return func(a []any) (any, error) { return dbl(a[0]) / dbl(a[1]), nil }, nil
	case types.Real:
		return func(a []any) (any, error) { return a[0].(float32) / a[1].(float32), nil }, nil
	}
	return nil, errSignature
}

func bounded(v *big.Int, t types.Type) (any, error) {
	if !fits(v, t.P) {
		return nil, outOfRange("Decimal overflow")
	}
	return v, nil
}

func modulo(s Signature) (Func, error) {
	switch {
	case s.Result.Base == types.Decimal:
		x, y, r := s.Args[0], s.Args[1], s.Result
		return func(a []any) (any, error) {
			if dec(a[1]).Sign() == 0 {
				return nil, fail("DIVISION_BY_ZERO", "Division by zero")
			}
			n := new(big.Int).Rem(rescale(dec(a[0]), x.S, r.S), rescale(dec(a[1]), y.S, r.S))
			return bounded(n, r)
		}, nil
	case s.Result.Base == types.Double:
		return func(a []any) (any, error) { return math.Mod(dbl(a[0]), dbl(a[1])), nil }, nil
	case s.Result.Base == types.Real:
		return func(a []any) (any, error) {
			return float32(math.Mod(float64(a[0].(float32)), float64(a[1].(float32)))), nil
		}, nil
	case s.Result.Integral():
		return func(a []any) (any, error) {
			if num(a[1]) == 0 {
				return nil, fail("DIVISION_BY_ZERO", "Division by zero")
			}
			if num(a[1]) == -1 {
				return int64(0), nil
			}
			return num(a[0]) % num(a[1]), nil
		}, nil
	}
	return nil, errSignature
}

func multiply(s Signature) (Func, error) {
	if s.Result.Base != types.Decimal {
		return nil, errSignature
	}
	return func(a []any) (any, error) { return bounded(new(big.Int).Mul(dec(a[0]), dec(a[1])), s.Result) }, nil
}

// addDecimal adds decimals of the result's scale.
func addDecimal(s Signature) (Func, error) {
	if s.Result.Base != types.Decimal {
		return nil, errSignature
	}
	x, y, r := s.Args[0], s.Args[1], s.Result
	return func(a []any) (any, error) {
		return bounded(new(big.Int).Add(rescale(dec(a[0]), x.S, r.S), rescale(dec(a[1]), y.S, r.S)), r)
	}, nil
}

func negate(s Signature) (Func, error) {
	switch {
	case s.Result.Integral() || s.Result.Is(types.IntervalDay, types.IntervalYear):
		low := int64(math.MinInt64)
		if r, ok := integerRange[s.Result.Base]; ok {
			low = r[0]
		}
		return func(a []any) (any, error) {
			if num(a[0]) == low {
				return nil, outOfRange("%s negation overflow: %d", s.Result.Base, low)
			}
			return -num(a[0]), nil
		}, nil
	case s.Result.Base == types.Decimal:
		return func(a []any) (any, error) { return new(big.Int).Neg(dec(a[0])), nil }, nil
	case s.Result.Base == types.Double:
		return func(a []any) (any, error) { return -dbl(a[0]), nil }, nil
	case s.Result.Base == types.Real:
		return func(a []any) (any, error) { return -a[0].(float32), nil }, nil
	}
	return nil, errSignature
}
