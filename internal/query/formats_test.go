package query

import (
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/objstore"
)

func (v *env) keys(prefix string) []string {
	v.t.Helper()
	list, err := v.objects.List(v.t.Context(), &objstore.ListRequest{Bucket: "lake", Prefix: prefix, Limit: 1000})
	if err != nil {
		v.t.Fatal(err)
	}
	var out []string
	for _, o := range list.Objects {
		out = append(out, o.Key)
	}
	return out
}

func TestRegexSerDe(t *testing.T) {
	v := newEnv(t)
	v.put("elb/a.log", "#Version\nh1 200 \"GET /a b\" 2024-01-02\nbroken\nh2 - \"PUT /\" 2024-01-03\n")
	v.exec(`CREATE EXTERNAL TABLE elb (host string, status int, request string, day date) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'
		WITH SERDEPROPERTIES ('input.regex' = '^([^ ]*) ([^ ]*) "([^"]*)" (\S+)$') LOCATION 's3://lake/elb/' TBLPROPERTIES ('skip.header.line.count' = '1')`)
	v.check("SELECT * FROM elb ORDER BY host NULLS FIRST", "<null>|<null>|<null>|<null>", "h1|200|GET /a b|2024-01-02", "h2|<null>|PUT /|2024-01-03")
	v.exec(`CREATE EXTERNAL TABLE nothing (host string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' LOCATION 's3://lake/elb/'`)
	v.fails("SELECT * FROM nothing", "input.regex")
}

func TestJSONIsWritten(t *testing.T) {
	v := newEnv(t)
	query := `SELECT 1 AS i, 'a"b' AS s, DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05.678' AS ts, 1.50 AS x, ARRAY[1, NULL] AS l, MAP(ARRAY['k'], ARRAY[2]) AS m,
		CAST(ROW(1, 'z') AS ROW(a int, b varchar)) AS r, X'00ff' AS bin, CAST(NULL AS varchar) AS n`
	v.exec("CREATE TABLE j WITH (format = 'JSON', external_location = 's3://lake/j/') AS " + query)
	v.check("SELECT i, s, d, ts, x, l, m, r, bin, n FROM j", `1|a"b|2024-01-02|2024-01-02 03:04:05.678|1.50|[1, null]|{k=2}|{a=1, b=z}|00 ff|<null>`)
	v.exec("INSERT INTO j (i, s) VALUES (2, 'two')")
	v.check("SELECT i, s, d FROM j ORDER BY 1", `1|a"b|2024-01-02`, "2|two|<null>")
	v.exec("UNLOAD (SELECT 1 AS i, true AS b) TO 's3://lake/uj/' WITH (format = 'JSON', compression = 'NONE')")
	v.exec("CREATE EXTERNAL TABLE lines (line string) LOCATION 's3://lake/uj/'")
	v.check("SELECT line FROM lines", `{"i":1,"b":true}`)
}

func TestBuckets(t *testing.T) {
	v := newEnv(t)
	rows := "(VALUES (0, 'a', 'p'), (1, 'b', 'p'), (4, 'c', 'q'), (-1, 'd', 'q')) AS t(id, s, k)"
	v.exec("CREATE TABLE b WITH (bucketed_by = ARRAY['id'], bucket_count = 4, partitioned_by = ARRAY['k'], external_location = 's3://lake/b/') AS SELECT id, s, k FROM " + rows)
	var got []string
	for _, k := range v.keys("b/") {
		got = append(got, k[2:5]+" "+k[strings.Index(k, "bucket"):])
	}
	// (-1 & 2147483647) % 4 = 3
	if s := strings.Join(got, ", "); s != "k=p bucket-00000, k=p bucket-00001, k=q bucket-00000, k=q bucket-00003" {
		t.Errorf("objects %s", s)
	}
	v.check("SELECT id, s, k FROM b ORDER BY 1", "-1|d|q", "0|a|p", "1|b|p", "4|c|q")
	v.fails("INSERT INTO b VALUES (9, 'x', 'p')", "INSERT into a bucketed table is not supported")
	// Hive's hash of "ab" is 31*97+98 = 3105, of "ba" 3135: in buckets 1 and 3 of 4.
	v.exec("CREATE TABLE s WITH (bucketed_by = ARRAY['s'], bucket_count = 4, external_location = 's3://lake/s/') AS SELECT s FROM (VALUES 'ab', 'ba', NULL) AS t(s)")
	got = nil
	for _, k := range v.keys("s/") {
		got = append(got, k[strings.Index(k, "bucket"):])
	}
	if s := strings.Join(got, ", "); s != "bucket-00000, bucket-00001, bucket-00003" {
		t.Errorf("objects %s", s)
	}
	for with, want := range map[string]string{
		"bucketed_by = ARRAY['id']":                    "Must specify 'bucket_count'",
		"bucket_count = 4":                             "Must specify 'bucketed_by'",
		"bucketed_by = ARRAY['x'], bucket_count = 4":   "Bucketing columns [x] not present in schema",
		"bucketed_by = ARRAY['id'], bucket_count = 0":  "bucket_count must be a whole number between 1 and 10000: 0",
		"bucketed_by = ARRAY['ts'], bucket_count = 10": "bucketing by columns of the types [timestamp(0)] is not supported",
	} {
		v.fails("CREATE TABLE bad WITH ("+with+") AS SELECT 1 AS id, TIMESTAMP '2024-01-01 00:00:00' AS ts", want)
	}
}
