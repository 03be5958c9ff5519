package parse

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (p *parser) primary() *Expr {
	defer p.enter()()
	from := p.tok()
	e := p.simple()
	e.Text = p.written(from.off)
	for {
		switch {
		case p.is("["):
			p.i++
			index := p.value()
			p.expect("]")
			e = &Expr{Kind: Subscript, Pos: from.Pos, A: []*Expr{e, index}}
		case p.is(".") && isIdent(p.peek(1)):
			p.i++
			name, q := p.ident()
			e = &Expr{Kind: Deref, Pos: from.Pos, A: []*Expr{e}, Name: name, Quoted: q}
		case p.is(".") && !is(p.peek(1), "*"):
			p.i++
			p.fail("'*'", "<identifier>")
		default:
			return e
		}
		e.Text = p.written(from.off)
	}
}

func (p *parser) simple() *Expr {
	t := p.tok()
	sign := ""
	if next := p.peek(1); p.is("-") && (next.kind == integer || next.kind == decimal || next.kind == double) {
		p.i++
		sign = "-"
		next.Pos = t.Pos
		t = next
	}
	lit := func(k Kind, s string) *Expr {
		p.i++
		return &Expr{Kind: k, Pos: t.Pos, S: s}
	}
	switch t.kind {
	case integer:
		digits := sign + strings.ReplaceAll(t.s, "_", "")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			if n, err = strconv.ParseInt(digits, 0, 64); err != nil {
				p.failAt(t.Pos, "Invalid numeric literal: %s", t.s)
			}
		}
		return lit(Int, strconv.FormatInt(n, 10))
	case decimal:
		return lit(Dec, sign+strings.ReplaceAll(t.s, "_", ""))
	case double:
		return lit(Dbl, sign+strings.ReplaceAll(t.s, "_", ""))
	case text:
		return lit(Str, t.s)
	case unicodeText:
		return p.unicodeLiteral()
	case binary:
		return p.binaryLiteral()
	case symbol:
		switch t.s {
		case "(":
			return p.bracket()
		case "?":
			return p.param()
		case "[":
			p.i++
			return &Expr{Kind: Array, Pos: t.Pos, A: p.exprList("]")}
		}
		p.fail("<expression>")
	case quoted:
		return p.identOrCall()
	case word:
		return p.fromWord(t)
	}
	p.fail("<expression>")
	return nil
}

func (p *parser) binaryLiteral() *Expr {
	t := p.tok()
	digits := strings.Join(strings.Fields(t.s), "")
	for _, c := range digits {
		if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			p.failAt(t.Pos, "Binary literal can only contain hexadecimal digits")
		}
	}
	if len(digits)%2 != 0 {
		p.failAt(t.Pos, "Binary literal must contain an even number of digits")
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		p.failAt(t.Pos, "Binary literal can only contain hexadecimal digits")
	}
	p.i++
	return &Expr{Kind: Bin, Pos: t.Pos, S: string(raw)}
}

// unicodeLiteral decodes U&'…' with its UESCAPE.
func (p *parser) unicodeLiteral() *Expr {
	t := p.tok()
	p.i++
	escape := '\\'
	if p.accept("UESCAPE") {
		e := p.tok()
		if e.kind != text {
			p.fail("<string>")
		}
		r, n := utf8.DecodeRuneInString(e.s)
		if e.s == "" {
			p.failAt(t.Pos, "Empty Unicode escape character")
		}
		if n != len(e.s) || n != 1 || strings.ContainsRune("+'\" \t\n0123456789abcdefABCDEF", r) {
			p.failAt(t.Pos, "Invalid Unicode escape character")
		}
		escape = r
		p.i++
	}
	runes := []rune(t.s)
	var out strings.Builder
	for i := 0; i < len(runes); i++ {
		if runes[i] != escape {
			out.WriteRune(runes[i])
			continue
		}
		if i+1 < len(runes) && runes[i+1] == escape {
			out.WriteRune(escape)
			i++
			continue
		}
		i++
		n := 4
		if i < len(runes) && runes[i] == '+' {
			i, n = i+1, 6
		}
		j := i
		for j < len(runes) && j < i+n {
			if !strings.ContainsRune("0123456789abcdefABCDEF", runes[j]) {
				p.failAt(t.Pos, "Invalid hexadecimal digit: %c", runes[j])
			}
			j++
		}
		if j < i+n {
			p.failAt(t.Pos, "Incomplete escape sequence: %s", string(runes[i:j]))
		}
		code, _ := strconv.ParseUint(string(runes[i:j]), 16, 32)
		if code > utf8.MaxRune {
			p.failAt(t.Pos, "Invalid escaped character: %s", string(runes[i:j]))
		}
		if code >= 0xD800 && code <= 0xDFFF {
			p.failAt(t.Pos, "Invalid escaped character: %s. Escaped character is a surrogate. Use '\\+123456' instead.", string(runes[i:j]))
		}
		out.WriteRune(rune(code))
		i = j - 1
	}
	return &Expr{Kind: Str, Pos: t.Pos, S: out.String()}
}

// bracket reads ( … ): a query, a lambda's arguments, a row, or an expression.
func (p *parser) bracket() *Expr {
	t := p.tok()
	if names, ok := p.lambdaNames(); ok {
		return &Expr{Kind: Lambda, Pos: t.Pos, Names: names, A: []*Expr{p.expr()}}
	}
	if is(p.peek(1), ")") {
		p.i += 2
		p.fail("'->'")
	}
	if p.startsQuery(1) || is(p.peek(1), "(") && p.nestedQuery() {
		p.i++
		q := p.query()
		p.expect(")")
		return &Expr{Kind: Subquery, Pos: t.Pos, Query: q}
	}
	p.i++
	items := []*Expr{p.expr()}
	for p.accept(",") {
		items = append(items, p.expr())
	}
	if !p.accept(")") {
		p.fail("')'", "','")
	}
	if len(items) == 1 {
		return items[0]
	}
	return &Expr{Kind: Row, Pos: t.Pos, A: items}
}

// nestedQuery tells whether brackets open a query that is itself in brackets.
func (p *parser) nestedQuery() bool {
	save := p.i
	defer func() { p.i = save }()
	for p.is("(") {
		if p.startsQuery(1) {
			p.i++
			save2 := p.i
			p.i = save
			p.i++
			ok := p.bracketIsQuery() || p.wholeBracket()
			p.i = save2
			return ok
		}
		p.i++
	}
	return false
}

// wholeBracket tells whether the bracket here is directly followed by a closing one.
func (p *parser) wholeBracket() bool {
	depth := 0
	for n := 0; ; n++ {
		t := p.peek(n)
		switch {
		case t.kind == eof:
			return false
		case is(t, "("):
			depth++
		case is(t, ")"):
			if depth--; depth == 0 {
				return is(p.peek(n+1), ")")
			}
		}
	}
}

func (p *parser) lambdaNames() ([]string, bool) {
	n := 1
	var names []string
	for !is(p.peek(n), ")") {
		if !isIdent(p.peek(n)) {
			return nil, false
		}
		names = append(names, strings.ToLower(p.peek(n).s))
		n++
		if is(p.peek(n), ",") {
			n++
		} else if !is(p.peek(n), ")") {
			return nil, false
		}
	}
	if !is(p.peek(n+1), "->") {
		return nil, false
	}
	p.i += n + 2
	return names, true
}

func (p *parser) exprList(end string) []*Expr {
	var out []*Expr
	if p.accept(end) {
		return out
	}
	for {
		out = append(out, p.expr())
		if p.accept(end) {
			return out
		}
		if !p.accept(",") {
			p.fail("'"+end+"'", "','")
		}
	}
}

func (p *parser) interval() *Expr {
	t := p.tok()
	p.expect("INTERVAL")
	e := &Expr{Kind: Interval, Pos: t.Pos}
	if p.accept("-") {
		e.Neg = true
	} else {
		p.accept("+")
	}
	s := p.tok()
	if s.kind != text {
		p.fail("'+'", "'-'", "<string>")
	}
	p.i++
	e.S = s.s
	e.Name = p.intervalField()
	if p.accept("TO") {
		e.To = p.intervalField()
	}
	e.Text = p.written(t.off)
	return e
}

func (p *parser) intervalField() string {
	t := p.tok()
	if t.kind == word {
		switch t.up {
		case "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND":
			p.i++
			return t.up
		}
	}
	p.fail("'DAY'", "'HOUR'", "'MINUTE'", "'MONTH'", "'SECOND'", "'YEAR'")
	return ""
}
