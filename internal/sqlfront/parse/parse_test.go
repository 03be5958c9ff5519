package parse

import (
	"testing"
)

func TestErrors(t *testing.T) {
	for src, want := range map[string]string{
		"SELECT ROW(1 AS a)":         "line 1:14: mismatched input 'AS'",
		"SELECT 1 = 1 = true":        "line 1:14: mismatched input '='",
		"SELECT 1 ORDER":             "line 1:15: mismatched input '<EOF>'. Expecting: 'BY'",
		"SELECT\n  FROM t":           "line 2:3: mismatched input 'FROM'. Expecting: '*', 'ALL', 'DISTINCT', <expression>",
		"SELECT 1_":                  "line 1:8: identifiers must not start with a digit; surround the identifier with double quotes",
		"SELECT 'é' IS TRUE":         "line 1:15: mismatched input 'TRUE'. Expecting: 'DISTINCT', 'NOT', 'NULL'",
		"SELECT X'0g'":               "line 1:8: Binary literal can only contain hexadecimal digits",
		"SELECT `a`":                 "line 1:8: backquoted identifiers are not supported; use double quotes to quote identifiers",
		"SELECT count(DISTINCT *)":   "line 1:23: mismatched input '*'. Expecting: <expression>",
		"SELECT 1 FROM a LIMIT -1":   "line 1:23: mismatched input '-'. Expecting: '?', 'ALL', <integer>",
		"SELECT * FROM a JOIN b":     "line 1:23: mismatched input '<EOF>'. Expecting: 'ON', 'USING'",
		"SELECT 1; SELECT 2":         "line 1:9: mismatched input ';'. Expecting: <EOF>",
		"SELECT rank() OVER (":       "line 1:21: mismatched input '<EOF>'",
		"SELECT CAST(1 AS varchar(":  "line 1:26: mismatched input '<EOF>'. Expecting: <integer>, <type>",
		"SELECT a BETWEEN 1 OR 2":    "line 1:20: mismatched input 'OR'",
		"SELECT U&'\\zzzz'":          "line 1:8: Invalid hexadecimal digit: z",
		"WITH a AS MATERIALIZED (x)": "line 1:11: mismatched input 'MATERIALIZED'. Expecting: '('",
		"SELECT 1 AS table":          "line 1:13: mismatched input 'table'. Expecting: <identifier>",
		"SELECT (SELECT 1":           "line 1:17: mismatched input '<EOF>'",
	} {
		_, err := ParseQuery(src)
		if err == nil {
			t.Errorf("%s: parsed", src)
		} else if got := err.Error(); len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s:\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestAccepts(t *testing.T) {
	for _, src := range []string{
		"SELECT a.b.c, t.*, count(*) FILTER (WHERE x) OVER (PARTITION BY a ORDER BY b DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
		"WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) TABLE x ORDER BY 1 OFFSET 2 ROWS FETCH FIRST 3 ROWS WITH TIES",
		"SELECT 1 FROM a CROSS JOIN UNNEST(x, y) WITH ORDINALITY AS t (p, q, o) LEFT JOIN LATERAL (SELECT 1) ON true NATURAL JOIN c",
		"SELECT transform(a, x -> x + 1), reduce(a, 0, (s, x) -> s + x, s -> s), CAST(ROW(1, 'a') AS ROW(x integer, y varchar(3))), TRY(1 / 0)",
		"SELECT 1 WHERE (a, b) IN (SELECT 1, 2) AND x IN ((SELECT 1), 2) AND y NOT LIKE 'a' ESCAPE 'b' AND z = ANY (VALUES 1, 2)",
		"((SELECT 1) UNION ALL (SELECT 2)) INTERSECT SELECT 3",
		"SELECT * FROM ((SELECT 1) UNION (SELECT 2)) t, ((a JOIN b ON true)) CROSS JOIN c",
		"SELECT DATE '2024-01-01' + INTERVAL '1' DAY, TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE 'UTC', extract(year FROM d), trim(both 'x' from y)",
		"SELECT sum(a) OVER w FROM t GROUP BY GROUPING SETS ((a, b), ()) HAVING true WINDOW w AS (ORDER BY a)",
		"SELECT json_value('x', 'lax $.a' RETURNING integer DEFAULT 0 ON EMPTY ERROR ON ERROR), json_object('a' : 1, KEY 'b' VALUE 2 ABSENT ON NULL)",
		"SELECT CASE WHEN a THEN 1 ELSE 2 END, CASE a WHEN 1 THEN 'x' END, ARRAY[1,2][1], m['k'], listagg(x, ',') WITHIN GROUP (ORDER BY y)",
		"VALUES (1, 'a'), ROW(2, 'b'), 3;", "SELECT a limit, b offset FROM t LIMIT ALL", "SELECT (x, y) -> x, ((1)), ((SELECT 1)), (((SELECT 1)) + 1)",
		"SELECT DOUBLE PRECISION '1', U&'d\\0061t\\+000061', X'00 ff', 1e10, .5, 1_000, 0xFF",
		"SELECT date, year, \"select\" FROM \"$path\" -- end",
	} {
		if _, err := ParseQuery(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("SELECT a FROM t WHERE x = 'y'")
	f.Add("SELECT 0!")
	f.Add("WITH a AS (VALUES (1, ARRAY[2])) SELECT transform(b, x -> x) FROM a")
	f.Fuzz(func(t *testing.T, src string) {
		q, err := ParseQuery(src)
		if (q == nil) == (err == nil) {
			t.Fatalf("query %v with error %v", q, err)
		}
		if e, ok := err.(*Error); err != nil && (!ok || e.Line < 1 || e.Col < 1) {
			t.Fatalf("error without a place: %v", err)
		}
	})
}
