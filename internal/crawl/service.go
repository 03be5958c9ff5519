package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/schedule"
)

// File is an object that a crawl looks at.
type File struct {
	Key      string
	Size     int64
	ETag     string
	Version  string
	Modified time.Time
}

// Objects reads the object store with the rights of a crawler's role. It models objstore.Store.
type Objects interface {
	// List returns the objects under a prefix in the order of their keys, those after the key after. Errors are worded for
	// users: no such bucket, access denied.
	List(ctx context.Context, scope ident.Scope, role, bucket, prefix, after string, limit int) (files []File, more bool, err error)
	// Open returns the bytes of an object.
	Open(ctx context.Context, scope ident.Scope, role, bucket string, f File) (Body, error)
}

// Body is an open object.
type Body interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// LogSink keeps what crawls write for their users. It models logs.Store.
type LogSink interface {
	Append(ctx context.Context, scope ident.Scope, group, stream string, at time.Time, line string)
}

// Events tells others about state changes of crawlers. It adds the event to b, the batch of the change.
type Events interface {
	Crawled(b *kv.Batch, scope ident.Scope, r Run)
}

// Options of a service. Store, Catalog, Objects and Group are required.
type Options struct {
	Store   kv.Store
	Catalog *catalog.Catalog
	Objects Objects
	Group   *lifecycle.Group
	Logs    LogSink // nil = none
	Events  Events  // nil = none
	Meter   *meter.Meter
	Clock   clock.Clock
	Logger  *slog.Logger
	AtOnce  int // crawls at the same time; 0 = 4
}

// Service keeps crawlers and runs them. All methods are safe for concurrent use.
type Service struct {
	opts  Options
	log   *slog.Logger
	slots chan struct{}
	wake  chan struct{} // the schedule changed

	mu   sync.Mutex        // makes reading and replacing a crawler one step; guards live
	live map[string]*crawl // crawls under way by scope and name
}

// Open returns the service. Crawls that the end of the last process interrupted begin anew.
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
		opts.AtOnce = 4
	}
	s := &Service{
		opts: opts, log: opts.Logger.With("component", "crawl"), slots: make(chan struct{}, opts.AtOnce),
		wake: make(chan struct{}, 1), live: map[string]*crawl{},
	}
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	opts.Group.Go("crawl schedule", s.runSchedule)
	return s, nil
}

// Create makes a crawler. Errors: ErrExists, ErrBadInput.
func (s *Service) Create(ctx context.Context, scope ident.Scope, c Config) error {
	if err := c.normalise(); err != nil {
		return err
	}
	if err := s.checkClassifiers(ctx, scope, c.Classifiers); err != nil {
		return err
	}
	now := s.opts.Clock.Now()
	cr := Crawler{Config: c, State: Ready, Created: now, Updated: now, Version: 1, Scheduled: c.Schedule != ""}
	cr.due(now)
	var b kv.Batch
	k := crawlerKey(scope, c.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, cr)
	if err := kv.Commit(ctx, s.opts.Store, &b); err != nil {
		if errors.Is(err, kv.ErrConflict) {
			return fmt.Errorf("%w: Crawler with name %s already exists", ErrExists, c.Name)
		}
		return err
	}
	s.wakeUp()
	return nil
}

// normalise fills defaults in and checks a configuration.
func (c *Config) normalise() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadInput, fmt.Sprintf(format, args...))
	}
	c.Database = strings.ToLower(c.Database)
	if c.OnUpdate == "" {
		c.OnUpdate = UpdateInCatalog
	}
	if c.OnDelete == "" {
		c.OnDelete = DeleteDeprecate
	}
	if c.Recrawl == "" {
		c.Recrawl = "CRAWL_EVERYTHING"
	}
	switch {
	case c.Name == "" || len(c.Name) > 255:
		return bad("crawler name of %d bytes: want 1 to 255", len(c.Name))
	case c.Role == "":
		return bad("a role is required")
	case len(c.Targets)+len(c.CatalogTargets) == 0:
		return bad("at least one crawl target is required")
	case len(c.Targets) > 0 && c.Database == "":
		return bad("a database is required for targets in S3")
	case len(c.TablePrefix) > 128:
		return bad("table prefix of %d bytes: want 128 at most", len(c.TablePrefix))
	case c.Recrawl != "CRAWL_EVERYTHING" && c.Recrawl != "CRAWL_NEW_FOLDERS_ONLY":
		return bad("recrawl behavior %s is not supported: want CRAWL_EVERYTHING or CRAWL_NEW_FOLDERS_ONLY", c.Recrawl)
	case c.Recrawl == "CRAWL_NEW_FOLDERS_ONLY" && (c.OnUpdate != UpdateLog || c.OnDelete != DeleteLog):
		return bad("the SchemaChangePolicy for an incremental crawl must have LOG for both behaviors")
	}
	for _, t := range c.Targets {
		if _, _, err := splitPath(t.Path); err != nil {
			return err
		}
		if t.SampleSize < 0 || t.SampleSize > 249 {
			return bad("sample size %d: want 1 to 249", t.SampleSize)
		}
		for _, x := range t.Exclusions {
			if _, err := compileGlob(x); err != nil {
				return bad("exclusion %q: %v", x, err)
			}
		}
	}
	if c.Schedule != "" {
		if !strings.HasPrefix(c.Schedule, "cron(") {
			return bad("schedule %q: want cron(…)", c.Schedule)
		}
		if _, err := schedule.Parse(c.Schedule); err != nil {
			return bad("%v", err)
		}
	}
	_, err := c.settings()
	return err
}

// splitPath takes s3://BUCKET/PREFIX apart; the prefix ends with a slash unless it is empty or names an object.
func splitPath(path string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(path, "s3://")
	if !ok {
		rest, ok = strings.CutPrefix(path, "s3a://")
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("%w: path %q: want s3://BUCKET/PREFIX", ErrBadInput, path)
	}
	return bucket, prefix, nil
}

// Get returns a crawler or ErrNotFound.
func (s *Service) Get(ctx context.Context, scope ident.Scope, name string) (Crawler, error) {
	c, err := kv.Load[Crawler](ctx, s.opts.Store, crawlerKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return Crawler{}, fmt.Errorf("%w: Crawler entry with name %s does not exist", ErrNotFound, name)
	}
	return c, err
}

// List returns crawlers by name, those after the name after, at most limit (0 = all).
func (s *Service) List(ctx context.Context, scope ident.Scope, after string, limit int) (list []Crawler, more bool, err error) {
	rng := kv.Prefix(under(scope, "crawler"))
	if after != "" {
		rng.Lo = crawlerKey(scope, after).End()
	}
	list, next, err := kv.LoadAll[Crawler](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// Update changes a crawler that is not running.
func (s *Service) Update(ctx context.Context, scope ident.Scope, name string, edit func(*Config)) error {
	return s.change(ctx, scope, name, func(c *Crawler) error {
		if c.State != Ready {
			return fmt.Errorf("%w: Crawler with name %s is running", ErrRunning, name)
		}
		had := c.Schedule
		edit(&c.Config)
		c.Name = name
		if err := c.normalise(); err != nil {
			return err
		}
		if err := s.checkClassifiers(ctx, scope, c.Classifiers); err != nil {
			return err
		}
		if c.Schedule != had {
			c.Scheduled = c.Schedule != ""
		}
		c.Updated = s.opts.Clock.Now()
		c.Version++
		c.due(c.Updated)
		return nil
	})
}

// Delete removes a crawler that is not running, with its history.
func (s *Service) Delete(ctx context.Context, scope ident.Scope, name string) error {
	return s.step(ctx, func(b *kv.Batch) error {
		c, err := s.Get(ctx, scope, name)
		if err != nil {
			return err
		}
		if c.State != Ready {
			return fmt.Errorf("%w: Crawler with name %s is running", ErrRunning, name)
		}
		b.Delete(crawlerKey(scope, name))
		p := under(scope, "run").Str(name)
		b.DeleteRange(p, p.End())
		return nil
	})
}

// SetSchedule turns a crawler's schedule on or off, or replaces it where expr is not empty.
func (s *Service) SetSchedule(ctx context.Context, scope ident.Scope, name string, on bool, expr string) error {
	return s.change(ctx, scope, name, func(c *Crawler) error {
		if expr != "" {
			if _, err := schedule.Parse(expr); err != nil || !strings.HasPrefix(expr, "cron(") {
				return fmt.Errorf("%w: schedule %q: want cron(…): %w", ErrBadInput, expr, err)
			}
			c.Schedule = expr
		}
		switch {
		case c.Schedule == "":
			return fmt.Errorf("%w: crawler %s has no schedule", ErrSchedule, name)
		case expr == "" && c.Scheduled == on:
			return fmt.Errorf("%w: the schedule of crawler %s is already %s", ErrSchedule, name, map[bool]string{true: "running", false: "stopped"}[on])
		}
		c.Scheduled = on
		c.due(s.opts.Clock.Now())
		return nil
	})
}

// change edits a crawler's record as one step.
func (s *Service) change(ctx context.Context, scope ident.Scope, name string, edit func(*Crawler) error) error {
	err := s.step(ctx, func(b *kv.Batch) error {
		c, err := s.Get(ctx, scope, name)
		if err != nil {
			return err
		}
		if err := edit(&c); err != nil {
			return err
		}
		kv.Put(b, crawlerKey(scope, name), c)
		return nil
	})
	if err == nil {
		s.wakeUp()
	}
	return err
}

// step lets edit read crawlers and add to a batch, as one with all other changes, and returns when the batch is durable. The lock is
// not held while it is synced.
func (s *Service) step(ctx context.Context, edit func(*kv.Batch) error) error {
	pending, err := func() (kv.Pending, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var b kv.Batch
		if err := edit(&b); err != nil || b.Empty() {
			return nil, err
		}
		return s.opts.Store.Apply(ctx, &b)
	}()
	if err != nil || pending == nil {
		return err
	}
	return pending.Wait(ctx)
}

// due works out when the crawler's schedule comes next after t.
func (c *Crawler) due(t time.Time) {
	c.NextDue = time.Time{}
	if !c.Scheduled || c.Schedule == "" {
		return
	}
	if sch, err := schedule.Parse(c.Schedule); err == nil {
		c.NextDue = sch.Next(t.UTC())
	}
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// runSchedule starts crawlers when their schedules are due.
func (s *Service) runSchedule(ctx context.Context) {
	for {
		next, err := s.startDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("read schedules", "err", err)
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = min(wait, next.Sub(s.opts.Clock.Now()))
		}
		t := s.opts.Clock.NewTimer(max(wait, 0))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-s.wake:
			t.Stop()
		case <-t.C():
		}
	}
}

func (s *Service) startDue(ctx context.Context) (next time.Time, err error) {
	now := s.opts.Clock.Now()
	for it, err := range s.opts.Store.Scan(ctx, kv.Prefix(key.In(key.Crawl))) {
		if err != nil {
			return time.Time{}, err
		}
		r := key.Read(it.Key, key.Crawl)
		scope := ident.Scope{Account: r.Str(), Region: r.Str()}
		if r.Str() != "crawler" {
			continue
		}
		c, err := s.Get(ctx, scope, r.Str())
		if err != nil || c.NextDue.IsZero() {
			continue
		}
		if !c.NextDue.After(now) {
			if err := s.Start(ctx, scope, c.Name); err != nil && !errors.Is(err, ErrRunning) {
				s.log.Error("start a scheduled crawl", "crawler", c.Name, "err", err)
			}
			if err := s.change(ctx, scope, c.Name, func(c *Crawler) error { c.due(now); return nil }); err != nil {
				return time.Time{}, err
			}
			if c, err = s.Get(ctx, scope, c.Name); err != nil {
				continue
			}
		}
		if next.IsZero() || !c.NextDue.IsZero() && c.NextDue.Before(next) {
			next = c.NextDue
		}
	}
	return next, nil
}

// Runs lists a crawler's crawls, newest first, those that began before the time before (zero = all).
func (s *Service) Runs(ctx context.Context, scope ident.Scope, name string, before time.Time, limit int) (list []Run, more bool, err error) {
	if _, err := s.Get(ctx, scope, name); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(under(scope, "run").Str(name))
	rng.Reverse = true
	if !before.IsZero() {
		rng.Hi = under(scope, "run").Str(name).Time(before)
	}
	list, next, err := kv.LoadAll[Run](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// Metrics are the figures of a crawler.
type Metrics struct {
	Crawler                               string
	StillEstimating                       bool          // a crawl is under way and what is left is not known yet
	TimeLeft                              time.Duration // of the crawl under way
	LastRuntime, MedianRuntime            time.Duration
	TablesCreated, TablesUpdated, Deleted int // in the last crawl
}

// Metrics returns the figures of a crawler, true at this moment.
func (s *Service) Metrics(ctx context.Context, scope ident.Scope, name string) (Metrics, error) {
	c, err := s.Get(ctx, scope, name)
	if err != nil {
		return Metrics{}, err
	}
	m := Metrics{Crawler: name}
	if c.State != Ready {
		m.StillEstimating, m.TimeLeft = s.estimate(scope, name)
	}
	runs, _, err := s.Runs(ctx, scope, name, time.Time{}, 20)
	if err != nil {
		return Metrics{}, err
	}
	var took []time.Duration
	for _, r := range runs {
		if r.State == "RUNNING" {
			continue
		}
		if len(took) == 0 {
			m.LastRuntime = r.End.Sub(r.Start)
			m.TablesCreated, m.TablesUpdated, m.Deleted = len(r.Created), len(r.Updated), len(r.Deleted)
		}
		took = append(took, r.End.Sub(r.Start))
	}
	if len(took) > 0 {
		slices.Sort(took)
		m.MedianRuntime = took[len(took)/2]
	}
	return m, nil
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Crawl).Str(s.Account).Str(s.Region).Str(kind)
}

func crawlerKey(s ident.Scope, name string) key.Key { return under(s, "crawler").Str(name) }

// SetTags edits a crawler's tags, whatever its state.
func (s *Service) SetTags(ctx context.Context, scope ident.Scope, name string, edit func(map[string]string)) error {
	return s.change(ctx, scope, name, func(c *Crawler) error {
		tags := maps.Clone(c.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		edit(tags)
		c.Tags = tags
		return nil
	})
}

// Elapsed returns how long the crawl under way has run.
func (s *Service) Elapsed(c Crawler) time.Duration {
	if c.CurrentStart.IsZero() {
		return 0
	}
	return s.opts.Clock.Now().Sub(c.CurrentStart)
}
