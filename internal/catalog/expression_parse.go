package catalog

import (
	"fmt"
	"math/big"
	"strings"
)

// ParseExpression reads a condition over the given partition keys. The empty text selects everything. Errors wrap
// ErrBadExpression and say where the text is wrong.
//
//	or      = and ("OR" and)*
//	and     = unary ("AND" unary)*
//	unary   = "NOT" unary | "(" or ")" | test
//	test    = operand ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") operand
//	        | key ["NOT"] ("BETWEEN" literal "AND" literal | "IN" "(" literal {"," literal} ")" | "LIKE" string)
//	        | key "IS" ["NOT"] "NULL"
func ParseExpression(src string, keys []Column) (*Expression, error) {
	e := &Expression{keys: keys}
	if strings.TrimSpace(src) == "" {
		return e, nil
	}
	p := &exprParser{src: src, keys: keys}
	if err := p.scan(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err == nil && p.i < len(p.tokens) {
		err = p.fail("the end")
	}
	if err != nil {
		return nil, err
	}
	e.root = root
	return e, nil
}

type tokenKind uint8

const (
	tokWord tokenKind = iota
	tokString
	tokNumber
	tokSymbol
)

type token struct {
	kind tokenKind
	text string
}

type exprParser struct {
	src    string
	keys   []Column
	tokens []token
	i      int
	depth  int
}

func (p *exprParser) fail(want string) error {
	got := "the end"
	if p.i < len(p.tokens) {
		got = fmt.Sprintf("%q", p.tokens[p.i].text)
	}
	return badExpression(p.src, "want "+want+", not "+got)
}

func (p *exprParser) scan() error {
	s := p.src
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"' || c == '`':
			var b strings.Builder
			j := i + 1
			for ; j < len(s); j++ {
				if s[j] == c {
					if j+1 < len(s) && s[j+1] == c { // doubled = itself
						j++
					} else {
						break
					}
				}
				b.WriteByte(s[j])
			}
			if j >= len(s) {
				return badExpression(p.src, "a quoted text has no end")
			}
			kind := tokString
			if c == '`' {
				kind = tokWord
			}
			p.tokens = append(p.tokens, token{kind, b.String()})
			i = j + 1
		case isWord(c) || c == '-' || c == '+' || c == '.':
			j := i + 1
			for j < len(s) && (isWord(s[j]) || s[j] == '.') {
				j++
			}
			kind := tokWord
			if rat(s[i:j]) != nil && !strings.ContainsAny(s[i:j], "_xXpP/") {
				kind = tokNumber
			} else if !isWord(c) {
				return badExpression(p.src, fmt.Sprintf("%q is no number", s[i:j]))
			}
			p.tokens = append(p.tokens, token{kind, s[i:j]})
			i = j
		default:
			n := 1
			if i+1 < len(s) {
				switch s[i : i+2] {
				case "<=", ">=", "<>", "!=", "==":
					n = 2
				}
			}
			if !strings.Contains("()=<>,", s[i:i+1]) && n == 1 {
				return badExpression(p.src, fmt.Sprintf("the character %q is unknown", s[i:i+1]))
			}
			p.tokens = append(p.tokens, token{tokSymbol, s[i : i+n]})
			i += n
		}
	}
	return nil
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || c == '$' || c == '@'
}

func (p *exprParser) peek(kind tokenKind, text string) bool {
	return p.i < len(p.tokens) && p.tokens[p.i].kind == kind && strings.EqualFold(p.tokens[p.i].text, text)
}

func (p *exprParser) take(kind tokenKind, text string) bool {
	if p.peek(kind, text) {
		p.i++
		return true
	}
	return false
}

func (p *exprParser) or() (node, error) {
	if p.depth++; p.depth > 200 {
		return nil, badExpression(p.src, "it is nested deeper than 200")
	}
	defer func() { p.depth-- }()
	a, err := p.and()
	for err == nil && p.take(tokWord, "OR") {
		var b node
		b, err = p.and()
		a = or{a, b}
	}
	return a, err
}

func (p *exprParser) and() (node, error) {
	a, err := p.unary()
	for err == nil && p.take(tokWord, "AND") {
		var b node
		b, err = p.unary()
		a = and{a, b}
	}
	return a, err
}

func (p *exprParser) unary() (node, error) {
	switch {
	case p.take(tokWord, "NOT"):
		if p.depth++; p.depth > 200 {
			return nil, badExpression(p.src, "it is nested deeper than 200")
		}
		defer func() { p.depth-- }()
		a, err := p.unary()
		return not{a}, err
	case p.take(tokSymbol, "("):
		a, err := p.or()
		if err == nil && !p.take(tokSymbol, ")") {
			err = p.fail(")")
		}
		return a, err
	}
	return p.test()
}

func (p *exprParser) test() (node, error) {
	if p.i < len(p.tokens) && p.tokens[p.i].kind != tokWord {
		return p.reversed()
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	if p.take(tokWord, "IS") {
		negate := p.take(tokWord, "NOT")
		if !p.take(tokWord, "NULL") {
			return nil, p.fail("NULL")
		}
		return negated(negate, isNull{key}), nil
	}
	negate := p.take(tokWord, "NOT")
	switch {
	case p.take(tokWord, "BETWEEN"):
		lo, err := p.comparison(key, ">=")
		if err != nil {
			return nil, err
		}
		if !p.take(tokWord, "AND") {
			return nil, p.fail("AND")
		}
		hi, err := p.comparison(key, "<=")
		return negated(negate, and{lo, hi}), err
	case p.take(tokWord, "IN"):
		n, err := p.in(key)
		return negated(negate, n), err
	case p.take(tokWord, "LIKE"):
		if p.i >= len(p.tokens) || p.tokens[p.i].kind != tokString {
			return nil, p.fail("a quoted pattern")
		}
		p.i++
		return negated(negate, like{key, likePattern(p.tokens[p.i-1].text)}), nil
	case negate:
		return nil, p.fail("BETWEEN, IN or LIKE")
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	return p.comparison(key, op)
}

// reversed reads a comparison whose constant comes first, or one of two constants (1 = 1).
func (p *exprParser) reversed() (node, error) {
	left := p.tokens[p.i]
	if left.kind == tokSymbol {
		return nil, p.fail("a partition key")
	}
	p.i++
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	if p.i < len(p.tokens) && p.tokens[p.i].kind == left.kind {
		right := p.tokens[p.i]
		p.i++
		l := literal{text: right.text, quoted: left.kind == tokString, number: rat(right.text)}
		k := kindString
		if left.kind == tokNumber {
			k = kindNumber
		}
		return always(compare{0, k, op, l}.holds([]string{left.text})), nil
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	mirrored := map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
	return p.against(key, mirrored[op], left)
}

func (p *exprParser) key() (int, error) {
	if p.i >= len(p.tokens) || p.tokens[p.i].kind != tokWord {
		return 0, p.fail("a partition key")
	}
	name := p.tokens[p.i].text
	for i, k := range p.keys {
		if strings.EqualFold(k.Name, name) {
			p.i++
			return i, nil
		}
	}
	return 0, badExpression(p.src, fmt.Sprintf("%s is no partition key of the table", name))
}

func (p *exprParser) operator() (string, error) {
	if p.i < len(p.tokens) && p.tokens[p.i].kind == tokSymbol {
		op := p.tokens[p.i].text
		switch op {
		case "=", "<>", "<", "<=", ">", ">=":
		case "==":
			op = "="
		case "!=":
			op = "<>"
		default:
			return "", p.fail("a comparison")
		}
		p.i++
		return op, nil
	}
	return "", p.fail("a comparison")
}

func (p *exprParser) comparison(key int, op string) (node, error) {
	// DATE '2026-01-01' and TIMESTAMP '…' are constants with a prefix; CAST is not needed for any key.
	if (p.peek(tokWord, "DATE") || p.peek(tokWord, "TIMESTAMP")) && p.i+1 < len(p.tokens) && p.tokens[p.i+1].kind == tokString {
		p.i++
	}
	if p.i >= len(p.tokens) || p.tokens[p.i].kind != tokString && p.tokens[p.i].kind != tokNumber {
		if p.peek(tokWord, "true") || p.peek(tokWord, "false") {
			p.i++
			return p.against(key, op, token{tokString, strings.ToLower(p.tokens[p.i-1].text)})
		}
		return nil, p.fail("a constant")
	}
	p.i++
	return p.against(key, op, p.tokens[p.i-1])
}

func (p *exprParser) against(key int, op string, t token) (node, error) {
	c := compare{key: key, kind: kindOf(p.keys[key].Type), op: op, value: literal{text: t.text, quoted: t.kind == tokString, number: rat(t.text)}}
	switch c.kind {
	case kindNumber:
		if c.value.number == nil {
			return nil, badExpression(p.src, fmt.Sprintf("%q is no number, and the key %s is a %s", t.text, p.keys[key].Name, p.keys[key].Type))
		}
	case kindTime:
		when, ok := parseTime(t.text)
		if !ok {
			return nil, badExpression(p.src, fmt.Sprintf("%q is no date or timestamp, and the key %s is a %s", t.text, p.keys[key].Name, p.keys[key].Type))
		}
		c.value.time = when
	}
	return c, nil
}

func (p *exprParser) in(key int) (node, error) {
	if !p.take(tokSymbol, "(") {
		return nil, p.fail("(")
	}
	n, err := p.comparison(key, "=")
	for err == nil && p.take(tokSymbol, ",") {
		var b node
		b, err = p.comparison(key, "=")
		n = or{n, b}
	}
	if err == nil && !p.take(tokSymbol, ")") {
		err = p.fail(")")
	}
	return n, err
}

func negated(negate bool, n node) node {
	if negate {
		return not{n}
	}
	return n
}

func rat(s string) *big.Rat {
	if len(s) > 200 { // a short exponent can stand for a number of gigabytes
		return nil
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(s)-i > 5 {
		return nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return r
}
