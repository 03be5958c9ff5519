package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// bindingPower of the operators; also the characters that end a name.
var bindingPower = map[string]int{
	".": 75, "[": 80, "]": 0, "{": 70, "}": 0, "(": 80, ")": 0, ",": 0, "@": 80, "#": 80, ";": 80, ":": 80, "?": 20, "+": 50, "-": 50,
	"*": 60, "/": 60, "%": 60, "|": 20, "=": 40, "<": 40, ">": 40, "^": 40, "**": 60, "..": 20, ":=": 10, "!=": 40, "<=": 40, ">=": 40,
	"~>": 40, "and": 30, "or": 25, "in": 40, "&": 50, "!": 0, "~": 0,
}

const stopCharacters = ".[]{}(),@#;:?+-*/%|=<>^&!~ \t\n\r\v"

// lexer cuts an expression into tokens.
type lexer struct {
	src    string
	i      int
	toUnit []int32 // UTF-16 offset by byte offset; nil for ASCII
}

func newLexer(src string) *lexer {
	l := &lexer{src: src}
	for i := 0; i < len(src); i++ {
		if src[i] >= utf8.RuneSelf {
			l.toUnit = make([]int32, len(src)+1)
			n := int32(0)
			for j, r := range src {
				for k := j; k < min(len(src), j+max(1, utf8.RuneLen(r))); k++ {
					l.toUnit[k] = n
				}
				if n++; r > 0xFFFF {
					n++
				}
			}
			l.toUnit[len(src)] = n
			break
		}
	}
	return l
}

// unit returns the position of a byte offset.
func (l *lexer) unit(i int) int {
	if l.toUnit == nil || i > len(l.src) {
		return i
	}
	return int(l.toUnit[i])
}

func (l *lexer) peek(n int) byte {
	if l.i+n < len(l.src) {
		return l.src[l.i+n]
	}
	return 0
}

func (l *lexer) node(k kind, id, str string) *node {
	return &node{kind: k, id: id, str: str, pos: l.unit(l.i)}
}

// next returns the next token, nil at the end. A slash is an operator where infix is set and starts a regular
// expression elsewhere.
func (l *lexer) next(infix bool) (*node, error) {
	if err := l.space(); err != nil {
		return nil, err
	}
	if l.i >= len(l.src) {
		return nil, nil
	}
	c := l.src[l.i]
	if c == '/' && !infix {
		l.i++
		re, err := l.regex()
		if err != nil {
			return nil, err
		}
		n := l.node(kindRegex, "(regex)", "")
		n.re = re
		return n, nil
	}
	if op := l.operator(c); op != "" {
		l.i += len(op)
		return l.node(kindOperator, op, op), nil
	}
	switch {
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c >= '0' && c <= '9':
		return l.number()
	case c == '`':
		end := strings.IndexByte(l.src[l.i+1:], '`')
		if end < 0 {
			l.i = len(l.src)
			return nil, fail("S0105").at(l.unit(l.i))
		}
		name := l.src[l.i+1 : l.i+1+end]
		l.i += end + 2
		return l.node(kindName, "(name)", name), nil
	}
	return l.name(c), nil
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case c == ' ' || c >= '\t' && c <= '\r' && c != '\f':
			l.i++
		case c == '/' && l.peek(1) == '*':
			start := l.i
			end := strings.Index(l.src[l.i+2:], "*/")
			if end < 0 {
				l.i = len(l.src)
				return fail("S0106").at(l.unit(start))
			}
			l.i += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) operator(c byte) string {
	if l.i+1 < len(l.src) {
		switch two := l.src[l.i : l.i+2]; two {
		case "..", ":=", "!=", ">=", "<=", "**", "~>":
			return two
		}
	}
	if one := l.src[l.i : l.i+1]; strings.IndexByte(stopCharacters, c) >= 0 {
		return one
	}
	return ""
}

func (l *lexer) quoted(quote byte) (*node, error) {
	l.i++
	start := l.i
	var buf []byte
	for l.i < len(l.src) {
		c := l.src[l.i]
		switch {
		case c == '\\':
			buf = append(buf, l.src[start:l.i]...)
			var err error
			if buf, err = l.escape(buf); err != nil {
				return nil, err
			}
			start = l.i
		case c == quote:
			text := l.src[start:l.i]
			if buf != nil {
				text = string(append(buf, text...))
			}
			l.i++
			n := l.node(kindString, "(literal)", text)
			n.val = text
			return n, nil
		default:
			l.i++
		}
	}
	return nil, fail("S0101").at(l.unit(l.i))
}

func (l *lexer) escape(buf []byte) ([]byte, error) {
	l.i++
	c := l.peek(0)
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := strings.IndexByte(from, c); k >= 0 && c != 0 {
		l.i++
		return append(buf, to[k]), nil
	}
	if c != 'u' {
		r, _ := utf8.DecodeRuneInString(l.src[l.i:])
		token := string(r)
		if l.i >= len(l.src) {
			token = ""
		}
		return nil, fail("S0103").at(l.unit(l.i)).tok(token)
	}
	r, n, ok := hexUnit(l.src[l.i+1:])
	if !ok {
		return nil, fail("S0104").at(l.unit(l.i))
	}
	l.i += 1 + n
	if utf16.IsSurrogate(r) && strings.HasPrefix(l.src[l.i:], `\u`) {
		if low, n, ok := hexUnit(l.src[l.i+2:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				l.i += 2 + n
				r = pair
			}
		}
	}
	return utf8.AppendRune(buf, r), nil
}

// hexUnit reads the digits of \u: up to four, as many as are left, all of them hexadecimal.
func hexUnit(s string) (r rune, n int, ok bool) {
	n = min(4, len(s))
	v, err := strconv.ParseUint(s[:n], 16, 32)
	return rune(v), n, err == nil
}

func (l *lexer) number() (*node, error) {
	s := l.src[l.i:]
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	end := 1
	if s[0] != '0' {
		end = digits(1)
	}
	if end+1 < len(s) && s[end] == '.' && digits(end+1) > end+1 {
		end = digits(end + 1)
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		i := end + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if j := digits(i); j > i {
			end = j
		}
	}
	f, err := strconv.ParseFloat(s[:end], 64)
	if err != nil && math.IsInf(f, 0) {
		return nil, fail("S0102").at(l.unit(l.i)).tok(s[:end])
	}
	l.i += end
	n := l.node(kindNumber, "(literal)", s[:end])
	n.num, n.val = f, f
	return n, nil
}

func (l *lexer) name(first byte) *node {
	start := l.i
	if end := strings.IndexAny(l.src[l.i:], stopCharacters); end >= 0 {
		l.i += end
	} else {
		l.i = len(l.src)
	}
	name := l.src[start:l.i]
	if first == '$' {
		return l.node(kindVariable, "(name)", name[1:])
	}
	switch name {
	case "or", "in", "and":
		return l.node(kindOperator, name, name)
	case "true", "false":
		n := l.node(kindValue, "(literal)", name)
		n.val = name == "true"
		return n
	case "null":
		return l.node(kindValue, "(literal)", name)
	}
	return l.node(kindName, "(name)", name)
}

// regex reads a regular expression behind its opening slash. Slashes within brackets do not end it.
func (l *lexer) regex() (*regex, error) {
	start, depth := l.i, 0
	for l.i < len(l.src) {
		c := l.src[l.i]
		escaped := false
		for k := l.i - 1; k >= 0 && l.src[k] == '\\'; k-- {
			escaped = !escaped
		}
		if c == '/' && depth == 0 && !escaped {
			pattern := l.src[start:l.i]
			if pattern == "" {
				return nil, fail("S0301").at(l.unit(l.i))
			}
			l.i++
			flags := l.i
			for l.peek(0) == 'i' || l.peek(0) == 'm' {
				l.i++
			}
			return compileRegex(pattern, l.src[flags:l.i])
		}
		if l.src[l.i-1] != '\\' {
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
		}
		l.i++
	}
	return nil, fail("S0302").at(l.unit(l.i))
}
