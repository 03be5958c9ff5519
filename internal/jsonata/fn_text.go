package jsonata

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

func textFunctions() []builtin {
	return []builtin{
		{name: "string", sig: sig("<x-b?:s>"), arity: 1, fn: toText},
		{name: "substring", sig: sig("<s-nn?:s>"), arity: 3, fn: substring},
		{name: "substringBefore", sig: sig("<s-s:s>"), arity: 2, fn: around(func(before, _ string) string { return before })},
		{name: "substringAfter", sig: sig("<s-s:s>"), arity: 2, fn: around(func(_, after string) string { return after })},
		{name: "lowercase", sig: sig("<s-:s>"), arity: 1, fn: onText(lower)},
		{name: "uppercase", sig: sig("<s-:s>"), arity: 1, fn: onText(upper)},
		{name: "trim", sig: sig("<s-:s>"), arity: 1, fn: onText(trim)},
		{name: "length", sig: sig("<s-:n>"), arity: 1, fn: length},
		{name: "pad", sig: sig("<s-ns?:s>"), arity: 3, fn: pad},
		{name: "match", sig: sig("<s-f<s:o>n?:a<o>>"), arity: 3, fn: match},
		{name: "contains", sig: sig("<s-(sf):b>"), arity: 2, fn: containsFn},
		{name: "replace", sig: sig("<s-(sf)(sf)n?:s>"), arity: 4, fn: replace},
		{name: "split", sig: sig("<s-(sf)n?:a<s>>"), arity: 3, fn: split},
		{name: "join", sig: sig("<a<s>s?:s>"), arity: 2, fn: join},
		{name: "base64encode", sig: sig("<s-:s>"), arity: 1, fn: onText(encodeBase64)},
		{name: "base64decode", sig: sig("<s-:s>"), arity: 1, fn: decodeBase64},
		{name: "encodeUrlComponent", sig: sig("<s-:s>"), arity: 1, fn: onText(func(s string) string { return escapeURL(s, "-_.!~*'()") })},
		{name: "encodeUrl", sig: sig("<s-:s>"), arity: 1, fn: onText(func(s string) string { return escapeURL(s, "-_.!~*'();/?:@&=+$,#") })},
		{name: "decodeUrlComponent", sig: sig("<s-:s>"), arity: 1, fn: decodeURL("decodeUrlComponent", "")},
		{name: "decodeUrl", sig: sig("<s-:s>"), arity: 1, fn: decodeURL("decodeUrl", ";/?:@&=+$,#")},
	}
}

func onText(f func(string) string) func(*call, []any) (any, error) {
	return func(_ *call, args []any) (any, error) {
		s, ok, err := text(args, 0)
		if err != nil || !ok {
			return undef, err
		}
		return f(s), nil
	}
}

func toText(c *call, args []any) (any, error) {
	v := argument(args, 0)
	if isUndef(v) {
		return undef, nil
	}
	indent := ""
	if scriptTruth(argument(args, 1)) {
		indent = "  "
	}
	s, err := c.ev.stringify(v, indent)
	return s, err
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

// substring counts characters; a start below 0 counts from the end. Fractions are cut as JavaScript's slice does.
func substring(_ *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	start, ok, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		start = math.NaN()
	}
	n := float64(utf8.RuneCountInString(s))
	if n+start < 0 {
		start = 0
	}
	end := n
	if count, ok, err := num(args, 2); err != nil {
		return nil, err
	} else if ok {
		if count <= 0 {
			return "", nil
		}
		if end = start + count; start < 0 {
			end += n
		}
	}
	place := func(f float64) int {
		if math.IsNaN(f) {
			return 0
		}
		if f = math.Trunc(f); f < 0 {
			f += n
		}
		return int(max(0, min(n, f)))
	}
	from, to := place(start), place(end)
	if from >= to {
		return "", nil
	}
	return sliceRunes(s, from, to), nil
}

func sliceRunes(s string, from, to int) string {
	if isASCII(s) {
		return s[from:to]
	}
	i, start := 0, len(s)
	for at := range s {
		if i == from {
			start = at
		}
		if i == to {
			return s[start:at]
		}
		i++
	}
	return s[start:]
}

func around(pick func(before, after string) string) func(*call, []any) (any, error) {
	return func(_ *call, args []any) (any, error) {
		s, ok, err := text(args, 0)
		if err != nil || !ok {
			return undef, err
		}
		chars, ok, err := text(args, 1)
		if err != nil {
			return nil, err
		}
		if !ok {
			chars = "undefined"
		}
		before, after, found := strings.Cut(s, chars)
		if !found {
			return s, nil
		}
		return pick(before, after), nil
	}
}

func length(_ *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	return float64(utf8.RuneCountInString(s)), nil
}

// trim makes each run of white space one blank and takes it away at both ends.
func trim(s string) string {
	var b strings.Builder
	blank := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
		default:
			b.WriteByte(s[i])
			blank = false
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), " "), " ")
}

func pad(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	width, ok, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	filler, _, err := text(args, 2)
	if err != nil {
		return nil, err
	}
	if filler == "" {
		filler = " "
	}
	missing := math.Abs(width) - float64(utf8.RuneCountInString(s))
	if !ok || !(missing > 0) {
		return s, nil
	}
	if missing != math.Trunc(missing) || missing >= math.MaxUint32 {
		return nil, scriptError("Invalid array length")
	}
	if err := c.ev.grown(int(missing) * len(filler)); err != nil {
		return nil, err
	}
	padding := strings.Repeat(filler, int(missing))
	if units(filler) > 1 {
		padding = sliceRunes(padding, 0, int(missing))
	}
	if width > 0 {
		return s + padding, nil
	}
	return padding + s, nil
}

func join(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	separator, _, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	n, size := a.len(), 0
	parts := make([]string, n)
	for i := range n {
		switch v := a.at(i).(type) {
		case string:
			parts[i] = v
		case undefinedType, nil:
		default:
			parts[i] = textOf(v)
		}
		size += len(parts[i]) + len(separator)
	}
	if err := c.ev.grown(size); err != nil {
		return nil, err
	}
	return strings.Join(parts, separator), nil
}

// encodeBase64 takes each character for a byte.
func encodeBase64(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func decodeBase64(_ *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, scriptError("invalid base64: %s", err.Error())
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r), nil
}

// escapeURL escapes all but letters, digits and the characters in keep.
func escapeURL(s, keep string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// decodeURL undoes escapes, but for those of the characters in reserved.
func decodeURL(name, reserved string) func(*call, []any) (any, error) {
	return func(_ *call, args []any) (any, error) {
		s, ok, err := text(args, 0)
		if err != nil || !ok {
			return undef, err
		}
		out := make([]byte, 0, len(s))
		for i := 0; i < len(s); {
			if s[i] != '%' {
				out = append(out, s[i])
				i++
				continue
			}
			char := escapedCharacter(s[i:])
			if char == "" {
				return nil, fail("D3140").val(s).with("functionName", name)
			}
			if n := 3 * len(char); strings.Contains(reserved, char) {
				out = append(out, s[i:i+n]...)
				i += n
			} else {
				out = append(out, char...)
				i += n
			}
		}
		return string(out), nil
	}
}

// escapedCharacter returns the character that the escapes at the start of s stand for, "" if they are malformed.
func escapedCharacter(s string) string {
	var buf [utf8.UTFMax]byte
	for n := range buf {
		if len(s) < 3*n+3 || s[3*n] != '%' {
			return ""
		}
		v, err := strconv.ParseUint(s[3*n+1:3*n+3], 16, 8)
		if err != nil {
			return ""
		}
		buf[n] = byte(v)
		if char := buf[:n+1]; utf8.FullRune(char) {
			if !utf8.Valid(char) {
				return ""
			}
			return string(char)
		}
	}
	return ""
}
