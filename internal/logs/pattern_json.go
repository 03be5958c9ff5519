package logs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// jsonCond is a condition over a decoded JSON message.
type jsonCond interface{ holds(doc any) bool }

type (
	jsonAnd struct{ a, b jsonCond }
	jsonOr  struct{ a, b jsonCond }
	// jsonTest compares the value at a path. op is one of = != < <= > >= null exists missing true false.
	jsonTest struct {
		path   []string
		op     string
		text   string
		expr   *regexp.Regexp // nil = text
		number float64
		isNum  bool
	}
)

func (c jsonAnd) holds(d any) bool { return c.a.holds(d) && c.b.holds(d) }
func (c jsonOr) holds(d any) bool  { return c.a.holds(d) || c.b.holds(d) }

func (c jsonTest) holds(d any) bool {
	for _, step := range c.path {
		switch v := d.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return c.op == "missing"
			}
			d = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return c.op == "missing"
			}
			d = v[i]
		default:
			return c.op == "missing"
		}
	}
	switch c.op {
	case "exists":
		return true
	case "missing":
		return false
	case "null":
		return d == nil
	case "true", "false":
		return d == (c.op == "true")
	}
	if n, ok := d.(float64); ok && c.isNum {
		switch c.op {
		case "=":
			return n == c.number
		case "!=":
			return n != c.number
		case "<":
			return n < c.number
		case "<=":
			return n <= c.number
		case ">":
			return n > c.number
		}
		return n >= c.number
	}
	s, ok := d.(string)
	if !ok {
		return false
	}
	equal := s == c.text
	if c.expr != nil {
		equal = c.expr.MatchString(s)
	} else if strings.Contains(c.text, "*") {
		equal = wildcard(c.text, s)
	}
	return equal && c.op == "=" || !equal && c.op == "!="
}

// wildcard reports whether s matches p, in which * stands for any characters.
func wildcard(p, s string) bool {
	parts := strings.Split(p, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, last)
}

func matchJSON(c jsonCond, message string) bool {
	i := strings.IndexAny(message, "{[")
	if i < 0 {
		return false
	}
	var doc any
	if json.Unmarshal([]byte(message[i:]), &doc) != nil {
		return false
	}
	return c.holds(doc)
}

// jsonParser reads { cond }: or := and ("||" and)*, and := test ("&&" test)*, test := "(" or ")" | $.path op value.
type jsonParser struct {
	src   string
	rest  string
	depth int
}

func parseJSONCond(s string) (jsonCond, error) {
	p := &jsonParser{src: s, rest: s[1:]}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.take("}") || strings.TrimSpace(p.rest) != "" {
		return nil, p.fail("want } at the end")
	}
	return c, nil
}

func (p *jsonParser) fail(what string) error {
	return fmt.Errorf("%w: %s: %s at %q", ErrBadPattern, p.src, what, strings.TrimSpace(p.rest))
}

func (p *jsonParser) take(tok string) bool {
	t := strings.TrimLeft(p.rest, " \t\n")
	if len(t) < len(tok) || !strings.EqualFold(t[:len(tok)], tok) {
		return false
	}
	p.rest = t[len(tok):]
	return true
}

func (p *jsonParser) or() (jsonCond, error) {
	if p.depth++; p.depth > 50 {
		return nil, p.fail("nesting is deeper than 50")
	}
	defer func() { p.depth-- }()
	a, err := p.and()
	for err == nil && p.take("||") {
		var b jsonCond
		b, err = p.and()
		a = jsonOr{a, b}
	}
	return a, err
}

func (p *jsonParser) and() (jsonCond, error) {
	a, err := p.test()
	for err == nil && p.take("&&") {
		var b jsonCond
		b, err = p.test()
		a = jsonAnd{a, b}
	}
	return a, err
}

func (p *jsonParser) test() (jsonCond, error) {
	if p.take("(") {
		c, err := p.or()
		if err == nil && !p.take(")") {
			err = p.fail("want )")
		}
		return c, err
	}
	if !p.take("$") {
		return nil, p.fail("want a selector such as $.field")
	}
	t := jsonTest{}
	for len(p.rest) > 0 && (p.rest[0] == '.' || p.rest[0] == '[') {
		open := p.rest[0]
		stop := ".[ =!<>)}&|\t\n"
		if open == '[' {
			stop = "]"
		}
		i := strings.IndexAny(p.rest[1:], stop)
		if i <= 0 {
			return nil, p.fail("the selector has an empty step")
		}
		t.path = append(t.path, strings.Trim(p.rest[1:1+i], `"'`))
		p.rest = p.rest[1+i:]
		if open == '[' {
			p.rest = p.rest[1:]
		}
	}
	for _, op := range []struct{ tok, op string }{
		{"NOT EXISTS", "missing"}, {"EXISTS", "exists"}, {"IS NULL", "null"}, {"IS TRUE", "true"}, {"IS FALSE", "false"},
	} {
		if p.take(op.tok) {
			t.op = op.op
			return t, nil
		}
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.take(op) {
			t.op = op
			err := p.value(&t)
			return t, err
		}
	}
	return nil, p.fail("want a comparison")
}

func (p *jsonParser) value(t *jsonTest) error {
	s := strings.TrimLeft(p.rest, " \t\n")
	if strings.HasPrefix(s, `"`) {
		term, rest, err := nextTerm(s)
		if err != nil {
			return err
		}
		t.text, p.rest = term, rest
	} else {
		i := strings.IndexAny(s, " \t\n)}&|")
		if i <= 0 {
			return p.fail("want a value")
		}
		t.text, p.rest = s[:i], s[i:]
		if s[0] == '%' {
			// An expression may hold what ends other values, but no space.
			end := strings.IndexByte(s[1:], '%')
			if end < 0 {
				return p.fail("the expression has no % at its end")
			}
			t.text, p.rest = s[:end+2], s[end+2:]
		}
		var err error
		if t.expr, _, err = expression(t.text); err != nil {
			return err
		}
		if n, err := strconv.ParseFloat(t.text, 64); err == nil {
			t.number, t.isNum = n, true
		}
	}
	if !t.isNum && t.op != "=" && t.op != "!=" {
		return p.fail("only numbers can be ordered")
	}
	return nil
}
