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
