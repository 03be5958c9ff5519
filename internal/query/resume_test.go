package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
)

// interrupt leaves a query behind as the end of a process would.
func (v *env) interrupt(id, text, target string, starts int) {
	v.t.Helper()
	x := &Execution{ID: id, Workgroup: Primary, State: Running, Submitted: v.engine.clock.Now(), Text: text, Database: "db", OutputLocation: "s3://lake/results/" + id, Target: target, Starts: starts, Rows: 5}
	if strings.HasPrefix(text, "SELECT") {
		x.OutputLocation += ".csv"
	}
	var b kv.Batch
	kv.Put(&b, executionKey(scope, id), x)
	kv.Put(&b, runningKey(scope, id), runningRef{scope, id})
	if err := kv.Commit(v.t.Context(), v.kv, &b); err != nil {
		v.t.Fatal(err)
	}
}

func TestResume(t *testing.T) {
	v := newEnv(t)
	v.put("t/a", "1\n2\n")
	v.exec("CREATE EXTERNAL TABLE t (n bigint) STORED AS TEXTFILE LOCATION 's3://lake/t/'")
	v.exec("CREATE TABLE made WITH (external_location = 's3://lake/made/') AS SELECT 7 n")
	v.interrupt("select", "SELECT sum(n) FROM t", "", 1)
	v.interrupt("queued", "SELECT 3", "", 0)
	v.interrupt("often", "SELECT 4", "", maxStarts)
	v.put("t/20260101_000000_0_insert.gz", "half of what it would have written")
	v.interrupt("insert", "INSERT INTO t VALUES (10)", "s3://lake/t/", 1)
	v.put("ctas/20260101_000000_0_ctas", "half of what it would have written")
	v.interrupt("ctas", "CREATE TABLE c WITH (external_location = 's3://lake/ctas/') AS SELECT 5 n", "s3://lake/ctas/", 1)
	v.interrupt("made", "CREATE TABLE made WITH (external_location = 's3://lake/made/') AS SELECT 7 n", "s3://lake/made/", 1)
	v.put("unload/20260101_000000_0_unload.gz", "half of what it would have written")
	v.interrupt("unload", "UNLOAD (SELECT 6 n) TO 's3://lake/unload/' WITH (format = 'JSON')", "s3://lake/unload/", 1)
	v.interrupt("ddl", "CREATE DATABASE other", "", 1)
	v.interrupt("stopped", "SELECT 8", "", 1)

	v.open()
	if err := v.engine.Stop(t.Context(), scope, "stopped"); err != nil {
		t.Fatal(err)
	}
	if err := v.engine.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]State{"select": Succeeded, "queued": Succeeded, "often": Failed, "insert": Succeeded, "ctas": Succeeded, "made": Succeeded, "unload": Succeeded, "ddl": Failed, "stopped": Cancelled} {
		x := v.ended(id)
		if x.State != want || x.Retryable != (want == Failed) || want == Failed && !strings.Contains(x.Reason, "interrupted by a stop of the server") {
			t.Errorf("%s: %s, %s", id, x.State, x.Reason)
		}
		if want == Succeeded && id != "made" && x.Starts < 1+btoi(id != "queued") {
			t.Errorf("%s: began %d times", id, x.Starts)
		}
	}
	if n := len(v.keys("t/")); n != 2 {
		t.Errorf("%d objects of t: %v", n, v.keys("t/"))
	}
	for _, folder := range []string{"ctas/", "made/", "unload/"} {
		if n := len(v.keys(folder)); n != 1 {
			t.Errorf("%d objects in %s", n, folder)
		}
	}
	for sql, want := range map[string]string{"SELECT sum(n) FROM t": "13", "SELECT count(*), sum(n) FROM c": "1 5", "SELECT n FROM made": "7"} {
		x := v.exec(sql)
		r, err := v.engine.Results(t.Context(), x, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range r.Rows[len(r.Rows)-1] {
			got = append(got, *c)
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", sql, diff)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
