package parse

import (
	"strings"
	"unicode/utf8"
)

// Pos is a place in the statement: both count from 1, columns in characters.
type Pos struct{ Line, Col int }

type kind int

const (
	eof        kind = iota
	word            // identifier or keyword; up has its upper case
	quoted          // "identifier"
	backquoted      // `identifier`
	text            // 'string'
	unicodeText
	binary // X'..'
	integer
	decimal
	double
	digitWord // 1abc
	symbol
	bad // a character that begins no token
)

type token struct {
	kind
	s   string // value: unquoted name, string contents, number, symbol
	up  string // of words: upper case
	raw string // as written
	Pos
	off, end int // bytes of the statement
}

type lexer struct {
	src       string
	i         int
	line, col int
	hive      bool // Hive's strings: backslash escapes, double quotes
}

// lex cuts a statement into tokens; the last one is eof. It never fails: what is no token becomes a bad one, which no rule
// of the grammar accepts. at is the place of the first character.
func lex(src string, hive bool, at Pos) []token {
	l := &lexer{src: src, line: at.Line, col: at.Col, hive: hive}
	var out []token
	for {
		t := l.next()
		out = append(out, t)
		if t.kind == eof {
			return out
		}
	}
}

func (l *lexer) advance(n int) {
	for end := l.i + n; l.i < end && l.i < len(l.src); {
		_, size := utf8.DecodeRuneInString(l.src[l.i:])
		if l.src[l.i] == '\n' {
			l.line, l.col = l.line+1, 1
		} else {
			l.col++
		}
		l.i += size
	}
}

func (l *lexer) at(n int) byte {
	if l.i+n < len(l.src) {
		return l.src[l.i+n]
	}
	return 0
}

func (l *lexer) skipBlank() {
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.advance(1)
		case c == '-' && l.at(1) == '-':
			end := strings.IndexByte(l.src[l.i:], '\n')
			if end < 0 {
				end = len(l.src) - l.i
			}
			l.advance(end)
		case c == '/' && l.at(1) == '*':
			end := strings.Index(l.src[l.i+2:], "*/")
			if end < 0 {
				return
			}
			l.advance(end + 4)
		default:
			return
		}
	}
}

func isLetter(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) next() token {
	l.skipBlank()
	t := token{Pos: Pos{l.line, l.col}, off: l.i}
	finish := func(k kind, n int, s string) token {
		t.kind, t.s, t.raw = k, s, l.src[l.i:l.i+n]
		if k == word {
			t.up = strings.ToUpper(s)
		}
		l.advance(n)
		t.end = l.i
		return t
	}
	if l.i >= len(l.src) {
		t.raw, t.end = "<EOF>", l.i
		return t
	}
	switch c := l.src[l.i]; {
	case c == '\'':
		if s, n, ok := l.quotedText(0, '\''); ok {
			return finish(text, n, s)
		}
		return finish(bad, 1, "'")
	case (c|32 == 'x') && l.at(1) == '\'':
		if s, n, ok := l.quotedText(1, '\''); ok {
			return finish(binary, n, s)
		}
	case (c|32 == 'u') && l.at(1) == '&' && l.at(2) == '\'':
		if s, n, ok := l.quotedText(2, '\''); ok {
			return finish(unicodeText, n, s)
		}
	case c == '"':
		if s, n, ok := l.quotedText(0, '"'); ok {
			if l.hive {
				return finish(text, n, s)
			}
			return finish(quoted, n, s)
		}
		return finish(bad, 1, `"`)
	case c == '`':
		if s, n, ok := l.quotedText(0, '`'); ok {
			return finish(backquoted, n, s)
		}
		return finish(bad, 1, "`")
	}
	c := l.src[l.i]
	switch {
	case isLetter(c) || c == '_':
		n := 1
		for isLetter(l.at(n)) || isDigit(l.at(n)) || l.at(n) == '_' || (l.hive && l.at(n) == '-' && isLetter(l.at(n+1))) {
			n++
		}
		return finish(word, n, l.src[l.i:l.i+n])
	case isDigit(c) || c == '.' && isDigit(l.at(1)):
		k, n := l.number()
		return finish(k, n, l.src[l.i:l.i+n])
	}
	for _, s := range [...]string{"<=", ">=", "<>", "!=", "||", "->", "=>"} {
		if strings.HasPrefix(l.src[l.i:], s) {
			if s == "!=" {
				return finish(symbol, 2, "<>")
			}
			return finish(symbol, 2, s)
		}
	}
	if strings.IndexByte("()[],.*+-/%=<>?;:{}|", c) >= 0 {
		return finish(symbol, 1, string(c))
	}
	_, size := utf8.DecodeRuneInString(l.src[l.i:])
	return finish(bad, size, l.src[l.i:l.i+size])
}

// quotedText reads a quoted token that starts after skip bytes; a doubled quote stands for one.
func (l *lexer) quotedText(skip int, q byte) (string, int, bool) {
	var b strings.Builder
	for n := skip + 1; l.i+n < len(l.src); n++ {
		switch c := l.at(n); {
		case c == '\\' && l.hive && q != '`' && l.i+n+1 < len(l.src):
			n++
			b.WriteString(hiveEscape(l.at(n)))
		case c != q:
			b.WriteByte(c)
		case l.at(n+1) == q:
			b.WriteByte(q)
			n++
		default:
			return b.String(), n + 1, true
		}
	}
	return "", 0, false
}

func hiveEscape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case '0':
		return "\x00"
	case '\\', '\'', '"', '`', ';':
		return string(c)
	}
	return `\` + string(c)
}

func (l *lexer) digits(n int) int {
	for isDigit(l.at(n)) || l.at(n) == '_' && isDigit(l.at(n+1)) && n > 0 && isDigit(l.at(n-1)) {
		n++
	}
	return n
}

func (l *lexer) number() (kind, int) {
	if l.at(0) == '0' && isLetter(l.at(1)) {
		set := map[byte]string{'x': "0123456789abcdefABCDEF", 'o': "01234567", 'b': "01"}[l.at(1)|32]
		n := 2
		for set != "" && n+l.i < len(l.src) && (strings.IndexByte(set, l.at(n)) >= 0 || l.at(n) == '_' && n > 2) {
			n++
		}
		if n > 2 && !isLetter(l.at(n)) && !isDigit(l.at(n)) && l.at(n-1) != '_' {
			return integer, n
		}
	}
	k, n := integer, l.digits(0)
	if l.at(n) == '.' {
		k, n = decimal, l.digits(n+1)
	}
	if l.at(n)|32 == 'e' {
		m := n + 1
		if l.at(m) == '+' || l.at(m) == '-' {
			m++
		}
		if isDigit(l.at(m)) {
			for isDigit(l.at(m)) {
				m++
			}
			k, n = double, m
		}
	}
	if k == integer && (isLetter(l.at(n)) || l.at(n) == '_') {
		for isLetter(l.at(n)) || isDigit(l.at(n)) || l.at(n) == '_' {
			n++
		}
		return digitWord, n
	}
	return k, n
}
