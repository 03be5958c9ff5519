// Package visual compiles the graph of a visual job (Glue's CodeGenConfigurationNodes) to SQL for DuckDB: one view per node,
// in the order of the edges, and one query per target. It is pure: files, tables and the engine are the caller's.
//
//	V1  What a node says and the compiler does not do is refused by name, when the job is made (Parse).
//	V2  No text of a user reaches SQL but as a quoted name or a literal.
package visual

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrInvalid reports a graph that cannot run.
var ErrInvalid = errors.New("invalid graph of nodes")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Node is one node of a graph.
type Node struct {
	ID   string // key in CodeGenConfigurationNodes
	Kind string // S3CsvSource, ApplyMapping …
	Name string
	spec spec
}

// spec holds the members of every kind that is compiled.
type spec struct {
	Name   string
	Inputs []string

	// Sources and targets.
	Paths              []string
	Path               string
	Recurse            *bool
	Exclusions         []string
	CompressionType    string
	Separator          string
	Escaper            string
	QuoteChar          string
	WithHeader         bool
	SkipFirst          bool
	Multiline          bool
	JsonPath           string
	Database, Table    string
	PartitionPredicate string
	PartitionKeys      [][]string
	Compression        string
	Format             string
	SchemaChangePolicy *struct {
		EnableUpdateCatalog bool
		UpdateBehavior      string
		Database, Table     string
	}

	// Transforms. Path lists of SelectFields, DropFields, SplitFields share a name with those of sources.
	Mapping          []mapping
	FieldPaths       [][]string
	SourcePath       []string
	TargetPath       []string
	LogicalOperator  string
	Filters          []filter
	GroupFiltersList []groupFilters
	JoinType         string
	Columns          json.RawMessage
	UnionType        string
	Source           string
	PrimaryKeys      [][]string
	Groups           [][]string
	Aggs             []aggregate
	NullCheckBoxList *struct{ IsEmpty, IsNullString, IsNegOne bool }
	NullTextList     []struct{ Value string }
	Index            int
	Topk             int
	Prob             float64

	// Nodes that Python runs.
	Code, ClassName string
	SqlQuery        string
	SqlAliases      []sqlAlias
	FunctionName    string
	Parameters      []parameter
}

type mapping struct {
	ToKey, FromType, ToType string
	FromPath                []string
	Dropped                 bool
	Children                []mapping
}

type filter struct {
	Operation string
	Negated   bool
	Values    []struct {
		Type  string
		Value []string
	}
}

type groupFilters struct {
	GroupName, LogicalOperator string
	Filters                    []filter
}

type aggregate struct {
	Column  []string
	AggFunc string
}

// Graph is a graph that can be compiled.
type Graph struct {
	nodes map[string]*Node
	order []*Node // inputs before what reads them
}

// Kinds are the kinds of nodes that are compiled.
var Kinds = []string{
	"Aggregate", "ApplyMapping", "CatalogSource", "CatalogTarget", "CustomCode", "DropDuplicates", "DropFields", "DropNullFields", "DynamicTransform", "Filter",
	"Join", "Merge", "RenameField", "Route", "S3CatalogSource", "S3CatalogTarget", "S3CsvSource", "S3DirectTarget", "S3GlueParquetTarget", "S3JsonSource",
	"S3ParquetSource", "SelectFields", "SelectFromCollection", "SparkSQL", "Spigot", "SplitFields", "Union",
}

// Parse reads the JSON of CodeGenConfigurationNodes, id → kind → members. Errors: ErrInvalid.
func Parse(data []byte) (*Graph, error) {
	var raw map[string]map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, invalid("%v", err)
	}
	g := &Graph{nodes: map[string]*Node{}}
	for id, kinds := range raw {
		n := &Node{ID: id}
		for kind, members := range kinds {
			if string(members) == "null" {
				continue
			}
			if n.Kind != "" {
				return nil, invalid("node %s is both %s and %s", id, n.Kind, kind)
			}
			n.Kind = kind
			if !slices.Contains(Kinds, kind) {
				return nil, invalid("node %s: nodes of the kind %s are not supported in visual jobs", id, kind)
			}
			if slices.Contains([]string{"SelectFields", "DropFields", "SplitFields"}, kind) {
				members = []byte(strings.Replace(string(members), `"Paths"`, `"FieldPaths"`, 1))
			}
			if err := n.known(members); err != nil {
				return nil, err
			}
			if err := json.Unmarshal(members, &n.spec); err != nil {
				return nil, invalid("node %s: %v", id, err)
			}
			n.Name = n.spec.Name
		}
		if n.Kind == "" {
			return nil, invalid("node %s is of no kind", id)
		}
		g.nodes[id] = n
	}
	if err := g.sort(); err != nil {
		return nil, err
	}
	for _, n := range g.order {
		if err := g.check(n); err != nil {
			return nil, err
		}
	}
	if len(g.Targets()) == 0 {
		return nil, invalid("there is no target")
	}
	return g, nil
}

func (g *Graph) sort() error {
	ids := make([]string, 0, len(g.nodes))
	for id := range g.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(id, from string) error
	visit = func(id, from string) error {
		n := g.nodes[id]
		switch {
		case n == nil:
			return invalid("node %s: its input %s does not exist", from, id)
		case state[id] == open:
			return invalid("node %s reads itself", id)
		case state[id] == done:
			return nil
		}
		state[id] = open
		for _, in := range n.spec.Inputs {
			if err := visit(in, id); err != nil {
				return err
			}
		}
		state[id] = done
		g.order = append(g.order, n)
		return nil
	}
	for _, id := range ids {
		if err := visit(id, ""); err != nil {
			return err
		}
	}
	return nil
}

// Targets returns the nodes that write, in the order of their ids.
func (g *Graph) Targets() []*Node {
	var list []*Node
	for _, n := range g.order {
		if n.IsTarget() {
			list = append(list, n)
		}
	}
	return list
}

// Sources returns the nodes that read from outside.
func (g *Graph) Sources() []*Node {
	var list []*Node
	for _, n := range g.order {
		if n.IsSource() {
			list = append(list, n)
		}
	}
	return list
}

// IsSource reports whether a node reads from outside.
func (n *Node) IsSource() bool { return strings.HasSuffix(n.Kind, "Source") }

// IsTarget reports whether a node writes.
func (n *Node) IsTarget() bool { return strings.HasSuffix(n.Kind, "Target") }

// FromCatalog reports whether a source or target is a table.
func (n *Node) FromCatalog() bool { return strings.Contains(n.Kind, "Catalog") }

// Table returns the table of a catalog's source or target.
func (n *Node) Table() (database, table string) { return n.spec.Database, n.spec.Table }

// Predicate returns the expression that selects partitions of a source.
func (n *Node) Predicate() string { return n.spec.PartitionPredicate }

// Paths returns where a source of files reads.
func (n *Node) Paths() []string { return n.spec.Paths }

// Excludes reports whether a source leaves a file out, by its key below the path.
func (n *Node) Excludes(rel string) bool {
	if n.spec.Recurse != nil && !*n.spec.Recurse && strings.Contains(rel, "/") {
		return true
	}
	for _, pattern := range n.spec.Exclusions {
		if glob(pattern, rel) {
			return true
		}
	}
	return false
}
