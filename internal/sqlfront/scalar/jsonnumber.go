package scalar

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// pathNumberOf reads a number: 'i'nteger, 'd'ouble, 'x' another number, 0 none.
func pathNumberOf(x any) (int64, float64, byte) {
	switch x := x.(type) {
	case int64:
		return x, 0, 'i'
	case float64:
		return 0, x, 'd'
	case pathDecimal:
		return 0, 0, 'x'
	case jsonNumber:
		if i, ok := isInteger(x); ok {
			return i, 0, 'i'
		}
		if strings.ContainsAny(string(x), ".eE") {
			f, _ := strconv.ParseFloat(string(x), 64)
			return 0, f, 'd'
		}
		return 0, 0, 'x'
	}
	return 0, 0, 0
}

func (v *jpEval) sign(kind string, x any) any {
	i, f, k := pathNumberOf(x)
	switch {
	case k == 0:
		v.fail("invalid operand type to unary operator (%s)", strings.ToLower(kindOf(x)))
	case k == 'x' || k == 'i' && (i == math.MinInt64 || i == math.MinInt32):
		v.refuse("a sign of this number in a JSON path")
	case kind == "pos":
		return x
	case k == 'i':
		return -i
	}
	return -f
}

func (v *jpEval) arithmetic(op string, x, y any) any {
	i, f, k := pathNumberOf(x)
	j, g, l := pathNumberOf(y)
	if k == 0 || l == 0 {
		v.fail("invalid operand types to %s operator (%s, %s)", op, strings.ToLower(kindOf(x)), strings.ToLower(kindOf(y)))
	}
	if k == 'x' || l == 'x' {
		v.refuse("arithmetic on decimals in a JSON path")
	}
	if k == 'i' && l == 'i' {
		return v.integers(op, i, j)
	}
	if k == 'i' {
		f = float64(i)
	}
	if l == 'i' {
		g = float64(j)
	}
	switch op {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	case "/":
		return f / g
	}
	return math.Mod(f, g)
}

// integers computes in the type of the operands: integer if both fit it, else bigint.
func (v *jpEval) integers(op string, i, j int64) int64 {
	if (op == "/" || op == "%") && j == 0 {
		v.fail("Division by zero")
	}
	a, b, r := big.NewInt(i), big.NewInt(j), new(big.Int)
	switch op {
	case "+":
		r.Add(a, b)
	case "-":
		r.Sub(a, b)
	case "*":
		r.Mul(a, b)
	case "/":
		r.Quo(a, b)
	default:
		r.Rem(a, b)
	}
	small := i == int64(int32(i)) && j == int64(int32(j))
	if !r.IsInt64() || small && r.Int64() != int64(int32(r.Int64())) {
		v.fail("number out of range: %s %s %s", a, op, b)
	}
	return r.Int64()
}

func compareNumbers(x, y any) (int, bool) {
	_, f, k := pathNumberOf(x)
	_, g, l := pathNumberOf(y)
	if k == 0 || l == 0 {
		return 0, false
	}
	if k == 'd' || l == 'd' {
		if k != 'd' {
			f, _ = strconv.ParseFloat(numberText(x), 64)
		}
		if l != 'd' {
			g, _ = strconv.ParseFloat(numberText(y), 64)
		}
		switch {
		case f < g:
			return -1, true
		case f > g:
			return 1, true
		}
		return 0, f == g
	}
	a, ok := new(big.Rat).SetString(numberText(x))
	b, ok2 := new(big.Rat).SetString(numberText(y))
	if !ok || !ok2 {
		return 0, false
	}
	return a.Cmp(b), true
}

func numberText(x any) string { return fmt.Sprint(x) }

func (v *jpEval) numeric(method string, x any) any {
	i, f, k := pathNumberOf(x)
	if s, ok := x.(string); ok && method == "double" {
		f, ok := javaParseDouble(s, 64)
		if !ok {
			v.fail("Cannot cast '%s' to DOUBLE", s)
		}
		return f
	}
	switch k {
	case 0:
		v.fail("invalid item type. Expected: NUMBER, actual: %s", kindOf(x))
	case 'x':
		v.refuse(method + "() of a decimal in a JSON path")
	case 'i':
		switch {
		case method == "double":
			return float64(i)
		case method != "abs":
			return i
		case i == math.MinInt64 || i == math.MinInt32:
			v.refuse("abs() of this number in a JSON path")
		}
		return max(i, -i)
	}
	switch method {
	case "abs":
		return math.Abs(f)
	case "ceiling":
		return math.Ceil(f)
	case "floor":
		return math.Floor(f)
	}
	return f
}
