package scalar

import (
	"encoding/hex"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var castTable = map[string]entry{
	"$cast": typed(func(s Signature) (Func, error) {
		f, ok := Cast(s.Args[0], s.Result)
		if !ok {
			return nil, errSignature
		}
		return func(a []any) (any, error) { return f(a[0]) }, nil
	}),
	"$try_cast": typed(func(s Signature) (Func, error) {
		f, ok := Cast(s.Args[0], s.Result)
		if !ok {
			return nil, errSignature
		}
		return func(a []any) (any, error) {
			v, err := f(a[0])
			if e, is := err.(*Error); is && e.Name != "NOT_SUPPORTED" {
				return nil, nil
			}
			return v, err
		}, nil
	}),
	"date": typed(func(s Signature) (Func, error) {
		f, ok := Cast(s.Args[0], s.Result)
		if !ok {
			return nil, errSignature
		}
		return func(a []any) (any, error) { return f(a[0]) }, nil
	}),
}

// Converter casts one value that is not NULL.
type Converter func(v any) (any, error)

// Cast returns how a value of one type is cast to another; false if Trino has no such cast. NULLs inside stay NULL.
func Cast(from, to types.Type) (Converter, bool) {
	if from.Base == types.Unknown {
		return func(any) (any, error) { return nil, nil }, true
	}
	if from.Equal(to) {
		return func(v any) (any, error) { return v, nil }, true
	}
	switch {
	case from.Base == types.JSON && to.Base != types.JSON:
		return castFromJSON(to)
	case to.Base == types.JSON:
		return castToJSON(from)
	case to.Is(types.Array, types.Map, types.Row):
		return castNested(from, to)
	case to.Text():
		return castToText(from, to)
	case from.Base == types.Char: // only to text
		return nil, false
	case from.Base == types.Varchar:
		return castFromText(to)
	case from.Numeric() || from.Base == types.Boolean:
		return castNumber(from, to)
	case from.Is(types.Date, types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ):
		return castTemporal(from, to)
	case from.Base == types.IPAddress && to.Base == types.Varbinary:
		return func(v any) (any, error) { return v, nil }, true
	case from.Base == types.Varbinary && to.Base == types.IPAddress:
		return func(v any) (any, error) {
			switch b := raw(v); len(b) {
			case 4:
				return append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, b...), nil
			case 16:
				return b, nil
			default:
				return nil, badCast("Invalid IP address binary length: %d", len(b))
			}
		}, true
	case from.Base == types.UUID && to.Base == types.Varbinary:
		return func(v any) (any, error) { return hex.DecodeString(strings.ReplaceAll(str(v), "-", "")) }, true
	case from.Base == types.Varbinary && to.Base == types.UUID:
		return func(v any) (any, error) {
			if len(raw(v)) != 16 {
				return nil, badCast("Invalid UUID binary length: %d", len(raw(v)))
			}
			return uuidText(hex.EncodeToString(raw(v))), nil
		}, true
	}
	return nil, false
}

func uuidText(h string) string {
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// PadChar returns the text of a char(n) with its blanks.
func PadChar(s string, n int) string {
	if k := utf8.RuneCountInString(s); k < n {
		return s + strings.Repeat(" ", n-k)
	}
	return s
}

func truncateRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// textOf prints a value as CAST(x AS varchar) does; false if there is no such cast.
func textOf(t types.Type) (func(v any) string, bool) {
	switch t.Base {
	case types.Boolean:
		return func(v any) string { return strconv.FormatBool(boolean(v)) }, true
	case types.TinyInt, types.SmallInt, types.Integer, types.BigInt:
		return func(v any) string { return strconv.FormatInt(num(v), 10) }, true
	case types.Double:
		return func(v any) string { return doubleText(dbl(v)) }, true
	case types.Real:
		return func(v any) string { return realText(v.(float32)) }, true
	case types.Decimal:
		return func(v any) string { return DecimalText(dec(v), t.S) }, true
	case types.Varchar, types.UUID:
		return str, true
	case types.Char:
		return func(v any) string { return PadChar(str(v), t.P) }, true
	case types.Date:
		return func(v any) string { return strings.TrimPrefix(DateText(num(v)), "+") }, true
	case types.Timestamp:
		return func(v any) string { return TimestampText(num(v), t.P) }, true
	case types.TimestampTZ:
		return func(v any) string {
			us, zone := zoned(v)
			return TimestampText(toLocal(us, zone), t.P) + " " + zone
		}, true
	case types.Time:
		return func(v any) string { return TimeText(num(v), t.P) }, true
	case types.TimeTZ:
		return func(v any) string { return TimeText(num(list(v)[0]), t.P) + OffsetText(num(list(v)[1])) }, true
	case types.IntervalDay, types.IntervalYear:
		return func(v any) string { return IntervalText(num(v), t) }, true
	case types.IPAddress:
		return func(v any) string { return IPText(raw(v)) }, true
	}
	return nil, false
}

// IPText prints the sixteen bytes of an address.
func IPText(b []byte) string {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return ""
	}
	return a.Unmap().String()
}

func castToText(from, to types.Type) (Converter, bool) {
	text, ok := textOf(from)
	if !ok {
		return nil, false
	}
	if to.Base == types.Char {
		if !from.Text() {
			return nil, false
		}
		return func(v any) (any, error) { return strings.TrimRight(truncateRunes(text(v), to.P), " "), nil }, true
	}
	if from.Is(types.UUID, types.IPAddress) && to.P != types.Unbounded {
		return nil, false
	}
	if from.Text() {
		return func(v any) (any, error) { return truncateRunes(text(v), to.P), nil }, true
	}
	return func(v any) (any, error) {
		s := text(v)
		if len(s) > to.P && utf8.RuneCountInString(s) > to.P {
			if from.Base == types.Boolean {
				return nil, fail("GENERIC_INTERNAL_ERROR", "Character count exceeds length limit %d", to.P)
			}
			return nil, badCast("Value %s cannot be represented as varchar(%d)", s, to.P)
		}
		return s, nil
	}, true
}

var castLabel = map[types.Base]string{types.TinyInt: "TINYINT", types.SmallInt: "SMALLINT", types.Integer: "INT", types.BigInt: "BIGINT"}

func castFromText(to types.Type) (Converter, bool) {
	switch {
	case to.Integral():
		r, label := integerRange[to.Base], castLabel[to.Base]
		return func(v any) (any, error) {
			n, err := strconv.ParseInt(strings.TrimSpace(str(v)), 10, 64)
			if err != nil || n < r[0] || n > r[1] {
				return nil, badCast("Cannot cast '%s' to %s", str(v), label)
			}
			return n, nil
		}, true
	case to.Base == types.Double:
		return func(v any) (any, error) {
			f, ok := javaParseDouble(str(v), 64)
			if !ok {
				return nil, badCast("Cannot cast '%s' to DOUBLE", str(v))
			}
			return f, nil
		}, true
	case to.Base == types.Real:
		return func(v any) (any, error) {
			f, ok := javaParseDouble(str(v), 32)
			if !ok {
				return nil, badCast("Cannot cast '%s' to REAL", str(v))
			}
			return float32(f), nil
		}, true
	case to.Base == types.Decimal:
		return func(v any) (any, error) {
			d, scale, ok := parseDecimal(str(v))
			if !ok {
				return nil, badCast("Cannot cast VARCHAR '%s' to DECIMAL(%d, %d). Value is not a number.", str(v), to.P, to.S)
			}
			if scale > 70 {
				return nil, badCast("Cannot cast VARCHAR '%s' to DECIMAL(%d, %d). Value too large.", str(v), to.P, to.S)
			}
			if d = rescale(d, scale, to.S); !fits(d, to.P) {
				return nil, badCast("Cannot cast VARCHAR '%s' to DECIMAL(%d, %d). Value too large.", str(v), to.P, to.S)
			}
			return d, nil
		}, true
	case to.Base == types.Boolean:
		return func(v any) (any, error) {
			switch strings.ToLower(str(v)) {
			case "t", "true", "1":
				return true, nil
			case "f", "false", "0":
				return false, nil
			}
			return nil, badCast("Cannot cast '%s' to BOOLEAN", str(v))
		}, true
	case to.Base == types.Varbinary:
		return func(v any) (any, error) { return []byte(str(v)), nil }, true
	case to.Base == types.UUID:
		return func(v any) (any, error) {
			s := strings.ToLower(str(v))
			if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || strings.Trim(strings.ReplaceAll(s, "-", ""), "0123456789abcdef") != "" || strings.Count(s, "-") != 4 {
				return nil, badCast("Cannot cast value to UUID: %s", str(v))
			}
			return s, nil
		}, true
	case to.Base == types.IPAddress:
		return func(v any) (any, error) {
			a, err := netip.ParseAddr(str(v))
			if err != nil || a.Zone() != "" {
				return nil, badCast("Cannot cast value to IPADDRESS: %s", str(v))
			}
			b := a.As16()
			return b[:], nil
		}, true
	}
	return textToTemporal(to)
}

func castNumber(from, to types.Type) (Converter, bool) {
	if from.Base == types.Boolean {
		one := func(v any) int64 {
			if boolean(v) {
				return 1
			}
			return 0
		}
		inner, ok := castNumber(types.Of(types.BigInt), to)
		if to.Base == types.BigInt {
			inner, ok = func(v any) (any, error) { return v, nil }, true
		}
		return func(v any) (any, error) { return inner(one(v)) }, ok
	}
	switch {
	case to.Base == types.Boolean:
		return func(v any) (any, error) {
			switch v := v.(type) {
			case int64:
				return v != 0, nil
			case *big.Int:
				return v.Sign() != 0, nil
			case float32:
				return v != 0, nil
			}
			return dbl(v) != 0, nil
		}, true
	case to.Integral():
		return castToInteger(from, to), true
	case to.Base == types.Double:
		return func(v any) (any, error) { return asDouble(v, from), nil }, true
	case to.Base == types.Real:
		return func(v any) (any, error) {
			switch v := v.(type) {
			case int64:
				return float32(v), nil
			case *big.Int:
				f, _ := strconv.ParseFloat(DecimalText(v, from.S), 32)
				return float32(f), nil
			}
			return float32(dbl(v)), nil
		}, true
	case to.Base == types.Decimal:
		return castToDecimal(from, to), true
	}
	return nil, false
}

func asDouble(v any, from types.Type) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case *big.Int:
		return decimalToDouble(v, from.S)
	case float32:
		return float64(v)
	}
	return dbl(v)
}

func castToInteger(from, to types.Type) Converter {
	r := integerRange[to.Base]
	return func(v any) (any, error) {
		switch x := v.(type) {
		case int64:
			if x < r[0] || x > r[1] {
				return nil, outOfRange("Out of range for %s: %d", to.Base, x)
			}
			return x, nil
		case *big.Int:
			n := rescale(x, from.S, 0)
			if !n.IsInt64() || n.Int64() < r[0] || n.Int64() > r[1] {
				label := strings.ToUpper(string(to.Base))
				if to.Base == types.BigInt {
					return nil, badCast("Cannot cast '%s' to %s", DecimalText(x, from.S), label)
				}
				return nil, badCast("Cannot cast '%s' to %s", n, label)
			}
			return n.Int64(), nil
		}
		f := asDouble(v, from)
		kind := "double"
		if from.Base == types.Real {
			kind = "real"
		}
		if math.IsNaN(f) {
			if to.Base == types.BigInt {
				return nil, badCast("Unable to cast %s to bigint", JavaDouble(f))
			}
			return nil, badCast("Cannot cast %s NaN to %s", kind, to.Base)
		}
		n := math.Floor(math.Abs(f) + 0.5)
		if math.Abs(f) >= 1<<52 {
			n = math.Abs(f)
		}
		n = math.Copysign(n, f)
		if n < float64(r[0]) || n > float64(r[1]) || to.Base == types.BigInt && n >= math.MaxInt64 {
			if to.Base == types.BigInt {
				return nil, badCast("Unable to cast %s to bigint", JavaDouble(f))
			}
			return nil, outOfRange("Out of range for %s: %s", to.Base, JavaDouble(f))
		}
		return int64(n), nil
	}
}

func castToDecimal(from, to types.Type) Converter {
	label := strings.ToUpper(string(from.Base))
	return func(v any) (any, error) {
		var d *big.Int
		shown := ""
		switch x := v.(type) {
		case int64:
			d, shown = rescale(big.NewInt(x), 0, to.S), strconv.FormatInt(x, 10)
		case *big.Int:
			d, shown = rescale(x, from.S, to.S), DecimalText(x, from.S)
			label = "DECIMAL(" + strconv.Itoa(from.P) + ", " + strconv.Itoa(from.S) + ")"
		default:
			f := asDouble(v, from)
			shown = JavaDouble(f)
			digits := strconv.FormatFloat(f, 'e', -1, 64)
			if x, ok := v.(float32); ok {
				shown = JavaFloat(x)
				digits = strconv.FormatFloat(float64(x), 'e', -1, 32)
			}
			if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) > 1e39 {
				return nil, badCast("Cannot cast %s '%s' to DECIMAL(%d, %d)", label, shown, to.P, to.S)
			}
			n, scale, ok := parseDecimal(digits)
			if !ok || scale > 350 {
				return big.NewInt(0), nil
			}
			d = scaleTo(n, scale, to.S)
		}
		if !fits(d, to.P) {
			return nil, badCast("Cannot cast %s '%s' to DECIMAL(%d, %d)", label, shown, to.P, to.S)
		}
		return d, nil
	}
}

// scaleTo is rescale for scales of any size.
func scaleTo(v *big.Int, from, to int) *big.Int {
	if from-to < len(pow10) && to-from < len(pow10) {
		return rescale(v, from, to)
	}
	return divRound(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(from-to)), nil))
}

func castNested(from, to types.Type) (Converter, bool) {
	if from.Base != to.Base || len(from.Args) != len(to.Args) {
		return nil, false
	}
	inner := make([]Converter, len(to.Args))
	for i := range inner {
		var ok bool
		if inner[i], ok = Cast(from.Args[i], to.Args[i]); !ok {
			return nil, false
		}
	}
	each := func(f Converter, v any) (any, error) {
		if v == nil {
			return nil, nil
		}
		return f(v)
	}
	switch to.Base {
	case types.Array:
		return func(v any) (any, error) {
			out := make([]any, len(list(v)))
			for i, x := range list(v) {
				var err error
				if out[i], err = each(inner[0], x); err != nil {
					return nil, err
				}
			}
			return out, nil
		}, true
	case types.Row:
		return func(v any) (any, error) {
			out := make([]any, len(inner))
			for i, x := range list(v) {
				var err error
				if out[i], err = each(inner[i], x); err != nil {
					return nil, err
				}
			}
			return out, nil
		}, true
	}
	return func(v any) (any, error) {
		out := make([]any, len(list(v)))
		for i, e := range list(v) {
			k, err := inner[0](list(e)[0])
			if err != nil {
				return nil, err
			}
			x, err := each(inner[1], list(e)[1])
			if err != nil {
				return nil, err
			}
			if k == nil {
				return nil, badCast("map key is null")
			}
			for _, old := range out[:i] {
				if same(list(old)[0], k, to.Args[0]) {
					return nil, badCast("duplicate keys")
				}
			}
			out[i] = []any{k, x}
		}
		return out, nil
	}, true
}
