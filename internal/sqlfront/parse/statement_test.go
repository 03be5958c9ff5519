package parse

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatement(t *testing.T) {
	for src, want := range map[string]string{
		"CREATE EXTERNAL TABLE IF NOT EXISTS `db`.`t` (a int COMMENT 'x', `b-c` struct<d:array<string>,e:decimal(10, 2)>) PARTITIONED BY (year string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('a'='b') STORED AS TEXTFILE LOCATION 's3://b/p/' TBLPROPERTIES ('projection.enabled'='true')": CreateTable,
		"CREATE EXTERNAL TABLE t (a int) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' NULL DEFINED AS '' STORED AS INPUTFORMAT 'x' OUTPUTFORMAT 'y' LOCATION 's3://b/';":                                                                                                          CreateTable,
		"CREATE TABLE t WITH (format = 'PARQUET', partitioned_by = ARRAY['a', 'b'], bucket_count = 3) AS SELECT 1 x":                                                                                                                                                                                                             CreateTableAs,
		"CREATE TABLE IF NOT EXISTS d.t AS WITH a AS (SELECT 1) SELECT * FROM a WITH NO DATA":                                                                                                                                                                                                                                    CreateTableAs,
		"CREATE OR REPLACE VIEW v (a, b) AS SELECT 1, 2":                                             CreateView,
		"create database if not exists d comment 'c' location 's3://b/' with dbproperties ('k'='v')": CreateDatabase,
		"DROP TABLE IF EXISTS `a`.`b`":                                                               DropTable,
		"DROP SCHEMA d CASCADE":                                                                      DropDatabase,
		"ALTER TABLE t ADD IF NOT EXISTS PARTITION (y='2024', m=1) LOCATION 's3://b/' PARTITION (y='2025', m='2')": AlterTable,
		"ALTER TABLE t DROP PARTITION (dt = '2014-05-14'), PARTITION (dt = '2014-05-15')":                          AlterTable,
		"ALTER TABLE t PARTITION (a='b') SET LOCATION 's3://x/'":                                                   AlterTable,
		"ALTER TABLE t CHANGE COLUMN a b bigint COMMENT 'x'":                                                       AlterTable,
		"MSCK REPAIR TABLE d.t":                    Repair,
		"SHOW COLUMNS IN t FROM d":                 Show,
		"SHOW TABLES IN d '.*x'":                   Show,
		"SHOW CREATE TABLE t;":                     Show,
		"DESCRIBE FORMATTED d.t PARTITION (a='b')": Describe,
		"INSERT INTO t (a, b) VALUES (1, 2)":       Insert,
		"INSERT INTO t (SELECT 1)":                 Insert,
		"UNLOAD (SELECT * FROM t) TO 's3://b/p/' WITH (format = 'PARQUET', compression = 'SNAPPY')": Unload,
		"PREPARE p FROM SELECT * FROM t WHERE a = ?":                                                Prepare,
		"EXECUTE p USING 1, 'a', DATE '2024-01-01'":                                                 Execute,
		"DEALLOCATE PREPARE p":             Deallocate,
		"EXPLAIN (TYPE VALIDATE) SELECT 1": Explain,
		"-- comment\nSELECT 1;":            Select,
	} {
		st, err := ParseStatement(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if st.Kind != want {
			t.Errorf("%s: kind %s, want %s", src, st.Kind, want)
		}
	}
}

func TestPartitionSpecs(t *testing.T) {
	st, err := ParseStatement("ALTER TABLE t ADD PARTITION (y='2024', m=1) LOCATION 's3://b/' PARTITION (y='2025', m=DATE '2024-01-01')")
	if err != nil {
		t.Fatal(err)
	}
	want := []PartitionSpec{{[]string{"y", "m"}, []string{"2024", "1"}, "s3://b/"}, {[]string{"y", "m"}, []string{"2025", "2024-01-01"}, ""}}
	if d := cmp.Diff(want, st.Specs); d != "" {
		t.Error(d)
	}
}

func FuzzParseStatement(f *testing.F) {
	f.Add("CREATE EXTERNAL TABLE t (a map<string,int>) STORED AS PARQUET LOCATION 's3://b/'")
	f.Add("ALTER TABLE t DROP PARTITION (a = 'b')")
	f.Fuzz(func(t *testing.T, src string) {
		st, err := ParseStatement(src)
		if err == nil && st.Kind == "" {
			t.Fatal("statement without a kind")
		}
	})
}
