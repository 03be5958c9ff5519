package jsonpath

import (
	"regexp"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// predicate decides about one node of a list.
type predicate func(root, cur any) bool

type filterStep struct {
	text string
	test predicate
}

func (s *filterStep) each(root, cur any, out []any) []any {
	switch c := cur.(type) {
	case []any:
		for _, v := range c {
			if s.test(root, v) {
				out = append(out, v)
			}
		}
	case *jsonvalue.Object:
		if s.test(root, c) {
			out = append(out, c)
		}
	}
	return out
}

func (s *filterStep) canonical() string { return "[?]" }

func (p *pathParser) filterStep() (*filterStep, error) {
	start := p.i
	p.i++
	p.space()
	if p.peek() != '(' {
		return nil, p.fail("'(' is expected after '?'")
	}
	p.i++
	test, err := p.or()
	if err != nil {
		return nil, err
	}
	p.space()
	if p.peek() != ')' {
		return nil, p.fail("')' is expected at the end of a filter")
	}
	p.i++
	return &filterStep{text: p.s[start:p.i], test: test}, nil
}

func (p *pathParser) or() (predicate, error) {
	left, err := p.and()
	for err == nil && p.operator("||") {
		var right predicate
		if right, err = p.and(); err == nil {
			l := left
			left = func(root, cur any) bool { return l(root, cur) || right(root, cur) }
		}
	}
	return left, err
}

func (p *pathParser) and() (predicate, error) {
	left, err := p.term()
	for err == nil && p.operator("&&") {
		var right predicate
		if right, err = p.term(); err == nil {
			l := left
			left = func(root, cur any) bool { return l(root, cur) && right(root, cur) }
		}
	}
	return left, err
}

func (p *pathParser) operator(op string) bool {
	p.space()
	if !strings.HasPrefix(p.s[p.i:], op) {
		return false
	}
	p.i += len(op)
	return true
}

func (p *pathParser) term() (predicate, error) {
	if p.depth++; p.depth > maxFilterDepth {
		return nil, p.fail("a filter may not be nested deeper than %d", maxFilterDepth)
	}
	defer func() { p.depth-- }()
	p.space()
	if p.peek() == '!' {
		p.i++
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(root, cur any) bool { return !t(root, cur) }, nil
	}
	if p.peek() == '(' {
		p.i++
		t, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.operator(")") {
			return nil, p.fail("')' is expected")
		}
		return t, nil
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	op := p.comparison()
	if op == "" {
		return func(root, cur any) bool { _, ok := left.value(root, cur); return ok }, nil
	}
	if op == "=~" {
		re, err := p.regex()
		if err != nil {
			return nil, err
		}
		return func(root, cur any) bool {
			v, _ := left.value(root, cur)
			s, ok := v.(string)
			return ok && re.MatchString(s)
		}, nil
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	compare := comparisons[op]
	return func(root, cur any) bool {
		a, aok := left.value(root, cur)
		b, bok := right.value(root, cur)
		if !aok || !bok {
			return op == "!=" && aok != bok
		}
		return compare(a, b)
	}, nil
}

// words are the operators that are words; longer ones first where one is a prefix of another.
var words = []string{"subsetof", "contains", "noneof", "anyof", "empty", "size", "nin", "all", "in"}

func (p *pathParser) comparison() string {
	p.space()
	for _, op := range []string{"===", "!==", "==", "!=", "<=", ">=", "=~", "<", ">"} {
		if strings.HasPrefix(p.s[p.i:], op) {
			p.i += len(op)
			return op[:min(len(op), 2)] // === and !== mean == and !=
		}
	}
	for _, w := range words {
		if len(p.s)-p.i >= len(w) && strings.EqualFold(p.s[p.i:p.i+len(w)], w) {
			p.i += len(w)
			return w
		}
	}
	return ""
}

var comparisons = map[string]func(a, b any) bool{
	"==": func(a, b any) bool { return jsonvalue.Equal(a, b) },
	"!=": func(a, b any) bool { return !jsonvalue.Equal(a, b) },
	"<":  func(a, b any) bool { c, ok := order(a, b); return ok && c < 0 },
	"<=": func(a, b any) bool { c, ok := order(a, b); return ok && c <= 0 },
	">":  func(a, b any) bool { c, ok := order(a, b); return ok && c > 0 },
	">=": func(a, b any) bool { c, ok := order(a, b); return ok && c >= 0 },
	"in": func(a, b any) bool { return holds(b, a) },
	"nin": func(a, b any) bool {
		_, ok := b.([]any)
		return ok && !holds(b, a)
	},
	"contains": func(a, b any) bool {
		if s, ok := a.(string); ok {
			t, ok := b.(string)
			return ok && strings.Contains(s, t)
		}
		return holds(a, b)
	},
	"all":      func(a, b any) bool { return every(b, func(v any) bool { return holds(a, v) }) },
	"subsetof": func(a, b any) bool { return every(a, func(v any) bool { return holds(b, v) }) },
	"anyof": func(a, b any) bool {
		list, ok := a.([]any)
		return ok && !every(list, func(v any) bool { return !holds(b, v) })
	},
	"noneof": func(a, b any) bool { return every(a, func(v any) bool { return !holds(b, v) }) },
	"size": func(a, b any) bool {
		n, ok := b.(jsonvalue.Number)
		size, has := length(a)
		return ok && has && n.Compare(jsonvalue.Int(int64(size))) == 0
	},
	"empty": func(a, b any) bool {
		want, ok := b.(bool)
		size, has := length(a)
		return ok && has && (size == 0) == want
	},
}

func length(v any) (int, bool) {
	switch v := v.(type) {
	case string:
		return len([]rune(v)), true
	case []any:
		return len(v), true
	case *jsonvalue.Object:
		return v.Len(), true
	}
	return 0, false
}

func holds(list, v any) bool {
	l, ok := list.([]any)
	if !ok {
		return false
	}
	for _, x := range l {
		if jsonvalue.Equal(x, v) {
			return true
		}
	}
	return false
}

func every(list any, f func(any) bool) bool {
	l, ok := list.([]any)
	if !ok {
		return false
	}
	for _, x := range l {
		if !f(x) {
			return false
		}
	}
	return true
}

func order(a, b any) (int, bool) {
	switch a := a.(type) {
	case jsonvalue.Number:
		if n, ok := b.(jsonvalue.Number); ok {
			return a.Compare(n), true
		}
	case string:
		if s, ok := b.(string); ok {
			return strings.Compare(a, s), true
		}
	}
	return 0, false
}

func (p *pathParser) regex() (*regexp.Regexp, error) {
	p.space()
	if p.peek() != '/' {
		return nil, p.fail("a regular expression between slashes is expected after =~")
	}
	start := p.i + 1
	end := start
	for end < len(p.s) && p.s[end] != '/' {
		if p.s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.s) {
		return nil, p.fail("the regular expression is not closed")
	}
	expr := strings.ReplaceAll(p.s[start:end], `\/`, "/")
	p.i = end + 1
	flags := ""
	for p.i < len(p.s) && strings.IndexByte("imsuxdU", p.s[p.i]) >= 0 {
		if strings.IndexByte("ims", p.s[p.i]) >= 0 {
			flags += string(p.s[p.i])
		}
		p.i++
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	re, err := regexp.Compile(flags + "^(?:" + expr + ")$") // Jayway matches the whole text
	if err != nil {
		p.i = start
		return nil, p.fail("bad regular expression: %v", err)
	}
	return re, nil
}
