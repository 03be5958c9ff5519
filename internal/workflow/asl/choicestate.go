package asl

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func (x stateReader) choices(s *State) {
	x.require("Choices")
	s.Default = x.str("Default")
	for _, c := range x.objects("Choices", false) {
		c.require("Next")
		r := ChoiceRule{Next: c.str("Next"), Assign: x.assign(c)}
		if x.lang == JSONata {
			c.only(set("Comment Condition Next Assign Output"))
			c.require("Condition")
			if v, ok := c.o.Get("Output"); ok {
				r.Output = x.compile(v, c.at("Output"), "Output")
			}
			r.test = x.condition(c)
		} else {
			r.test = x.rule(c, true, 0)
		}
		s.Choices = append(s.Choices, r)
	}
}

func (x stateReader) condition(c object) test {
	v, ok := c.o.Get("Condition")
	if !ok {
		return constTest(false)
	}
	switch v := v.(type) {
	case bool:
		return constTest(v)
	case string:
		col := &collector{bad: x.d.fail}
		if q := col.query(v, c.at("Condition"), "Condition"); q != nil {
			q.field = "Choices[" + between(c.loc, "/Choices[", "]") + "]/Condition"
			return queryTest{q}
		}
		if _, isQuery := isJSONata(v); isQuery {
			return constTest(false) // already reported
		}
	}
	x.d.fail(c.at("Condition"), "The value of 'Condition' must be a boolean or a JSONata expression")
	return constTest(false)
}

func between(s, from, to string) string {
	i := strings.LastIndex(s, from)
	if i < 0 {
		return ""
	}
	s = s[i+len(from):]
	if j := strings.Index(s, to); j >= 0 {
		s = s[:j]
	}
	return s
}

// rule reads a choice rule of the JSONPath language.
func (x stateReader) rule(c object, top bool, depth int) test {
	if depth > 50 {
		x.d.fail(c.loc, "Choice rules are nested too deeply")
		return constTest(false)
	}
	var found []string
	var out test
	for k, v := range c.o.All() {
		switch k {
		case "Comment", "Variable":
			continue
		case "Next", "Assign":
			if !top {
				x.d.fail(c.at(k), "Field is not supported")
			}
			continue
		case "And", "Or":
			found = append(found, k)
			var list []test
			for _, sub := range c.objects(k, false) {
				list = append(list, x.rule(sub, false, depth+1))
			}
			if k == "And" {
				out = andTest(list)
			} else {
				out = orTest(list)
			}
			continue
		case "Not":
			found = append(found, k)
			if sub, ok := c.child(k); ok {
				out = notTest{x.rule(sub, false, depth+1)}
			}
			continue
		}
		op, isPath := strings.CutSuffix(k, "Path")
		kind, known := choiceOps[op]
		if !known || isPath && (kind == 'i' || op == "StringMatches") {
			x.d.fail(c.at(k), "Field is not supported")
			continue
		}
		found = append(found, k)
		t := &compareTest{op: op, value: v}
		if isPath {
			src, _ := v.(string)
			e, err := parsePath(src)
			if err != nil {
				x.d.fail(c.at(k), "Value is not a valid JSONPath")
			}
			t.valueExp = e
		} else {
			x.operand(c, k, kind, v)
		}
		out = t
	}
	if len(found) != 1 {
		x.d.fail(c.loc, "A choice rule must have exactly one operator, but has %s", strconv.Itoa(len(found)))
		return constTest(false)
	}
	if t, ok := out.(*compareTest); ok {
		c.require("Variable")
		src := c.str("Variable")
		e, err := parsePath(src)
		if err != nil {
			if c.o.Has("Variable") {
				x.d.fail(c.at("Variable"), "Value is not a valid JSONPath")
			}
			return constTest(false)
		}
		t.variable = e
	}
	if out == nil {
		return constTest(false)
	}
	return out
}

func (x stateReader) operand(c object, key string, kind byte, v any) {
	ok := false
	what := ""
	switch kind {
	case 's':
		_, ok = v.(string)
		what = "String"
	case 'n':
		_, ok = v.(jsonvalue.Number)
		what = "Number"
	case 'b', 'i':
		_, ok = v.(bool)
		what = "Boolean"
	case 't':
		s, isText := v.(string)
		if _, ok = ParseTimestamp(s); isText && !ok {
			x.d.fail(c.at(key), "String does not match RFC3339 timestamp")
			return
		}
		what = "String"
	}
	if !ok {
		x.d.fail(c.at(key), "Expected value of type %s", what)
	}
}
