package scalar

import "strings"

// predicate reads a predicate of a filter: 0 disjunctions, 1 conjunctions, 2 the rest.
func (p *jpParser) predicate(level int) *jpNode {
	if level == 2 {
		return p.predicatePrimary()
	}
	kind, op := "or", "||"
	if level == 1 {
		kind, op = "and", "&&"
	}
	left := p.predicate(level + 1)
	for {
		if _, ok := p.op(op); !ok {
			return left
		}
		left = &jpNode{kind: kind, args: []*jpNode{left, p.predicate(level + 1)}}
	}
}

func (p *jpParser) predicatePrimary() *jpNode {
	if p.depth++; p.depth > 200 {
		panic(&PathError{"NOT_SUPPORTED", "JSON paths nested deeper than 200 levels are not supported", p.peek().at})
	}
	defer func() { p.depth-- }()
	if _, ok := p.op("!"); ok {
		if t := p.peek(); t.text != "(" && t.text != "exists" {
			p.fail("mismatched input '%' expecting {'(', 'exists'}")
		}
		return &jpNode{kind: "not", args: []*jpNode{p.predicatePrimary()}}
	}
	if p.words("exists") {
		p.need("(")
		e := p.expr(0)
		p.need(")")
		return &jpNode{kind: "exists", args: []*jpNode{e}}
	}
	if p.peek().kind == 'o' && p.peek().text == "(" {
		if n := p.enclosed(); n != nil {
			return n
		}
	}
	left := p.expr(0)
	if o, ok := p.op("==", "!=", "<>", "<=", ">=", "<", ">"); ok {
		return &jpNode{kind: "compare", text: o, args: []*jpNode{left, p.expr(0)}}
	}
	if p.words("starts", "with") {
		return &jpNode{kind: "starts", args: []*jpNode{left, p.primary()}}
	}
	if p.words("like_regex") {
		panic(&PathError{"NOT_SUPPORTED", "like_regex predicate in JSON path is not yet supported", -1})
	}
	p.fail("no viable alternative at input '%'")
	return nil
}

// enclosed reads a predicate in parentheses; nil if they enclose an expression.
func (p *jpParser) enclosed() (n *jpNode) {
	start, depth, vars := p.i, p.depth, len(p.path.Variables)
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(*PathError); !ok || e.Name != "SYNTAX_ERROR" {
				panic(r)
			}
			p.i, p.depth, p.path.Variables, n = start, depth, p.path.Variables[:vars], nil
		}
	}()
	p.i++
	inner := p.predicate(0)
	p.need(")")
	if p.words("is", "unknown") {
		return &jpNode{kind: "unknown", args: []*jpNode{inner}}
	}
	return inner
}

// The truth of a predicate.
type truth int8

const (
	isFalse truth = iota
	isTrue
	isUnknown
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func (v *jpEval) predicate(n *jpNode) truth {
	switch n.kind {
	case "and", "or":
		stop := truthOf(n.kind == "or")
		x := v.predicate(n.args[0])
		if x == stop {
			return stop
		}
		y := v.predicate(n.args[1])
		if y == stop || x != isUnknown {
			return y
		}
		return isUnknown
	case "not":
		switch v.predicate(n.args[0]) {
		case isTrue:
			return isFalse
		case isFalse:
			return isTrue
		}
		return isUnknown
	case "unknown":
		return truthOf(v.predicate(n.args[0]) == isUnknown)
	case "exists":
		s, ok := v.try(n.args[0])
		if !ok {
			return isUnknown
		}
		return truthOf(len(s) > 0)
	}
	left, ok := v.try(n.args[0])
	if !ok {
		return isUnknown
	}
	right, ok := v.try(n.args[1])
	if !ok {
		return isUnknown
	}
	if !v.path.strict {
		left, right = unwrap(left), unwrap(right)
	}
	if n.kind == "starts" {
		return v.startsWith(left, right)
	}
	return v.compareAll(n.text, left, right)
}

func (v *jpEval) startsWith(left, right []any) truth {
	if len(right) != 1 {
		return isUnknown
	}
	prefix, ok := right[0].(string)
	if !ok {
		return isUnknown
	}
	out := isFalse
	for _, x := range left {
		s, ok := x.(string)
		switch {
		case !ok:
			return isUnknown
		case strings.HasPrefix(s, prefix):
			if out = isTrue; !v.path.strict {
				return isTrue
			}
		}
	}
	return out
}

// compareAll compares every pair: in lax mode the first true pair decides, in strict mode any failure.
func (v *jpEval) compareAll(op string, left, right []any) truth {
	found, failed := false, false
	for _, x := range left {
		for _, y := range right {
			switch comparePath(op, x, y) {
			case isTrue:
				found = true
			case isUnknown:
				failed = true
			}
		}
	}
	if found && failed {
		v.refuse("a JSON path's comparison of items of different kinds")
	}
	if failed {
		return isUnknown
	}
	return truthOf(found)
}

func comparePath(op string, x, y any) truth {
	if isTree(x) || isTree(y) {
		return isUnknown
	}
	if x == nil || y == nil {
		switch op {
		case "==":
			return truthOf(x == nil && y == nil)
		case "!=", "<>":
			return truthOf(x != nil || y != nil)
		}
		return isUnknown
	}
	c, equality := 0, false
	switch a := x.(type) {
	case string:
		b, ok := y.(string)
		if !ok {
			return isUnknown
		}
		c = strings.Compare(a, b)
	case bool:
		b, ok := y.(bool)
		if !ok {
			return isUnknown
		}
		equality = a == b
		if !equality {
			c = 1
			if b {
				c = -1
			}
		}
	default:
		var ok bool
		if c, ok = compareNumbers(x, y); !ok {
			return isUnknown
		}
	}
	switch op {
	case "==":
		return truthOf(c == 0)
	case "!=", "<>":
		return truthOf(c != 0)
	case "<":
		return truthOf(c < 0)
	case "<=":
		return truthOf(c <= 0)
	case ">":
		return truthOf(c > 0)
	}
	return truthOf(c >= 0)
}
