package crawl_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// slowSync is a store whose batches with changes of the catalog are durable when release is closed.
type slowSync struct {
	kv.Store
	began   chan struct{} // receives when somebody waits
	release chan struct{}
}

func (s *slowSync) Apply(ctx context.Context, b *kv.Batch) (kv.Pending, error) {
	p, err := s.Store.Apply(ctx, b)
	if err != nil {
		return nil, err
	}
	for _, op := range b.Ops() {
		if bytes.HasPrefix(op.Key, key.In(key.Catalog)) {
			return slowPending{p, s}, nil
		}
	}
	return p, nil
}

type slowPending struct {
	kv.Pending
	s *slowSync
}

func (p slowPending) Wait(ctx context.Context) error {
	p.s.began <- struct{}{}
	<-p.s.release
	return p.Pending.Wait(ctx)
}

// TestNobodyWaitsForTheSyncOfAnotherCrawl changes and starts crawlers while the end of a crawl is synced, which hangs where
// the crawl holds the lock meanwhile.
func TestNobodyWaitsForTheSyncOfAnotherCrawl(t *testing.T) {
	ctx, quiet := t.Context(), slog.New(slog.DiscardHandler)
	store := &slowSync{Store: kvtest.New(t), began: make(chan struct{}, 10), release: make(chan struct{})}
	cat := catalog.New(store.Store, catalog.Options{})
	slow := catalog.New(store, catalog.Options{})
	if err := cat.CreateDatabase(ctx, scope, catalog.Database{Name: "db"}); err != nil {
		t.Fatal(err)
	}
	g := lifecycle.New(context.Background(), quiet)
	objs := &bucket{objs: map[string][]byte{"data/a.csv": []byte("name,age\nann,3\n")}}
	ends := make(ended, 10)
	s, err := crawl.Open(ctx, crawl.Options{Store: store, Catalog: slow, Objects: objs, Group: g, Events: ends, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := s.Create(ctx, scope, crawl.Config{Name: name, Role: "r", Database: "db", Targets: []crawl.Target{{Path: "s3://lake/data"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Start(ctx, scope, "a"); err != nil {
		t.Fatal(err)
	}
	<-store.began
	if err := s.SetTags(ctx, scope, "b", func(tags map[string]string) { tags["k"] = "v" }); err != nil {
		t.Error(err)
	}
	if _, err := s.Metrics(ctx, scope, "a"); err != nil {
		t.Error(err)
	}
	if err := s.Start(ctx, scope, "b"); err != nil {
		t.Error(err)
	}
	close(store.release)
	for range 2 {
		if r := <-ends; r.State != "COMPLETED" {
			t.Errorf("%+v", r)
		}
	}
	if err := g.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
