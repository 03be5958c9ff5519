package parse

import "strings"

func (p *parser) query() *Query {
	defer p.enter()()
	q := &Query{Pos: p.tok().Pos}
	var with []With
	recursive := false
	if p.accept("WITH") {
		recursive = p.accept("RECURSIVE")
		if p.is("FUNCTION") && isIdent(p.peek(1)) {
			p.failAt(p.tok().Pos, "inline functions are not supported")
		}
		for {
			w := With{Pos: p.tok().Pos}
			if !isIdent(p.tok()) {
				p.fail("'RECURSIVE'", "<identifier>")
			}
			w.Name = p.name()
			if p.is("(") {
				w.Columns = p.columnAliases()
			}
			p.expect("AS")
			p.expect("(")
			w.Query = p.query()
			p.expect(")")
			with = append(with, w)
			if !p.accept(",") {
				break
			}
		}
	}
	body := p.queryNoWith()
	if len(with) == 0 {
		return body
	}
	if len(body.With) > 0 {
		q.Body = &Body{Pos: body.Pos, Op: "QUERY", Query: body}
	} else {
		*q = *body
	}
	q.With, q.Recursive = with, recursive
	return q
}

// queryNoWith reads a query term with its ORDER BY, OFFSET and LIMIT or FETCH.
func (p *parser) queryNoWith() *Query {
	q := &Query{Pos: p.tok().Pos}
	q.Body = p.setOperation(0)
	if p.accept("ORDER") {
		p.expect("BY")
		q.Order = p.sorts()
	}
	if p.accept("OFFSET") {
		q.Offset = p.rowCount(false)
		if !p.accept("ROWS") {
			p.accept("ROW")
		}
	}
	switch {
	case p.accept("LIMIT"):
		q.Limit = p.rowCount(true)
	case p.accept("FETCH"):
		fetch := p.toks[p.i-1].Pos
		if !p.accept("FIRST") && !p.accept("NEXT") {
			p.fail("'FIRST'", "'NEXT'")
		}
		q.Limit = &Expr{Kind: Int, S: "1", Pos: p.tok().Pos}
		if !p.isAny("ROW", "ROWS") {
			q.Limit = p.rowCount(false)
		}
		q.Limit.Text = "FETCH"
		q.Limit.Pos = fetch
		if !p.accept("ROW") && !p.accept("ROWS") {
			p.fail("'ROW'", "'ROWS'")
		}
		if p.accept("WITH") {
			p.expect("TIES")
			q.Ties = true
		} else {
			p.expect("ONLY")
		}
	}
	return q
}

func (p *parser) rowCount(all bool) *Expr {
	t := p.tok()
	switch {
	case t.kind == integer:
		p.i++
		return &Expr{Kind: Int, S: strings.ReplaceAll(t.s, "_", ""), Pos: t.Pos}
	case p.is("?"):
		return p.param()
	case all && p.accept("ALL"):
		return nil
	}
	if all {
		p.fail("'?'", "'ALL'", "<integer>")
	}
	p.fail("'?'", "<integer>")
	return nil
}

func (p *parser) sorts() []Sort {
	var out []Sort
	for {
		s := Sort{Pos: p.tok().Pos}
		s.Expr = p.expr()
		if !p.accept("ASC") {
			s.Desc = p.accept("DESC")
		}
		if p.accept("NULLS") {
			switch {
			case p.accept("FIRST"):
				s.Nulls = "FIRST"
			case p.accept("LAST"):
				s.Nulls = "LAST"
			default:
				p.fail("'FIRST'", "'LAST'")
			}
		}
		out = append(out, s)
		if !p.accept(",") {
			return out
		}
	}
}

// setOperation climbs the precedence of set operators: INTERSECT binds closer than UNION and EXCEPT.
func (p *parser) setOperation(level int) *Body {
	defer p.enter()()
	if level == 2 {
		return p.queryPrimary()
	}
	left := p.setOperation(level + 1)
	for {
		op := ""
		for _, w := range [][]string{{"UNION", "EXCEPT"}, {"INTERSECT"}}[level] {
			if p.is(w) {
				op = w
			}
		}
		if op == "" {
			return left
		}
		at := p.tok().Pos
		p.i++
		b := &Body{Op: op, Pos: at, L: left}
		if p.accept("ALL") {
			b.All = true
		} else {
			p.accept("DISTINCT")
		}
		if p.accept("CORRESPONDING") {
			b.Unsupported = "CORRESPONDING"
		}
		b.R = p.setOperation(level + 1)
		left = b
	}
}

func (p *parser) queryPrimary() *Body {
	b := &Body{Pos: p.tok().Pos}
	switch {
	case p.is("SELECT"):
		p.selectBody(b)
	case p.accept("TABLE"):
		b.Op, b.Table = "TABLE", p.qualified()
	case p.accept("VALUES"):
		b.Op = "VALUES"
		b.Rows = []*Expr{p.expr()}
		for p.accept(",") {
			b.Rows = append(b.Rows, p.expr())
		}
	case p.accept("("):
		b.Op, b.Query = "QUERY", p.queryNoWith()
		p.expect(")")
	default:
		p.fail("'('", "'SELECT'", "'TABLE'", "'VALUES'")
	}
	return b
}

func (p *parser) selectBody(b *Body) {
	p.expect("SELECT")
	b.Op = "SELECT"
	if !p.is("ALL") || !p.quantifierFollows() {
		b.Distinct = p.accept("DISTINCT")
	} else {
		p.i++
	}
	b.Items = []Item{p.selectItem()}
	for p.accept(",") {
		b.Items = append(b.Items, p.selectItem())
	}
	if p.accept("FROM") {
		b.From = []*Relation{p.relation()}
		for p.accept(",") {
			b.From = append(b.From, p.relation())
		}
	}
	if p.accept("WHERE") {
		b.Where = p.expr()
	}
	if p.accept("GROUP") {
		p.expect("BY")
		b.Group = p.groupBy()
	}
	if p.accept("HAVING") {
		b.Having = p.expr()
	}
	if p.accept("WINDOW") {
		for {
			w := NamedWindow{Pos: p.tok().Pos, Name: p.name()}
			p.expect("AS")
			p.expect("(")
			w.Window = p.windowSpec()
			b.Windows = append(b.Windows, w)
			if !p.accept(",") {
				break
			}
		}
	}
}

// quantifierFollows tells whether ALL here is the quantifier and not a column of that name.
func (p *parser) quantifierFollows() bool {
	t := p.peek(1)
	return t.kind != eof && !is(t, ",") && !is(t, ")") && !is(t, "FROM") && !is(t, "AS") && !is(t, ".") && !is(t, ";")
}

// clauseFollows tells whether the word here begins LIMIT, OFFSET, FETCH or WINDOW and is no alias.
func (p *parser) clauseFollows() bool {
	t, next := p.tok(), p.peek(1)
	if t.kind != word {
		return false
	}
	switch t.up {
	case "LIMIT":
		return next.kind != eof && !is(next, ",") && !is(next, ")") && !is(next, "(") && !is(next, "FROM")
	case "OFFSET":
		return next.kind == integer || is(next, "?")
	case "FETCH":
		return is(next, "FIRST") || is(next, "NEXT")
	case "WINDOW":
		return isIdent(next) && is(p.peek(2), "AS")
	case "TABLESAMPLE":
		return isIdent(next) && is(p.peek(2), "(")
	case "MATCH_RECOGNIZE":
		return is(next, "(")
	}
	return false
}

func (p *parser) selectItem() Item {
	it := Item{Pos: p.tok().Pos}
	if p.accept("*") {
		it.Star = true
		return it
	}
	it.Expr = p.expr()
	if p.is(".") && is(p.peek(1), "*") {
		p.i += 2
		it.Star = true
		if p.accept("AS") {
			it.StarNames = p.columnAliases()
		}
		return it
	}
	as := p.accept("AS")
	if as || isIdent(p.tok()) && !p.clauseFollows() {
		it.Alias, it.Quoted = p.ident()
		it.AliasGiven = true
	}
	return it
}

func (p *parser) groupBy() *GroupBy {
	g := &GroupBy{}
	if !p.is("ALL") || !p.quantifierFollows() {
		g.Distinct = p.accept("DISTINCT")
	} else {
		p.i++
	}
	for {
		e := GroupElement{Pos: p.tok().Pos}
		switch {
		case p.is("ROLLUP") || p.is("CUBE"):
			e.Kind = p.tok().up
			p.i++
			p.expect("(")
			if !p.is(")") {
				for {
					e.Sets = append(e.Sets, p.groupingSet())
					if !p.accept(",") {
						break
					}
				}
			}
			p.expect(")")
		case p.are("GROUPING", "SETS"):
			p.i += 2
			e.Kind = "SETS"
			p.expect("(")
			for {
				e.Sets = append(e.Sets, p.groupingSet())
				if !p.accept(",") {
					break
				}
			}
			p.expect(")")
		default:
			e.Sets = [][]*Expr{p.groupingSet()}
		}
		g.Elements = append(g.Elements, e)
		if !p.accept(",") {
			return g
		}
	}
}

// groupingSet reads ( a, b ), ( ) or one expression.
func (p *parser) groupingSet() []*Expr {
	if p.is("(") {
		if is(p.peek(1), ")") {
			p.i += 2
			return []*Expr{}
		}
		save := p.i
		if set, ok := p.tryList(); ok {
			return set
		}
		p.i = save
	}
	return []*Expr{p.expr()}
}

// tryList reads a bracketed list of expressions that is not the start of a longer expression.
func (p *parser) tryList() (set []*Expr, ok bool) {
	depth := p.depth
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(*Error); !is {
				panic(r)
			}
			p.depth, ok = depth, false
		}
	}()
	p.expect("(")
	if p.isAny("SELECT", "WITH", "VALUES", "TABLE") {
		return nil, false
	}
	set = []*Expr{p.expr()}
	for p.accept(",") {
		set = append(set, p.expr())
	}
	p.expect(")")
	t := p.tok()
	follows := t.kind == eof || p.isAny(",", ")", ";", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT")
	return set, follows
}
