package visual

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

// joins are the types of joins; semi and anti joins keep the left side only.
var joins = map[string]string{"equijoin": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "outer": "FULL JOIN", "leftsemi": "SEMI JOIN", "leftanti": "ANTI JOIN"}

// aggregates are SQL of Glue's functions over %s and the names of their results in Spark. Spark's skewness and kurtosis are those
// of the population.
var aggregates = map[string][2]string{
	"avg": {"avg(%s)", "avg(%s)"}, "count": {"count(%s)", "count(%s)"}, "countDistinct": {"count(DISTINCT %s)", "count(DISTINCT %s)"},
	"first": {"first(%s)", "first(%s)"}, "last": {"last(%s)", "last(%s)"}, "max": {"max(%s)", "max(%s)"}, "min": {"min(%s)", "min(%s)"},
	"sum": {"sum(%s)", "sum(%s)"}, "sumDistinct": {"sum(DISTINCT %s)", "sum(DISTINCT %s)"}, "stddev_samp": {"stddev_samp(%s)", "stddev_samp(%s)"},
	"stddev_pop": {"stddev_pop(%s)", "stddev_pop(%s)"}, "var_samp": {"var_samp(%s)", "var_samp(%s)"}, "var_pop": {"var_pop(%s)", "var_pop(%s)"},
	"kurtosis": {"kurtosis_pop(%s)", "kurtosis(%s)"},
	"skewness": {"(avg(%[1]s ** 3) - 3 * avg(%[1]s) * avg(%[1]s ** 2) + 2 * avg(%[1]s) ** 3) / nullif(stddev_pop(%[1]s), 0) ** 3", "skewness(%s)"},
}

// view is the name of a node's view; those of a collection have their index.
func view(id string) string { return value.Quote(id) }

func member(id string, i int) string { return value.Quote(id + "#" + strconv.Itoa(i)) }

func quoteAll(paths [][]string) string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = value.Quote(p[0])
	}
	return strings.Join(names, ", ")
}

// field is the expression of a field at a path.
func field(path []string) string {
	sql := value.Quote(path[0])
	for _, step := range path[1:] {
		sql = "(" + sql + ")." + value.Quote(step)
	}
	return sql
}

// mapped returns the columns that mappings make, whose paths begin at the structure within. The path of a child goes on from its
// parent's.
func mapped(list []mapping, within []string) ([]column, error) {
	var out []column
	for _, m := range list {
		if m.Dropped {
			continue
		}
		from := m.FromPath
		if len(from) == 0 {
			from = []string{m.ToKey}
		}
		at := append(slices.Clone(within), from...)
		if len(m.Children) > 0 {
			inner, err := mapped(m.Children, at)
			if err != nil {
				return nil, err
			}
			out = append(out, column{m.ToKey, pack(at, inner)})
			continue
		}
		t, err := duckType(m.ToType)
		if err != nil {
			return nil, err
		}
		out = append(out, column{m.ToKey, "TRY_CAST(" + field(at) + " AS " + t + ")"})
	}
	return out, nil
}

// transform returns the views of a node that is neither source nor target, name → query. columns are those of its input.
// DropNullFields is the caller's.
func (n *Node) transform(columns func() ([]Column, error)) (map[string]string, error) {
	s := &n.spec
	in := view(s.Inputs[0])
	one := func(sql string) (map[string]string, error) { return map[string]string{view(n.ID): sql}, nil }
	switch n.Kind {
	case "ApplyMapping":
		list, err := mapped(s.Mapping, nil)
		if err != nil {
			return nil, err
		}
		items := make([]string, len(list))
		for i, c := range list {
			items[i] = c.item()
		}
		return one("SELECT " + strings.Join(items, ", ") + " FROM " + in)
	case "SelectFields", "DropFields", "SplitFields", "RenameField":
		have, err := columns()
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.ID, err)
		}
		return n.reshape(have)
	case "Filter":
		where, err := condition(s.Filters, s.LogicalOperator)
		if err != nil {
			return nil, err
		}
		return one("SELECT * FROM " + in + " WHERE " + where)
	case "Route":
		views := map[string]string{}
		var any []string
		for i, group := range s.GroupFiltersList {
			where, err := condition(group.Filters, group.LogicalOperator)
			if err != nil {
				return nil, err
			}
			views[member(n.ID, i)] = "SELECT * FROM " + in + " WHERE " + where
			any = append(any, "coalesce("+where+", false)")
		}
		views[member(n.ID, len(s.GroupFiltersList))] = "SELECT * FROM " + in + " WHERE NOT (" + strings.Join(any, " OR ") + ")"
		return views, nil
	case "Spigot": // passes its rows on; what it samples is written like a target
		return one("SELECT * FROM " + in)
	case "SelectFromCollection":
		return one("SELECT * FROM " + member(s.Inputs[0], s.Index))
	case "Join":
		keys, err := s.joinKeys()
		if err != nil {
			return nil, err
		}
		tests := make([]string, len(keys[0]))
		for i := range tests {
			tests[i] = "l." + value.Quote(keys[0][i]) + " = r." + value.Quote(keys[1][i])
		}
		columns := "l.*, r.*"
		if s.JoinType == "leftsemi" || s.JoinType == "leftanti" {
			columns = "l.*"
		}
		return one("SELECT " + columns + " FROM " + in + " AS l " + joins[s.JoinType] + " " + view(s.Inputs[1]) + " AS r ON " + strings.Join(tests, " AND "))
	case "Union":
		all := "UNION ALL BY NAME"
		if s.UnionType == "DISTINCT" {
			all = "UNION BY NAME"
		}
		return one("SELECT * FROM " + in + " " + all + " SELECT * FROM " + view(s.Inputs[1]))
	case "Merge":
		other := s.Inputs[0]
		if other == s.Source {
			other = s.Inputs[1]
		}
		return one("SELECT * FROM " + view(other) + " ANTI JOIN " + view(s.Source) + " USING (" + quoteAll(s.PrimaryKeys) + ") UNION ALL BY NAME SELECT * FROM " + view(s.Source))
	case "Aggregate":
		var items []string
		if len(s.Groups) > 0 {
			items = append(items, quoteAll(s.Groups))
		}
		for _, a := range s.Aggs {
			f := aggregates[a.AggFunc]
			items = append(items, fmt.Sprintf(f[0], value.Quote(a.Column[0]))+" AS "+value.Quote(fmt.Sprintf(f[1], a.Column[0])))
		}
		sql := "SELECT " + strings.Join(items, ", ") + " FROM " + in
		if len(s.Groups) > 0 {
			sql += " GROUP BY " + quoteAll(s.Groups)
		}
		return one(sql)
	case "DropDuplicates":
		var columns [][]string
		if err := decode(s.Columns, &columns); err != nil {
			return nil, err
		}
		if len(columns) == 0 {
			return one("SELECT DISTINCT * FROM " + in)
		}
		return one("SELECT DISTINCT ON (" + quoteAll(columns) + ") * FROM " + in)
	}
	return nil, invalid("node %s: nodes of the kind %s are not supported in visual jobs", n.ID, n.Kind)
}

// condition joins filters by AND or OR.
func condition(filters []filter, operator string) (string, error) {
	if len(filters) == 0 {
		return "true", nil
	}
	tests := make([]string, len(filters))
	for i, f := range filters {
		sql, err := f.sql()
		if err != nil {
			return "", err
		}
		tests[i] = "(" + sql + ")"
	}
	if operator == "OR" {
		return "(" + strings.Join(tests, " OR ") + ")", nil
	}
	return "(" + strings.Join(tests, " AND ") + ")", nil
}

var comparisons = map[string]string{"EQ": "=", "LT": "<", "GT": ">", "LTE": "<=", "GTE": ">="}

func (f filter) sql() (string, error) {
	var operands []string
	for _, v := range f.Values {
		switch {
		case v.Type == "COLUMNEXTRACTED" && len(v.Value) > 0:
			operands = append(operands, field(v.Value))
		case v.Type == "CONSTANT" && len(v.Value) == 1:
			operands = append(operands, value.Literal(v.Value[0]))
		default:
			return "", invalid("operand of type %s with %d values in a filter", v.Type, len(v.Value))
		}
	}
	var sql string
	switch op := comparisons[f.Operation]; {
	case op != "" && len(operands) == 2:
		sql = operands[0] + " " + op + " " + operands[1]
	case f.Operation == "REGEX" && len(operands) == 2: // matched from the start of the text, as Python's re.match does
		sql = "regexp_matches(CAST(" + operands[0] + " AS VARCHAR), '^(?:' || " + operands[1] + " || ')')"
	case f.Operation == "ISNULL" && len(operands) >= 1:
		sql = operands[0] + " IS NULL"
	default:
		return "", invalid("filter %s with %d operands", f.Operation, len(operands))
	}
	if f.Negated {
		sql = "NOT (" + sql + ")"
	}
	return sql, nil
}
