package query

import (
	"strings"
	"testing"
)

// table runs a query and returns its rows without the names: cells by "|", rows by ";".
func (v *env) table(sql string) string {
	v.t.Helper()
	x := v.run(sql)
	if x.State != Succeeded {
		v.t.Fatalf("%s: %s", sql, x.Reason)
	}
	r, err := v.engine.Results(v.t.Context(), x, "", 1000)
	if err != nil {
		v.t.Fatal(err)
	}
	var rows []string
	for _, row := range r.Rows[1:] {
		cells := make([]string, len(row))
		for i, c := range row {
			if cells[i] = "NULL"; c != nil {
				cells[i] = *c
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return strings.Join(rows, ";")
}

// TestWritten_PartitionValues checks that rows come back whatever their partition is called, by CTAS, INSERT and MSCK alike.
func TestWritten_PartitionValues(t *testing.T) {
	v := newEnv(t)
	const source = `(VALUES (1, 'a b'), (2, 'x/y'), (3, 'k=v'), (4, '50%'), (5, 'é日'), (6, NULL), (7, '2024-01-01 10:00:00'), (8, 'q"r''s'), (9, '.hid'), (10, 'a+b'), (11, 'c\d'), (12, 'A'), (13, 'a'), (14, '%41'), (15, '{*}?#'), (16, '__HIVE_DEFAULT_PARTITION__')) t(id, p)`
	want := v.table("SELECT id, nullif(p, '__HIVE_DEFAULT_PARTITION__') FROM " + source + " ORDER BY id")
	v.exec("CREATE TABLE made WITH (partitioned_by = ARRAY['p'], external_location = 's3://lake/made/') AS SELECT id, p FROM " + source)
	if got := v.table("SELECT id, p FROM made ORDER BY id"); got != want {
		t.Errorf("CTAS:\n got %s\nwant %s", got, want)
	}
	v.exec("CREATE EXTERNAL TABLE filled (id int) PARTITIONED BY (p string) STORED AS PARQUET LOCATION 's3://lake/filled/'")
	v.exec("INSERT INTO filled SELECT id, p FROM " + source)
	if got := v.table("SELECT id, p FROM filled ORDER BY id"); got != want {
		t.Errorf("INSERT:\n got %s\nwant %s", got, want)
	}
	for path, p := range map[string]string{"p=x%2Fy/": "x/y", "p=a b/": "a b", "p=2024-01-01 10%3A00%3A00/": "2024-01-01 10:00:00", "p=é日/": "é日"} {
		if got := v.table(`SELECT count(*) FROM filled WHERE p = '` + p + `' AND "$path" LIKE '%/filled/` + path + `%'`); got != "1" {
			t.Errorf("the folder of %q is not %s", p, path)
		}
	}
	v.exec("CREATE EXTERNAL TABLE found (id int) PARTITIONED BY (p string) STORED AS PARQUET LOCATION 's3://lake/filled/'")
	v.exec("MSCK REPAIR TABLE found")
	if got := v.table("SELECT id, p FROM found ORDER BY id"); got != want {
		t.Errorf("MSCK:\n got %s\nwant %s", got, want)
	}
}

// TestWritten_Formats checks that every format gives back what was written, at the edges of the types.
func TestWritten_Formats(t *testing.T) {
	v := newEnv(t)
	const source = `(VALUES
		(1, 1.5e0, CAST(1.5 AS real), CAST(1.25 AS decimal(5,2)), DECIMAL '12345678901234567890.123456789012345678', 'it''s "q", x', X'00FF41', DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789', true),
		(2, nan(), CAST(-infinity() AS real), NULL, NULL, 'tab	\back', X'', DATE '0001-01-01', TIMESTAMP '0001-01-01 00:00:00', false),
		(3, infinity(), REAL '16777217', 0.00, DECIMAL '-0.000000000000000001', '', X'0A0D5C', DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999', NULL),
		(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) t(id, d, r, dec, big, s, b, day, ts, ok)`
	want := v.table("SELECT * FROM " + source + " ORDER BY id")
	for _, format := range []string{"PARQUET", "JSON", "TEXTFILE"} {
		v.exec("CREATE TABLE t_" + format + " WITH (format = '" + format + "') AS SELECT * FROM " + source)
		if got := v.table("SELECT * FROM t_" + format + " ORDER BY id"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", format, got, want)
		}
	}
	for _, c := range []string{"chr(10)", "chr(13)", "chr(1)"} {
		if x := v.run("CREATE TABLE broken WITH (format = 'TEXTFILE') AS SELECT 'a' || " + c + " AS s"); x.State != Failed || !strings.HasPrefix(x.Reason, "HIVE_WRITER_DATA_ERROR: column s") {
			t.Errorf("text with %s: %s %s", c, x.State, x.Reason)
		}
	}
}

// TestWritten_TextProperties checks that INSERT writes as the table's SerDe reads.
func TestWritten_TextProperties(t *testing.T) {
	v := newEnv(t)
	v.exec(`CREATE EXTERNAL TABLE esc (id int, s string, n string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' ESCAPED BY '\\' NULL DEFINED AS 'nil' LOCATION 's3://lake/esc/' TBLPROPERTIES ('skip.header.line.count' = '1')`)
	v.exec(`INSERT INTO esc VALUES (1, 'a,b', NULL), (2, 'c\d', '')`)
	if got, want := v.table("SELECT * FROM esc ORDER BY id"), `1|a,b|NULL;2|c\d|`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
