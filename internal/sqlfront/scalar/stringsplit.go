package scalar

import (
	"math"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func split(a []any) (any, error) {
	if str(a[1]) == "" {
		return nil, invalid("The delimiter may not be the empty string")
	}
	limit := -1
	if len(a) == 3 {
		if num(a[2]) <= 0 {
			return nil, invalid("Limit must be positive")
		}
		if num(a[2]) > math.MaxInt32 {
			return nil, invalid("Limit is too large")
		}
		limit = int(min(num(a[2]), 1<<30))
	}
	parts := strings.SplitN(str(a[0]), str(a[1]), limit)
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

func splitPart(a []any) (any, error) {
	n := num(a[2])
	if n <= 0 {
		return nil, invalid("Index must be greater than zero")
	}
	var parts []string
	if str(a[1]) == "" {
		for _, r := range str(a[0]) {
			parts = append(parts, string(r))
		}
	} else {
		parts = strings.Split(str(a[0]), str(a[1]))
	}
	if n > int64(len(parts)) {
		return nil, nil
	}
	return parts[n-1], nil
}

func pairs(a []any) ([][2]string, error) {
	s, entry, kv := str(a[0]), str(a[1]), str(a[2])
	switch {
	case entry == "":
		return nil, invalid("entryDelimiter is empty")
	case kv == "":
		return nil, invalid("keyValueDelimiter is empty")
	case entry == kv:
		return nil, invalid("entryDelimiter and keyValueDelimiter must not be the same")
	}
	var out [][2]string
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, entry)
		k, v, ok := strings.Cut(part, kv)
		if !ok || strings.Contains(v, kv) {
			return nil, invalid("Key-value delimiter must appear exactly once in each entry. Bad input: '%s'", part)
		}
		out = append(out, [2]string{k, v})
	}
	return out, nil
}

func splitToMap(a []any) (any, error) {
	ps, err := pairs(a)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, p := range ps {
		if _, dup := lookup(out, p[0], types.Of(types.Varchar)); dup {
			return nil, invalid("Duplicate keys (%s) are not allowed", p[0])
		}
		out = append(out, []any{p[0], p[1]})
	}
	return out, nil
}

func splitToMultimap(a []any) (any, error) {
	ps, err := pairs(a)
	if err != nil {
		return nil, err
	}
	out := []any{}
next:
	for _, p := range ps {
		for i, e := range out {
			if str(list(e)[0]) == p[0] {
				out[i] = []any{p[0], append(list(list(e)[1]), p[1])}
				continue next
			}
		}
		out = append(out, []any{p[0], []any{p[1]}})
	}
	return out, nil
}

func concatWS(s Signature) (Func, error) {
	return func(a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		items := a[1:]
		if len(s.Args) == 2 && s.Args[1].Base == types.Array {
			if a[1] == nil {
				return nil, nil
			}
			items = list(a[1])
		}
		var parts []string
		for _, x := range items {
			if x != nil {
				parts = append(parts, str(x))
			}
		}
		return strings.Join(parts, str(a[0])), nil
	}, nil
}

func levenshtein(a []any) (any, error) {
	x, y := []rune(str(a[0])), []rune(str(a[1]))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, c := range x {
		last := row[0]
		row[0] = i + 1
		for j, d := range y {
			cost := last
			if c != d {
				cost = min(last, row[j], row[j+1]) + 1
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return int64(row[len(y)]), nil
}

func hamming(a []any) (any, error) {
	x, y := []rune(str(a[0])), []rune(str(a[1]))
	if len(x) != len(y) {
		return nil, invalid("The input strings to hamming_distance function must have the same length")
	}
	n := int64(0)
	for i := range x {
		if x[i] != y[i] {
			n++
		}
	}
	return n, nil
}

// soundex is Apache commons-codec's, which Trino uses.
func soundex(a []any) (any, error) {
	const codes = "01230120022455012623010202"
	var letters []rune
	for _, r := range str(a[0]) {
		if unicode.IsLetter(r) {
			letters = append(letters, unicode.ToUpper(r))
		}
	}
	if len(letters) == 0 {
		return "", nil
	}
	code := func(r rune) (byte, error) {
		if r < 'A' || r > 'Z' {
			return 0, invalid("The character is not mapped: %c (index=%d)", r, r-'A')
		}
		return codes[r-'A'], nil
	}
	last, err := code(letters[0])
	if err != nil {
		return nil, err
	}
	out := []rune{letters[0]}
	for _, r := range letters[1:] {
		if len(out) == 4 {
			break
		}
		if r == 'H' || r == 'W' {
			continue
		}
		c, err := code(r)
		if err != nil {
			return nil, err
		}
		if c != '0' && c != last {
			out = append(out, rune(c))
		}
		last = c
	}
	return (string(out) + "000")[:3+utf8.RuneLen(out[0])], nil
}

// like is LIKE with an escape character, or over a char.
func like(s Signature) (Func, error) {
	return func(a []any) (any, error) {
		escape := rune(-1)
		if len(a) == 3 {
			e := []rune(str(a[2]))
			if len(e) > 1 {
				return nil, invalid("Escape string must be a single character")
			}
			if len(e) == 1 {
				escape = e[0]
			}
		}
		text := []rune(charText(a[0], s.Args[0]))
		type item struct {
			r        rune
			any, one bool
		}
		var p []item
		runes := []rune(str(a[1]))
		for i := 0; i < len(runes); i++ {
			switch r := runes[i]; {
			case r == escape:
				i++
				if i >= len(runes) || runes[i] != '%' && runes[i] != '_' && runes[i] != escape {
					return nil, invalid("Escape character must be followed by '%%', '_' or the escape character itself")
				}
				p = append(p, item{r: runes[i]})
			case r == '%':
				p = append(p, item{any: true})
			case r == '_':
				p = append(p, item{one: true})
			default:
				p = append(p, item{r: r})
			}
		}
		i, j, star, mark := 0, 0, -1, 0
		for i < len(text) {
			switch {
			case j < len(p) && p[j].any:
				star, mark = j, i
				j++
			case j < len(p) && (p[j].one || p[j].r == text[i]):
				i++
				j++
			case star >= 0:
				mark++
				i, j = mark, star+1
			default:
				return false, nil
			}
		}
		for j < len(p) && p[j].any {
			j++
		}
		return j == len(p), nil
	}, nil
}

func luhn(a []any) (any, error) {
	s := str(a[0])
	if strings.Trim(s, "0123456789") != "" {
		return nil, invalid("Input contains non-digit characters")
	}
	if s == "" {
		return false, nil
	}
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0, nil
}

func dataSize(a []any) (any, error) {
	s := str(a[0])
	i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if i <= 0 {
		return nil, invalid("Invalid data size: '%s'", s)
	}
	power, ok := map[string]int64{"B": 0, "kB": 1, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5, "EB": 6, "ZB": 7, "YB": 8}[s[i:]]
	v, scale, good := parseDecimal(s[:i])
	if !ok || !good || strings.HasPrefix(s, ".") {
		return nil, invalid("Invalid data size: '%s'", s)
	}
	v = new(big.Int).Mul(v, new(big.Int).Exp(big.NewInt(1024), big.NewInt(power), nil))
	v = v.Quo(v, pow10[min(scale, len(pow10)-1)])
	if !fits(v, 38) {
		return nil, outOfRange("Value out of range: '%s'", s)
	}
	return v, nil
}
