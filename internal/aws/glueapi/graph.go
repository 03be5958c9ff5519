package glueapi

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/tarn-data/tarn/internal/etl"
)

// graph is a workflow as nodes and edges. The ids of nodes are the same in every run of a workflow.
type graph struct {
	out   *WorkflowGraph
	index map[string]int // id → position among the nodes
}

func nodeID(workflow string, kind NodeType, name string) string {
	sum := sha256.Sum256([]byte(workflow + "\x00" + string(kind) + "\x00" + name))
	return "wnode_" + hex.EncodeToString(sum[:])
}

func actionID(workflow string, a etl.Action) string {
	if a.Crawler != "" {
		return nodeID(workflow, NodeType_CRAWLER, a.Crawler)
	}
	return nodeID(workflow, NodeType_JOB, a.Job)
}

// graphOf draws an edge from each trigger to what it starts, and from what it waits for to the trigger.
func graphOf(workflow string, triggers []etl.FlowTrigger) *graph {
	g := &graph{out: &WorkflowGraph{Nodes: []Node{}, Edges: []Edge{}}, index: map[string]int{}}
	for _, t := range triggers {
		id := nodeID(workflow, NodeType_TRIGGER, t.Name)
		g.add(id, Node{Type: new(NodeType_TRIGGER), Name: &t.Name, TriggerDetails: &TriggerNodeDetails{Trigger: triggerOut(t.Trigger)}})
		for _, a := range t.Actions {
			g.edge(id, g.action(workflow, a))
		}
		for _, c := range t.Conditions {
			g.edge(g.action(workflow, etl.Action{Job: c.Job, Crawler: c.Crawler}), id)
		}
	}
	return g
}

func (g *graph) add(id string, n Node) {
	if _, ok := g.index[id]; ok {
		return
	}
	n.UniqueId = &id
	g.index[id] = len(g.out.Nodes)
	g.out.Nodes = append(g.out.Nodes, n)
}

func (g *graph) action(workflow string, a etl.Action) string {
	id := actionID(workflow, a)
	if a.Crawler != "" {
		g.add(id, Node{Type: new(NodeType_CRAWLER), Name: &a.Crawler, CrawlerDetails: &CrawlerNodeDetails{Crawls: []Crawl{}}})
	} else {
		g.add(id, Node{Type: new(NodeType_JOB), Name: &a.Job, JobDetails: &JobNodeDetails{JobRuns: []JobRun{}}})
	}
	return id
}

func (g *graph) edge(from, to string) {
	for _, e := range g.out.Edges {
		if *e.SourceId == from && *e.DestinationId == to {
			return
		}
	}
	g.out.Edges = append(g.out.Edges, Edge{SourceId: &from, DestinationId: &to})
}

// node returns the node with an id, nil if there is none.
func (g *graph) node(id string) *Node {
	i, ok := g.index[id]
	if !ok {
		return nil
	}
	return &g.out.Nodes[i]
}

// actions counts the jobs and crawlers.
func (g *graph) actions() (n int) {
	for _, node := range g.out.Nodes {
		if *node.Type != NodeType_TRIGGER {
			n++
		}
	}
	return n
}
