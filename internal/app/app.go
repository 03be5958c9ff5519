// Package app puts Tarn together: it opens the engines in order, connects them, and serves them. It is the only package
// that sees everything.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarn-data/tarn/internal/aws/athenaapi"
	"github.com/tarn-data/tarn/internal/aws/eventsapi"
	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/glueapi"
	"github.com/tarn-data/tarn/internal/aws/iamapi"
	"github.com/tarn-data/tarn/internal/aws/lambdaapi"
	"github.com/tarn-data/tarn/internal/aws/logsapi"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/s3api"
	"github.com/tarn-data/tarn/internal/aws/schedulerapi"
	"github.com/tarn-data/tarn/internal/aws/sfnapi"
	"github.com/tarn-data/tarn/internal/aws/snsapi"
	"github.com/tarn-data/tarn/internal/aws/sqsapi"
	"github.com/tarn-data/tarn/internal/aws/stsapi"
	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/bridge"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/logs"
	"github.com/tarn-data/tarn/internal/mail"
	"github.com/tarn-data/tarn/internal/mapping"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/query"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/sandbox"
	"github.com/tarn-data/tarn/internal/scheduler"
	"github.com/tarn-data/tarn/internal/topic"
	"github.com/tarn-data/tarn/internal/workflow"
)

// App is a Tarn that is open. Make it with Open.
type App struct {
	cfg   Config
	log   *slog.Logger
	clock clock.Clock
	group *lifecycle.Group

	Store       *pebblekv.Store
	Blobs       *fileblob.Store
	Sandbox     *sandbox.Sandbox
	Identity    *identity.Engine
	Objects     *objstore.Store
	Logs        *logs.Store
	Queues      *queue.Engine
	Mappings    *mapping.Engine
	Topics      *topic.Engine
	Events      *event.Engine
	Connections *connection.Engine
	Schedules   *scheduler.Engine
	Functions   *function.Service
	Catalog     *catalog.Catalog
	Crawl       *crawl.Service
	Jobs        *etl.Service
	Workflows   *workflow.Engine
	SQL         *duck.Pool
	Queries     *query.Engine
	Registry    *protocol.Registry

	codes    codeServer
	signer   *snsapi.Signer
	mail     *mail.Mailer
	gateway  *gateway.Gateway
	endpoint string
	admin    string // token of the command line
	ready    atomic.Bool
	serving  chan struct{} // closed when requests are taken
	stopping chan struct{} // closed when the server begins to stop
}

// Open opens everything in the data directory. It does not listen yet. What it started is stopped by Close.
func Open(ctx context.Context, cfg Config, stderr io.Writer) (_ *App, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.InsecureDev {
		if err := gateway.CheckInsecure(cfg.Listen); err != nil {
			return nil, err
		}
	}
	a := &App{cfg: cfg, clock: clock.Real(), log: newLogger(cfg, stderr), serving: make(chan struct{}), stopping: make(chan struct{})}
	a.group = lifecycle.New(context.WithoutCancel(ctx), a.log)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := a.openPillars(ctx); err != nil {
		return nil, err
	}
	if err := a.openEngines(ctx); err != nil {
		return nil, err
	}
	a.register()
	return a, nil
}

func newLogger(cfg Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.level()}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// openPillars opens what everything durable stands on.
func (a *App) openPillars(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	data, err := filepath.Abs(a.cfg.Data)
	if err != nil {
		return err
	}
	a.cfg.Data = data
	if a.Store, err = pebblekv.Open(ctx, pebblekv.Options{Dir: filepath.Join(data, "kv"), Logger: a.log}); err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	a.group.OnStop("state", func(context.Context) error { return a.Store.Close() })
	if a.Blobs, err = fileblob.Open(ctx, fileblob.Options{Dir: filepath.Join(data, "blobs"), Logger: a.log}); err != nil {
		return fmt.Errorf("open blobs: %w", err)
	}
	a.group.OnStop("blobs", func(context.Context) error { return a.Blobs.Close() })
	collector := blob.NewCollector(blob.CollectorOptions{KV: a.Store, Blobs: a.Blobs, Clock: a.clock, Logger: a.log, Short: a.Store.Full})
	a.group.Go("blob collector", collector.Run)
	if a.Sandbox, err = sandbox.New(ctx, sandbox.Options{Require: a.cfg.RequireIsolation}); err != nil {
		return err
	}
	return nil
}

// openEngines opens the engines, each after those that it reads from, and connects them.
func (a *App) openEngines(ctx context.Context) (err error) {
	m := meter.New()
	a.group.Go("meter", func(ctx context.Context) { compact(ctx, a.Store, a.clock, a.log) })
	if a.Identity, err = identity.Open(ctx, identity.Options{
		Store: a.Store, Account: a.cfg.Account, AnyRole: a.cfg.InsecureDev, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return fmt.Errorf("open identities: %w", err)
	}
	if err := errors.Join(a.writeRootKey(), a.writeAdminToken()); err != nil {
		return err
	}
	requests := meter.NewTally(m)
	a.group.Go("request counts", func(ctx context.Context) { requests.Run(ctx, a.Store, a.clock, a.log) })
	a.Logs = logs.New(a.Store, logs.Options{Clock: a.clock, Logger: a.log})
	a.group.Go("log retention", a.Logs.Run)

	if a.Queues, err = queue.Open(ctx, queue.Options{Store: a.Store, Group: a.group, Clock: a.clock, Logger: a.log}); err != nil {
		return fmt.Errorf("open queues: %w", err)
	}

	events := bridge.NewObjectEvents(a.Store, outbox.Options{Clock: a.clock, Logger: a.log})
	if a.Objects, err = objstore.Open(ctx, objstore.Options{
		KV: a.Store, Blobs: a.Blobs, Clock: a.clock, Logger: a.log, Events: events, Recorder: bridge.ObjectWrites{ObjectMeter: bridge.ObjectMeter{Meter: m}},
	}); err != nil {
		return err
	}
	a.group.Go("object lifecycle", a.Objects.Run)

	dest := bridge.NewDestinations(a.Queues)
	if a.Functions, err = function.Open(ctx, function.Options{
		Store: a.Store, Blobs: a.Blobs, Dir: filepath.Join(a.cfg.Data, "functions"), Sandbox: a.Sandbox, Group: a.group,
		Roles: bridge.FunctionRoles{Identity: a.Identity}, Logs: bridge.FunctionLogs{Logs: a.Logs}, Meter: m, Clock: a.clock, Logger: a.log,
		Endpoint: func() string { return a.endpoint }, MaxInstances: a.cfg.MaxInstances, IdleAfter: a.cfg.InstanceIdle,
		Dest: dest, Packages: function.Packages{None: !a.cfg.FunctionSDKs},
	}); err != nil {
		return fmt.Errorf("open functions: %w", err)
	}
	if err := a.openTopics(ctx, m); err != nil {
		return fmt.Errorf("open topics: %w", err)
	}
	a.Registry = protocol.NewRegistry(protocol.Options{Logger: a.log, Clock: a.clock})
	targets := &bridge.EventTargets{
		Queues: a.Queues, Topics: a.Topics, Functions: a.Functions, Logs: a.Logs, Identity: a.Identity, Registry: a.Registry, Ready: a.serving,
	}
	if a.Events, err = event.Open(ctx, event.Options{Store: a.Store, Deliverer: targets, Meter: m, Clock: a.clock, Logger: a.log}); err != nil {
		return fmt.Errorf("open event buses: %w", err)
	}
	targets.Connect(a.Events)
	a.group.Go("event buses", a.Events.Run)
	if a.Schedules, err = scheduler.Open(ctx, scheduler.Options{
		Store: a.Store, Targets: bridge.SchedulerTargets{Registry: a.Registry, Identity: a.Identity, Ready: a.serving}, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return fmt.Errorf("open schedules: %w", err)
	}
	a.group.Go("schedules", a.Schedules.Run)
	dest.Connect(a.Functions, a.Topics, a.Events)
	events.Connect(a.Functions, a.Queues, a.Topics, a.Events)
	if a.Mappings, err = mapping.Open(ctx, mapping.Options{
		Store: a.Store, Sources: bridge.MappingQueues{Queues: a.Queues, Functions: a.Functions, Identity: a.Identity}, Group: a.group, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return err
	}
	a.group.Go("object events", events.Run)

	a.Catalog = catalog.New(a.Store, catalog.Options{Events: bridge.CatalogEvents{Events: a.Events, Logger: a.log}, Clock: a.clock, Logger: a.log})
	reader := bridge.RoleReader{Identity: a.Identity, Objects: a.Objects}
	if a.Crawl, err = crawl.Open(ctx, crawl.Options{
		Store: a.Store, Catalog: a.Catalog, Objects: bridge.CrawlObjects{RoleReader: reader}, Group: a.group,
		Logs: bridge.CrawlLogs{Logs: a.Logs}, Events: bridge.CrawlEvents{Events: a.Events, Logger: a.log}, Meter: m, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return fmt.Errorf("open crawlers: %w", err)
	}
	if err := a.openSQL(); err != nil {
		return err
	}
	if a.Jobs, err = etl.Open(ctx, etl.Options{
		Store: a.Store, Objects: bridge.JobObjects{RoleReader: reader}, Roles: bridge.JobRoles{FunctionRoles: bridge.FunctionRoles{Identity: a.Identity}},
		Sandbox: a.Sandbox, Dir: filepath.Join(a.cfg.Data, "jobs"), Group: a.group, Logs: bridge.JobLogs{Logs: a.Logs}, Events: bridge.JobEvents{Events: a.Events, Logger: a.log},
		Crawls: a.Crawl, Meter: m, Clock: a.clock, Logger: a.log,
		Endpoint: func() string { return a.endpoint }, Lake: bridge.JobLake{RoleReader: reader}, Tables: bridge.JobTables{RoleReader: reader, Catalog: a.Catalog}, SQL: a.SQL,
		VisualDir: a.sqlDir(),
	}); err != nil {
		return fmt.Errorf("open jobs: %w", err)
	}
	if err := a.openQueries(ctx, m); err != nil {
		return err
	}
	a.codes = newCodeServer(a.Blobs, a.clock)

	calls := bridge.NewHTTPCalls(a.clock)
	if a.Connections, err = connection.Open(ctx, connection.Options{Store: a.Store, Tokens: calls, Group: a.group, Clock: a.clock, Logger: a.log}); err != nil {
		return fmt.Errorf("open connections: %w", err)
	}
	targets.ConnectAPIs(&bridge.EventAPIs{Connections: a.Connections, Calls: calls, Clock: a.clock})
	if a.Workflows, err = workflow.Open(ctx, workflow.Options{
		Store: a.Store, Tasks: bridge.WorkflowTasks{Registry: a.Registry, Identity: a.Identity, HTTP: calls, Connections: a.Connections, Ready: a.serving}, Files: bridge.WorkflowFiles{RoleReader: reader, SQL: a.SQL, Dir: a.sqlDir()},
		Logs: bridge.WorkflowLogs{Logs: a.Logs}, Events: bridge.WorkflowEvents{Events: a.Events, Logger: a.log}, Meter: m, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return fmt.Errorf("open state machines: %w", err)
	}
	a.group.OnStop("state machines", a.Workflows.Close)
	a.Registry.Add(
		s3api.New(s3api.Options{Store: a.Objects, Clock: a.clock, Destinations: events}),
		iamapi.New(a.Identity),
		stsapi.New(a.Identity),
		logsapi.New(a.Logs),
		snsapi.New(a.Topics),
		eventsapi.New(a.Events, a.Connections),
		schedulerapi.New(a.Schedules),
		sqsapi.New(sqsapi.Options{Queues: a.Queues, Endpoint: a.Endpoint, Count: func(c *protocol.Call, arn string, units int) {
			requests.Add(c.Scope, meter.SQSRequests, arn, float64(units))
		}}),
		lambdaapi.New(lambdaapi.Options{Functions: a.Functions, Mappings: a.Mappings, Objects: packages{a.Objects}, CodeURL: func(id blob.ID) string { return a.endpoint + a.codes.path(id) }}),
		glueapi.New(glueapi.Options{Catalog: a.Catalog, Crawl: a.Crawl, Jobs: a.Jobs}),
		sfnapi.New(sfnapi.Options{Engine: a.Workflows, Registry: a.Registry}),
		athenaapi.New(athenaapi.Options{Engine: a.Queries, Catalog: a.Catalog}),
	)
	return nil
}

// openTopics opens the topics with all that their deliveries need.
func (a *App) openTopics(ctx context.Context, m *meter.Meter) (err error) {
	a.signer = snsapi.NewSigner(a.Store, a.clock)
	a.mail = mail.New(mail.Options{Relay: a.cfg.SMTP, Dir: filepath.Join(a.cfg.Data, "mail"), From: a.cfg.MailFrom})
	notes := &snsapi.Notes{Signer: a.signer, Endpoint: a.publicURL}
	if a.Topics, err = topic.Open(ctx, topic.Options{
		Store: a.Store, Deliverer: bridge.TopicDeliveries{Queues: a.Queues, Functions: a.Functions, Notes: notes, Logger: a.log},
		Endpoints: &snsapi.Endpoints{Notes: notes, Mail: a.mail, HTTP: snsapi.NewHTTPClient()}, Meter: m, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return err
	}
	a.group.Go("topics", func(ctx context.Context) {
		select {
		case <-a.serving: // the address is known, which links need
			a.Topics.Run(ctx)
		case <-ctx.Done():
		}
	})
	return nil
}

// publicURL is where subscribers of topics reach the server.
func (a *App) publicURL() string {
	if a.cfg.PublicURL != "" {
		return strings.TrimSuffix(a.cfg.PublicURL, "/")
	}
	return a.endpoint
}

// sqlDir is where the workers of DuckDB may write.
func (a *App) sqlDir() string { return filepath.Join(a.cfg.Data, "queries") }

// openSQL starts the workers of DuckDB, isolated like functions: they read blobs and write in a folder of their own.
func (a *App) openSQL() error {
	dir := a.sqlDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	a.SQL = duck.NewPool(duck.Options{Logger: a.log, Clock: a.clock, Command: func(ctx context.Context) *exec.Cmd {
		c, err := a.Sandbox.Command(ctx, sandbox.Spec{
			Argv: []string{self, duck.WorkerArg}, Env: []string{"TMPDIR=" + dir, "HOME=" + dir}, Dir: dir,
			ReadOnly: []string{self, filepath.Join(a.cfg.Data, "blobs")}, ReadWrite: []string{dir}, OpenFiles: 4096, NoNetwork: true,
		})
		if err != nil {
			panic("BUG: describe a worker: " + err.Error())
		}
		return c
	}})
	a.group.OnStop("query workers", func(context.Context) error { return a.SQL.Close() })
	return nil
}

// openQueries opens the engine of queries on the workers.
func (a *App) openQueries(ctx context.Context, m *meter.Meter) (err error) {
	if a.Queries, err = query.Open(ctx, query.Options{
		KV: a.Store, Catalog: a.Catalog, Objects: a.Objects, Pool: a.SQL, Dir: a.sqlDir(), Rights: bridge.QueryRights{Registry: a.Registry, Identity: a.Identity}, Events: bridge.QueryEvents{Events: a.Events, Logger: a.log}, Meter: m, Clock: a.clock, Logger: a.log,
	}); err != nil {
		return fmt.Errorf("open queries: %w", err)
	}
	a.group.OnStop("queries", a.Queries.Close)
	return nil
}

// register puts the services behind one handler.
func (a *App) register() {
	o := gateway.Options{
		Registry: a.Registry, Identity: a.Identity, Account: a.cfg.Account, Region: a.cfg.Region, Internal: a.internal(), Logger: a.log, Clock: a.clock,
		MaxConcurrent: a.cfg.MaxConcurrent, Insecure: a.cfg.InsecureDev,
	}
	if a.cfg.AccessLog {
		o.Access = a.log
	}
	a.gateway = gateway.New(o)
}

// Serve listens and serves until ctx ends, then stops in order. ready is called once with the endpoint when requests
// are taken.
func (a *App) Serve(ctx context.Context, ready func(endpoint string)) error {
	l, err := net.Listen("tcp", a.cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s: %w", a.cfg.Listen, err), a.Close(context.WithoutCancel(ctx)))
	}
	a.endpoint = "http://" + l.Addr().String()
	srv := &http.Server{
		Handler: a.gateway, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(sync.OnceFunc(func() { close(a.stopping) }))
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(a.gateway.Listener(l, a.group, srv.IdleTimeout)) }()
	if err := a.writeEndpoint(); err != nil {
		return errors.Join(err, srv.Close(), a.Close(context.WithoutCancel(ctx)))
	}
	a.ready.Store(true)
	close(a.serving)
	if err := errors.Join(a.Jobs.Resume(ctx), a.Queries.Resume(ctx)); err != nil {
		return errors.Join(err, srv.Close(), a.Close(context.WithoutCancel(ctx)))
	}
	ready(a.endpoint)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 9*time.Second)
	defer cancel()
	// Requests under way may take some seconds; then their connections are closed.
	drainCtx, drained := context.WithTimeout(stopCtx, 3*time.Second)
	defer drained()
	if e := srv.Shutdown(drainCtx); e != nil {
		e = srv.Close()
		err = errors.Join(err, e)
	}
	a.removeEndpoint()
	return errors.Join(err, a.Close(stopCtx))
}

// Close stops everything that Open started, in reverse order.
func (a *App) Close(ctx context.Context) error { return a.group.Stop(ctx) }

// Endpoint returns where the server is reached; "" before Serve.
func (a *App) Endpoint() string { return a.endpoint }

// compact folds the meter's rows of past hours now and then.
func compact(ctx context.Context, store kv.Store, c clock.Clock, log *slog.Logger) {
	for clock.Sleep(ctx, c, 20*time.Minute) == nil {
		if err := meter.Compact(ctx, store, c.Now()); err != nil && ctx.Err() == nil {
			log.Error("fold usage", "err", err)
		}
	}
}
