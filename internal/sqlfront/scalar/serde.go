package scalar

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// serdeTable has what readers of text formats need.
var serdeTable = map[string]entry{
	"$json_field":   typed(jsonField),
	"$regex_groups": plain(regexGroups),
	"$hive_hash":    withNulls(typed(hiveHash)),
	"$csv_date": plain(func(a []any) (any, error) {
		n, err := strconv.ParseInt(strings.TrimSpace(str(a[0])), 10, 64)
		if err != nil {
			return nil, fail("HIVE_BAD_DATA", "Error parsing column value '%s' as a date: it must be a number of days", str(a[0]))
		}
		return n, nil
	}),
	"$csv_timestamp": plain(func(a []any) (any, error) {
		n, err := strconv.ParseInt(strings.TrimSpace(str(a[0])), 10, 64)
		if err != nil {
			return nil, fail("HIVE_BAD_DATA", "Error parsing column value '%s' as a timestamp: it must be a number of milliseconds", str(a[0]))
		}
		return n * 1000, nil
	}),
}

// regexGroups returns what the groups of a pattern capture where it matches a line from end to end, otherwise NULL.
func regexGroups(a []any) (any, error) {
	re, err := compile(`\A(?:` + str(a[1]) + `)\z`)
	if err != nil {
		return nil, err
	}
	m, err := re.FindStringMatch(str(a[0]))
	if err != nil || m == nil {
		return nil, patternError(err)
	}
	groups := make([]any, len(re.GetGroupNumbers())-1)
	for i := range groups {
		groups[i] = groupOf(m, i+1)
	}
	return groups, nil
}

// hiveHash returns the hash of a row by which Hive spreads it over buckets (hashCode of its ObjectInspectorUtils, that is
// version 1 of its bucketing).
func hiveHash(s Signature) (Func, error) {
	for _, t := range s.Args {
		if !t.Is(types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Real, types.Double, types.Varchar, types.Date) {
			return nil, errSignature
		}
	}
	return func(a []any) (any, error) {
		var h int32
		for i, t := range s.Args {
			h = 31*h + hashColumn(a[i], t)
		}
		return int64(h), nil
	}, nil
}

func hashColumn(v any, t types.Type) int32 {
	long := func(n int64) int32 { return int32(n ^ int64(uint64(n)>>32)) }
	if v == nil {
		return 0
	}
	switch t.Base {
	case types.Boolean:
		if boolean(v) {
			return 1
		}
		return 0
	case types.Varchar:
		var h int32
		for _, b := range []byte(str(v)) {
			h = 31*h + int32(int8(b))
		}
		return h
	case types.Real:
		return int32(math.Float32bits(float32(dbl(v))))
	case types.Double:
		return long(int64(math.Float64bits(dbl(v))))
	case types.BigInt:
		return long(num(v))
	}
	return int32(num(v))
}

// jsonField returns a member of a line of JSON: line, name in lower case, whether a malformed line is NULL.
func jsonField(s Signature) (Func, error) {
	if !jsonColumn(s.Result) {
		return nil, errSignature
	}
	return func(a []any) (any, error) {
		line := str(a[0])
		if strings.TrimSpace(line) == "" {
			return nil, nil
		}
		v, ok := parseJSON(line, false)
		o, isObject := v.(*jsonObject)
		if !ok || !isObject {
			if boolean(a[2]) {
				return nil, nil
			}
			return nil, fail("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object - JSONException: %.200s", line)
		}
		m, ok := member(o, str(a[1]))
		if !ok {
			return nil, nil
		}
		return fromJSONColumn(m, s.Result), nil
	}, nil
}

func member(o *jsonObject, name string) (any, bool) {
	if v, ok := o.get(name); ok {
		return v, true
	}
	for i := len(o.keys) - 1; i >= 0; i-- {
		if strings.EqualFold(o.keys[i], name) {
			return o.values[i], true
		}
	}
	return nil, false
}

func jsonColumn(t types.Type) bool {
	switch t.Base {
	case types.Varchar, types.Char, types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Double, types.Real, types.Decimal,
		types.Date, types.Timestamp, types.Varbinary:
		return true
	case types.Array, types.Row:
		for _, x := range t.Args {
			if !jsonColumn(x) {
				return false
			}
		}
		return true
	case types.Map:
		return t.Args[0].Base == types.Varchar && jsonColumn(t.Args[1])
	}
	return false
}

// fromJSONColumn reads a node as a column's type; what does not fit is NULL.
func fromJSONColumn(v any, t types.Type) any {
	if v == nil {
		return nil
	}
	text := ""
	switch x := v.(type) {
	case string:
		text = x
	case jsonNumber:
		text = string(x)
	case bool:
		text = strconv.FormatBool(x)
	default:
		text = printJSON(v, false)
	}
	switch t.Base {
	case types.Varchar:
		return truncateRunes(text, t.P)
	case types.Char:
		return strings.TrimRight(truncateRunes(text, t.P), " ")
	case types.Varbinary:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		return b
	case types.Array:
		l, ok := v.([]any)
		if !ok {
			return nil
		}
		out := make([]any, len(l))
		for i, x := range l {
			out[i] = fromJSONColumn(x, t.Elem())
		}
		return out
	case types.Map:
		o, ok := v.(*jsonObject)
		if !ok {
			return nil
		}
		out := []any{}
		for _, i := range o.index(true) {
			out = append(out, []any{o.keys[i], fromJSONColumn(o.values[i], t.Args[1])})
		}
		return out
	case types.Row:
		o, ok := v.(*jsonObject)
		if !ok {
			return nil
		}
		out := make([]any, len(t.Args))
		for i, n := range t.Names {
			if m, ok := member(o, n); ok {
				out[i] = fromJSONColumn(m, t.Args[i])
			}
		}
		return out
	case types.Timestamp:
		text = strings.Replace(strings.TrimSuffix(text, "Z"), "T", " ", 1)
	case types.TinyInt, types.SmallInt, types.Integer, types.BigInt:
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, ".eE") && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			text = strconv.FormatInt(int64(f), 10)
		}
	}
	f, ok := Cast(types.VarcharOf(types.Unbounded), t)
	if !ok {
		return nil
	}
	out, err := f(text)
	if err != nil {
		return nil
	}
	return out
}
