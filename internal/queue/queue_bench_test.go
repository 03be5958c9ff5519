package queue_test

import (
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
	"github.com/tarn-data/tarn/internal/queue"
)

// BenchmarkCycle sends, receives and deletes batches of messages of 1 KiB; the store is in memory.
func BenchmarkCycle(b *testing.B) {
	body := strings.Repeat("x", 1024)
	for _, c := range []struct {
		name, suffix string
		batch        int
	}{{"one", "", 1}, {"ten", "", 10}, {"fifo ten", ".fifo", 10}} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b)
			q := r.make("q"+c.suffix, nil)
			n := 0
			for b.Loop() {
				var list []queue.Incoming
				for range c.batch {
					m := queue.Message{Body: body}
					if n++; c.suffix != "" {
						m.Group, m.DedupID = "g", fmt.Sprint(n)
					}
					list = append(list, queue.Incoming{Queue: q, Message: m})
				}
				if _, _, err := r.SendAll(b.Context(), nil, list); err != nil {
					b.Fatal(err)
				}
				var handles []string
				for _, m := range r.receive(q, c.batch) {
					handles = append(handles, m.Handle)
				}
				if _, err := r.DeleteMessages(b.Context(), q, handles); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.batch), "ns/message")
		})
	}
}

var messages = flag.Int("queue.messages", 300_000, "how many messages BenchmarkOpen opens")

// BenchmarkOpen opens a queue on disk: the store, and the queue's index.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	openStore := func() kv.Store {
		s, err := pebblekv.Open(b.Context(), pebblekv.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	store := openStore()
	r := open(b, store, clock.NewFake(epoch))
	q := r.make("q", nil)
	list := make([]queue.Incoming, 1000)
	for i := range list {
		list[i] = queue.Incoming{Queue: q, Message: queue.Message{Body: "a short body"}}
	}
	for range *messages / len(list) {
		if _, errs, err := r.SendAll(b.Context(), nil, list); err != nil || errs[0] != nil {
			b.Fatal(err, errs[0])
		}
	}
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		r.stop()
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		store = openStore()
		r = open(b, store, clock.NewFake(epoch))
		if c := r.counts(q); c.Visible != *messages {
			b.Fatal(c)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.StartTimer()
	}
	r.stop()
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(*messages), "heap-B/message")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*messages), "ns/message")
}
