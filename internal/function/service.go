package function

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/sandbox"
)

// Credentials are what a role's bearer signs with.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// Roles hands out a role's temporary credentials. It checks that the role trusts the service.
type Roles interface {
	// AssumeForService returns credentials of the role for a service such as "lambda.amazonaws.com".
	AssumeForService(ctx context.Context, scope ident.Scope, roleARN, service, session string, ttl time.Duration) (Credentials, error)
	// AssumableBy reports why a service cannot assume the role, or nil.
	AssumableBy(scope ident.Scope, roleARN, service string) error
}

// LogLine is a line that a function or the platform wrote.
type LogLine struct {
	Time    time.Time
	Message string
}

// LogSink keeps what functions write. It models logs.Store.
type LogSink interface {
	AppendLines(ctx context.Context, scope ident.Scope, group, stream string, lines []LogLine) error
}

// Destination delivers records of asynchronous invocations to queues, topics, buses and other functions. It adds the
// delivery to b, so that it happens exactly when the invocation is finished. It models bridge's fan-out.
type Destination interface {
	Send(ctx context.Context, b *kv.Batch, scope ident.Scope, target string, r Outcome) error
}

// Outcome is what a destination or a dead-letter target gets of an invocation that is finished.
type Outcome struct {
	Body     []byte // JSON: the record; for a dead-letter target the event itself
	Function string // ARN of the function, with the version that ran
	Failed   bool
	Letter   *Letter // of a dead-letter target only
}

// Letter tells why an event is in a dead-letter target; Lambda gives it as the message's attributes.
type Letter struct {
	RequestID    string
	ErrorCode    int // a status of HTTP: 200 for an error of the function's own
	ErrorMessage string
}

// Options of a service. Store, Blobs, Dir, Sandbox and Group are required.
type Options struct {
	Store   kv.Store
	Blobs   blob.Store
	Dir     string // where code is unpacked and instances have their /tmp; emptied at start
	Sandbox *sandbox.Sandbox
	Group   *lifecycle.Group
	Roles   Roles       // nil = functions get no credentials
	Logs    LogSink     // nil = lines are dropped
	Dest    Destination // nil = destinations and dead-letter targets are refused
	Meter   *meter.Meter
	Clock   clock.Clock
	Logger  *slog.Logger

	Endpoint     func() string // URL under which functions reach this server
	MaxInstances int           // processes at once; 0 = 32
	IdleAfter    time.Duration // how long an unused instance stays warm; 0 = 10 minutes
	Packages     Packages      // which SDKs functions find; the zero value prepares the pinned ones
	Progress     func(string)  // told what long preparation does; nil = log
}

func (o *Options) withDefaults() {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Meter == nil {
		o.Meter = meter.New()
	}
	if o.MaxInstances <= 0 {
		o.MaxInstances = 32
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = 10 * time.Minute
	}
	if o.Endpoint == nil {
		o.Endpoint = func() string { return "" }
	}
	if o.Progress == nil {
		log := o.Logger
		o.Progress = func(s string) { log.Info("prepare runtime", "step", s) }
	}
}

// Service keeps functions and runs them. All methods are safe for concurrent use.
type Service struct {
	opts  Options
	log   *slog.Logger
	async *outbox.Box
	pool  *pool
	code  *codeCache
	runs  *runtimes

	mu    sync.Mutex     // serialises changes of functions, so that a read-modify-write is one step; guards the counts
	busy  map[string]int // requests under way by function
	total int
}

// Open starts the service: it prepares its directory and goes on with the asynchronous invocations that wait.
func Open(ctx context.Context, opts Options) (*Service, error) {
	opts.withDefaults()
	s := &Service{opts: opts, log: opts.Logger.With("component", "function")}
	var err error
	if s.code, err = newCodeCache(opts.Dir, opts.Blobs, opts.Clock); err != nil {
		return nil, err
	}
	s.runs = newRuntimes(&opts, s.log)
	if s.pool, err = newPool(s); err != nil {
		return nil, err
	}
	s.async = outbox.New(opts.Store, outbox.Options{
		Name: "function", Clock: opts.Clock, Logger: opts.Logger, Workers: 2 * opts.MaxInstances,
	})
	opts.Group.Go("function async", func(ctx context.Context) { s.async.Run(ctx, s.runAsync) })
	opts.Group.OnStop("functions", s.pool.close)
	return s, nil
}

// Code is where a function's package comes from.
type Code struct {
	Zip io.Reader // the package's bytes
}

// CreateRequest describes a new function.
type CreateRequest struct {
	Name    string
	Config  Config
	Code    Code
	Tags    map[string]string
	Publish bool
}

// Create makes a function. Errors: ErrExists, ErrBadParameter, ErrBadZip.
func (s *Service) Create(ctx context.Context, scope ident.Scope, req CreateRequest) (Version, error) {
	if len(req.Name) > maxName {
		return Version{}, fmt.Errorf("%w: 1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to %d",
			ErrBadParameter, req.Name, maxName)
	}
	if !newName.MatchString(req.Name) {
		return Version{}, fmt.Errorf("%w: function name %q: want letters, digits, - and _", ErrBadParameter, req.Name)
	}
	if len(req.Tags) > maxTags {
		return Version{}, errTagLimit
	}
	cfg := req.Config.withDefaults()
	if err := cfg.validate(); err != nil {
		return Version{}, err
	}
	if err := errors.Join(s.checkTargets(cfg.DeadLetter), s.checkRole(scope, cfg.Role)); err != nil {
		return Version{}, err
	}
	var err error
	if cfg.LayerBytes, err = s.checkLayers(ctx, scope, cfg.Layers); err != nil {
		return Version{}, err
	}
	if _, err := s.load(ctx, scope, req.Name, Latest); err == nil {
		return Version{}, fmt.Errorf("%w: %s", ErrExists, req.Name)
	}
	pkg, err := s.storeZip(ctx, req.Code.Zip, cfg)
	if err != nil {
		return Version{}, err
	}
	v := Version{Name: req.Name, Number: Latest, Config: cfg, Modified: s.opts.Clock.Now(), Revision: ident.UUID(), Change: ident.UUID()}
	v.Code, v.CodeSize, v.CodeHash = pkg.id, pkg.size, pkg.hash

	out := v
	err = s.edit(ctx, func(b *kv.Batch) error {
		k := versionKey(scope, v.Name, Latest)
		b.IfAbsent(k)
		kv.Put(b, k, v)
		blob.Ref(b, v.Code, k)
		m := meta{NextVersion: 1, Tags: req.Tags}
		if req.Publish {
			out = s.addVersion(b, scope, v, &m, "")
		}
		kv.Put(b, metaKey(scope, v.Name), m)
		return nil
	})
	out.Under, out.Revision = Creating, ident.UUID()
	if errors.Is(err, kv.ErrConflict) {
		return Version{}, fmt.Errorf("%w: %s", ErrExists, req.Name)
	}
	if err == nil {
		s.prefetch(cfg.Runtime)
	}
	return out, err
}

// prefetch begins to install what a runtime's functions expect, so that the first request need not wait for all of it.
func (s *Service) prefetch(runtime string) {
	s.opts.Group.Go("function sdk", func(ctx context.Context) {
		if err := s.runs.prepare(ctx, runtime); err != nil && ctx.Err() == nil {
			s.log.Warn("prepare runtime", "runtime", runtime, "err", err) // the first request tries again and tells
		}
	})
}

// Preparing tells what is being installed for functions, a line for each language, and why the last try of one failed.
func (s *Service) Preparing() []string { return s.runs.preparing() }

// Get returns a version of a function: that of the qualifier, which may be an alias, or $LATEST.
func (s *Service) Get(ctx context.Context, r Ref) (Version, error) {
	return s.find(ctx, r, false)
}

// find is Get; with pick, an alias with weights chooses one of its versions at random.
func (s *Service) find(ctx context.Context, r Ref, pick bool) (Version, error) {
	number, err := s.resolve(ctx, r, pick)
	var v Version
	if err == nil {
		v, err = s.load(ctx, r.Scope, r.Name, number)
	}
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %s", ErrNotFound, r.ARN()) // as it was asked for
	}
	return v, err
}

// List returns functions by name: the newest version of each, those after the name after.
func (s *Service) List(ctx context.Context, scope ident.Scope, after string, limit int) (list []Version, more bool, err error) {
	rng := kv.Prefix(under(scope, "meta"))
	if after != "" {
		rng.Lo = metaKey(scope, after).End()
	}
	for it, err := range s.opts.Store.Scan(ctx, rng) {
		if err != nil {
			return nil, false, err
		}
		if len(list) == limit {
			return list, true, nil
		}
		r := key.Read(it.Key, key.Function)
		_, _, _ = r.Str(), r.Str(), r.Str()
		v, err := s.load(ctx, scope, r.Str(), Latest)
		if err != nil {
			return nil, false, err
		}
		list = append(list, v)
	}
	return list, false, nil
}

// Versions returns $LATEST and the published versions of a function, oldest first, those after the number after.
func (s *Service) Versions(ctx context.Context, r Ref, after string, limit int) (list []Version, more bool, err error) {
	if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
		return nil, false, err
	}
	rng := kv.Prefix(under(r.Scope, "fn").Str(r.Name))
	if after != "" {
		rng.Lo = versionKey(r.Scope, r.Name, after).End()
	}
	list, next, err := kv.LoadAll[Version](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// UpdateCode replaces the package of $LATEST. revision, if given, must be the current one. dryRun checks only.
func (s *Service) UpdateCode(ctx context.Context, r Ref, code Code, revision string, publish, dryRun bool, arch []string) (Version, error) {
	old, err := s.load(ctx, r.Scope, r.Name, Latest)
	if err != nil {
		return Version{}, err
	}
	cfg := old.Config
	if len(arch) > 0 {
		cfg.Architectures = arch
		if err := cfg.validate(); err != nil {
			return Version{}, err
		}
	}
	pkg, err := s.storeZip(ctx, code.Zip, cfg)
	if err != nil {
		return Version{}, err
	}
	return s.change(ctx, r, revision, publish, dryRun, func(b *kv.Batch, v *Version) {
		k := versionKey(r.Scope, r.Name, Latest)
		blob.Unref(b, v.Code, k)
		blob.Ref(b, pkg.id, k)
		v.Code, v.CodeSize, v.CodeHash, v.Config.Architectures = pkg.id, pkg.size, pkg.hash, cfg.Architectures
	})
}

// UpdateConfig changes the configuration of $LATEST.
func (s *Service) UpdateConfig(ctx context.Context, r Ref, revision string, edit func(*Config)) (Version, error) {
	old, err := s.load(ctx, r.Scope, r.Name, Latest)
	if err != nil {
		return Version{}, err
	}
	cfg := old.Config
	edit(&cfg)
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return Version{}, err
	}
	if err := s.checkTargets(cfg.DeadLetter); err != nil {
		return Version{}, err
	}
	if cfg.Role != old.Config.Role {
		if err := s.checkRole(r.Scope, cfg.Role); err != nil {
			return Version{}, err
		}
	}
	sizes, err := s.checkLayers(ctx, r.Scope, cfg.Layers)
	if err != nil {
		return Version{}, err
	}
	v, err := s.change(ctx, r, revision, false, false, func(_ *kv.Batch, v *Version) {
		edit(&v.Config)
		v.Config = v.Config.withDefaults()
		v.Config.LayerBytes = sizes
	})
	if err == nil && v.Config.Runtime != old.Config.Runtime {
		s.prefetch(v.Config.Runtime)
	}
	return v, err
}

func (s *Service) change(ctx context.Context, r Ref, revision string, publish, dryRun bool, edit func(*kv.Batch, *Version)) (out Version, err error) {
	err = s.edit(ctx, func(b *kv.Batch) error {
		v, err := s.load(ctx, r.Scope, r.Name, Latest)
		if err != nil {
			return err
		}
		if revision != "" && revision != v.Revision {
			return errStale
		}
		m, err := s.meta(ctx, r.Scope, r.Name)
		if err != nil {
			return err
		}
		if dryRun {
			edit(new(kv.Batch), &v)
			out = v
			return nil
		}
		edit(b, &v)
		v.Modified, v.Revision, v.Change = s.opts.Clock.Now(), ident.UUID(), ident.UUID()
		kv.Put(b, versionKey(r.Scope, r.Name, Latest), v)
		out = v
		out.Under, out.Revision = Updating, ident.UUID()
		if publish {
			out = s.addVersion(b, r.Scope, v, &m, "")
			out.Under = Creating
			kv.Put(b, metaKey(r.Scope, r.Name), m)
		}
		return nil
	})
	return out, err
}

// Publish freezes $LATEST as the next version. Nothing happens, and the newest version is returned, when neither code
// nor configuration changed since. hash and revision, if given, must be those of $LATEST.
func (s *Service) Publish(ctx context.Context, r Ref, hash, revision, description string) (out Version, err error) {
	err = s.edit(ctx, func(b *kv.Batch) error {
		v, err := s.load(ctx, r.Scope, r.Name, Latest)
		if err != nil {
			return err
		}
		switch {
		case hash != "" && hash != v.CodeHash:
			return fmt.Errorf("%w: CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", ErrBadParameter, hash, v.CodeHash)
		case revision != "" && revision != v.Revision:
			return errStale
		}
		m, err := s.meta(ctx, r.Scope, r.Name)
		if err != nil {
			return err
		}
		if m.NextVersion > 1 {
			last, err := s.load(ctx, r.Scope, r.Name, fmt.Sprint(m.NextVersion-1))
			if err == nil && last.From == v.change() {
				out = last
				return nil
			}
		}
		out = s.addVersion(b, r.Scope, v, &m, description)
		v.Change, v.Revision = v.change(), ident.UUID()
		kv.Put(b, versionKey(r.Scope, r.Name, Latest), v)
		kv.Put(b, metaKey(r.Scope, r.Name), m)
		return nil
	})
	return out, err
}

// addVersion adds a frozen copy of v to b and counts m on.
func (s *Service) addVersion(b *kv.Batch, scope ident.Scope, v Version, m *meta, description string) Version {
	v.Number = fmt.Sprint(m.NextVersion)
	v.From, v.Revision = v.change(), ident.UUID()
	v.Change = v.From
	if description != "" {
		v.Config.Description = description
	}
	v.Published = s.opts.Clock.Now()
	k := versionKey(scope, v.Name, v.Number)
	kv.Put(b, k, v)
	blob.Ref(b, v.Code, k)
	m.NextVersion++
	return v
}

// Delete removes a function, or one of its published versions.
func (s *Service) Delete(ctx context.Context, r Ref) error {
	switch {
	case r.Qualifier == Latest:
		return fmt.Errorf("%w: $LATEST version cannot be deleted without deleting the function.", ErrBadParameter)
	case r.Qualifier != "" && !digits.MatchString(r.Qualifier) && aliasForm.MatchString(r.Qualifier):
		return fmt.Errorf("%w: Deletion of aliases is not currently supported.", ErrBadParameter)
	}
	err := s.edit(ctx, func(b *kv.Batch) error {
		if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
			return err
		}
		if r.Qualifier != "" {
			v, err := s.load(ctx, r.Scope, r.Name, r.Qualifier)
			if errors.Is(err, ErrNotFound) {
				return nil // what is absent is deleted
			}
			if err != nil {
				return err
			}
			aliases, _, err := s.Aliases(ctx, r, "", "", 0)
			if err != nil {
				return err
			}
			for _, a := range aliases {
				if _, weighted := a.Weights[v.Number]; a.Version == v.Number || weighted {
					return fmt.Errorf("%w: version %s: alias %s points to it", ErrInUse, v.Number, a.Name)
				}
			}
			k := versionKey(r.Scope, r.Name, v.Number)
			b.Delete(k)
			blob.Unref(b, v.Code, k)
			b.UseReserve()
			return nil
		}
		versions, _, err := kv.LoadAll[Version](ctx, s.opts.Store, kv.Prefix(under(r.Scope, "fn").Str(r.Name)), 0)
		if err != nil {
			return err
		}
		for _, v := range versions {
			blob.Unref(b, v.Code, versionKey(r.Scope, v.Name, v.Number))
		}
		for _, kind := range []string{"fn", "alias", "policy", "event"} {
			p := under(r.Scope, kind).Str(r.Name)
			b.DeleteRange(p, p.End())
		}
		b.Delete(metaKey(r.Scope, r.Name))
		b.UseReserve()
		return nil
	})
	if err == nil && r.Qualifier == "" {
		s.pool.retire(r.Scope, r.Name)
	}
	return err
}

// resolve turns a qualifier into a version's number. With pick, an alias with weights chooses one at random.
func (s *Service) resolve(ctx context.Context, r Ref, pick bool) (string, error) {
	switch {
	case r.Qualifier == "" || r.Qualifier == Latest:
		return Latest, nil
	case digits.MatchString(r.Qualifier):
		return r.Qualifier, nil
	}
	a, err := s.Alias(ctx, r, r.Qualifier)
	if err != nil {
		if errors.Is(err, ErrAliasNotFound) {
			return "", fmt.Errorf("%w: %s", ErrNotFound, r.ARN())
		}
		return "", err
	}
	if pick {
		return a.pick(), nil
	}
	return a.Version, nil
}

func (s *Service) load(ctx context.Context, scope ident.Scope, name, number string) (Version, error) {
	v, err := kv.Load[Version](ctx, s.opts.Store, versionKey(scope, name, number))
	if errors.Is(err, kv.ErrNotFound) {
		r := Ref{Scope: scope, Name: name}
		if number != Latest {
			r.Qualifier = number
		}
		return Version{}, fmt.Errorf("%w: %s", ErrNotFound, r.ARN())
	}
	return v, err
}

func (s *Service) meta(ctx context.Context, scope ident.Scope, name string) (meta, error) {
	m, err := kv.Load[meta](ctx, s.opts.Store, metaKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return meta{}, fmt.Errorf("%w: %s", ErrNotFound, Ref{Scope: scope, Name: name}.ARN())
	}
	return m, err
}

func (s *Service) checkRole(scope ident.Scope, role string) error {
	if s.opts.Roles == nil {
		return nil
	}
	if err := s.opts.Roles.AssumableBy(scope, role, "lambda.amazonaws.com"); err != nil {
		return fmt.Errorf("%w: The role defined for the function cannot be assumed by Lambda: %w", ErrBadParameter, err)
	}
	return nil
}

func (s *Service) checkTargets(arns ...string) error {
	for _, arn := range arns {
		if arn == "" {
			continue
		}
		if _, err := ident.ParseARN(arn); err != nil {
			return fmt.Errorf("%w: %w", ErrBadParameter, err)
		}
		if s.opts.Dest == nil {
			return fmt.Errorf("%w: target %s: this server has no queues, topics or buses", ErrBadParameter, arn)
		}
	}
	return nil
}

// edit changes what is stored in one step: f sees no change of another between what it reads and what it adds to the batch.
func (s *Service) edit(ctx context.Context, f func(b *kv.Batch) error) error {
	return kv.CommitLocked(ctx, &s.mu, s.opts.Store, func(b *kv.Batch) (func(), error) { return func() {}, f(b) })
}

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Function).Str(s.Account).Str(s.Region).Str(kind)
}

func versionKey(s ident.Scope, name, number string) key.Key {
	if number != Latest {
		number = strings.Repeat("0", max(0, 10-len(number))) + number
	}
	return under(s, "fn").Str(name).Str(number)
}

func metaKey(s ident.Scope, name string) key.Key { return under(s, "meta").Str(name) }
