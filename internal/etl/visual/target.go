package visual

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

func (n *Node) compression() (string, error) {
	c := strings.ToLower(n.spec.Compression)
	parquet := n.Kind != "S3DirectTarget" || n.spec.Format == "parquet"
	switch {
	case parquet && (c == "" || c == "snappy"):
		return "snappy", nil
	case c == "" || c == "none" || c == "uncompressed":
		return "uncompressed", nil
	case c == "gzip" || c == "zstd" || parquet && (c == "lz4" || c == "brotli"):
		return c, nil
	}
	return "", fmt.Errorf("compression %q is not supported here", n.spec.Compression)
}

// target describes what a target writes; in describes the table of a target in the catalog.
func (n *Node) target(columns []Column, in Input) (Target, error) {
	t := Target{Node: n, Columns: columns, Format: n.spec.Format, Location: n.spec.Path}
	for _, k := range n.spec.PartitionKeys {
		t.Keys = append(t.Keys, k[0])
	}
	if n.Kind == "S3GlueParquetTarget" {
		t.Format = "parquet"
	}
	header := true
	if n.FromCatalog() {
		t.Format, header = in.Format, in.Header
		if len(in.Keys) > 0 {
			t.Keys = nil
			for _, k := range in.Keys {
				t.Keys = append(t.Keys, k.Name)
			}
		}
	}
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[strings.ToLower(c.Name)] {
			return t, invalid("node %s: column %s comes twice: rename one before the join", n.ID, c.Name)
		}
		seen[strings.ToLower(c.Name)] = true
	}
	for _, k := range t.Keys {
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == k }) {
			return t, invalid("node %s: there is no column for partition key %s", n.ID, k)
		}
	}
	if len(t.Keys) == len(columns) {
		return t, invalid("node %s: there are no columns but partition keys", n.ID)
	}
	compression, err := n.compression()
	if err != nil {
		return t, invalid("node %s: %v", n.ID, err)
	}
	t.ext = map[string]string{"gzip": ".gz", "zstd": ".zst"}[compression]
	switch t.Format {
	case "parquet":
		t.ext = "." + compression + ".parquet"
		t.options = []string{"FORMAT parquet", "COMPRESSION " + compression}
	case "json":
		t.options = []string{"FORMAT json", "COMPRESSION " + compression}
	default:
		sep := ","
		if n.FromCatalog() {
			sep = in.Sep
		}
		t.options = []string{"FORMAT csv", "HEADER " + fmt.Sprint(header), "DELIMITER " + value.Literal(sep), "COMPRESSION " + compression}
	}
	items := make([]string, len(columns))
	for i, c := range columns {
		name := value.Quote(c.Name)
		switch {
		case slices.Contains(t.Keys, c.Name):
			items[i] = "coalesce(CAST(" + name + " AS VARCHAR), '__HIVE_DEFAULT_PARTITION__') AS " + name
		case c.Type == zoned:
			items[i] = plainTime(c)
		default:
			items[i] = storable(c)
		}
	}
	t.query = "SELECT " + strings.Join(items, ", ") + " FROM " + view(n.spec.Inputs[0])
	return t, nil
}

// sample is what a Spigot writes: some rows as JSON, ten unless it says how many or how likely each is.
func (n *Node) sample() Target {
	query := "SELECT * FROM " + view(n.spec.Inputs[0])
	if n.spec.Prob > 0 {
		query += fmt.Sprintf(" USING SAMPLE %g PERCENT (bernoulli)", 100*n.spec.Prob)
	}
	rows := n.spec.Topk
	if rows == 0 && n.spec.Prob == 0 {
		rows = 10
	}
	if rows > 0 {
		query = fmt.Sprintf("SELECT * FROM (%s) LIMIT %d", query, rows)
	}
	return Target{Node: n, Format: "json", Location: n.spec.Path, options: []string{"FORMAT json"}, query: query}
}

// Copy returns the statement that writes the target's files into a folder, their names beginning with name.
func (t Target) Copy(dir, name string) string {
	options := slices.Clone(t.options)
	to := filepath.Join(dir, name+t.ext)
	if len(t.Keys) > 0 {
		keys := make([]string, len(t.Keys))
		for i, k := range t.Keys {
			keys[i] = value.Quote(k)
		}
		to = dir
		options = append(options, "PARTITION_BY ("+strings.Join(keys, ", ")+")", "OVERWRITE_OR_IGNORE true", "FILENAME_PATTERN "+value.Literal(name+"-{i}"))
		if ext := strings.TrimPrefix(t.ext, "."); ext != "" {
			options = append(options, "FILE_EXTENSION "+value.Literal(ext))
		}
	}
	return "COPY (" + t.query + ") TO " + value.Literal(to) + " (" + strings.Join(options, ", ") + ")"
}

// UpdatesCatalog says whether the target keeps a table up to date, which one, and whether new columns are added to it.
func (t Target) UpdatesCatalog() (database, table string, addColumns, ok bool) {
	p := t.Node.spec.SchemaChangePolicy
	if p == nil || !p.EnableUpdateCatalog {
		return "", "", false, false
	}
	database, table = p.Database, p.Table
	if t.Node.FromCatalog() {
		database, table = t.Node.Table()
	}
	return database, table, p.UpdateBehavior != "LOG", true
}

// TableColumns returns the columns of the target's table, without its keys, with the types that the catalog uses.
func (t Target) TableColumns() (columns, keys []Column) {
	for _, c := range t.Columns {
		if slices.Contains(t.Keys, c.Name) {
			continue
		}
		columns = append(columns, Column{c.Name, HiveType(c.Type)})
	}
	for _, k := range t.Keys {
		for _, c := range t.Columns {
			if c.Name == k {
				keys = append(keys, Column{k, HiveType(c.Type)})
			}
		}
	}
	return columns, keys
}
