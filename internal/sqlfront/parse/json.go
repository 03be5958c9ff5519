package parse

import "strings"

// jsonInput reads a value with an optional FORMAT JSON.
func (p *parser) jsonFormat() bool {
	if !p.is("FORMAT") {
		return false
	}
	p.i++
	p.expect("JSON")
	if p.accept("ENCODING") {
		p.name()
	}
	return true
}

// jsonPathCall reads JSON_EXISTS, JSON_VALUE and JSON_QUERY.
func (p *parser) jsonPathCall(t token) *Expr {
	p.i++
	p.expect("(")
	c := &JSONClauses{}
	e := &Expr{Kind: JSONCall, Pos: t.Pos, Name: strings.ToLower(t.up), JSON: c}
	e.A = []*Expr{p.expr()}
	c.Format = []bool{p.jsonFormat()}
	p.expect(",")
	path := p.tok()
	if path.kind != text {
		p.fail("<string>")
	}
	c.Path, c.PathPos = path.s, path.Pos
	p.i++
	if p.accept("AS") { // the path's name
		p.name()
	}
	if p.accept("PASSING") {
		for {
			v := p.expr()
			c.Format = append(c.Format, p.jsonFormat())
			p.expect("AS")
			name, q := p.ident()
			if !q {
				name = strings.ToUpper(name)
			}
			c.Passing, c.PassingNames = append(c.Passing, v), append(c.PassingNames, name)
			if !p.accept(",") {
				break
			}
		}
	}
	if t.up != "JSON_EXISTS" && p.accept("RETURNING") {
		c.Returning = p.typeName()
		p.jsonFormat()
	}
	if t.up == "JSON_QUERY" {
		p.jsonQueryClauses(c)
	}
	for p.isAny("NULL", "ERROR", "DEFAULT", "TRUE", "FALSE", "UNKNOWN", "EMPTY") {
		kind := p.tok().up
		p.i++
		var def *Expr
		switch kind {
		case "DEFAULT":
			def = p.expr()
		case "EMPTY":
			if p.accept("OBJECT") {
				kind = "EMPTY OBJECT"
			} else {
				p.accept("ARRAY")
				kind = "EMPTY ARRAY"
			}
		}
		p.expect("ON")
		switch {
		case t.up != "JSON_EXISTS" && c.OnEmpty == "" && c.OnError == "" && p.accept("EMPTY"):
			c.OnEmpty, c.EmptyDefault = kind, def
		case c.OnError == "" && p.accept("ERROR"):
			c.OnError, c.ErrorDefault = kind, def
		default:
			p.fail("'ERROR'")
		}
	}
	p.expect(")")
	return e
}

func (p *parser) jsonQueryClauses(c *JSONClauses) {
	switch {
	case p.accept("WITHOUT"):
		p.accept("ARRAY")
		p.expect("WRAPPER")
		c.Wrapper = "WITHOUT"
	case p.accept("WITH"):
		c.Wrapper = "UNCONDITIONAL"
		if p.accept("CONDITIONAL") {
			c.Wrapper = "CONDITIONAL"
		} else {
			p.accept("UNCONDITIONAL")
		}
		p.accept("ARRAY")
		p.expect("WRAPPER")
	}
	if p.isAny("KEEP", "OMIT") {
		c.Quotes = p.tok().up
		p.i++
		p.expect("QUOTES")
		if p.accept("ON") {
			p.expect("SCALAR")
			p.accept("STRING")
		}
	}
}

// jsonMake reads JSON_OBJECT and JSON_ARRAY. Members of an object are pairs in A.
func (p *parser) jsonMake(t token) *Expr {
	p.i++
	p.expect("(")
	c := &JSONClauses{}
	e := &Expr{Kind: JSONCall, Pos: t.Pos, Name: strings.ToLower(t.up), JSON: c}
	for !p.is(")") && !p.isAny("RETURNING", "ABSENT") && !p.are("NULL", "ON") {
		if t.up == "JSON_OBJECT" {
			key := p.accept("KEY")
			e.A = append(e.A, p.value())
			if key || !p.accept(":") {
				p.expect("VALUE")
			}
		}
		e.A = append(e.A, p.expr())
		c.Format = append(c.Format, p.jsonFormat())
		if !p.accept(",") {
			break
		}
	}
	if p.accept("NULL") {
		p.expect("ON", "NULL")
		c.NullOn = "NULL"
	} else if p.accept("ABSENT") {
		p.expect("ON", "NULL")
		c.NullOn = "ABSENT"
	}
	if p.accept("WITH") {
		p.expect("UNIQUE")
		p.accept("KEYS")
		c.Unique = true
	} else if p.accept("WITHOUT") {
		p.expect("UNIQUE")
		p.accept("KEYS")
	}
	if p.accept("RETURNING") {
		c.Returning = p.typeName()
		p.jsonFormat()
	}
	if !p.accept(")") {
		p.fail("')'", "','")
	}
	return e
}
