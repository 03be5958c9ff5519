package scalar

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// format is Java's String.format for the conversions that are the same in Go; the rest is refused.
func format(s Signature) (Func, error) {
	for _, t := range s.Args[1:] {
		if !t.Is(types.Varchar, types.Boolean, types.Double, types.Real, types.Decimal, types.Date, types.Timestamp, types.Time, types.JSON, types.UUID, types.Unknown, types.Char, types.IntervalDay, types.IntervalYear) && !t.Integral() {
			return nil, errSignature
		}
	}
	return func(a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		return javaFormat(str(a[0]), a[1:], s.Args[1:])
	}, nil
}

func javaFormat(f string, args []any, ts []types.Type) (any, error) {
	var b strings.Builder
	next := 0
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b.WriteByte(f[i])
			continue
		}
		j := i + 1
		for j < len(f) && strings.IndexByte("-#+ 0,(<0123456789.$", f[j]) >= 0 {
			j++
		}
		if j >= len(f) {
			return nil, invalid("Invalid format string: %s (UnknownFormatConversion: Conversion = '%%')", f)
		}
		spec, conv := f[i+1:j], f[j]
		i = j
		switch {
		case conv == '%' && spec == "":
			b.WriteByte('%')
			continue
		case conv == 'n' && spec == "":
			b.WriteByte('\n')
			continue
		}
		at := next
		if n, rest, ok := strings.Cut(spec, "$"); ok {
			k, err := strconv.Atoi(n)
			if err != nil {
				return nil, unsupported("format specifier %%%s%c", spec, conv)
			}
			at, spec = k-1, rest
		} else {
			next++
		}
		if at >= len(args) || at < 0 {
			return nil, invalid("Invalid format string: %s (MissingFormatArgument: Format specifier '%%%s%c')", f, spec, conv)
		}
		text, err := formatOne(spec, conv, args[at], ts[at], f)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func formatOne(spec string, conv byte, v any, t types.Type, whole string) (string, error) {
	grouped := strings.Contains(spec, ",")
	plainSpec := strings.Replace(spec, ",", "", 1)
	mismatch := func() (string, error) {
		return "", invalid("Invalid format string: %s (IllegalFormatConversion: %c != %s)", whole, conv, t)
	}
	if strings.ContainsAny(plainSpec, "(<#") || grouped && strings.Contains(plainSpec, "0") && strings.HasPrefix(plainSpec, "0") {
		return "", unsupported("format specifier %%%s%c", spec, conv)
	}
	switch conv {
	case 's', 'S':
		text := "null"
		if v != nil {
			text = formatText(v, t)
		}
		if conv == 'S' {
			text = strings.ToUpper(text)
		}
		if strings.ContainsAny(plainSpec, "+0 ,") && strings.HasPrefix(plainSpec, "0") {
			return mismatch()
		}
		return fmt.Sprintf("%"+plainSpec+"s", text), nil
	case 'b', 'B':
		text := strconv.FormatBool(v != nil && (t.Base != types.Boolean || boolean(v)))
		if conv == 'B' {
			text = strings.ToUpper(text)
		}
		return fmt.Sprintf("%"+plainSpec+"s", text), nil
	case 'd', 'x', 'X', 'o':
		if v == nil {
			return fmt.Sprintf("%"+strings.Trim(plainSpec, "0+ ")+"s", "null"), nil
		}
		if !t.Integral() {
			return mismatch()
		}
		if conv != 'd' {
			return fmt.Sprintf("%"+plainSpec+string(conv), uint64(num(v))), nil
		}
		if grouped {
			return padTo(plainSpec, group(strconv.FormatInt(num(v), 10)))
		}
		return fmt.Sprintf("%"+plainSpec+"d", num(v)), nil
	case 'f':
		if v == nil {
			return fmt.Sprintf("%"+strings.Trim(plainSpec, "0+ ")+"s", "null"), nil
		}
		if !t.Is(types.Double, types.Real, types.Decimal) {
			return mismatch()
		}
		return formatFixed(plainSpec, grouped, v, t)
	case 'e', 'E':
		if v == nil || !t.Is(types.Double, types.Real) {
			return "", unsupported("format specifier %%%s%c", spec, conv)
		}
		return fmt.Sprintf("%"+plainSpec+string(conv), asDouble(v, t)), nil
	case 'c', 'C', 'h', 'H', 'g', 'G', 'a', 'A', 't', 'T':
		if conv == 'c' && t.Text() {
			return mismatch()
		}
		return "", unsupported("format specifier %%%s%c", spec, conv)
	}
	return "", invalid("Invalid format string: %s (UnknownFormatConversion: Conversion = '%c')", whole, conv)
}

// formatText is what Java's toString gives for the object that Trino passes.
func formatText(v any, t types.Type) string {
	switch t.Base {
	case types.Double:
		return JavaDouble(dbl(v))
	case types.Real:
		return JavaFloat(v.(float32))
	case types.JSON:
		return str(v)
	case types.Timestamp:
		return TimestampText(num(v), t.P)
	}
	text, ok := textOf(t)
	if !ok {
		return ""
	}
	return text(v)
}

func group(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	whole, frac, point := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + frac
	}
	return sign + whole
}

// padTo applies width and flags of a specifier to text that is already a number.
func padTo(spec, text string) (string, error) {
	if strings.Contains(spec, "+") && !strings.HasPrefix(text, "-") {
		text = "+" + text
	}
	spec = strings.Replace(spec, "+", "", 1)
	spec, _, _ = strings.Cut(spec, ".")
	if strings.HasPrefix(strings.TrimPrefix(spec, "-"), "0") || strings.Contains(spec, " ") {
		return "", unsupported("format specifier %%%s with grouping", spec)
	}
	return fmt.Sprintf("%"+spec+"s", text), nil
}

// formatFixed rounds half up, as Java does, where C rounds the binary value.
func formatFixed(spec string, grouped bool, v any, t types.Type) (string, error) {
	digits := 6
	if _, p, ok := strings.Cut(spec, "."); ok {
		digits, _ = strconv.Atoi(p)
	}
	var text string
	if t.Base == types.Decimal {
		text = DecimalText(scaleTo(dec(v), t.S, digits), digits)
	} else {
		f := asDouble(v, t)
		if s, ok := special(f); ok {
			text = s
		} else {
			bits := 64
			if t.Base == types.Real {
				bits = 32
			}
			n, scale, ok := parseDecimal(strconv.FormatFloat(f, 'e', -1, bits))
			if !ok {
				return "", unsupported("format of %s", JavaDouble(f))
			}
			text = DecimalText(scaleTo(n, scale, digits), digits)
			if f < 0 && n.Sign() == 0 {
				text = "-" + text
			}
		}
	}
	if grouped {
		text = group(text)
	}
	if width, _, _ := strings.Cut(spec, "."); strings.HasPrefix(width, "0") {
		w, _ := strconv.Atoi(width)
		sign := ""
		if strings.HasPrefix(text, "-") {
			sign, text = "-", text[1:]
		}
		for len(sign)+len(text) < w {
			text = "0" + text
		}
		return sign + text, nil
	}
	return padTo(spec, text)
}
