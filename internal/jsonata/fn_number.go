package jsonata

import (
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

func numberFunctions() []builtin {
	return []builtin{
		{name: "sum", sig: sig("<a<n>:n>"), arity: 1, fn: fold(func(sum, v float64, _ int) float64 { return sum + v }, 0)},
		{name: "count", sig: sig("<a:n>"), arity: 1, fn: count},
		{name: "max", sig: sig("<a<n>:n>"), arity: 1, fn: fold(scriptMax, math.Inf(-1))},
		{name: "min", sig: sig("<a<n>:n>"), arity: 1, fn: fold(scriptMin, math.Inf(1))},
		{name: "average", sig: sig("<a<n>:n>"), arity: 1, fn: average},
		{name: "number", sig: sig("<(nsb)-:n>"), arity: 1, fn: toNumber},
		{name: "floor", sig: sig("<n-:n>"), arity: 1, fn: onNumber(math.Floor)},
		{name: "ceil", sig: sig("<n-:n>"), arity: 1, fn: onNumber(math.Ceil)},
		{name: "abs", sig: sig("<n-:n>"), arity: 1, fn: onNumber(math.Abs)},
		{name: "round", sig: sig("<n-n?:n>"), arity: 2, fn: roundNumber},
		{name: "sqrt", sig: sig("<n-:n>"), arity: 1, fn: sqrt},
		{name: "power", sig: sig("<n-n:n>"), arity: 2, fn: power},
		{name: "formatNumber", sig: sig("<n-so?:s>"), arity: 3, fn: formatNumber},
		{name: "formatBase", sig: sig("<n-n?:s>"), arity: 2, fn: formatBase},
		{name: "formatInteger", sig: sig("<n-s:s>"), arity: 2, fn: formatIntegerFn},
		{name: "parseInteger", sig: sig("<s-s:n>"), arity: 2, fn: parseIntegerFn},
	}
}

// fold reduces a list of numbers; max and min of none are undefined.
func fold(step func(acc, v float64, i int) float64, start float64) func(*call, []any) (any, error) {
	return func(c *call, args []any) (any, error) {
		a, err := list(args, 0)
		if err != nil || a == nil {
			return undef, err
		}
		if a.len() == 0 && start != 0 {
			return undef, nil
		}
		acc := start
		for i, n := 0, a.len(); i < n; i++ {
			v, ok := a.at(i).(float64)
			if !ok {
				return nil, wrongType(a.at(i))
			}
			acc = step(acc, v, i)
		}
		return acc, nil
	}
}

func scriptMax(a, b float64, _ int) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return math.Max(a, b)
}

func scriptMin(a, b float64, _ int) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return math.Min(a, b)
}

func count(_ *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return 0.0, nil
	}
	return float64(a.len()), nil
}

func average(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil || a.len() == 0 {
		return undef, err
	}
	sum, err := fold(func(sum, v float64, _ int) float64 { return sum + v }, 0)(c, args)
	if err != nil {
		return nil, err
	}
	return sum.(float64) / float64(a.len()), nil
}

func onNumber(f func(float64) float64) func(*call, []any) (any, error) {
	return func(_ *call, args []any) (any, error) {
		v, ok, err := num(args, 0)
		if err != nil || !ok {
			return undef, err
		}
		return f(v), nil
	}
}

// round rounds half to even at a number of decimal places, which may be negative, by way of the decimal text.
func round(f, precision float64) float64 {
	shift := func(f, by float64) float64 {
		mantissa, exponent, hasExponent := strings.Cut(numberText(f), "e")
		if hasExponent {
			e, _ := strconv.ParseFloat(exponent, 64)
			by += e
		}
		if by != math.Trunc(by) || strings.ContainsAny(mantissa, "IN") {
			return math.NaN()
		}
		r, _ := strconv.ParseFloat(mantissa+"e"+strconv.FormatFloat(by, 'f', 0, 64), 64)
		return r
	}
	places := precision != 0 && !math.IsNaN(precision)
	if places {
		f = shift(f, precision)
	}
	r := math.Floor(f)
	if f-r >= 0.5 {
		r++
	}
	if math.Abs(r-f) == 0.5 && math.Abs(math.Mod(r, 2)) == 1 {
		r--
	}
	if places {
		r = shift(r, -precision)
	}
	if r == 0 {
		return 0
	}
	return r
}

func roundNumber(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	places, _, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	return round(v, places), nil
}

func sqrt(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	if v < 0 {
		return nil, fail("D3060").val(v).with("index", 1.0)
	}
	return math.Sqrt(v), nil
}

func power(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	e, ok, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	r := math.Pow(v, e)
	if !ok || math.IsNaN(e) || math.IsInf(e, 0) && math.Abs(v) == 1 {
		r = math.NaN()
	}
	if math.IsNaN(r) || math.IsInf(r, 0) {
		x := fail("D3061").val(v).with("index", 1.0)
		if ok {
			x.with("exp", e)
		}
		return nil, x
	}
	return r, nil
}

var (
	decimalText = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?$`)
	radixText   = regexp.MustCompile(`^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$`)
)

func toNumber(_ *call, args []any) (any, error) {
	switch x := argument(args, 0).(type) {
	case undefinedType:
		return undef, nil
	case float64:
		return x, nil
	case bool:
		if x {
			return 1.0, nil
		}
		return 0.0, nil
	case string:
		if decimalText.MatchString(x) {
			if f, err := strconv.ParseFloat(x, 64); err == nil {
				return f, nil
			}
		} else if radixText.MatchString(x) {
			return scriptNumber(x), nil
		}
	}
	return nil, fail("D3030").val(argument(args, 0)).with("index", 1.0)
}

func formatBase(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	radix, ok, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		radix = 10
	}
	v, radix = round(v, 0), round(radix, 0)
	if radix < 2 || radix > 36 {
		return nil, fail("D3100").val(radix)
	}
	if radix == 10 || math.IsNaN(v) || math.IsInf(v, 0) {
		return numberText(v), nil
	}
	i, _ := big.NewFloat(v).Int(nil)
	return i.Text(int(radix)), nil
}

func randomNumber(c *call, args []any) (any, error) {
	if c.ev.plain && len(args) > 0 && !isUndef(args[0]) {
		return nil, fail("T0410").val(args[0]).with("index", 1.0)
	}
	if seed, ok := argument(args, 0).(float64); ok {
		s := uint64(int64(seed))
		return rand.New(rand.NewPCG(s, s^0x9e3779b97f4a7c15)).Float64(), nil
	}
	return rand.Float64(), nil
}
