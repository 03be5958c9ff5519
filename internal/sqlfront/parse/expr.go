package parse

func (p *parser) expr() *Expr {
	defer p.enter()()
	return p.or()
}

func (p *parser) or() *Expr  { return p.logical("OR", p.and) }
func (p *parser) and() *Expr { return p.logical("AND", p.not) }

func (p *parser) logical(op string, next func() *Expr) *Expr {
	from := p.tok()
	left := next()
	if !p.is(op) {
		return left
	}
	e := &Expr{Kind: Logical, Pos: from.Pos, S: op, A: []*Expr{left}}
	for p.accept(op) {
		e.A = append(e.A, next())
	}
	e.Text = p.written(from.off)
	return e
}

func (p *parser) not() *Expr {
	defer p.enter()()
	t := p.tok()
	if p.accept("NOT") {
		e := &Expr{Kind: Not, Pos: t.Pos, A: []*Expr{p.not()}}
		e.Text = p.written(t.off)
		return e
	}
	return p.predicate()
}

// predicate reads a value with at most one predicate, as Trino's grammar has it: 1 = 1 = true is an error.
func (p *parser) predicate() *Expr {
	from := p.tok()
	e := p.predicated(p.value(), from)
	e.Text = p.written(from.off)
	return e
}

func (p *parser) predicated(v *Expr, from token) *Expr {
	t := p.tok()
	if t.kind == symbol {
		switch t.s {
		case "=", "<>", "<", "<=", ">", ">=":
			p.i++
			if p.isAny("ALL", "SOME", "ANY") && is(p.peek(1), "(") {
				q := p.tok().up
				p.i += 2
				sub := p.query()
				p.expect(")")
				return &Expr{Kind: Quantified, Pos: t.Pos, S: t.s, Name: q, A: []*Expr{v}, Query: sub}
			}
			return &Expr{Kind: Compare, Pos: t.Pos, S: t.s, A: []*Expr{v, p.value()}}
		}
		return v
	}
	if p.is("IS") {
		p.i++
		e := &Expr{Pos: t.Pos, Not: p.accept("NOT"), A: []*Expr{v}}
		switch {
		case p.accept("NULL"):
			e.Kind = IsNull
		case p.accept("DISTINCT"):
			p.expect("FROM")
			e.Kind, e.A = DistinctFrom, append(e.A, p.value())
		case e.Not:
			p.fail("'DISTINCT'", "'NULL'")
		default:
			p.fail("'DISTINCT'", "'NOT'", "'NULL'")
		}
		return e
	}
	not := p.is("NOT")
	n := 0
	if not {
		n = 1
	}
	e := &Expr{Pos: t.Pos, Not: not, A: []*Expr{v}}
	switch k := p.peek(n); {
	case is(k, "BETWEEN"):
		p.i += n + 1
		e.Kind = Between
		e.A = append(e.A, p.value())
		p.expect("AND")
		e.A = append(e.A, p.value())
	case is(k, "IN") && (not || is(p.peek(n+1), "(")):
		p.i += n + 1
		p.expect("(")
		if p.startsQuery(0) || p.is("(") && p.startsQuery(1) && p.bracketIsQuery() {
			e.Kind, e.Query = InQuery, p.query()
		} else {
			e.Kind = InList
			e.A = append(e.A, p.expr())
			for p.accept(",") {
				e.A = append(e.A, p.expr())
			}
		}
		if !p.accept(")") {
			p.fail("')'", "','")
		}
	case is(k, "LIKE"):
		p.i += n + 1
		e.Kind = Like
		e.A = append(e.A, p.value())
		if p.accept("ESCAPE") {
			e.A = append(e.A, p.value())
		}
	case not:
		p.i++
		p.fail("'BETWEEN'", "'IN'", "'LIKE'")
	default:
		return v
	}
	return e
}

// bracketIsQuery tells whether the bracket here holds a whole query term: ((SELECT 1) UNION …) rather than ((SELECT 1), 2).
func (p *parser) bracketIsQuery() bool {
	depth, n := 0, 0
	for ; ; n++ {
		t := p.peek(n)
		if t.kind == eof {
			return false
		}
		if is(t, "(") {
			depth++
		} else if is(t, ")") {
			if depth--; depth == 0 {
				break
			}
		}
	}
	next := p.peek(n + 1)
	return is(next, "UNION") || is(next, "INTERSECT") || is(next, "EXCEPT") || is(next, "ORDER") || is(next, "LIMIT")
}

func (p *parser) value() *Expr { return p.concat() }

func (p *parser) concat() *Expr {
	from := p.tok()
	left := p.additive()
	for p.is("||") {
		at := p.tok().Pos
		p.i++
		left = &Expr{Kind: Concat, Pos: at, A: []*Expr{left, p.additive()}, Text: ""}
		left.Text = p.written(from.off)
	}
	return left
}

func (p *parser) additive() *Expr       { return p.arithmetic(p.multiplicative, "+", "-") }
func (p *parser) multiplicative() *Expr { return p.arithmetic(p.unary, "*", "/", "%") }

func (p *parser) arithmetic(next func() *Expr, ops ...string) *Expr {
	from := p.tok()
	left := next()
	for p.tok().kind == symbol && p.isAny(ops...) {
		t := p.tok()
		p.i++
		left = &Expr{Kind: Arith, Pos: t.Pos, S: t.s, A: []*Expr{left, next()}}
		left.Text = p.written(from.off)
	}
	return left
}

func (p *parser) unary() *Expr {
	defer p.enter()()
	t := p.tok()
	k := Neg
	switch next := p.peek(1); {
	case p.is("-") && (next.kind == integer || next.kind == decimal || next.kind == double):
		return p.atZone() // the sign belongs to the number
	case p.accept("-"):
	case p.accept("+"):
		k = Pos_
	default:
		return p.atZone()
	}
	e := &Expr{Kind: k, Pos: t.Pos, A: []*Expr{p.unary()}}
	e.Text = p.written(t.off)
	return e
}

func (p *parser) atZone() *Expr {
	from := p.tok()
	left := p.primary()
	for p.is("AT") && is(p.peek(1), "TIME") {
		at := p.tok().Pos
		p.i++
		p.expect("TIME", "ZONE")
		var zone *Expr
		if p.is("INTERVAL") {
			zone = p.interval()
		} else if p.tok().kind == text {
			zone = p.primary()
		} else {
			p.fail("'INTERVAL'", "<string>")
		}
		left = &Expr{Kind: AtZone, Pos: at, A: []*Expr{left, zone}}
		left.Text = p.written(from.off)
	}
	return left
}

func (p *parser) param() *Expr {
	e := &Expr{Kind: Param, Pos: p.tok().Pos, N: p.params, Text: "?"}
	p.params++
	p.expect("?")
	return e
}
