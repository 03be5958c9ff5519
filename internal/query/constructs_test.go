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
