package query

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// scan generates the SELECT over one part of a table.
type scan struct {
	r     *running
	table *catalog.Table
	use   *sqlfront.TableUse
	part  *part
	job   *duck.Job

	compression string // of a part of text files, as the reader calls it
}

func refused(format string, args ...any) error {
	return &sqlfront.Error{Name: "NOT_SUPPORTED", Message: fmt.Sprintf(format, args...)}
}

// sql returns a SELECT with the columns c0, c1, … of the table in the representation that sqlfront expects.
func (s *scan) sql(ctx context.Context) (string, error) {
	library := ""
	if s.part.storage.Serde != nil {
		library = s.part.storage.Serde.Library
	}
	var source string
	var column func(i int, name string, t types.Type) (string, error)
	var err error
	if library != "" && !strings.Contains(library, "ParquetHiveSerDe") {
		if s.compression, err = s.texts(ctx); err != nil {
			return "", err
		}
	}
	switch short := library[strings.LastIndexByte(library, '.')+1:]; {
	case strings.Contains(library, "ParquetHiveSerDe"):
		source, column, err = s.parquet()
	case short == "LazySimpleSerDe":
		source, column, err = s.lazySimple()
	case short == "OpenCSVSerde":
		source, column, err = s.openCSV()
	case strings.Contains(strings.ToLower(short), "json"):
		source, column, err = s.json()
	case short == "RegexSerDe":
		source, column, err = s.regex()
	case library == "":
		return "", &sqlfront.Error{Name: "HIVE_INVALID_METADATA", Message: "table " + s.table.Name + " has no SerDe"}
	default:
		return "", refused("tables with the SerDe %s are not supported", library)
	}
	if err != nil {
		return "", err
	}
	keys := len(s.table.PartitionKeys)
	data := len(s.use.Columns) - keys - 1
	items := make([]string, len(s.use.Columns))
	withFile := false
	for i, c := range s.use.Columns {
		var expr string
		switch {
		case !s.use.Used[i]:
			expr = "CAST(NULL AS " + sqlfront.Repr(c.Type).String() + ")"
		case c.Hidden:
			expr, withFile = "m.uri", true
		case c.Partition:
			withFile = true
			if expr, err = s.convert("$cast", "m.k"+strconv.Itoa(i-data), varchar, c.Type); err != nil {
				return "", err
			}
		default:
			if expr, err = column(i, strings.ToLower(c.Name), c.Type); err != nil {
				return "", err
			}
		}
		items[i] = expr + " AS c" + strconv.Itoa(i)
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM " + source + " AS s"
	if withFile {
		sql += " JOIN " + s.part.mapping(keys) + " ON (s.filename = m.file)"
	}
	return sql, nil
}

// convert applies a function of package scalar to one value.
func (s *scan) convert(impl, sql string, from, to types.Type) (string, error) {
	if from.Equal(to) && impl == "$cast" {
		return sql, nil
	}
	sig := scalar.Signature{Args: []types.Type{from}, Result: to}
	onNull, volatile, ok := scalar.Supports(impl, sig)
	if !ok {
		return "", refused("columns of type %s are not supported in this format", to)
	}
	name := s.function(impl, sig, onNull, volatile)
	return name + "(" + sql + ")", nil
}

// function registers a function with the job once.
func (s *scan) function(impl string, sig scalar.Signature, onNull, volatile bool) string {
	encoded := scalar.EncodeSignature(sig)
	for _, f := range s.job.Functions {
		if f.Impl == impl && f.Params[0] == encoded {
			return f.Name
		}
	}
	f := duck.Function{Name: "g" + strconv.Itoa(len(s.job.Functions)+1), Impl: impl, Params: []string{encoded}, Result: sqlfront.Repr(sig.Result), CallOnNull: onNull, Volatile: volatile}
	for _, t := range sig.Args {
		f.Args = append(f.Args, sqlfront.Repr(t))
	}
	s.job.Functions = append(s.job.Functions, f)
	return f.Name
}

// parquet reads columns by name; a column that no file has is NULL.
func (s *scan) parquet() (string, func(int, string, types.Type) (string, error), error) {
	have := map[string]string{}
	for _, f := range s.part.files {
		names, err := parquetColumns(f.path)
		if err != nil {
			return "", nil, &sqlfront.Error{Name: "HIVE_BAD_DATA", Message: fmt.Sprintf("Not valid Parquet file: %s: %s", f.uri, err)}
		}
		for _, n := range names {
			if _, ok := have[strings.ToLower(n)]; !ok {
				have[strings.ToLower(n)] = n
			}
		}
	}
	binary := false
	for i, c := range s.use.Columns {
		binary = binary || s.use.Used[i] && c.Type.Has(types.Varbinary)
	}
	source := "read_parquet(" + s.part.paths() + ", filename=true, union_by_name=true, hive_partitioning=false, binary_as_string=" + strconv.FormatBool(!binary) + ")"
	return source, func(_ int, name string, t types.Type) (string, error) {
		actual, ok := have[name]
		if !ok {
			return "CAST(NULL AS " + sqlfront.Repr(t).String() + ")", nil
		}
		return fromStored("s."+value.Quote(actual), t, 0)
	}, nil
}

func parquetColumns(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range pf.Root().Columns() {
		names = append(names, c.Name())
	}
	return names, nil
}

// fromStored turns a value of a file with types of its own into the representation of t.
func fromStored(sql string, t types.Type, depth int) (string, error) {
	v := "p" + strconv.Itoa(depth)
	switch t.Base {
	case types.Array:
		inner, err := fromStored(v, t.Elem(), depth+1)
		if err != nil || inner == v {
			return sql, err
		}
		return "list_transform(" + sql + ", lambda " + v + ": " + inner + ")", nil
	case types.Map:
		k, err := fromStored("("+v+").key", t.Args[0], depth+1)
		if err != nil {
			return "", err
		}
		x, err := fromStored("("+v+").value", t.Args[1], depth+1)
		if err != nil {
			return "", err
		}
		return "list_transform(map_entries(" + sql + "), lambda " + v + ": {'k': " + k + ", 'v': " + x + "})", nil
	case types.Row:
		parts := make([]string, len(t.Args))
		for i, f := range t.Args {
			x, err := fromStored("("+sql+")."+value.Quote(t.Names[i]), f, depth+1)
			if err != nil {
				return "", err
			}
			parts[i] = "'f" + strconv.Itoa(i) + "': " + x
		}
		return "(CASE WHEN " + sql + " IS NULL THEN NULL ELSE {" + strings.Join(parts, ", ") + "} END)", nil
	case types.Char:
		return "rtrim(CAST(" + sql + " AS VARCHAR), ' ')", nil
	case types.TimestampTZ, types.TimeTZ, types.IPAddress:
		return "", refused("columns of type %s are not supported in Parquet files", t)
	}
	return "CAST(" + sql + " AS " + sqlfront.Repr(t).String() + ")", nil
}
