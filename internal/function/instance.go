package function

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/sandbox"
)

// instance is a process that serves one version of a function.
type instance struct {
	svc     *Service
	scope   ident.Scope
	version Version
	key     string // of the pool: which requests it may serve
	token   string
	group   string // log group and stream
	stream  string
	dir     string  // its own folder on the host
	code    blob.ID // the package that it holds unpacked
	expires time.Time
	started time.Time
	initFor time.Duration // how long it took to become ready; zero once reported

	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    *capture
	next   chan *request

	ready     chan struct{}
	readyOnce sync.Once
	exited    chan struct{} // closed when the process has ended and exitReason is set

	mu         sync.Mutex // guards the fields below
	current    *request
	initError  []byte
	exitReason string
	killed     string // why we killed it: "" or memory, processes, storage …
	maxMemory  int64
	lastUsed   time.Time
}

// maxInstanceAge bounds how old an instance's credentials can get.
const maxInstanceAge = time.Hour

// start launches a process for a version. The instance is not ready yet: see await.
func (s *Service) start(ctx context.Context, scope ident.Scope, v Version, key string) (in *instance, err error) {
	fam, err := familyOf(v.Config.Runtime)
	if err != nil {
		return nil, err
	}
	if arch := v.Config.Architectures[0]; arch != architecture() && fam == provided {
		return nil, fmt.Errorf("%w: the function is for %s, this machine is %s", ErrRuntime, arch, architecture())
	}
	in = &instance{
		svc: s, scope: scope, version: v, key: key, token: ident.Hex(16), started: s.opts.Clock.Now(),
		next: make(chan *request), ready: make(chan struct{}), exited: make(chan struct{}),
	}
	in.group = v.Config.LogGroup
	if in.group == "" {
		in.group = "/aws/lambda/" + v.Name
	}
	in.stream = in.started.UTC().Format("2006/01/02/") + "[" + v.Number + "]" + ident.Hex(16)
	in.lastUsed, in.expires = in.started, in.started.Add(maxInstanceAge)

	defer func() {
		if err != nil {
			in.clear()
		}
	}()
	l, err := s.layout(ctx, in, fam)
	if err != nil {
		return nil, err
	}
	if w := v.Config.Env["AWS_LAMBDA_EXEC_WRAPPER"]; w != "" && fam != provided {
		// A script of the function or a layer that starts the runtime; one that is missing ends with the shell's status, 127.
		l.argv = append([]string{"/bin/sh", "-c", `exec "$0" "$@"`, w}, l.argv...)
	}
	env, err := s.environment(ctx, in, l)
	if err != nil {
		return nil, err
	}
	var w *os.File
	if in.out, w, err = newCapture(s.opts.Clock, func() { in.flush(false) }); err != nil {
		return nil, fmt.Errorf("open output pipe: %w", err)
	}
	defer w.Close()
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	in.cancel = cancel
	cmd, err := s.opts.Sandbox.Command(runCtx, sandbox.Spec{
		Argv: l.argv, Env: env, Dir: l.task, Binds: l.binds, ReadOnly: l.readOnly, ReadWrite: l.readWrite,
		// The watcher enforces MemoryMB on resident memory; this bounds what a single jump can take before it looks.
		MemoryBytes:  int64(v.Config.MemoryMB)<<20*2 + 1<<30,
		MaxFileBytes: int64(v.Config.StorageMB) << 20, OpenFiles: 1024,
		Stdout: w, Stderr: w,
	})
	if err != nil {
		cancel()
		return nil, err
	}
	in.cmd = cmd
	s.pool.api.add(in)
	if err := cmd.Start(); err != nil {
		s.pool.api.remove(in)
		cancel()
		return nil, fmt.Errorf("start %s: %w", l.argv[0], err)
	}
	go in.out.run()
	go in.reap()
	return in, nil
}

// reap waits for the process's end.
func (in *instance) reap() {
	err := in.cmd.Wait()
	in.svc.pool.api.remove(in)
	in.cancel()
	in.mu.Lock()
	switch {
	case in.killed != "":
		in.exitReason = "with error: signal: killed"
	case err != nil:
		in.exitReason = "with error: " + err.Error()
	default:
		in.exitReason = "without providing a reason"
	}
	in.mu.Unlock()
	close(in.exited)
	in.clear()
}

// clear gives up what the instance has on disk.
func (in *instance) clear() {
	if in.dir != "" {
		_ = os.RemoveAll(in.dir)
	}
	if in.code != "" {
		in.svc.code.release(in.code)
	}
}

// kill ends the process and waits for it.
func (in *instance) kill(why string) {
	in.mu.Lock()
	if in.killed == "" {
		in.killed = why
	}
	in.mu.Unlock()
	in.cancel()
	<-in.exited
}

// layout is where an instance finds things, as it sees them.
type layout struct {
	argv                []string
	task, opt, tmp      string
	runtime, sdk        string
	binds               map[string]string
	readOnly, readWrite []string
	interpreter         interpreter
}

// layout prepares the instance's folders. With namespaces the child sees them where Lambda has them; without, at their
// places on the host.
func (s *Service) layout(ctx context.Context, in *instance, fam family) (layout, error) {
	task, err := s.code.get(ctx, in.version.Code)
	if err != nil {
		return layout{}, err
	}
	in.code = in.version.Code
	in.dir = filepath.Join(s.opts.Dir, "run", in.token)
	tmp, opt := filepath.Join(in.dir, "tmp"), filepath.Join(in.dir, "opt")
	for _, d := range []string{tmp, opt} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return layout{}, fmt.Errorf("make instance folder: %w", err)
		}
	}
	if err := s.layers(ctx, in.version.Config.Layers, opt); err != nil {
		return layout{}, err
	}
	boot, err := s.runs.bootstrap()
	if err != nil {
		return layout{}, err
	}
	l := layout{task: "/var/task", opt: "/opt", tmp: "/tmp", runtime: "/var/runtime"}
	l.binds = map[string]string{"/var/task": task, "/opt": opt, "/tmp": tmp, "/var/runtime": boot}
	l.readWrite = []string{"/tmp"}
	if !s.opts.Sandbox.Layers().Namespaces {
		l = layout{task: task, opt: opt, tmp: tmp, runtime: boot}
		l.readOnly, l.readWrite = []string{filepath.Dir(task), opt, boot}, []string{tmp, "/tmp"}
	}
	if fam != provided {
		if l.interpreter, err = s.runs.find(ctx, in.version.Config.Runtime); err != nil {
			return layout{}, err
		}
		sdk, err := s.runs.sdk(ctx, fam, l.interpreter)
		if err != nil {
			return layout{}, err
		}
		l.readOnly = append(l.readOnly, l.interpreter.roots...)
		if l.sdk = sdk; sdk != "" {
			l.readOnly = append(l.readOnly, sdk)
		}
	}
	return l, l.command(fam, task, in.version.Config)
}

// command completes the layout with the program to start.
func (l *layout) command(fam family, hostTask string, c Config) error {
	switch fam {
	case python:
		l.argv = []string{l.interpreter.path, "-S", "-s", filepath.Join(l.runtime, "bootstrap.py")}
	case nodejs:
		if l.sdk != "" {
			modules := filepath.Join(l.sdk, "node_modules")
			if l.binds != nil {
				l.binds["/var/node_modules"] = modules // beside /var/task, where import looks next
			} else if err := os.Symlink(modules, filepath.Join(filepath.Dir(hostTask), "node_modules")); err != nil && !os.IsExist(err) {
				return err
			}
		}
		l.argv = []string{l.interpreter.path, "--no-warnings", filepath.Join(l.runtime, "bootstrap.mjs")}
	case java:
		l.argv = javaCommand(l, c.MemoryMB)
	case provided:
		for _, dir := range []struct{ host, seen string }{{hostTask, l.task}, {l.opt, l.opt}} {
			if _, err := os.Stat(filepath.Join(dir.host, "bootstrap")); err == nil {
				l.argv = []string{filepath.Join(dir.seen, "bootstrap")}
				return nil
			}
		}
		// An instance without a program fails as on Lambda: with the error of its start.
		l.argv = []string{filepath.Join(l.task, "bootstrap")}
	}
	return nil
}

// layers unpacks layer versions into opt, later ones over earlier ones.
func (s *Service) layers(ctx context.Context, arns []string, opt string) error {
	for _, arn := range arns {
		scope, name, number, err := ParseLayerARN(arn)
		if err != nil {
			return err
		}
		l, err := s.Layer(ctx, scope, name, number)
		if err != nil {
			return err
		}
		dir, err := s.code.get(ctx, l.Code)
		if err != nil {
			return err
		}
		err = copyOver(opt, dir)
		s.code.release(l.Code)
		if err != nil {
			return fmt.Errorf("unpack layer %s: %w", arn, err)
		}
	}
	return nil
}

// copyOver merges the folder from into to by hard links where possible.
func copyOver(to, from string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if err := os.Remove(target); err != nil && !os.IsNotExist(err) {
			return err
		}
		if link, err := os.Readlink(path); err == nil {
			return os.Symlink(link, target)
		}
		return os.Link(path, target)
	})
}

// environment is what the process starts with: Lambda's variables, the role's credentials, then the user's own.
func (s *Service) environment(ctx context.Context, in *instance, l layout) ([]string, error) {
	v := in.version
	env := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin:" + l.opt + "/bin", "LANG": "C.UTF-8", "TZ": ":UTC", "HOME": l.tmp, "TMPDIR": l.tmp,
		"LD_LIBRARY_PATH":                l.task + ":" + l.task + "/lib:" + l.opt + "/lib",
		"LAMBDA_TASK_ROOT":               l.task,
		"LAMBDA_RUNTIME_DIR":             l.runtime,
		"_HANDLER":                       v.Config.Handler,
		"AWS_LAMBDA_RUNTIME_API":         s.pool.api.addr + "/" + in.token,
		"AWS_LAMBDA_FUNCTION_NAME":       v.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":    v.Number,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":      in.group,
		"AWS_LAMBDA_LOG_STREAM_NAME":     in.stream,
		"AWS_EXECUTION_ENV":              "AWS_Lambda_" + v.Config.Runtime,
		"AWS_REGION":                     in.scope.Region,
		"AWS_DEFAULT_REGION":             in.scope.Region,
		"AWS_ENDPOINT_URL":               s.opts.Endpoint(),
		"NODE_PATH":                      l.opt + "/nodejs/node_modules",
		"TARN_PYTHON_LAYERS":             l.opt + "/python",
		"TARN_PYTHON_SDK":                l.sdk,
	}
	env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = fmt.Sprint(v.Config.MemoryMB)
	if v.Config.AppLogLevel != "" {
		env["AWS_LAMBDA_LOG_FORMAT"], env["AWS_LAMBDA_LOG_LEVEL"] = v.Config.LogFormat, v.Config.AppLogLevel
	}
	if s.opts.Roles != nil {
		c, err := s.opts.Roles.AssumeForService(ctx, in.scope, v.Config.Role, "lambda.amazonaws.com", sessionName(v.Name), maxInstanceAge+MaxTimeout)
		if err != nil {
			return nil, fmt.Errorf("%w: the role defined for the function cannot be assumed by Lambda: %w", ErrBadParameter, err)
		}
		if last := c.Expires.Add(-v.Config.Timeout); last.Before(in.expires) {
			in.expires = last // its credentials must outlive its last request
		}
		env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] = c.AccessKeyID, c.SecretAccessKey, c.SessionToken
	}
	for k, val := range v.Config.Env {
		env[k] = val
	}
	list := make([]string, 0, len(env))
	for k, val := range env {
		if val != "" {
			list = append(list, k+"="+val)
		}
	}
	return list, nil
}

// sessionName is the function's name, made long enough for a role's session.
func sessionName(function string) string {
	if len(function) < 2 {
		return function + "@lambda_function"
	}
	return function
}

// flush hands the collected lines to the log.
func (in *instance) flush(rest bool) []LogLine {
	lines := in.take(rest)
	in.svc.writeLog(in, lines)
	return lines
}

func (s *Service) writeLog(in *instance, lines []LogLine) {
	if s.opts.Logs == nil || len(lines) == 0 {
		return
	}
	if err := s.opts.Logs.AppendLines(context.Background(), in.scope, in.group, in.stream, lines); err != nil {
		s.log.Warn("store function log", "function", in.version.Name, "err", err)
	}
}
