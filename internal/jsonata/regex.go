package jsonata

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// regexTime bounds one search of a regular expression, which may backtrack without end.
const regexTime = time.Second

// regex is a regular expression with the meaning that JavaScript gives it.
type regex struct {
	source string
	re     *regexp2.Regexp
}

func compileRegex(pattern, flags string) (*regex, error) {
	opts := regexp2.ECMAScript
	for i, f := range flags {
		if strings.ContainsRune(flags[:i], f) {
			return nil, scriptError("Invalid flags supplied to RegExp constructor '%sg'", flags)
		}
		switch f {
		case 'i':
			opts |= regexp2.IgnoreCase
		case 'm':
			opts |= regexp2.Multiline
		}
	}
	translated, ok := scriptPattern(pattern)
	if !ok {
		return nil, scriptError("Invalid regular expression: /%s/: Invalid group", pattern)
	}
	re, err := regexp2.Compile(translated, opts)
	if err != nil {
		return nil, scriptError("Invalid regular expression: /%s/: %s", pattern, err.Error())
	}
	re.MatchTimeout = regexTime
	return &regex{source: pattern, re: re}, nil
}

// scriptPattern takes from a pattern what the regular expression library knows and JavaScript does not: escapes such as \A and
// \pL, which are letters there, options and atomic groups, which are errors, and classes within classes.
func scriptPattern(p string) (string, bool) {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			if letter := p[i]; !isLetter(letter) || strings.IndexByte("dDwWsSfnrtvcxuk", letter) >= 0 || !class && (letter == 'b' || letter == 'B') || letter == 'b' {
				b.WriteByte('\\')
			}
			b.WriteByte(p[i])
			continue
		case class && c == '[':
			b.WriteByte('\\')
		case c == '[':
			class = true
		case c == ']':
			class = false
		case !class && strings.HasPrefix(p[i:], "(?"):
			rest := p[i+2:]
			if rest == "" || strings.IndexByte(":=!<", rest[0]) < 0 {
				return "", false
			}
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// regexMatch is a match in text: where it is, in bytes and in UTF-16 units, and its groups.
type regexMatch struct {
	text       string
	start, end int // in UTF-16 units
	endRune    int
	groups     []any
}

// subject is text that is searched, with its characters and their UTF-16 offsets.
type subject struct {
	text  string
	runes []rune
	ascii bool
	at    []int // UTF-16 offset by character; nil for text without surrogates
	len   int   // in UTF-16 units
}

func newSubject(s string) *subject {
	x := &subject{text: s, runes: []rune(s), ascii: true}
	for _, r := range x.runes {
		if r >= utf8.RuneSelf {
			x.ascii = false
		}
		if r > 0xFFFF && x.at == nil {
			x.at = make([]int, len(x.runes)+1)
		}
	}
	x.len = len(x.runes)
	if x.at != nil {
		n := 0
		for i, r := range x.runes {
			x.at[i] = n
			if n++; r > 0xFFFF {
				n++
			}
		}
		x.at[len(x.runes)], x.len = n, n
	}
	return x
}

func (x *subject) unit(i int) int {
	if x.at == nil {
		return i
	}
	return x.at[i]
}

// rune returns the character at a UTF-16 offset.
func (x *subject) rune(unit int) int {
	if x.at == nil {
		return min(unit, len(x.runes))
	}
	for i, u := range x.at {
		if u >= unit {
			return i
		}
	}
	return len(x.runes)
}

// find searches from a character on; nil if there is no match.
func (r *regex) find(x *subject, from int) (*regexMatch, error) {
	if from > len(x.runes) {
		return nil, nil
	}
	m, err := r.re.FindRunesMatchStartingAt(x.runes, from)
	if err != nil {
		return nil, timeout()
	}
	if m == nil {
		return nil, nil
	}
	start, n := m.RuneIndex, m.RuneLength
	out := &regexMatch{text: string(x.runes[start : start+n]), start: x.unit(start), end: x.unit(start + n), endRune: start + n}
	for i, g := range m.Groups() {
		if i == 0 {
			continue
		}
		if len(g.Captures) == 0 {
			out.groups = append(out.groups, undef)
			continue
		}
		out.groups = append(out.groups, g.String())
	}
	return out, nil
}
