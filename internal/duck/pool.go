package duck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// Options configures a Pool. The zero value works when the running binary calls WorkerMain for WorkerArg.
type Options struct {
	// MaxConcurrent is how many jobs run at once; the rest wait. 0 = 4.
	MaxConcurrent int
	// Idle is how many workers are ready again after one was lost. 0 = 2. None is started before the first job.
	Idle int
	// IdleAfter is how long workers without a job are kept; 0 = 5 minutes.
	IdleAfter time.Duration
	// MemoryBytes is the limit of one job, 0 = 1 GiB; Threads is that of one job, 0 = 2.
	MemoryBytes int64
	Threads     int
	// Command makes the process of a worker; nil = the running binary with WorkerArg and an empty environment. It is
	// where isolation is added. The process is killed when ctx ends.
	Command func(ctx context.Context) *exec.Cmd
	Logger  *slog.Logger
	Clock   clock.Clock
}

func (o Options) withDefaults() Options {
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 4
	}
	if o.Idle <= 0 {
		o.Idle = 2
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = 5 * time.Minute
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = 1 << 30
	}
	if o.Threads <= 0 {
		o.Threads = 2
	}
	if o.Command == nil {
		o.Command = func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, selfPath(), WorkerArg)
			cmd.Env = []string{"TZ=UTC", "HOME=/nonexistent"}
			return cmd
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	return o
}

func selfPath() string {
	if p, err := os.Executable(); err == nil {
		return p
	}
	return os.Args[0]
}

// Pool runs jobs on worker processes. All methods are safe for concurrent use.
type Pool struct {
	opts   Options
	gate   *gate
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	begun    *sync.Cond // a worker that was starting has begun or has failed to
	idle     []*worker
	starting int
	awaited  int // of those, how many a job waits for
	closed   bool
	used     time.Time // when a worker was last taken or given back
	sweeping bool      // a goroutine waits to end idle workers
}

// NewPool returns a pool. Its workers start with the first job and end when there was none for some time.
func NewPool(o Options) *Pool {
	p := &Pool{opts: o.withDefaults()}
	p.begun = sync.NewCond(&p.mu)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.gate = newGate(p.opts.MaxConcurrent)
	return p
}

// Close kills the workers and waits for them. Running jobs fail.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.begun.Broadcast()
	p.mu.Unlock()
	p.cancel()
	for _, w := range idle {
		w.stop()
	}
	p.wg.Wait()
	return nil
}

// refill starts workers until n are ready.
func (p *Pool) refill(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && len(p.idle)+p.starting < n {
		p.starting++
		p.wg.Add(1)
		go func() {
			defer p.wg.Done()
			w, err := p.start()
			p.mu.Lock()
			p.starting--
			keep := err == nil && !p.closed
			if keep {
				p.rest(w)
			}
			p.begun.Broadcast()
			p.mu.Unlock()
			switch {
			case err != nil && p.ctx.Err() == nil:
				p.opts.Logger.Warn("sql worker did not start", "err", err)
			case err == nil && !keep:
				w.stop()
			}
		}()
	}
}

// join announces a goroutine that Close waits for; false once the pool is closed.
func (p *Pool) join() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.wg.Add(1)
	return true
}

type worker struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	r      *bufio.Reader
	errs   *tail
	// quiet yields when the worker says something, or ends, while it is idle: nil or the error of the read. nil = it is not idle.
	quiet chan error
}

// watch begins to look for the end of an idle worker. The reader belongs to that goroutine until quiet yields.
func (w *worker) watch() {
	w.quiet = make(chan error, 1)
	go func(quiet chan error) { // ends with the worker or with its next answer
		_, err := w.r.Peek(1)
		quiet <- err
	}(w.quiet)
}

// dead reports whether an idle worker has ended.
func (w *worker) dead() bool {
	select {
	case <-w.quiet:
		return true
	default:
		return false
	}
}

// frame reads the next frame, after the end of the watch.
func (w *worker) frame() (kind byte, body []byte, err error) {
	if w.quiet != nil {
		err = <-w.quiet
		w.quiet = nil
	}
	if err != nil {
		return 0, nil, err
	}
	return readFrame(w.r)
}

// start launches a worker and waits until its first instance is open.
func (p *Pool) start() (*worker, error) {
	ctx, cancel := context.WithCancel(p.ctx)
	cmd := p.opts.Command(ctx)
	w := &worker{cmd: cmd, cancel: cancel, errs: &tail{}}
	cmd.Stderr = w.errs
	var out io.ReadCloser
	var err error
	if w.in, err = cmd.StdinPipe(); err == nil {
		if out, err = cmd.StdoutPipe(); err == nil {
			err = cmd.Start()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start sql worker: %w", err)
	}
	w.r = bufio.NewReaderSize(out, 1<<16)
	if err := w.ready(); err != nil {
		w.stop()
		return nil, fmt.Errorf("start sql worker: %w", err)
	}
	return w, nil
}

func (w *worker) ready() error {
	kind, _, err := w.frame()
	if err != nil {
		return w.lost(err)
	}
	if kind != frameReady {
		return fmt.Errorf("unexpected frame %q", kind)
	}
	return nil
}

func (w *worker) stop() {
	w.cancel()
	_ = w.in.Close()
	_ = w.cmd.Wait() // its status after a kill says nothing
}

func (w *worker) lost(err error) error {
	if said := w.errs.String(); said != "" {
		return fmt.Errorf("%w: %s", ErrWorkerLost, said)
	}
	return fmt.Errorf("%w: %w", ErrWorkerLost, err)
}

// take returns an idle worker or starts one. An idle worker that has ended is passed over.
func (p *Pool) take() (*worker, error) {
	var ended []*worker
	defer func() {
		for _, w := range ended {
			p.opts.Logger.Warn("an idle sql worker has ended", "said", w.errs.String())
			w.stop()
		}
	}()
	p.mu.Lock()
	p.used = p.opts.Clock.Now()
	for !p.closed {
		if n := len(p.idle); n > 0 {
			w := p.idle[n-1]
			p.idle = p.idle[:n-1]
			if w.dead() {
				ended = append(ended, w)
				continue
			}
			p.mu.Unlock()
			return w, nil
		}
		if p.starting <= p.awaited {
			p.mu.Unlock()
			return p.start()
		}
		p.awaited++
		p.begun.Wait()
		p.awaited--
	}
	p.mu.Unlock()
	return nil, ErrClosed
}

// Warm starts a worker in the background if none is idle or starting: a job that comes soon finds it begun.
func (p *Pool) Warm() {
	p.mu.Lock()
	none := len(p.idle)+p.starting == 0
	p.mu.Unlock()
	if none {
		p.refill(1)
	}
}

// giveBack keeps a worker that has opened its next instance, or ends it when there are enough.
func (p *Pool) giveBack(w *worker) {
	p.mu.Lock()
	if !p.closed && len(p.idle) < max(p.opts.Idle, p.opts.MaxConcurrent) {
		p.rest(w)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	w.stop()
}

// rest puts a worker among the idle ones. The caller holds mu.
func (p *Pool) rest(w *worker) {
	w.watch()
	p.idle = append(p.idle, w)
	p.used = p.opts.Clock.Now()
	if !p.sweeping {
		p.sweeping = true
		p.wg.Add(1)
		go p.sweep()
	}
}

// sweep ends the idle workers when no job has come for IdleAfter, and ends itself with them.
func (p *Pool) sweep() {
	defer p.wg.Done()
	for wait := p.opts.IdleAfter; ; {
		if clock.Sleep(p.ctx, p.opts.Clock, wait) != nil {
			return
		}
		p.mu.Lock()
		if wait = p.used.Add(p.opts.IdleAfter).Sub(p.opts.Clock.Now()); wait > 0 {
			p.mu.Unlock()
			continue
		}
		idle := p.idle
		p.idle, p.sweeping = nil, false
		p.mu.Unlock()
		for _, w := range idle {
			w.stop()
		}
		return
	}
}

// Run waits for a slot, runs the job and returns its result, whose rows the caller must read to the end or close. The
// job ends with ctx. An error of DuckDB or of a function is an *Error, from Run or from the rows.
func (p *Pool) Run(ctx context.Context, job Job) (*Result, error) {
	if len(job.Statements) == 0 {
		return nil, errors.New("job without statements")
	}
	if job.MemoryBytes == 0 {
		job.MemoryBytes = p.opts.MemoryBytes
	}
	if job.Threads == 0 {
		job.Threads = p.opts.Threads
	}
	queued := p.opts.Clock.Now()
	release, err := p.gate.enter(ctx, job.Group)
	if err != nil {
		return nil, err
	}
	started := p.opts.Clock.Now()
	if job.OnStart != nil {
		job.OnStart()
		job.OnStart = nil
	}
	w, err := p.take()
	if err != nil {
		release()
		return nil, err
	}
	res := &Result{pool: p, w: w, release: release, ctx: ctx}
	res.stats.QueueMicros = started.Sub(queued).Microseconds()
	res.unwatch = context.AfterFunc(ctx, w.cancel)
	if err := res.send(&job); err != nil {
		res.finish(false)
		return nil, err
	}
	// The columns come with the first frame, unless the job fails before it has any.
	if err := res.next(); err != nil {
		res.Close()
		return nil, err
	}
	return res, nil
}

func (r *Result) send(job *Job) error {
	body, err := encodeGob(job)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	bw := bufio.NewWriter(r.w.in)
	if err := writeFrame(bw, frameJob, body); err != nil {
		return r.failure(err)
	}
	if err := bw.Flush(); err != nil {
		return r.failure(err)
	}
	return nil
}

// tail keeps the last bytes that a worker wrote to stderr.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 2000; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
