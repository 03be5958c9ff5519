package visual

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

// File is a file of a source as the engine reads it.
type File struct {
	Path string // on this machine
	Key  string // of the object: tells the compression
}

// Input is what the caller has found for a source.
type Input struct {
	Files []File // of a source of files

	// Of a table:
	Columns []Column // types as the catalog names them
	Keys    []Column
	Format  string // csv, json, parquet
	Header  bool
	Sep     string
	Quote   string
	Parts   []Part
}

// Part is a partition of a table; a table that has none is one part without values.
type Part struct {
	Values []string
	Files  []File
}

// Column is a column with its type.
type Column struct{ Name, Type string }

// Probe runs statements and returns the rows of the last one.
type Probe func(statements []string) ([][]any, error)

// Plan is a compiled graph.
type Plan struct {
	Views   []string // statements that come before every target's
	Targets []Target
}

// Target is what one target writes.
type Target struct {
	Node     *Node
	Columns  []Column // types of DuckDB; partition keys are among them
	Keys     []string // partition keys
	Format   string   // csv, json, parquet
	Location string   // s3://…; "" for a table, whose location the caller knows
	ext      string
	options  []string
	query    string
}

// Compile makes the views of all nodes and the queries of the targets. probe is asked for the columns of targets, and for
// the data where a node's columns depend on it (DropNullFields); run for the results of nodes that Python runs.
func (g *Graph) Compile(inputs map[string]Input, probe Probe, run Runner) (*Plan, error) {
	p := &Plan{}
	add := func(name, query string) { p.Views = append(p.Views, "CREATE VIEW "+name+" AS "+query) }
	for _, n := range g.order {
		switch {
		case n.IsTarget():
		case n.IsSource():
			query, err := n.source(inputs[n.ID])
			if err != nil {
				return nil, err
			}
			add(view(n.ID), query)
		case n.IsPython():
			if err := n.python(p, add, probe, run); err != nil {
				return nil, err
			}
		case n.Kind == "SelectFromCollection" && g.nodes[n.spec.Inputs[0]].Kind == "CustomCode":
			in := n.spec.Inputs[0]
			if name := member(in, n.spec.Index); !slices.ContainsFunc(p.Views, func(v string) bool { return strings.HasPrefix(v, "CREATE VIEW "+name+" ") }) {
				return nil, invalid("node %s: the collection of %s has no frame %d", n.ID, in, n.spec.Index)
			}
			add(view(n.ID), "SELECT * FROM "+member(in, n.spec.Index))
		case n.Kind == "DropNullFields":
			query, err := n.dropNulls(p.Views, probe)
			if err != nil {
				return nil, err
			}
			add(view(n.ID), query)
		default:
			views, err := n.transform(func() ([]Column, error) { return describe(p.Views, view(n.spec.Inputs[0]), probe) })
			if err != nil {
				return nil, err
			}
			names := make([]string, 0, len(views))
			for name := range views {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				add(name, views[name])
			}
		}
	}
	for _, n := range g.order {
		if n.Kind == "Spigot" {
			p.Targets = append(p.Targets, n.sample())
		}
	}
	for _, n := range g.Targets() {
		columns, err := describe(p.Views, view(n.spec.Inputs[0]), probe)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.ID, err)
		}
		t, err := n.target(columns, inputs[n.ID])
		if err != nil {
			return nil, err
		}
		p.Targets = append(p.Targets, t)
	}
	return p, nil
}

func describe(views []string, name string, probe Probe) ([]Column, error) {
	rows, err := probe(append(slices.Clone(views), "DESCRIBE SELECT * FROM "+name))
	if err != nil {
		return nil, err
	}
	var columns []Column
	for _, r := range rows {
		columns = append(columns, Column{fmt.Sprint(r[0]), fmt.Sprint(r[1])})
	}
	return columns, nil
}

func fileList(files []File) (list, compression string, err error) {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = value.Literal(f.Path)
		c := "uncompressed"
		switch {
		case strings.HasSuffix(f.Key, ".gz"):
			c = "gzip"
		case strings.HasSuffix(f.Key, ".zst"):
			c = "zstd"
		case strings.HasSuffix(f.Key, ".bz2"):
			return "", "", invalid("%s: files compressed by bzip2 are not supported", f.Key)
		}
		if compression != "" && c != compression {
			return "", "", invalid("%s: a source reads files of one compression only", f.Key)
		}
		compression = c
	}
	return "[" + strings.Join(names, ", ") + "]", compression, nil
}

var separators = map[string]string{"comma": ",", "ctrla": "\x01", "pipe": "|", "semicolon": ";", "tab": "\t"}

var quotes = map[string]string{"quote": `"`, "quillemet": `"`, "single_quote": "'", "disabled": "", "": `"`}

func (n *Node) source(in Input) (string, error) {
	if n.FromCatalog() {
		return in.table()
	}
	if len(in.Files) == 0 {
		return "", invalid("node %s: there are no files under %s", n.ID, strings.Join(n.spec.Paths, ", "))
	}
	list, compression, err := fileList(in.Files)
	if err != nil {
		return "", err
	}
	switch n.Kind {
	case "S3ParquetSource":
		return "SELECT * FROM read_parquet(" + list + ", union_by_name = true, hive_partitioning = false)", nil
	case "S3JsonSource":
		return "SELECT * FROM read_json(" + list + ", format = 'auto', records = true, union_by_name = true, hive_partitioning = false, compression = " + value.Literal(compression) + ")", nil
	}
	sep := separators[n.spec.Separator]
	if sep == "" {
		sep = ","
	}
	options := "delim = " + value.Literal(sep) + ", quote = " + value.Literal(quotes[n.spec.QuoteChar]) + ", header = " + strconv.FormatBool(n.spec.WithHeader) +
		", all_varchar = true, null_padding = true, hive_partitioning = false, compression = " + value.Literal(compression)
	if n.spec.SkipFirst {
		options += ", skip = 1"
	}
	if esc := strings.Trim(n.spec.Escaper, `"`); esc != "" {
		options += ", escape = " + value.Literal(esc)
	}
	columns := "*"
	if !n.spec.WithHeader { // Glue counts columns from col0
		columns = `COLUMNS('column0*(\d+)') AS 'col\1'`
	}
	return "SELECT " + columns + " FROM read_csv(" + list + ", " + options + ")", nil
}

// table is the query of a catalog's table.
func (in Input) table() (string, error) {
	var selects []string
	items := make([]string, len(in.Columns))
	for i, c := range in.Columns {
		t, err := duckType(c.Type)
		if err != nil {
			return "", fmt.Errorf("column %s: %w", c.Name, err)
		}
		items[i] = "TRY_CAST(" + value.Quote(c.Name) + " AS " + t + ") AS " + value.Quote(c.Name)
	}
	keyed := func(values []string) (string, error) {
		all := slices.Clone(items)
		for i, k := range in.Keys {
			t, err := duckType(k.Type)
			if err != nil {
				return "", fmt.Errorf("partition key %s: %w", k.Name, err)
			}
			v := "NULL"
			if values != nil {
				v = value.Literal(values[i])
			}
			all = append(all, "CAST("+v+" AS "+t+") AS "+value.Quote(k.Name))
		}
		return strings.Join(all, ", "), nil
	}
	for _, p := range in.Parts {
		if len(p.Files) == 0 {
			continue
		}
		list, compression, err := fileList(p.Files)
		if err != nil {
			return "", err
		}
		what, err := keyed(p.Values)
		if err != nil {
			return "", err
		}
		var from string
		switch in.Format {
		case "parquet":
			from = "read_parquet(" + list + ", union_by_name = true, hive_partitioning = false)"
		case "json":
			from = "read_json(" + list + ", format = 'auto', columns = {" + in.structure(true) + "}, compression = " + value.Literal(compression) + ")"
		default:
			skip := "0"
			if in.Header {
				skip = "1"
			}
			from = "read_csv(" + list + ", auto_detect = false, header = false, skip = " + skip + ", null_padding = true, strict_mode = false, delim = " + value.Literal(in.Sep) +
				", quote = " + value.Literal(in.Quote) + ", columns = {" + in.structure(false) + "}, hive_partitioning = false, compression = " + value.Literal(compression) + ")"
		}
		selects = append(selects, "SELECT "+what+" FROM "+from)
	}
	if len(selects) == 0 {
		nothing := make([]string, len(in.Columns))
		for i, c := range in.Columns {
			t, err := duckType(c.Type)
			if err != nil {
				return "", err
			}
			nothing[i] = "CAST(NULL AS " + t + ") AS " + value.Quote(c.Name)
		}
		items = nothing
		what, err := keyed(nil)
		return "SELECT " + what + " WHERE false", err
	}
	return strings.Join(selects, " UNION ALL "), nil
}

func (in Input) structure(typed bool) string {
	fields := make([]string, len(in.Columns))
	for i, c := range in.Columns {
		t := "VARCHAR"
		if typed {
			if d, err := duckType(c.Type); err == nil {
				t = d
			}
		}
		fields[i] = value.Literal(c.Name) + ": " + value.Literal(t)
	}
	return strings.Join(fields, ", ")
}

// dropNulls leaves out the columns that hold nothing but NULL, or what the node counts as NULL.
func (n *Node) dropNulls(views []string, probe Probe) (string, error) {
	in := view(n.spec.Inputs[0])
	columns, err := describe(views, in, probe)
	if err != nil {
		return "", fmt.Errorf("node %s: %w", n.ID, err)
	}
	var tests, names []string
	for _, c := range columns {
		name := value.Quote(c.Name)
		text := "CAST(" + name + " AS VARCHAR)"
		test := name + " IS NULL"
		if b := n.spec.NullCheckBoxList; b != nil {
			if b.IsEmpty {
				test += " OR " + text + " = ''"
			}
			if b.IsNullString {
				test += " OR lower(" + text + ") = 'null'"
			}
			if b.IsNegOne {
				test += " OR " + text + " = '-1'"
			}
		}
		for _, v := range n.spec.NullTextList {
			test += " OR " + text + " = " + value.Literal(v.Value)
		}
		tests = append(tests, "coalesce(bool_and("+test+"), true)")
		names = append(names, name)
	}
	rows, err := probe(append(slices.Clone(views), "SELECT "+strings.Join(tests, ", ")+" FROM "+in))
	if err != nil {
		return "", fmt.Errorf("node %s: %w", n.ID, err)
	}
	var kept []string
	for i, empty := range rows[0] {
		if empty != true {
			kept = append(kept, names[i])
		}
	}
	if len(kept) == 0 {
		return "", invalid("node %s: all columns hold nothing but NULL", n.ID)
	}
	return "SELECT " + strings.Join(kept, ", ") + " FROM " + in, nil
}

func decode(data json.RawMessage, into any) error {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	return json.Unmarshal(data, into)
}
