package scalar

import (
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Nodes of JSON: nil, bool, jsonNumber, string, []any, *jsonObject.
type jsonNumber string

type jsonObject struct {
	keys   []string
	values []any
}

func (o *jsonObject) get(key string) (any, bool) {
	for i := len(o.keys) - 1; i >= 0; i-- {
		if o.keys[i] == key {
			return o.values[i], true
		}
	}
	return nil, false
}

type jsonReader struct {
	s     string
	i     int
	depth int
}

// parseJSON reads one value. prefix allows text after it.
func parseJSON(s string, prefix bool) (any, bool) {
	r := &jsonReader{s: s}
	v, ok := r.value()
	if !ok {
		return nil, false
	}
	if _, number := v.(jsonNumber); number && r.i < len(s) && strings.IndexByte(" \t\r\n", s[r.i]) < 0 {
		return nil, false // a number ends where something else begins, but not at the root
	}
	r.blank()
	return v, prefix || r.i == len(s)
}

func (r *jsonReader) blank() {
	for r.i < len(r.s) && strings.IndexByte(" \t\r\n", r.s[r.i]) >= 0 {
		r.i++
	}
}

func (r *jsonReader) accept(c byte) bool {
	r.blank()
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *jsonReader) word(w string, v any) (any, bool) {
	if !strings.HasPrefix(r.s[r.i:], w) {
		return nil, false
	}
	r.i += len(w)
	return v, r.i == len(r.s) || !isWordByte(r.s[r.i])
}

func isWordByte(c byte) bool {
	return c == '_' || c|32 >= 'a' && c|32 <= 'z' || c >= '0' && c <= '9'
}

func (r *jsonReader) value() (any, bool) {
	r.blank()
	if r.i >= len(r.s) || r.depth > 1000 {
		return nil, false
	}
	r.depth++
	defer func() { r.depth-- }()
	switch c := r.s[r.i]; {
	case c == 'n':
		return r.word("null", nil)
	case c == 't':
		return r.word("true", true)
	case c == 'f':
		return r.word("false", false)
	case c == '"':
		return r.text()
	case c == '[':
		r.i++
		out, ok := r.elements()
		if !ok {
			return nil, false
		}
		return out, true
	case c == '{':
		r.i++
		return r.object()
	}
	return r.number()
}

func (r *jsonReader) object() (any, bool) {
	o := &jsonObject{}
	if r.accept('}') {
		return o, true
	}
	for {
		r.blank()
		if r.i >= len(r.s) || r.s[r.i] != '"' {
			return nil, false
		}
		k, ok := r.text()
		if !ok || !r.accept(':') {
			return nil, false
		}
		v, ok := r.value()
		if !ok {
			return nil, false
		}
		o.keys, o.values = append(o.keys, k.(string)), append(o.values, v)
		if r.accept('}') {
			return o, true
		}
		if !r.accept(',') {
			return nil, false
		}
	}
}

func (r *jsonReader) number() (any, bool) {
	start := r.i
	digits := func() bool {
		from := r.i
		for r.i < len(r.s) && r.s[r.i] >= '0' && r.s[r.i] <= '9' {
			r.i++
		}
		return r.i > from
	}
	if r.s[r.i] == '-' {
		r.i++
	}
	first := r.i
	if !digits() || r.s[first] == '0' && r.i-first > 1 {
		return nil, false
	}
	if r.i < len(r.s) && r.s[r.i] == '.' {
		r.i++
		if !digits() {
			return nil, false
		}
	}
	if r.i < len(r.s) && r.s[r.i]|32 == 'e' {
		r.i++
		if r.i < len(r.s) && (r.s[r.i] == '+' || r.s[r.i] == '-') {
			r.i++
		}
		if !digits() {
			return nil, false
		}
	}
	if r.i < len(r.s) && isWordByte(r.s[r.i]) {
		return nil, false
	}
	return jsonNumber(r.s[start:r.i]), true
}

func (r *jsonReader) text() (any, bool) {
	r.i++
	var b strings.Builder
	for r.i < len(r.s) {
		c := r.s[r.i]
		switch {
		case c == '"':
			r.i++
			return b.String(), true
		case c < 0x20:
			return nil, false
		case c != '\\':
			_, n := utf8.DecodeRuneInString(r.s[r.i:])
			b.WriteString(r.s[r.i : r.i+n])
			r.i += n
			continue
		}
		if r.i+1 >= len(r.s) {
			return nil, false
		}
		e := r.s[r.i+1]
		r.i += 2
		if i := strings.IndexByte(`"\/bfnrt`, e); i >= 0 {
			b.WriteByte("\"\\/\b\f\n\r\t"[i])
			continue
		}
		if e != 'u' {
			return nil, false
		}
		u, ok := r.hex4()
		if !ok {
			return nil, false
		}
		if utf16.IsSurrogate(u) && strings.HasPrefix(r.s[r.i:], `\u`) {
			save := r.i
			r.i += 2
			if low, ok := r.hex4(); ok {
				if pair := utf16.DecodeRune(u, low); pair != utf8.RuneError {
					b.WriteRune(pair)
					continue
				}
			}
			r.i = save
		}
		b.WriteRune(u)
	}
	return nil, false
}

func (r *jsonReader) hex4() (rune, bool) {
	if r.i+4 > len(r.s) {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 32)
	r.i += 4
	return rune(n), err == nil
}

// jsonQuote prints a string of JSON.
func jsonQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20:
			b.WriteString(`\u00`)
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// jsonNumberText prints a number as Jackson does after reading it: integers stay, the rest are doubles.
func jsonNumberText(n jsonNumber) string {
	s := string(n)
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			return "0"
		}
		return s
	}
	f, _ := strconv.ParseFloat(s, 64)
	if math.IsInf(f, 0) {
		return jsonQuote(JavaDouble(f))
	}
	return JavaDouble(f)
}

// printJSON prints a node; sorted orders the members of objects by name, the last of equal names wins.
func printJSON(v any, sorted bool) string {
	var b strings.Builder
	writeJSON(&b, v, sorted)
	return b.String()
}

func writeJSON(b *strings.Builder, v any, sorted bool) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case jsonNumber:
		b.WriteString(jsonNumberText(v))
	case string:
		b.WriteString(jsonQuote(v))
	case rawJSON:
		b.WriteString(string(v))
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, x, sorted)
		}
		b.WriteByte(']')
	case *jsonObject:
		b.WriteByte('{')
		for n, i := range v.index(sorted) {
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteString(jsonQuote(v.keys[i]) + ":")
			writeJSON(b, v.values[i], sorted)
		}
		b.WriteByte('}')
	}
}

// index lists the members to print.
func (o *jsonObject) index(sorted bool) []int {
	out := make([]int, 0, len(o.keys))
	last := map[string]int{}
	for i, k := range o.keys {
		last[k] = i
	}
	for i, k := range o.keys {
		if !sorted || last[k] == i {
			out = append(out, i)
		}
	}
	if sorted {
		sort.Slice(out, func(i, j int) bool { return javaLess(o.keys[out[i]], o.keys[out[j]]) })
	}
	return out
}

// javaLess compares by UTF-16 units.
func javaLess(a, b string) bool {
	x, y := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return len(x) < len(y)
}

func isInteger(n jsonNumber) (int64, bool) {
	if strings.ContainsAny(string(n), ".eE") {
		return 0, false
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}

func jsonDecimal(n jsonNumber) (*big.Int, int, bool) { return parseDecimal(string(n)) }

// elements reads an array after its bracket: the elements before the first error, and whether there was none.
func (r *jsonReader) elements() (list []any, whole bool) {
	list = []any{}
	if r.accept(']') {
		return list, true
	}
	for {
		v, ok := r.value()
		if !ok {
			return list, false
		}
		list = append(list, v)
		if r.accept(']') {
			return list, true
		}
		if !r.accept(',') {
			return list, false
		}
	}
}
