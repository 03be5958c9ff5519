package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/tarn-data/tarn/internal/tabular"
)

func describe(fs []tabular.Field) string {
	var parts []string
	for _, f := range fs {
		parts = append(parts, f.Name+":"+f.Type.String())
	}
	return strings.Join(parts, " ")
}

func TestSniffCSV(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		text  string
		rules tabular.CSVRules
		want  string
	}{
		"header":                      {"Email_ID,units,price\na@b.c,1,2.5\nd@e.f,2,3\n", tabular.CSVRules{}, ", header email_id:string units:bigint price:double"},
		"only strings have no header": {"name,city\nann,rome\nbob,oslo\n", tabular.CSVRules{}, ", col0:string col1:string"},
		"numbers have no header":      {"1,2\n3,4\n", tabular.CSVRules{}, ", col0:bigint col1:bigint"},
		"dates stay strings":          {"day,n\n2026-01-01,1\n", tabular.CSVRules{}, ", header day:string n:bigint"},
		"pipe":                        {"a|b\nx|1\n", tabular.CSVRules{}, "| header a:string b:bigint"},
		"tab with commas inside":      {"a\tb\nx, y\t1\n", tabular.CSVRules{}, "\t header a:string b:bigint"},
		"quotes":                      {"a,b\n\"x, \"\"y\"\"\",1\n", tabular.CSVRules{}, ", header a:string b:bigint"},
		"empty values":                {"a,b,c\n,1,\n,,\n", tabular.CSVRules{}, ", header a:string b:bigint c:string"},
		"mixed becomes string":        {"a,b\nx,1\ny,z\n", tabular.CSVRules{}, ", col0:string col1:string"},
		"big numbers":                 {"a,b\nx,9223372036854775808\n", tabular.CSVRules{}, ", header a:string b:double"},
		"true and false":              {"a,b\nx,true\ny,FALSE\n", tabular.CSVRules{}, ", header a:string b:boolean"},
		"forced header":               {"name;city\nann;rome\n", tabular.CSVRules{Header: &yes, Delimiter: ';'}, "; header name:string city:string"},
		"given names":                 {"1,2\n3,x\n", tabular.CSVRules{Names: []string{"p", "q"}}, ", p:bigint q:string"},
		"byte order mark":             {"\xef\xbb\xbfa,b\nx,1\n", tabular.CSVRules{}, ", header a:string b:bigint"},
		"same name twice":             {"a,a\nx,1\n", tabular.CSVRules{}, ", header a:string a_1:bigint"},
	} {
		got, err := tabular.SniffCSV([]byte(c.text), true, c.rules)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := string(got.Delimiter) + " "
		if got.Header {
			text += "header "
		}
		if text += describe(got.Columns); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
	for name, text := range map[string]string{"empty": "", "binary": "a,b\x00", "prose": "hello\nworld\n", "one column": "a\n1\n"} {
		if _, err := tabular.SniffCSV([]byte(text), true, tabular.CSVRules{}); !errors.Is(err, tabular.ErrNotCSV) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := tabular.SniffCSV([]byte("a,b\nx,1\ny,12"), false, tabular.CSVRules{}); err != nil || got.Rows != 1 {
		t.Errorf("a cut line counts: %+v, %v", got, err)
	}
}

func TestSniffJSON(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"lines":  {`{"a":1,"b":"x"}` + "\n" + `{"a":2.5,"c":true}`, "a:double b:string c:boolean"},
		"array":  {`[{"a":1},{"b":[1,2]}]`, "a:int b:array<int>"},
		"nested": {`{"a":{"b":{"c":5000000000}},"d":[{"e":1},{"f":"x"}],"g":null}`, "a:struct<b:struct<c:bigint>> d:array<struct<e:int,f:string>> g:string"},
		"clash":  {`{"a":1}{"a":"x"}`, "a:string"},
	} {
		got, err := tabular.SniffJSON([]byte(c.text), true)
		if err != nil || describe(got.Columns) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, describe(got.Columns), err, c.want)
		}
	}
	if got, err := tabular.SniffJSON([]byte(`{"a":1}`+"\n"+`{"a":`), false); err != nil || got.Rows != 1 {
		t.Errorf("a cut object: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", `{"a":1`, `[1,2]`, `"s"`, `{}`} {
		if _, err := tabular.SniffJSON([]byte(bad), true); !errors.Is(err, tabular.ErrNotJSON) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSniffParquet(t *testing.T) {
	type inner struct {
		X int32  `parquet:"x"`
		Y string `parquet:"y"`
	}
	type row struct {
		ID    int64            `parquet:"id"`
		Small int8             `parquet:"small"`
		Name  string           `parquet:"name,optional"`
		Price float64          `parquet:"price"`
		Ratio float32          `parquet:"ratio"`
		OK    bool             `parquet:"ok"`
		At    time.Time        `parquet:"at,timestamp(microsecond)"`
		Day   int32            `parquet:"day,date"`
		Cost  int64            `parquet:"cost,decimal(2:12)"`
		Raw   []byte           `parquet:"raw"`
		Tags  []string         `parquet:"tags,list"`
		In    inner            `parquet:"in"`
		Map   map[string]int32 `parquet:"map"`
	}
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[row](&buf)
	if _, err := w.Write(make([]row, 3)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := buf.Bytes()
	p, err := tabular.SniffParquet(bytes.NewReader(data), int64(len(data)))
	if err != nil || p.Rows != 3 {
		t.Fatal(p, err)
	}
	want := "id:bigint small:tinyint name:string price:double ratio:float ok:boolean at:timestamp day:date cost:decimal(12,2) raw:binary tags:array<string> in:struct<x:int,y:string> map:map<string,int>"
	if got := describe(p.Columns); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, cut := range []int{0, 3, len(data) / 2, len(data) - 1} {
		if _, err := tabular.SniffParquet(bytes.NewReader(data[:cut]), int64(cut)); !errors.Is(err, tabular.ErrNotParquet) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func TestParseType(t *testing.T) {
	for _, s := range []string{"int", "decimal(10,2)", "array<string>", "map<string,array<int>>", "struct<a:int,b:struct<c:varchar(5)>>"} {
		got, err := tabular.ParseType(s)
		if err != nil || got.String() != s {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "array", "array<", "array<int", "map<int>", "struct<a>", "struct<a:int", "int int", "decimal(1"} {
		if got, err := tabular.ParseType(bad); err == nil {
			t.Errorf("%q parses as %s", bad, got)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), true)
	f.Add([]byte(`{"a":[{"b":1}]}`), false)
	f.Add([]byte("PAR1\x15\x04PAR1"), true)
	f.Fuzz(func(_ *testing.T, data []byte, complete bool) {
		_, _ = tabular.SniffCSV(data, complete, tabular.CSVRules{})
		_, _ = tabular.SniffJSON(data, complete)
		_, _ = tabular.SniffParquet(bytes.NewReader(data), int64(len(data)))
		_, _ = tabular.ParseType(string(data))
	})
}

func ExampleMerge() {
	a, _ := tabular.ParseType("struct<n:int,s:string>")
	b, _ := tabular.ParseType("struct<n:double,t:boolean>")
	fmt.Println(tabular.Merge(a, b))
	// Output: struct<n:double,s:string,t:boolean>
}
