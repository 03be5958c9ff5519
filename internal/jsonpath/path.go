// Package jsonpath evaluates JSONPath with the semantics of Jayway's library, which AWS Step Functions runs: a definite
// path selects one value or fails, an indefinite one selects a list that may be empty.
//
// Supported: $ and @, .name and ['name'], unions of names and of indexes, negative indexes, slices, wildcards, deep
// scan (..), filters with all of Jayway's operators, and the functions at a path's end (length, min, max, avg, sum,
// stddev, first, last, index, keys, concat, append).
//
// Names after a dot may hold anything but dots, brackets, blanks and parentheses: $.Arguments.--year is a path.
package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors of this package; compare with errors.Is or errors.As.
var (
	// ErrNotFound reports a definite path that selects nothing; the text says where it ended.
	ErrNotFound = errors.New("path not found")
)

// SyntaxError reports text that is no path.
type SyntaxError struct {
	Path string
	At   int // offset in bytes
	Msg  string
}

// Error tells what is wrong and where.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at position %d of %q", e.Msg, e.At, e.Path)
}

// NotFoundError is what a definite path without a value returns. It wraps ErrNotFound.
type NotFoundError struct{ Msg string }

// Error returns Jayway's wording: "No results for path: $['a']['b']".
func (e *NotFoundError) Error() string { return e.Msg }

// Unwrap returns ErrNotFound.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// Path is a compiled path. It is immutable and safe for concurrent use.
type Path struct {
	text     string
	steps    []step
	fn       *function
	definite bool
}

// Definite reports whether the path selects exactly one value.
func (p *Path) Definite() bool { return p.definite }

// String returns the path as it was written.
func (p *Path) String() string { return p.text }

// Canonical returns the path in Jayway's bracket form: $['a'][0].
func (p *Path) Canonical() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p.steps {
		b.WriteString(s.canonical())
	}
	return b.String()
}

// Reference reports whether the path is a Reference Path of the Amazon States Language, one that names a single node
// by names and non-negative indexes, and returns its parts.
func (p *Path) Reference() ([]Ref, bool) {
	refs := make([]Ref, 0, len(p.steps))
	for _, s := range p.steps {
		switch s := s.(type) {
		case *nameStep:
			if len(s.names) != 1 {
				return nil, false
			}
			refs = append(refs, Ref{Name: s.names[0]})
		case *indexStep:
			if len(s.idx) != 1 || s.idx[0] < 0 {
				return nil, false
			}
			refs = append(refs, Ref{Index: s.idx[0], IsIndex: true})
		default:
			return nil, false
		}
	}
	return refs, p.fn == nil
}

// Ref is a part of a reference path.
type Ref struct {
	Name    string
	Index   int
	IsIndex bool
}

// Compile parses a path that starts with $. The error is a *SyntaxError.
func Compile(text string) (*Path, error) {
	p := &pathParser{s: text}
	if text == "" {
		return nil, p.fail("a path cannot be empty")
	}
	if text[0] != '$' {
		return nil, p.fail("a path must start with '$'")
	}
	p.i = 1
	path, err := p.path(0)
	if err != nil {
		return nil, err
	}
	if p.i != len(text) {
		return nil, p.fail("unexpected character")
	}
	path.text = text
	return path, nil
}

type pathParser struct {
	s     string
	i     int
	depth int
}

func (p *pathParser) fail(format string, args ...any) error {
	return &SyntaxError{Path: p.s, At: p.i, Msg: fmt.Sprintf(format, args...)}
}

func (p *pathParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

const maxFilterDepth = 100

// path parses steps until a character that cannot go on with them: the end, or what follows a path within a filter.
func (p *pathParser) path(stop int) (*Path, error) {
	path := &Path{definite: true}
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '.':
			if err := p.dot(path, stop); err != nil {
				return nil, err
			}
			if path.fn != nil {
				return path, nil
			}
		case '[':
			s, definite, err := p.bracket()
			if err != nil {
				return nil, err
			}
			path.add(s, definite)
		default:
			if stop == 0 {
				return nil, p.fail("unexpected character '%c'", p.s[p.i])
			}
			return path, nil
		}
	}
	return path, nil
}

func (path *Path) add(s step, definite bool) {
	path.steps = append(path.steps, s)
	path.definite = path.definite && definite
}

func (p *pathParser) dot(path *Path, stop int) error {
	p.i++
	if p.peek() == '.' {
		p.i++
		path.add(scanStep{}, false)
		if p.peek() == '[' {
			return nil
		}
	}
	switch p.peek() {
	case '*':
		p.i++
		path.add(anyStep{}, false)
		return nil
	case '[':
		return nil // "$.[0]" is tolerated
	case 0:
		return p.fail("a path must not end with a '.' or '..'")
	}
	start := p.i
	for p.i < len(p.s) && !nameEnd(p.s[p.i], stop) {
		p.i++
	}
	name := p.s[start:p.i]
	if name == "" {
		return p.fail("a name is expected")
	}
	if p.peek() == '(' {
		return p.function(path, name)
	}
	path.add(&nameStep{names: []string{name}}, true)
	return nil
}

func nameEnd(c byte, stop int) bool {
	switch c {
	case '.', '[', '(', ' ', '\t', '\n', '\r':
		return true
	case ')', ',', ']', '=', '!', '<', '>', '&', '|', '~':
		return stop != 0
	}
	return false
}

func (p *pathParser) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\n' || p.s[p.i] == '\r') {
		p.i++
	}
}

// bracket parses [...]: names, indexes, a slice, a wildcard or a filter.
func (p *pathParser) bracket() (step, bool, error) {
	p.i++
	p.space()
	var s step
	definite := false
	switch c := p.peek(); {
	case c == '*':
		p.i++
		s = anyStep{}
	case c == '\'' || c == '"':
		names, err := p.names()
		if err != nil {
			return nil, false, err
		}
		s, definite = &nameStep{names: names}, true
	case c == '?':
		f, err := p.filterStep()
		if err != nil {
			return nil, false, err
		}
		s = f
	case c == '-' || c == ':' || c >= '0' && c <= '9':
		var err error
		if s, definite, err = p.indexes(); err != nil {
			return nil, false, err
		}
	default:
		return nil, false, p.fail("could not parse the token after '['")
	}
	p.space()
	if p.peek() != ']' {
		return nil, false, p.fail("']' is expected")
	}
	p.i++
	return s, definite, nil
}

func (p *pathParser) names() ([]string, error) {
	var names []string
	for {
		p.space()
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		names = append(names, s)
		p.space()
		if p.peek() != ',' {
			return names, nil
		}
		p.i++
	}
}

// quoted parses a string in single or double quotes. A backslash takes the closing quote or a backslash after it as it
// is; before anything else it stands for itself.
func (p *pathParser) quoted() (string, error) {
	q := p.peek()
	if q != '\'' && q != '"' {
		return "", p.fail("a quoted name is expected")
	}
	p.i++
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == q:
			return b.String(), nil
		case c == '\\' && p.i < len(p.s) && (p.s[p.i] == q || p.s[p.i] == '\\'):
			b.WriteByte(p.s[p.i])
			p.i++
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail("the quote is not closed")
}

func (p *pathParser) indexes() (step, bool, error) {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] != ']' {
		p.i++
	}
	text := p.s[start:p.i]
	if strings.Contains(text, ":") {
		parts := strings.Split(text, ":")
		if len(parts) > 2 {
			p.i = start
			return nil, false, p.fail("a slice has no step")
		}
		var s sliceStep
		var err error
		if s.from, s.hasFrom, err = p.bound(parts[0], start); err != nil {
			return nil, false, err
		}
		if s.to, s.hasTo, err = p.bound(parts[1], start); err != nil {
			return nil, false, err
		}
		return &s, false, nil
	}
	s := &indexStep{}
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			p.i = start
			return nil, false, p.fail("%q is no index", strings.TrimSpace(part))
		}
		s.idx = append(s.idx, n)
	}
	return s, len(s.idx) == 1, nil
}

func (p *pathParser) bound(s string, at int) (n int, has bool, err error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(s); err != nil {
		p.i = at
		return 0, false, p.fail("%q is no index", s)
	}
	return n, true, nil
}
