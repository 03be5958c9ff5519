package visual

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

// pythonKinds are the kinds of nodes that a script engine runs, not SQL.
var pythonKinds = []string{"CustomCode", "DynamicTransform", "SparkSQL"}

// IsPython reports whether a script engine runs the node.
func (n *Node) IsPython() bool { return slices.Contains(pythonKinds, n.Kind) }

// CodePath returns where the code of a DynamicTransform is, s3://BUCKET/KEY; "" for the other kinds.
func (n *Node) CodePath() string {
	if n.Kind == "DynamicTransform" {
		return n.spec.Path
	}
	return ""
}

// Exchange is how a node that Python runs gets its inputs and hands back its results.
type Exchange struct {
	Node   *Node
	Copies []string // the queries whose results are the inputs, in the order of the node's inputs
}

// Runner runs a node by a script engine and returns the Parquet files of its results: one list for each frame. views are the
// statements that come before the node's queries.
type Runner func(views []string, x Exchange) ([][]File, error)

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

type sqlAlias struct{ From, Alias string }

type parameter struct {
	Name, Type, ListType string
	Value                []string
}

func (g *Graph) checkPython(n *Node) error {
	s := &n.spec
	switch n.Kind {
	case "CustomCode":
		if strings.TrimSpace(s.Code) == "" || !identifier.MatchString(s.ClassName) {
			return invalid("node %s: want Code and the name of its function in ClassName, not %q", n.ID, s.ClassName)
		}
	case "SparkSQL":
		if strings.TrimSpace(s.SqlQuery) == "" {
			return invalid("node %s has no query", n.ID)
		}
		for _, a := range s.SqlAliases {
			if !slices.Contains(s.Inputs, a.From) || !identifier.MatchString(a.Alias) {
				return invalid("node %s: alias %q of %q, which must be an input of the node", n.ID, a.Alias, a.From)
			}
		}
	case "DynamicTransform":
		if !strings.HasPrefix(s.Path, "s3://") || !identifier.MatchString(s.FunctionName) {
			return invalid("node %s: want Path as s3://BUCKET/KEY and FunctionName, not %q and %q", n.ID, s.Path, s.FunctionName)
		}
		for _, p := range s.Parameters {
			if _, err := p.python(); err != nil {
				return invalid("node %s: %v", n.ID, err)
			}
		}
	}
	return nil
}

// prelude is the first line of every script. User code begins on the next one.
const prelude = "import sys; from awsglue.transforms import *; from awsglue.context import GlueContext; from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection; " +
	"from pyspark.context import SparkContext; from pyspark.sql import functions as SqlFuncs; from tarn_job import nodes as tarn_nodes; " +
	"glueContext = tarn_nodes.context(); spark = glueContext.spark_session\n"

// Script returns the program of a node that Python runs: files are those of its inputs, out is the folder of its results, code
// what a DynamicTransform's path names. User code begins after before lines.
func (n *Node) Script(files []string, out, code string) (text string, before int) {
	s := &n.spec
	pairs := make([][2]string, len(files))
	for i, f := range files {
		pairs[i] = [2]string{s.Inputs[i], f}
	}
	switch n.Kind {
	case "CustomCode":
		code, before = s.Code, 1
		if !regexp.MustCompile(`(?m)^def\s+` + s.ClassName + `\b`).MatchString(code) { // the body only
			code, before = "def "+s.ClassName+"(glueContext, dfc):\n"+indent(code), 2
		}
		return prelude + code + fmt.Sprintf("\ntarn_nodes.custom(glueContext, %s, %s, %s)\n", s.ClassName, literal(pairs), literal(out)), before
	case "SparkSQL":
		for i := range pairs {
			for _, a := range s.SqlAliases {
				if a.From == s.Inputs[i] {
					pairs[i][0] = a.Alias
				}
			}
		}
		return prelude + fmt.Sprintf("tarn_nodes.views(glueContext, %s)\nframe = spark.sql(%s)\ntarn_nodes.write(frame, %s)\n", literal(pairs), literal(s.SqlQuery), literal(out+"/0")), 0
	}
	var arguments []string
	for _, p := range s.Parameters {
		if v, err := p.python(); err == nil && v != "" { // checked when the job was made
			arguments = append(arguments, literal(p.Name)+": "+v)
		}
	}
	return prelude + code + fmt.Sprintf("\ntarn_nodes.dynamic(glueContext, %s, %s, {%s}, %s)\n", s.FunctionName, literal(files[0]), strings.Join(arguments, ", "), literal(out)), 1
}

func indent(code string) string {
	lines := strings.Split(code, "\n")
	for i, l := range lines {
		lines[i] = "    " + l
	}
	// A body that is indented already stays as it is: Python wants one depth only.
	if first := strings.TrimLeft(code, "\n"); strings.HasPrefix(first, " ") || strings.HasPrefix(first, "\t") {
		return code
	}
	return strings.Join(lines, "\n")
}

// literal writes texts and lists of texts as Python: JSON's form of them is Python's as well.
func literal(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: encode texts: " + err.Error())
	}
	return string(data)
}

// python returns a parameter's value as a literal, "" if it has none.
func (p parameter) python() (string, error) {
	one := func(kind, v string) (string, error) {
		switch kind {
		case "str", "":
			return literal(v), nil
		case "int", "float", "complex":
			return kind + "(" + literal(v) + ")", nil
		case "bool":
			if b, ok := map[string]string{"true": "True", "false": "False"}[strings.ToLower(v)]; ok {
				return b, nil
			}
			return "", fmt.Errorf("parameter %s: %q is no boolean", p.Name, v)
		case "null":
			return "None", nil
		}
		return "", fmt.Errorf("parameter %s: type %s", p.Name, kind)
	}
	if p.Type == "list" {
		items := make([]string, len(p.Value))
		for i, v := range p.Value {
			var err error
			if items[i], err = one(p.ListType, v); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(items, ", ") + "]", nil
	}
	if len(p.Value) == 0 {
		return "", nil
	}
	return one(p.Type, p.Value[0])
}

// python runs a node by the script engine and adds the views of its results.
func (n *Node) python(p *Plan, add func(name, query string), probe Probe, run Runner) error {
	x := Exchange{Node: n}
	for _, in := range n.spec.Inputs {
		columns, err := describe(p.Views, view(in), probe)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.ID, err)
		}
		items := make([]string, len(columns))
		for i, c := range columns {
			items[i] = forSpark(c)
		}
		x.Copies = append(x.Copies, "SELECT "+strings.Join(items, ", ")+" FROM "+view(in))
	}
	frames, err := run(p.Views, x)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.ID, err)
	}
	for i, files := range frames {
		list, _, err := fileList(files)
		if err != nil {
			return err
		}
		from := "read_parquet(" + list + ", union_by_name = true, hive_partitioning = false)"
		columns, err := describe(p.Views, from, probe)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.ID, err)
		}
		items := make([]string, len(columns))
		for i, c := range columns {
			items[i] = plainTime(c)
		}
		name := member(n.ID, i)
		if n.Kind != "CustomCode" {
			name = view(n.ID)
		}
		add(name, "SELECT "+strings.Join(items, ", ")+" FROM "+from)
	}
	return nil
}

const zoned = "TIMESTAMP WITH TIME ZONE"

// plainTime is a column as it is; Spark's timestamps, which are points in time, become those of UTC.
func plainTime(c Column) string {
	name := value.Quote(c.Name)
	if c.Type == zoned {
		return "timezone('UTC', " + name + ") AS " + name
	}
	return name
}

// forSpark is a column with a type that Spark reads from Parquet as Glue would have it.
func forSpark(c Column) string {
	if name := value.Quote(c.Name); c.Type == "TIMESTAMP" {
		return "timezone('UTC', " + name + ") AS " + name
	}
	return storable(c)
}

// storable is a column with a type that files have.
func storable(c Column) string {
	name := value.Quote(c.Name)
	switch c.Type {
	case "HUGEINT", "UHUGEINT", "UBIGINT": // sums of integers are bigint in Spark
		return "CAST(" + name + " AS BIGINT) AS " + name
	case `"NULL"`, "JSON", "UUID", "TIME":
		return "CAST(" + name + " AS VARCHAR) AS " + name
	}
	return name
}
