package policy

import "strings"

// Characters that stand for a literal * and ? in a pattern: what a variable brought, or ${*} and ${?}.
const (
	literalStar     = '\x01'
	literalQuestion = '\x02'
)

// glob matches * and ? over whole strings, in time linear in the product of the lengths at worst.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || literal(pattern[p]) == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func literal(c byte) byte {
	switch c {
	case literalStar:
		return '*'
	case literalQuestion:
		return '?'
	}
	return c
}

// globARN matches an ARN part by part, so that a wildcard does not run over a colon of the first five.
func globARN(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	for range 5 {
		pp, prest, ok := strings.Cut(pattern, ":")
		sp, srest, sok := strings.Cut(s, ":")
		if !ok || !sok {
			return glob(pattern, s)
		}
		if !glob(pp, sp) {
			return false
		}
		pattern, s = prest, srest
	}
	return glob(pattern, s)
}

// unescape gives the literal text of an expanded pattern.
func unescape(s string) string {
	return strings.NewReplacer(string(literalStar), "*", string(literalQuestion), "?").Replace(s)
}

// expand replaces the variables of a pattern by the values of the request's keys. It reports false where a variable has
// no value and no default, or several values.
func expand(pattern string, keys Keys) (string, bool) {
	if !strings.Contains(pattern, "${") {
		return pattern, true
	}
	var b strings.Builder
	for {
		i := strings.Index(pattern, "${")
		if i < 0 {
			b.WriteString(pattern)
			return b.String(), true
		}
		b.WriteString(pattern[:i])
		name, rest, ok := strings.Cut(pattern[i+2:], "}")
		if !ok {
			b.WriteString(pattern[i:])
			return b.String(), true
		}
		pattern = rest
		switch name {
		case "*":
			b.WriteByte(literalStar)
			continue
		case "?":
			b.WriteByte(literalQuestion)
			continue
		case "$":
			b.WriteByte('$')
			continue
		}
		name, def, hasDefault := strings.Cut(name, ",")
		vs := keys[strings.ToLower(strings.TrimSpace(name))]
		switch {
		case len(vs) == 1:
			b.WriteString(strings.NewReplacer("*", string(literalStar), "?", string(literalQuestion)).Replace(vs[0]))
		case len(vs) == 0 && hasDefault:
			b.WriteString(strings.Trim(strings.TrimSpace(def), "'"))
		default:
			return "", false
		}
	}
}
