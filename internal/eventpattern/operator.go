package eventpattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

func operator(name string, arg any) (test, error) {
	switch name {
	case "exists":
		b, ok := arg.(bool)
		if !ok {
			return nil, errors.New("exists match pattern must be either true or false.")
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
	return nil, fmt.Errorf("Unrecognized match type %s", name)
}

// errAddress is the kind of the errors of networks.
var errAddress = errors.New("not a network")

// badAddress is an errAddress with its whole text.
type badAddress string

func (b badAddress) Error() string { return string(b) }

func (b badAddress) Is(err error) bool { return err == errAddress }

func cidr(arg any) (test, error) {
	s, ok := arg.(string)
	if !ok {
		return nil, errors.New("prefix match pattern must be a string")
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
		return nil, badAddress("Malformed CIDR, one '/' required")
	}
	if _, err := strconv.Atoi(bits); err != nil {
		return nil, badAddress("Malformed CIDR, mask bits must be an integer")
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return nil, badAddress("Nonstandard IP address: " + address)
	}
	return nil, badAddress("Malformed CIDR, mask bits are out of range: " + s)
}

func textOperator(name string, arg any) (test, error) {
	fold := false
	if m, ok := arg.(map[string]any); ok && len(m) == 1 && (name == "prefix" || name == "suffix") {
		if arg, fold = m["equals-ignore-case"]; !fold {
			return nil, fmt.Errorf("%s match pattern must be a string", name)
		}
	}
	want, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s match pattern must be a string", name)
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
		return nil, err
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

func anythingBut(arg any) (test, error) {
	switch x := arg.(type) {
	case string, json.Number, nil, bool:
		return not{leaf{equals{x}}}, nil
	case []any:
		var l leaf
		for _, e := range x {
			switch e.(type) {
			case string, json.Number:
				l = append(l, equals{e})
			default:
				return nil, errors.New("Inside anything but list, start|null|boolean is not supported.")
			}
		}
		if len(l) == 0 {
			return nil, fmt.Errorf("anything-but wants at least one value")
		}
		return not{l}, nil
	case map[string]any:
		if len(x) != 1 {
			return nil, fmt.Errorf("anything-but wants one operator")
		}
		for name, arg := range x {
			list, ok := arg.([]any)
			if !ok {
				list = []any{arg}
			}
			if len(list) == 0 {
				return nil, fmt.Errorf("anything-but wants at least one value")
			}
			var l leaf
			for _, e := range list {
				s, isText := e.(string)
				_, nested := e.(map[string]any)
				switch affix := name == "prefix" || name == "suffix"; {
				case affix && nested:
					return nil, errors.New("Value of anything-but must be an array or single string/number value.")
				case affix && !isText:
					return nil, errors.New("prefix/suffix match pattern must be a string")
				case affix && s == "":
					return nil, errors.New("Null prefix/suffix not allowed")
				case name == "equals-ignore-case" && !isText:
					return nil, errors.New("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")
				}
				t, err := textOperator(name, e)
				switch name {
				case "prefix", "suffix", "equals-ignore-case", "wildcard":
				default:
					return nil, fmt.Errorf("Unsupported anything-but pattern: %s", name)
				}
				if err != nil {
					return nil, err
				}
				l = append(l, t)
			}
			return not{l}, nil
		}
	}
	return nil, fmt.Errorf("anything-but wants strings, numbers or an operator")
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
func numeric(arg any) (test, error) {
	list, ok := arg.([]any)
	if !ok {
		return nil, errors.New("Value of numeric must be an array.")
	}
	if len(list) == 0 {
		return nil, errors.New("Invalid member in numeric match: ]")
	}
	op, ok := list[0].(string)
	if !ok {
		return nil, fmt.Errorf("Invalid member in numeric match: %v", list[0])
	}
	var t interval
	name := op
	if op == "=" {
		name = "equals"
	}
	n, err := operand(name, list, 1)
	switch op {
	case "=":
		t.lo, t.hi = n, n
	case "<", "<=":
		t.hi, t.hiOpen = n, op == "<"
	case ">", ">=":
		t.lo, t.loOpen = n, op == ">"
	default:
		return nil, fmt.Errorf("Unrecognized numeric range operator: %s", op)
	}
	if err != nil {
		return nil, err
	}
	if len(list) == 2 {
		return t, nil
	}
	if t.hi != nil {
		return nil, errors.New("Too many elements in numeric expression")
	}
	upper, ok := list[2].(string)
	if !ok {
		return nil, fmt.Errorf("Bad value in numeric range: %v", list[2])
	}
	if upper != "<" && upper != "<=" {
		return nil, fmt.Errorf("Bad numeric range operator: %s", upper)
	}
	if t.hi, err = operand(upper, list, 3); err != nil {
		return nil, err
	}
	t.hiOpen = upper == "<"
	if t.lo.Cmp(t.hi) >= 0 {
		return nil, errors.New("Bottom must be less than top")
	}
	if len(list) > 4 {
		return nil, errors.New("Too many terms in numeric range expression")
	}
	return t, nil
}

// operand is the number at a place of a numeric expression.
func operand(op string, list []any, at int) (*big.Rat, error) {
	if at < len(list) {
		if n, ok := list[at].(json.Number); ok {
			if r := number(n); r != nil {
				return r, nil
			}
			return nil, fmt.Errorf("Value of %s is out of range: %s", op, n)
		}
	}
	return nil, fmt.Errorf("Value of %s must be numeric", op)
}
