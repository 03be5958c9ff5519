package etl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/sandbox"
)

// execution carries one run out. Its fields belong to the goroutine of carryOut but for those under mu.
type execution struct {
	svc   *Service
	scope ident.Scope
	job   Job
	run   Run
	args  map[string]string

	began   time.Time // when the script started
	writes  int       // sinks that the script has begun to write
	inputs  []lineage.Asset
	outputs []lineage.Asset
	failure failure

	mu     sync.Mutex
	cancel context.CancelFunc
	ended  string // why it was ended from outside: stopped, timeout
}

// failure is what the script reported of its end.
type failure struct {
	Error, Message string
	Line           int
}

func newExecution(s *Service, scope ident.Scope, j Job, r Run, args map[string]string) *execution {
	return &execution{svc: s, scope: scope, job: j, run: r, args: args}
}

func (e *execution) stop(why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended == "" {
		e.ended = why
	}
	if e.cancel != nil {
		e.cancel()
	}
}

func (e *execution) endedBy() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

func (e *execution) lineage() (in, out []lineage.Asset) { return e.inputs, e.outputs }

// carryOut runs the script from its start to the record of its end. When the process stops meanwhile, the run stays as
// it is and starts anew with the next one.
func (e *execution) carryOut(group context.Context) {
	ctx, cancel := context.WithCancel(group)
	defer cancel()
	e.mu.Lock()
	e.cancel = cancel
	if e.ended != "" || e.run.State == Stopping {
		e.ended = "stopped"
		cancel()
	}
	e.mu.Unlock()
	var err error
	select {
	case e.svc.slots <- struct{}{}:
		if e.job.Nodes != nil {
			err = e.graph(ctx)
		} else {
			err = e.script(ctx)
		}
		<-e.svc.slots
	case <-ctx.Done():
		err = ctx.Err()
	}
	if group.Err() != nil {
		return
	}
	state, message := Succeeded, ""
	switch {
	case e.endedBy() == "stopped":
		state = Stopped
	case e.endedBy() == "timeout":
		state, message = TimedOut, fmt.Sprintf("the run took longer than its timeout of %v", e.run.Timeout)
	case e.failure.Message != "":
		state, message = Failed, e.failure.Message
		if e.failure.Line > 0 {
			message += fmt.Sprintf(" (line %d of the script)", e.failure.Line)
		}
	case err != nil:
		state, message = Failed, err.Error()
	}
	e.cleanUp(group)
	if err := e.svc.finish(group, e, state, message); err != nil && group.Err() == nil {
		e.svc.log.Error("record the end of a run", "job", e.run.Job, "run", e.run.ID, "err", err)
	}
}

const maxScriptBytes = 16 << 20

// script reads the job's script and runs it.
func (e *execution) script(ctx context.Context) error {
	text, err := e.svc.opts.Objects.Read(ctx, e.scope, e.run.Role, e.job.Command.Script, maxScriptBytes)
	if err != nil {
		return fmt.Errorf("read script %s: %w", e.job.Command.Script, err)
	}
	return e.runScript(ctx, program{name: filepath.Base(e.job.Command.Script), text: text, command: e.job.Command.Name})
}

// program is a script to run.
type program struct {
	name    string // of its file
	text    []byte
	command string       // of the job: glueetl or pythonshell
	share   string       // a folder that the script may read and write beside its own; "" = none
	fresh   func() error // prepares the share before each start; nil = nothing to do
}

// runScript runs a script on the engine that suits it, and once more on Spark where Sail refuses before the first write.
func (e *execution) runScript(ctx context.Context, p program) (err error) {
	e.run.Engine, e.run.EngineWhy, err = e.svc.envs.choose(ctx, p.command, e.args["--tarn-engine"], string(p.text))
	if err != nil {
		return err
	}
	err = e.onEngine(ctx, p)
	if e.failure.Error == needsSpark && e.writes == 0 && (e.args["--tarn-engine"] == "" || e.args["--tarn-engine"] == "auto") {
		e.run.Engine, e.run.EngineWhy = "spark", "Sail refused: "+e.failure.Message
		e.failure = failure{}
		if p.share == "" {
			e.run.FilesRead, e.run.BytesRead, e.inputs = 0, 0, nil
		}
		err = e.onEngine(ctx, p)
	}
	return err
}

// needsSpark is the kind of error with which the runner says that Sail lacks something or would give another result than Spark.
const needsSpark = "NeedsSpark"

// onEngine runs the script's process on the engine that the run names.
func (e *execution) onEngine(ctx context.Context, p program) error {
	e.say(ErrorGroup, "INFO engine "+e.run.Engine+": "+e.run.EngineWhy)
	environment, err := environmentOf(e.run.Engine, e.args["--library-set"], string(p.text))
	if err != nil {
		return err
	}
	python, err := e.svc.envs.prepare(ctx, environment, func(step string) { e.say(ErrorGroup, "INFO "+step) })
	if err != nil {
		return err
	}
	dir := filepath.Join(e.svc.opts.Dir, "run", e.run.ID)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "tmp"), 0o755)); err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, p.name), p.text, 0o644); err != nil {
		return fmt.Errorf("write script: %w", err)
	}
	if python.extra, err = e.modules(ctx, python, dir); err != nil {
		return err
	}
	if p.fresh != nil {
		if err := p.fresh(); err != nil {
			return err
		}
	}
	if e.began.IsZero() {
		if err := e.begin(ctx); err != nil {
			return err
		}
	}
	return e.process(ctx, python, dir, p)
}

// begin records that the run's work has begun, in this process: what an earlier one staged is told apart by the count of starts.
func (e *execution) begin(ctx context.Context) error {
	e.run.State, e.run.Modified = Running, e.svc.opts.Clock.Now()
	e.run.Starts++
	e.began = e.svc.opts.Clock.Now()
	return e.svc.update(ctx, e.scope, e.run)
}

func (e *execution) process(ctx context.Context, python pythonEnv, dir string, p program) error {
	env, err := e.environment(ctx, python, dir)
	if err != nil {
		return err
	}
	toTarn, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	childIn, fromTarn, err := os.Pipe()
	if err != nil {
		return err
	}
	runCtx, cancel := context.WithTimeout(ctx, e.run.Timeout)
	defer cancel()
	stdout, stderr := e.lines(OutputGroup), e.lines(ErrorGroup)
	argv := []string{python.path, "-m", "tarn_job", "--engine", e.run.Engine, filepath.Join(dir, p.name)}
	writable := []string{dir, "/tmp"}
	if p.share != "" {
		writable = append(writable, p.share)
	}
	cmd, err := e.svc.opts.Sandbox.Command(runCtx, sandbox.Spec{
		Argv: append(argv, e.scriptArguments()...), Env: env, Dir: dir, ReadOnly: python.readOnly, ReadWrite: writable, OpenFiles: 65536,
		Binds: map[string]string{"/tmp": filepath.Join(dir, "tmp")}, Stdout: stdout, Stderr: stderr, ExtraFiles: []*os.File{childOut, childIn},
	})
	if err != nil {
		return err
	}
	cmd.Cancel = func() error { return sandbox.KillGroup(cmd) }
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the script: %w", err)
	}
	_ = childOut.Close()
	_ = childIn.Close()
	served := make(chan struct{})
	go func() { defer close(served); e.serve(runCtx, toTarn, fromTarn) }()
	err = cmd.Wait()
	_ = toTarn.Close()
	_ = fromTarn.Close()
	<-served
	stdout.flush()
	stderr.flush()
	if runCtx.Err() != nil && ctx.Err() == nil {
		e.stop("timeout")
	}
	if err != nil && ctx.Err() == nil && e.failure.Message == "" {
		return fmt.Errorf("the script ended with %w", err)
	}
	return err
}

// scriptArguments are what sys.argv holds after the script's name, in a fixed order.
func (e *execution) scriptArguments() []string {
	args := map[string]string{"--JOB_NAME": e.run.Job, "--JOB_RUN_ID": e.run.ID, "--JOB_ID": "j_" + e.run.Job}
	if e.run.WorkflowRun != "" {
		args["--WORKFLOW_NAME"], args["--WORKFLOW_RUN_ID"] = e.run.Workflow, e.run.WorkflowRun
	}
	for k, v := range e.args {
		args[k] = v
	}
	names := make([]string, 0, len(args))
	for k := range args {
		names = append(names, k)
	}
	slices.Sort(names)
	var list []string
	for _, k := range names {
		if v := args[k]; strings.HasPrefix(v, "--") || v == "" {
			list = append(list, k+"="+v)
		} else {
			list = append(list, k, v)
		}
	}
	return list
}

func (e *execution) environment(ctx context.Context, python pythonEnv, dir string) ([]string, error) {
	c, err := e.svc.opts.Roles.AssumeForService(ctx, e.scope, e.run.Role, "glue.amazonaws.com", "GlueJobRunnerSession", e.run.Timeout)
	if err != nil {
		return nil, fmt.Errorf("assume role: %w", err)
	}
	endpoint := e.svc.opts.Endpoint()
	env := []string{
		"PATH=" + filepath.Dir(python.path) + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "LANG=C.UTF-8", "TZ=UTC", "PYTHONUNBUFFERED=1",
		"PYTHONPATH=" + strings.Join(append([]string{python.shim, dir}, python.extra...), ":"), "AWS_REGION=" + e.scope.Region, "AWS_DEFAULT_REGION=" + e.scope.Region,
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken, "AWS_ENDPOINT_URL=" + endpoint,
		// What the object store of Sail reads.
		"AWS_ENDPOINT=" + endpoint, "AWS_ALLOW_HTTP=true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST=false",
		"TARN_ANSI=" + fmt.Sprint(ansi(e.run.Glue)),
	}
	if e.args[scratchArgument] != "" {
		env = append(env, "TARN_SCRATCH=1")
	}
	return append(env, python.env...), nil
}

// ansi reports whether a version of Glue has Spark's ANSI mode on: from 6.0, which is Spark 4.
func ansi(glue string) bool {
	major, _, _ := strings.Cut(glue, ".")
	return len(major) == 1 && major >= "6" && major <= "9"
}

// serve answers what the script's runner asks.
func (e *execution) serve(ctx context.Context, r io.Reader, w io.Writer) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 64<<20)
	for sc.Scan() {
		answer, err := e.answer(ctx, sc.Bytes())
		if answer == nil {
			answer = map[string]any{}
		}
		if err != nil {
			answer["error"] = err.Error()
		}
		data, err := json.Marshal(answer)
		if err != nil {
			e.svc.log.Error("encode an answer", "err", err)
			return
		}
		if _, err := w.Write(append(data, '\n')); err != nil {
			return // the script has ended
		}
	}
}

// question is what the runner sends; see python/tarn_job/channel.py.
type question struct {
	Kind                string
	Engine              string
	Error, Message      string
	Line                int
	Path, Staging, Mode string
	Table               string
	Files               []struct {
		URL, ETag string
		Size      int64
	}
	Bytes    int64
	Bookmark json.RawMessage
}

func (e *execution) answer(ctx context.Context, line []byte) (map[string]any, error) {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	switch q.Kind {
	case "running":
		return nil, nil
	case "failed":
		e.failure = failure{q.Error, q.Message, q.Line}
		return nil, nil
	case "source":
		e.read(q)
		return nil, nil
	case "stage":
		staging, skip, err := e.stage(ctx, e.redirect(q.Path, e.writes+1), q.Mode)
		return map[string]any{"staging": staging, "skip": skip}, err
	case "publish":
		n, err := e.publish(ctx, e.redirect(q.Path, e.writes), q.Staging, q.Mode)
		return map[string]any{"files": n}, err
	case "bookmark_load":
		b, err := e.svc.Bookmark(ctx, e.scope, e.run.Job)
		return map[string]any{"bookmark": b.State}, err
	case "bookmark_commit":
		if e.args[scratchArgument] != "" {
			return nil, nil
		}
		return nil, e.moveBookmark(ctx, q.Bookmark)
	}
	return nil, fmt.Errorf("%w: question %q", ErrBadInput, q.Kind)
}

// scratchArgument makes a run leave everything as it is: its n-th write goes to a folder n below the given prefix, its bookmark
// does not move and it keeps no table up to date. tarn job verify compares two such runs.
const scratchArgument = "--tarn-scratch"

// redirect returns where the n-th write of the run goes.
func (e *execution) redirect(path string, n int) string {
	if scratch := e.args[scratchArgument]; scratch != "" {
		return fmt.Sprintf("%s/%03d/", strings.TrimRight(scratch, "/"), n)
	}
	return path
}

// read records a source for metrics and lineage.
func (e *execution) read(q question) {
	e.run.FilesRead += len(q.Files)
	e.run.BytesRead += q.Bytes
	if q.Table != "" {
		db, table, _ := strings.Cut(q.Table, ".")
		e.inputs = append(e.inputs, lineage.Table(e.scope.Region, db, table, ""))
	}
	for _, f := range q.Files {
		e.inputs = append(e.inputs, lineage.Asset{Name: f.URL, Version: f.ETag})
	}
}

func (e *execution) moveBookmark(ctx context.Context, state json.RawMessage) error {
	old, err := e.svc.Bookmark(ctx, e.scope, e.run.Job)
	if err != nil {
		return err
	}
	var b kv.Batch
	kv.Put(&b, bookmarkKey(e.scope, e.run.Job), Bookmark{Job: e.run.Job, Run: e.run.ID, Version: old.Version + 1, State: state, Moved: e.svc.opts.Clock.Now()})
	return kv.Commit(ctx, e.svc.opts.Store, &b)
}

// update stores a run that is under way, unless a user has begun to stop it.
func (s *Service) update(ctx context.Context, scope ident.Scope, r Run) error {
	return s.change(ctx, func(st *step) error {
		now, err := s.Run(ctx, scope, r.Job, r.ID)
		if err != nil {
			return err
		}
		if now.State == Stopping {
			r.State = Stopping
		}
		s.addRun(&st.Batch, scope, r)
		return nil
	})
}
