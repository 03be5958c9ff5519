package crawl

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/tabular"
)

// folder is a node of the tree of keys under a target.
type folder struct {
	name    string // last part of the path, without slash
	path    string // key prefix, with a slash at the end unless it is the bucket's root
	files   []File
	folders []*folder         // by name
	schema  *found            // of the files directly inside; nil where there are none or none can be read
	mixed   bool              // the files directly inside are not alike
	byFile  map[string]*found // schemas of the files directly inside that were looked at
}

// buildTree sorts files, which are in the order of their keys, into folders below prefix.
func buildTree(prefix string, files []File) *folder {
	root := &folder{path: prefix, name: lastPart(prefix)}
	for _, f := range files {
		at := root
		rest := strings.TrimPrefix(f.Key, prefix)
		for {
			dir, below, ok := strings.Cut(rest, "/")
			if !ok {
				break
			}
			n := len(at.folders)
			if n == 0 || at.folders[n-1].name != dir {
				at.folders = append(at.folders, &folder{name: dir, path: at.path + dir + "/"})
				n++
			}
			at, rest = at.folders[n-1], below
		}
		at.files = append(at.files, f)
	}
	return root
}

func lastPart(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// table is a folder, or a single file, that is a table.
type table struct {
	name       string
	database   string // of a catalog target, whose name is exact; "" = the crawler's
	bucket     string
	path       string // key prefix or key
	schema     *found // merged over all its files
	keys       []string
	partitions []part
	files      []File // all of them
}

// part is a partition of a table.
type part struct {
	values []string
	path   string
	schema *found
	files  []File
}

// group turns a tree into tables. level, if not 0, is how deep below the root the tables are.
func group(bucket string, root *folder, level int, combine bool) []table {
	if level > 0 {
		var out []table
		var walk func(*folder, int)
		walk = func(f *folder, depth int) {
			if depth == level {
				if t, ok := asTable(bucket, f, true); ok {
					out = append(out, t)
				}
				return
			}
			for _, sub := range f.folders {
				walk(sub, depth+1)
			}
		}
		walk(root, 0)
		return out
	}
	if t, ok := asTable(bucket, root, combine); ok {
		return []table{t}
	}
	var out []table
	for _, sub := range root.folders {
		out = append(out, group(bucket, sub, 0, combine)...)
	}
	switch {
	case root.mixed: // files that are not alike are tables of their own
		for _, f := range root.files {
			if schema := root.byFile[f.Key]; schema != nil && schema.classification != "UNKNOWN" {
				out = append(out, table{name: lastPart(f.Key), bucket: bucket, path: f.Key, schema: schema, files: []File{f}})
			}
		}
	case root.schema != nil && root.schema.classification != "UNKNOWN":
		t := table{name: root.name, bucket: bucket, path: root.path, schema: root.schema, files: root.files}
		out = append(out, t)
	}
	return out
}

// asTable makes one table of a folder with all that is below it, if it is one: all files have the same format and alike
// schemas, and lie equally deep.
func asTable(bucket string, f *folder, loose bool) (table, bool) {
	t := table{name: f.name, bucket: bucket, path: f.path}
	var leaves []part
	alike := true
	var walk func(*folder, []string)
	walk = func(g *folder, names []string) {
		if g.mixed {
			alike = false
		}
		if len(g.files) > 0 && g.schema != nil {
			leaves = append(leaves, part{values: slices.Clone(names), path: g.path, schema: g.schema, files: g.files})
		}
		for _, sub := range g.folders {
			walk(sub, append(names, sub.name))
		}
	}
	walk(f, nil)
	if !alike || len(leaves) == 0 {
		return table{}, false
	}
	depth := len(leaves[0].values)
	merged := *leaves[0].schema
	for _, l := range leaves {
		if l.schema.classification == "UNKNOWN" {
			return table{}, false
		}
		if len(l.values) != depth {
			return table{}, false
		}
		if l.schema.schemaKey() != merged.schemaKey() || !loose && !similar(merged.columns, l.schema.columns, merged.classification) {
			return table{}, false
		}
		merged.columns = tabular.MergeFields(merged.columns, l.schema.columns)
		if l.schema.compression != merged.compression {
			merged.compression = "none"
		}
	}
	merged.rows = 0
	for _, l := range leaves {
		merged.rows += l.schema.rows
		t.files = append(t.files, l.files...)
	}
	t.schema = &merged
	if depth > 0 {
		t.keys = nameKeys(leaves, depth)
		t.partitions = leaves
	}
	return t, true
}

// nameKeys names the levels of partition folders. Where all folders of a level are written key=value with one key, that is
// the name, and the values lose it.
func nameKeys(leaves []part, depth int) []string {
	keys := make([]string, depth)
	for j := range depth {
		key, _, named := strings.Cut(leaves[0].values[j], "=")
		for _, l := range leaves {
			k, _, ok := strings.Cut(l.values[j], "=")
			named = named && ok && k == key && k != ""
		}
		if !named {
			keys[j] = fmt.Sprintf("partition_%d", j)
			continue
		}
		keys[j] = strings.ToLower(key)
		for _, l := range leaves {
			_, value, _ := strings.Cut(l.values[j], "=")
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain // Hive and Spark write / and others as %2F
			}
			l.values[j] = value
		}
	}
	return keys
}

// similar reports whether at least 70 of 100 columns are the same.
func similar(a, b []tabular.Field, classification string) bool {
	if classification == "csv" && len(a) == len(b) {
		same := 0
		for i := range a {
			if strings.EqualFold(a[i].Name, b[i].Name) {
				same++
			}
		}
		if same*10 >= len(a)*7 {
			return true
		}
	}
	same := 0
	for _, f := range b {
		if slices.ContainsFunc(a, func(g tabular.Field) bool { return strings.EqualFold(f.Name, g.Name) }) {
			same++
		}
	}
	return same*10 >= max(len(a), len(b))*7
}
