package eventpattern

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

func operator(name string, arg *value) (test, *refusal) {
	switch name {
	case "exists":
		b, ok := arg.scalar.(bool)
		if !ok {
			return nil, refuse(arg.start, "exists match pattern must be either true or false.")
		}
		return existence{b}, nil
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		return textOperator(name, arg)
	case "anything-but":
		return anythingBut(arg)
	case "numeric":
		return numeric(arg)
	case "cidr":
		return cidr(arg)
	}
	return nil, refuse(arg.start, "Unrecognized match type %s", name)
}

// cidr reads a network. AWS tells no place of what is wrong with an address.
func cidr(arg *value) (test, *refusal) {
	s, ok := arg.scalar.(string)
	if !ok {
		return nil, refuse(arg.start, "prefix match pattern must be a string")
	}
	p, err := netip.ParsePrefix(s)
	if err == nil {
		return network{p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return network{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	address, bits, ok := strings.Cut(s, "/")
	if !ok {
		return nil, refuse(-1, "Malformed CIDR, one '/' required")
	}
	if _, err := strconv.Atoi(bits); err != nil {
		return nil, refuse(-1, "Malformed CIDR, mask bits must be an integer")
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return nil, refuse(-1, "Nonstandard IP address: %s", address)
	}
	return nil, refuse(-1, "Malformed CIDR, mask bits are out of range: %s", s)
}

func textOperator(name string, arg *value) (test, *refusal) {
	fold := false
	if len(arg.members) == 1 && (name == "prefix" || name == "suffix") && arg.members[0].name == "equals-ignore-case" {
		arg, fold = arg.members[0].value, true
	}
	want, ok := arg.scalar.(string)
	if !ok {
		return nil, refuse(arg.start, "%s match pattern must be a string", name)
	}
	low := strings.ToLower(want)
	switch {
	case name == "prefix" && fold:
		return text(func(s string) bool { return strings.HasPrefix(strings.ToLower(s), low) }), nil
	case name == "prefix":
		return text(func(s string) bool { return strings.HasPrefix(s, want) }), nil
	case name == "suffix" && fold:
		return text(func(s string) bool { return strings.HasSuffix(strings.ToLower(s), low) }), nil
	case name == "suffix":
		return text(func(s string) bool { return strings.HasSuffix(s, want) }), nil
	case name == "equals-ignore-case":
		return text(func(s string) bool { return strings.EqualFold(s, want) }), nil
	}
	parts, err := wildcard(want)
	if err != nil {
		return nil, refuse(arg.end, "%v", err)
	}
	return text(func(s string) bool { return matchParts(parts, s) }), nil
}

// wildcard splits a pattern at its asterisks; \* and \\ stand for themselves.
func wildcard(p string) (parts []string, err error) {
	var b strings.Builder
	star := false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\' && i+1 < len(p) && (p[i+1] == '*' || p[i+1] == '\\'):
			i++
			b.WriteByte(p[i])
			star = false
		case c == '\\':
			return nil, fmt.Errorf("wildcard: invalid escape in %q", p)
		case c == '*' && star:
			return nil, fmt.Errorf("Consecutive wildcard characters at pos %d", i)
		case c == '*':
			parts = append(parts, b.String())
			b.Reset()
			star = true
		default:
			b.WriteByte(c)
			star = false
		}
	}
	return append(parts, b.String()), nil
}

func matchParts(parts []string, s string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

const badAnythingBut = "Value of anything-but must be an array or single string/number value."

func anythingBut(arg *value) (test, *refusal) {
	switch arg.kind {
	case '"', '0':
		return not{leaf{equals{arg.scalar}}}, nil
	case '[':
		var l leaf
		for _, e := range arg.items {
			if e.kind != '"' && e.kind != '0' {
				return nil, inList(refuse(e.start, "Inside anything but list, start|null|boolean is not supported."))
			}
			l = append(l, equals{e.scalar})
		}
		if len(l) == 0 {
			return nil, refuse(arg.end, "anything-but wants at least one value")
		}
		return not{l}, nil
	case '{':
		if len(arg.members) != 1 {
			return nil, refuse(arg.end, "anything-but wants one operator")
		}
		return anythingButOperator(arg.members[0].name, arg.members[0].value)
	}
	return nil, refuse(arg.start, badAnythingBut)
}

func inList(r *refusal) *refusal {
	r.twice = true
	return r
}

func anythingButOperator(name string, arg *value) (test, *refusal) {
	switch name {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
	default:
		return nil, refuse(arg.start, "Unsupported anything-but pattern: %s", name)
	}
	if arg.kind != '[' {
		t, r := affirmed(name, arg)
		return not{leaf{t}}, r
	}
	if len(arg.items) == 0 {
		return nil, refuse(arg.end, "anything-but wants at least one value")
	}
	var l leaf
	for _, e := range arg.items {
		t, r := affirmed(name, e)
		if r != nil {
			return nil, inList(r)
		}
		l = append(l, t)
	}
	return not{l}, nil
}

// affirmed is what an operator in anything-but must not find.
func affirmed(name string, arg *value) (test, *refusal) {
	switch affix := name == "prefix" || name == "suffix"; {
	case affix && arg.kind == '{':
		return nil, refuse(arg.start, badAnythingBut)
	case affix && arg.kind != '"':
		return nil, refuse(arg.start, "prefix/suffix match pattern must be a string")
	case affix && arg.scalar == "":
		return nil, refuse(arg.end, "Null prefix/suffix not allowed")
	case name == "equals-ignore-case" && arg.kind != '"':
		return nil, refuse(arg.start, "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
	}
	return textOperator(name, arg)
}

// interval is numeric: bounds that are nil are open.
type interval struct {
	lo, hi         *big.Rat
	loOpen, hiOpen bool
}

func (t interval) match(v any, present bool) bool {
	n, ok := v.(json.Number)
	if !present || !ok {
		return false
	}
	r := number(n)
	if r == nil {
		return false
	}
	if t.lo != nil {
		if c := r.Cmp(t.lo); c < 0 || c == 0 && t.loOpen {
			return false
		}
	}
	if t.hi != nil {
		if c := r.Cmp(t.hi); c > 0 || c == 0 && t.hiOpen {
			return false
		}
	}
	return true
}

// numeric reads one comparison, or two that bound a range from below and from above.
func numeric(arg *value) (test, *refusal) {
	list := arg.items
	if arg.kind != '[' {
		return nil, refuse(arg.start, "Value of numeric must be an array.")
	}
	if len(list) == 0 {
		return nil, refuse(arg.end, "Invalid member in numeric match: ]")
	}
	op, ok := list[0].scalar.(string)
	if !ok {
		return nil, refuse(list[0].start, "Invalid member in numeric match: %v", list[0].scalar)
	}
	var t interval
	name := op
	if op == "=" {
		name = "equals"
	}
	n, bad := operand(name, arg, 1)
	switch op {
	case "=":
		t.lo, t.hi = n, n
	case "<", "<=":
		t.hi, t.hiOpen = n, op == "<"
	case ">", ">=":
		t.lo, t.loOpen = n, op == ">"
	default:
		return nil, refuse(next(arg, 1), "Unrecognized numeric range operator: %s", op)
	}
	if bad != nil {
		return nil, bad
	}
	if len(list) == 2 {
		return t, nil
	}
	if t.hi != nil {
		return nil, refuse(list[2].start, "Too many elements in numeric expression")
	}
	upper, ok := list[2].scalar.(string)
	if !ok {
		return nil, refuse(list[2].start, "Bad value in numeric range: %v", list[2].scalar)
	}
	if upper != "<" && upper != "<=" {
		return nil, refuse(list[2].end, "Bad numeric range operator: %s", upper)
	}
	if t.hi, bad = operand(upper, arg, 3); bad != nil {
		return nil, bad
	}
	t.hiOpen = upper == "<"
	if len(list) > 4 {
		return nil, refuse(next(arg, 4), "Too many terms in numeric range expression")
	}
	if t.lo.Cmp(t.hi) >= 0 {
		return nil, refuse(next(arg, 4), "Bottom must be less than top")
	}
	return t, nil
}

// next is where the reader is when it has gone on to a place of a list, or to its end.
func next(list *value, at int) int {
	if at < len(list.items) {
		return list.items[at].start
	}
	return list.end
}

// operand is the number at a place of a numeric expression.
func operand(op string, list *value, at int) (*big.Rat, *refusal) {
	if at >= len(list.items) {
		return nil, refuse(list.end, "Value of %s must be numeric", op)
	}
	e := list.items[at]
	n, ok := e.scalar.(json.Number)
	if !ok {
		return nil, refuse(e.start, "Value of %s must be numeric", op)
	}
	if r := number(n); r != nil {
		return r, nil
	}
	return nil, refuse(e.start, "Value of %s is out of range: %s", op, n)
}
