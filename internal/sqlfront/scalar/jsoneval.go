package scalar

import (
	"fmt"
	"strings"
)

// pathDecimal is a decimal literal of a path.
type pathDecimal string

// pathFailure is an error of a path's evaluation, that ON ERROR covers.
type pathFailure struct{ message string }

// pathRefusal is something this package does not do as Trino would.
type pathRefusal struct{ what string }

// jpEval evaluates a path. Items are nodes of JSON, int64, float64 and pathDecimal.
type jpEval struct {
	path    *JSONPath
	context any
	vars    map[string]any
	current []any // of the enclosing filters
	last    []int // of the enclosing subscripts
	pairs   int
}

// run returns the sequence of items that the path finds.
func (p *JSONPath) run(context any, vars map[string]any) (out []any, failure, refusal error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case pathFailure:
			failure = fail("PATH_EVALUATION_ERROR", "path evaluation failed: %s", r.message)
		case pathRefusal:
			refusal = fail("NOT_SUPPORTED", "%s is not supported", r.what)
		default:
			panic(r)
		}
	}()
	v := &jpEval{path: p, context: context, vars: vars}
	return v.eval(p.root), nil, nil
}

func (v *jpEval) fail(format string, args ...any) { panic(pathFailure{fmt.Sprintf(format, args...)}) }
func (v *jpEval) refuse(what string)              { panic(pathRefusal{what}) }

// structural reports a mismatch of path and data in strict mode; lax mode overlooks it.
func (v *jpEval) structural(format string, args ...any) {
	if v.path.strict {
		v.fail("structural error: "+format, args...)
	}
}

// try evaluates an operand of a predicate, whose failure makes the predicate unknown.
func (v *jpEval) try(n *jpNode) (out []any, ok bool) {
	current, last := len(v.current), len(v.last)
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(pathFailure); !is {
				panic(r)
			}
			v.current, v.last, out, ok = v.current[:current], v.last[:last], nil, false
		}
	}()
	return v.eval(n), true
}

func isTree(x any) bool {
	switch x.(type) {
	case []any, *jsonObject:
		return true
	}
	return false
}

func unwrap(s []any) []any {
	var out []any
	for _, x := range s {
		if l, ok := x.([]any); ok {
			out = append(out, l...)
		} else {
			out = append(out, x)
		}
	}
	return out
}

func kindOf(x any) string {
	switch x.(type) {
	case nil:
		return "NULL"
	case []any:
		return "ARRAY"
	case *jsonObject:
		return "OBJECT"
	case bool:
		return "BOOLEAN"
	case string:
		return "STRING"
	}
	return "NUMBER"
}

// base evaluates the base of an accessor; lax mode takes arrays apart.
func (v *jpEval) base(n *jpNode) []any {
	s := v.eval(n.args[0])
	if !v.path.strict {
		s = unwrap(s)
	}
	return s
}

func (v *jpEval) eval(n *jpNode) []any {
	switch n.kind {
	case "value":
		return []any{n.value}
	case "context":
		return []any{v.context}
	case "variable":
		return []any{v.vars[n.text]}
	case "current":
		if len(v.current) == 0 {
			v.refuse("@ outside of a filter of a JSON path")
		}
		return []any{v.current[len(v.current)-1]}
	case "last":
		if len(v.last) == 0 {
			v.refuse("last outside of a subscript of a JSON path")
		}
		return []any{int64(v.last[len(v.last)-1])}
	case "member", "members", "descendant":
		return v.members(n)
	case "elements", "index":
		return v.elements(n)
	case "filter":
		var out []any
		for _, x := range v.base(n) {
			v.current = append(v.current, x)
			if v.predicate(n.args[1]) == isTrue {
				out = append(out, x)
			}
			v.current = v.current[:len(v.current)-1]
		}
		return out
	case "method":
		return v.method(n)
	case "neg", "pos":
		var out []any
		for _, x := range v.base(n) {
			out = append(out, v.sign(n.kind, x))
		}
		return out
	}
	left, right := v.base(n), v.base(&jpNode{args: n.args[1:]})
	if len(left) != 1 || len(right) != 1 {
		v.fail("arithmetic binary expression requires singleton operands")
	}
	return []any{v.arithmetic(n.text, left[0], right[0])}
}

// distinct lists an object's members: the last of equal names, at the place of the first.
func (o *jsonObject) distinct() (keys []string, values []any) {
	at := map[string]int{}
	for i, k := range o.keys {
		if j, ok := at[k]; ok {
			values[j] = o.values[i]
			continue
		}
		at[k] = len(keys)
		keys, values = append(keys, k), append(values, o.values[i])
	}
	return keys, values
}

func (v *jpEval) members(n *jpNode) []any {
	var out []any
	if n.kind == "descendant" {
		for _, x := range v.eval(n.args[0]) {
			out = descend(out, x, n.text)
		}
		return out
	}
	for _, x := range v.base(n) {
		o, ok := x.(*jsonObject)
		if !ok {
			v.structural("invalid item type. Expected: OBJECT, actual: %s", kindOf(x))
			continue
		}
		if n.kind == "members" {
			_, values := o.distinct()
			out = append(out, values...)
			continue
		}
		if m, ok := o.get(n.text); ok {
			out = append(out, m)
		} else {
			v.structural("missing member '%s' in JSON object", n.text)
		}
	}
	return out
}

func descend(out []any, x any, key string) []any {
	switch x := x.(type) {
	case *jsonObject:
		if m, ok := x.get(key); ok {
			out = append(out, m)
		}
		_, values := x.distinct()
		for _, m := range values {
			out = descend(out, m, key)
		}
	case []any:
		for _, m := range x {
			out = descend(out, m, key)
		}
	}
	return out
}

func (v *jpEval) elements(n *jpNode) []any {
	var out []any
	for _, x := range v.eval(n.args[0]) {
		l, ok := x.([]any)
		if !ok {
			v.structural("invalid item type. Expected: ARRAY, actual: %s", kindOf(x))
			l = []any{x}
		}
		if n.kind == "elements" {
			out = append(out, l...)
			continue
		}
		v.last = append(v.last, len(l)-1)
		for _, r := range n.args[1:] {
			from := v.subscript(r.args[0])
			to := from
			if len(r.args) == 2 {
				to = v.subscript(r.args[1])
			}
			if from < 0 || to >= int64(len(l)) || from > to {
				v.structural("invalid array subscript: [%d, %d] for array of size %d", from, to, len(l))
			}
			for i := max(from, 0); i <= min(to, int64(len(l))-1); i++ {
				out = append(out, l[i])
			}
		}
		v.last = v.last[:len(v.last)-1]
	}
	return out
}

func (v *jpEval) subscript(n *jpNode) int64 {
	s := v.eval(n)
	if !v.path.strict {
		s = unwrap(s)
	}
	if len(s) != 1 {
		v.fail("array subscript must be a singleton numeric value")
	}
	i, _, kind := pathNumberOf(s[0])
	if kind == 0 {
		v.fail("array subscript must be a singleton numeric value")
	}
	if kind != 'i' {
		v.refuse("a JSON path's subscript that is not an integer")
	}
	return i
}

func (v *jpEval) method(n *jpNode) []any {
	var in, out []any
	if n.text == "size" || n.text == "type" {
		in = v.eval(n.args[0])
	} else {
		in = v.base(n)
	}
	for _, x := range in {
		switch n.text {
		case "type":
			out = append(out, strings.ToLower(kindOf(x)))
		case "size":
			l, ok := x.([]any)
			if !ok {
				v.structural("invalid item type. Expected: ARRAY, actual: %s", kindOf(x))
				l = []any{x}
			}
			out = append(out, int64(len(l)))
		case "keyvalue":
			out = append(out, v.keyValue(x)...)
		default:
			out = append(out, v.numeric(n.text, x))
		}
	}
	return out
}

func (v *jpEval) keyValue(x any) []any {
	o, ok := x.(*jsonObject)
	if !ok {
		v.fail("invalid item type. Expected: OBJECT, actual: %s", kindOf(x))
	}
	var out []any
	keys, values := o.distinct()
	for i, k := range keys {
		out = append(out, &jsonObject{keys: []string{"name", "value", "id"}, values: []any{k, values[i], int64(v.pairs)}})
	}
	v.pairs++
	return out
}
