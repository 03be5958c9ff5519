package jsonpath

import (
	"math"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// operand is a side of a comparison: a literal or a path from @ or $.
type operand struct {
	literal any
	path    *Path
	root    bool
}

func (o *operand) value(root, cur any) (any, bool) {
	if o.path == nil {
		return o.literal, true
	}
	from := cur
	if o.root {
		from = root
	}
	v, err := o.path.Get(from)
	if err != nil {
		return nil, false
	}
	if list, ok := v.([]any); ok && !o.path.definite && len(list) == 0 {
		return nil, false
	}
	return v, true
}

func (p *pathParser) operand() (*operand, error) {
	p.space()
	switch c := p.peek(); {
	case c == '@' || c == '$':
		p.i++
		path, err := p.path(1)
		if err != nil {
			return nil, err
		}
		return &operand{path: path, root: c == '$'}, nil
	case c == '\'' || c == '"':
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return &operand{literal: s}, nil
	case c == '[' || c == '{':
		return p.composite()
	case c == 0:
		return nil, p.fail("a value or a path is expected")
	}
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune(" \t\n\r)=!<>&|,]", rune(p.s[p.i])) {
		p.i++
	}
	word := p.s[start:p.i]
	if word == "" {
		return nil, p.fail("a value or a path is expected")
	}
	v, err := jsonvalue.Parse(word)
	if err != nil {
		return &operand{literal: word}, nil // an unquoted literal is a string
	}
	return &operand{literal: v}, nil
}

// composite parses a list or object literal; strings in it may be in single quotes.
func (p *pathParser) composite() (*operand, error) {
	start := p.i
	depth := 0
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '\'', '"':
			s, err := p.quoted()
			if err != nil {
				return nil, err
			}
			b.WriteString(jsonvalue.Marshal(s))
			continue
		}
		b.WriteByte(c)
		p.i++
		if depth == 0 {
			break
		}
	}
	v, err := jsonvalue.Parse(b.String())
	if err != nil {
		p.i = start
		return nil, p.fail("bad literal: %v", err)
	}
	return &operand{literal: v}, nil
}

// function is what a path may end with.
type function struct {
	name string
	args []*operand
}

var functionNames = map[string]bool{"length": true, "size": true, "min": true, "max": true, "avg": true, "sum": true, "stddev": true,
	"first": true, "last": true, "index": true, "keys": true, "concat": true, "append": true}

func (p *pathParser) function(path *Path, name string) error {
	if !functionNames[name] {
		return p.fail("there is no function %q", name)
	}
	f := &function{name: name}
	p.i++
	for {
		p.space()
		if p.peek() == ')' {
			p.i++
			path.fn = f
			return nil
		}
		a, err := p.operand()
		if err != nil {
			return err
		}
		f.args = append(f.args, a)
		p.space()
		if p.peek() == ',' {
			p.i++
		} else if p.peek() != ')' {
			return p.fail("',' or ')' is expected")
		}
	}
}

func (p *Path) apply(root, v any, definite bool) (any, error) {
	if p.fn == nil {
		return v, nil
	}
	f := p.fn
	list, isList := v.([]any)
	switch f.name {
	case "length", "size":
		if n, ok := length(v); ok {
			return jsonvalue.Int(int64(n)), nil
		}
		return nil, nil
	case "keys":
		if o, ok := v.(*jsonvalue.Object); ok {
			keys := []any{}
			for _, k := range o.Keys() {
				keys = append(keys, k)
			}
			return keys, nil
		}
		return nil, nil
	case "first", "last", "index":
		i := 0
		switch f.name {
		case "last":
			i = -1
		case "index":
			if len(f.args) == 1 {
				if a, ok := f.args[0].value(root, v); ok {
					if n, ok := a.(jsonvalue.Number); ok {
						k, _ := n.Int()
						i = int(k)
					}
				}
			}
		}
		if x, ok := (&indexStep{idx: []int{i}}).one(v); ok {
			return x, nil
		}
		return nil, &NotFoundError{"Aggregation function attempted to calculate value using empty array"}
	case "concat":
		var b strings.Builder
		for _, x := range list {
			if s, ok := x.(string); ok {
				b.WriteString(s)
			}
		}
		for _, a := range f.args {
			if x, ok := a.value(root, v); ok {
				if s, ok := x.(string); ok {
					b.WriteString(s)
				} else {
					b.Write(jsonvalue.Append(nil, x))
				}
			}
		}
		return b.String(), nil
	case "append":
		out := append([]any{}, list...)
		for _, a := range f.args {
			if x, ok := a.value(root, v); ok {
				out = append(out, x)
			}
		}
		return out, nil
	}
	if !isList {
		list = nil
	}
	for _, a := range f.args {
		if x, ok := a.value(root, v); ok {
			list = append(list, x)
		}
	}
	return aggregate(f.name, list)
}

func aggregate(name string, list []any) (any, error) {
	var n, sum, squares float64
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range list {
		num, ok := x.(jsonvalue.Number)
		if !ok {
			continue
		}
		f := num.Float()
		n++
		sum += f
		squares += f * f
		low, high = min(low, f), max(high, f)
	}
	if n == 0 {
		return nil, &NotFoundError{"Aggregation function attempted to calculate value using empty array"}
	}
	var f float64
	switch name {
	case "sum":
		f = sum
	case "avg":
		f = sum / n
	case "min":
		f = low
	case "max":
		f = high
	case "stddev":
		f = math.Sqrt(max(0, squares/n-(sum/n)*(sum/n)))
	}
	out := string(jsonvalue.Float(f))
	if !strings.ContainsAny(out, ".e") {
		out += ".0" // Jayway computes in doubles
	}
	return jsonvalue.Number(out), nil
}
