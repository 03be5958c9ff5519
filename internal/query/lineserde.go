package query

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// readLines is a source with one column, line.
func (s *scan) readLines() (string, error) {
	return s.readCSV("{'line': 'VARCHAR'}", "delim='\x01', quote='', escape='', nullstr='\uF8FF', strict_mode=false")
}

// regex reads lines by a pattern, whose groups are the columns, as RegexSerDe does. A line that it does not match from end to
// end is a row of NULLs.
func (s *scan) regex() (string, func(int, string, types.Type) (string, error), error) {
	pattern := s.parameter("input.regex", "")
	if pattern == "" {
		return "", nil, &sqlfront.Error{Name: "HIVE_INVALID_METADATA", Message: "table " + s.table.Name + " has no property input.regex, which its SerDe needs"}
	}
	if strings.EqualFold(s.parameter("input.regex.case.insensitive", "false"), "true") {
		pattern = "(?i)" + pattern
	}
	lines, err := s.readLines()
	if err != nil {
		return "", nil, err
	}
	index := map[string]int{}
	for i, c := range s.part.storage.Columns {
		index[strings.ToLower(c.Name)] = i
	}
	groups := s.function("$regex_groups", scalar.Signature{Args: []types.Type{varchar, varchar}, Result: types.ArrayOf(varchar)}, false, false)
	source := "(SELECT " + groups + "(line, " + value.Literal(pattern) + ") AS g, filename FROM " + lines + ")"
	return source, func(_ int, name string, t types.Type) (string, error) {
		i, ok := index[name]
		if !ok {
			return "CAST(NULL AS " + sqlfront.Repr(t).String() + ")", nil
		}
		if t.Is(types.Array, types.Map, types.Row, types.Varbinary) {
			return "", refused("columns of type %s are not supported by RegexSerDe", t)
		}
		return lazyValue("s.g["+strconv.Itoa(i+1)+"]", t, "", "")
	}, nil
}

// json reads a line as an object; names are compared without case. What does not fit a column's type is NULL.
func (s *scan) json() (string, func(int, string, types.Type) (string, error), error) {
	source, err := s.readLines()
	if err != nil {
		return "", nil, err
	}
	lenient := strings.EqualFold(s.parameter("ignore.malformed.json", "false"), "true")
	return source, func(_ int, name string, t types.Type) (string, error) {
		key := name
		if m := s.parameter("mapping."+name, ""); m != "" {
			key = strings.ToLower(m)
		}
		if strings.EqualFold(s.parameter("dots.in.keys", "false"), "true") {
			key = strings.ReplaceAll(key, "_", ".")
		}
		return s.jsonField(key, lenient, t)
	}, nil
}

func (s *scan) jsonField(key string, lenient bool, t types.Type) (string, error) {
	sig := scalar.Signature{Args: []types.Type{varchar, varchar, types.Of(types.Boolean)}, Result: t}
	onNull, volatile, ok := scalar.Supports("$json_field", sig)
	if !ok {
		return "", refused("columns of type %s are not supported in JSON", t)
	}
	name := s.function("$json_field", sig, onNull, volatile)
	return name + "(s.line, " + value.Literal(key) + ", " + strconv.FormatBool(lenient) + ")", nil
}
