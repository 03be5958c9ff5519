package jsonvalue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 1000

// SyntaxError reports text that is not JSON. The wording is that of Jackson, which users of AWS know from its answers.
type SyntaxError struct {
	Msg       string
	Line, Col int // from 1; Col counts characters
}

// Error returns the message without the place.
func (e *SyntaxError) Error() string { return e.Msg }

// Parse reads one JSON document. The error is a *SyntaxError.
func Parse(s string) (any, error) {
	p := parser{s: s}
	p.space()
	if p.i == len(s) {
		return nil, p.errorf("No content to map due to end-of-input")
	}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(s) {
		return nil, p.unexpected("after the document")
	}
	return v, nil
}

// Valid reports whether s is one JSON document.
func Valid(s string) bool {
	_, err := Parse(s)
	return err == nil
}

type parser struct {
	s string
	i int
}

func (p *parser) errorf(format string, args ...any) error {
	line, col := position(p.s, p.i)
	return &SyntaxError{Msg: fmt.Sprintf(format, args...), Line: line, Col: col}
}

func position(s string, at int) (line, col int) {
	at = min(at, len(s))
	line = 1 + strings.Count(s[:at], "\n")
	col = 1 + utf8.RuneCountInString(s[strings.LastIndexByte(s[:at], '\n')+1:at])
	return line, col
}

func (p *parser) unexpected(expected string) error {
	if p.i >= len(p.s) {
		return p.errorf("Unexpected end-of-input %s", expected)
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.i:])
	return p.errorf("Unexpected character ('%c' (code %d)): %s", r, r, expected)
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.errorf("Document nesting depth (%d) exceeds the maximum allowed (%d)", depth, MaxDepth)
	}
	if p.i == len(p.s) {
		return nil, p.unexpected("within/between JSON values")
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$':
		return p.word()
	}
	return nil, p.unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
}

func (p *parser) word() (any, error) {
	start := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80 {
			p.i++
			continue
		}
		break
	}
	switch w := p.s[start:p.i]; w {
	case "null":
		return nil, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return nil, p.errorf("Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", w)
	}
}

func (p *parser) number() (any, error) {
	start := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	intStart := p.i
	digits := func() int {
		n := p.i
		for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
			p.i++
		}
		return p.i - n
	}
	n := digits()
	if n == 0 {
		return nil, p.unexpected("expected digit (0-9) to follow minus sign, for valid numeric value")
	}
	if n > 1 && p.s[intStart] == '0' {
		p.i = intStart + 1
		return nil, p.errorf("Invalid numeric value: Leading zeroes not allowed")
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if digits() == 0 {
			return nil, p.unexpected("Decimal point not followed by a digit")
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if digits() == 0 {
			return nil, p.unexpected("Exponent indicator not followed by a digit")
		}
	}
	return Number(p.s[start:p.i]), nil
}

func (p *parser) array(depth int) (any, error) {
	p.i++
	list := []any{}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return list, nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.space()
		if p.i < len(p.s) && p.s[p.i] == ',' {
			p.i++
			continue
		}
		if p.i < len(p.s) && p.s[p.i] == ']' {
			p.i++
			return list, nil
		}
		return nil, p.unexpected("was expecting comma to separate Array entries")
	}
}

func (p *parser) object(depth int) (any, error) {
	p.i++
	o := &Object{}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return o, nil
	}
	for {
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '"' {
			return nil, p.unexpected("was expecting double-quote to start field name")
		}
		k, err := p.str()
		if err != nil {
			return nil, err
		}
		p.space()
		if p.i == len(p.s) || p.s[p.i] != ':' {
			return nil, p.unexpected("was expecting a colon to separate field name and value")
		}
		p.i++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.Set(k, v)
		p.space()
		if p.i < len(p.s) && p.s[p.i] == ',' {
			p.i++
			continue
		}
		if p.i < len(p.s) && p.s[p.i] == '}' {
			p.i++
			return o, nil
		}
		return nil, p.unexpected("was expecting comma to separate Object entries")
	}
}

func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= ' ' && p.s[p.i] != '"' && p.s[p.i] != '\\' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == '"' {
		out := p.s[start:p.i]
		p.i++
		return out, nil
	}
	buf := append(make([]byte, 0, p.i-start+32), p.s[start:p.i]...)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return string(buf), nil
		case c == '\\':
			var err error
			if buf, err = p.escape(buf); err != nil {
				return "", err
			}
		case c < ' ':
			return "", p.errorf("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
		default:
			buf = append(buf, c)
			p.i++
		}
	}
	return "", p.errorf("Unexpected end-of-input: was expecting closing quote for a string value")
}

func (p *parser) escape(buf []byte) ([]byte, error) {
	if p.i+1 >= len(p.s) {
		return nil, p.errorf("Unexpected end-of-input in character escape sequence")
	}
	c := p.s[p.i+1]
	if c != 'u' {
		const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		k := strings.IndexByte(from, c)
		if k < 0 {
			p.i++
			r, _ := utf8.DecodeRuneInString(p.s[p.i:])
			return nil, p.errorf("Unrecognized character escape '%c' (code %d)", r, r)
		}
		p.i += 2
		return append(buf, to[k]), nil
	}
	r, err := p.hex4(p.i + 2)
	if err != nil {
		return nil, err
	}
	p.i += 6
	if utf16.IsSurrogate(r) && strings.HasPrefix(p.s[p.i:], `\u`) {
		if low, err := p.hex4(p.i + 2); err == nil {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				p.i += 6
				r = pair
			}
		}
	}
	return utf8.AppendRune(buf, r), nil
}

func (p *parser) hex4(at int) (rune, error) {
	if at+4 > len(p.s) {
		return 0, p.errorf("Unexpected end-of-input in character escape sequence")
	}
	n, err := strconv.ParseUint(p.s[at:at+4], 16, 32)
	if err != nil {
		return 0, p.errorf("Unexpected character: expected a hex-digit for character escape sequence")
	}
	return rune(n), nil
}

// Locate returns where the value at the path of keys and indexes starts in a document that Parse accepts; the place of
// the deepest part that exists otherwise.
func Locate(doc string, path ...string) (line, col int) {
	p := parser{s: doc}
	p.space()
	at := p.i
	for _, step := range path {
		next, ok := p.child(step)
		if !ok {
			break
		}
		at = next
	}
	return position(doc, at)
}

// child moves to the member or entry of the value at p.i and returns its start.
func (p *parser) child(step string) (int, bool) {
	if p.i >= len(p.s) || p.s[p.i] != '{' && p.s[p.i] != '[' {
		return 0, false
	}
	isObject := p.s[p.i] == '{'
	p.i++
	for n := 0; ; n++ {
		p.space()
		if p.i >= len(p.s) || p.s[p.i] == '}' || p.s[p.i] == ']' {
			return 0, false
		}
		key, start := strconv.Itoa(n), p.i
		if isObject {
			k, err := p.str()
			if err != nil {
				return 0, false
			}
			key = k
			p.space()
			p.i++
			p.space()
		}
		if key == step {
			if !isObject {
				start = p.i
			}
			return start, true
		}
		if _, err := p.value(0); err != nil {
			return 0, false
		}
		p.space()
		if p.i < len(p.s) && p.s[p.i] == ',' {
			p.i++
		}
	}
}
