package parse

import "strings"

// extractFields are the fields of EXTRACT, as Trino lists them.
const extractFields = "YEAR, QUARTER, MONTH, WEEK, DAY, DAY_OF_MONTH, DAY_OF_WEEK, DOW, DAY_OF_YEAR, DOY, YEAR_OF_WEEK, YOW, HOUR, MINUTE, SECOND, TIMEZONE_MINUTE, TIMEZONE_HOUR"

var intervalFields = wordSet("YEAR MONTH DAY HOUR MINUTE SECOND")

// fromWord reads a primary expression that starts with a word.
func (p *parser) fromWord(t token) *Expr {
	next := p.peek(1)
	at := func(k Kind) *Expr { return &Expr{Kind: k, Pos: t.Pos} }
	switch t.up {
	case "NULL":
		p.i++
		return at(Null)
	case "TRUE", "FALSE":
		p.i++
		return &Expr{Kind: Bool, Pos: t.Pos, S: strings.ToLower(t.up)}
	case "INTERVAL":
		if after := p.peek(2); next.kind == text && after.kind == word && intervalFields[after.up] || (is(next, "+") || is(next, "-")) && after.kind == text {
			return p.interval()
		}
	case "DOUBLE":
		if is(next, "PRECISION") && p.peek(2).kind == text {
			p.i += 3
			return &Expr{Kind: Typed, Pos: t.Pos, S: p.toks[p.i-1].s, T: &TypeName{Pos: t.Pos, Name: "double", Text: "double"}}
		}
	case "EXISTS":
		p.i++
		p.expect("(")
		e := at(Exists)
		e.Query = p.query()
		p.expect(")")
		return e
	case "CASE":
		return p.caseExpr()
	case "CAST", "TRY_CAST":
		if is(next, "(") || t.up == "CAST" {
			return p.cast(t)
		}
	case "ARRAY":
		if is(next, "[") {
			p.i += 2
			e := at(Array)
			e.A = p.exprList("]")
			return e
		}
	case "ROW":
		if is(next, "(") {
			p.i += 2
			e := at(Row)
			e.A = p.exprList(")")
			return e
		}
	case "POSITION":
		if is(next, "(") {
			return p.position(t)
		}
	case "CURRENT_DATE", "CURRENT_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_PATH", "CURRENT_TIME",
		"CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP":
		p.i++
		e := at(Current)
		e.Name, e.N = strings.ToLower(t.up), -1
		if strings.Contains(t.up, "TIME") && p.accept("(") {
			e.N = p.number()
			p.expect(")")
		}
		return e
	case "TRIM":
		return p.trim(t)
	case "SUBSTRING":
		if is(next, "(") {
			return p.substring(t)
		}
	case "NORMALIZE":
		return p.normalize(t)
	case "EXTRACT":
		p.i++
		p.expect("(")
		e := at(Extract)
		e.Name = strings.ToUpper(p.name())
		p.expect("FROM")
		e.A = []*Expr{p.value()}
		p.expect(")")
		if !strings.Contains(" "+strings.ReplaceAll(extractFields, ",", "")+" ", " "+e.Name+" ") {
			p.failAt(t.Pos, "Invalid EXTRACT field %s, valid fields are: %s", e.Name, extractFields)
		}
		return e
	case "GROUPING":
		p.i++
		p.expect("(")
		e := at(Grouping)
		e.A = p.exprList(")")
		return e
	case "LISTAGG":
		return p.listagg(t)
	case "TRY":
		if is(next, "(") {
			p.i += 2
			e := at(Try)
			if e.A = p.exprList(")"); len(e.A) != 1 {
				p.failAt(t.Pos, "The 'try' function must have exactly one argument")
			}
			return e
		}
	case "JSON_EXISTS", "JSON_VALUE", "JSON_QUERY":
		return p.jsonPathCall(t)
	case "JSON_OBJECT", "JSON_ARRAY":
		return p.jsonMake(t)
	}
	if reserved[t.up] {
		if t.up == "UNNEST" || t.up == "FROM" {
			p.fail("'*'", "'ALL'", "'DISTINCT'", "<expression>")
		}
		p.fail("<expression>")
	}
	if is(next, "->") {
		p.i += 2
		e := at(Lambda)
		e.Names, e.A = []string{strings.ToLower(t.s)}, []*Expr{p.expr()}
		return e
	}
	if next.kind == text {
		p.i += 2
		return &Expr{Kind: Typed, Pos: t.Pos, S: next.s, T: &TypeName{Pos: t.Pos, Name: strings.ToLower(t.s), Text: t.s}}
	}
	return p.identOrCall()
}

func (p *parser) identOrCall() *Expr {
	t := p.tok()
	if is(p.peek(1), "->") {
		p.i += 2
		return &Expr{Kind: Lambda, Pos: t.Pos, Names: []string{strings.ToLower(t.s)}, A: []*Expr{p.expr()}}
	}
	// A qualified name that a bracket follows is a call.
	n := 1
	for is(p.peek(n), ".") && isIdent(p.peek(n+1)) {
		n += 2
	}
	if !is(p.peek(n), "(") {
		name, q := p.ident()
		return &Expr{Kind: Ident, Pos: t.Pos, Name: name, Quoted: q}
	}
	name := strings.Join(p.qualified(), ".")
	p.expect("(")
	return p.callRest(&Expr{Kind: Call, Pos: t.Pos, Name: name})
}

func (p *parser) callRest(e *Expr) *Expr {
	switch {
	case p.is("*") && is(p.peek(1), ")"):
		p.i += 2
		e.Star = true
	case p.is("*"):
		p.i++
		p.fail("')'")
	default:
		if !p.accept("ALL") {
			e.Distinct = p.accept("DISTINCT")
		}
		if !p.is(")") && !p.is("ORDER") {
			for {
				e.A = append(e.A, p.expr())
				if !p.accept(",") {
					break
				}
			}
		}
		if p.accept("ORDER") {
			p.expect("BY")
			e.Order = p.sorts()
		}
		if !p.accept(")") {
			p.fail("')'", "','", "'ORDER'")
		}
	}
	p.callTail(e)
	switch n := len(e.A); {
	case e.Name == "nullif" && n != 2, e.Name == "if" && n != 2 && n != 3:
		p.failAt(e.Pos, "Invalid number of arguments for '%s' function", e.Name)
	case (e.Name == "coalesce" || e.Name == "format") && n < 2:
		p.failAt(e.Pos, "The '%s' function must have at least two arguments", e.Name)
	}
	return e
}

func (p *parser) callTail(e *Expr) {
	if p.is("FILTER") && is(p.peek(1), "(") {
		p.i += 2
		p.expect("WHERE")
		e.Filter = p.expr()
		p.expect(")")
	}
	if p.isAny("IGNORE", "RESPECT") && is(p.peek(1), "NULLS") {
		e.Nulls = p.tok().up
		p.i += 2
		if !p.is("OVER") {
			p.fail("'OVER'")
		}
	}
	if p.is("OVER") && (is(p.peek(1), "(") || isIdent(p.peek(1))) {
		at := p.peek(1).Pos
		p.i++
		if p.accept("(") {
			e.Over = p.windowSpec()
		} else {
			e.Over = &Window{Pos: at, Ref: p.name(), Bare: true}
		}
	}
}

// windowSpec reads a window up to its closing bracket.
func (p *parser) windowSpec() *Window {
	w := &Window{Pos: p.tok().Pos}
	if isIdent(p.tok()) && !p.are("PARTITION", "BY") && !p.isAny("RANGE", "ROWS", "GROUPS", "MEASURES", "PATTERN") {
		w.Ref = p.name()
	}
	if p.accept("PARTITION") {
		p.expect("BY")
		for {
			w.Partition = append(w.Partition, p.expr())
			if !p.accept(",") {
				break
			}
		}
	}
	if at := p.tok().Pos; p.accept("ORDER") {
		p.expect("BY")
		w.Order, w.OrderPos = p.sorts(), at
	}
	if p.isAny("ROWS", "RANGE", "GROUPS") {
		f := &Frame{Pos: p.tok().Pos, Mode: p.tok().up}
		p.i++
		if p.accept("BETWEEN") {
			f.Start = p.bound()
			p.expect("AND")
			f.End = p.bound()
		} else {
			f.Start = p.bound()
		}
		w.Frame = f
	}
	if p.isAny("MEASURES", "PATTERN") {
		p.failAt(p.tok().Pos, "row pattern recognition in windows is not supported")
	}
	if !p.accept(")") {
		p.fail("')'", "'GROUPS'", "'ORDER'", "'PARTITION'", "'RANGE'", "'ROWS'", "<identifier>")
	}
	return w
}

func (p *parser) bound() Bound {
	b := Bound{Pos: p.tok().Pos}
	switch {
	case p.are("UNBOUNDED", "PRECEDING"), p.are("UNBOUNDED", "FOLLOWING"), p.are("CURRENT", "ROW"):
		b.Kind = p.tok().up + " " + p.peek(1).up
		p.i += 2
	case p.is("UNBOUNDED") && p.peek(1).kind != symbol:
		p.i++
		p.fail("'FOLLOWING'", "'PRECEDING'")
	default:
		b.Expr = p.expr()
		if !p.isAny("PRECEDING", "FOLLOWING") {
			p.fail("'FOLLOWING'", "'PRECEDING'")
		}
		b.Kind = p.tok().up
		p.i++
	}
	return b
}

func (p *parser) caseExpr() *Expr {
	e := &Expr{Kind: Case, Pos: p.tok().Pos}
	p.expect("CASE")
	var operand, other *Expr
	if !p.is("WHEN") {
		operand = p.expr()
	}
	e.A = []*Expr{operand}
	if !p.is("WHEN") {
		p.fail("'WHEN'")
	}
	for p.accept("WHEN") {
		e.A = append(e.A, p.expr())
		p.expect("THEN")
		e.A = append(e.A, p.expr())
	}
	if p.accept("ELSE") {
		other = p.expr()
	}
	p.expect("END")
	e.A = append(e.A, other)
	return e
}

func (p *parser) cast(t token) *Expr {
	p.i++
	p.expect("(")
	e := &Expr{Kind: Cast, Pos: t.Pos, Try: t.up == "TRY_CAST"}
	e.A = []*Expr{p.expr()}
	p.expect("AS")
	e.T = p.typeName()
	p.expect(")")
	return e
}

func (p *parser) position(t token) *Expr {
	save := p.i
	p.i += 2
	needle := p.value()
	if p.accept("IN") {
		hay := p.value()
		p.expect(")")
		return &Expr{Kind: Call, Pos: t.Pos, Name: "strpos", A: []*Expr{hay, needle}}
	}
	p.i = save
	return p.identOrCall()
}

func (p *parser) trim(t token) *Expr {
	p.i++
	p.expect("(")
	e := &Expr{Kind: Trim, Pos: t.Pos, Name: "BOTH"}
	spec := p.isAny("BOTH", "LEADING", "TRAILING") && !is(p.peek(1), ",") && !is(p.peek(1), ")")
	if spec {
		e.Name = p.tok().up
		p.i++
	}
	if spec && p.accept("FROM") {
		e.A = []*Expr{p.value()}
		p.expect(")")
		return e
	}
	first := p.value()
	switch {
	case p.accept("FROM"):
		e.A = []*Expr{p.value(), first}
	case p.accept(","):
		e.A = []*Expr{first, p.value()}
	case spec:
		p.fail("'FROM'")
	default:
		e.A = []*Expr{first}
	}
	p.expect(")")
	return e
}

func (p *parser) substring(t token) *Expr {
	save := p.i
	p.i += 2
	e := &Expr{Kind: Call, Pos: t.Pos, Name: "substring"}
	if !p.is(")") {
		e.A = []*Expr{p.value()}
		if p.accept("FROM") {
			e.A = append(e.A, p.value())
			if p.accept("FOR") {
				e.A = append(e.A, p.value())
			}
			p.expect(")")
			return e
		}
	}
	p.i = save
	return p.identOrCall()
}

func (p *parser) normalize(t token) *Expr {
	p.i++
	p.expect("(")
	e := &Expr{Kind: Call, Pos: t.Pos, Name: "normalize", A: []*Expr{p.value(), {Kind: Str, Pos: t.Pos, S: "NFC"}}}
	if p.accept(",") {
		if !p.isAny("NFD", "NFC", "NFKD", "NFKC") {
			p.fail("'NFC'", "'NFD'", "'NFKC'", "'NFKD'")
		}
		e.A[1].S = p.tok().up
		p.i++
	}
	p.expect(")")
	return e
}

// listagg reads LISTAGG(x, ',' ON OVERFLOW …) WITHIN GROUP (ORDER BY …).
func (p *parser) listagg(t token) *Expr {
	p.i++
	p.expect("(")
	e := &Expr{Kind: Call, Pos: t.Pos, Name: "listagg"}
	if !p.accept("ALL") {
		e.Distinct = p.accept("DISTINCT")
	}
	e.A = []*Expr{p.expr()}
	sep := &Expr{Kind: Str, Pos: t.Pos}
	if p.accept(",") {
		s := p.tok()
		if s.kind != text {
			p.fail("<string>")
		}
		sep.S = s.s
		p.i++
	}
	e.A = append(e.A, sep)
	if p.accept("ON", "OVERFLOW") {
		if p.accept("TRUNCATE") {
			e.To = "TRUNCATE"
			if p.tok().kind == text {
				p.i++
			}
			if !p.accept("WITHOUT", "COUNT") {
				p.expect("WITH", "COUNT")
			}
		} else {
			p.expect("ERROR")
		}
	}
	p.expect(")")
	p.expect("WITHIN", "GROUP", "(", "ORDER", "BY")
	e.Order = p.sorts()
	p.expect(")")
	p.callTail(e)
	return e
}
