package query

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
)

// The test binary is its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == duck.WorkerArg {
		os.Exit(duck.WorkerMain(scalar.Library{}))
	}
	os.Exit(m.Run())
}

var scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}

type env struct {
	t       *testing.T
	kv      kv.Store
	catalog *catalog.Catalog
	objects *objstore.Store
	pool    *duck.Pool
	engine  *Engine
}

func newEnv(t *testing.T) *env {
	t.Helper()
	ctx := t.Context()
	v := &env{t: t, kv: kvtest.New(t)}
	blobs, err := fileblob.Open(ctx, fileblob.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if v.objects, err = objstore.Open(ctx, objstore.Options{KV: v.kv, Blobs: blobs}); err != nil {
		t.Fatal(err)
	}
	v.catalog = catalog.New(v.kv, catalog.Options{})
	v.pool = duck.NewPool(duck.Options{Threads: 1})
	t.Cleanup(func() { _ = v.pool.Close() })
	v.open()
	if _, err := v.objects.CreateBucket(ctx, scope, "lake"); err != nil {
		t.Fatal(err)
	}
	v.exec("CREATE DATABASE db")
	return v
}

func (v *env) open() {
	v.t.Helper()
	e, err := Open(v.t.Context(), Options{KV: v.kv, Catalog: v.catalog, Objects: v.objects, Pool: v.pool, Dir: v.t.TempDir()})
	if err != nil {
		v.t.Fatal(err)
	}
	v.engine = e
	v.t.Cleanup(func() { _ = e.Close(context.Background()) })
}

func (v *env) put(key, body string) {
	v.t.Helper()
	_, err := v.objects.Put(v.t.Context(), &objstore.PutRequest{Bucket: "lake", Key: key, Content: objstore.Content{Body: strings.NewReader(body), Size: int64(len(body))}})
	if err != nil {
		v.t.Fatal(err)
	}
}

// run starts a statement and waits for its end.
func (v *env) run(sql string, params ...string) *Execution {
	v.t.Helper()
	id, err := v.engine.Start(v.t.Context(), scope, StartRequest{Text: sql, Database: "db", OutputLocation: "s3://lake/results/", Parameters: params})
	if err != nil {
		v.t.Fatalf("%s: %v", sql, err)
	}
	return v.ended(id)
}

func (v *env) ended(id string) *Execution {
	v.t.Helper()
	w := v.kv.Watch(executionKey(scope, id))
	defer w.Close()
	for {
		x, err := v.engine.Execution(v.t.Context(), scope, id)
		if err != nil {
			v.t.Fatal(err)
		}
		if x.State.Final() {
			return x
		}
		<-w.C()
	}
}

func (v *env) exec(sql string) *Execution {
	v.t.Helper()
	x := v.run(sql)
	if x.State != Succeeded {
		v.t.Fatalf("%s: %s %s", sql, x.State, x.Reason)
	}
	return x
}

// rows returns the result of a statement, NULL as <null>, without the header.
func (v *env) rows(sql string, params ...string) [][]string {
	v.t.Helper()
	x := v.run(sql, params...)
	if x.State != Succeeded {
		v.t.Fatalf("%s: %s %s", sql, x.State, x.Reason)
	}
	var out [][]string
	token := ""
	for {
		page, err := v.engine.Results(v.t.Context(), x, token, 2)
		if err != nil {
			v.t.Fatal(err)
		}
		for _, r := range page.Rows {
			line := make([]string, len(r))
			for i, c := range r {
				line[i] = "<null>"
				if c != nil {
					line[i] = strings.TrimRight(*c, " ")
				}
			}
			out = append(out, line)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if x.Header {
		out = out[1:]
	}
	return out
}

func (v *env) check(sql string, want ...string) {
	v.t.Helper()
	var got []string
	for _, r := range v.rows(sql) {
		got = append(got, strings.Join(r, "|"))
	}
	if d := cmp.Diff(want, got); d != "" {
		v.t.Errorf("%s: %s", sql, d)
	}
}

func (v *env) fails(sql, want string) {
	v.t.Helper()
	x := v.run(sql)
	if x.State != Failed || !strings.Contains(x.Reason, want) {
		v.t.Errorf("%s: %s %q, want %q", sql, x.State, x.Reason, want)
	}
}

func TestSelectWithoutTables(t *testing.T) {
	v := newEnv(t)
	v.check(`SELECT 1, NULL, '', 'a"b,' || chr(10), 1e0, ARRAY[1, NULL]`, "1|<null>||a\"b,\n|1.0|[1, null]")
	v.check("SELECT x FROM (VALUES 1, 2, 3, 4, 5) t(x) ORDER BY x DESC", "5", "4", "3", "2", "1")
	v.fails("SELECT nope", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved")
	v.fails("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero")
	v.fails("SELECT * FROM nope.t", "SCHEMA_NOT_FOUND: line 1:15")
	if _, err := v.engine.Start(t.Context(), scope, StartRequest{Text: "SELEC 1", OutputLocation: "s3://lake/r/"}); !errors.Is(err, ErrInvalid) || !errors.As(err, new(*parse.Error)) {
		t.Errorf("syntax error: %v", err)
	}
	if _, err := v.engine.Start(t.Context(), scope, StartRequest{Text: "SELECT 1"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("no output location: %v", err)
	}
}

func TestDelimitedText(t *testing.T) {
	v := newEnv(t)
	v.put("csv/a.csv", "id,name,price\n1,x,1.5\n2,\\N,bad\n3\n")
	v.put("csv/_SUCCESS", "junk")
	v.put("csv/sub/b.csv", "id,name,price\n4,y,2,extra\n")
	v.exec("CREATE EXTERNAL TABLE t (id int, name string, price double) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/csv/' TBLPROPERTIES ('skip.header.line.count'='1')")
	v.check("SELECT * FROM t ORDER BY id", "1|x|1.5", "2|<null>|<null>", "3|<null>|<null>", "4|y|2.0")
	v.check(`SELECT "$path" FROM t WHERE id = 4`, "s3://lake/csv/sub/b.csv")
	v.check("SELECT count(*) FROM t", "4")
	v.put("esc/a", "a\\\x01b\x01c\\\\d\n\\N\x01x\\\ny\n")
	v.exec("CREATE EXTERNAL TABLE e (a string, b string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' WITH SERDEPROPERTIES ('escape.delim'='\\\\') LOCATION 's3://lake/esc/'")
	v.check("SELECT a, b FROM e", "a\x01b|c\\d", "<null>|x\ny")
}

func TestOpenCSVAndJSON(t *testing.T) {
	v := newEnv(t)
	v.put("q/a.csv", "1,\"a, \"\"b\"\"\",\n2,c,7\n")
	v.exec("CREATE EXTERNAL TABLE q (id string, s string, n int) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('escapeChar'='\"') LOCATION 's3://lake/q/'")
	v.check("SELECT * FROM q ORDER BY id", `1|a, "b"|<null>`, "2|c|7")
	v.put("j/a.json", `{"ID": 1, "tags": ["x", "y"], "who": {"name": "n", "age": "3"}}`+"\n"+`{"id": 2, "tags": null}`+"\n")
	v.exec("CREATE EXTERNAL TABLE j (id int, tags array<string>, who struct<name:string,age:int>) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/j/'")
	v.check("SELECT id, tags[1], who.age, who FROM j WHERE id = 1", "1|x|3|{name=n, age=3}")
	v.check("SELECT id, tags, who FROM j WHERE id = 2", "2|<null>|<null>")
	v.put("bad/a.json", "{\"id\": 1}\nnot json\n")
	v.exec("CREATE EXTERNAL TABLE b (id int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/bad/'")
	v.fails("SELECT * FROM b", "HIVE_CURSOR_ERROR")
}

func TestWrites(t *testing.T) {
	v := newEnv(t)
	x := v.exec("CREATE TABLE w WITH (format = 'PARQUET', partitioned_by = ARRAY['k']) AS SELECT * FROM (VALUES (1, ARRAY[ROW(1, 'a')], MAP(ARRAY['m'], ARRAY[2e0]), DATE '2024-02-29', 'p'), (2, NULL, NULL, NULL, 'q')) t(id, r, m, d, k)")
	if x.UpdateCount != 2 || x.StatementType != "DDL" {
		t.Errorf("execution %+v", x)
	}
	v.check("SELECT * FROM w ORDER BY id", "1|[{field0=1, field1=a}]|{m=2.0}|2024-02-29|p", "2|<null>|<null>|<null>|q")
	v.check("SHOW PARTITIONS w", "k=p", "k=q")
	v.exec("INSERT INTO w (k, id) VALUES ('r', 3)")
	v.check("SELECT id, d, k FROM w WHERE k > 'p' ORDER BY id", "2|<null>|q", "3|<null>|r")
	v.fails("INSERT INTO w SELECT 1", "TYPE_MISMATCH")
	v.fails("CREATE TABLE w AS SELECT 1 x", "TABLE_ALREADY_EXISTS")
	v.fails("CREATE TABLE w2 AS SELECT 1", "MISSING_COLUMN_NAME")
	v.fails("CREATE TABLE w2 AS SELECT id / (id - 1) x FROM w", "DIVISION_BY_ZERO")
	if _, err := v.catalog.Table(t.Context(), scope, "db", "w2"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a failed CTAS left a table: %v", err)
	}
	v.exec("UNLOAD (SELECT id, k FROM w ORDER BY id) TO 's3://lake/un/' WITH (format = 'TEXTFILE', compression = 'NONE')")
	v.exec("CREATE EXTERNAL TABLE un (id int, k string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/un/'")
	v.check("SELECT * FROM un ORDER BY id", "1|p", "2|q", "3|r")
	v.exec("CREATE TABLE txt WITH (format = 'TEXTFILE', field_delimiter = '|') AS SELECT id, k, 1.50 AS d FROM w")
	v.check("SELECT id, k, d FROM txt WHERE id = 1", "1|p|1.50")
}

func TestScanIsPruned(t *testing.T) {
	v := newEnv(t)
	for _, d := range []string{"01", "02", "03"} {
		v.put("part/month="+d+"/a.csv", d+"\n")
	}
	v.exec("CREATE EXTERNAL TABLE p (v string) PARTITIONED BY (month string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/part/'")
	v.check("SELECT * FROM p")
	v.exec("MSCK REPAIR TABLE p")
	v.check("SHOW PARTITIONS p", "month=01", "month=02", "month=03")
	x := v.exec("SELECT v FROM p WHERE month = '02'")
	if x.InputFiles != 1 || x.ScannedBytes != 3 || x.Rows != 1 {
		t.Errorf("files %d, bytes %d, rows %d", x.InputFiles, x.ScannedBytes, x.Rows)
	}
	v.check("SELECT month FROM p WHERE month BETWEEN '02' AND '03' ORDER BY 1", "02", "03")
	v.exec("ALTER TABLE p DROP PARTITION (month = '01')")
	v.exec("ALTER TABLE p ADD IF NOT EXISTS PARTITION (month = '04') LOCATION 's3://lake/part/month=01/'")
	v.check("SELECT v, month FROM p ORDER BY 2", "02|02", "03|03", "01|04")
}

func TestViewsAndShow(t *testing.T) {
	v := newEnv(t)
	v.exec("CREATE VIEW one AS SELECT 1 a, 'x' b")
	v.exec("CREATE OR REPLACE VIEW one AS SELECT 2 a, 'y' b")
	v.check("SELECT b, a + 1 FROM one", "y|3")
	v.check("SHOW TABLES", "one")
	v.check("SHOW VIEWS IN db", "one")
	v.check("SHOW COLUMNS IN one", "a", "b")
	v.check("DESCRIBE one", "a|int|", "b|varchar(1)|")
	v.check("SHOW DATABASES", "db")
	v.fails("DROP TABLE one", "Cannot drop a view")
	v.fails("DROP DATABASE db", "is not empty")
	v.exec("DROP VIEW one")
	v.exec("DROP VIEW IF EXISTS one")
	v.exec("CREATE EXTERNAL TABLE c (a int COMMENT 'it''s') PARTITIONED BY (b string) STORED AS PARQUET LOCATION 's3://lake/c/'")
	text := v.rows("SHOW CREATE TABLE c")
	if text[0][0] != "CREATE EXTERNAL TABLE `db.c`(" {
		t.Errorf("SHOW CREATE TABLE: %q", text)
	}
	v.exec("DROP DATABASE db CASCADE")
}

func TestPreparedStatements(t *testing.T) {
	v := newEnv(t)
	v.exec("PREPARE p FROM SELECT ? + 1, ?")
	v.check("EXECUTE p USING 41, 'a'", "42|a")
	if got := v.rows("EXECUTE p", "1", "'b'"); !cmp.Equal(got, [][]string{{"2", "b"}}) {
		t.Errorf("execution parameters: %v", got)
	}
	v.fails("EXECUTE p USING 1", "INVALID_PARAMETER_USAGE")
	v.fails("EXECUTE nope", "NOT_FOUND")
	v.exec("DEALLOCATE PREPARE p")
	if got := v.rows("SELECT ?", "'x'"); got[0][0] != "x" {
		t.Errorf("parameter: %v", got)
	}
}

func TestTokensReuseAndStop(t *testing.T) {
	v := newEnv(t)
	ctx := t.Context()
	req := StartRequest{Text: "SELECT 1", Database: "db", OutputLocation: "s3://lake/r/", Token: "0123456789012345678901234567890123456789"}
	a, err := v.engine.Start(ctx, scope, req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.engine.Start(ctx, scope, req)
	if err != nil || a != b {
		t.Errorf("same token: %s %s %v", a, b, err)
	}
	req.Text = "SELECT 2"
	if _, err := v.engine.Start(ctx, scope, req); !errors.Is(err, ErrInvalid) {
		t.Errorf("same token, other text: %v", err)
	}
	if err := v.engine.Stop(ctx, scope, "nope"); !errors.Is(err, ErrNotFound) {
		t.Errorf("stop of nothing: %v", err)
	}
	if err := v.engine.Stop(ctx, ident.Scope{Account: "111111111111", Region: scope.Region}, a); !errors.Is(err, ErrNotFound) {
		t.Errorf("stop from another account: %v", err)
	}
}

func TestCutoff(t *testing.T) {
	v := newEnv(t)
	big := strings.Repeat("0123456789012345678901234567890123456789\n", 300_000)
	v.put("big/a", big)
	v.exec("CREATE EXTERNAL TABLE big (v string) LOCATION 's3://lake/big/'")
	if err := v.engine.UpdateWorkgroup(t.Context(), scope, Primary, func(w *Workgroup) error { w.CutoffBytes = MinCutoffBytes; return nil }); err != nil {
		t.Fatal(err)
	}
	v.fails("SELECT count(*) FROM big", "Bytes scanned limit was exceeded")
}
