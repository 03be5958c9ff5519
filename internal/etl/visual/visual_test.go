package visual

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/duck"
)

type noFunctions struct{}

func (noFunctions) Bind(duck.Function) (func([]any) (any, error), error) {
	return nil, errors.New("there are no functions")
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == duck.WorkerArg {
		os.Exit(duck.WorkerMain(noFunctions{}))
	}
	os.Exit(m.Run())
}

// build compiles a graph whose source "in" is the text of a CSV file with a header, and returns the rows of the target "out".
func build(t *testing.T, pool *duck.Pool, nodes, csv string) (columns []string, rows []string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := Parse([]byte(`{"in":{"S3CsvSource":{"Name":"in","Paths":["s3://b/x/"],"WithHeader":true}},"out":{"S3DirectTarget":{"Name":"out","Inputs":["last"],"Format":"json","Path":"s3://b/y/"}},` + nodes + "}"))
	if err != nil {
		return nil, nil, err
	}
	run := func(statements []string) ([][]any, error) {
		res, err := pool.Run(t.Context(), duck.Job{Statements: statements, ReadPaths: []string{file}})
		if err != nil {
			return nil, err
		}
		defer res.Close()
		return res.All()
	}
	p, err := g.Compile(map[string]Input{"in": {Files: []File{{Path: file, Key: "x/in.csv"}}}}, run, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range p.Targets[0].Columns {
		columns = append(columns, c.Name+" "+HiveType(c.Type))
	}
	got, err := run(append(slices.Clone(p.Views), p.Targets[0].query))
	for _, r := range got {
		rows = append(rows, strings.Trim(fmt.Sprint(r), "[]"))
	}
	slices.Sort(rows)
	return columns, rows, err
}

const people = "id,name,cc,none\n1,Ann,it,\n2,Bob,de,\n3,,it,\n3,,it,\n"

func TestNodes(t *testing.T) {
	pool := duck.NewPool(duck.Options{})
	t.Cleanup(func() { _ = pool.Close() })
	typed := `"typed":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"FromPath":["id"],"ToKey":"id","ToType":"long"},{"FromPath":["cc"],"ToKey":"cc","ToType":"string"}]}},`
	for _, c := range []struct{ name, nodes, columns, rows string }{
		{"mapping", `"last":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"FromPath":["id"],"ToKey":"n","ToType":"int"},{"FromPath":["name"],"ToKey":"x","ToType":"double"},{"FromPath":["cc"],"ToKey":"cc","ToType":"string","Dropped":true}]}}`,
			"n int, x double", "1 <nil>|2 <nil>|3 <nil>|3 <nil>"},
		{"select", `"last":{"SelectFields":{"Inputs":["in"],"Paths":[["cc"],["id"]]}}`, "cc string, id string", "de 2|it 1|it 3|it 3"},
		{"drop", `"last":{"DropFields":{"Inputs":["in"],"Paths":[["none"],["name"]]}}`, "id string, cc string", "1 it|2 de|3 it|3 it"},
		{"rename", `"a":{"SelectFields":{"Inputs":["in"],"Paths":[["id"]]}},"last":{"RenameField":{"Inputs":["a"],"SourcePath":["id"],"TargetPath":["x.y"]}}`, "x.y string", "1|2|3|3"},
		{"filter and", typed + `"last":{"Filter":{"Inputs":["typed"],"LogicalOperator":"AND","Filters":[{"Operation":"GTE","Values":[{"Type":"COLUMNEXTRACTED","Value":["id"]},{"Type":"CONSTANT","Value":["2"]}]},{"Operation":"EQ","Negated":true,"Values":[{"Type":"COLUMNEXTRACTED","Value":["cc"]},{"Type":"CONSTANT","Value":["it"]}]}]}}`,
			"id bigint, cc string", "2 de"},
		{"filter or", typed + `"last":{"Filter":{"Inputs":["typed"],"LogicalOperator":"OR","Filters":[{"Operation":"LT","Values":[{"Type":"COLUMNEXTRACTED","Value":["id"]},{"Type":"CONSTANT","Value":["2"]}]},{"Operation":"REGEX","Values":[{"Type":"COLUMNEXTRACTED","Value":["cc"]},{"Type":"CONSTANT","Value":["d"]}]}]}}`,
			"id bigint, cc string", "1 it|2 de"},
		{"a quote in a constant", typed + `"last":{"Filter":{"Inputs":["typed"],"LogicalOperator":"AND","Filters":[{"Operation":"EQ","Values":[{"Type":"COLUMNEXTRACTED","Value":["cc"]},{"Type":"CONSTANT","Value":["x' OR '1'='1"]}]}]}}`, "id bigint, cc string", ""},
		{"null", `"last":{"Filter":{"Inputs":["in"],"LogicalOperator":"AND","Filters":[{"Operation":"ISNULL","Negated":true,"Values":[{"Type":"COLUMNEXTRACTED","Value":["name"]}]}]}}`,
			"id string, name string, cc string, none string", "1 Ann it <nil>|2 Bob de <nil>"},
		{"drop duplicates", `"last":{"DropDuplicates":{"Inputs":["in"]}}`, "id string, name string, cc string, none string", "1 Ann it <nil>|2 Bob de <nil>|3 <nil> it <nil>"},
		{"drop duplicates by", `"a":{"DropDuplicates":{"Inputs":["in"],"Columns":[["cc"]]}},"last":{"SelectFields":{"Inputs":["a"],"Paths":[["cc"]]}}`, "cc string", "de|it"},
		{"drop null fields", `"last":{"DropNullFields":{"Inputs":["in"]}}`, "id string, name string, cc string", "1 Ann it|2 Bob de|3 <nil> it|3 <nil> it"},
		{"drop null texts", `"last":{"DropNullFields":{"Inputs":["in"],"NullTextList":[{"Value":"Ann"},{"Value":"Bob"}]}}`, "id string, cc string", "1 it|2 de|3 it|3 it"},
		{"aggregate", typed + `"last":{"Aggregate":{"Inputs":["typed"],"Groups":[["cc"]],"Aggs":[{"Column":["id"],"AggFunc":"sum"},{"Column":["id"],"AggFunc":"sumDistinct"},{"Column":["id"],"AggFunc":"avg"}]}}`,
			"cc string, sum(id) bigint, sum(DISTINCT id) bigint, avg(id) double", "de 2 2 2|it 7 4 2.3333333333333335"},
		{"join", typed + `"a":{"SelectFields":{"Inputs":["in"],"Paths":[["name"],["id"]]}},"b":{"RenameField":{"Inputs":["a"],"SourcePath":["id"],"TargetPath":["key"]}},"m":{"ApplyMapping":{"Inputs":["b"],"Mapping":[{"FromPath":["key"],"ToKey":"key","ToType":"long"},{"FromPath":["name"],"ToKey":"name","ToType":"string"}]}},"last":{"Join":{"Inputs":["typed","m"],"JoinType":"leftanti","Columns":[{"From":"typed","Keys":[["id"]]},{"From":"m","Keys":[["key"]]}]}}`,
			"id bigint, cc string", ""},
		{"union", typed + `"a":{"SelectFields":{"Inputs":["typed"],"Paths":[["cc"]]}},"last":{"Union":{"Inputs":["a","a"],"UnionType":"DISTINCT"}}`, "cc string", "de|it"},
		{"merge", typed + `"s":{"Filter":{"Inputs":["typed"],"LogicalOperator":"AND","Filters":[{"Operation":"EQ","Values":[{"Type":"COLUMNEXTRACTED","Value":["id"]},{"Type":"CONSTANT","Value":["3"]}]}]}},"last":{"Merge":{"Inputs":["typed","s"],"Source":"s","PrimaryKeys":[["cc"]]}}`,
			"id bigint, cc string", "2 de|3 it|3 it"},
		{"route", typed + `"r":{"Route":{"Inputs":["typed"],"GroupFiltersList":[{"GroupName":"a","LogicalOperator":"AND","Filters":[{"Operation":"EQ","Values":[{"Type":"COLUMNEXTRACTED","Value":["cc"]},{"Type":"CONSTANT","Value":["it"]}]}]}]}},"last":{"SelectFromCollection":{"Inputs":["r"],"Index":1}}`,
			"id bigint, cc string", "2 de"},
		{"split", `"r":{"SplitFields":{"Inputs":["in"],"Paths":[["id"]]}},"last":{"SelectFromCollection":{"Inputs":["r"],"Index":0}}`, "id string", "1|2|3|3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			columns, rows, err := build(t, pool, c.nodes, people)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.columns+"\n"+c.rows, strings.Join(columns, ", ")+"\n"+strings.Join(rows, "|")); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, rows, err := build(t, pool, `"last":{"Spigot":{"Inputs":["in"],"Path":"s3://b/s/","Topk":2}}`, people)
	if err != nil || len(rows) != 2 {
		t.Errorf("a sample of two: %v %v", rows, err)
	}
	if _, _, err := build(t, pool, `"last":{"Join":{"Inputs":["in","in"],"JoinType":"left","Columns":[{"From":"in","Keys":[["id"]]},{"From":"in","Keys":[["id"]]}]}}`, people); !errors.Is(err, ErrInvalid) {
		t.Errorf("a join of a node with itself: %v", err)
	}
}

func TestNestedFields(t *testing.T) {
	pool := duck.NewPool(duck.Options{})
	t.Cleanup(func() { _ = pool.Close() })
	typed := `"typed":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"FromPath":["id"],"ToKey":"id","ToType":"int"},{"FromPath":["s"],"ToKey":"s","ToType":"struct<a:int,b:struct<d:string,e:string>>"}]}},`
	const csv = "id,s\n1,\"{'a': 7, 'b': {'d': x, 'e': y}}\"\n2,\n"
	for _, c := range []struct{ name, node, columns, rows string }{
		{"select", `"SelectFields":{"Inputs":["typed"],"Paths":[["s","b","e"],["id"],["s","a"]]}`, "s struct<b:struct<e:string>,a:int>, id int", "<nil> 2|y] 7] 1"},
		{"select whole", `"SelectFields":{"Inputs":["typed"],"Paths":[["s","b","e"],["s"]]}`, "s struct<a:int,b:struct<d:string,e:string>>", ""},
		{"drop", `"DropFields":{"Inputs":["typed"],"Paths":[["s","b","d"],["s","a"]]}`, "id int, s struct<b:struct<e:string>>", "1 [[y|2 <nil>"},
		{"drop all of a structure", `"DropFields":{"Inputs":["typed"],"Paths":[["s","b","d"],["s","b","e"],["id"]]}`, "s struct<a:int>", "7|<nil>"},
		{"rename within", `"RenameField":{"Inputs":["typed"],"SourcePath":["s","b","d"],"TargetPath":["s","b","z"]}`, "id int, s struct<a:int,b:struct<z:string,e:string>>", ""},
		{"rename to the top", `"RenameField":{"Inputs":["typed"],"SourcePath":["s","b","d"],"TargetPath":["d"]}`, "id int, s struct<a:int,b:struct<e:string>>, d string", ""},
		{"children", `"ApplyMapping":{"Inputs":["typed"],"Mapping":[{"FromPath":["s"],"FromType":"struct","ToKey":"t","ToType":"struct","Children":[{"FromPath":["a"],"ToKey":"n","ToType":"double"},{"FromPath":["b","d"],"ToKey":"d","ToType":"string"},{"FromPath":["b"],"ToKey":"gone","ToType":"struct","Dropped":true}]}]}`,
			"t struct<n:double,d:string>", "7 x|<nil>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			columns, rows, err := build(t, pool, typed+`"last":{`+c.node+`}`, csv)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(columns, ", "); got != c.columns {
				t.Errorf("columns %s, want %s", got, c.columns)
			}
			if got := strings.Join(rows, "|"); c.rows != "" && got != c.rows {
				t.Errorf("rows %s, want %s", got, c.rows)
			}
		})
	}
	if _, _, err := build(t, pool, typed+`"last":{"SelectFields":{"Inputs":["typed"],"Paths":[["s","none"]]}}`, csv); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "field s.none does not exist") {
		t.Errorf("a field that is absent: %v", err)
	}
	want := []Column{{"a", "INTEGER"}, {`b "c`, "STRUCT(d DECIMAL(10,2), e VARCHAR[])"}, {"f", "MAP(VARCHAR, INTEGER)"}}
	if d := cmp.Diff(want, structure(`STRUCT(a INTEGER, "b ""c" STRUCT(d DECIMAL(10,2), e VARCHAR[]), f MAP(VARCHAR, INTEGER))`)); d != "" {
		t.Error(d)
	}
}

func TestParse_Refuses(t *testing.T) {
	source := `"in":{"S3CsvSource":{"Paths":["s3://b/x/"]}}`
	target := func(in string) string {
		return `"out":{"S3DirectTarget":{"Inputs":["` + in + `"],"Format":"csv","Path":"s3://b/y/"}}`
	}
	for name, doc := range map[string]string{
		"no JSON":           `{`,
		"no kind":           `{"a":{}}`,
		"two kinds":         `{"a":{"Filter":{},"Union":{}}}`,
		"an unknown kind":   `{"a":{"FillMissingValues":{"Inputs":["in"]}},` + source + "," + target("a") + `}`,
		"no target":         `{` + source + `}`,
		"an absent input":   `{` + target("in") + `}`,
		"a cycle":           `{"a":{"DropDuplicates":{"Inputs":["b"]}},"b":{"DropDuplicates":{"Inputs":["a"]}},` + target("a") + `}`,
		"too few inputs":    `{"a":{"Union":{"Inputs":["in"]}},` + source + "," + target("a") + `}`,
		"a target as input": `{` + source + "," + target("in") + `,"z":{"S3DirectTarget":{"Inputs":["out"],"Format":"csv","Path":"s3://b/z/"}}}`,
		"a move":            `{"a":{"RenameField":{"Inputs":["in"],"SourcePath":["a","b"],"TargetPath":["c","b"]}},` + source + "," + target("a") + `}`,
		"no fields":         `{"a":{"DropFields":{"Inputs":["in"],"Paths":[]}},` + source + "," + target("a") + `}`,
		"an unknown member": `{"a":{"DropDuplicates":{"Inputs":["in"],"Limit":3}},` + source + "," + target("a") + `}`,
		"bounded reads":     `{"in":{"S3CsvSource":{"Paths":["s3://b/x/"],"AdditionalOptions":{"BoundedFiles":3}}},` + target("in") + `}`,
		"nothing mapped":    `{"a":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"ToKey":"x","ToType":"int","Dropped":true}]}},` + source + "," + target("a") + `}`,
		"children in lists": `{"a":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"ToKey":"x","FromType":"array","ToType":"array","Children":[{"ToKey":"y","ToType":"int"}]}]}},` + source + "," + target("a") + `}`,
		"an unknown type":   `{"a":{"ApplyMapping":{"Inputs":["in"],"Mapping":[{"ToKey":"x","ToType":"money"}]}},` + source + "," + target("a") + `}`,
		"a bare collection": `{"a":{"SplitFields":{"Inputs":["in"],"Paths":[["x"]]}},` + source + "," + target("a") + `}`,
	} {
		if _, err := Parse([]byte(doc)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTypes(t *testing.T) {
	for hive, want := range map[string]string{
		"string": "VARCHAR", "bigint": "BIGINT", "decimal(10,2)": "DECIMAL(10,2)", "varchar(20)": "VARCHAR", "array<int>": "INTEGER[]",
		"struct<a:int,b:array<string>>": `STRUCT("a" INTEGER, "b" VARCHAR[])`, "map<string,double>": "MAP(VARCHAR, DOUBLE)",
	} {
		if got, err := duckType(hive); got != want || err != nil {
			t.Errorf("duckType(%s) = %s, %v; want %s", hive, got, err, want)
		}
	}
	for _, bad := range []string{"", "money", "decimal(50,2)", "array<>", "map<string>", "struct<a>", "int(3)"} {
		if got, err := duckType(bad); err == nil {
			t.Errorf("duckType(%q) = %s, want an error", bad, got)
		}
	}
	for d, want := range map[string]string{"HUGEINT": "bigint", "VARCHAR[]": "array<string>", "STRUCT(a INTEGER, b VARCHAR)": "struct<a:int,b:string>", "TIMESTAMP WITH TIME ZONE": "timestamp"} {
		if got := HiveType(d); got != want {
			t.Errorf("HiveType(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{{"*.tmp", "a.tmp", true}, {"*.tmp", "d/a.tmp", false}, {"**.tmp", "d/a.tmp", true}, {"old/**", "old/x/y", true}, {"old/**", "new/x", false}} {
		if got := glob(c.pattern, c.key); got != c.want {
			t.Errorf("glob(%s, %s) = %v", c.pattern, c.key, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"in":{"S3CsvSource":{"Paths":["s3://b/x/"]}},"out":{"S3DirectTarget":{"Inputs":["in"],"Format":"csv","Path":"s3://b/y/"}}}`))
	f.Add([]byte(`{"a":{"Join":{"Inputs":["a","b"],"Columns":[{"From":"a","Keys":[["x"]]}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) || len(g.Targets()) == 0 {
			t.Errorf("%q was accepted", data)
		}
		for _, n := range g.order {
			if !n.IsSource() && !n.IsTarget() && n.Kind != "DropNullFields" {
				_, _ = n.transform(func() ([]Column, error) {
					return []Column{{"a", "STRUCT(b INTEGER)"}, {"c", "VARCHAR"}}, nil
				})
			}
		}
	})
}
