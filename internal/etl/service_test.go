package etl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var scope = ident.Scope{Account: "000000000000", Region: "us-west-2"}

// memObjects is a store of objects in memory. After failAfter further changes it fails, as a crash would leave it.
type memObjects struct {
	store     kv.Store
	mu        sync.Mutex
	data      map[string]string // bucket/key → content
	failAfter int               // -1 = never
}

var errCrash = errors.New("crash")

func (m *memObjects) step() error {
	if m.failAfter == 0 {
		return errCrash
	}
	m.failAfter--
	return nil
}

func (m *memObjects) Read(_ context.Context, _ ident.Scope, _, url string, _ int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.data[strings.TrimPrefix(url, "s3://")]
	if !ok {
		return nil, fmt.Errorf("no object %s", url)
	}
	return []byte(v), nil
}

func (m *memObjects) List(_ context.Context, _ ident.Scope, _, bucket, prefix string) ([]Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Object
	for k, v := range m.data {
		if key, ok := strings.CutPrefix(k, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			found = append(found, Object{Key: key, Size: int64(len(v))})
		}
	}
	slices.SortFunc(found, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	return found, nil
}

func (m *memObjects) Move(ctx context.Context, _ ident.Scope, _, bucket string, moves map[string]string, remove []string, with func(*kv.Batch)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	keep := map[string]bool{}
	for from, to := range moves {
		keep[to] = true
		if v, ok := m.data[bucket+"/"+from]; ok {
			m.data[bucket+"/"+to] = v
			delete(m.data, bucket+"/"+from)
		}
	}
	for _, k := range remove {
		if !keep[k] {
			delete(m.data, bucket+"/"+k)
		}
	}
	if with == nil {
		return nil
	}
	var b kv.Batch
	with(&b)
	if err := kv.Commit(ctx, m.store, &b); err != nil {
		return err
	}
	return m.step() // or the crash comes before the answer
}

func (m *memObjects) put(key, content string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data[key] = content
}

func (m *memObjects) all() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]string{}
	for k, v := range m.data {
		out[k] = v
	}
	return out
}

type anyRole struct{}

func (anyRole) AssumeForService(context.Context, ident.Scope, string, string, string, time.Duration) (Credentials, error) {
	return Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret", SessionToken: "token"}, nil
}

func (anyRole) AssumableBy(_ ident.Scope, role, _ string) error {
	if role == "closed" {
		return errors.New("the role does not trust glue.amazonaws.com")
	}
	return nil
}

type memLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *memLog) Append(_ context.Context, _ ident.Scope, group, _ string, _ time.Time, lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines {
		l.lines = append(l.lines, filepath.Base(group)+": "+line)
	}
}

func (l *memLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

type fixture struct {
	*Service
	objects *memObjects
	logs    *memLog
	ended   chan Run // runs as they end
}

func (f *fixture) RunChanged(_ *kv.Batch, _ ident.Scope, r Run) {
	if r.State.Ended() {
		f.ended <- r
	}
}

func open(t *testing.T) *fixture {
	t.Helper()
	sb, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	g := lifecycle.New(context.Background(), quiet)
	f := &fixture{objects: &memObjects{data: map[string]string{}, failAfter: -1}, logs: &memLog{}, ended: make(chan Run, 20)}
	dir := t.TempDir()
	f.objects.store = kvtest.New(t)
	f.Service, err = Open(t.Context(), Options{
		Store: f.objects.store, Objects: f.objects, Roles: anyRole{}, Sandbox: sb, Dir: dir, Group: g, Logs: f.logs, Events: f, Logger: quiet,
		Endpoint: func() string { return "http://127.0.0.1:9" },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	// The environment of Python shell jobs without what pip would install.
	base, _, err := findPython(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "venv", environmentName("shell", base), "bin")
	if err := errors.Join(os.MkdirAll(bin, 0o755), os.Symlink(base, filepath.Join(bin, "python")), os.WriteFile(filepath.Join(bin, "..", "complete"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	return f
}

func shellJob(name string) Job {
	return Job{Name: name, Role: "role", Command: Command{Name: "pythonshell", Script: "s3://code/" + name + ".py"}}
}

func (f *fixture) create(t *testing.T, j Job, script string) {
	t.Helper()
	f.objects.put(strings.TrimPrefix(j.Command.Script, "s3://"), script)
	if err := f.Create(t.Context(), scope, j); err != nil {
		t.Fatal(err)
	}
}

func TestJobs_CreateUpdateListDelete(t *testing.T) {
	f := open(t)
	for _, name := range []string{"c", "a", "b"} {
		f.create(t, shellJob(name), "")
	}
	if err := f.Create(t.Context(), scope, shellJob("a")); !errors.Is(err, ErrExists) {
		t.Errorf("create twice: %v", err)
	}
	other := ident.Scope{Account: scope.Account, Region: "eu-south-1"}
	if _, err := f.Job(t.Context(), other, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("job of another region: %v", err)
	}
	list, more, err := f.Jobs(t.Context(), scope, "", 2)
	if err != nil || !more || len(list) != 2 || list[0].Name != "a" || list[1].Name != "b" {
		t.Errorf("first page: %v %v %v", list, more, err)
	}
	list, more, err = f.Jobs(t.Context(), scope, "b", 2)
	if err != nil || more || len(list) != 1 || list[0].Name != "c" {
		t.Errorf("second page: %v %v %v", list, more, err)
	}
	if err := f.Update(t.Context(), scope, "a", func(j *Job) { j.MaxRetries, j.Name = 3, "renamed" }); err != nil {
		t.Fatal(err)
	}
	if j, err := f.Job(t.Context(), scope, "a"); err != nil || j.MaxRetries != 3 || j.Name != "a" {
		t.Errorf("updated job: %+v %v", j, err)
	}
	if err := f.Update(t.Context(), scope, "a", func(j *Job) { j.MaxRetries = 11 }); !errors.Is(err, ErrBadInput) {
		t.Errorf("update with 11 retries: %v", err)
	}
	if err := errors.Join(f.Delete(t.Context(), scope, "a"), f.Delete(t.Context(), scope, "a")); err != nil {
		t.Errorf("delete twice: %v", err)
	}
	if _, err := f.Job(t.Context(), scope, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted job: %v", err)
	}
}

func TestCreate_RefusesBadInput(t *testing.T) {
	f := open(t)
	for name, edit := range map[string]func(*Job){
		"no name":         func(j *Job) { j.Name = "" },
		"long name":       func(j *Job) { j.Name = strings.Repeat("x", 256) },
		"no role":         func(j *Job) { j.Role = "" },
		"closed role":     func(j *Job) { j.Role = "closed" },
		"unknown command": func(j *Job) { j.Command.Name = "gluestreaming" },
		"python 2":        func(j *Job) { j.Command.Python = "2" },
		"python of spark": func(j *Job) { j.Command.Name, j.Command.Python = "glueetl", "3.9" },
		"shell workers":   func(j *Job) { j.WorkerType, j.Workers = "G.1X", 2 },
		"shell capacity":  func(j *Job) { j.MaxCapacity = 2 },
		"both capacities": func(j *Job) { j.Command.Name, j.MaxCapacity, j.Workers = "glueetl", 2, 2 },
		"local script":    func(j *Job) { j.Command.Script = "/tmp/x.py" },
		"retries":         func(j *Job) { j.MaxRetries = 11 },
		"timeout":         func(j *Job) { j.Timeout = 8 * 24 * time.Hour },
		"concurrency":     func(j *Job) { j.MaxConcurrent = 1001 },
	} {
		t.Run(name, func(t *testing.T) {
			j := shellJob("j")
			edit(&j)
			if err := f.Create(t.Context(), scope, j); !errors.Is(err, ErrBadInput) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBookmark_MovesAndResets(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("j"), "")
	e := newExecution(f.Service, scope, Job{Name: "j"}, Run{Job: "j", ID: "jr_1"}, nil)
	for i := 1; i <= 2; i++ {
		if _, err := e.answer(t.Context(), []byte(`{"kind":"bookmark_commit","bookmark":{"ctx":{"until":"2020"}}}`)); err != nil {
			t.Fatal(err)
		}
		b, err := f.Bookmark(t.Context(), scope, "j")
		if err != nil || b.Version != i || b.Run != "jr_1" {
			t.Fatalf("bookmark after %d commits: %+v %v", i, b, err)
		}
	}
	got, err := e.answer(t.Context(), []byte(`{"kind":"bookmark_load"}`))
	if err != nil || fmt.Sprintf("%s", got["bookmark"]) != `{"ctx":{"until":"2020"}}` {
		t.Errorf("loaded %s %v", got["bookmark"], err)
	}
	if err := f.ResetBookmark(t.Context(), scope, "j"); err != nil {
		t.Fatal(err)
	}
	if b, err := f.Bookmark(t.Context(), scope, "j"); err != nil || b.Version != 0 {
		t.Errorf("after reset: %+v %v", b, err)
	}
	if err := f.ResetBookmark(t.Context(), scope, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("reset of a job that is absent: %v", err)
	}
}

func TestLineWriter(t *testing.T) {
	f := open(t)
	e := newExecution(f.Service, scope, Job{}, Run{ID: "r"}, nil)
	w := e.lines(OutputGroup)
	for _, s := range []string{"one\ntw", "o\n\nthree", strings.Repeat("x", maxLine), "y\n", "end"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("write: %d %v", n, err)
		}
	}
	w.flush()
	want := []string{"output: one", "output: two", "output: three" + strings.Repeat("x", maxLine), "output: y", "output: end"}
	if diff := cmp.Diff(want, f.logs.lines); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentOf(t *testing.T) {
	for _, c := range []struct{ engine, set, script, want string }{
		{"sail", "", "import pandas", "sail"},
		{"shell", "", "import boto3\nimport json, csv\n", "shell"},
		{"shell", "", "# import pandas\nx = 'import pandas'\n", "shell"},
		{"shell", "", "import json, pandas as pd\n", "analytics"},
		{"shell", "", "def f():\n    from numpy import array\n", "analytics"},
		{"shell", "none", "import pandas", "shell"},
		{"shell", "analytics", "", "analytics"},
	} {
		if got, err := environmentOf(c.engine, c.set, c.script); got != c.want || err != nil {
			t.Errorf("%s %q %q: %s %v", c.engine, c.set, c.script, got, err)
		}
	}
	if _, err := environmentOf("shell", "all", ""); !errors.Is(err, ErrBadInput) {
		t.Errorf("an unknown set: %v", err)
	}
}
