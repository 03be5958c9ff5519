package query

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// TestConstructs checks the documented constructs against what a Trino server answered for them: type and value, or the
// name of the error. What is refused must be refused by name; anything else is a failure.
func TestConstructs(t *testing.T) {
	raw, err := os.ReadFile("testdata/constructs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	pool := duck.NewPool(duck.Options{Threads: 1})
	defer pool.Close()
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")[1:]
	refused := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 3)
	for _, line := range lines {
		f := strings.Split(line, "\t")
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-slots; wg.Done() }()
			typ, value, err := evaluate(t, pool, f[1])
			switch {
			case err != nil && strings.HasPrefix(err.Error(), "NOT_SUPPORTED"):
				mu.Lock()
				refused++
				mu.Unlock()
			case f[2] == "error":
				if err == nil || !strings.HasPrefix(err.Error(), f[3]+": ") {
					t.Errorf("%s: %v, want %s", f[1], err, f[4])
				}
			case err != nil:
				t.Errorf("%s: %v", f[1], err)
			case plain(typ) != plain(f[3]) || !sameText(value, f[4]):
				t.Errorf("%s:\n got %s %s\nwant %s %s", f[1], typ, value, f[3], f[4])
			}
		}()
	}
	wg.Wait()
	if refused > 17 {
		t.Errorf("%d of %d constructs are refused", refused, len(lines))
	}
}

// TestQuirks checks where Trino's answer is not what the statement seems to say. want is the cells of the result, or the error.
func TestQuirks(t *testing.T) {
	pool := duck.NewPool(duck.Options{Threads: 1})
	defer pool.Close()
	for _, c := range []struct{ sql, want string }{
		// The argument of typeof is computed.
		{"SELECT typeof(sum(v)) FROM (VALUES BIGINT '9223372036854775807', BIGINT '1') t(v)", "NUMERIC_VALUE_OUT_OF_RANGE: "},
		{"SELECT typeof(1/0)", "DIVISION_BY_ZERO: "},
		{"SELECT typeof(sum(v)) FROM (VALUES 1, 2) t(v)", "bigint"},
		// A reader of an array stops when it knows the answer.
		{"SELECT json_array_get('[1,2', 0), json_array_get('[1,2', -1), json_array_contains('[1,2', 1), json_array_contains('[1,2', 3)", "1|NULL|true|NULL"},
		// Signs of zeros survive sorting.
		{"SELECT v FROM (VALUES (2, -0e0), (1, 0e0)) t(k, v) ORDER BY v DESC, k", "0.0|-0.0"},
		{"SELECT v FROM (VALUES (2, REAL '-0'), (1, REAL '0')) t(k, v) ORDER BY v, k", "0.0|-0.0"},
		// What the planner cannot free of outer columns is refused, at the subquery or the EXISTS.
		{"SELECT (SELECT max(v)) FROM (VALUES 1, 2) t(v)", "NOT_SUPPORTED: line 1:9: Given correlated"},
		{"SELECT (SELECT sum(x + t.v) FROM (VALUES 1) u(x)) FROM (VALUES 1, 2) t(v)", "NOT_SUPPORTED: line 1:9: Given correlated"},
		{"SELECT * FROM (VALUES ARRAY[1, 2]) t(a) WHERE EXISTS (SELECT 1 FROM UNNEST(a) u(e) WHERE e = 2)", "NOT_SUPPORTED: line 1:47: Given correlated"},
		{"SELECT * FROM (VALUES 1, 2) a(id), LATERAL (VALUES a.id, a.id + 1) v(z)", "NOT_SUPPORTED: line 1:45: Given correlated"},
		{"SELECT (SELECT sum(e) FROM UNNEST(a) u(e)) FROM (VALUES ARRAY[1, 2]) t(a)", "3"},
		{"SELECT (SELECT max(x) FROM (VALUES (1, 7)) u(v, x) WHERE u.v = t.v) FROM (VALUES 1) t(v)", "7"},
		{"SELECT (SELECT count(*) FROM (VALUES 1) u(x), UNNEST(ARRAY[x, 2]) w(e) WHERE e = 2) FROM (VALUES 1) t(x)", "1"},
		// = ALL by the least and the greatest value.
		{"SELECT a = ALL (VALUES 1, 2), a <> ANY (VALUES 1, 2) FROM (VALUES CAST(NULL AS integer)) t(a)", "false|true"},
		{"SELECT a = ALL (VALUES 1, NULL), a <> ANY (VALUES 2, NULL) FROM (VALUES 1) t(a)", "NULL|true"},
		{"SELECT 1 = ALL (SELECT 1 WHERE false), 1 <> ANY (SELECT 1 WHERE false), 1 = ALL (VALUES 1, 1)", "true|false|true"},
		{"SELECT 1 = ALL (VALUES (1, 2))", "TYPE_MISMATCH: line 1:10: "},
		// A real keeps all its bits, though its cast to varchar shows seven digits; Java prints two digits of the least numbers.
		{"SELECT REAL '16777217', CAST(REAL '16777217' AS integer), CAST(REAL '16777217' AS varchar), CAST(REAL '3.4028235E38' AS double)", "1.6777216E7|16777216|1.677722E7|3.4028234663852886E38"},
		{"SELECT REAL '1e-45', 4.9e-324, 2e-323, 1e23, CAST(4.9e-324 AS varchar)", "1.4E-45|4.9E-324|2.0E-323|1.0E23|4.9E-324"},
		// Functions of the row's place have no frame; the errors before it come first.
		{"SELECT rank() OVER (ORDER BY v ROWS CURRENT ROW) FROM (VALUES 1) t(v)", "INVALID_WINDOW_FRAME: line 1:32: Cannot specify window frame for rank function"},
		{"SELECT lag(v) OVER w FROM (VALUES 1) t(v) WINDOW w AS (ORDER BY v ROWS CURRENT ROW)", "INVALID_WINDOW_FRAME: line 1:67: "},
		{"SELECT rank(v) OVER (ORDER BY v ROWS CURRENT ROW) FROM (VALUES 1) t(v)", "FUNCTION_NOT_FOUND: line 1:8: "},
		{"SELECT lag(v) OVER (ORDER BY v, k RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (VALUES (1, 1)) t(k, v)", "INVALID_ORDER_BY: line 1:21: "},
		{"SELECT sum(1) OVER (ORDER BY a RANGE 1 PRECEDING) FROM (VALUES ARRAY[1]) t(a)", "TYPE_MISMATCH: line 1:30: Window frame of type RANGE"},
		// Of an interval of several units the last ones may be missing.
		{"SELECT CAST(INTERVAL '1' DAY TO SECOND AS varchar), CAST(INTERVAL '1 2:3' DAY TO SECOND AS varchar), CAST(INTERVAL '1-' YEAR TO MONTH AS varchar), CAST(INTERVAL '' HOUR TO MINUTE AS varchar)", "1 00:00:00.000|1 02:03:00.000|1-0|0 00:00:00.000"},
		{"SELECT INTERVAL '1:2' DAY TO SECOND", "INVALID_LITERAL: line 1:8: "},
		{"SELECT INTERVAL '  1 2' DAY TO HOUR", "INVALID_LITERAL: line 1:8: "},
		{"SELECT INTERVAL '99999999999' DAY", "INVALID_LITERAL: line 1:8: "},
		// Differences round half up to a millisecond.
		{"SELECT CAST(TIMESTAMP '1970-01-01 00:00:00.0005' - TIMESTAMP '1970-01-01 00:00:00' AS varchar), CAST(TIMESTAMP '1969-12-31 23:59:59.9995' - TIMESTAMP '1970-01-01 00:00:00' AS varchar)", "0 00:00:00.001|0 00:00:00.000"},
		{"SELECT CAST(TIMESTAMP '2024-02-29 12:34:56.789' AS time with time zone)", "12:34:56.789+00:00"},
		// Signs, nothing and what is not a number.
		{"SELECT +1.5", "TYPE_MISMATCH: line 1:8: Unary '+' operator cannot by applied to decimal(2,1) type"},
		{"SELECT NULL[1]", "NULL"},
		{"SELECT codepoint('')", "INVALID_FUNCTION_ARGUMENT: "},
		{"SELECT format_number(-0.4e0), format_number(999.6e0), format_number(-1234e0)", "0|999|-1.23K"},
		{"SELECT round(7, -18), round(7e0, -400)", "0|NaN"},
		{"SELECT round(7, -19)", "NUMERIC_VALUE_OUT_OF_RANGE: "},
		{"SELECT bitwise_left_shift(SMALLINT '7', -256), bitwise_right_shift_arithmetic(-7, -64), bitwise_left_shift(7, -1)", "7|-7|0"},
		{"SELECT json_array_contains('[1.5', infinity()), from_utf8(X'41', BIGINT '-2')", "false|A"},
		{"SELECT euclidean_distance(ARRAY[1e0, 0.975e0], ARRAY[3, 3])", "2.8461596933411872"},
		// Blanks of a char count in a part of it, and it is no varbinary; a uuid is a varchar without a length only.
		{"SELECT length(substr(CAST('ab' AS char(4)), 2)), substr(CAST('ab' AS char(4)), -2) || 'x'", "3|  x"},
		{"SELECT CAST(CAST('a' AS char(2)) AS varbinary)", "TYPE_MISMATCH: line 1:8: "},
		{"SELECT CAST(UUID '00000000-0000-0000-0000-000000000000' AS varchar(36))", "TYPE_MISMATCH: line 1:8: "},
		// Large integers of JSON keep their digits; doubles as keys of JSON have no cast's form.
		{"SELECT CAST(JSON '12345678901234567890' AS varchar), CAST(JSON '[12345678901234567890, 1.5]' AS array(varchar))", "12345678901234567890|[12345678901234567890, 1.5E0]"},
		{"SELECT CAST(JSON '12345678901234567890' AS boolean)", "INVALID_CAST_ARGUMENT: "},
		{"SELECT CAST(MAP(ARRAY[100e0, 1e10], ARRAY[1, 2]) AS json)", `{"1.0E10":2,"100.0":1}`},
		{"SELECT json_value('2024-03-05T13:04:05Z', 'lax $.e' DEFAULT 'd' ON EMPTY)", "NULL"},
		// The longer array gives the order, nothing to take away leaves all.
		{"SELECT array_intersect(ARRAY[1, 2, 3], ARRAY[3, 2, 3, 4]), array_intersect(ARRAY[1, 2, 3], ARRAY[3, 2, 1]), array_except(ARRAY['b', 'b'], ARRAY[])", "[3, 2]|[1, 2, 3]|[b, b]"},
		{"SELECT width_bucket(7, ARRAY[1e0, 1e0])", "2"},
		// NaN is less and greater than nothing, wherever it comes from.
		{"SELECT infinity() < nan(), abs(nan()) >= 1e0, ceiling(1e0) <= nan(), ceiling(1e0) <> abs(nan()), ceiling(infinity()) BETWEEN 1e0 AND nan(), REAL '1' < CAST(abs(nan()) AS real)", "false|false|false|true|false|false"},
		{"SELECT v FROM (VALUES nan(), 1e0) t(v) WHERE abs(v) > 0.5e0", "1.0"},
		// Times with zones are ordered by the time of day in UTC.
		{"SELECT TIME '21:00:00 -11:30' > TIME '00:00:00 -11:30', TIME '04:00:00 +00:00' = TIME '23:00:00 -05:00'", "false|true"},
		{"SELECT CAST(avg(v) AS varchar) FROM (VALUES INTERVAL '0' MONTH, INTERVAL '-13' MONTH) t(v)", "-0-6"},
		{"SELECT date_format(TIMESTAMP '2024-12-31 23:59:59.999999', '%Y %f'), format_datetime(TIMESTAMP '1969-12-31 23:59:59.999999 UTC', 'yyyy SSS')", "2025 000000|1970 000"},
		{"SELECT CAST(TIMESTAMP '1969-12-31 23:59:59.5' AS time(1)), CAST(TIMESTAMP '1970-01-01 23:59:59.5' AS time(1))", "23:59:58.5|23:59:59.5"},
		{"SELECT map_concat(MAP(ARRAY[1], ARRAY[2]))", "INVALID_FUNCTION_ARGUMENT: "},
		{"SELECT normal_cdf(0, nan(), 1)", "INVALID_FUNCTION_ARGUMENT: "},
		// Some failures have no place, or come before the choice of a function.
		{"SELECT trim(1)", "FUNCTION_NOT_FOUND: Unexpected parameters (integer) for function trim."},
		{"SELECT concat('a')", "INVALID_FUNCTION_ARGUMENT: There must be two or more concatenation arguments"},
		{"SELECT concat_ws('a')", "INVALID_FUNCTION_ARGUMENT: There must be two or more arguments"},
		{"SELECT * FROM (VALUES ARRAY[1]) t(a) JOIN UNNEST(a) u(e) ON e = 1", "NOT_SUPPORTED: line 1:63: INNER JOIN involving UNNEST is only supported with condition ON TRUE"},
		{"SELECT 1 UNION SELECT 2 ORDER BY 1700000000", "INVALID_COLUMN_REFERENCE: line 1:34: "},
	} {
		_, got, err := evaluate(t, pool, c.sql)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestExecuteImmediate_PlacesOfErrors(t *testing.T) {
	for text, want := range map[string]string{
		"EXECUTE IMMEDIATE 'SELECT foo'":                "line 1:27: Column 'foo' cannot be resolved",
		"EXECUTE IMMEDIATE 'SELECT ?'":                  "line 1:20: Incorrect number of parameters: expected 1 but found 0",
		"EXECUTE\n IMMEDIATE 'SELECT 1,\n foo'":         "line 3:2: Column 'foo' cannot be resolved",
		"EXECUTE IMMEDIATE 'SELECT (' USING 1":          "line 1:28: ",
		"EXECUTE IMMEDIATE   'SELECT 1' USING 1":        "line 1:22: Incorrect number of parameters: expected 0 but found 1",
		"EXECUTE IMMEDIATE 'SELECT x FROM (SELECT 1)b'": "line 1:27: Column 'x' cannot be resolved",
	} {
		st, err := parse.ParseStatement(text)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := parse.ParseImmediate(st)
		if err == nil {
			_, err = sqlfront.Analyze(t.Context(), inner.Query, sqlfront.Options{Database: "default", Parameters: st.Using, Start: inner.Pos})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func plain(typ string) string { return strings.ReplaceAll(typ, ", ", ",") }

// sameText compares two values; the recording writes numbers, NULL and no rows in a form of its own.
func sameText(got, want string) bool {
	want = strings.ReplaceAll(want, "NULL", "null")
	if want == "EMPTY" {
		want = ""
	}
	x, err1 := strconv.ParseFloat(got, 64)
	y, err2 := strconv.ParseFloat(want, 64)
	return strings.ReplaceAll(got, "NULL", "null") == want || err1 == nil && err2 == nil && x == y
}

func evaluate(t *testing.T, pool *duck.Pool, expr string) (typ, value string, err error) {
	text := expr
	if !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "WITH") {
		text = "SELECT " + text
	}
	q, err := parse.ParseQuery(text)
	if err != nil {
		return "", "", err
	}
	plan, err := sqlfront.Analyze(t.Context(), q, sqlfront.Options{Now: time.Now(), Database: "default"})
	if err != nil {
		return "", "", err
	}
	res, err := pool.Run(t.Context(), duck.Job{Functions: plan.Functions, Statements: []string{plan.SQL}})
	if err != nil {
		return "", "", sqlfront.RuntimeError(err)
	}
	rows, err := res.All()
	if err != nil {
		return "", "", sqlfront.RuntimeError(err)
	}
	var cells []string
	for _, r := range rows {
		for i, c := range plan.Columns {
			cells = append(cells, clientText(r[i], c.Type))
		}
	}
	return plan.Columns[0].Type.String(), strings.Join(cells, "|"), nil
}

// clientText prints a value with all the digits of its type, as Trino's client does.
func clientText(v any, t types.Type) string {
	if v == nil {
		return "NULL"
	}
	if t.Is(types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ) {
		s, _ := scalar.Text(v, t)
		return s
	}
	s, _ := Text(v, t)
	return s
}
