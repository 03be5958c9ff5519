package duck_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
)

// The test binary is its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == duck.WorkerArg {
		os.Exit(duck.WorkerMain(library{}))
	}
	os.Exit(m.Run())
}

type library struct{}

func (library) Bind(f duck.Function) (func([]any) (any, error), error) {
	switch f.Impl {
	case "echo":
		return func(a []any) (any, error) { return a[0], nil }, nil
	case "fail":
		return func(a []any) (any, error) { return nil, fmt.Errorf("refused %v", a[0]) }, nil
	case "panic":
		return func([]any) (any, error) { panic("at the disco") }, nil
	case "exit":
		return func([]any) (any, error) { os.Exit(3); return nil, nil }, nil
	case "sleep":
		return func(a []any) (any, error) { time.Sleep(time.Hour); return a[0], nil }, nil
	case "isnull":
		return func(a []any) (any, error) { return a[0] == nil, nil }, nil
	}
	return nil, fmt.Errorf("no such function")
}

func newPool(t *testing.T, o duck.Options) *duck.Pool {
	t.Helper()
	p := duck.NewPool(o)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func run(t *testing.T, p *duck.Pool, job duck.Job) ([][]any, error) {
	t.Helper()
	res, err := p.Run(t.Context(), job)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	return res.All()
}

func TestValuesOfEveryType(t *testing.T) {
	p := newPool(t, duck.Options{})
	cases := []struct {
		sql  string
		want any
	}{
		{"true", true}, {"-7::TINYINT", int64(-7)}, {"9223372036854775807", int64(9223372036854775807)},
		{"1.5::FLOAT", float32(1.5)}, {"1e300::DOUBLE", 1e300}, {"'a' || chr(0)", "a\x00"}, {"'\\x00ff'::BLOB", []byte{0, 'f', 'f'}},
		{"-1234567890123456789012345678.90::DECIMAL(38,2)", bigInt("-123456789012345678901234567890")},
		{"DATE '1969-12-31'", int64(-1)}, {"TIME '00:00:01.000002'", int64(1000002)},
		{"TIMESTAMP '1970-01-01 00:00:00.000001'", int64(1)}, {"NULL", nil},
		{"[1, NULL]", []any{int64(1), nil}}, {"{'a': 'x', 'b': [DATE '1970-01-02']}", []any{"x", []any{int64(1)}}},
		{"MAP {'k': 1}", []any{[]any{"k", int64(1)}}}, {"170141183460469231731687303715884105727::HUGEINT", bigInt("170141183460469231731687303715884105727")},
	}
	for _, c := range cases {
		rows, err := run(t, p, duck.Job{Statements: []string{"SELECT " + c.sql}})
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if d := cmp.Diff(c.want, rows[0][0], cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); d != "" {
			t.Errorf("%s: %s", c.sql, d)
		}
	}
}

func bigInt(s string) *big.Int {
	v, _ := new(big.Int).SetString(s, 10)
	return v
}

func TestFunctions(t *testing.T) {
	p := newPool(t, duck.Options{})
	f := func(name, impl string, typ value.Type) duck.Function {
		return duck.Function{Name: name, Impl: impl, Args: []value.Type{typ}, Result: typ}
	}
	row := value.Type{Kind: value.Struct, Fields: []value.Field{{Name: "f0", Type: value.Of(value.Date)}, {Name: "f1", Type: value.ListOf(value.DecimalOf(10, 2))}}}
	rows, err := run(t, p, duck.Job{
		Functions:  []duck.Function{f("e", "echo", row)},
		Statements: []string{"SELECT e({'f0': DATE '2024-01-01', 'f1': [1.25, NULL]}) = {'f0': DATE '2024-01-01', 'f1': [1.25::DECIMAL(10,2), NULL]}"},
	})
	if err != nil || rows[0][0] != true {
		t.Errorf("echo of a struct: %v %v", rows, err)
	}
	isNull := f("isnull", "isnull", value.Of(value.BigInt))
	isNull.CallOnNull, isNull.Result = true, value.Of(value.Boolean)
	rows, err = run(t, p, duck.Job{Functions: []duck.Function{isNull}, Statements: []string{"SELECT isnull(NULL)"}})
	if err != nil || rows[0][0] != true {
		t.Errorf("NULL was not passed: %v %v", rows, err)
	}
	failing := []duck.Function{f("fail", "fail", value.Of(value.BigInt)), f("boom", "panic", value.Of(value.BigInt))}
	for sql, want := range map[string]string{"SELECT fail(7)": "refused 7", "SELECT boom(7)": "at the disco", "SELECT fail(i) FROM range(3) t(i)": "refused"} {
		if _, err := run(t, p, duck.Job{Functions: failing, Statements: []string{sql}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", sql, err, want)
		}
	}
	rows, err = run(t, p, duck.Job{Functions: failing, Statements: []string{"SELECT TRY(fail(i)), i FROM range(2) t(i)"}})
	if err != nil || len(rows) != 2 || rows[0][0] != nil {
		t.Errorf("TRY over a failing function: %v %v", rows, err)
	}
}

func TestWorkerDeathIsTheJobsErrorOnly(t *testing.T) {
	p := newPool(t, duck.Options{})
	f := duck.Function{Name: "x", Impl: "exit", Args: []value.Type{value.Of(value.BigInt)}, Result: value.Of(value.BigInt)}
	if _, err := run(t, p, duck.Job{Functions: []duck.Function{f}, Statements: []string{"SELECT x(1)"}}); !errors.Is(err, duck.ErrWorkerLost) {
		t.Errorf("error %v, want ErrWorkerLost", err)
	}
	if rows, err := run(t, p, duck.Job{Statements: []string{"SELECT 1"}}); err != nil || rows[0][0] != int64(1) {
		t.Errorf("next job: %v %v", rows, err)
	}
}

func TestCancelEndsARunningJob(t *testing.T) {
	p := newPool(t, duck.Options{})
	f := duck.Function{Name: "x", Impl: "sleep", Volatile: true, Args: []value.Type{value.Of(value.BigInt)}, Result: value.Of(value.BigInt)}
	ctx, cancel := context.WithCancel(t.Context())
	job := duck.Job{Functions: []duck.Function{f}, Statements: []string{"SELECT x(i) FROM range(3) t(i)"}, OnStart: cancel}
	if _, err := p.Run(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestLockDown(t *testing.T) {
	p := newPool(t, duck.Options{})
	dir, out := t.TempDir(), t.TempDir()
	allowed, secret := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv")
	for _, f := range []string{allowed, secret} {
		if err := os.WriteFile(f, []byte("x\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	try := func(sql string) error {
		_, err := run(t, p, duck.Job{ReadPaths: []string{allowed}, WriteDirs: []string{out}, Statements: []string{sql}})
		return err
	}
	for _, sql := range []string{
		"SELECT * FROM read_csv('" + allowed + "')",
		"COPY (SELECT 1 AS a) TO '" + filepath.Join(out, "o.parquet") + "' (FORMAT parquet)",
	} {
		if err := try(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM read_text('/etc/passwd')", "ATTACH '/tmp/x.db'",
		"COPY (SELECT 1) TO '/tmp/tarn-duck-test.csv'", "SET memory_limit='10GB'", "SET enable_external_access=true", "INSTALL httpfs",
	} {
		if err := try(sql); err == nil {
			t.Errorf("%s succeeded", sql)
		}
	}
}

func TestInstancesAreFresh(t *testing.T) {
	p := newPool(t, duck.Options{MaxConcurrent: 1, Idle: 1})
	if _, err := run(t, p, duck.Job{Statements: []string{"CREATE TABLE t(i INT)", "SELECT * FROM t"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, p, duck.Job{Statements: []string{"SELECT * FROM t"}}); err == nil {
		t.Error("a job sees another job's table")
	}
}

// An idle worker that ends is noticed: the next job runs on another one.
func TestIdleWorkerThatEndsIsReplaced(t *testing.T) {
	var workers []*exec.Cmd
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, duck.Options{MaxConcurrent: 1, Command: func(ctx context.Context) *exec.Cmd {
		c := exec.CommandContext(ctx, self, duck.WorkerArg)
		workers = append(workers, c)
		return c
	}})
	if len(workers) != 0 {
		t.Error("a worker was started before the first job")
	}
	for i := range 3 {
		if rows, err := run(t, p, duck.Job{Statements: []string{"SELECT 1"}}); err != nil || len(rows) != 1 {
			t.Fatalf("job %d: %v %v", i, rows, err)
		}
		p.Settle()
		w := workers[len(workers)-1]
		if err := w.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.AwaitEnd()
	}
	if len(workers) != 3 {
		t.Errorf("%d workers were started for 3 jobs", len(workers))
	}
}

func TestIdleWorkersEnd(t *testing.T) {
	c := clock.NewFake(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	p := newPool(t, duck.Options{Clock: c, IdleAfter: time.Minute})
	if _, err := run(t, p, duck.Job{Statements: []string{"SELECT 1"}}); err != nil {
		t.Fatal(err)
	}
	p.Settle()
	for p.Idle() > 0 {
		c.Advance(time.Minute)
		runtime.Gosched()
	}
	if _, err := run(t, p, duck.Job{Statements: []string{"SELECT 1"}}); err != nil {
		t.Errorf("after the workers have ended: %v", err)
	}
}

func BenchmarkFreshWorker(b *testing.B) {
	for b.Loop() {
		p := duck.NewPool(duck.Options{})
		res, err := p.Run(b.Context(), duck.Job{Statements: []string{"SELECT 1"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := res.All(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = p.Close()
		b.StartTimer()
	}
}

func BenchmarkSmallQuery(b *testing.B) {
	p := duck.NewPool(duck.Options{})
	defer p.Close()
	for b.Loop() {
		res, err := p.Run(b.Context(), duck.Job{Statements: []string{"SELECT 1"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := res.All(); err != nil {
			b.Fatal(err)
		}
	}
}
