package jsonata

import (
	"math"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// found is a match as a matching function gives it: a regular expression, or one of the expression's own.
type found struct {
	match  any
	start  any
	end    any
	groups any
	next   any
	object *jsonvalue.Object
}

// find calls a matching function; nil if it found nothing.
func (c *call) find(fn any, args ...any) (*found, error) {
	matcher, ok := fn.(*function)
	if !ok {
		return nil, scriptError("matcher.apply is not a function")
	}
	v, err := c.callback(matcher, args...)
	if err != nil {
		return nil, err
	}
	if isUndef(v) {
		return nil, nil
	}
	o, ok := v.(*jsonvalue.Object)
	if !ok {
		if !scriptTruth(v) {
			return nil, scriptError("Cannot read properties of %s", typeName(v))
		}
		return nil, fail("T1010")
	}
	m := &found{match: member(o, "match"), start: member(o, "start"), end: member(o, "end"), groups: member(o, "groups"), next: member(o, "next"), object: o}
	_, hasStart := m.start.(float64)
	_, hasGroups := m.groups.(*array)
	_, hasNext := m.next.(*function)
	if !hasStart && !hasGroups && !hasNext {
		return nil, fail("T1010")
	}
	return m, nil
}

// limit returns the argument that bounds the number of matches; none means without bound.
func limit(args []any, i int, code string) (float64, error) {
	n, ok, err := num(args, i)
	if err != nil {
		return 0, err
	}
	if !ok {
		return math.Inf(1), nil
	}
	if n < 0 {
		return 0, fail(code).val(n).with("index", float64(i+1))
	}
	return n, nil
}

func match(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	most, err := limit(args, 2, "D3040")
	if err != nil {
		return nil, err
	}
	out := sequence()
	if !(most > 0) {
		return out, nil
	}
	m, err := c.find(argument(args, 1), s)
	for n := 0.0; err == nil && m != nil && n < most; n++ {
		o := &jsonvalue.Object{}
		for _, f := range []struct {
			name string
			v    any
		}{{"match", m.match}, {"index", m.start}, {"groups", m.groups}} {
			o.Set(f.name, f.v)
		}
		out.items = append(out.items, o)
		m, err = c.find(m.next)
	}
	return out, err
}

func containsFn(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	if token, ok := argument(args, 1).(string); ok {
		return strings.Contains(s, token), nil
	}
	m, err := c.find(argument(args, 1), s)
	return m != nil, err
}

func split(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	most, err := limit(args, 2, "D3020")
	if err != nil {
		return nil, err
	}
	out := &array{}
	if !(most > 0) {
		return out, nil
	}
	if separator, ok := argument(args, 1).(string); ok {
		for _, part := range strings.Split(s, separator) {
			if float64(len(out.items)) >= math.Floor(most) {
				break
			}
			out.items = append(out.items, part)
		}
		return out, c.ev.grown(len(out.items) * itemSize)
	}
	m, err := c.find(argument(args, 1), s)
	if err != nil {
		return nil, err
	}
	if m == nil {
		out.items = append(out.items, s)
		return out, nil
	}
	x := newSubject(s)
	start, n := 0, 0.0
	for ; m != nil && n < most; n++ {
		out.items = append(out.items, x.between(start, m.start))
		if end, ok := m.end.(float64); ok {
			start = int(end)
		} else {
			start = 0
		}
		if m, err = c.find(m.next); err != nil {
			return nil, err
		}
	}
	if n < most {
		out.items = append(out.items, x.between(start, undef))
	}
	return out, nil
}

// between returns the text from a UTF-16 offset to another, in whichever order; undef stands for the end.
func (x *subject) between(from int, to any) string {
	end := x.len
	if f, ok := to.(float64); ok {
		end = int(max(0, min(f, float64(x.len))))
	}
	from = max(0, min(from, x.len))
	if from > end {
		from, end = end, from
	}
	if x.ascii {
		return x.text[from:end]
	}
	return string(x.runes[x.rune(from):x.rune(end)])
}

func replace(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	pattern := argument(args, 1)
	if pattern == "" {
		return nil, fail("D3010").val("").with("index", 2.0)
	}
	most, err := limit(args, 3, "D3011")
	if err != nil {
		return nil, err
	}
	if !(most > 0) {
		return s, nil
	}
	if p, ok := pattern.(string); ok {
		return c.replaceText(s, p, argument(args, 2), most)
	}
	m, err := c.find(pattern, s)
	if err != nil {
		return nil, err
	}
	x := newSubject(s)
	var b strings.Builder
	at := 0
	for n := 0.0; m != nil && n < most; n++ {
		b.WriteString(x.between(at, m.start))
		r, err := c.substitute(m, argument(args, 2))
		if err != nil {
			return nil, err
		}
		t, ok := r.(string)
		if !ok {
			return nil, fail("D3012").val(r)
		}
		if err := c.ev.grown(len(t)); err != nil {
			return nil, err
		}
		b.WriteString(t)
		start, _ := m.start.(float64)
		matched, ok := m.match.(string)
		if !ok {
			return nil, wrongType(m.match)
		}
		at = int(start) + units(matched)
		if m, err = c.find(m.next); err != nil {
			return nil, err
		}
	}
	b.WriteString(x.between(at, undef))
	return b.String(), nil
}

func (c *call) replaceText(s, pattern string, by any, most float64) (any, error) {
	r, ok := by.(string)
	if isUndef(by) {
		r, ok = "undefined", true
	}
	if !ok && strings.Contains(s, pattern) {
		return nil, wrongType(by)
	}
	var b strings.Builder
	for n := 0.0; n < most; n++ {
		before, after, ok := strings.Cut(s, pattern)
		if !ok {
			break
		}
		b.WriteString(before)
		b.WriteString(r)
		s = after
		if err := c.ev.grown(len(before) + len(r)); err != nil {
			return nil, err
		}
	}
	b.WriteString(s)
	return b.String(), nil
}

// substitute returns what a match is replaced by: what a function makes of it, or text with $0, $1 … filled in.
func (c *call) substitute(m *found, by any) (any, error) {
	if fn, ok := by.(*function); ok {
		return c.callback(fn, m.object)
	}
	pattern, ok := by.(string)
	if !ok {
		return nil, scriptError("replacer.apply is not a function")
	}
	if !strings.Contains(pattern, "$") {
		return pattern, nil
	}
	groups, ok := m.groups.(*array)
	if !ok {
		return nil, wrongType(m.groups)
	}
	digits := 1
	if n := groups.len(); n > 0 {
		digits = int(math.Log(float64(n))*math.Log10E) + 1
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(pattern, '$')
		if i < 0 {
			break
		}
		b.WriteString(pattern[:i])
		pattern = pattern[i+1:]
		switch {
		case strings.HasPrefix(pattern, "$"):
			b.WriteByte('$')
			pattern = pattern[1:]
		case strings.HasPrefix(pattern, "0"):
			b.WriteString(textOf(m.match))
			pattern = pattern[1:]
		default:
			index := scriptInt(pattern[:min(digits, len(pattern))])
			if digits > 1 && index > float64(groups.len()) {
				index = scriptInt(pattern[:min(digits-1, len(pattern))])
			}
			if math.IsNaN(index) {
				b.WriteByte('$')
				continue
			}
			if g, ok := groups.at(int(index) - 1).(string); ok {
				b.WriteString(g)
			}
			pattern = pattern[min(len(pattern), len(strconv.Itoa(int(index)))):]
		}
	}
	b.WriteString(pattern)
	return b.String(), nil
}
