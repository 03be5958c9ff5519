package scalar

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func float1(f func(float64) float64) entry {
	return plain(func(a []any) (any, error) { return f(dbl(a[0])), nil })
}

func float2(f func(x, y float64) float64) entry {
	return plain(func(a []any) (any, error) { return f(dbl(a[0]), dbl(a[1])), nil })
}

func int2(f func(x, y int64) int64) entry {
	return plain(func(a []any) (any, error) { return f(num(a[0]), num(a[1])), nil })
}

var mathTable = map[string]entry{
	"abs": typed(absolute), "sign": typed(signOf), "ceil": typed(rounding(1)), "ceiling": typed(rounding(1)), "floor": typed(rounding(-1)),
	"round": typed(round), "truncate": typed(truncate),
	"acos": float1(math.Acos), "asin": float1(math.Asin), "atan": float1(math.Atan), "cos": float1(math.Cos), "cosh": float1(math.Cosh),
	"sin": float1(math.Sin), "sinh": float1(math.Sinh), "tan": float1(math.Tan), "tanh": float1(math.Tanh), "cbrt": float1(math.Cbrt),
	"exp": float1(math.Exp), "ln": float1(ln), "log2": float1(func(x float64) float64 { return ln(x) / math.Ln2 }), "log10": float1(log10),
	"sqrt": float1(math.Sqrt), "degrees": float1(func(x float64) float64 { return x * (180 / math.Pi) }), "radians": float1(func(x float64) float64 { return x / 180 * math.Pi }),
	"atan2": float2(math.Atan2), "log": float2(func(b, x float64) float64 { return ln(x) / ln(b) }),
	"power": float2(javaPow), "pow": float2(javaPow),
	"e": constant(math.E), "pi": constant(math.Pi), "nan": constant(math.NaN()), "infinity": constant(math.Inf(1)),
	"is_finite":   plain(func(a []any) (any, error) { return !math.IsInf(dbl(a[0]), 0) && !math.IsNaN(dbl(a[0])), nil }),
	"is_infinite": plain(func(a []any) (any, error) { return math.IsInf(dbl(a[0]), 0), nil }),
	"is_nan": plain(func(a []any) (any, error) {
		if f, ok := a[0].(float32); ok {
			return f != f, nil
		}
		return math.IsNaN(dbl(a[0])), nil
	}),
	"bitwise_and": int2(func(x, y int64) int64 { return x & y }), "bitwise_or": int2(func(x, y int64) int64 { return x | y }),
	"bitwise_xor": int2(func(x, y int64) int64 { return x ^ y }), "bitwise_not": plain(func(a []any) (any, error) { return ^num(a[0]), nil }),
	"bitwise_left_shift": typed(shift(shiftLeft)), "bitwise_right_shift": typed(shift(shiftRight)), "bitwise_right_shift_arithmetic": typed(shift(shiftArithmetic)),
	"bit_count": plain(bitCount), "to_base": plain(toBase), "from_base": plain(fromBase), "width_bucket": typed(widthBucket),
	"random": {volatile: true, build: random}, "rand": {volatile: true, build: random},
	"normal_cdf": plain(normalCDF), "inverse_normal_cdf": plain(inverseNormalCDF),
	"wilson_interval_lower": plain(wilson(-1)), "wilson_interval_upper": plain(wilson(1)), "format_number": typed(formatNumber),
}

func constant(f float64) entry { return plain(func([]any) (any, error) { return f, nil }) }

// ln is math.Log, which is wrong for subnormal numbers on some machines.
func ln(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return math.Log(x*0x1p54) - 54*math.Ln2
	}
	return math.Log(x)
}

func log10(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return ln(x) / math.Ln10
	}
	return math.Log10(x)
}

// javaPow differs from C's pow where the base is one or the exponent NaN.
func javaPow(x, y float64) float64 {
	switch {
	case y == 0:
		return 1
	case math.IsNaN(y), math.IsNaN(x):
		return math.NaN()
	case math.IsInf(y, 0) && math.Abs(x) == 1:
		return math.NaN()
	}
	return math.Pow(x, y)
}

func absolute(s Signature) (Func, error) {
	switch t := s.Result; {
	case t.Integral():
		low := integerRange[t.Base][0]
		return func(a []any) (any, error) {
			n := num(a[0])
			if n == low {
				return nil, outOfRange("Value %d is out of range for abs(%s)", n, t.Base)
			}
			return max(n, -n), nil
		}, nil
	case t.Base == types.Decimal:
		return func(a []any) (any, error) { return new(big.Int).Abs(dec(a[0])), nil }, nil
	case t.Base == types.Real:
		return func(a []any) (any, error) { return float32(math.Abs(float64(a[0].(float32)))), nil }, nil
	}
	return func(a []any) (any, error) { return math.Abs(dbl(a[0])), nil }, nil
}

func signOf(s Signature) (Func, error) {
	sign := func(f float64) float64 {
		switch {
		case f > 0:
			return 1
		case f < 0:
			return -1
		}
		return f
	}
	switch t := s.Result; {
	case t.Integral():
		return func(a []any) (any, error) {
			switch n := num(a[0]); {
			case n > 0:
				return int64(1), nil
			case n < 0:
				return int64(-1), nil
			}
			return int64(0), nil
		}, nil
	case t.Base == types.Decimal:
		return func(a []any) (any, error) { return big.NewInt(int64(dec(a[0]).Sign())), nil }, nil
	case t.Base == types.Real:
		return func(a []any) (any, error) { return float32(sign(float64(a[0].(float32)))), nil }, nil
	}
	return func(a []any) (any, error) { return sign(dbl(a[0])), nil }, nil
}

func rounding(direction int) builder {
	return func(s Signature) (Func, error) {
		in := s.Args[0]
		f := math.Floor
		if direction > 0 {
			f = math.Ceil
		}
		switch {
		case in.Integral():
			return func(a []any) (any, error) { return a[0], nil }, nil
		case in.Base == types.Decimal:
			return func(a []any) (any, error) {
				q, r := new(big.Int).QuoRem(dec(a[0]), pow10[in.S], new(big.Int))
				if r.Sign() == direction {
					q.Add(q, big.NewInt(int64(direction)))
				}
				return q, nil
			}, nil
		case in.Base == types.Real:
			return func(a []any) (any, error) { return float32(f(float64(a[0].(float32)))), nil }, nil
		}
		return func(a []any) (any, error) { return f(dbl(a[0])), nil }, nil
	}
}

// roundHalfUp rounds a double as Trino does: half away from zero.
func roundHalfUp(f float64) float64 {
	if f < 0 {
		return -math.Floor(-f + 0.5)
	}
	return math.Floor(f + 0.5)
}

func roundDouble(f float64, digits int64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	if digits > 400 {
		return f
	}
	if digits < -323 {
		return math.NaN() // the power of ten is zero
	}
	factor := math.Pow(10, float64(digits))
	if math.IsInf(factor*f, 0) || factor == 0 {
		b, _, ok := parseDecimal(strconv.FormatFloat(f, 'e', -1, 64))
		if !ok || b.Sign() == 0 || digits < 0 {
			return 0
		}
		return f
	}
	if math.Abs(factor*f) >= 1<<63 {
		return f
	}
	return roundHalfUp(f*factor) / factor
}

func round(s Signature) (Func, error) {
	in := s.Args[0]
	digits := func(a []any) int64 {
		if len(a) == 2 {
			return num(a[1])
		}
		return 0
	}
	switch {
	case in.Integral():
		r := integerRange[in.Base]
		return func(a []any) (any, error) {
			n, d := num(a[0]), digits(a)
			if d >= 0 {
				return n, nil
			}
			if d < -18 {
				return nil, outOfRange("numerical overflow: %d", n)
			}
			unit := pow10[-d]
			v := new(big.Int).Mul(divRound(big.NewInt(n), unit), unit)
			if !v.IsInt64() || v.Int64() < r[0] || v.Int64() > r[1] {
				return nil, outOfRange("Value %d is out of range for rounding to %d digits", n, d)
			}
			return v.Int64(), nil
		}, nil
	case in.Base == types.Decimal:
		out := s.Result
		return func(a []any) (any, error) {
			d := digits(a)
			if d >= int64(in.S) {
				return bounded(rescale(dec(a[0]), in.S, out.S), out)
			}
			drop := int64(in.S) - d
			if drop >= 60 {
				return big.NewInt(0), nil
			}
			v := divRound(dec(a[0]), pow10[drop])
			if len(a) == 2 {
				v.Mul(v, pow10[drop])
			}
			return bounded(v, out)
		}, nil
	case in.Base == types.Real:
		return func(a []any) (any, error) {
			f := a[0].(float32)
			if f != f || math.IsInf(float64(f), 0) {
				return f, nil
			}
			return float32(roundDouble(float64(f), digits(a))), nil
		}, nil
	}
	return func(a []any) (any, error) { return roundDouble(dbl(a[0]), digits(a)), nil }, nil
}

func truncate(s Signature) (Func, error) {
	in := s.Args[0]
	switch in.Base {
	case types.Decimal:
		return func(a []any) (any, error) {
			if len(a) == 1 {
				return new(big.Int).Quo(dec(a[0]), pow10[in.S]), nil
			}
			drop := int64(in.S) - num(a[1])
			switch {
			case drop <= 0:
				return a[0], nil
			case drop >= int64(in.P):
				return big.NewInt(0), nil
			}
			v := new(big.Int).Quo(dec(a[0]), pow10[drop])
			return v.Mul(v, pow10[drop]), nil
		}, nil
	case types.Real:
		return func(a []any) (any, error) { return float32(math.Trunc(float64(a[0].(float32)))), nil }, nil
	}
	return func(a []any) (any, error) { return math.Trunc(dbl(a[0])), nil }, nil
}

func widthBucket(s Signature) (Func, error) {
	if len(s.Args) == 2 {
		return func(a []any) (any, error) {
			bins, x := list(a[1]), dbl(a[0])
			if len(bins) == 0 {
				return nil, invalid("Bins cannot be an empty array")
			}
			if math.IsNaN(x) {
				return nil, invalid("Operand cannot be NaN")
			}
			n := int64(0)
			for i, b := range bins {
				if b == nil || math.IsInf(dbl(b), 0) || math.IsNaN(dbl(b)) {
					return nil, invalid("Bin value must be finite, got %v", b)
				}
				if i > 0 && dbl(bins[i-1]) > dbl(b) {
					return nil, invalid("Bin values are not sorted in ascending order")
				}
				if x >= dbl(b) {
					n++
				}
			}
			return n, nil
		}, nil
	}
	return func(a []any) (any, error) {
		x, lo, hi, n := dbl(a[0]), dbl(a[1]), dbl(a[2]), num(a[3])
		switch {
		case n <= 0:
			return nil, invalid("bucketCount must be greater than 0")
		case math.IsNaN(x):
			return nil, invalid("operand must not be NaN")
		case math.IsInf(lo, 0) || math.IsNaN(lo):
			return nil, invalid("first bound must be finite")
		case math.IsInf(hi, 0) || math.IsNaN(hi):
			return nil, invalid("second bound must be finite")
		case lo == hi:
			return nil, invalid("bounds cannot equal each other")
		}
		low, high := math.Min(lo, hi), math.Max(lo, hi)
		var r int64
		switch {
		case x < low:
			r = 0
		case x >= high:
			r = n + 1
		default:
			r = int64(float64(n)*(x-low)/(high-low)) + 1
		}
		if lo > hi {
			r = n - r + 1
		}
		return r, nil
	}, nil
}

func random(s Signature) (Func, error) {
	switch len(s.Args) {
	case 0:
		return func([]any) (any, error) { return rand.Float64(), nil }, nil
	case 1:
		return func(a []any) (any, error) {
			if num(a[0]) <= 0 {
				return nil, invalid("bound must be positive")
			}
			return rand.Int64N(num(a[0])), nil
		}, nil
	}
	return func(a []any) (any, error) {
		if num(a[0]) >= num(a[1]) {
			return nil, invalid("start value must be less than stop value")
		}
		return num(a[0]) + rand.Int64N(num(a[1])-num(a[0])), nil
	}, nil
}

func normalCDF(a []any) (any, error) {
	if !(dbl(a[1]) > 0) {
		return nil, invalid("standardDeviation must be > 0")
	}
	return 0.5 * math.Erfc(-(dbl(a[2])-dbl(a[0]))/(dbl(a[1])*math.Sqrt2)), nil
}

func inverseNormalCDF(a []any) (any, error) {
	m, sd, p := dbl(a[0]), dbl(a[1]), dbl(a[2])
	if p <= 0 || p >= 1 {
		return nil, invalid("p must be 0 > p > 1")
	}
	if sd <= 0 {
		return nil, invalid("sd must be > 0")
	}
	return m + sd*math.Sqrt2*math.Erfinv(2*p-1), nil
}

func wilson(sign float64) Func {
	return func(a []any) (any, error) {
		s, n, z := num(a[0]), num(a[1]), dbl(a[2])
		switch {
		case s < 0:
			return nil, invalid("number of successes must not be negative")
		case n <= 0:
			return nil, invalid("number of trials must be positive")
		case s > n:
			return nil, invalid("number of successes must not be larger than number of trials")
		case z < 0:
			return nil, invalid("z-score must not be negative")
		}
		t := float64(n)
		p := float64(s) / t
		return (p + z*z/(2*t) + sign*z*math.Sqrt(p*(1-p)/t+z*z/(4*t*t))) / (1 + z*z/t), nil
	}
}

// formatNumber prints with three digits and a unit.
func formatNumber(s Signature) (Func, error) {
	return func(a []any) (any, error) {
		f := asDouble(a[0], s.Args[0])
		if math.IsNaN(f) {
			return "0", nil
		}
		if math.IsInf(f, 0) {
			return nil, unsupported("format_number of an infinite number")
		}
		sign := ""
		if f = math.Trunc(f); f < 0 {
			sign, f = "-", -f
		}
		f = math.Abs(f) // -0.0 has no sign
		units := []string{"", "K", "M", "B", "T", "Q"}
		i := 0
		for f >= 1000 && i < len(units)-1 {
			f /= 1000
			i++
		}
		places := 2
		if f >= 100 {
			places = 0
		} else if f >= 10 {
			places = 1
		}
		text := strconv.FormatFloat(f, 'f', places, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return sign + text + units[i], nil
	}, nil
}
