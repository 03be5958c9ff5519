package asl

import (
	"fmt"
	"strings"
)

// Mermaid returns the graph as a flowchart of Mermaid. Branches and processors are subgraphs. class gives the class of a
// state, for its style; nil or "" = none.
func (g Graph) Mermaid(class func(state string) string) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	m := mermaid{out: &b, ids: map[string]string{}, class: class}
	m.graph(g, "  ")
	return b.String()
}

type mermaid struct {
	out   *strings.Builder
	ids   map[string]string // of states, by name: names are unique in a definition
	class func(string) string
	ends  int
}

func (m *mermaid) id(state string) string {
	if m.ids[state] == "" {
		m.ids[state] = fmt.Sprint("s", len(m.ids)+1)
	}
	return m.ids[state]
}

func (m *mermaid) graph(g Graph, indent string) {
	m.ends++
	start := fmt.Sprint("start", m.ends)
	fmt.Fprintf(m.out, "%s%s(( )) --> %s\n", indent, start, m.id(g.StartAt))
	for _, n := range g.Nodes {
		m.node(n, indent)
	}
	for _, e := range g.Edges {
		label := ""
		if e.Label != "" {
			label = "|" + quoteMermaid(e.Label) + "|"
		}
		fmt.Fprintf(m.out, "%s%s -->%s %s\n", indent, m.id(e.From), label, m.id(e.To))
	}
}

func (m *mermaid) node(n Node, indent string) {
	left, right := "[", "]"
	switch n.Kind {
	case Choice:
		left, right = "{", "}"
	case Succeed, Fail:
		left, right = "([", "])"
	case Wait:
		left, right = "[/", "/]"
	}
	label := n.Name + "\n" + n.Kind.String()
	if n.Resource != "" {
		label += "\n" + n.Resource[strings.LastIndexByte(n.Resource, ':')+1:]
	}
	class := ""
	if m.class != nil {
		if c := m.class(n.Name); c != "" {
			class = ":::" + c
		}
	}
	fmt.Fprintf(m.out, "%s%s%s%s%s%s\n", indent, m.id(n.Name), left, quoteMermaid(label), right, class)
	for i, b := range n.Branches {
		sub := fmt.Sprintf("%sb%d", m.id(n.Name), i+1)
		title := n.Name
		if len(n.Branches) > 1 {
			title += fmt.Sprintf(", branch %d", i+1)
		}
		fmt.Fprintf(m.out, "%ssubgraph %s [%s]\n", indent, sub, quoteMermaid(title))
		m.graph(b, indent+"  ")
		fmt.Fprintf(m.out, "%send\n%s%s -.-> %s\n", indent, indent, m.id(n.Name), sub)
	}
}

// quoteMermaid makes text safe as a label: quotes and the characters of markup are written as entities.
func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "#", "#35;", "\n", "<br/>").Replace(s) + `"`
}
