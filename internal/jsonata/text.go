package jsonata

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func sortIndexes(keys []string) {
	sort.Slice(keys, func(i, j int) bool {
		if len(keys[i]) != len(keys[j]) {
			return len(keys[i]) < len(keys[j])
		}
		return keys[i] < keys[j]
	})
}

// appendNumber writes a number as JavaScript does: the shortest digits that read back, with an exponent from 1e21 and below 1e-6.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		return append(dst, '0')
	}
	if i := int64(f); float64(i) == f && i < 1<<53 && i > -1<<53 {
		return strconv.AppendInt(dst, i, 10)
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes two digits of exponent at least
	if n := len(dst); n-start > 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

func numberText(f float64) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], f))
}

// round15 rounds to 15 significant digits, as $string does.
func round15(f float64) float64 {
	if i := int64(f); float64(i) == f && i < 1e15 && i > -1e15 {
		return f
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	var buf [32]byte
	r, _ := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'e', 14, 64)), 64)
	return r
}

// scriptNumber reads text as JavaScript's Number does.
func scriptNumber(s string) float64 {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if len(s) > 2 && s[0] == '0' {
		base := 0
		switch s[1] {
		case 'x', 'X':
			base = 16
		case 'o', 'O':
			base = 8
		case 'b', 'B':
			base = 2
		}
		if base > 0 {
			f := 0.0
			for _, c := range []byte(s[2:]) {
				d := digitOf(c)
				if d >= base {
					return math.NaN()
				}
				f = f*float64(base) + float64(d)
			}
			return f
		}
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return math.NaN()
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

func digitOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return 99
}

// scriptInt reads the integer that a text starts with, as parseInt does: NaN without one.
func scriptInt(s string) float64 {
	s = strings.TrimLeft(s, " \t\n\r\v\f")
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == start {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s[:i], 64)
	return f
}

// less16 compares text by its UTF-16 units, as JavaScript does.
func less16(a, b string) bool {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i == n {
		return len(a) < len(b)
	}
	if a[i] < 0xEE || b[i] < 0xEE {
		return a[i] < b[i]
	}
	// characters beyond the basic plane (first byte F0 and up) sort as surrogates, below U+E000
	as, bs := a[i] >= 0xF0, b[i] >= 0xF0
	if as != bs {
		return as
	}
	return a[i] < b[i]
}

// units returns the length of s in UTF-16 units.
func units(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i, n = i+1, n+1
			continue
		}
		r, w := utf8.DecodeRuneInString(s[i:])
		i, n = i+w, n+1
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

const maxNesting = 2000 // levels of objects and lists within one another; only an object that holds itself has more

// stringifier writes values as JSON.stringify does.
type stringifier struct {
	ev     *evaluator
	out    []byte
	indent string
	plain  bool // as JSON.stringify does alone: numbers in full, functions left out
}

func (w *stringifier) value(v any, depth int) error {
	if depth > maxNesting {
		return circular()
	}
	if err := w.ev.step(); err != nil {
		return err
	}
	switch x := v.(type) {
	case nil, undefinedType:
		w.out = append(w.out, "null"...)
	case bool:
		w.out = strconv.AppendBool(w.out, x)
	case string:
		w.out = jsonvalue.AppendScriptString(w.out, x)
	case jsonvalue.Number:
		return w.value(number(x), depth)
	case float64:
		return w.num(x)
	case []any:
		return w.value(&array{items: x}, depth)
	case *array:
		return w.array(x, depth)
	case *jsonvalue.Object:
		return w.object(x, depth)
	case *function:
		if w.plain {
			w.out = append(w.out, "null"...)
			return nil
		}
		w.out = append(w.out, `""`...)
	}
	return w.ev.grown(len(w.out))
}

func (w *stringifier) num(f float64) error {
	if !w.plain {
		if _, err := isNumeric(f); err != nil {
			return err
		}
		f = round15(f)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.out = append(w.out, "null"...)
		return nil
	}
	w.out = appendNumber(w.out, f)
	return nil
}

func (w *stringifier) newline(depth int) {
	if w.indent == "" {
		return
	}
	w.out = append(w.out, '\n')
	for range depth {
		w.out = append(w.out, w.indent...)
	}
}

func (w *stringifier) array(a *array, depth int) error {
	w.out = append(w.out, '[')
	for i, n := 0, a.len(); i < n; i++ {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.newline(depth + 1)
		if err := w.value(a.at(i), depth+1); err != nil {
			return err
		}
	}
	if a.len() > 0 {
		w.newline(depth)
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *stringifier) object(o *jsonvalue.Object, depth int) error {
	w.out = append(w.out, '{')
	first := true
	for _, k := range orderedKeys(o) {
		v := member(o, k)
		if _, isFn := v.(*function); isUndef(v) || isFn && w.plain {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.newline(depth + 1)
		w.out = append(jsonvalue.AppendScriptString(w.out, k), ':')
		if w.indent != "" {
			w.out = append(w.out, ' ')
		}
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	if !first {
		w.newline(depth)
	}
	w.out = append(w.out, '}')
	return nil
}
