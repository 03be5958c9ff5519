package visual

import (
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

// structure returns the fields of a DuckDB type STRUCT(name type, …), nil for other types.
func structure(t string) []Column {
	if !strings.HasPrefix(strings.ToUpper(t), "STRUCT(") || !strings.HasSuffix(t, ")") {
		return nil
	}
	var out []Column
	for _, f := range fields(t[len("STRUCT(") : len(t)-1]) {
		f = strings.TrimSpace(f)
		if !strings.HasPrefix(f, `"`) {
			name, kind, _ := strings.Cut(f, " ")
			out = append(out, Column{name, kind})
			continue
		}
		end := 1
		for end < len(f) && (f[end] != '"' || strings.HasPrefix(f[end+1:], `"`)) {
			if f[end] == '"' {
				end++
			}
			end++
		}
		out = append(out, Column{strings.ReplaceAll(f[1:min(end, len(f))], `""`, `"`), strings.TrimSpace(f[min(end+1, len(f)):])})
	}
	return out
}

// fields cuts at commas that are neither inside brackets nor quotes.
func fields(s string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// column is an expression with its name.
type column struct{ name, sql string }

func (c column) item() string { return c.sql + " AS " + value.Quote(c.name) }

// below returns what paths say of a field: those that lead on from it, and whether one ends there.
func below(paths [][]string, name string) (rest [][]string, whole bool) {
	for _, p := range paths {
		if !strings.EqualFold(p[0], name) {
			continue
		}
		if len(p) == 1 {
			whole = true
		} else {
			rest = append(rest, p[1:])
		}
	}
	return rest, whole
}

// pick returns the fields that paths name, whole or in part. within is the path of the structure that has the columns.
func pick(columns []Column, within []string, paths [][]string) ([]column, error) {
	var out []column
	seen := map[string]bool{}
	for _, p := range paths {
		i := slices.IndexFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, p[0]) })
		if i < 0 {
			return nil, invalid("field %s does not exist", strings.Join(append(slices.Clone(within), p...), "."))
		}
		c := columns[i]
		if seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		at := append(slices.Clone(within), c.Name)
		rest, whole := below(paths, c.Name)
		sql := field(at)
		if !whole {
			inner, err := pick(structure(c.Type), at, rest)
			if err != nil {
				return nil, err
			}
			sql = pack(at, inner)
		}
		out = append(out, column{c.Name, sql})
	}
	return out, nil
}

// leave returns all fields but those that paths name; a structure that loses all its fields goes.
func leave(columns []Column, within []string, paths [][]string) []column {
	var out []column
	for _, c := range columns {
		at := append(slices.Clone(within), c.Name)
		rest, whole := below(paths, c.Name)
		switch inner := structure(c.Type); {
		case whole:
		case len(rest) > 0 && inner != nil:
			if left := leave(inner, at, rest); len(left) > 0 {
				out = append(out, column{c.Name, pack(at, left)})
			}
		default:
			out = append(out, column{c.Name, field(at)})
		}
	}
	return out
}

// pack makes a structure anew; where it was NULL it stays so.
func pack(at []string, list []column) string {
	items := make([]string, len(list))
	for i, c := range list {
		items[i] = value.Quote(c.name) + " := " + c.sql
	}
	return "CASE WHEN " + field(at) + " IS NULL THEN NULL ELSE struct_pack(" + strings.Join(items, ", ") + ") END"
}

// renamed returns all fields with the one at from under the last name of to: in its place, or as a column of its own where to has
// one name only.
func renamed(columns []Column, within, from, to []string) []column {
	var out []column
	for _, c := range columns {
		at := append(slices.Clone(within), c.Name)
		switch {
		case !strings.EqualFold(c.Name, from[0]):
			out = append(out, column{c.Name, field(at)})
		case len(from) == 1:
			out = append(out, column{to[0], field(at)})
		default:
			out = append(out, column{c.Name, pack(at, renamed(structure(c.Type), at, from[1:], to[1:]))})
		}
	}
	return out
}

// rename is the query of a RenameField node over columns.
func (n *Node) rename(columns []Column) ([]column, error) {
	from, to := n.spec.SourcePath, n.spec.TargetPath
	if _, err := pick(columns, nil, [][]string{from}); err != nil {
		return nil, err
	}
	last := len(from) - 1
	if len(to) == len(from) && slices.EqualFunc(from[:last], to[:last], strings.EqualFold) {
		return renamed(columns, nil, from, to), nil
	}
	return append(leave(columns, nil, [][]string{from}), column{to[0], field(from)}), nil
}

// reshape is the query of a node that takes or leaves fields, where a path leads into structures.
func (n *Node) reshape(columns []Column) (map[string]string, error) {
	in := " FROM " + view(n.spec.Inputs[0])
	query := func(list []column) (string, error) {
		if len(list) == 0 {
			return "", invalid("node %s: no field is left", n.ID)
		}
		items := make([]string, len(list))
		for i, c := range list {
			items[i] = c.item()
		}
		return "SELECT " + strings.Join(items, ", ") + in, nil
	}
	picked, err := pick(columns, nil, n.spec.FieldPaths)
	if n.Kind == "RenameField" {
		picked, err = n.rename(columns)
	}
	if err != nil {
		return nil, invalid("node %s: %v", n.ID, err)
	}
	first, err := query(picked)
	if err != nil {
		return nil, err
	}
	left := ""
	if n.Kind == "DropFields" || n.Kind == "SplitFields" {
		if left, err = query(leave(columns, nil, n.spec.FieldPaths)); err != nil {
			return nil, err
		}
	}
	switch n.Kind {
	case "DropFields":
		return map[string]string{view(n.ID): left}, nil
	case "SplitFields":
		return map[string]string{member(n.ID, 0): first, member(n.ID, 1): left}, nil
	}
	return map[string]string{view(n.ID): first}, nil
}
