package crawl_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/parquet-go/parquet-go"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
	"github.com/tarn-data/tarn/internal/lineage"
)

var scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}

// bucket is an object store in memory. hold, if set, blocks every Open until it is closed.
type bucket struct {
	mu   sync.Mutex
	objs map[string][]byte
	hold chan struct{}
	deny bool
}

func (b *bucket) List(_ context.Context, _ ident.Scope, _, name, prefix, after string, limit int) (files []crawl.File, more bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deny {
		return nil, false, crawl.ErrAccess
	}
	if name != "lake" {
		return nil, false, errors.New("the specified bucket does not exist: " + name)
	}
	var keys []string
	for k := range b.objs {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		if len(files) == limit {
			return files, true, nil
		}
		files = append(files, crawl.File{Key: k, Size: int64(len(b.objs[k])), ETag: "e"})
	}
	return files, false, nil
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

func (b *bucket) Open(ctx context.Context, _ ident.Scope, _, _ string, f crawl.File) (crawl.Body, error) {
	b.mu.Lock()
	hold, data := b.hold, b.objs[f.Key]
	b.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return body{bytes.NewReader(data)}, nil
}

// ended is told of every crawl that ends.
type ended chan crawl.Run

func (e ended) Crawled(_ *kv.Batch, _ ident.Scope, r crawl.Run) { e <- r }

type fixture struct {
	*crawl.Service
	cat   *catalog.Catalog
	store kv.Store
	objs  *bucket
	ended ended
	stop  func()
}

func open(t *testing.T, fs vfs.FS, objs *bucket) *fixture {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store := kvtest.Open(t, fs)
	f := &fixture{store: store, objs: objs, ended: make(ended, 10), cat: catalog.New(store, catalog.Options{})}
	g := lifecycle.New(context.Background(), quiet)
	var err error
	if f.Service, err = crawl.Open(t.Context(), crawl.Options{Store: store, Catalog: f.cat, Objects: objs, Group: g, Events: f.ended, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	f.stop = sync.OnceFunc(func() {
		if err := g.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(f.stop)
	return f
}

func start(t *testing.T, files map[string]string, edit func(*crawl.Config)) *fixture {
	t.Helper()
	objs := &bucket{objs: map[string][]byte{}}
	for k, v := range files {
		objs.objs[k] = []byte(v)
	}
	f := open(t, vfs.NewMem(), objs)
	c := crawl.Config{Name: "c", Role: "arn:aws:iam::000000000000:role/r", Database: "db", Targets: []crawl.Target{{Path: "s3://lake/data/"}}}
	if edit != nil {
		edit(&c)
	}
	if err := f.Create(t.Context(), scope, c); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) run(t *testing.T) crawl.Run {
	t.Helper()
	if err := f.Start(t.Context(), scope, "c"); err != nil {
		t.Fatal(err)
	}
	<-f.ended
	for { // the event is in the batch that also ends the run
		c, err := f.Get(t.Context(), scope, "c")
		if err != nil {
			t.Fatal(err)
		}
		if c.State == crawl.Ready {
			return *c.Last
		}
	}
}

// tables describes the catalog in short words.
func (f *fixture) tables(t *testing.T) string {
	t.Helper()
	list, _, err := f.cat.Tables(t.Context(), scope, "db", "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, tb := range list {
		s := tb.Name + "(" + columns(tb.Columns()) + ")"
		if len(tb.PartitionKeys) > 0 {
			parts, _, err := f.cat.Partitions(t.Context(), scope, "db", tb.Name, catalog.PartitionQuery{})
			if err != nil {
				t.Fatal(err)
			}
			s += "by(" + columns(tb.PartitionKeys) + ")"
			for _, p := range parts {
				s += fmt.Sprint(p.Values)
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func columns(cols []catalog.Column) string {
	var s []string
	for _, c := range cols {
		s = append(s, c.Name+":"+c.Type)
	}
	return strings.Join(s, ",")
}

func parquetFile(t *testing.T) string {
	t.Helper()
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[struct {
		ID   int64  `parquet:"id"`
		Name string `parquet:"name"`
	}](&buf)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func gz(t *testing.T, s string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestGrouping(t *testing.T) {
	const people, orders = "name,age\nann,3\n", "order,price,when\n1,2.5,x\n"
	for name, c := range map[string]struct {
		files map[string]string
		edit  func(*crawl.Config)
		want  string
	}{
		"hive partitions": {map[string]string{
			"data/year=2026/month=08/day=01/a.csv": people, "data/year=2026/month=08/day=02/a.csv": people,
		}, nil, "data(name:string,age:bigint)by(year:string,month:string,day:string)[2026 08 01][2026 08 02]"},
		"plain partitions":    {map[string]string{"data/2026/a.csv": people, "data/2027/b.csv": people}, nil, "data(name:string,age:bigint)by(partition_0:string)[2026][2027]"},
		"folders that differ": {map[string]string{"data/people/a.csv": people, "data/orders/a.csv": orders}, nil, "orders(order:bigint,price:double,when:string) people(name:string,age:bigint)"},
		"files that differ":   {map[string]string{"data/a.csv": people, "data/b.json": `{"x":1}`}, nil, "a_csv(name:string,age:bigint) b_json(x:int)"},
		"widened types":       {map[string]string{"data/d=1/a.csv": people, "data/d=2/a.csv": "name,age\nbob,3.5\n"}, nil, "data(name:string,age:double)by(d:string)[1][2]"},
		"parquet and marker":  {map[string]string{"data/k=v%2Fw/p.parquet": parquetFile(t), "data/_SUCCESS": "", "data/k=v%2Fw/.crc": "x"}, nil, "data(id:bigint,name:string)by(k:string)[v/w]"},
		"gzip":                {map[string]string{"data/a.csv.gz": gz(t, people)}, nil, "data(name:string,age:bigint)"},
		"json lines":          {map[string]string{"data/a.json": "{\"a\":{\"b\":[1]}}\n{\"c\":2.5}\n"}, nil, "data(a:struct<b:array<int>>,c:double)"},
		"excluded":            {map[string]string{"data/a.csv": people, "data/tmp/b.csv": orders}, func(c *crawl.Config) { c.Targets[0].Exclusions = []string{"tmp/**"} }, "data(name:string,age:bigint)"},
		"prefix":              {map[string]string{"data/a.csv": people}, func(c *crawl.Config) { c.TablePrefix = "Raw-" }, "raw-data(name:string,age:bigint)"},
		"one object":          {map[string]string{"data/a.csv": people, "data/b.csv": orders}, func(c *crawl.Config) { c.Targets[0].Path = "s3://lake/data/a.csv" }, "data(name:string,age:bigint)"},
		"table level":         {map[string]string{"data/x/1/a.csv": people, "data/y/1/a.csv": people}, func(c *crawl.Config) { c.Configuration = `{"Version":1.0,"Grouping":{"TableLevelConfiguration":3}}` }, "x(name:string,age:bigint)by(partition_0:string)[1] y(name:string,age:bigint)by(partition_0:string)[1]"},
		"a damaged file":      {map[string]string{"data/a.csv": people, "data/b.parquet": "PAR1 cut"}, nil, "data(name:string,age:bigint)"},
		"nothing":             {map[string]string{"data/a.bin": "\x00\x01"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, c.files, c.edit)
			if r := f.run(t); r.State != "COMPLETED" {
				t.Fatalf("%+v", r)
			}
			if got := f.tables(t); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if r := f.run(t); len(r.Created)+len(r.Updated)+len(r.Deleted)+r.PartsNew+r.PartsUpd+r.PartsDel > 0 {
				t.Errorf("the second crawl changed something: %+v", r)
			}
		})
	}
}

func TestSchemaChanges(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*crawl.Config)
		want string
	}{
		"update, deprecate": {nil, "data(name:string,age:bigint,city:string)by(d:string)[1][2]"},
		"log":               {func(c *crawl.Config) { c.OnUpdate, c.OnDelete = crawl.UpdateLog, crawl.DeleteLog }, "data(name:string,age:bigint)by(d:string)[1][2]"},
		"delete":            {func(c *crawl.Config) { c.OnDelete = crawl.DeleteInCatalog }, "data(name:string,age:bigint,city:string)by(d:string)[2]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, map[string]string{"data/d=1/a.csv": "name,age\nann,3\n"}, c.edit)
			f.run(t)
			f.objs.mu.Lock()
			f.objs.objs["data/d=2/a.csv"] = []byte("name,age,city\nann,3,rome\n")
			delete(f.objs.objs, "data/d=1/a.csv")
			f.objs.mu.Unlock()
			f.run(t)
			if got := f.tables(t); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestGoneTables(t *testing.T) {
	f := start(t, map[string]string{"data/a.csv": "name,age\nann,3\n"}, nil)
	f.run(t)
	f.objs.mu.Lock()
	f.objs.objs = map[string][]byte{}
	f.objs.mu.Unlock()
	if r := f.run(t); !slices.Equal(r.Updated, []string{"data"}) {
		t.Errorf("%+v", r)
	}
	tb, err := f.cat.Table(t.Context(), scope, "db", "data")
	if err != nil || tb.Parameters["DEPRECATED_BY_CRAWLER"] == "" {
		t.Errorf("%v %v", tb.Parameters, err)
	}
}

func TestStatesWhileRunning(t *testing.T) {
	f := start(t, map[string]string{"data/a.csv": "name,age\nann,3\n"}, nil)
	ctx := t.Context()
	f.objs.hold = make(chan struct{})
	if err := f.Start(ctx, scope, "c"); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(ctx, scope, "c"); !errors.Is(err, crawl.ErrRunning) {
		t.Errorf("second start: %v", err)
	}
	if err := f.Delete(ctx, scope, "c"); !errors.Is(err, crawl.ErrRunning) {
		t.Errorf("delete: %v", err)
	}
	if m, err := f.Metrics(ctx, scope, "c"); err != nil || !m.StillEstimating {
		t.Errorf("metrics %+v, %v", m, err)
	}
	if err := f.Stop(ctx, scope, "c"); err != nil {
		t.Fatal(err)
	}
	if r := <-f.ended; r.State != "STOPPED" {
		t.Errorf("%+v", r)
	}
	if err := f.Stop(ctx, scope, "c"); !errors.Is(err, crawl.ErrNotRunning) {
		t.Errorf("stop again: %v", err)
	}
	if m, err := f.Metrics(ctx, scope, "c"); err != nil || m.StillEstimating || m.TimeLeft != 0 {
		t.Errorf("metrics %+v, %v", m, err)
	}
}

func TestARestartBeginsTheCrawlAnew(t *testing.T) {
	fs := vfs.NewMem()
	objs := &bucket{objs: map[string][]byte{"data/a.csv": []byte("name,age\nann,3\n")}, hold: make(chan struct{})}
	f := open(t, fs, objs)
	if err := f.Create(t.Context(), scope, crawl.Config{Name: "c", Role: "r", Database: "db", Targets: []crawl.Target{{Path: "s3://lake/data"}}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(t.Context(), scope, "c"); err != nil {
		t.Fatal(err)
	}
	f.stop()
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	close(objs.hold)
	objs.hold = nil
	again := open(t, fs, objs)
	if r := <-again.ended; r.State != "COMPLETED" || !slices.Equal(r.Created, []string{"data"}) {
		t.Errorf("%+v", r)
	}
}

func TestFailures(t *testing.T) {
	f := start(t, nil, func(c *crawl.Config) { c.Targets[0].Path = "s3://nowhere/data/" })
	if r := f.run(t); r.State != "FAILED" || !strings.Contains(r.Error, "nowhere") {
		t.Errorf("%+v", r)
	}
	g := start(t, nil, nil)
	g.objs.deny = true
	if r := g.run(t); r.State != "FAILED" || !strings.Contains(r.Error, "access denied") {
		t.Errorf("%+v", r)
	}
}

func TestLineageNamesFilesAndTable(t *testing.T) {
	f := start(t, map[string]string{"data/a.csv": "name,age\nann,3\n"}, nil)
	r := f.run(t)
	runs, err := lineage.Made(t.Context(), f.store, scope.Account, "table:us-east-1/db/data", time.Time{}, 0)
	if err != nil || len(runs) != 1 || runs[0].ID != r.ID || runs[0].Inputs[0].Name != "s3://lake/data/a.csv" {
		t.Errorf("%+v, %v", runs, err)
	}
}

func TestCreateRefusesBadInput(t *testing.T) {
	f := start(t, nil, nil)
	for name, edit := range map[string]func(*crawl.Config){
		"no target":     func(c *crawl.Config) { c.Targets = nil },
		"path":          func(c *crawl.Config) { c.Targets[0].Path = "/tmp" },
		"no database":   func(c *crawl.Config) { c.Database = "" },
		"schedule":      func(c *crawl.Config) { c.Schedule = "every day" },
		"rate":          func(c *crawl.Config) { c.Schedule = "rate(5 minutes)" },
		"configuration": func(c *crawl.Config) { c.Configuration = `{"Version":1.0,"Unknown":1}` },
		"exclusion":     func(c *crawl.Config) { c.Targets[0].Exclusions = []string{"[a"} },
		"recrawl":       func(c *crawl.Config) { c.Recrawl = "CRAWL_EVENT_MODE" },
	} {
		c := crawl.Config{Name: "x", Role: "r", Database: "db", Targets: []crawl.Target{{Path: "s3://lake/data"}}}
		edit(&c)
		if err := f.Create(t.Context(), scope, c); !errors.Is(err, crawl.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Create(t.Context(), scope, crawl.Config{Name: "c", Role: "r", Database: "db", Targets: []crawl.Target{{Path: "s3://lake/data"}}}); !errors.Is(err, crawl.ErrExists) {
		t.Errorf("taken: %v", err)
	}
	if err := f.Create(t.Context(), scope, crawl.Config{Name: "y", Role: "r", Database: "db", Classifiers: []string{"none"}, Targets: []crawl.Target{{Path: "s3://lake/data"}}}); !errors.Is(err, crawl.ErrNotFound) {
		t.Errorf("classifier: %v", err)
	}
}

func TestScheduleStartsCrawls(t *testing.T) {
	f := start(t, map[string]string{"data/a.csv": "name,age\nann,3\n"}, func(c *crawl.Config) { c.Schedule = "cron(* * * * ? *)" })
	c, err := f.Get(t.Context(), scope, "c")
	if err != nil || !c.Scheduled || c.NextDue.IsZero() || c.NextDue.After(time.Now().Add(time.Minute)) {
		t.Errorf("%+v, %v", c, err)
	}
	if err := f.SetSchedule(t.Context(), scope, "c", false, ""); err != nil {
		t.Fatal(err)
	}
	if err := f.SetSchedule(t.Context(), scope, "c", false, ""); !errors.Is(err, crawl.ErrSchedule) {
		t.Errorf("stop twice: %v", err)
	}
}
