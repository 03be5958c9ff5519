package etl

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed all:python
var pythonFiles embed.FS

// requirements of each engine, pinned. An engine's environment is made when the first job needs it.
var requirements = map[string][]string{
	"sail":  {"pysail==0.7.2", "pyspark-client==4.2.0", "pandas<3", "pyarrow<25", "boto3==1.44.5", "botocore==1.44.5", "python-dateutil<3"},
	"spark": {"pyspark==3.5.4", "pandas<3", "numpy<2.3", "pyarrow<22", "boto3==1.44.5", "botocore==1.44.5", "python-dateutil<3", "setuptools<81"},
	"shell": {"boto3==1.44.5", "botocore==1.44.5", "python-dateutil<3"},
	// What Glue's library set "analytics" has, for Python shell scripts that import some of it.
	"analytics": {
		"boto3==1.44.5", "botocore==1.44.5", "python-dateutil<3", "awswrangler<4", "pandas<3", "numpy<2.3", "pyarrow<22", "requests<3", "PyAthena<4", "SQLAlchemy<3",
		"PyMySQL<2", "psycopg2-binary<3", "scikit-learn<2", "scipy<2",
	},
}

// analytics are modules that the environment of that name has and the plain one of Python shell jobs has not.
var analytics = regexp.MustCompile(`(?m)^\s*(?:import|from)\s+(?:[\w.]+\s*,\s*)*(?:awswrangler|numpy|pandas|pyarrow|requests|pyathena|sqlalchemy|pymysql|psycopg2|sklearn|scipy)\b`)

// environmentOf returns the environment for a script: for Python shell jobs as --library-set says, else by what it imports.
func environmentOf(engine, set, script string) (string, error) {
	switch {
	case engine != "shell":
		return engine, nil
	case set != "" && set != "none" && set != "analytics":
		return "", fmt.Errorf("%w: --library-set %q: want none or analytics", ErrBadInput, set)
	case set == "analytics" || set == "" && analytics.MatchString(script):
		return "analytics", nil
	}
	return "shell", nil
}

// sparkPackages let Spark reach S3 and commit there without copies. Spark fetches them itself, once.
const sparkPackages = "org.apache.hadoop:hadoop-aws:3.3.4,org.apache.spark:spark-hadoop-cloud_2.12:3.5.4"

const fetchSparkPackages = `
import sys
from pyspark.sql import SparkSession
settings = {"spark.master": "local[1]", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
            "spark.jars.packages": sys.argv[1], "spark.jars.ivy": sys.argv[2]}
builder = SparkSession.builder
for key, value in settings.items():
    builder = builder.config(key, value)
builder.getOrCreate().stop()
`

// pythonEnv is a Python environment that is ready.
type pythonEnv struct {
	path     string   // the interpreter
	shim     string   // folder of awsglue and tarn_job
	readOnly []string // folders that the process needs to read
	extra    []string // further folders for modules
	env      []string // further variables
}

// environments makes and keeps the Python environments of the engines.
type environments struct {
	dir  string
	shim string
	log  *slog.Logger

	mu     sync.Mutex
	ready  map[string]*preparation
	python [2]string // what findPython has found
}

type preparation struct {
	done chan struct{}
	env  pythonEnv
	err  error

	mu       sync.Mutex
	watchers []func(string)
}

func newEnvironments(dir string, log *slog.Logger) (*environments, error) {
	shim := filepath.Join(dir, "shim")
	run := filepath.Join(dir, "run")
	if err := errors.Join(os.RemoveAll(shim), os.RemoveAll(run), os.MkdirAll(run, 0o700)); err != nil {
		return nil, fmt.Errorf("empty job folders: %w", err)
	}
	if err := os.CopyFS(shim, pythonFiles); err != nil {
		return nil, fmt.Errorf("write the modules of jobs: %w", err)
	}
	return &environments{dir: dir, shim: filepath.Join(shim, "python"), log: log, ready: map[string]*preparation{}}, nil
}

// prepare returns the environment of an engine, making it first if it lacks. Several runs wait for the same one;
// progress tells what is going on.
func (e *environments) prepare(ctx context.Context, engine string, progress func(string)) (pythonEnv, error) {
	e.mu.Lock()
	p := e.ready[engine]
	if p == nil {
		p = &preparation{done: make(chan struct{})}
		e.ready[engine] = p
		go func() {
			defer close(p.done)
			p.env, p.err = e.make(context.WithoutCancel(ctx), engine, p.tell)
			if p.err != nil {
				e.mu.Lock()
				delete(e.ready, engine) // the next run tries again
				e.mu.Unlock()
			}
		}()
	}
	e.mu.Unlock()
	p.mu.Lock()
	p.watchers = append(p.watchers, progress)
	p.mu.Unlock()
	select {
	case <-p.done:
		return p.env, p.err
	case <-ctx.Done():
		return pythonEnv{}, ctx.Err()
	}
}

func (p *preparation) tell(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.watchers {
		w(step)
	}
}

// make creates DIR/venv/ENGINE-FINGERPRINT, which appears when it is complete.
func (e *environments) make(ctx context.Context, engine string, progress func(string)) (pythonEnv, error) {
	list := requirements[engine]
	base, prefix, err := e.base(ctx)
	if err != nil {
		return pythonEnv{}, err
	}
	dir := filepath.Join(e.dir, "venv", environmentName(engine, base))
	env := pythonEnv{path: filepath.Join(dir, "bin", "python"), shim: e.shim, readOnly: []string{dir, e.shim, prefix, filepath.Dir(filepath.Dir(base))}}
	if engine == "spark" {
		home, err := javaHome(ctx)
		if err != nil {
			return pythonEnv{}, err
		}
		env.readOnly = append(env.readOnly, home)
		env.env = []string{"JAVA_HOME=" + home, "TARN_SPARK_JARS=" + filepath.Join(dir, "ivy", "jars")}
	}
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return env, nil
	}
	e.log.Info("make a Python environment for jobs", "engine", engine)
	progress("the engine " + engine + " is installed once: " + strings.Join(list[:2], ", ") + " …")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Dir(dir), 0o755)); err != nil {
		return pythonEnv{}, err
	}
	if err := watched(exec.CommandContext(ctx, base, "-m", "venv", dir), nil); err != nil {
		return pythonEnv{}, fmt.Errorf("make a Python environment (Debian: python3-venv): %w", err)
	}
	pip := exec.CommandContext(ctx, env.path, append([]string{"-m", "pip", "install", "--disable-pip-version-check", "--no-input"}, list...)...)
	if err := watched(pip, progress); err != nil {
		return pythonEnv{}, fmt.Errorf("install the engine %s: %w", engine, err)
	}
	if engine == "spark" {
		progress("Spark fetches " + sparkPackages)
		fetch := exec.CommandContext(ctx, env.path, "-c", fetchSparkPackages, sparkPackages, filepath.Join(dir, "ivy"))
		fetch.Env = append(os.Environ(), env.env...)
		if err := watched(fetch, nil); err != nil {
			return pythonEnv{}, fmt.Errorf("fetch Spark's packages: %w", err)
		}
	}
	progress("the engine " + engine + " is ready")
	return env, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}

// environmentName changes with the interpreter and with what is installed.
func environmentName(engine, python string) string {
	list := requirements[engine]
	if engine == "spark" {
		list = append(slices.Clone(list), sparkPackages)
	}
	sum := sha256.Sum256([]byte(python + "\n" + strings.Join(list, "\n")))
	return engine + "-" + hex.EncodeToString(sum[:6])
}

// base returns the interpreter of the machine, which is looked for once.
func (e *environments) base(ctx context.Context) (path, prefix string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.python[0] == "" {
		if e.python[0], e.python[1], err = findPython(ctx); err != nil {
			return "", "", err
		}
	}
	return e.python[0], e.python[1], nil
}

// findPython returns the interpreter to make environments of, looked through version managers, and where its library is.
func findPython(ctx context.Context) (path, prefix string, err error) {
	for _, name := range []string{os.Getenv("TARN_JOB_PYTHON"), "python3.12", "python3.11", "python3"} {
		if name == "" {
			continue
		}
		out, err := exec.CommandContext(ctx, name, "-I", "-c", "import sys,os;print(os.path.realpath(sys.executable));print(sys.base_prefix)").Output()
		if err != nil {
			continue
		}
		if f := strings.Split(strings.TrimSpace(string(out)), "\n"); len(f) == 2 {
			return f[0], f[1], nil
		}
	}
	return "", "", errors.New("no Python 3 was found: install python3 (3.10 to 3.12) with pip and venv, or set TARN_JOB_PYTHON to its path")
}

func javaHome(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "java", "-XshowSettings:properties", "-version").CombinedOutput()
	if err == nil {
		for line := range strings.Lines(string(out)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && k == "java.home" {
				return v, nil
			}
		}
	}
	return "", errors.New("this job needs Apache Spark, which needs Java 17 or newer: install a JDK, or change the script to run on the engine sail")
}

// watched runs a command and passes lines of progress on; the error carries the last lines.
func watched(c *exec.Cmd, progress func(string)) error {
	r, w := io.Pipe()
	c.Stdout, c.Stderr = w, w
	var tail []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		sc := bufio.NewScanner(r)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			line := strings.TrimSpace(sc.Text())
			if line == "" {
				continue
			}
			if tail = append(tail, line); len(tail) > 5 {
				tail = tail[1:]
			}
			if progress != nil && (strings.HasPrefix(line, "Collecting") || strings.HasPrefix(line, "Downloading") || strings.HasPrefix(line, "Installing")) {
				progress(line)
			}
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	err := c.Run()
	_ = w.Close()
	<-done
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(c.Path), err, strings.Join(tail, " | "))
	}
	return nil
}
