package asl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// MaxDefinition is the size of a definition in bytes that Step Functions takes.
const MaxDefinition = 1 << 20

const maxNesting = 25 // machines within machines

// Options say for what a definition is read.
type Options struct {
	Express bool // the machine is an Express workflow, which cannot wait for jobs or tokens
	Lenient bool // read one state for TestState: targets need not exist
}

// Parse reads a definition. The error is an *InvalidError with all that is wrong. Warnings come with either.
func Parse(definition string, opts Options) (*Machine, []Diagnostic, error) {
	root, d, err := open(definition, opts)
	if err != nil {
		return nil, nil, err
	}
	m := d.machine(root, "", JSONPath, 0)
	return finish(d, m, definition)
}

// ParseState reads the definition of a single state.
func ParseState(name, definition string, opts Options) (*State, []Diagnostic, error) {
	root, d, err := open(definition, opts)
	if err != nil {
		return nil, nil, err
	}
	d.opts.Lenient = true
	s := d.state(name, root, "/States/"+name, JSONPath, 0)
	return finish(d, s, definition)
}

func open(definition string, opts Options) (*jsonvalue.Object, *decoder, error) {
	if strings.TrimSpace(definition) == "" {
		return nil, nil, &InvalidError{[]Diagnostic{{Severity: SeverityError, Code: CodeSchema, Message: "Definition must be a valid JSON object"}}}
	}
	v, err := jsonvalue.Parse(definition)
	if err != nil {
		var se *jsonvalue.SyntaxError
		if !errors.As(err, &se) {
			return nil, nil, err
		}
		loc := fmt.Sprintf("[Source: (String)\"%s\"; line: %d, column: %d]", abbreviate(definition), se.Line, se.Col)
		return nil, nil, &InvalidError{[]Diagnostic{{Severity: SeverityError, Code: CodeJSON, Message: se.Msg + "\n at " + loc, Location: loc, Line: se.Line, Column: se.Col}}}
	}
	root, ok := v.(*jsonvalue.Object)
	if !ok {
		return nil, nil, &InvalidError{[]Diagnostic{{Severity: SeverityError, Code: CodeSchema, Message: "Definition must be a valid JSON object"}}}
	}
	return root, &decoder{opts: opts, names: map[string]bool{}, labels: map[string]bool{}}, nil
}

// abbreviate is how Jackson shows the source of an error.
func abbreviate(s string) string {
	const limit = 500
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s\"[truncated %d chars]", s[:limit], len(s)-limit)
}

func finish[T any](d *decoder, v *T, definition string) (*T, []Diagnostic, error) {
	failed := false
	for i := range d.diags {
		g := &d.diags[i]
		g.Line, g.Column = jsonvalue.Locate(definition, splitLocation(g.Location)...)
		failed = failed || g.Severity == SeverityError
	}
	if failed {
		return nil, d.diags, &InvalidError{d.diags}
	}
	return v, d.diags, nil
}

// splitLocation turns "/States/A/Choices[0]/Next" into its parts.
func splitLocation(loc string) []string {
	var parts []string
	for _, p := range strings.Split(strings.Trim(loc, "/"), "/") {
		for {
			name, rest, found := strings.Cut(p, "[")
			if name != "" {
				parts = append(parts, strings.TrimSuffix(name, "]"))
			}
			if !found {
				break
			}
			p = rest
		}
	}
	return parts
}

type decoder struct {
	opts   Options
	diags  []Diagnostic
	names  map[string]bool // of all states: they are unique in the whole definition
	labels map[string]bool
}

func (d *decoder) report(severity, code, loc, format string, args ...any) {
	if loc == "" {
		loc = "/"
	}
	if len(d.diags) < 1000 {
		d.diags = append(d.diags, Diagnostic{Severity: severity, Code: code, Message: fmt.Sprintf(format, args...), Location: loc})
	}
}

func (d *decoder) fail(loc, format string, args ...any) {
	d.report(SeverityError, CodeSchema, loc, format, args...)
}

// object is a JSON object with its place and what of it has been read.
type object struct {
	d   *decoder
	o   *jsonvalue.Object
	loc string
}

func (x object) at(key string) string { return x.loc + "/" + key }

func (x object) require(keys ...string) {
	var missing []string
	for _, k := range keys {
		if !x.o.Has(k) {
			missing = append(missing, k)
		}
	}
	if len(missing) > 0 {
		x.d.fail(x.loc, "These fields are required: [%s]", strings.Join(missing, ", "))
	}
}

// only refuses fields that are not in the list.
func (x object) only(allowed map[string]bool) {
	for _, k := range x.o.Keys() {
		if !allowed[k] {
			x.d.fail(x.at(k), "Field is not supported")
		}
	}
}

func (x object) str(key string) string {
	v, ok := x.o.Get(key)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		x.d.fail(x.at(key), "Expected value of type String")
	}
	return s
}

func (x object) boolean(key string) bool {
	v, ok := x.o.Get(key)
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		x.d.fail(x.at(key), "Expected value of type Boolean")
	}
	return b
}

func (x object) oneOf(key string, values ...string) string {
	v, ok := x.o.Get(key)
	if !ok {
		return ""
	}
	s, _ := v.(string)
	for _, want := range values {
		if s == want {
			return s
		}
	}
	x.d.fail(x.at(key), "The field '%s' should have one of these values: [%s]", key, strings.Join(values, ", "))
	return ""
}

func (x object) child(key string) (object, bool) {
	v, ok := x.o.Get(key)
	if !ok {
		return object{}, false
	}
	o, ok := v.(*jsonvalue.Object)
	if !ok {
		x.d.fail(x.at(key), "Expected value of type Object")
		return object{}, false
	}
	return object{x.d, o, x.at(key)}, true
}

func (x object) list(key string, canBeEmpty bool) []any {
	v, ok := x.o.Get(key)
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		x.d.fail(x.at(key), "Expected value of type Array")
		return nil
	}
	if len(l) == 0 && !canBeEmpty {
		x.d.fail(x.at(key), "Value cannot be empty")
	}
	return l
}

// objects yields the entries of a list that must be objects.
func (x object) objects(key string, canBeEmpty bool) []object {
	var out []object
	for i, v := range x.list(key, canBeEmpty) {
		loc := x.at(key) + "[" + strconv.Itoa(i) + "]"
		if o, ok := v.(*jsonvalue.Object); ok {
			out = append(out, object{x.d, o, loc})
		} else {
			x.d.fail(loc, "Expected value of type Object")
		}
	}
	return out
}

func (x object) strings(key string) []string {
	var out []string
	for i, v := range x.list(key, false) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		} else {
			x.d.fail(x.at(key)+"["+strconv.Itoa(i)+"]", "Expected value of type String")
		}
	}
	return out
}

// number reads a number within limits; ok is false when there is none or it is bad.
func (x object) number(key string, lo, hi float64, integer bool) (n jsonvalue.Number, ok bool) {
	v, has := x.o.Get(key)
	if !has {
		return "", false
	}
	n, ok = v.(jsonvalue.Number)
	_, isInt := n.Int()
	switch {
	case integer && (!ok || !isInt):
		x.d.fail(x.at(key), "Expected value of type Integer")
		return "", false
	case !ok:
		x.d.fail(x.at(key), "Expected value of type Number")
		return "", false
	}
	if f := n.Float(); f < lo {
		x.d.fail(x.at(key), "The value %s is less than the minimum of %s", n, jsonvalue.Float(lo))
		return "", false
	} else if f > hi {
		x.d.fail(x.at(key), "The value %s is greater than the maximum of %s", n, jsonvalue.Float(hi))
		return "", false
	}
	return n, true
}

func (x object) language(outer Language) Language {
	switch x.oneOf("QueryLanguage", "JSONPath", "JSONata") {
	case "JSONata":
		return JSONata
	case "JSONPath":
		return JSONPath
	}
	return outer
}

var machineFields = set("Comment StartAt States Version TimeoutSeconds QueryLanguage")

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, list := range names {
		for _, n := range strings.Fields(list) {
			m[n] = true
		}
	}
	return m
}

// machine reads a definition, a branch or a processor. lang is the language of what is around it.
func (d *decoder) machine(o *jsonvalue.Object, loc string, lang Language, depth int) *Machine {
	x := object{d, o, loc}
	if depth > maxNesting {
		d.report(SeverityError, CodeDeep, loc, "The states are nested more than %d levels deep", maxNesting)
		return nil
	}
	m := &Machine{States: map[string]*State{}, Language: lang}
	x.require("States", "StartAt")
	if depth == 0 {
		x.only(machineFields)
		m.Language = x.language(lang)
		m.Version = x.str("Version")
		if v := m.Version; v != "" && v != "1.0" {
			d.fail(x.at("Version"), "The field 'Version' should have one of these values: [1.0]")
		}
		if n, ok := x.number("TimeoutSeconds", 1, 99999999, true); ok {
			m.TimeoutSeconds, _ = n.Int()
		}
	}
	m.Comment = x.str("Comment")
	m.StartAt = x.str("StartAt")
	states, ok := x.child("States")
	if !ok {
		return m
	}
	if states.o.Len() == 0 {
		d.fail(states.loc, "Value cannot be empty")
		return m
	}
	for name, v := range states.o.All() {
		where := states.at(name)
		if d.names[name] {
			d.report(SeverityError, CodeDuplicate, where, "Duplicate State name: %s", name)
		}
		d.names[name] = true
		if n := len([]rune(name)); n == 0 || n > 80 {
			d.fail(where, "The name of a state must have 1 to 80 characters, but has %d", n)
		}
		so, ok := v.(*jsonvalue.Object)
		if !ok {
			d.fail(where, "Expected value of type Object")
			continue
		}
		m.Order = append(m.Order, name)
		if s := d.state(name, so, where, m.Language, depth); s != nil {
			m.States[name] = s
		}
	}
	d.targets(m, loc, states)
	return m
}

// targets checks that every transition leads to a state and every state is reached.
func (d *decoder) targets(m *Machine, loc string, states object) {
	reached := map[string]bool{}
	target := func(name, where, field string) {
		if name == "" {
			return
		}
		if !states.o.Has(name) {
			d.report(SeverityError, CodeTarget, where+"/"+field, "Missing '%s' target: %s", field, name)
			return
		}
		reached[name] = true
	}
	target(m.StartAt, loc, "StartAt")
	for _, name := range m.Order {
		s := m.States[name]
		if s == nil {
			continue
		}
		where := states.at(name)
		target(s.Next, where, "Next")
		target(s.Default, where, "Default")
		for i, c := range s.Choices {
			target(c.Next, fmt.Sprintf("%s/Choices[%d]", where, i), "Next")
		}
		for i, c := range s.Catch {
			target(c.Next, fmt.Sprintf("%s/Catch[%d]", where, i), "Next")
		}
	}
	for _, name := range m.Order {
		if !reached[name] && m.StartAt != "" {
			d.report(SeverityError, CodeTarget, states.at(name), "State \"%s\" is not reachable.", name)
		}
	}
}
