package etl

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// run starts a job, waits for the end of the run and returns it.
func (f *fixture) run(t *testing.T, req StartRequest) Run {
	t.Helper()
	id, err := f.Start(t.Context(), scope, req)
	if err != nil {
		t.Fatal(err)
	}
	return f.wait(t, id)
}

func (f *fixture) wait(t *testing.T, id string) Run {
	t.Helper()
	for {
		select {
		case r := <-f.ended:
			if r.ID == id {
				return r
			}
		case <-time.After(60 * time.Second):
			t.Fatalf("run %s did not end; log:\n%s", id, f.logs.text())
		}
	}
}

func TestRun_EndsAsTheScriptEnds(t *testing.T) {
	f := open(t)
	for name, c := range map[string]struct {
		script string
		state  State
		err    string
	}{
		"ok":       {"print('hello')\n", Succeeded, ""},
		"exit0":    {"import sys\nsys.exit(0)\n", Succeeded, ""},
		"exit3":    {"import sys\n\nsys.exit(3)\n", Failed, "SystemExit: 3 (line 3 of the script)"},
		"raises":   {"def f():\n    raise KeyError('day')\n\nf()\n", Failed, "KeyError: 'day' (line 2 of the script)"},
		"syntax":   {"x = 1\nif x\n    pass\n", Failed, "SyntaxError: expected ':' (syntax.py, line 2) (line 2 of the script)"},
		"vanishes": {"import os\nos._exit(7)\n", Failed, "the script ended with exit status 7"},
	} {
		t.Run(name, func(t *testing.T) {
			f.create(t, shellJob(name), c.script)
			r := f.run(t, StartRequest{Job: name})
			if diff := cmp.Diff(c.err, r.Error); diff != "" || r.State != c.state {
				t.Errorf("state %s, want %s; error:\n%s", r.State, c.state, diff)
			}
			if r.Engine != "shell" || r.Starts != 1 || r.Completed.IsZero() {
				t.Errorf("record %+v", r)
			}
		})
	}
	if log := f.logs.text(); !strings.Contains(log, "output: hello") || !strings.Contains(log, `error:   File "`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestRun_ArgumentsAndModules(t *testing.T) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("packed/__init__.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("WHAT = 'from the archive'\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f := open(t)
	f.objects.put("code/helper.py", "def double(x):\n    return 2 * x\n")
	f.objects.put("code/lib.zip", archive.String())
	f.objects.put("code/words.txt", "some words")
	j := shellJob("args")
	j.Arguments = map[string]string{
		"--day": "01", "--extra-py-files": "s3://code/helper.py, s3://code/lib.zip", "--extra-files": "s3://code/words.txt", "--empty": "", "--dashes": "--x",
	}
	j.Fixed = map[string]string{"--fixed": "yes"}
	f.create(t, j, `import sys, helper, packed
from awsglue.utils import getResolvedOptions
o = getResolvedOptions(sys.argv, ["JOB_NAME", "day", "fixed", "empty", "dashes"])
print(o["JOB_NAME"], o["day"], o["fixed"], repr(o["empty"]), o["dashes"], helper.double(4), packed.WHAT, open("words.txt").read())
`)
	r := f.run(t, StartRequest{Job: "args", Arguments: map[string]string{"--day": "02"}})
	if r.State != Succeeded {
		t.Fatalf("%s: %s", r.State, r.Error)
	}
	if want := "output: args 02 yes '' --x 8 from the archive some words"; !strings.Contains(f.logs.text(), want) {
		t.Errorf("want %q in:\n%s", want, f.logs.text())
	}
	for _, bad := range []map[string]string{{"--fixed": "no"}, {"day": "03"}} {
		if _, err := f.Start(t.Context(), scope, StartRequest{Job: "args", Arguments: bad}); !errors.Is(err, ErrBadInput) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestRun_RefusesModulesThatWouldRunCode(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("pip"), "print('ran')\n")
	for _, m := range []string{"-r/etc/passwd", "/tmp/x.tar.gz", "git+https://example.com/x", "x @ https://example.com/x.tar.gz", "s3://code/x.tar.gz", "../x", "a b"} {
		r := f.run(t, StartRequest{Job: "pip", Arguments: map[string]string{"--additional-python-modules": m}})
		if r.State != Failed || !strings.Contains(r.Error, "--additional-python-modules: want NAME") {
			t.Errorf("%s: %s %s", m, r.State, r.Error)
		}
	}
	for _, m := range []string{"pandas", "pandas==2.1.0", "pandas>=2", "s3fs[boto3]", "ruamel.yaml~=0.17"} {
		if !requirement.MatchString(m) {
			t.Errorf("%s is refused", m)
		}
	}
}

func TestRun_SandboxHoldsNoSecretsOfTarn(t *testing.T) {
	t.Setenv("TARN_TEST_SECRET", "do not leak")
	f := open(t)
	f.create(t, shellJob("env"), "import os\nprint(sorted(k for k in os.environ if 'SECRET' in k))\nprint(os.getcwd() == os.environ['HOME'])\n")
	if r := f.run(t, StartRequest{Job: "env"}); r.State != Succeeded {
		t.Fatalf("%s: %s", r.State, r.Error)
	}
	if log := f.logs.text(); !strings.Contains(log, "output: ['AWS_SECRET_ACCESS_KEY']") || !strings.Contains(log, "output: True") {
		t.Error(log)
	}
}

func TestRun_Timeout(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("slow"), "import time\ntime.sleep(600)\n")
	if r := f.run(t, StartRequest{Job: "slow", Timeout: 300 * time.Millisecond}); r.State != TimedOut || !strings.Contains(r.Error, "300ms") {
		t.Errorf("%s: %s", r.State, r.Error)
	}
}

func TestRun_RetriesAreRunsOfTheirOwn(t *testing.T) {
	f := open(t)
	j := shellJob("again")
	j.MaxRetries = 2
	f.create(t, j, "raise ValueError('no')\n")
	id, err := f.Start(t.Context(), scope, StartRequest{Job: "again"})
	if err != nil {
		t.Fatal(err)
	}
	last := f.wait(t, id+"_attempt_2")
	if last.Attempt != 2 || last.Previous != id+"_attempt_1" || last.State != Failed {
		t.Errorf("last attempt %+v", last)
	}
	runs, _, err := f.Runs(t.Context(), scope, "again", time.Time{}, 0)
	if err != nil || len(runs) != 3 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

func TestRun_StopAndConcurrency(t *testing.T) {
	f := open(t)
	j := shellJob("two")
	j.MaxConcurrent = 2
	f.create(t, j, "import time\ntime.sleep(600)\n")
	var ids []string
	for range 2 {
		id, err := f.Start(t.Context(), scope, StartRequest{Job: "two"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if _, err := f.Start(t.Context(), scope, StartRequest{Job: "two"}); !errors.Is(err, ErrConcurrent) {
		t.Errorf("a third run: %v", err)
	}
	for _, id := range ids {
		if err := f.Stop(t.Context(), scope, "two", id); err != nil {
			t.Error(err)
		}
		if r := f.wait(t, id); r.State != Stopped {
			t.Errorf("%s: %s", r.State, r.Error)
		}
	}
	if err := f.Stop(t.Context(), scope, "two", ids[0]); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stop twice: %v", err)
	}
	if err := f.Stop(t.Context(), scope, "two", "jr_none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("stop of a run that is absent: %v", err)
	}
}

func TestDelete_StopsRuns(t *testing.T) {
	f := open(t)
	for _, name := range []string{"gone", "stays"} {
		f.create(t, shellJob(name), "import time\ntime.sleep(600)\n")
	}
	var ids []string
	for _, name := range []string{"gone", "stays"} {
		id, err := f.Start(t.Context(), scope, StartRequest{Job: name, Token: "one token"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] == ids[1] {
		t.Errorf("two jobs have one run: %s", ids[0])
	}
	f.Service.mu.Lock()
	gone, stays := f.live[ids[0]], f.live[ids[1]]
	f.Service.mu.Unlock()
	if err := f.Delete(t.Context(), scope, "gone"); err != nil {
		t.Fatal(err)
	}
	if a, b := gone.endedBy(), stays.endedBy(); a != "stopped" || b != "" {
		t.Errorf("the runs are ended by %q and %q", a, b)
	}
}

// A run that a crash of Tarn interrupted starts anew as the same run; what its earlier start has staged is not taken for its own.
func TestRun_InterruptedStartsAnew(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("again"), "print('again')\n")
	r := Run{ID: "jr_1", Job: "again", State: Running, Starts: 1, Role: "role", Timeout: time.Minute, Started: time.Unix(1e9, 0), FilesMade: 3, BytesMade: 3}
	before := newExecution(f.Service, scope, shellJob("again"), r, nil)
	staged, _, err := before.stage(t.Context(), "s3://lake/out/", "append")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.change(t.Context(), func(st *step) error { f.addRun(&st.Batch, scope, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = f.wait(t, "jr_1")
	if r.State != Succeeded || r.Starts != 2 || r.FilesMade+int(r.BytesMade) != 0 || r.Execution <= 0 {
		t.Errorf("%+v", r)
	}
	after := newExecution(f.Service, scope, shellJob("again"), r, nil)
	if again, _, err := after.stage(t.Context(), "s3://lake/out/", "append"); err != nil || again == staged {
		t.Errorf("the second start stages in %s as the first did, %v", again, err)
	}
}

func TestStart_OnceForOneToken(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("once"), "print('once')\n")
	a, err := f.Start(t.Context(), scope, StartRequest{Job: "once", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Start(t.Context(), scope, StartRequest{Job: "once", Token: "t"}) // while it runs, though one is allowed
	if err != nil || a != b {
		t.Errorf("%s, then %s %v", a, b, err)
	}
	f.wait(t, a)
	if c, err := f.Start(t.Context(), scope, StartRequest{Job: "once", Token: "t"}); err != nil || a != c {
		t.Errorf("%s, then after its end %s %v", a, c, err)
	}
	if d, err := f.Start(t.Context(), scope, StartRequest{Job: "once", Token: "u"}); err != nil || a == d {
		t.Errorf("another token: %s %v", d, err)
	} else {
		f.wait(t, d)
	}
	if runs, _, err := f.Runs(t.Context(), scope, "once", time.Time{}, 0); err != nil || len(runs) != 2 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

func TestChoose(t *testing.T) {
	f := open(t)
	const read = "df = spark.read.csv('s3://b/x')\n"
	for _, c := range []struct{ command, asked, script, engine, why string }{
		{"pythonshell", "", "", "shell", "Python shell"},
		{"glueetl", "sail", "x.percentile_approx()", "sail", "--tarn-engine"},
		{"glueetl", "spark", read, "spark", "--tarn-engine"},
		{"glueetl", "auto", read, "sail", "verified"},
		{"glueetl", "", "if x\n", "sail", "verified"},
		{"glueetl", "", read + "df.approxQuantile('a', [0.5], 0)", "spark", "approxQuantile (line 2)"},
		{"glueetl", "", "sc._jvm.x()", "spark", "the JVM"},
		{"glueetl", "", "from pyspark.sql.functions import input_file_name", "spark", "input_file_name (line 1)"},
		{"glueetl", "", "spark.sql('select percentile_approx(a, 0.5) from t')", "spark", "SQL percentile_approx (line 1)"},
		{"glueetl", "", "q = 'select percentile_approx(a, 0.5) from t'\nspark.sql(q)", "spark", "SQL percentile_approx (line 1)"},
		{"glueetl", "", "spark.sql('select no_such_function(a) from t')", "spark", "SQL no_such_function (line 1)"},
		{"glueetl", "", "df.write.option('partitionOverwriteMode', 'dynamic')", "spark", "dynamic partition overwrite"},
		{"glueetl", "", "spark.read.option('inferSchema', True)", "spark", "schema inference"},
		{"glueetl", "", "df.select(F.col('a').cast('decimal(10,2)'))", "spark", "decimal"},
		{"glueetl", "", "def approx():\n    return helper.unknown()\n", "sail", "verified"},
	} {
		engine, why, err := f.envs.choose(t.Context(), c.command, c.asked, c.script)
		if err != nil || engine != c.engine || !strings.Contains(why, c.why) {
			t.Errorf("%s %q %q: engine %s because %q, %v; want %s because of %q", c.command, c.asked, c.script, engine, why, err, c.engine, c.why)
		}
	}
	if _, _, err := f.envs.choose(t.Context(), "glueetl", "flink", ""); !errors.Is(err, ErrBadInput) {
		t.Errorf("engine flink: %v", err)
	}
}
