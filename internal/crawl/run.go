package crawl

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// crawl is a run under way.
type crawl struct {
	scope  ident.Scope
	name   string
	cancel context.CancelFunc

	mu          sync.Mutex // guards the fields below
	stopped     bool       // by the user
	listing     bool       // what there is to do is not known yet
	total, done int        // files to look at
	began       time.Time  // of looking at files
}

// Start begins a crawl. Errors: ErrNotFound, ErrRunning.
func (s *Service) Start(ctx context.Context, scope ident.Scope, name string) error {
	return s.StartRun(ctx, scope, name, ident.UUID())
}

// StartRun begins a crawl under an id that the caller has chosen. It may be repeated: a crawl that has begun under the id is no
// error. Errors: ErrNotFound, ErrRunning.
func (s *Service) StartRun(ctx context.Context, scope ident.Scope, name, id string) error {
	r := Run{ID: id, Crawler: name, State: "RUNNING"}
	err := s.step(ctx, func(b *kv.Batch) error {
		c, err := s.Get(ctx, scope, name)
		if err != nil {
			return err
		}
		if c.CurrentRun == id || c.Last != nil && c.Last.ID == id {
			return nil
		}
		if c.State != Ready {
			return fmt.Errorf("%w: Crawler with name %s has already started", ErrRunning, name)
		}
		r.Start = s.opts.Clock.Now()
		c.State, c.CurrentRun, c.CurrentStart = Running, r.ID, r.Start
		kv.Put(b, crawlerKey(scope, name), c)
		kv.Put(b, runKey(scope, r), r)
		return nil
	})
	if r.Start.IsZero() {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// It may have been told to stop meanwhile; where the batch was not applied, nothing has begun.
	if c, got := s.Get(ctx, scope, name); got == nil && c.CurrentRun == id {
		s.launch(scope, c, r)
	}
	return err
}

// StopRun stops the crawl with an id if it is under way.
func (s *Service) StopRun(ctx context.Context, scope ident.Scope, name, id string) error {
	err := s.stop(ctx, scope, name, func(c *Crawler) bool { return c.CurrentRun == id })
	if errors.Is(err, ErrNotRunning) || errors.Is(err, ErrStopping) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Stop ends a crawl under way; what it found so far is dropped. Errors: ErrNotRunning, ErrStopping.
func (s *Service) Stop(ctx context.Context, scope ident.Scope, name string) error {
	return s.stop(ctx, scope, name, func(*Crawler) bool { return true })
}

// stop ends the crawl under way if it is one that meant selects.
func (s *Service) stop(ctx context.Context, scope ident.Scope, name string, meant func(*Crawler) bool) error {
	return s.change(ctx, scope, name, func(c *Crawler) error {
		switch {
		case c.State == Ready || !meant(c):
			return fmt.Errorf("%w: Crawler with name %s isn't running", ErrNotRunning, name)
		case c.State == Stopping:
			return fmt.Errorf("%w: Crawler with name %s is stopping", ErrStopping, name)
		}
		c.State = Stopping
		if run := s.live[liveKey(scope, name)]; run != nil {
			run.mu.Lock()
			run.stopped = true
			run.mu.Unlock()
			run.cancel()
		}
		return nil
	})
}

// resume begins the crawls anew that were under way when the last process ended.
func (s *Service) resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(key.In(key.Crawl))) {
		if err != nil {
			return fmt.Errorf("read crawlers: %w", err)
		}
		k := key.Read(it.Key, key.Crawl)
		scope := ident.Scope{Account: k.Str(), Region: k.Str()}
		if k.Str() != "crawler" {
			continue
		}
		c, err := s.Get(ctx, scope, k.Str())
		if err != nil {
			return err
		}
		if c.State == Ready {
			continue
		}
		r, err := kv.Load[Run](ctx, s.opts.Store, runKey(scope, Run{ID: c.CurrentRun, Crawler: c.Name, Start: c.CurrentStart}))
		if err != nil {
			return fmt.Errorf("read crawl %s: %w", c.CurrentRun, err)
		}
		s.launch(scope, c, r)
	}
	return nil
}

// launch runs a crawl in the background. The caller holds mu.
func (s *Service) launch(scope ident.Scope, c Crawler, r Run) {
	run := &crawl{scope: scope, name: c.Name, listing: true, stopped: c.State == Stopping}
	ctx, cancel := context.WithCancel(s.opts.Group.Context())
	run.cancel = cancel
	if run.stopped {
		cancel()
	}
	s.live[liveKey(scope, c.Name)] = run
	s.opts.Group.Go("crawl "+c.Name, func(groupCtx context.Context) {
		defer cancel()
		s.carryOut(ctx, groupCtx, run, c, r)
	})
}

// carryOut does a crawl from its start to its end, except where the process stops: then it stays as it is.
func (s *Service) carryOut(ctx, groupCtx context.Context, run *crawl, c Crawler, r Run) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if k := liveKey(run.scope, run.name); s.live[k] == run { // the next crawl may have begun
			delete(s.live, k)
		}
	}()
	s.say(run.scope, r, "BENCHMARK", "Running Start Crawl for Crawler "+c.Name)
	var tables []table
	var err error
	select {
	case s.slots <- struct{}{}:
		tables, err = s.look(ctx, run, c, &r)
		if err == nil {
			s.say(run.scope, r, "BENCHMARK", "Classification complete, writing results to database "+c.Database)
			err = s.finish(ctx, run.scope, c, &r, tables)
		}
		<-s.slots
	case <-ctx.Done():
		err = ctx.Err()
	}
	if groupCtx.Err() != nil {
		return // the server is stopping: the crawl begins anew at the next start
	}
	if err != nil {
		run.mu.Lock()
		stopped := run.stopped
		run.mu.Unlock()
		if stopped {
			r.State, r.Error = "STOPPED", ""
			s.say(run.scope, r, "INFO", "The crawl was stopped by the user")
		} else {
			r.State, r.Error = "FAILED", err.Error()
			s.say(run.scope, r, "ERROR", err.Error())
		}
		if err := s.end(groupCtx, run.scope, c.Name, r); err != nil && groupCtx.Err() == nil {
			s.log.Error("record the end of a crawl", "crawler", c.Name, "err", err)
		}
	}
	s.say(run.scope, r, "BENCHMARK", "Crawler has finished running and is in state READY")
}

// end records a crawl that changed nothing.
func (s *Service) end(ctx context.Context, scope ident.Scope, name string, r Run) error {
	return s.step(ctx, func(b *kv.Batch) error { return s.addEnd(ctx, b, scope, name, &r) })
}

// addEnd adds the end of a crawl to b: the run's record, the crawler's state and the event.
func (s *Service) addEnd(ctx context.Context, b *kv.Batch, scope ident.Scope, name string, r *Run) error {
	c, err := s.Get(ctx, scope, name)
	if err != nil {
		return err
	}
	r.End = s.opts.Clock.Now()
	last := *r
	c.State, c.CurrentRun, c.CurrentStart, c.Last = Ready, "", time.Time{}, &last
	kv.Put(b, crawlerKey(scope, name), c)
	kv.Put(b, runKey(scope, *r), *r)
	if s.opts.Events != nil {
		s.opts.Events.Crawled(b, scope, *r)
	}
	s.count(b, scope, c, *r)
	return nil
}

// estimate tells how far a crawl is.
func (s *Service) estimate(scope ident.Scope, name string) (estimating bool, left time.Duration) {
	s.mu.Lock()
	run := s.live[liveKey(scope, name)]
	s.mu.Unlock()
	if run == nil {
		return true, 0 // it has just begun or is about to end
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.listing || run.done == 0 {
		return true, 0
	}
	spent := s.opts.Clock.Now().Sub(run.began)
	left = spent * time.Duration(run.total-run.done) / time.Duration(run.done)
	return false, max(left, time.Second) // writing to the catalog is still to come
}

// tableName turns a folder's or file's name into a table's.
func tableName(prefix, name string) string {
	name = notInNames.ReplaceAllString(strings.ToLower(name), "_")
	if name == "" {
		name = "table"
	}
	return strings.ToLower(prefix) + name
}

var notInNames = regexp.MustCompile(`[^\p{L}\p{N}_]`)

func liveKey(s ident.Scope, name string) string { return s.String() + "/" + name }

func runKey(s ident.Scope, r Run) key.Key {
	return under(s, "run").Str(r.Crawler).Time(r.Start).Str(r.ID)
}

// say writes a line of the crawl's log, in the words of Glue.
func (s *Service) say(scope ident.Scope, r Run, level, text string) {
	if s.opts.Logs == nil {
		return
	}
	s.opts.Logs.Append(context.Background(), scope, LogGroup, r.Crawler, s.opts.Clock.Now(), fmt.Sprintf("[%s] %s : %s", r.ID, level, text))
}
