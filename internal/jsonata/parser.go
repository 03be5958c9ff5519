package jsonata

import "strings"

// parser reads an expression by operator precedence (Pratt). Each symbol has a meaning at the start of an expression
// (prefix) and one behind another (infix).
type parser struct {
	lex   *lexer
	node  *node // the current token
	depth int

	labels   int // parents seen so far
	ancestry []*node
	writes   bool
	binds    int // := seen so far
}

const maxExpressionDepth = 1500

// parse returns the expression ready for evaluation. Errors are *Error with code and position.
func parse(src string) (*node, error) {
	p := &parser{lex: newLexer(src)}
	if err := p.advance("", false); err != nil {
		return nil, err
	}
	raw, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.node.id != "(end)" {
		return nil, fail("S0201").at(p.node.pos).tok(p.node.text())
	}
	n, err := p.process(raw)
	if err != nil {
		return nil, err
	}
	if n.kind == kindParent || n.seeking != nil {
		return nil, fail("S0217").at(n.pos).tok(kindNames[n.kind])
	}
	n.writes = p.writes
	return n, nil
}

// advance moves to the next token. The current one must be id, unless that is "".
func (p *parser) advance(id string, infix bool) error {
	if id != "" && p.node.id != id {
		code := "S0202"
		if p.node.id == "(end)" {
			code = "S0203"
		}
		return fail(code).at(p.node.pos).tok(p.node.text()).val(id)
	}
	n, err := p.lex.next(infix)
	if err != nil {
		return err
	}
	if n == nil {
		n = &node{kind: kindEnd, id: "(end)", pos: p.lex.unit(len(p.lex.src))}
	}
	if n.id == "!" || n.id == "~" {
		return fail("S0204").at(n.pos).tok(n.str)
	}
	p.node = n
	return nil
}

// power is how strongly the current token binds to what is before it. Tokens that cannot stand there bind by 0.
func (p *parser) power() int {
	if p.node.kind != kindOperator {
		return 0
	}
	switch p.node.id {
	case ";", ":", "|", "**", "..":
		return 0
	}
	return bindingPower[p.node.id]
}

func (p *parser) expression(min int) (*node, error) {
	if p.depth++; p.depth > maxExpressionDepth {
		return nil, stackOverflow()
	}
	defer func() { p.depth-- }()
	t := p.node
	if err := p.advance("", true); err != nil {
		return nil, err
	}
	left, err := p.prefix(t)
	for err == nil && min < p.power() {
		t = p.node
		if err = p.advance("", false); err != nil {
			return nil, err
		}
		left, err = p.infix(t, left)
	}
	return left, err
}

// prefix parses what starts with t.
func (p *parser) prefix(t *node) (n *node, err error) {
	if t.kind != kindOperator {
		return t, nil
	}
	switch t.id {
	case "and", "or", "in": // names, too
		return t, nil
	case "-":
		t.kind = kindNegation
		t.lhs, err = p.expression(70)
		return t, err
	case "*":
		t.kind = kindWildcard
		return t, nil
	case "**":
		t.kind = kindDescendant
		return t, nil
	case "%":
		t.kind = kindParent
		return t, nil
	case "(":
		return p.block(t)
	case "[":
		return p.arrayConstructor(t)
	case "{":
		t.kind = kindObject
		t.pairs, err = p.objectPairs()
		return t, err
	case "|":
		return p.transform(t)
	}
	return nil, fail("S0211").at(t.pos).tok(t.str)
}

// infix parses what follows the operator t behind left.
func (p *parser) infix(t, left *node) (n *node, err error) {
	t.kind = kindBinary
	t.lhs = left
	switch t.id {
	case "(":
		return p.call(t, left)
	case "[":
		return p.predicate(t, left)
	case "^":
		return p.orderBy(t)
	case "{":
		t.pairs, err = p.objectPairs()
		return t, err
	case ":=":
		if left.kind != kindVariable {
			return nil, fail("S0212").at(left.pos).tok(left.text())
		}
		t.rhs, err = p.expression(bindingPower[":="] - 1)
		return t, err
	case "@", "#":
		if t.rhs, err = p.expression(bindingPower[t.id]); err != nil {
			return nil, err
		}
		if t.rhs.kind != kindVariable {
			return nil, fail("S0214").at(t.rhs.pos).tok(t.id)
		}
		return t, nil
	case "?":
		t.kind = kindCondition
		if t.rhs, err = p.expression(0); err != nil || p.node.id != ":" {
			return t, err
		}
		if err = p.advance(":", false); err == nil {
			t.other, err = p.expression(0)
		}
		return t, err
	}
	t.rhs, err = p.expression(bindingPower[t.id])
	return t, err
}

func (p *parser) block(t *node) (*node, error) {
	t.kind = kindBlock
	for p.node.id != ")" {
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		t.list = append(t.list, e)
		if p.node.id != ";" {
			break
		}
		if err := p.advance(";", false); err != nil {
			return nil, err
		}
	}
	return t, p.advance(")", true)
}

// items parses what stands between commas up to the closing token.
func (p *parser) items(closing string, item func() error) error {
	if p.node.id != closing {
		for {
			if err := item(); err != nil {
				return err
			}
			if p.node.id != "," {
				break
			}
			if err := p.advance(",", false); err != nil {
				return err
			}
		}
	}
	return p.advance(closing, true)
}

func (p *parser) arrayConstructor(t *node) (*node, error) {
	t.kind = kindArray
	err := p.items("]", func() error {
		item, err := p.expression(0)
		if err == nil && p.node.id == ".." {
			r := &node{kind: kindBinary, id: "..", str: "..", pos: p.node.pos, lhs: item}
			if err = p.advance("..", false); err == nil {
				r.rhs, err = p.expression(0)
			}
			item = r
		}
		t.list = append(t.list, item)
		return err
	})
	return t, err
}

func (p *parser) objectPairs() (pairs [][2]*node, err error) {
	err = p.items("}", func() error {
		k, err := p.expression(0)
		if err != nil {
			return err
		}
		if err := p.advance(":", false); err != nil {
			return err
		}
		v, err := p.expression(0)
		pairs = append(pairs, [2]*node{k, v})
		return err
	})
	return pairs, err
}

func (p *parser) predicate(t, left *node) (n *node, err error) {
	if p.node.id == "]" {
		step := left
		for step.kind == kindBinary && step.id == "[" {
			step = step.lhs
		}
		step.keepArray = true
		return left, p.advance("]", false)
	}
	if t.rhs, err = p.expression(bindingPower["]"]); err != nil {
		return nil, err
	}
	return t, p.advance("]", true)
}

func (p *parser) orderBy(t *node) (*node, error) {
	if err := p.advance("(", false); err != nil {
		return nil, err
	}
	for {
		term := sortTerm{}
		if p.node.id == "<" || p.node.id == ">" {
			term.descending = p.node.id == ">"
			if err := p.advance("", false); err != nil {
				return nil, err
			}
		}
		var err error
		if term.expr, err = p.expression(0); err != nil {
			return nil, err
		}
		t.terms = append(t.terms, term)
		if p.node.id != "," {
			return t, p.advance(")", false)
		}
		if err := p.advance(",", false); err != nil {
			return nil, err
		}
	}
}

func (p *parser) transform(t *node) (_ *node, err error) {
	t.kind = kindTransform
	if t.lhs, err = p.expression(0); err != nil {
		return nil, err
	}
	if err = p.advance("|", false); err != nil {
		return nil, err
	}
	if t.rhs, err = p.expression(0); err != nil {
		return nil, err
	}
	if p.node.id == "," {
		if err = p.advance(",", false); err != nil {
			return nil, err
		}
		if t.other, err = p.expression(0); err != nil {
			return nil, err
		}
	}
	return t, p.advance("|", false)
}

// call parses the arguments of a call, a partial application or, behind "function", the definition of a function.
func (p *parser) call(t, left *node) (*node, error) {
	t.kind = kindFunction
	err := p.items(")", func() error {
		if p.node.kind == kindOperator && p.node.id == "?" {
			t.kind = kindPartial
			t.list = append(t.list, p.node)
			return p.advance("?", false)
		}
		a, err := p.expression(0)
		t.list = append(t.list, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	if left.kind == kindName && (left.str == "function" || left.str == "λ") {
		return p.lambda(t)
	}
	return t, nil
}

func (p *parser) lambda(t *node) (_ *node, err error) {
	for i, a := range t.list {
		if a.kind != kindVariable {
			return nil, fail("S0208").at(a.pos).tok(a.text()).val(float64(i + 1))
		}
		t.params = append(t.params, a.str)
	}
	t.kind, t.list, t.lhs = kindLambda, nil, nil
	if p.node.id == "<" {
		if t.sig, err = p.signature(); err != nil {
			return nil, err
		}
	}
	if err = p.advance("{", false); err != nil {
		return nil, err
	}
	if t.rhs, err = p.expression(0); err != nil {
		return nil, err
	}
	return t, p.advance("}", false)
}

func (p *parser) signature() (*signature, error) {
	start, depth := p.node.pos, 1
	var b strings.Builder
	b.WriteByte('<')
	for depth > 0 && p.node.id != "{" && p.node.id != "(end)" {
		if err := p.advance("", false); err != nil {
			return nil, err
		}
		switch p.node.id {
		case ">":
			depth--
		case "<":
			depth++
		}
		b.WriteString(textOf(p.node.text()))
	}
	if err := p.advance(">", false); err != nil {
		return nil, err
	}
	sig, offset, err := parseSignature(b.String())
	if err != nil {
		return nil, err.at(start + offset)
	}
	return sig, nil
}
