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

	"github.com/tarn-data/tarn/internal/clock"
)

// Options configures a Pool. The zero value works when the running binary calls WorkerMain for WorkerArg.
type Options struct {
	// MaxConcurrent is how many jobs run at once; the rest wait. 0 = 4.
	MaxConcurrent int
	// Idle is how many workers are kept ready. 0 = 2.
	Idle int
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
	idle     []*worker
	starting int
	closed   bool
}

// NewPool returns a pool and starts its first workers in the background.
func NewPool(o Options) *Pool {
	p := &Pool{opts: o.withDefaults()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.gate = newGate(p.opts.MaxConcurrent)
	p.refill()
	return p
}

// Close kills the workers and waits for them. Running jobs fail.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	p.cancel()
	for _, w := range idle {
		w.stop()
	}
	p.wg.Wait()
	return nil
}

// refill starts workers until Idle are ready.
func (p *Pool) refill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && len(p.idle)+p.starting < p.opts.Idle {
		p.starting++
		p.wg.Add(1)
		go func() {
			defer p.wg.Done()
			w, err := p.start()
			p.mu.Lock()
			p.starting--
			keep := err == nil && !p.closed
			if keep {
				p.idle = append(p.idle, w)
			}
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
	kind, _, err := readFrame(w.r)
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

// take returns an idle worker or starts one.
func (p *Pool) take() (*worker, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return w, nil
	}
	p.mu.Unlock()
	return p.start()
}

// giveBack keeps a worker that has opened its next instance, or ends it when there are enough.
func (p *Pool) giveBack(w *worker) {
	p.mu.Lock()
	if !p.closed && len(p.idle) < max(p.opts.Idle, p.opts.MaxConcurrent) {
		p.idle = append(p.idle, w)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	w.stop()
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
