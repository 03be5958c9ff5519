package jsonata

import (
	"math"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func (ev *evaluator) binary(n *node, input any, f *frame) (any, error) {
	l, err := ev.eval(n.lhs, input, f)
	if err != nil {
		return nil, err
	}
	if n.id == "and" || n.id == "or" {
		v, err := ev.logic(n, l, input, f)
		if e, ok := err.(*Error); ok {
			return nil, e.at(n.pos).tok(n.id)
		}
		return v, err
	}
	r, err := ev.eval(n.rhs, input, f)
	if err != nil {
		return nil, err
	}
	v, err := ev.operate(n.id, l, r)
	if e, ok := err.(*Error); ok {
		return nil, e.at(n.pos).tok(n.id)
	}
	return v, err
}

func (ev *evaluator) logic(n *node, l, input any, f *frame) (any, error) {
	ok, err := truth(l)
	if err != nil || ok == (n.id == "or") {
		return ok, err
	}
	r, err := ev.eval(n.rhs, input, f)
	if err != nil {
		return nil, err
	}
	return truthValue(r)
}

func truthValue(v any) (any, error) {
	ok, err := truth(v)
	return ok, err
}

func (ev *evaluator) operate(op string, l, r any) (any, error) {
	switch op {
	case "+", "-", "*", "/", "%":
		return arithmetic(op, l, r)
	case "=", "!=":
		if isUndef(l) || isUndef(r) {
			return false, nil
		}
		same, err := ev.equal(l, r, 0)
		return same == (op == "="), err
	case "<", "<=", ">", ">=":
		return compare(op, l, r)
	case "&":
		return ev.concat(l, r)
	case "..":
		return ev.span(l, r)
	case "in":
		return contains(l, r), nil
	}
	return undef, nil // "**" and others that only the grammar knows
}

func arithmetic(op string, l, r any) (any, error) {
	a, lok := l.(float64)
	if !lok || math.IsNaN(a) || math.IsInf(a, 0) {
		if ok, err := isNumeric(l); err != nil {
			return nil, err
		} else if !ok && !isUndef(l) {
			return nil, fail("T2001").val(l)
		}
	}
	b, rok := r.(float64)
	if !rok || math.IsNaN(b) || math.IsInf(b, 0) {
		if ok, err := isNumeric(r); err != nil {
			return nil, err
		} else if !ok && !isUndef(r) {
			return nil, fail("T2002").val(r)
		}
	}
	if !lok || !rok {
		return undef, nil
	}
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "/":
		return a / b, nil
	}
	return math.Mod(a, b), nil
}

// compare orders two numbers or two texts.
func compare(op string, l, r any) (any, error) {
	ls, lText := l.(string)
	rs, rText := r.(string)
	lf, lNum := l.(float64)
	rf, rNum := r.(float64)
	if !lText && !lNum && !isUndef(l) || !rText && !rNum && !isUndef(r) {
		v := l
		if lText || lNum {
			v = r
		}
		return nil, fail("T2010").val(v)
	}
	if isUndef(l) || isUndef(r) {
		return undef, nil
	}
	if lText != rText {
		return nil, fail("T2009").val(l).with("value2", r)
	}
	if lText {
		switch op {
		case "<":
			return less16(ls, rs), nil
		case "<=":
			return !less16(rs, ls), nil
		case ">":
			return less16(rs, ls), nil
		}
		return !less16(ls, rs), nil
	}
	switch op {
	case "<":
		return lf < rf, nil
	case "<=":
		return lf <= rf, nil
	case ">":
		return lf > rf, nil
	}
	return lf >= rf, nil
}

func (ev *evaluator) concat(l, r any) (any, error) {
	a, err := ev.stringOf(l)
	if err != nil {
		return nil, err
	}
	b, err := ev.stringOf(r)
	if err != nil {
		return nil, err
	}
	if err := ev.grown(len(a) + len(b)); err != nil {
		return nil, err
	}
	return a + b, nil
}

// stringOf is $string for the operator &: undefined is "".
func (ev *evaluator) stringOf(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case undefinedType:
		return "", nil
	}
	return ev.stringify(v, "")
}

// stringify writes a value as $string does.
func (ev *evaluator) stringify(v any, indent string) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case *function:
		return "", nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "", fail("D3001").val(v)
		}
		return numberText(round15(x)), nil
	case *array:
		if x.outer {
			v = x.at(0)
		}
	}
	if isUndef(v) {
		return "undefined", nil
	}
	w := stringifier{ev: ev, indent: indent}
	if err := w.value(v, 0); err != nil {
		return "", err
	}
	return string(w.out), nil
}

const maxSpan = 1e7 // integers that a range may hold

func isInteger(v any) bool {
	f, ok := v.(float64)
	return ok && f == math.Trunc(f) && !math.IsInf(f, 0)
}

func (ev *evaluator) span(l, r any) (any, error) {
	if !isUndef(l) && !isInteger(l) {
		return nil, fail("T2003").val(l)
	}
	if !isUndef(r) && !isInteger(r) {
		return nil, fail("T2004").val(r)
	}
	if isUndef(l) || isUndef(r) {
		return undef, nil
	}
	low, high := l.(float64), r.(float64)
	if low > high {
		return undef, nil
	}
	n := high - low + 1
	if n > maxSpan {
		return nil, fail("D2014").val(n)
	}
	return &array{span: int(n), low: low, seq: true}, ev.grown(int(n) * 8)
}

// contains reports whether r is or holds l: the same text, number, boolean or the very same object.
func contains(l, r any) bool {
	if isUndef(l) || isUndef(r) {
		return false
	}
	list, ok := r.(*array)
	if !ok {
		return identical(l, r)
	}
	for i, n := 0, list.len(); i < n; i++ {
		if identical(l, list.at(i)) {
			return true
		}
	}
	return false
}

// identical is JavaScript's ===.
func identical(a, b any) bool {
	x, ok := a.(*array)
	if !ok {
		return a == b
	}
	y, ok := b.(*array)
	return ok && (x == y || len(x.items) > 0 && len(x.items) == len(y.items) && &x.items[0] == &y.items[0])
}

// equal compares values deeply.
func (ev *evaluator) equal(a, b any, depth int) (bool, error) {
	if depth > maxNesting {
		return false, stackOverflow()
	}
	if err := ev.step(); err != nil {
		return false, err
	}
	switch x := a.(type) {
	case *array:
		y, ok := b.(*array)
		if !ok || x.len() != y.len() {
			return false, nil
		}
		for i, n := 0, x.len(); i < n; i++ {
			if same, err := ev.equal(x.at(i), y.at(i), depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case *jsonvalue.Object:
		y, ok := b.(*jsonvalue.Object)
		if !ok || x.Len() != y.Len() {
			return false, nil
		}
		if x == y {
			return true, nil
		}
		for _, k := range x.Keys() {
			w, has := y.Get(k)
			if !has {
				return false, nil
			}
			if same, err := ev.equal(member(x, k), norm(w), depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return identical(a, b), nil
}

func (ev *evaluator) negate(n *node, input any, f *frame) (any, error) {
	v, err := ev.eval(n.lhs, input, f)
	if err != nil || isUndef(v) {
		return v, err
	}
	ok, err := isNumeric(v)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail("D1002").at(n.pos).tok("-").val(v)
	}
	return -v.(float64), nil
}
