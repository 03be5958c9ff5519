package scalar

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
)

var regexpTable = map[string]entry{
	"regexp_like": plain(func(a []any) (any, error) {
		re, err := compile(str(a[1]))
		if err != nil {
			return nil, err
		}
		ok, err := re.MatchString(str(a[0]))
		return ok, patternError(err)
	}),
	"regexp_extract": plain(func(a []any) (any, error) {
		all, err := matches(a, 1)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		return all[0], nil
	}),
	"regexp_extract_all": plain(func(a []any) (any, error) { return result2(matches(a, -1)) }),
	"regexp_count": plain(func(a []any) (any, error) {
		n := int64(0)
		err := each(str(a[1]), str(a[0]), func(*regexp2.Match) bool { n++; return true })
		return n, err
	}),
	"regexp_position": plain(regexpPosition),
	"regexp_split":    plain(regexpSplit),
	"regexp_replace":  plain(regexpReplace),
}

func result2(l []any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// patterns keeps what was compiled. Patterns may come from the data: a full cache is dropped.
type patterns struct {
	mu    sync.RWMutex
	known map[string]any // *regexp2.Regexp or error
}

const maxPatterns = 1000

func (c *patterns) Load(p string) (any, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.known[p]
	return v, ok
}

func (c *patterns) Store(p string, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxPatterns {
		c.known = map[string]any{}
	}
	c.known[p] = v
}

var compiled patterns

// compile reads a Java pattern. What the engine here cannot do is refused.
func compile(p string) (*regexp2.Regexp, error) {
	if c, ok := compiled.Load(p); ok {
		if err, bad := c.(error); bad {
			return nil, err
		}
		return c.(*regexp2.Regexp), nil
	}
	ascii, ok := asciiClasses(p)
	if !ok {
		fault := unsupported("regular expression %s", p)
		compiled.Store(p, fault)
		return nil, fault
	}
	re, err := regexp2.Compile(ascii)
	if err != nil {
		fault := invalid("%s", err.Error())
		for _, s := range []string{"++", "*+", "?+", "}+", `\p{Is`, `\p{javaL`, `\p{Alpha`, `\p{Punct`, `\R`, `\X`, `\h`, `\Q`, "&&", `\x{`} {
			if strings.Contains(p, s) {
				fault = unsupported("regular expression %s: %s", p, err.Error())
			}
		}
		compiled.Store(p, fault)
		return nil, fault
	}
	for _, s := range []string{"&&", `\Q`, "[[:", `\h`, "[^[", "[["} {
		if strings.Contains(p, s) {
			fault := unsupported("regular expression %s", p)
			compiled.Store(p, fault)
			return nil, fault
		}
	}
	re.MatchTimeout = 10 * time.Second
	compiled.Store(p, re)
	return re, nil
}

// asciiClasses writes out \w, \d and \s, which mean ASCII in Trino; false if it cannot.
func asciiClasses(p string) (string, bool) {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '[' && !class:
			class = true
			b.WriteByte(c)
			if i+1 < len(p) && p[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
			if i+1 < len(p) && p[i+1] == ']' {
				i++
				b.WriteString(`\]`)
			}
			continue
		case c == ']':
			class = false
		case c == '\\' && i+1 < len(p):
			i++
			set, ok := map[byte]string{'w': "a-zA-Z0-9_", 'd': "0-9", 's': `\t\n\v\f\r `}[p[i]|32]
			upper := p[i] < 'a'
			switch {
			case !ok || p[i]|32 != 'w' && p[i]|32 != 'd' && p[i]|32 != 's':
				b.WriteString(p[i-1 : i+1])
			case class && upper:
				return "", false
			case class:
				b.WriteString(set)
			case upper:
				b.WriteString("[^" + set + "]")
			default:
				b.WriteString("[" + set + "]")
			}
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func patternError(err error) error {
	if err == nil {
		return nil
	}
	return unsupported("regular expression took too long: %s", err.Error())
}

// each calls f for the matches of a pattern until it returns false.
func each(pattern, text string, f func(*regexp2.Match) bool) error {
	re, err := compile(pattern)
	if err != nil {
		return err
	}
	m, err := re.FindStringMatch(text)
	for err == nil && m != nil {
		if !f(m) {
			return nil
		}
		m, err = re.FindNextMatch(m)
	}
	return patternError(err)
}

func groupOf(m *regexp2.Match, n int) any {
	g := m.GroupByNumber(n)
	if g == nil || len(g.Captures) == 0 {
		return nil
	}
	return g.String()
}

// matches returns up to limit matches, or what their group captured.
func matches(a []any, limit int) ([]any, error) {
	group := int64(0)
	if len(a) == 3 {
		group = num(a[2])
	}
	re, err := compile(str(a[1]))
	if err != nil {
		return nil, err
	}
	if group < 0 {
		return nil, invalid("Group cannot be negative")
	}
	if n := int64(len(re.GetGroupNumbers()) - 1); group > n {
		return nil, invalid("Pattern has %d groups. Cannot access group %d", n, group)
	}
	out := []any{}
	err = each(str(a[1]), str(a[0]), func(m *regexp2.Match) bool {
		out = append(out, groupOf(m, int(group)))
		return limit < 0 || len(out) < limit
	})
	return out, err
}

func regexpPosition(a []any) (any, error) {
	start, occurrence := int64(1), int64(1)
	if len(a) > 2 {
		start = num(a[2])
	}
	if len(a) > 3 {
		occurrence = num(a[3])
	}
	if start < 1 {
		return nil, invalid("start position cannot be smaller than 1")
	}
	if occurrence < 1 {
		return nil, invalid("occurrence cannot be smaller than 1")
	}
	text := []rune(str(a[0]))
	if start > int64(len(text)) {
		if _, err := compile(str(a[1])); err != nil {
			return nil, err
		}
		return int64(-1), nil
	}
	at := int64(-1)
	err := each(str(a[1]), string(text), func(m *regexp2.Match) bool {
		if int64(m.RuneIndex) < start-1 {
			return true
		}
		if occurrence--; occurrence == 0 {
			at = int64(m.RuneIndex) + 1
			return false
		}
		return true
	})
	return at, err
}

func regexpSplit(a []any) (any, error) {
	text := []rune(str(a[0]))
	out, last := []any{}, 0
	err := each(str(a[1]), str(a[0]), func(m *regexp2.Match) bool {
		out = append(out, string(text[last:m.RuneIndex]))
		last = m.RuneIndex + m.RuneLength
		return true
	})
	return append(out, string(text[last:])), err
}

func regexpReplace(a []any) (any, error) {
	with := ""
	if len(a) == 3 {
		with = str(a[2])
	}
	re, err := compile(str(a[1]))
	if err != nil {
		return nil, err
	}
	text := []rune(str(a[0]))
	var b strings.Builder
	last := 0
	var failure error
	err = each(str(a[1]), str(a[0]), func(m *regexp2.Match) bool {
		b.WriteString(string(text[last:m.RuneIndex]))
		failure = expand(&b, re, m, with)
		last = m.RuneIndex + m.RuneLength
		return failure == nil
	})
	if failure != nil {
		return nil, failure
	}
	b.WriteString(string(text[last:]))
	return b.String(), err
}

// expand writes a replacement: $1, ${name}, and a backslash before a literal character.
func expand(b *strings.Builder, re *regexp2.Regexp, m *regexp2.Match, with string) error {
	groups := len(re.GetGroupNumbers()) - 1
	for i := 0; i < len(with); i++ {
		switch c := with[i]; {
		case c == '\\':
			i++
			if i >= len(with) {
				return invalid("Illegal replacement sequence: %s", with)
			}
			b.WriteByte(with[i])
		case c != '$':
			b.WriteByte(c)
		case i+1 < len(with) && with[i+1] == '{':
			end := strings.IndexByte(with[i:], '}')
			if end < 0 {
				return invalid("Illegal replacement sequence: %s", with)
			}
			name := with[i+2 : i+end]
			n := re.GroupNumberFromName(name)
			if n < 0 {
				return invalid("Illegal replacement sequence: unknown group { %s }", name)
			}
			b.WriteString(str(groupOf(m, n)))
			i += end
		default:
			j := i + 1
			for j < len(with) && with[j] >= '0' && with[j] <= '9' {
				n, err := strconv.Atoi(with[i+1 : j+1])
				if err != nil || j > i+1 && n > groups {
					break
				}
				j++
			}
			if j == i+1 {
				return invalid("Illegal replacement sequence: %s", with)
			}
			n, _ := strconv.Atoi(with[i+1 : j])
			if n > groups {
				return invalid("Illegal replacement sequence: unknown group %d", n)
			}
			b.WriteString(str(groupOf(m, n)))
			i = j - 1
		}
	}
	return nil
}
