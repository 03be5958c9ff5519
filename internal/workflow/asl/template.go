package asl

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// Template is a JSON value with expressions in it: Parameters, ResultSelector, Arguments, Output, Assign and others.
type Template struct {
	node tnode
	vars []string
}

// Variables returns the names of the workflow variables that the template refers to.
func (t *Template) Variables() []string {
	if t == nil {
		return nil
	}
	return t.vars
}

// maxValue bounds the text of what a template makes, in bytes: a template of 1 MB can name an input of 256 KB many times.
const maxValue = 16 << 20

// Eval returns the template's value. The error is a *StateError; without a cause when the value is too large.
func (t *Template) Eval(s *Scope) (any, error) {
	v, err := t.node.eval(s)
	if err == nil && jsonvalue.Larger(v, maxValue) {
		return nil, &StateError{Name: ErrDataLimit}
	}
	return v, err
}

// IsConstant reports whether the template holds no expression.
func (t *Template) IsConstant() bool {
	_, ok := t.node.(constNode)
	return ok
}

type tnode interface {
	eval(s *Scope) (any, error)
}

type constNode struct{ v any }

func (n constNode) eval(*Scope) (any, error) { return n.v, nil }

type listNode []tnode

func (n listNode) eval(s *Scope) (any, error) {
	out := make([]any, len(n))
	for i, x := range n {
		v, err := x.eval(s)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

type objectNode struct {
	keys  []string
	nodes []tnode
}

func (n *objectNode) eval(s *Scope) (any, error) {
	o := &jsonvalue.Object{}
	for i, k := range n.keys {
		v, err := n.nodes[i].eval(s)
		if err != nil {
			return nil, err
		}
		o.Set(k, v)
	}
	return o, nil
}

// pathNode is the value of a member whose name ends with ".$".
type pathNode struct {
	field string // with the ".$"
	expr  *expr
}

func (n *pathNode) eval(s *Scope) (any, error) {
	v, err := n.expr.eval(s)
	if err == nil {
		return v, nil
	}
	var se *StateError
	if errors.As(err, &se) {
		return nil, se
	}
	return nil, n.expr.missing(s, n.field)
}

// missing is the error of a path without a value.
func (e *expr) missing(s *Scope, field string) *StateError {
	doc, _ := e.target(s)
	return runtimeError("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", e.src, field, text(doc))
}

type queryNode struct{ q *query }

func (n queryNode) eval(s *Scope) (any, error) { return n.q.eval(s) }

// collector gathers what compiling a template finds.
type collector struct {
	bad  func(loc, format string, args ...any)
	vars []string
}

func (c *collector) add(name string) {
	for _, v := range c.vars {
		if v == name {
			return
		}
	}
	c.vars = append(c.vars, name)
}

// pathTemplate compiles a payload template of the JSONPath language.
func (c *collector) pathTemplate(v any, loc string) tnode {
	switch v := v.(type) {
	case []any:
		nodes := make(listNode, len(v))
		constant := true
		for i, x := range v {
			nodes[i] = c.pathTemplate(x, loc+"["+strconv.Itoa(i)+"]")
			_, isConst := nodes[i].(constNode)
			constant = constant && isConst
		}
		if !constant {
			return nodes
		}
	case *jsonvalue.Object:
		return c.pathObject(v, loc)
	}
	return constNode{v}
}

// pathObject puts the constant members first, as written, and then the others in the order of Java's HashMap: that is
// how AWS prints them.
func (c *collector) pathObject(o *jsonvalue.Object, loc string) tnode {
	n := &objectNode{}
	type dynamic struct {
		name string
		node tnode
	}
	var exprs []dynamic
	constant := true
	for k, v := range o.All() {
		name, isExpr := strings.CutSuffix(k, ".$")
		if !isExpr {
			node := c.pathTemplate(v, loc+"/"+k)
			_, isConst := node.(constNode)
			constant = constant && isConst
			n.keys, n.nodes = append(n.keys, k), append(n.nodes, node)
			continue
		}
		constant = false
		src, ok := v.(string)
		e, err := parseExpr(src)
		if !ok || err != nil {
			c.bad(loc, "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", k)
			continue
		}
		e.variables(c.add)
		exprs = append(exprs, dynamic{name, &pathNode{field: k, expr: e}})
	}
	if constant {
		return constNode{o}
	}
	size := 16
	for len(exprs)*4 > size*3 {
		size *= 2
	}
	sort.SliceStable(exprs, func(i, j int) bool { return javaBucket(exprs[i].name, size) < javaBucket(exprs[j].name, size) })
	for _, e := range exprs {
		n.keys, n.nodes = append(n.keys, e.name), append(n.nodes, e.node)
	}
	return n
}

// javaBucket is the place of a key in a java.util.HashMap with a table of size entries.
func javaBucket(s string, size int) int {
	var h uint32
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			h = 31*h + 0xd800 + uint32(r>>10)
			h = 31*h + 0xdc00 + uint32(r&0x3ff)
			continue
		}
		h = 31*h + uint32(r)
	}
	return int((h ^ h>>16) & uint32(size-1))
}

// queryTemplate compiles a value of the JSONata language: strings of the form {% … %} are expressions.
func (c *collector) queryTemplate(v any, loc, field string) tnode {
	switch v := v.(type) {
	case string:
		if q := c.query(v, loc, field); q != nil {
			return queryNode{q}
		}
	case []any:
		nodes := make(listNode, len(v))
		constant := true
		for i, x := range v {
			nodes[i] = c.queryTemplate(x, loc+"["+strconv.Itoa(i)+"]", fmt.Sprintf("%s[%d]", field, i))
			_, isConst := nodes[i].(constNode)
			constant = constant && isConst
		}
		if !constant {
			return nodes
		}
	case *jsonvalue.Object:
		n := &objectNode{}
		constant := true
		for k, x := range v.All() {
			node := c.queryTemplate(x, loc+"/"+k, field+"/"+k)
			_, isConst := node.(constNode)
			constant = constant && isConst
			n.keys, n.nodes = append(n.keys, k), append(n.nodes, node)
		}
		if !constant {
			return n
		}
	}
	return constNode{v}
}

// query compiles a string that holds a JSONata expression; nil for any other string and for a bad expression.
func (c *collector) query(s, loc, field string) *query {
	src, ok := isJSONata(s)
	if !ok {
		return nil
	}
	q, err := compileQuery(src, field)
	if err != nil {
		c.bad(loc, "The JSONata expression '%s' is not valid. %s", src, err.Error())
		return nil
	}
	for _, v := range q.expr.Variables() {
		if v != "states" {
			c.add(v)
		}
	}
	return q
}

// List evaluates the Items of a Map state, which must be a list. The error is a *StateError.
func (t *Template) List(s *Scope) ([]any, error) {
	v, err := t.node.eval(s)
	if err != nil {
		return nil, err
	}
	if list, ok := v.([]any); ok {
		return list, nil
	}
	if q, ok := t.node.(queryNode); ok {
		return nil, q.q.wrongType("array", v)
	}
	return nil, &StateError{Name: ErrQueryEvaluation, Eval: true, Location: "Items", Cause: "The field 'Items' must be an array but was: " + text(v)}
}
