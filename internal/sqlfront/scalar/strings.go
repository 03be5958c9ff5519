package scalar

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var stringTable = map[string]entry{
	"length": typed(length), "lower": textMap(strings.Map, unicode.ToLower), "upper": textMap(strings.Map, unicode.ToUpper),
	"reverse": typed(reverse), "concat": typed(concat), "$concat": typed(concat),
	"substr": typed(substring), "substring": typed(substring), "strpos": plain(strpos),
	"starts_with": plain(func(a []any) (any, error) { return strings.HasPrefix(str(a[0]), str(a[1])), nil }),
	"lpad":        typed(pad(true)), "rpad": typed(pad(false)),
	"trim": typed(trim(true, true)), "ltrim": typed(trim(true, false)), "rtrim": typed(trim(false, true)),
	"replace": plain(replace), "translate": plain(translate), "split": plain(split), "split_part": plain(splitPart),
	"split_to_map": plain(splitToMap), "split_to_multimap": plain(splitToMultimap), "concat_ws": withNulls(typed(concatWS)),
	"chr": plain(chr), "codepoint": plain(codepoint),
	"levenshtein_distance": plain(levenshtein), "hamming_distance": plain(hamming), "soundex": plain(soundex),
	"normalize": plain(normalizeText), "from_utf8": plain(fromUTF8), "to_utf8": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) { return []byte(charText(a[0], s.Args[0])), nil }, nil
	}),
	"$like": typed(like), "luhn_check": plain(luhn), "parse_data_size": plain(dataSize), "parse_presto_data_size": plain(dataSize),
	"fail": plain(func(a []any) (any, error) { return nil, fail("GENERIC_USER_ERROR", "%s", str(a[0])) }),
}

func codepoint(a []any) (any, error) {
	r, n := utf8.DecodeRuneInString(str(a[0]))
	if n == 0 || n < len(str(a[0])) {
		return nil, invalid("Input string must be a single character string")
	}
	return int64(r), nil
}

// charText returns the text of a varchar, or of a char with its blanks.
func charText(v any, t types.Type) string {
	if t.Base == types.Char {
		return PadChar(str(v), t.P)
	}
	return str(v)
}

func textMap(apply func(func(rune) rune, string) string, f func(rune) rune) entry {
	return plain(func(a []any) (any, error) { return apply(f, str(a[0])), nil })
}

func length(s Signature) (Func, error) {
	switch t := s.Args[0]; t.Base {
	case types.Varbinary:
		return func(a []any) (any, error) { return int64(len(raw(a[0]))), nil }, nil
	case types.Char:
		return func([]any) (any, error) { return int64(t.P), nil }, nil
	}
	return func(a []any) (any, error) { return int64(utf8.RuneCountInString(str(a[0]))), nil }, nil
}

func reverse(s Signature) (Func, error) {
	switch t := s.Args[0]; t.Base {
	case types.Varbinary:
		return func(a []any) (any, error) {
			b := append([]byte{}, raw(a[0])...)
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
			return b, nil
		}, nil
	case types.Array:
		return func(a []any) (any, error) {
			l := append([]any{}, list(a[0])...)
			for i, j := 0, len(l)-1; i < j; i, j = i+1, j-1 {
				l[i], l[j] = l[j], l[i]
			}
			return l, nil
		}, nil
	default:
		return func(a []any) (any, error) {
			r := []rune(charText(a[0], t))
			for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
				r[i], r[j] = r[j], r[i]
			}
			out := string(r)
			if t.Base == types.Char {
				out = strings.TrimRight(out, " ")
			}
			return out, nil
		}, nil
	}
}

func concat(s Signature) (Func, error) {
	switch s.Result.Base {
	case types.Array:
		return func(a []any) (any, error) {
			out := []any{}
			for i, x := range a {
				if s.Args[i].Base == types.Array && (s.Args[i].Equal(s.Result) || !s.Args[i].Equal(s.Result.Elem())) {
					out = append(out, list(x)...)
				} else {
					out = append(out, x)
				}
			}
			return out, nil
		}, nil
	case types.Varbinary:
		return func(a []any) (any, error) {
			out := []byte{}
			for _, x := range a {
				out = append(out, raw(x)...)
			}
			return out, nil
		}, nil
	}
	return func(a []any) (any, error) {
		var b strings.Builder
		for i, x := range a {
			b.WriteString(charText(x, s.Args[i]))
		}
		if s.Result.Base == types.Char {
			return strings.TrimRight(b.String(), " "), nil
		}
		return b.String(), nil
	}, nil
}

// window cuts length items from the start-th of n on, as substr does; a negative start counts from the end.
func window(n, start, length int64, limited bool) (from, to int64, ok bool) {
	switch {
	case start == 0:
		return 0, 0, false
	case start < 0:
		start += n
		if start < 0 {
			return 0, 0, false
		}
	default:
		start--
	}
	if start >= n {
		return 0, 0, false
	}
	end := n
	if limited {
		if length <= 0 {
			return 0, 0, false
		}
		if length < n-start {
			end = start + length
		}
	}
	return start, end, true
}

func substring(s Signature) (Func, error) {
	in := s.Args[0]
	return func(a []any) (any, error) {
		length, limited := int64(0), len(a) == 3
		if limited {
			length = num(a[2])
		}
		if in.Base == types.Varbinary {
			b := raw(a[0])
			from, to, ok := window(int64(len(b)), num(a[1]), length, limited)
			if !ok {
				return []byte{}, nil
			}
			return append([]byte{}, b[from:to]...), nil
		}
		text := charText(a[0], in)
		r := []rune(text)
		from, to, ok := window(int64(len(r)), num(a[1]), length, limited)
		if !ok {
			return "", nil
		}
		return string(r[from:to]), nil
	}, nil
}

func strpos(a []any) (any, error) {
	s, sub := str(a[0]), str(a[1])
	n := int64(1)
	if len(a) == 3 {
		if n = num(a[2]); n == 0 {
			return nil, invalid("'instance' must be a positive or negative number.")
		}
	}
	if sub == "" {
		if n < 0 {
			return int64(1), nil
		}
		return int64(1), nil
	}
	at := -1
	if n > 0 {
		for from := 0; n > 0; n-- {
			i := strings.Index(s[from:], sub)
			if i < 0 {
				return int64(0), nil
			}
			at = from + i
			_, size := utf8.DecodeRuneInString(s[at:])
			from = at + size
		}
	} else {
		for to := len(s); n < 0; n++ {
			if to < 0 {
				return int64(0), nil
			}
			i := strings.LastIndex(s[:to], sub)
			if i < 0 {
				return int64(0), nil
			}
			at = i
			to = i + len(sub) - 1
		}
	}
	return int64(utf8.RuneCountInString(s[:at]) + 1), nil
}

func pad(left bool) builder {
	return func(s Signature) (Func, error) {
		in := s.Args[0]
		const most = int64(1<<31 - 1)
		return func(a []any) (any, error) {
			n := num(a[1])
			if n < 0 || n > most {
				return nil, invalid("Target length must be in the range [0..%d]", most)
			}
			if in.Base == types.Varbinary {
				b, p := raw(a[0]), raw(a[2])
				if len(p) == 0 {
					return nil, invalid("Padding bytes must not be empty")
				}
				if int64(len(b)) >= n {
					return append([]byte{}, b[:n]...), nil
				}
				fill := make([]byte, 0, n)
				for int64(len(fill)) < n-int64(len(b)) {
					fill = append(fill, p...)
				}
				fill = fill[:n-int64(len(b))]
				if left {
					return append(fill, b...), nil
				}
				return append(append([]byte{}, b...), fill...), nil
			}
			text, p := charText(a[0], in), []rune(str(a[2]))
			if len(p) == 0 {
				return nil, invalid("Padding string must not be empty")
			}
			have := int64(utf8.RuneCountInString(text))
			if have >= n {
				return truncateRunes(text, int(n)), nil
			}
			if n > 1<<26 {
				return nil, fail("EXCEEDED_FUNCTION_MEMORY_LIMIT", "Padded string would have %d characters", n)
			}
			fill := make([]rune, n-have)
			for i := range fill {
				fill[i] = p[i%len(p)]
			}
			if left {
				return string(fill) + text, nil
			}
			return text + string(fill), nil
		}, nil
	}
}

func isTrimmed(r rune) bool {
	return r == ' ' || r >= 0x09 && r <= 0x0d || r >= 0x1c && r <= 0x1f || unicode.Is(unicode.Z, r) && r != 0xa0 && r != 0x2007 && r != 0x202f
}

func trim(left, right bool) builder {
	return func(s Signature) (Func, error) {
		return func(a []any) (any, error) {
			cut := isTrimmed
			if len(a) == 2 {
				set := str(a[1])
				cut = func(r rune) bool { return strings.ContainsRune(set, r) }
			}
			text := str(a[0]) // a char has lost its blanks already
			if left {
				text = strings.TrimLeftFunc(text, cut)
			}
			if right {
				text = strings.TrimRightFunc(text, cut)
			}
			return text, nil
		}, nil
	}
}

func replace(a []any) (any, error) {
	with := ""
	if len(a) == 3 {
		with = str(a[2])
	}
	if str(a[1]) == "" && len(a) == 2 {
		return a[0], nil
	}
	return strings.ReplaceAll(str(a[0]), str(a[1]), with), nil
}

func translate(a []any) (any, error) {
	from, to := []rune(str(a[1])), []rune(str(a[2]))
	m := map[rune]rune{}
	for i, r := range from {
		if _, seen := m[r]; seen {
			continue
		}
		m[r] = -1
		if i < len(to) {
			m[r] = to[i]
		}
	}
	return strings.Map(func(r rune) rune {
		if x, ok := m[r]; ok {
			return x
		}
		return r
	}, str(a[0])), nil
}

func chr(a []any) (any, error) {
	n := num(a[0])
	if n < 0 || n > utf8.MaxRune || n >= 0xD800 && n <= 0xDFFF {
		return nil, invalid("Not a valid Unicode code point: %d", n)
	}
	return string(rune(n)), nil
}

func normalizeText(a []any) (any, error) {
	form, ok := map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}[str(a[1])]
	if !ok {
		return nil, invalid("Normalization form must be one of [NFD, NFC, NFKD, NFKC]")
	}
	return form.String(str(a[0])), nil
}

func fromUTF8(a []any) (any, error) {
	with := string(utf8.RuneError)
	if n, ok := a[len(a)-1].(int64); ok && (n < 0 || n > utf8.MaxRune || n >= 0xD800 && n <= 0xDFFF) {
		if !utf8.Valid(raw(a[0])) {
			return nil, invalid("Invalid replacement character")
		}
		return string(raw(a[0])), nil
	}
	if len(a) == 2 {
		switch r := a[1].(type) {
		case string:
			if utf8.RuneCountInString(r) > 1 {
				return nil, invalid("Replacement character string must empty or a single character")
			}
			with = r
		case int64:
			with = string(rune(r))
		}
	}
	b := raw(a[0])
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			out.WriteString(with)
			n = invalidLength(b)
		} else {
			out.Write(b[:n])
		}
		b = b[n:]
	}
	return out.String(), nil
}

// invalidLength is how many bytes of a broken sequence stand for one character.
func invalidLength(b []byte) int {
	want := 1
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		want = 2
	case c >= 0xE0 && c <= 0xEF:
		want = 3
	case c >= 0xF0 && c <= 0xF4:
		want = 4
	}
	n := 1
	for n < want && n < len(b) && b[n]&0xC0 == 0x80 {
		n++
	}
	return n
}
