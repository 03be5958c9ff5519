package parse

import "strings"

// typeName reads a type of Trino's SQL.
func (p *parser) typeName() *TypeName {
	defer p.enter()()
	from := p.tok()
	t := &TypeName{Pos: from.Pos}
	if from.kind == text {
		p.fail("<type>")
	}
	switch {
	case p.is("ROW") && is(p.peek(1), "("):
		p.i += 2
		t.Name = "row"
		for {
			t.Args = append(t.Args, p.rowField())
			if !p.accept(",") {
				break
			}
		}
		if !p.accept(")") {
			p.fail("')'", "','")
		}
	case p.is("INTERVAL") && p.peek(1).kind == word:
		p.i++
		f := p.intervalField()
		to := f
		if p.accept("TO") {
			to = p.intervalField()
		}
		t.Name = "interval " + strings.ToLower(f) + " to " + strings.ToLower(to)
	case p.is("TIMESTAMP") || p.is("TIME"):
		t.Name = strings.ToLower(from.up)
		p.i++
		if p.accept("(") {
			t.Args = []TypeArg{p.typeArg()}
			p.expect(")")
		}
		if p.accept("WITHOUT", "TIME", "ZONE") {
			break
		}
		if p.is("WITH") {
			p.i++
			p.expect("TIME", "ZONE")
			t.Name += " with time zone"
		}
	case p.are("DOUBLE", "PRECISION"):
		p.i += 2
		t.Name = "double"
	case (p.is("ARRAY") || p.is("MAP")) && is(p.peek(1), "<"):
		t.Name = strings.ToLower(from.up)
		p.i += 2
		for {
			t.Args = append(t.Args, TypeArg{Type: p.typeName()})
			if !p.accept(",") {
				break
			}
		}
		p.expect(">")
	default:
		if !isIdent(from) {
			p.fail("<type>")
		}
		var q bool
		t.Name, q = p.ident()
		t.Name, t.Quoted = strings.ToLower(t.Name), q
		if p.accept("(") {
			for {
				t.Args = append(t.Args, p.typeArg())
				if !p.accept(",") {
					break
				}
			}
			if !p.accept(")") {
				p.fail("')'", "','")
			}
		}
	}
	t.Text = p.written(from.off)
	for p.is("ARRAY") {
		p.i++
		if p.accept("[") {
			p.number()
			p.expect("]")
		}
		t = &TypeName{Pos: from.Pos, Name: "array", Args: []TypeArg{{Type: t}}, Text: p.written(from.off)}
	}
	return t
}

func (p *parser) typeArg() TypeArg {
	if p.tok().kind == integer {
		return TypeArg{Number: p.number()}
	}
	if !isIdent(p.tok()) {
		p.fail("<integer>", "<type>")
	}
	return TypeArg{Type: p.typeName()}
}

// rowField reads a type, or a name with its type: ROW(integer, b varchar).
func (p *parser) rowField() TypeArg {
	if isIdent(p.tok()) {
		next := p.peek(1)
		up := p.tok().up
		compound := (up == "DOUBLE" && is(next, "PRECISION")) || up == "INTERVAL" && next.kind == word && (is(p.peek(2), "TO") || is(p.peek(2), ",") || is(p.peek(2), ")")) ||
			(up == "TIMESTAMP" || up == "TIME") && (is(next, "WITH") || is(next, "WITHOUT"))
		if isIdent(next) && !compound && !is(next, "ARRAY") || isIdent(next) && is(next, "ARRAY") && (is(p.peek(2), "(") || is(p.peek(2), "<")) {
			name, _ := p.ident()
			return TypeArg{Field: name, Type: p.typeName()}
		}
	}
	return TypeArg{Type: p.typeName()}
}
