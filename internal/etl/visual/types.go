package visual

import (
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
)

var plainTypes = map[string]string{
	"string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR", "long": "BIGINT", "bigint": "BIGINT", "int": "INTEGER", "integer": "INTEGER", "short": "SMALLINT",
	"smallint": "SMALLINT", "byte": "TINYINT", "tinyint": "TINYINT", "double": "DOUBLE", "float": "FLOAT", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
	"binary": "BLOB",
}

// duckType translates a type of Glue or Hive.
func duckType(t string) (string, error) {
	t = strings.TrimSpace(t)
	lower := strings.ToLower(t)
	base, args, hasArgs := strings.Cut(lower, "(")
	if d, ok := plainTypes[strings.TrimSpace(base)]; ok && (!hasArgs || d == "VARCHAR") {
		return d, nil
	}
	if base == "decimal" {
		if !hasArgs {
			return "DECIMAL(10,0)", nil
		}
		var p, s int
		if n, _ := fmt.Sscanf(args, "%d,%d)", &p, &s); n == 2 && p > 0 && p <= 38 && s >= 0 && s <= p {
			return fmt.Sprintf("DECIMAL(%d,%d)", p, s), nil
		}
	}
	inner := func(prefix string) (string, bool) {
		if strings.HasPrefix(lower, prefix+"<") && strings.HasSuffix(t, ">") {
			return t[len(prefix)+1 : len(t)-1], true
		}
		return "", false
	}
	if of, ok := inner("array"); ok {
		d, err := duckType(of)
		return d + "[]", err
	}
	if of, ok := inner("map"); ok {
		if parts := split(of, ','); len(parts) == 2 {
			k, err := duckType(parts[0])
			if err != nil {
				return "", err
			}
			v, err := duckType(parts[1])
			return "MAP(" + k + ", " + v + ")", err
		}
	}
	if of, ok := inner("struct"); ok {
		var fields []string
		for _, f := range split(of, ',') {
			name, kind, _ := strings.Cut(f, ":")
			d, err := duckType(kind)
			if err != nil {
				return "", err
			}
			fields = append(fields, value.Quote(strings.TrimSpace(name))+" "+d)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")", nil
	}
	return "", fmt.Errorf("type %q is not supported", t)
}

// split cuts at a separator that is not inside brackets.
func split(s string, sep byte) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case sep:
			if depth == 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, s[start:])
}

// HiveType translates a type of DuckDB to the catalog's. Types that Parquet files hold otherwise were cast before.
func HiveType(d string) string {
	upper := strings.ToUpper(d)
	switch {
	case strings.HasSuffix(upper, "[]"):
		return "array<" + HiveType(d[:len(d)-2]) + ">"
	case strings.HasPrefix(upper, "DECIMAL"):
		return strings.ToLower(d)
	case strings.HasPrefix(upper, "STRUCT("):
		var fields []string
		for _, f := range split(d[len("STRUCT("):len(d)-1], ',') {
			name, kind, _ := strings.Cut(strings.TrimSpace(f), " ")
			fields = append(fields, strings.Trim(name, `"`)+":"+HiveType(strings.TrimSpace(kind)))
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	case strings.HasPrefix(upper, "MAP("):
		if parts := split(d[len("MAP("):len(d)-1], ','); len(parts) == 2 {
			return "map<" + HiveType(strings.TrimSpace(parts[0])) + "," + HiveType(strings.TrimSpace(parts[1])) + ">"
		}
	}
	switch upper {
	case "BIGINT", "UBIGINT", "HUGEINT", "UINTEGER":
		return "bigint"
	case "INTEGER", "USMALLINT":
		return "int"
	case "SMALLINT", "UTINYINT":
		return "smallint"
	case "TINYINT":
		return "tinyint"
	case "DOUBLE":
		return "double"
	case "FLOAT":
		return "float"
	case "BOOLEAN":
		return "boolean"
	case "DATE":
		return "date"
	case "BLOB":
		return "binary"
	}
	if strings.HasPrefix(upper, "TIMESTAMP") {
		return "timestamp"
	}
	return "string"
}
