package query

import "testing"

func TestInformationSchema(t *testing.T) {
	v := newEnv(t)
	v.exec("CREATE EXTERNAL TABLE t (a int COMMENT 'first', b array<string>) PARTITIONED BY (d date) LOCATION 's3://lake/t/'")
	v.exec("CREATE OR REPLACE VIEW w AS SELECT a + 1 AS x FROM t")
	v.exec("CREATE DATABASE other")
	v.check("SELECT schema_name FROM information_schema.schemata ORDER BY 1", "db", "information_schema", "other")
	v.check("SELECT * FROM information_schema.tables WHERE table_schema = 'db' ORDER BY table_name", "awsdatacatalog|db|t|BASE TABLE", "awsdatacatalog|db|w|VIEW")
	v.check("SELECT table_name, count(*) FROM awsdatacatalog.information_schema.columns WHERE table_schema IN ('db', 'other') GROUP BY 1 ORDER BY 1", "t|3", "w|1")
	v.check("SELECT * FROM information_schema.columns WHERE table_name = 't'", "awsdatacatalog|db|t|a|1|<null>|YES|integer", "awsdatacatalog|db|t|b|2|<null>|YES|array(varchar)", "awsdatacatalog|db|t|d|3|<null>|YES|date")
	v.check("SELECT column_name, comment, extra_info FROM information_schema.columns WHERE table_schema = 'db' AND table_name = 't'", "a|first|<null>", "b|<null>|<null>", "d|<null>|partition key")
	v.check("SELECT table_name, view_definition FROM information_schema.views", "w|SELECT a + 1 AS x FROM t")
	v.check("SELECT * FROM information_schema.tables WHERE table_schema = 'none'")
	v.check("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'information_schema' AND table_name = 'columns'", "8")
	v.check("SELECT t.table_name FROM information_schema.tables t JOIN information_schema.schemata s ON s.schema_name = t.table_schema WHERE t.table_type = 'VIEW'", "w")
	v.fails("SELECT * FROM information_schema.roles", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.information_schema.roles' does not exist")
}
