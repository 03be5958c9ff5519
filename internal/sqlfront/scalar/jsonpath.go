package scalar

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// JSONPath is a parsed path of SQL/JSON.
type JSONPath struct {
	strict    bool
	root      *jpNode
	Variables []string // names that PASSING must give
}

// PathError says where in a path's text what is wrong.
type PathError struct {
	Name, Message string
	Offset        int // in characters
}

func (e *PathError) Error() string { return e.Message }

// jpNode is a node of a path: an accessor, an operator or a predicate.
// Kinds: value, context, variable, current, last, neg, pos, arith, member, members, descendant, elements, index,
// range, filter, method; and, or, not, compare, starts, exists, unknown.
type jpNode struct {
	kind  string
	text  string // of members, variables, operators and methods
	value any
	args  []*jpNode // operands; of an index also its subscripts
}

type jpToken struct {
	kind byte // 'i'dentifier, 's'tring, 'n'umber, '$' variable, 'o'perator, 0 at the end
	text string
	at   int
}

type jpParser struct {
	toks  []jpToken
	i     int
	depth int
	path  *JSONPath
}

// ParseJSONPath reads a path of SQL/JSON.
func ParseJSONPath(s string) (path *JSONPath, err *PathError) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*PathError)
			if !ok {
				panic(r)
			}
			path, err = nil, e
		}
	}()
	p := &jpParser{toks: pathTokens(s), path: &JSONPath{}}
	switch t := p.next(); {
	case t.kind == 'i' && t.text == "strict":
		p.path.strict = true
	case t.kind == 'i' && t.text == "lax":
	case t.kind == 'i' || t.kind == 0:
		p.i--
		p.fail("mismatched input '%' expecting {'lax', 'strict'}")
	default:
		p.i--
		p.fail("missing {'lax', 'strict'} at '%'")
	}
	p.path.root = p.expr(0)
	if p.peek().kind != 0 {
		p.fail("mismatched input '%' expecting {<EOF>, '+', '*', '/', '%', '.', '..', '[', '?', '-'}")
	}
	return p.path, nil
}

func pathTokens(s string) []jpToken {
	var out []jpToken
	at := 0
	bad := func(what string) { panic(&PathError{"SYNTAX_ERROR", what, at}) }
	for i := 0; i < len(s); {
		start := i
		r, n := utf8.DecodeRuneInString(s[i:])
		word := func(from int) int {
			for from < len(s) {
				r, n := utf8.DecodeRuneInString(s[from:])
				if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					break
				}
				from += n
			}
			return from
		}
		switch {
		case strings.ContainsRune(" \t\r\n", r):
			i++
		case r == '_' || unicode.IsLetter(r):
			i = word(i)
			out = append(out, jpToken{'i', s[start:i], at})
		case r == '$':
			i = word(i + 1)
			out = append(out, jpToken{'$', s[start:i], at})
		case r >= '0' && r <= '9':
			i = pathNumber(s, i)
			out = append(out, jpToken{'n', s[start:i], at})
		case r == '"':
			var b strings.Builder
			for i++; ; i++ {
				if i >= len(s) {
					bad("unterminated string")
				}
				if s[i] == '"' {
					if i+1 < len(s) && s[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(s[i])
			}
			i++
			out = append(out, jpToken{'s', b.String(), at})
		default:
			op := s[i : i+n]
			for _, two := range []string{"==", "!=", "<>", "<=", ">=", "&&", "||", ".."} {
				if strings.HasPrefix(s[i:], two) {
					op = two
				}
			}
			if !strings.Contains("== != <> <= >= && || .. @ . * [ ] ( ) ? , + - / % < > !", op) {
				bad("token recognition error at: '" + op + "'")
			}
			i += len(op)
			out = append(out, jpToken{'o', op, at})
		}
		at += utf8.RuneCountInString(s[start:i])
	}
	return append(out, jpToken{0, "<EOF>", at})
}

func pathNumber(s string, i int) int {
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	digits()
	if i+1 < len(s) && s[i] == '.' && s[i+1] >= '0' && s[i+1] <= '9' {
		i++
		digits()
	}
	if i+1 < len(s) && s[i]|32 == 'e' && (s[i+1] >= '0' && s[i+1] <= '9' || i+2 < len(s) && (s[i+1] == '-' || s[i+1] == '+')) {
		i += 2
		digits()
	}
	return i
}

func (p *jpParser) peek() jpToken { return p.toks[p.i] }

func (p *jpParser) next() jpToken {
	t := p.toks[p.i]
	if t.kind != 0 {
		p.i++
	} else if p.i == 0 {
		p.toks = append(p.toks, t)
		p.i++
	}
	return t
}

// fail reports the token at hand; the first % of the message stands for it.
func (p *jpParser) fail(message string) {
	t := p.peek()
	panic(&PathError{"SYNTAX_ERROR", strings.Replace(message, "%", t.text, 1), t.at})
}

func (p *jpParser) op(ops ...string) (string, bool) {
	if t := p.peek(); t.kind == 'o' {
		for _, o := range ops {
			if t.text == o {
				p.i++
				return o, true
			}
		}
	}
	return "", false
}

func (p *jpParser) need(op string) {
	if _, ok := p.op(op); !ok {
		p.fail("mismatched input '%' expecting '" + op + "'")
	}
}

func (p *jpParser) words(ws ...string) bool {
	for k, w := range ws {
		if p.i+k >= len(p.toks) || p.toks[p.i+k].kind != 'i' || p.toks[p.i+k].text != w {
			return false
		}
	}
	p.i += len(ws)
	return true
}

// expr reads an expression of operators that bind tighter than level: 0 all, 1 products, 2 signs.
func (p *jpParser) expr(level int) *jpNode {
	if p.depth++; p.depth > 200 {
		panic(&PathError{"NOT_SUPPORTED", "JSON paths nested deeper than 200 levels are not supported", p.peek().at})
	}
	defer func() { p.depth-- }()
	if level == 2 {
		if o, ok := p.op("+", "-"); ok {
			kind := map[string]string{"+": "pos", "-": "neg"}[o]
			return &jpNode{kind: kind, args: []*jpNode{p.expr(2)}}
		}
		return p.accessors()
	}
	left := p.expr(level + 1)
	ops := []string{"+", "-"}
	if level == 1 {
		ops = []string{"*", "/", "%"}
	}
	for {
		o, ok := p.op(ops...)
		if !ok {
			return left
		}
		left = &jpNode{kind: "arith", text: o, args: []*jpNode{left, p.expr(level + 1)}}
	}
}

func (p *jpParser) primary() *jpNode {
	t := p.next()
	switch t.kind {
	case '$':
		if t.text == "$" {
			return &jpNode{kind: "context"}
		}
		p.path.Variables = append(p.path.Variables, t.text[1:])
		return &jpNode{kind: "variable", text: t.text[1:]}
	case 's':
		return &jpNode{kind: "value", value: t.text}
	case 'n':
		return &jpNode{kind: "value", value: literalNumber(t)}
	case 'i':
		switch t.text {
		case "null":
			return &jpNode{kind: "value"}
		case "true", "false":
			return &jpNode{kind: "value", value: t.text == "true"}
		case "last":
			return &jpNode{kind: "last"}
		}
	case 'o':
		switch t.text {
		case "@":
			return &jpNode{kind: "current"}
		case "(":
			e := p.expr(0)
			p.need(")")
			return e
		}
	}
	if t.kind != 0 {
		p.i--
	}
	p.fail("no viable alternative at input '%'")
	return nil
}

func literalNumber(t jpToken) any {
	switch {
	case strings.ContainsAny(t.text, "eE"):
		f, _ := strconv.ParseFloat(t.text, 64)
		return f
	case strings.Contains(t.text, "."):
		return pathDecimal(t.text)
	}
	i, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		panic(&PathError{"NOT_SUPPORTED", "number " + t.text + " in a JSON path is not supported", t.at})
	}
	return i
}

func (p *jpParser) accessors() *jpNode {
	e := p.primary()
	for {
		o, ok := p.op(".", "..", "[", "?")
		if !ok {
			return e
		}
		switch o {
		case "?":
			p.need("(")
			e = &jpNode{kind: "filter", args: []*jpNode{e, p.predicate(0)}}
			p.need(")")
		case "[":
			e = p.subscripts(e)
		default:
			e = p.member(e, o)
		}
	}
}

func (p *jpParser) member(e *jpNode, dots string) *jpNode {
	if dots == "." {
		if _, ok := p.op("*"); ok {
			return &jpNode{kind: "members", args: []*jpNode{e}}
		}
	}
	t := p.peek()
	if t.kind != 'i' && t.kind != 's' {
		p.fail("no viable alternative at input '.'")
	}
	p.i++
	if dots == ".." {
		return &jpNode{kind: "descendant", text: t.text, args: []*jpNode{e}}
	}
	if t.kind == 'i' {
		if _, ok := p.op("("); ok {
			switch t.text {
			case "abs", "ceiling", "double", "floor", "keyvalue", "size", "type":
				p.need(")")
				return &jpNode{kind: "method", text: t.text, args: []*jpNode{e}}
			case "datetime":
				panic(&PathError{"NOT_SUPPORTED", "datetime method in JSON path is not yet supported", -1})
			}
			p.i--
			p.fail("mismatched input '%' expecting {<EOF>, '+', '*', '/', '%', '.', '..', '[', '?', '-'}")
		}
	}
	return &jpNode{kind: "member", text: t.text, args: []*jpNode{e}}
}

func (p *jpParser) subscripts(e *jpNode) *jpNode {
	if _, ok := p.op("*"); ok {
		p.need("]")
		return &jpNode{kind: "elements", args: []*jpNode{e}}
	}
	n := &jpNode{kind: "index", args: []*jpNode{e}}
	for {
		from := p.expr(0)
		r := &jpNode{kind: "range", args: []*jpNode{from}}
		if p.words("to") {
			r.args = append(r.args, p.expr(0))
		}
		n.args = append(n.args, r)
		if _, ok := p.op(","); !ok {
			break
		}
	}
	p.need("]")
	return n
}
