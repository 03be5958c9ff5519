package visual

import (
	"encoding/json"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
)

// inputs says how many inputs a kind has; those that are absent have one.
var inputs = map[string]int{
	"CatalogSource": 0, "S3CatalogSource": 0, "S3CsvSource": 0, "S3JsonSource": 0, "S3ParquetSource": 0, "Join": 2, "Union": 2, "Merge": 2,
}

func (g *Graph) check(n *Node) error {
	s := &n.spec
	want, listed := inputs[n.Kind]
	if !listed {
		want = 1
	}
	if many := n.Kind == "CustomCode" || n.Kind == "SparkSQL"; many && len(s.Inputs) == 0 {
		return invalid("node %s has no input", n.ID)
	} else if !many && len(s.Inputs) != want {
		return invalid("node %s has %d inputs: a node of the kind %s has %d", n.ID, len(s.Inputs), n.Kind, want)
	}
	for _, in := range s.Inputs {
		collection := g.nodes[in].Kind == "Route" || g.nodes[in].Kind == "SplitFields" || g.nodes[in].Kind == "CustomCode"
		if collection != (n.Kind == "SelectFromCollection") {
			return invalid("node %s reads %s: only SelectFromCollection reads a collection, and it reads nothing else", n.ID, in)
		}
		if g.nodes[in].IsTarget() {
			return invalid("node %s reads the target %s", n.ID, in)
		}
	}
	for _, p := range s.FieldPaths {
		if len(p) == 0 {
			return invalid("node %s: a field has no name", n.ID)
		}
	}
	for _, paths := range [][][]string{s.PrimaryKeys, s.Groups, s.PartitionKeys} {
		for _, p := range paths {
			if len(p) != 1 {
				return invalid("node %s: field %s: fields inside others are not supported in %s", n.ID, strings.Join(p, "."), n.Kind)
			}
		}
	}
	filters := s.Filters
	for _, group := range s.GroupFiltersList {
		filters = append(filters, group.Filters...)
	}
	for _, f := range filters {
		if _, err := f.sql(); err != nil {
			return invalid("node %s: %v", n.ID, err)
		}
	}
	switch n.Kind {
	case "CustomCode", "SparkSQL", "DynamicTransform":
		return g.checkPython(n)
	case "S3CsvSource", "S3JsonSource", "S3ParquetSource":
		if len(s.Paths) == 0 {
			return invalid("node %s has no path", n.ID)
		}
		if strings.EqualFold(s.CompressionType, "bzip2") {
			return invalid("node %s: files compressed by bzip2 are not supported", n.ID)
		}
		if s.SkipFirst && s.WithHeader {
			return invalid("node %s: SkipFirst of files with a header is not supported", n.ID)
		}
		if s.JsonPath != "" && s.JsonPath != "$" && s.JsonPath != "$[*]" {
			return invalid("node %s: JsonPath %q: want $ or $[*]", n.ID, s.JsonPath)
		}
		for _, p := range s.Exclusions {
			if _, err := path.Match(p, ""); err != nil {
				return invalid("node %s: exclusion %q is no pattern", n.ID, p)
			}
		}
	case "Spigot":
		if !strings.HasPrefix(s.Path, "s3://") {
			return invalid("node %s: path %q: want s3://BUCKET/PREFIX", n.ID, s.Path)
		}
		if s.Topk < 0 || s.Prob < 0 || s.Prob > 1 {
			return invalid("node %s: %d rows with probability %g", n.ID, s.Topk, s.Prob)
		}
	case "S3DirectTarget":
		if s.Format != "csv" && s.Format != "json" && s.Format != "parquet" {
			return invalid("node %s: format %q is not supported: want csv, json or parquet", n.ID, s.Format)
		}
		fallthrough
	case "S3GlueParquetTarget":
		if !strings.HasPrefix(s.Path, "s3://") {
			return invalid("node %s: path %q: want s3://BUCKET/PREFIX", n.ID, s.Path)
		}
		if _, err := n.compression(); err != nil {
			return invalid("node %s: %v", n.ID, err)
		}
	case "Join":
		if _, ok := joins[s.JoinType]; !ok {
			return invalid("node %s: join type %q", n.ID, s.JoinType)
		}
		if _, err := s.joinKeys(); err != nil {
			return invalid("node %s: %v", n.ID, err)
		}
	case "Aggregate":
		for _, a := range s.Aggs {
			if _, ok := aggregates[a.AggFunc]; !ok || len(a.Column) != 1 {
				return invalid("node %s: aggregate %s of %v", n.ID, a.AggFunc, a.Column)
			}
		}
	case "SelectFields", "DropFields", "SplitFields":
		if len(s.FieldPaths) == 0 {
			return invalid("node %s names no field", n.ID)
		}
	case "RenameField":
		from, to := s.SourcePath, s.TargetPath
		if len(from) == 0 || len(to) == 0 || len(to) > 1 && (len(to) != len(from) || !slices.EqualFunc(from[:len(from)-1], to[:len(to)-1], strings.EqualFold)) {
			return invalid("node %s: a field is renamed within its structure, or becomes a column: not %s to %s", n.ID, strings.Join(from, "."), strings.Join(to, "."))
		}
	case "ApplyMapping":
		return n.checkMapping(s.Mapping)
	case "Merge":
		if s.Source != s.Inputs[0] && s.Source != s.Inputs[1] {
			return invalid("node %s: source %s is none of its inputs", n.ID, s.Source)
		}
	case "SelectFromCollection":
		in := g.nodes[s.Inputs[0]]
		if n := len(in.spec.GroupFiltersList) + 1; in.Kind == "Route" && s.Index >= n || in.Kind == "SplitFields" && s.Index > 1 {
			return invalid("index %d is outside of the collection %s", s.Index, in.ID)
		}
	}
	return nil
}

// checkMapping refuses mappings to types that do not exist, and into lists of structures.
func (n *Node) checkMapping(list []mapping) error {
	if !slices.ContainsFunc(list, func(m mapping) bool { return !m.Dropped }) {
		return invalid("node %s maps no field", n.ID)
	}
	for _, m := range list {
		if m.Dropped {
			continue
		}
		if len(m.Children) > 0 {
			if kind := strings.ToLower(m.FromType); kind != "" && !strings.HasPrefix(kind, "struct") {
				return invalid("node %s: field %s: children of a field of type %s are not supported", n.ID, m.ToKey, m.FromType)
			}
			if err := n.checkMapping(m.Children); err != nil {
				return err
			}
		} else if _, err := duckType(m.ToType); err != nil {
			return invalid("node %s: field %s: %v", n.ID, m.ToKey, err)
		}
	}
	return nil
}

// hints are members that change how a node is carried out or drawn, not what it gives.
var hints = []string{
	"OutputSchemas", "MaxBand", "MaxFilesInBand", "GroupSize", "GroupFiles", "OptimizePerformance", "WriteHeader", "NumberTargetPartitions", "TransformName", "Version",
}

// known refuses members that say something and are not understood.
func (n *Node) known(members json.RawMessage) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(members, &all); err != nil {
		return invalid("node %s: %v", n.ID, err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, ok := reflect.TypeFor[spec]().FieldByName(name); ok || slices.Contains(hints, name) || empty(all[name]) {
			continue
		}
		return invalid("node %s: %s is not supported in nodes of the kind %s", n.ID, name, n.Kind)
	}
	return nil
}

// empty reports whether a value of JSON says nothing: null, false, 0, "" or only such values.
func empty(raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, x := range v {
			if raw, err := json.Marshal(x); err != nil || !empty(raw) {
				return false
			}
		}
		return true
	}
	return false
}

// joinKeys returns the keys of both sides, as [][]path.
func (s *spec) joinKeys() ([2][]string, error) {
	var columns []struct {
		From string
		Keys [][]string
	}
	var keys [2][]string
	if err := json.Unmarshal(s.Columns, &columns); err != nil || len(columns) != 2 {
		return keys, invalid("columns of a join: want those of two inputs")
	}
	for _, c := range columns {
		side := 0
		if c.From == s.Inputs[1] {
			side = 1
		} else if c.From != s.Inputs[0] {
			return keys, invalid("join column from %s, which is no input", c.From)
		}
		for _, k := range c.Keys {
			if len(k) != 1 {
				return keys, invalid("join key %s: fields inside others are not supported", strings.Join(k, "."))
			}
			keys[side] = append(keys[side], k[0])
		}
	}
	if len(keys[0]) == 0 || len(keys[0]) != len(keys[1]) {
		return keys, invalid("a join needs as many keys on both sides, not %d and %d", len(keys[0]), len(keys[1]))
	}
	return keys, nil
}

// glob matches a key against an exclusion; ** stands for any number of folders.
func glob(pattern, key string) bool {
	if before, after, found := strings.Cut(pattern, "**"); found {
		return strings.HasPrefix(key, before) && (after == "" || strings.HasSuffix(key, strings.TrimPrefix(after, "/")))
	}
	ok, err := path.Match(pattern, key)
	return ok && err == nil
}
