package etl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/meter"
)

// StartRequest asks for a run of a job.
type StartRequest struct {
	Job       string
	Token     string // starts with one token are one run; "" = none
	RunID     string // of a run to repeat; "" = a new one
	Arguments map[string]string
	Timeout   time.Duration // 0 = the job's
	Workers   int           // 0 = the job's
	Worker    string        // "" = the job's
	Capacity  float64       // 0 = the job's
	Trigger   string

	Workflow, WorkflowRun string // that the run is a part of
}

const defaultTimeout = 48 * time.Hour

// attemptMark stands between a run's id and the number of its retry, as on AWS.
const attemptMark = "_attempt_"

// Start begins a run and returns its id. Errors: ErrNotFound, ErrConcurrent, ErrBadInput.
func (s *Service) Start(ctx context.Context, scope ident.Scope, req StartRequest) (id string, err error) {
	err = s.change(ctx, func(st *step) error {
		id, err = s.start(ctx, st, scope, req)
		return err
	})
	return id, err
}

// start adds the beginning of a run to a step.
func (s *Service) start(ctx context.Context, st *step, scope ident.Scope, req StartRequest) (string, error) {
	j, err := s.Job(ctx, scope, req.Job)
	if err != nil {
		return "", err
	}
	id := "jr_" + ident.Hex(32)
	if req.Token != "" {
		sum := sha256.Sum256([]byte(scope.String() + "/" + j.Name + "/" + req.Token))
		id = "jr_" + hex.EncodeToString(sum[:])
		if _, err := s.Run(ctx, scope, j.Name, id); !errors.Is(err, ErrNotFound) {
			return id, err
		}
	}
	active, _, err := kv.LoadAll[Run](ctx, s.opts.Store, kv.Prefix(under(scope, "active").Str(j.Name)), 0)
	if err != nil {
		return "", err
	}
	if limit, n := max(j.MaxConcurrent, 1), len(active)+st.beginning(scope, j.Name); n >= limit {
		return "", fmt.Errorf("%w: Concurrent runs exceeded for %s: %d of %d are under way", ErrConcurrent, j.Name, n, limit)
	}
	args := maps.Clone(j.Arguments)
	if args == nil {
		args = map[string]string{}
	}
	for k, v := range req.Arguments {
		if _, fixed := j.Fixed[k]; fixed {
			return "", fmt.Errorf("%w: argument %s of job %s cannot be overridden", ErrBadInput, k, j.Name)
		}
		if !strings.HasPrefix(k, "--") {
			return "", fmt.Errorf("%w: argument %q: want a name that begins with --", ErrBadInput, k)
		}
		args[k] = v
	}
	maps.Copy(args, j.Fixed)
	r := Run{
		ID: id, Job: j.Name, Trigger: req.Trigger, Arguments: req.Arguments, State: Starting, Started: s.opts.Clock.Now(), Role: j.Role,
		Timeout: j.Timeout, WorkerType: j.WorkerType, Workers: j.Workers, Capacity: j.MaxCapacity, Glue: j.GlueVersion,
		Workflow: req.Workflow, WorkflowRun: req.WorkflowRun,
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if req.Timeout > 0 {
		r.Timeout = req.Timeout
	}
	if req.Workers > 0 {
		r.Workers = req.Workers
	}
	if req.Worker != "" {
		r.WorkerType = req.Worker
	}
	if req.Capacity > 0 {
		r.Capacity = req.Capacity
	}
	if r.Capacity == 0 {
		r.Capacity = capacity(j.Command.Name, r.WorkerType, r.Workers)
	}
	if req.RunID != "" {
		before, err := s.Run(ctx, scope, j.Name, req.RunID)
		if err != nil {
			return "", err
		}
		r.Previous, r.Attempt, r.Arguments = before.ID, before.Attempt+1, before.Arguments
		maps.Copy(args, before.Arguments)
	}
	r.Modified = r.Started
	s.addRun(&st.Batch, scope, r)
	st.begin = append(st.begin, newExecution(s, scope, j, r, args))
	return r.ID, nil
}

// capacity is how many DPUs a run counts for.
func capacity(command, worker string, workers int) float64 {
	each := map[string]float64{"Standard": 1, "G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}[worker]
	switch {
	case command == "pythonshell":
		return 0.0625
	case each > 0 && workers > 0:
		return each * float64(workers)
	}
	return 10
}

// addRun stores a run and whether it is under way, with the event of its change.
func (s *Service) addRun(b *kv.Batch, scope ident.Scope, r Run) {
	kv.Put(b, runKey(scope, r), r)
	kv.Put(b, runIDKey(scope, r.Job, r.ID), r.Started)
	if r.State.Ended() {
		b.Delete(activeKey(scope, r.Job, r.ID))
	} else {
		kv.Put(b, activeKey(scope, r.Job, r.ID), r)
	}
	if s.opts.Events != nil {
		s.opts.Events.RunChanged(b, scope, r)
	}
}

// Run returns a run or ErrNotFound.
func (s *Service) Run(ctx context.Context, scope ident.Scope, job, id string) (Run, error) {
	started, err := kv.Load[time.Time](ctx, s.opts.Store, runIDKey(scope, job, id))
	if err == nil {
		var r Run
		if r, err = kv.Load[Run](ctx, s.opts.Store, runKey(scope, Run{Job: job, ID: id, Started: started})); err == nil {
			return r, nil
		}
	}
	if errors.Is(err, kv.ErrNotFound) {
		return Run{}, fmt.Errorf("%w: JobRun with ID: %s of job %s not found.", ErrNotFound, id, job)
	}
	return Run{}, err
}

// Runs lists a job's runs, newest first, those that started before the time before (zero = all), at most limit.
func (s *Service) Runs(ctx context.Context, scope ident.Scope, job string, before time.Time, limit int) (list []Run, more bool, err error) {
	if _, err := s.Job(ctx, scope, job); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(under(scope, "run").Str(job))
	rng.Reverse = true
	if !before.IsZero() {
		rng.Hi = under(scope, "run").Str(job).Time(before)
	}
	list, next, err := kv.LoadAll[Run](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// Stop ends a run under way. Errors: ErrNotFound, ErrNotRunning.
func (s *Service) Stop(ctx context.Context, scope ident.Scope, job, id string) error {
	return s.change(ctx, func(st *step) error {
		r, err := s.Run(ctx, scope, job, id)
		if err != nil {
			return err
		}
		if r.State.Ended() {
			return fmt.Errorf("%w: run %s is %s", ErrNotRunning, id, r.State)
		}
		s.stop(st, scope, r)
		return nil
	})
}

// stop adds the beginning of a run's end to a step.
func (s *Service) stop(st *step, scope ident.Scope, r Run) {
	r.State, r.Modified = Stopping, s.opts.Clock.Now()
	st.UseReserve()
	s.addRun(&st.Batch, scope, r)
	if p := s.live[r.ID]; p != nil {
		p.stop("stopped")
	}
}

// Resume starts the runs anew that were under way when the last process ended. It is called once, when everything that a
// script may call is served.
func (s *Service) Resume(ctx context.Context) error {
	err := s.change(ctx, func(st *step) error { return s.interrupted(ctx, st) })
	if err != nil {
		return err
	}
	s.opts.Group.Go("job triggers", s.runTriggers)
	return nil
}

func (s *Service) interrupted(ctx context.Context, st *step) error {
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(key.In(key.ETL))) {
		if err != nil {
			return fmt.Errorf("read runs: %w", err)
		}
		k := key.Read(it.Key, key.ETL)
		scope := ident.Scope{Account: k.Str(), Region: k.Str()}
		if k.Str() != "active" {
			continue
		}
		job, id := k.Str(), k.Str()
		r, err := s.Run(ctx, scope, job, id)
		if err != nil {
			return err
		}
		j, err := s.Job(ctx, scope, job)
		if err != nil {
			return err
		}
		args := maps.Clone(j.Arguments)
		if args == nil {
			args = map[string]string{}
		}
		maps.Copy(args, r.Arguments)
		maps.Copy(args, j.Fixed)
		s.log.Info("start an interrupted run anew", "job", job, "run", id)
		r.FilesRead, r.BytesRead, r.FilesMade, r.BytesMade = 0, 0, 0, 0
		s.addRun(&st.Batch, scope, r)
		st.begin = append(st.begin, newExecution(s, scope, j, r, args))
	}
	return nil
}

// finish records the end of a run, and begins its next attempt where the job has retries left.
func (s *Service) finish(ctx context.Context, p *execution, state State, message string) error {
	r := p.run
	now := s.opts.Clock.Now()
	r.State, r.Error, r.Completed, r.Modified = state, message, now, now
	if !p.began.IsZero() {
		r.Execution = now.Sub(p.began)
	}
	in, out := p.lineage()
	return s.change(ctx, func(st *step) error {
		if _, err := s.Run(ctx, p.scope, r.Job, r.ID); errors.Is(err, ErrNotFound) {
			return nil // the job was removed meanwhile
		}
		st.UseReserve()
		s.addRun(&st.Batch, p.scope, r)
		if state == Failed && r.Attempt < p.job.MaxRetries {
			next := r
			next.ID = fmt.Sprintf("%s%s%d", firstAttempt(r.ID), attemptMark, r.Attempt+1)
			next.Previous, next.Attempt = r.ID, r.Attempt+1
			next.State, next.Error, next.Started, next.Modified, next.Completed, next.Execution, next.Starts = Starting, "", now, now, time.Time{}, 0, 0
			next.FilesRead, next.BytesRead, next.FilesMade, next.BytesMade = 0, 0, 0, 0
			s.addRun(&st.Batch, p.scope, next)
			st.begin = append(st.begin, newExecution(s, p.scope, p.job, next, p.args))
		} else {
			all := allPublished(p.scope, r) // nothing will repeat these writes
			st.DeleteRange(all, all.End())
			noteEnd(&st.Batch, p.scope, end{
				Job: r.Job, ID: firstAttempt(r.ID), State: string(r.State), At: now, Error: r.Error, Workflow: r.Workflow, WorkflowRun: r.WorkflowRun,
			})
		}
		lineage.Record(&st.Batch, lineage.Run{
			ID: r.ID, Kind: "job", Subject: p.scope.ARN("glue", "job/"+r.Job), Account: p.scope.Account, At: now, Duration: now.Sub(r.Started), Inputs: in, Outputs: out,
			Detail: r.Engine + ": " + r.EngineWhy,
		})
		// AWS bills a minute at least.
		s.opts.Meter.Add(&st.Batch, now, p.scope, meter.JobDPUHours, p.scope.ARN("glue", "job/"+r.Job), r.Capacity*max(r.Execution, time.Minute).Hours())
		return nil
	})
}

// firstAttempt returns the id of the run that an attempt belongs to.
func firstAttempt(id string) string {
	first, _, _ := strings.Cut(id, attemptMark)
	return first
}
