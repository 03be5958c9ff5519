package function

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/lifecycle"
)

// family is a kind of runtime that shares a bootstrap.
type family string

const (
	python   family = "python"
	nodejs   family = "nodejs"
	java     family = "java"
	provided family = "provided"
)

var (
	pythonForm = regexp.MustCompile(`^python(2\.7|3\.\d{1,2})$`)
	nodeForm   = regexp.MustCompile(`^nodejs(\d{1,2}(\.x|\.\d+)?|\d\.\d+)?$`)
)

// familyOf returns the family of a runtime's identifier. Errors wrap ErrBadParameter and name what is possible.
func familyOf(runtime string) (family, error) {
	switch {
	case pythonForm.MatchString(runtime) && runtime != "python2.7":
		return python, nil
	case nodeForm.MatchString(runtime):
		return nodejs, nil
	case javaForm.MatchString(runtime):
		return java, nil
	case runtime == "provided" || runtime == "provided.al2" || runtime == "provided.al2023":
		return provided, nil
	}
	return "", fmt.Errorf("%w: runtime %q: want python3.X, nodejsX.x, javaX or provided.al2023; other languages run as provided with a bootstrap of their own", ErrBadParameter, runtime)
}

// interpreter is a program on this machine that runs a family's code.
type interpreter struct {
	path    string   // the program itself, not a wrapper
	version string   // as it says
	roots   []string // folders that it needs to read
	asked   string   // the runtime that was asked for, if another version stands in; else ""
}

// runtimes finds interpreters, writes out the bootstraps and prepares the SDKs that functions expect.
type runtimes struct {
	dir      string
	packages Packages
	progress func(string)
	group    *lifecycle.Group // owns the installations
	log      *slog.Logger

	mu    sync.Mutex
	found map[string]interpreter // by runtime identifier
	sdks  map[family]*preparing
	steps map[family]string // what an installation under way, or the last one if it failed, said last
	boot  string            // folder of the bootstraps; "" until written
}

func newRuntimes(o *Options, log *slog.Logger) *runtimes {
	return &runtimes{
		dir: o.Dir, packages: o.Packages.withDefaults(), progress: o.Progress, group: o.Group, log: log,
		found: map[string]interpreter{}, sdks: map[family]*preparing{}, steps: map[family]string{},
	}
}

// find returns the interpreter for a runtime identifier such as python3.12: the program that TARN_RUNTIME_PYTHON3_12
// names, else python3.12 from PATH, else any python3. Errors wrap ErrRuntime and name what was looked for.
func (r *runtimes) find(ctx context.Context, id string) (interpreter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in, ok := r.found[id]; ok {
		return in, nil
	}
	fam, err := familyOf(id)
	if err != nil {
		return interpreter{}, err
	}
	if fam == java {
		in, err := r.findJava(ctx, id)
		if err != nil {
			return interpreter{}, err
		}
		r.keep(id, in)
		return in, nil
	}
	var tried []string
	for _, c := range candidates(fam, id) {
		tried = append(tried, c.name)
		in, err := inspect(ctx, fam, c.name)
		if err != nil {
			continue
		}
		if !c.exact {
			in.asked = id
		}
		r.keep(id, in)
		return in, nil
	}
	return interpreter{}, fmt.Errorf("%w: %s: looked for %s; install one of them or set %s to its path",
		ErrRuntime, id, strings.Join(tried, ", "), runtimeVar(id))
}

// keep remembers what was found and says so in the log. r.mu is held.
func (r *runtimes) keep(id string, in interpreter) {
	if in.asked != "" {
		r.log.Warn("another version stands in for a runtime", "runtime", id, "found", in.path, "version", in.version)
	} else {
		r.log.Info("found the interpreter of a runtime", "runtime", id, "found", in.path, "version", in.version)
	}
	r.found[id] = in
}

type candidate struct {
	name  string
	exact bool
}

func runtimeVar(id string) string {
	return "TARN_RUNTIME_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(strings.TrimSuffix(id, ".x")))
}

func candidates(fam family, id string) []candidate {
	var list []candidate
	if p := os.Getenv(runtimeVar(id)); p != "" {
		list = append(list, candidate{p, true})
	}
	switch fam {
	case python:
		list = append(list, candidate{id, true}, candidate{"python3", false})
	case nodejs:
		major := strings.TrimSuffix(strings.TrimPrefix(id, "nodejs"), ".x")
		list = append(list, candidate{"node" + major, true}, candidate{"node", false}, candidate{"nodejs", false})
	}
	return list
}

// inspect runs an interpreter once to learn its version and where its own files are; wrappers such as version managers'
// shims are looked through.
func inspect(ctx context.Context, fam family, name string) (interpreter, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return interpreter{}, err
	}
	var args []string
	switch fam {
	case python:
		args = []string{"-I", "-c", "import sys,os;print(os.path.realpath(sys.executable));print(sys.version.split()[0]);print(sys.base_prefix)"}
	case nodejs:
		args = []string{"-p", "process.execPath + '\\n' + process.version + '\\n' + require('path').dirname(require('path').dirname(process.execPath))"}
	}
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return interpreter{}, fmt.Errorf("run %s: %w", path, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 3 {
		return interpreter{}, fmt.Errorf("%s answered %q", path, out)
	}
	lines = lines[len(lines)-3:]
	return interpreter{path: lines[0], version: lines[1], roots: []string{lines[2]}}, nil
}

// architecture is the name that Lambda gives to this machine's processor.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
