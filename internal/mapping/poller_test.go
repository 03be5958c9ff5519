package mapping

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

func TestSucceeded(t *testing.T) {
	records := []Record{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for _, c := range []struct {
		answer string
		want   []int
	}{
		{``, []int{4, 5, 6}},
		{`null`, []int{4, 5, 6}},
		{`{}`, []int{4, 5, 6}},
		{`{"batchItemFailures":[]}`, []int{4, 5, 6}},
		{`{"batchItemFailures":null}`, []int{4, 5, 6}},
		{`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, []int{4, 6}},
		{`{"batchItemFailures":[{"itemIdentifier":""}]}`, nil},
		{`{"batchItemFailures":[{"itemIdentifier":"x"}]}`, nil},
		{`{"batchItemFailures":[{"bad":"b"}]}`, nil},
		{`{"batchItemFailures":"b"}`, nil},
		{`"text"`, nil},
	} {
		if got := succeeded([]byte(c.answer), records, []int{4, 5, 6}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.answer, got)
		}
	}
}

// source gives its batches once, and remembers what was done with them.
type source struct {
	mu        sync.Mutex
	batches   []*batch
	throttles int
	invoked   chan string
}

type batch struct {
	records []Record
	done    chan []int
}

func (b *batch) Records() []Record                         { return b.records }
func (b *batch) Keep(context.Context) error                { return nil }
func (b *batch) KeepEvery() time.Duration                  { return time.Hour }
func (b *batch) Done(_ context.Context, which []int) error { b.done <- which; return nil }

func (s *source) Check(context.Context, Mapping) error { return nil }
func (s *source) Join(a, _ Batch) Batch                { return a }

func (s *source) Poll(ctx context.Context, _ Mapping, _ int, _ time.Duration) (Batch, error) {
	s.mu.Lock()
	if len(s.batches) > 0 {
		b := s.batches[0]
		s.batches = s.batches[1:]
		s.mu.Unlock()
		return b, nil
	}
	s.mu.Unlock()
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *source) Invoke(_ context.Context, _ Mapping, payload []byte) ([]byte, bool, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.throttles > 0 {
		s.throttles--
		return nil, false, true, nil
	}
	s.invoked <- string(payload)
	return []byte(`{"batchItemFailures":[{"itemIdentifier":"bad"}]}`), false, false, nil
}

func TestMappingFiltersAndReports(t *testing.T) {
	doc := func(s string) any {
		v, err := eventpattern.Decode([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	b := &batch{done: make(chan []int, 1)}
	for _, id := range []string{"good", "other", "bad"} {
		kind := map[bool]string{true: "no", false: "yes"}[id == "other"]
		b.records = append(b.records, Record{ID: id, Document: map[string]string{"id": id}, Filter: doc(`{"body":{"take":"` + kind + `"}}`)})
	}
	s := &source{batches: []*batch{b}, invoked: make(chan string, 1)}
	g := lifecycle.New(context.Background(), slog.New(slog.DiscardHandler))
	store := kvtest.New(t)
	t.Cleanup(func() { _ = g.Stop(context.Background()) })
	e, err := Open(t.Context(), Options{Store: store, Sources: s, Group: g, Clock: clock.NewFake(time.Unix(0, 0)), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	scope := ident.Scope{Account: "000000000000", Region: "us-east-1"}
	m := Mapping{Scope: scope, SourceARN: "q", FunctionARN: "f", BatchSize: 10, Filters: []string{`{"body":{"take":["yes"]}}`}, PartialFailures: true}
	if m, err = e.Create(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := <-s.invoked; got != `{"Records":[{"id":"good"},{"id":"bad"}]}` {
		t.Errorf("payload: %s", got)
	}
	if got := <-b.done; !slices.Equal(got, []int{1, 0}) {
		t.Errorf("done: %v", got)
	}
	if _, err := e.Create(t.Context(), m); err == nil {
		t.Error("a second mapping of the same pair was made")
	}
	if _, err := e.Delete(t.Context(), scope, m.UUID); err != nil {
		t.Fatal(err)
	}
}
