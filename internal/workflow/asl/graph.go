package asl

import (
	"fmt"
	"slices"
	"strconv"
)

// Graph is a definition as states and transitions, for drawing.
type Graph struct {
	StartAt string `json:"startAt"`
	Nodes   []Node `json:"nodes"`
	Edges   []Edge `json:"edges,omitempty"`
}

// Node is a state. Branches of a Parallel state and the processor of a Map state are graphs within it.
type Node struct {
	Name     string  `json:"name"`
	Kind     Kind    `json:"kind"`
	Resource string  `json:"resource,omitempty"` // of a Task state
	Branches []Graph `json:"branches,omitempty"`
}

// Edge is a transition.
type Edge struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Label string `json:"label,omitempty"` // "" = Next; "Default", "Choice 1", "Catch States.ALL"
}

// MarshalText gives the type as it stands in definitions.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (k *Kind) UnmarshalText(b []byte) error {
	i := slices.Index(kindNames[:], string(b))
	if i < 1 {
		return fmt.Errorf("%q is no type of states", b)
	}
	*k = Kind(i)
	return nil
}

// Graph returns the machine's graph.
func (m *Machine) Graph() Graph {
	g := Graph{StartAt: m.StartAt}
	for _, name := range m.Order {
		s := m.States[name]
		n := Node{Name: name, Kind: s.Kind, Resource: s.Resource.ARN}
		for _, b := range s.machines() {
			n.Branches = append(n.Branches, b.Graph())
		}
		g.Nodes = append(g.Nodes, n)
		edge := func(to, label string) {
			if to != "" {
				g.Edges = append(g.Edges, Edge{From: name, To: to, Label: label})
			}
		}
		edge(s.Next, "")
		for i, c := range s.Choices {
			edge(c.Next, "Choice "+strconv.Itoa(i+1))
		}
		edge(s.Default, "Default")
		for _, c := range s.Catch {
			label := "Catch"
			for _, e := range c.Errors {
				label += " " + e
			}
			edge(c.Next, label)
		}
	}
	return g
}

// machines returns the branches of a Parallel state or the processor of a Map state.
func (s *State) machines() []*Machine {
	if s.Map != nil && s.Map.Processor != nil {
		return []*Machine{s.Map.Processor}
	}
	return s.Branches
}

// Walk calls f for every state of the machine and of the machines within it.
func (m *Machine) Walk(f func(m *Machine, s *State)) {
	for _, name := range m.Order {
		s := m.States[name]
		f(m, s)
		for _, b := range s.machines() {
			b.Walk(f)
		}
	}
}

// Find returns the state of a name, at any depth. Names are unique in a definition.
func (m *Machine) Find(name string) (in *Machine, s *State) {
	m.Walk(func(x *Machine, y *State) {
		if y.Name == name {
			in, s = x, y
		}
	})
	return in, s
}

// VariableReferences returns, for each state that refers to variables, their names in order of first appearance.
func (m *Machine) VariableReferences() map[string][]string {
	out := map[string][]string{}
	m.Walk(func(_ *Machine, s *State) {
		var names []string
		add := func(n string) {
			for _, x := range names {
				if x == n {
					return
				}
			}
			names = append(names, n)
		}
		s.variables(add)
		if len(names) > 0 {
			out[s.Name] = names
		}
	})
	return out
}

func (s *State) variables(add func(string)) {
	templates := []*Template{s.Parameters, s.ResultSelector, s.Output, s.Assign, s.Credentials}
	paths := []*PathField{s.InputPath, s.OutputPath}
	numbers := []*NumberField{s.Timeout, s.Heartbeat, s.Seconds}
	texts := []*TextField{s.Timestamp, s.Error, s.Cause}
	if m := s.Map; m != nil {
		templates = append(templates, m.Items, m.Selector)
		paths = append(paths, m.ItemsPath)
		numbers = append(numbers, m.MaxConcurrency, m.TolerateCount, m.TolerateShare)
		if m.Reader != nil {
			templates = append(templates, m.Reader.Parameters)
			numbers = append(numbers, m.Reader.MaxItems)
		}
		if m.Batcher != nil {
			templates = append(templates, m.Batcher.Input)
			numbers = append(numbers, m.Batcher.MaxItems, m.Batcher.MaxBytes)
		}
		if m.Writer != nil {
			templates = append(templates, m.Writer.Parameters)
		}
	}
	for _, c := range s.Catch {
		templates = append(templates, c.Output, c.Assign)
	}
	for _, c := range s.Choices {
		testVariables(c.test, add)
		templates = append(templates, c.Output, c.Assign)
	}
	query := func(q *query) {
		if q == nil {
			return
		}
		for _, v := range q.expr.Variables() {
			if v != "states" {
				add(v)
			}
		}
	}
	for _, p := range paths {
		if p != nil && p.expr != nil {
			p.expr.variables(add)
		}
	}
	for _, n := range numbers {
		if n != nil {
			if n.path != nil && n.path.expr != nil {
				n.path.expr.variables(add)
			}
			query(n.query)
		}
	}
	for _, t := range texts {
		if t != nil {
			if t.expr != nil {
				t.expr.variables(add)
			}
			query(t.query)
		}
	}
	for _, t := range templates {
		for _, v := range t.Variables() {
			add(v)
		}
	}
}

func testVariables(t test, add func(string)) {
	switch t := t.(type) {
	case andTest:
		for _, x := range t {
			testVariables(x, add)
		}
	case orTest:
		for _, x := range t {
			testVariables(x, add)
		}
	case notTest:
		testVariables(t.test, add)
	case *compareTest:
		if t.variable != nil {
			t.variable.variables(add)
		}
		if t.valueExp != nil {
			t.valueExp.variables(add)
		}
	case queryTest:
		for _, v := range t.q.expr.Variables() {
			if v != "states" {
				add(v)
			}
		}
	}
}
