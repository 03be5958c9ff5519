package scalar

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// castToJSON prints values as JSON text.
func castToJSON(from types.Type) (Converter, bool) {
	w, ok := jsonWriter(from)
	if !ok {
		return nil, false
	}
	return func(v any) (any, error) {
		var b strings.Builder
		w(&b, v)
		return b.String(), nil
	}, true
}

func jsonWriter(t types.Type) (func(*strings.Builder, any), bool) {
	base, ok := jsonValueWriter(t)
	if !ok {
		return nil, false
	}
	return func(b *strings.Builder, v any) {
		if v == nil {
			b.WriteString("null")
			return
		}
		base(b, v)
	}, true
}

func jsonValueWriter(t types.Type) (func(*strings.Builder, any), bool) {
	switch t.Base {
	case types.Unknown:
		return func(b *strings.Builder, _ any) { b.WriteString("null") }, true
	case types.JSON:
		return func(b *strings.Builder, v any) { b.WriteString(str(v)) }, true
	case types.Double, types.Real:
		return func(b *strings.Builder, v any) {
			f, s := asDouble(v, t), ""
			if x, ok := v.(float32); ok {
				s = JavaFloat(x)
			} else {
				s = JavaDouble(f)
			}
			if math.IsNaN(f) || math.IsInf(f, 0) {
				s = jsonQuote(s)
			}
			b.WriteString(s)
		}, true
	case types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Decimal:
		text, _ := textOf(t)
		return func(b *strings.Builder, v any) { b.WriteString(text(v)) }, true
	case types.Varchar, types.Date, types.Timestamp:
		text, _ := textOf(t)
		return func(b *strings.Builder, v any) { b.WriteString(escapeAstral(jsonQuote(text(v)))) }, true
	case types.Array:
		elem, ok := jsonWriter(t.Elem())
		return func(b *strings.Builder, v any) {
			b.WriteByte('[')
			for i, x := range list(v) {
				if i > 0 {
					b.WriteByte(',')
				}
				elem(b, x)
			}
			b.WriteByte(']')
		}, ok
	case types.Map:
		return jsonMapWriter(t)
	case types.Row:
		fields := make([]func(*strings.Builder, any), len(t.Args))
		for i, a := range t.Args {
			var ok bool
			if fields[i], ok = jsonWriter(a); !ok {
				return nil, false
			}
		}
		return func(b *strings.Builder, v any) {
			b.WriteByte('{')
			for i, x := range list(v) {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(jsonQuote(t.Names[i]) + ":")
				fields[i](b, x)
			}
			b.WriteByte('}')
		}, true
	}
	return nil, false
}

// escapeAstral writes characters beyond the basic plane as pairs of escapes, as the cast does.
func escapeAstral(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r > 0xffff }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r <= 0xffff {
			b.WriteRune(r)
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		fmt.Fprintf(&b, `\u%04X\u%04X`, hi, lo)
	}
	return b.String()
}

func jsonMapWriter(t types.Type) (func(*strings.Builder, any), bool) {
	if !t.Args[0].Is(types.Varchar, types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Double, types.Real, types.Decimal, types.Unknown) {
		return nil, false
	}
	value, ok := jsonWriter(t.Args[1])
	if !ok {
		return nil, false
	}
	key := func(any) string { return "" }
	if t.Args[0].Base != types.Unknown {
		key, _ = textOf(t.Args[0])
	}
	switch t.Args[0].Base { // not as a cast prints them
	case types.Double:
		key = func(v any) string { return JavaDouble(dbl(v)) }
	case types.Real:
		key = func(v any) string { return JavaFloat(v.(float32)) }
	}
	return func(b *strings.Builder, v any) {
		entries := append([]any(nil), list(v)...)
		sort.SliceStable(entries, func(i, j int) bool { return key(list(entries[i])[0]) < key(list(entries[j])[0]) })
		b.WriteByte('{')
		for i, e := range entries {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(jsonQuote(key(list(e)[0])) + ":")
			value(b, list(e)[1])
		}
		b.WriteByte('}')
	}, true
}

// fromNode casts a node of JSON, which may be null.
type fromNode func(v any) (any, error)

func castFromJSON(to types.Type) (Converter, bool) {
	f, ok := jsonCaster(to)
	if !ok {
		return nil, false
	}
	return func(v any) (any, error) {
		node, ok := parseJSON(str(v), false)
		if !ok {
			return nil, badCast("Cannot cast '%s' to %s", str(v), to)
		}
		out, err := f(node)
		if e, is := err.(*Error); is && to.Is(types.Array, types.Map, types.Row) {
			return nil, badCast("Cannot cast to %s. %s\n%s", to, e.Message, str(v))
		}
		return out, err
	}, true
}

func jsonCaster(to types.Type) (fromNode, bool) {
	switch to.Base {
	case types.JSON:
		return func(v any) (any, error) {
			if v == nil {
				return "null", nil
			}
			return printJSON(v, false), nil
		}, true
	case types.Array:
		elem, ok := jsonCaster(to.Elem())
		return func(v any) (any, error) {
			if v == nil {
				return nil, nil
			}
			l, is := v.([]any)
			if !is {
				return nil, badCast("Expected a json array, but got %s", printJSON(v, false))
			}
			out := make([]any, len(l))
			for i, x := range l {
				var err error
				if out[i], err = elem(x); err != nil {
					return nil, err
				}
			}
			return out, nil
		}, ok
	case types.Map:
		return jsonMapCaster(to)
	case types.Row:
		return jsonRowCaster(to)
	case types.Varchar, types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Double, types.Real, types.Decimal:
		return func(v any) (any, error) { return jsonScalar(v, to) }, true
	}
	return nil, false
}

func jsonMapCaster(to types.Type) (fromNode, bool) {
	if !to.Args[0].Is(types.Varchar, types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Double, types.Real, types.Decimal) {
		return nil, false
	}
	key, _ := Cast(types.VarcharOf(types.Unbounded), to.Args[0])
	value, ok := jsonCaster(to.Args[1])
	return func(v any) (any, error) {
		if v == nil {
			return nil, nil
		}
		o, is := v.(*jsonObject)
		if !is {
			return nil, badCast("Expected a json object, but got %s", printJSON(v, false))
		}
		out := []any{}
		for i, k := range o.keys {
			kv, err := key(k)
			if err != nil {
				return nil, err
			}
			x, err := value(o.values[i])
			if err != nil {
				return nil, err
			}
			if _, dup := lookup(out, kv, to.Args[0]); dup {
				return nil, badCast("Duplicate keys are not allowed")
			}
			out = append(out, []any{kv, x})
		}
		return out, nil
	}, ok
}

func jsonRowCaster(to types.Type) (fromNode, bool) {
	fields := make([]fromNode, len(to.Args))
	for i, t := range to.Args {
		var ok bool
		if fields[i], ok = jsonCaster(t); !ok {
			return nil, false
		}
	}
	return func(v any) (any, error) {
		out := make([]any, len(fields))
		var err error
		switch v := v.(type) {
		case nil:
			return nil, nil
		case []any:
			if len(v) != len(fields) {
				return nil, badCast("Expected json array of size %d", len(fields))
			}
			for i := range fields {
				if out[i], err = fields[i](v[i]); err != nil {
					return nil, err
				}
			}
			return out, nil
		case *jsonObject:
			for j, k := range v.keys {
				for i, n := range to.Names {
					if n != "" && strings.EqualFold(n, k) {
						if out[i], err = fields[i](v.values[j]); err != nil {
							return nil, err
						}
						break
					}
				}
			}
			return out, nil
		}
		return nil, badCast("Expected a json array or object, but got %s", printJSON(v, false))
	}, true
}

func jsonScalar(v any, to types.Type) (any, error) {
	bad := func() (any, error) { return nil, badCast("Cannot cast '%s' to %s", printJSON(v, false), to) }
	var from types.Type
	var in any
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		from, in = types.VarcharOf(types.Unbounded), x
	case bool:
		if to.Is(types.Date, types.Timestamp) {
			return bad()
		}
		from, in = types.Of(types.Boolean), x
	case jsonNumber:
		if to.Is(types.Date, types.Timestamp) {
			return bad()
		}
		if i, ok := isInteger(x); ok {
			from, in = types.Of(types.BigInt), i
		} else if whole := !strings.ContainsAny(string(x), ".eE"); whole && to.Base == types.Boolean {
			return bad()
		} else if whole && to.Base == types.Varchar {
			from, in = types.VarcharOf(types.Unbounded), string(x)
		} else if to.Base == types.Decimal || !strings.ContainsAny(string(x), ".eE") {
			d, scale, ok := jsonDecimal(x)
			if !ok || scale > 70 {
				return bad()
			}
			if to.Base != types.Decimal {
				f, _ := strconv.ParseFloat(string(x), 64)
				from, in = types.Of(types.Double), f
				break
			}
			if d = rescale(d, scale, to.S); !fits(d, to.P) {
				return bad()
			}
			return d, nil
		} else {
			f, _ := strconv.ParseFloat(string(x), 64)
			from, in = types.Of(types.Double), f
		}
	default:
		return bad()
	}
	f, ok := Cast(from, to)
	if !ok {
		return bad()
	}
	out, err := f(in)
	if e, is := err.(*Error); is && e.Name == "NUMERIC_VALUE_OUT_OF_RANGE" {
		return nil, badCast("%s", e.Message)
	}
	return out, err
}
