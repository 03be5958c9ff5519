package etl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/etl/visual"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/sandbox"
)

// Credentials are what a role's bearer signs with.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Roles hands out the credentials of jobs' roles.
type Roles interface {
	// AssumeForService returns credentials of the role, valid for ttl at least where the role allows that.
	AssumeForService(ctx context.Context, scope ident.Scope, roleARN, service, session string, ttl time.Duration) (Credentials, error)
	// AssumableBy reports why a service cannot assume the role, or nil.
	AssumableBy(scope ident.Scope, roleARN, service string) error
}

// Object is an object of the store.
type Object struct {
	Key     string
	Size    int64
	Version string // version or ETag
}

// Objects is the object store, used with the rights of a job's role. Addresses are s3://BUCKET/KEY.
type Objects interface {
	// Read returns a whole object, at most limit bytes.
	Read(ctx context.Context, scope ident.Scope, role, url string, limit int64) ([]byte, error)
	// List returns all objects under a prefix.
	List(ctx context.Context, scope ident.Scope, role, bucket, prefix string) ([]Object, error)
	// Move gives objects new keys in the same bucket and removes others, with what with adds (nil = nothing), as one batch: a
	// reader sees all of it or nothing of it. What does not exist is passed over; a new key that is to be removed as well stays.
	Move(ctx context.Context, scope ident.Scope, role, bucket string, moves map[string]string, remove []string, with func(*kv.Batch)) error
}

// LogSink keeps the lines of runs. It models logs.Store.
type LogSink interface {
	Append(ctx context.Context, scope ident.Scope, group, stream string, at time.Time, lines []string)
}

// Crawlers starts and stops the crawlers of triggers.
type Crawlers interface {
	// StartRun starts a crawl under an id. It may be repeated: a crawl that has begun under the id is no error.
	StartRun(ctx context.Context, scope ident.Scope, crawler, id string) error
	// StopRun stops the crawl with the id if it is under way.
	StopRun(ctx context.Context, scope ident.Scope, crawler, id string) error
}

// Events is told of runs whose state changed, in the batch of the change.
type Events interface {
	RunChanged(b *kv.Batch, scope ident.Scope, r Run)
}

// Options of a service. Store, Objects, Roles, Sandbox, Dir and Group are required.
type Options struct {
	Store   kv.Store
	Objects Objects
	Roles   Roles
	Sandbox *sandbox.Sandbox
	Dir     string // environments of Python and folders of runs
	Group   *lifecycle.Group
	Logs    LogSink
	Events  Events
	Crawls  Crawlers // of triggers; nil = they cannot start
	Meter   *meter.Meter
	Clock   clock.Clock
	Logger  *slog.Logger

	// For visual jobs:
	Lake      Lake
	Tables    Tables
	SQL       SQL
	VisualDir string // folders of runs, where the workers of SQL may read and write

	Endpoint func() string // URL under which scripts reach this server
	AtOnce   int           // scripts at the same time; 0 = 2
}

// Service keeps jobs and runs them. All methods are safe for concurrent use.
type Service struct {
	opts  Options
	log   *slog.Logger
	envs  *environments
	slots chan struct{}
	awake chan struct{} // triggers may be due

	mu   sync.Mutex            // held while a step is made and applied (change); guards live
	live map[string]*execution // runs under way by id
}

// Open returns the service. Runs that the end of the last process interrupted start anew once Resume is called.
func Open(ctx context.Context, opts Options) (*Service, error) {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Meter == nil {
		opts.Meter = meter.New()
	}
	if opts.AtOnce <= 0 {
		opts.AtOnce = 2
	}
	s := &Service{opts: opts, log: opts.Logger.With("component", "etl"), slots: make(chan struct{}, opts.AtOnce), awake: make(chan struct{}, 1), live: map[string]*execution{}}
	var err error
	if s.envs, err = newEnvironments(opts.Dir, s.log); err != nil {
		return nil, err
	}
	return s, nil
}

// Create makes a job. Errors: ErrExists, ErrBadInput.
func (s *Service) Create(ctx context.Context, scope ident.Scope, j Job) error {
	if err := j.check(); err != nil {
		return err
	}
	if err := s.opts.Roles.AssumableBy(scope, j.Role, "glue.amazonaws.com"); err != nil {
		return fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	j.Created = s.opts.Clock.Now()
	j.Modified = j.Created
	var b kv.Batch
	k := jobKey(scope, j.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, j)
	err := kv.Commit(ctx, s.opts.Store, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: Job %s already exists.", ErrExists, j.Name)
	}
	return err
}

func (j *Job) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadInput, fmt.Sprintf(format, args...))
	}
	switch {
	case j.Name == "" || len(j.Name) > 255:
		return bad("job name of %d bytes: want 1 to 255", len(j.Name))
	case j.Role == "":
		return bad("a role is required")
	case j.Command.Name != "glueetl" && j.Command.Name != "pythonshell":
		return bad("command %q is not supported: want glueetl or pythonshell", j.Command.Name)
	case j.Nodes != nil && j.Command.Name != "glueetl":
		return bad("a visual job has the command glueetl, not %q", j.Command.Name)
	case j.Nodes == nil && !strings.HasPrefix(j.Command.Script, "s3://"):
		return bad("script location %q: want s3://BUCKET/KEY", j.Command.Script)
	case j.Command.Python == "2":
		return bad("Python 2 is not supported: want 3 or 3.9 as the Python version")
	case j.Command.Name == "glueetl" && j.Command.Python != "" && j.Command.Python != "3":
		return bad("Python version %s of a job of the type glueetl: want 3", j.Command.Python)
	case j.Command.Name == "pythonshell" && (j.WorkerType != "" || j.Workers != 0):
		return bad("worker type and number of workers are not for jobs of the type pythonshell: set a maximum capacity of 0.0625 or 1")
	case j.Command.Name == "pythonshell" && j.MaxCapacity != 0 && j.MaxCapacity != 0.0625 && j.MaxCapacity != 1:
		return bad("maximum capacity %g of a job of the type pythonshell: want 0.0625 or 1", j.MaxCapacity)
	case j.MaxCapacity != 0 && (j.WorkerType != "" || j.Workers != 0):
		return bad("Please do not set Max Capacity if using Worker Type and Number of Workers.")
	case j.MaxRetries < 0 || j.MaxRetries > 10:
		return bad("%d retries: want 0 to 10", j.MaxRetries)
	case j.Timeout < 0 || j.Timeout > 7*24*time.Hour:
		return bad("timeout %v: want 1 minute to 7 days", j.Timeout)
	case j.MaxConcurrent < 0 || j.MaxConcurrent > 1000:
		return bad("%d concurrent runs: want 1 to 1000", j.MaxConcurrent)
	}
	if j.Nodes != nil {
		if _, err := visual.Parse(j.Nodes); err != nil {
			return bad("%v", err)
		}
	}
	return nil
}

// Job returns a job or ErrNotFound.
func (s *Service) Job(ctx context.Context, scope ident.Scope, name string) (Job, error) {
	j, err := kv.Load[Job](ctx, s.opts.Store, jobKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return Job{}, fmt.Errorf("%w: Job with name: %s not found.", ErrNotFound, name)
	}
	return j, err
}

// Jobs lists jobs by name, those after the name after, at most limit (0 = all).
func (s *Service) Jobs(ctx context.Context, scope ident.Scope, after string, limit int) (list []Job, more bool, err error) {
	rng := kv.Prefix(under(scope, "job"))
	if after != "" {
		rng.Lo = jobKey(scope, after).End()
	}
	list, next, err := kv.LoadAll[Job](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// Update replaces what edit changes of a job. Runs under way keep what they started with.
func (s *Service) Update(ctx context.Context, scope ident.Scope, name string, edit func(*Job)) error {
	return s.change(ctx, func(st *step) error {
		j, err := s.Job(ctx, scope, name)
		if err != nil {
			return err
		}
		edit(&j)
		j.Name, j.Modified = name, s.opts.Clock.Now()
		if err := j.check(); err != nil {
			return err
		}
		kv.Put(&st.Batch, jobKey(scope, name), j)
		return nil
	})
}

// Delete removes a job with its runs and bookmark, and stops the runs under way; one that is absent is no error, as on AWS.
func (s *Service) Delete(ctx context.Context, scope ident.Scope, name string) error {
	return s.change(ctx, func(st *step) error {
		st.Delete(jobKey(scope, name))
		for _, e := range s.live {
			if e.scope == scope && e.job.Name == name {
				e.stop("stopped")
			}
		}
		for _, kind := range []string{"run", "runid", "bookmark", "published", "active"} {
			p := under(scope, kind).Str(name)
			st.DeleteRange(p, p.End())
		}
		return nil
	})
}

// Bookmark returns a job's bookmark; a job that has none has the zero one.
func (s *Service) Bookmark(ctx context.Context, scope ident.Scope, job string) (Bookmark, error) {
	b, err := kv.Load[Bookmark](ctx, s.opts.Store, bookmarkKey(scope, job))
	if errors.Is(err, kv.ErrNotFound) {
		return Bookmark{}, nil
	}
	return b, err
}

// ResetBookmark makes a job read everything again.
func (s *Service) ResetBookmark(ctx context.Context, scope ident.Scope, job string) error {
	if _, err := s.Job(ctx, scope, job); err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(bookmarkKey(scope, job))
	return kv.Commit(ctx, s.opts.Store, &b)
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.ETL).Str(s.Account).Str(s.Region).Str(kind)
}

func jobKey(s ident.Scope, name string) key.Key { return under(s, "job").Str(name) }

func bookmarkKey(s ident.Scope, job string) key.Key { return under(s, "bookmark").Str(job) }

func runKey(s ident.Scope, r Run) key.Key {
	return under(s, "run").Str(r.Job).Time(r.Started).Str(r.ID)
}

func runIDKey(s ident.Scope, job, id string) key.Key { return under(s, "runid").Str(job).Str(id) }

func activeKey(s ident.Scope, job, id string) key.Key { return under(s, "active").Str(job).Str(id) }
