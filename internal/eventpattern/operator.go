package eventpattern

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
)

func operator(name string, arg any) (test, error) {
	switch name {
	case "exists":
		b, ok := arg.(bool)
		if !ok {
			return nil, fmt.Errorf("exists wants true or false")
		}
		return existence{b}, nil
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		return textOperator(name, arg)
	case "anything-but":
		return anythingBut(arg)
	case "numeric":
		return numeric(arg)
	case "cidr":
		s, _ := arg.(string)
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("cidr: %q is not a network", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		return network{p.Masked()}, nil
	}
	return nil, fmt.Errorf("unrecognized match type %s", name)
}

func textOperator(name string, arg any) (test, error) {
	fold := false
	if m, ok := arg.(map[string]any); ok && len(m) == 1 && (name == "prefix" || name == "suffix") {
		if arg, fold = m["equals-ignore-case"]; !fold {
			return nil, fmt.Errorf("%s wants a string", name)
		}
	}
	want, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s wants a string", name)
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
			return nil, fmt.Errorf("wildcard: consecutive asterisks in %q", p)
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
				return nil, fmt.Errorf("anything-but wants strings or numbers")
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
				t, err := textOperator(name, e)
				switch name {
				case "prefix", "suffix", "equals-ignore-case", "wildcard":
				default:
					return nil, fmt.Errorf("anything-but does not take %s", name)
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

func numeric(arg any) (test, error) {
	list, ok := arg.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, fmt.Errorf("numeric wants one or two comparisons: [\">\", 0, \"<=\", 5]")
	}
	var t interval
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		n, ok := list[i+1].(json.Number)
		if !ok {
			return nil, fmt.Errorf("numeric: %v is not a number", list[i+1])
		}
		r := number(n)
		if r == nil {
			return nil, fmt.Errorf("numeric: %v is out of range", n)
		}
		switch {
		case op == "=" && len(list) == 2:
			t.lo, t.hi = r, r
		case (op == ">" || op == ">=") && t.lo == nil && i == 0:
			t.lo, t.loOpen = r, op == ">"
		case (op == "<" || op == "<=") && t.hi == nil:
			t.hi, t.hiOpen = r, op == "<"
		default:
			return nil, fmt.Errorf("numeric: %q is not expected here", op)
		}
	}
	if t.lo != nil && t.hi != nil && t.lo.Cmp(t.hi) > 0 {
		return nil, fmt.Errorf("numeric: the bottom is above the top")
	}
	return t, nil
}
