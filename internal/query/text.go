package query

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// Text prints a value as Athena's results show it; false for NULL. Doubles have Java's form, timestamps three digits of a
// second, binary values pairs of hexadecimal digits.
func Text(v any, t types.Type) (string, bool) {
	if v == nil {
		return "", false
	}
	switch t.Base {
	case types.Boolean:
		if b, _ := v.(bool); b {
			return "true", true
		}
		return "false", true
	case types.TinyInt, types.SmallInt, types.Integer, types.BigInt:
		if n, ok := v.(int64); ok {
			return strconv.FormatInt(n, 10), true
		}
		if s, ok := v.(interface{ String() string }); ok {
			return s.String(), true
		}
	case types.Date:
		d, _ := v.(int64)
		return scalar.DateText(d), true
	case types.Double:
		f, _ := v.(float64)
		return scalar.JavaDouble(f), true
	case types.Real:
		f, _ := v.(float32)
		return scalar.JavaFloat(f), true
	case types.Varbinary:
		return binaryText(v), true
	case types.Timestamp:
		us, _ := v.(int64)
		return scalar.TimestampText(scalar.RoundMicros(us, 3), 3), true
	case types.TimestampTZ:
		l, _ := v.([]any)
		us, _ := l[0].(int64)
		zone, _ := l[1].(string)
		return scalar.TimestampText(scalar.RoundMicros(scalar.ToLocal(us, zone), 3), 3) + " " + zone, true
	case types.Time:
		us, _ := v.(int64)
		return timeText(us), true
	case types.TimeTZ:
		l, _ := v.([]any)
		us, _ := l[0].(int64)
		off, _ := l[1].(int64)
		return timeText(us) + scalar.OffsetText(off), true
	case types.Array:
		l, _ := v.([]any)
		parts := make([]string, len(l))
		for i, x := range l {
			parts[i] = inner(x, t.Elem())
		}
		return "[" + strings.Join(parts, ", ") + "]", true
	case types.Map:
		l, _ := v.([]any)
		parts := make([]string, len(l))
		for i, e := range l {
			kv, _ := e.([]any)
			parts[i] = keyText(kv[0], t.Args[0]) + "=" + inner(kv[1], t.Args[1])
		}
		return "{" + strings.Join(parts, ", ") + "}", true
	case types.Row:
		l, _ := v.([]any)
		parts := make([]string, len(l))
		for i, x := range l {
			name := t.Names[i]
			if name == "" {
				name = "field" + strconv.Itoa(i)
			}
			parts[i] = name + "=" + inner(x, t.Args[i])
		}
		return "{" + strings.Join(parts, ", ") + "}", true
	}
	if s, ok := scalar.Text(v, t); ok {
		return s, true
	}
	s, _ := v.(string)
	return s, true
}

// keyText prints a key of a map: times keep the digits of their type.
func keyText(v any, t types.Type) string {
	if t.Is(types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ) {
		if s, ok := scalar.Text(v, t); ok {
			return s
		}
	}
	return inner(v, t)
}

func inner(v any, t types.Type) string {
	if s, ok := Text(v, t); ok {
		return s
	}
	return "null"
}

func timeText(us int64) string {
	const day = 86400 * 1_000_000
	return scalar.TimeText(scalar.RoundMicros(us, 3)%day, 3)
}

func binaryText(v any) string {
	b, _ := v.([]byte)
	h := hex.EncodeToString(b)
	parts := make([]string, 0, len(b))
	for i := 0; i < len(h); i += 2 {
		parts = append(parts, h[i:i+2])
	}
	return strings.Join(parts, " ")
}

// TypeName returns the name of a column's type in results, with its precision and scale.
func TypeName(t types.Type) (name string, precision, scale int) {
	switch t.Base {
	case types.Real:
		return "float", 17, 0
	case types.Decimal:
		return "decimal", t.P, t.S
	case types.Varchar, types.Char:
		return string(t.Base), t.P, 0
	case types.TinyInt:
		return "tinyint", 3, 0
	case types.SmallInt:
		return "smallint", 5, 0
	case types.Integer:
		return "integer", 10, 0
	case types.BigInt:
		return "bigint", 19, 0
	case types.Double:
		return "double", 17, 0
	case types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ:
		return string(t.Base), 3, 0
	}
	return string(t.Base), 0, 0
}
