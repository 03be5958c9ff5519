package parse

func (p *parser) relation() *Relation {
	defer p.enter()()
	left := p.sampled()
	for {
		at := left.Pos
		r := &Relation{Kind: "JOIN", Pos: at, L: left}
		switch {
		case p.accept("CROSS"):
			p.expect("JOIN")
			r.Join = "CROSS"
			r.R = p.sampled()
		case p.accept("NATURAL"):
			r.Natural = true
			r.Join = p.joinType()
			p.expect("JOIN")
			r.R = p.sampled()
		case p.isAny("JOIN", "INNER", "LEFT", "RIGHT", "FULL"):
			r.Join = p.joinType()
			p.expect("JOIN")
			r.R = p.relation()
			p.joinCriteria(r)
		default:
			return left
		}
		left = r
	}
}

func (p *parser) joinType() string {
	for _, t := range []string{"LEFT", "RIGHT", "FULL"} {
		if p.accept(t) {
			p.accept("OUTER")
			return t
		}
	}
	p.accept("INNER")
	return "INNER"
}

func (p *parser) joinCriteria(r *Relation) {
	switch {
	case p.accept("ON"):
		r.On = p.expr()
	case p.accept("USING"):
		p.expect("(")
		for {
			r.UsingPos = append(r.UsingPos, p.tok().Pos)
			r.Using = append(r.Using, p.name())
			if !p.accept(",") {
				break
			}
		}
		p.expect(")")
	default:
		p.fail("'ON'", "'USING'")
	}
}

// sampled reads a relation with its alias.
func (p *parser) sampled() *Relation {
	r := p.aliased()
	if p.is("TABLESAMPLE") {
		r.Unsupported = "TABLESAMPLE"
		p.i++
		p.name()
		p.expect("(")
		p.expr()
		p.expect(")")
	}
	return r
}

func (p *parser) aliased() *Relation {
	r := p.relationPrimary()
	p.alias(r)
	if p.are("MATCH_RECOGNIZE", "(") {
		r.Unsupported = "MATCH_RECOGNIZE"
		p.skipBrackets()
		r.Alias, r.Columns = "", nil
		p.alias(r)
	}
	return r
}

func (p *parser) alias(r *Relation) {
	as := p.accept("AS")
	t := p.tok()
	if as || isIdent(t) && !p.clauseFollows() {
		r.AliasPos = t.Pos
		r.Alias = p.name()
		if p.is("(") {
			r.Columns = p.columnAliases()
		}
	}
}

func (p *parser) skipBrackets() {
	for p.tok().kind != eof && !p.is("(") {
		p.i++
	}
	depth := 0
	for {
		switch {
		case p.tok().kind == eof:
			p.fail("')'")
		case p.is("("):
			depth++
		case p.is(")"):
			depth--
		}
		p.i++
		if depth == 0 {
			return
		}
	}
}

func (p *parser) relationPrimary() *Relation {
	r := &Relation{Pos: p.tok().Pos}
	switch {
	case p.is("(") && p.startsQuery(1):
		p.i++
		r.Kind, r.Query = "QUERY", p.query()
		p.expect(")")
	case p.is("("):
		save := p.i
		p.i++
		if p.is("(") {
			// ((SELECT …) UNION …) or ((a JOIN b …))
			if q, ok := p.tryQuery(); ok {
				r.Kind, r.Query = "QUERY", q
				return r
			}
			p.i = save + 1
		}
		inner := p.relation()
		p.expect(")")
		r.Kind, r.L = "PAREN", inner
	case p.is("UNNEST"):
		p.i++
		r.Kind = "UNNEST"
		p.expect("(")
		r.Args = []*Expr{p.expr()}
		for p.accept(",") {
			r.Args = append(r.Args, p.expr())
		}
		p.expect(")")
		r.Ordinality = p.accept("WITH", "ORDINALITY")
	case p.are("LATERAL", "("):
		p.i += 2
		r.Kind, r.Query = "LATERAL", p.query()
		p.expect(")")
	case p.are("TABLE", "("):
		r.Kind, r.Unsupported = "TABLE", "table functions"
		p.skipBrackets()
	case p.are("JSON_TABLE", "("):
		r.Kind, r.Unsupported = "TABLE", "JSON_TABLE"
		p.skipBrackets()
	default:
		if !isIdent(p.tok()) {
			p.fail("'('", "'JSON_TABLE'", "'LATERAL'", "'TABLE'", "'UNNEST'", "<identifier>")
		}
		r.Kind = "TABLE"
		r.Name = p.qualified()
		if p.is("FOR") {
			p.i++
			if !p.isAny("TIMESTAMP", "VERSION") {
				p.fail("'TIMESTAMP'", "'VERSION'")
			}
			p.i++
			p.expect("AS", "OF")
			p.expr()
			r.Unsupported = "FOR TIMESTAMP or VERSION AS OF"
		}
	}
	return r
}

func (p *parser) startsQuery(n int) bool {
	t := p.peek(n)
	return is(t, "SELECT") || is(t, "WITH") || is(t, "VALUES") || is(t, "TABLE") && !is(p.peek(n+1), "(")
}

func (p *parser) tryQuery() (q *Query, ok bool) {
	depth := p.depth
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(*Error); !is {
				panic(r)
			}
			p.depth, ok = depth, false
		}
	}()
	q = p.query()
	p.expect(")")
	return q, true
}
