package logs

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern decides which messages a reader wants. The syntax is that of CloudWatch Logs filter patterns:
//
//	ERROR "two words"      all of these terms
//	?ERROR ?WARN           one of these
//	ERROR -debug           with the first, without the second
//	%reg.exp%              a match of the expression, wherever a term may stand
//	{ $.level = "error" }  JSON messages by their fields, with && || ( ) = != < <= > >= IS NULL, EXISTS, NOT EXISTS; = %reg.exp%
//
// Patterns of space-delimited fields ([a, b, …]) are refused with ErrBadPattern.
//
// Source: "Filter pattern syntax" in the Amazon CloudWatch Logs user guide.
type Pattern struct {
	all, none, some []term
	json            jsonCond
}

// term is a text that a message may contain, or an expression that it may match.
type term struct {
	text string
	expr *regexp.Regexp // nil = the text
}

func (t term) in(message string) bool {
	if t.expr != nil {
		return t.expr.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// expression compiles a term %…%; ok is false for any other.
func expression(text string) (re *regexp.Regexp, ok bool, err error) {
	if len(text) <= 2 || text[0] != '%' || text[len(text)-1] != '%' {
		return nil, false, nil
	}
	if re, err = regexp.Compile(text[1 : len(text)-1]); err != nil {
		return nil, true, fmt.Errorf("%w: %w", ErrBadPattern, err)
	}
	return re, true, nil
}

// ParsePattern reads a pattern. The empty one matches everything. Errors wrap ErrBadPattern.
func ParsePattern(s string) (*Pattern, error) {
	s = strings.TrimSpace(s)
	p := &Pattern{}
	switch {
	case s == "":
		return p, nil
	case s[0] == '[':
		return nil, fmt.Errorf("%w: %q: patterns of space-delimited fields are not supported", ErrBadPattern, s)
	case s[0] == '{':
		cond, err := parseJSONCond(s)
		if err != nil {
			return nil, err
		}
		p.json = cond
		return p, nil
	}
	for s != "" {
		into := &p.all
		switch s[0] {
		case '-':
			into, s = &p.none, s[1:]
		case '?':
			into, s = &p.some, s[1:]
		}
		text, rest, err := nextTerm(s)
		if err != nil {
			return nil, err
		}
		t := term{text: text}
		if s[0] != '"' { // in quotes, % is itself
			if t.expr, _, err = expression(text); err != nil {
				return nil, err
			}
		}
		*into = append(*into, t)
		s = strings.TrimLeft(rest, " ")
	}
	return p, nil
}

func nextTerm(s string) (term, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				return b.String(), s[i+1:], nil
			default:
				b.WriteByte(s[i])
			}
		}
		return "", "", fmt.Errorf("%w: %s: the quoted term has no end", ErrBadPattern, s)
	}
	term, rest, _ = strings.Cut(s, " ")
	if term == "" {
		return "", "", fmt.Errorf("%w: a term is missing before %q", ErrBadPattern, s)
	}
	if plain := strings.Trim(term, "%"); strings.ContainsAny(plain, `"{}[]()`) && term[0] != '%' {
		return "", "", fmt.Errorf("%w: %s: put terms that hold other characters than letters, digits and _ into double quotes", ErrBadPattern, term)
	}
	return term, rest, nil
}

// Match reports whether the message is wanted.
func (p *Pattern) Match(message string) bool {
	if p.json != nil {
		return matchJSON(p.json, message)
	}
	for _, t := range p.all {
		if !t.in(message) {
			return false
		}
	}
	for _, t := range p.none {
		if t.in(message) {
			return false
		}
	}
	for _, t := range p.some {
		if t.in(message) {
			return true
		}
	}
	return len(p.some) == 0
}
