package jsonvalue

import "unicode/utf8"

// Marshal returns v as compact JSON text. Text outside ASCII is written as it is.
func Marshal(v any) string { return string(Append(nil, v)) }

// Append appends v as compact JSON text. It panics for a value that is not JSON, which only a programmer can cause.
func Append(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case string:
		return AppendString(dst, v)
	case Number:
		return append(dst, v...)
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, x)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i, k := range v.keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, k)
			dst = append(dst, ':')
			dst = Append(dst, v.vals[i])
		}
		return append(dst, '}')
	}
	panic("BUG: not a JSON value")
}

// AppendString appends s as a JSON string, with the digits of \u00XX in upper case, as AWS's services write them.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s, "0123456789ABCDEF") }

// AppendScriptString appends s as JavaScript's JSON.stringify writes it: the digits of \u00xx are in lower case.
func AppendScriptString(dst []byte, s string) []byte { return appendString(dst, s, "0123456789abcdef") }

func appendString(dst []byte, s, hex string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				i++
				start = i
				continue
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// Pretty returns v as JSON text with the members of the top level on lines of their own.
func Pretty(v any) string { return string(appendPretty(nil, v, 0)) }

func appendPretty(dst []byte, v any, depth int) []byte {
	indent := func(n int) {
		dst = append(dst, '\n')
		for range n {
			dst = append(dst, "  "...)
		}
	}
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			indent(depth + 1)
			dst = appendPretty(dst, x, depth+1)
		}
		indent(depth)
		return append(dst, ']')
	case *Object:
		if v.Len() == 0 {
			return append(dst, "{}"...)
		}
		dst = append(dst, '{')
		for i, k := range v.keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			indent(depth + 1)
			dst = append(AppendString(dst, k), ": "...)
			dst = appendPretty(dst, v.vals[i], depth+1)
		}
		indent(depth)
		return append(dst, '}')
	}
	return Append(dst, v)
}
