package asl

import (
	"errors"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/jsonpath"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// ChoiceRule is an entry of Choices.
type ChoiceRule struct {
	test   test
	Next   string
	Assign *Template
	Output *Template
}

// Matches evaluates the rule. The error is a *StateError.
func (r *ChoiceRule) Matches(s *Scope) (bool, error) { return r.test.eval(s) }

type test interface {
	eval(s *Scope) (bool, error)
}

type andTest []test

func (t andTest) eval(s *Scope) (bool, error) {
	for _, x := range t {
		if ok, err := x.eval(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

type orTest []test

func (t orTest) eval(s *Scope) (bool, error) {
	for _, x := range t {
		if ok, err := x.eval(s); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

type notTest struct{ test }

func (t notTest) eval(s *Scope) (bool, error) {
	ok, err := t.test.eval(s)
	return !ok && err == nil, err
}

type constTest bool

func (t constTest) eval(*Scope) (bool, error) { return bool(t), nil }

// queryTest is a Condition of the JSONata language.
type queryTest struct{ q *query }

func (t queryTest) eval(s *Scope) (bool, error) {
	v, err := t.q.eval(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, t.q.wrongType("boolean", v)
	}
	return b, nil
}

// compareTest is a comparison of the JSONPath language.
type compareTest struct {
	variable *expr
	op       string // "StringEquals", "IsPresent"
	value    any
	valueExp *expr // …Path
}

func (t *compareTest) eval(s *Scope) (bool, error) {
	v, err := t.variable.eval(s)
	if t.op == "IsPresent" {
		if err != nil && !errors.Is(err, jsonpath.ErrNotFound) {
			return false, err
		}
		return (err == nil) == t.value.(bool), nil
	}
	if err != nil {
		return false, invalidChoice(t.variable.src, err)
	}
	want := t.value
	if t.valueExp != nil {
		if want, err = t.valueExp.eval(s); err != nil {
			return false, invalidChoice(t.valueExp.src, err)
		}
	}
	return compareValues(t.op, v, want), nil
}

func invalidChoice(path string, err error) error {
	var se *StateError
	if errors.As(err, &se) {
		return se
	}
	return runtimeError("Invalid path '%s': The choice state's condition path references an invalid value.", path)
}

// choiceOps are the comparisons and what their value must be.
var choiceOps = func() map[string]byte {
	m := map[string]byte{"StringMatches": 's', "BooleanEquals": 'b', "IsNull": 'i', "IsPresent": 'i', "IsNumeric": 'i', "IsString": 'i', "IsBoolean": 'i', "IsTimestamp": 'i'}
	for _, rel := range []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"} {
		m["String"+rel], m["Numeric"+rel], m["Timestamp"+rel] = 's', 'n', 't'
	}
	return m
}()

func compareValues(op string, v, want any) bool {
	is := func(ok bool) bool { return ok == want.(bool) }
	switch op {
	case "IsNull":
		return is(v == nil)
	case "IsNumeric":
		_, ok := v.(jsonvalue.Number)
		return is(ok)
	case "IsString":
		_, ok := v.(string)
		return is(ok)
	case "IsBoolean":
		_, ok := v.(bool)
		return is(ok)
	case "IsTimestamp":
		s, isString := v.(string)
		_, ok := ParseTimestamp(s)
		return is(isString && ok)
	case "BooleanEquals":
		a, ok := v.(bool)
		b, ok2 := want.(bool)
		return ok && ok2 && a == b
	case "StringMatches":
		a, ok := v.(string)
		b, ok2 := want.(string)
		return ok && ok2 && wildcardMatch(b, a)
	}
	if rel, ok := strings.CutPrefix(op, "Numeric"); ok {
		a, ok := v.(jsonvalue.Number)
		b, ok2 := want.(jsonvalue.Number)
		return ok && ok2 && relation(rel, a.Compare(b))
	}
	a, ok := v.(string)
	b, ok2 := want.(string)
	if !ok || !ok2 {
		return false
	}
	if rel, ok := strings.CutPrefix(op, "Timestamp"); ok {
		x, ok := ParseTimestamp(a)
		y, ok2 := ParseTimestamp(b)
		return ok && ok2 && relation(rel, x.Compare(y))
	}
	return relation(strings.TrimPrefix(op, "String"), strings.Compare(a, b))
}

func relation(rel string, c int) bool {
	switch rel {
	case "Equals":
		return c == 0
	case "LessThan":
		return c < 0
	case "GreaterThan":
		return c > 0
	case "LessThanEquals":
		return c <= 0
	}
	return c >= 0 // GreaterThanEquals
}

// ParseTimestamp reads an ISO-8601 timestamp with an offset, as Wait and Choice take it.
func ParseTimestamp(s string) (time.Time, bool) {
	if len(s) < 17 || s[10] != 'T' {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// wildcardMatch matches a pattern in which * stands for any text; \* is an asterisk and \\ a backslash.
func wildcardMatch(pattern, s string) bool {
	var parts []string // literal texts between asterisks
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case c == '*':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	parts = append(parts, b.String())
	if len(parts) == 1 {
		return s == parts[0]
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return len(s) >= len(last) && strings.HasSuffix(s, last)
}
