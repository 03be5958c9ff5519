package query

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// textColumns names the columns of a text file by position and returns the index of each by its name in the catalog.
func (s *scan) textColumns() (columns string, index map[string]int) {
	index = map[string]int{}
	parts := make([]string, len(s.part.storage.Columns))
	for i, c := range s.part.storage.Columns {
		parts[i] = "'n" + strconv.Itoa(i) + "': 'VARCHAR'"
		index[strings.ToLower(c.Name)] = i
	}
	return "{" + strings.Join(parts, ", ") + "}", index
}

func (s *scan) parameter(name, def string) string {
	if sd := s.part.storage.Serde; sd != nil {
		if v, ok := sd.Parameters[name]; ok && v != "" {
			return v
		}
	}
	return def
}

// headerLines is how many lines each file begins with that are no data.
func (s *scan) headerLines() int {
	for _, m := range []map[string]string{s.part.storage.Parameters, s.table.Parameters} {
		if n, err := strconv.Atoi(m["skip.header.line.count"]); err == nil && n > 0 {
			return n
		}
	}
	if sd := s.part.storage.Serde; sd != nil {
		if n, err := strconv.Atoi(sd.Parameters["skip.header.line.count"]); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

func (s *scan) readCSV(columns, options string) (string, error) {
	return "read_csv(" + s.part.paths() + ", columns=" + columns + ", auto_detect=false, header=false, filename=true, hive_partitioning=false, compression='" + s.compression +
		"', skip=" + strconv.Itoa(s.headerLines()) + ", max_line_size=67108864, buffer_size=134217728, parallel=true, " + options + ")", nil
}

// oneByte returns a delimiter; Hive writes \001 and the like as numbers too.
func oneByte(v string) string {
	if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 128 && len(v) > 1 {
		return string(rune(n))
	}
	if strings.HasPrefix(v, `\u`) && len(v) == 6 {
		if n, err := strconv.ParseUint(v[2:], 16, 16); err == nil {
			return string(rune(n))
		}
	}
	switch v {
	case `\t`:
		return "\t"
	case `\001`:
		return "\x01"
	}
	return v
}

// lazySimple reads delimited text as LazySimpleSerDe does: a value that does not parse is NULL, missing columns are NULL,
// further ones are ignored.
func (s *scan) lazySimple() (string, func(int, string, types.Type) (string, error), error) {
	delim := oneByte(s.parameter("field.delim", s.parameter("serialization.format", "\x01")))
	if delim == "1" {
		delim = "\x01"
	}
	nullText := s.parameter("serialization.null.format", `\N`)
	columns, index := s.textColumns()
	quote := "quote='', escape=''"
	if escape := oneByte(s.parameter("escape.delim", "")); escape != "" {
		if err := s.unescape(delim[0], escape[0]); err != nil {
			return "", nil, err
		}
	}
	source, err := s.readCSV(columns, "delim="+value.Literal(delim)+", "+quote+", nullstr="+value.Literal(nullText)+", null_padding=true, strict_mode=false")
	if err != nil {
		return "", nil, err
	}
	escaped := s.parameter("escape.delim", "") != ""
	items, keys := oneByte(s.parameter("collection.delim", s.parameter("colelction.delim", "\x02"))), oneByte(s.parameter("mapkey.delim", "\x03"))
	return source, func(_ int, name string, t types.Type) (string, error) {
		i, ok := index[name]
		if !ok {
			return "CAST(NULL AS " + sqlfront.Repr(t).String() + ")", nil
		}
		col := "s.n" + strconv.Itoa(i)
		if escaped {
			col = restore(col, delim[0])
		}
		return lazyValue(col, t, items, keys)
	}, nil
}

// The bytes that stand for escaped ones in a file that was prepared by unescape: private to Unicode, in no one's data.
var escapedBytes = []struct {
	raw  byte
	mark string
}{{'\n', "\uF8F0"}, {'\r', "\uF8F1"}, {0, "\uF8F2"}, {'\\', "\uF8F3"}}

const escapedDelimiter = "\uF8F4"

// restore puts back what unescape replaced.
func restore(sql string, delim byte) string {
	for _, e := range escapedBytes[:2] {
		sql = "replace(" + sql + ", '" + e.mark + "', chr(" + strconv.Itoa(int(e.raw)) + "))"
	}
	return "replace(" + sql + ", '" + escapedDelimiter + "', chr(" + strconv.Itoa(int(delim)) + "))"
}

// unescape rewrites files in which the escape byte occurs, so that a reader without escapes reads them.
func (s *scan) unescape(delim, escape byte) error {
	for i := range s.part.files {
		f := &s.part.files[i]
		if k := strings.ToLower(filepath.Ext(f.name)); k == ".gz" || k == ".zst" || k == ".bz2" {
			continue // an escape in a compressed file is read as it stands
		}
		data, err := os.ReadFile(f.path)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.uri, err)
		}
		if !strings.Contains(string(data), string(escape)) {
			continue
		}
		out := make([]byte, 0, len(data))
		for j := 0; j < len(data); j++ {
			if data[j] != escape || j+1 == len(data) {
				out = append(out, data[j])
				continue
			}
			j++
			switch c := data[j]; {
			case c == delim:
				out = append(out, escapedDelimiter...)
			case c == '\n':
				out = append(out, escapedBytes[0].mark...)
			case c == '\r':
				out = append(out, escapedBytes[1].mark...)
			case c == 'N' && (j < 2 || data[j-2] == delim || data[j-2] == '\n'):
				out = append(out, escape, 'N') // NULL
			default:
				out = append(out, c)
			}
		}
		path, err := s.r.materialise(out)
		if err != nil {
			return err
		}
		f.path = path
		s.job.ReadPaths = append(s.job.ReadPaths, path)
	}
	return nil
}

// lazyValue parses a text as LazySimpleSerDe does.
func lazyValue(col string, t types.Type, items, keys string) (string, error) {
	repr := sqlfront.Repr(t).String()
	switch t.Base {
	case types.Varchar:
		if t.P == types.Unbounded {
			return col, nil
		}
		return "left(" + col + ", " + strconv.Itoa(t.P) + ")", nil
	case types.Char:
		return "rtrim(left(" + col + ", " + strconv.Itoa(t.P) + "), ' ')", nil
	case types.TinyInt, types.SmallInt, types.Integer, types.BigInt:
		return "(CASE WHEN regexp_full_match(" + col + ", '[+-]?[0-9]+') THEN TRY_CAST(" + col + " AS " + repr + ") END)", nil
	case types.Boolean:
		return "(CASE lower(" + col + ") WHEN 'true' THEN true WHEN 'false' THEN false END)", nil
	case types.Double, types.Real, types.Decimal, types.Date, types.Timestamp:
		return "TRY_CAST(" + col + " AS " + repr + ")", nil
	case types.Varbinary:
		return "TRY(from_base64(" + col + "))", nil
	case types.Array:
		if t.Elem().Is(types.Array, types.Map, types.Row) {
			break
		}
		inner, err := lazyValue("q", t.Elem(), items, keys)
		if err != nil {
			return "", err
		}
		return "list_transform(string_split(" + col + ", " + value.Literal(items) + "), lambda q: " + inner + ")", nil
	case types.Map:
		if t.Args[0].Is(types.Array, types.Map, types.Row) || t.Args[1].Is(types.Array, types.Map, types.Row) {
			break
		}
		pair := "string_split(q, " + value.Literal(keys) + ")"
		k, err := lazyValue(pair+"[1]", t.Args[0], items, keys)
		if err != nil {
			return "", err
		}
		v, err := lazyValue(pair+"[2]", t.Args[1], items, keys)
		if err != nil {
			return "", err
		}
		return "list_transform(string_split(" + col + ", " + value.Literal(items) + "), lambda q: {'k': " + k + ", 'v': " + v + "})", nil
	}
	return "", refused("columns of type %s are not supported in delimited text", t)
}

// openCSV reads CSV as OpenCSVSerde does: all values are text; numbers that do not parse are an error.
func (s *scan) openCSV() (string, func(int, string, types.Type) (string, error), error) {
	sep, quote, escape := oneByte(s.parameter("separatorChar", ",")), s.parameter("quoteChar", `"`), s.parameter("escapeChar", `\`)
	columns, index := s.textColumns()
	source, err := s.readCSV(columns, "delim="+value.Literal(sep)+", quote="+value.Literal(quote)+", escape="+value.Literal(escape)+", nullstr='\uF8FF', null_padding=true, strict_mode=false")
	if err != nil {
		return "", nil, err
	}
	return source, func(_ int, name string, t types.Type) (string, error) {
		i, ok := index[name]
		if !ok {
			return "CAST(NULL AS " + sqlfront.Repr(t).String() + ")", nil
		}
		col := "s.n" + strconv.Itoa(i)
		switch t.Base {
		case types.Varchar:
			return lazyValue(col, t, "", "")
		case types.Date:
			return s.convert("$csv_date", "nullif("+col+", '')", varchar, t)
		case types.Timestamp:
			return s.convert("$csv_timestamp", "nullif("+col+", '')", varchar, t)
		case types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Double, types.Real, types.Decimal:
			return s.convert("$cast", "nullif("+col+", '')", varchar, t)
		}
		return "", refused("columns of type %s are not supported by OpenCSVSerde", t)
	}, nil
}
