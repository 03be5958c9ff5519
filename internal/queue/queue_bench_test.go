package queue_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

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

// BenchmarkOpen opens a queue of 300,000 messages.
func BenchmarkOpen(b *testing.B) {
	r := newRig(b)
	q := r.make("q", nil)
	const messages = 300_000
	for range messages / 1000 {
		list := make([]queue.Incoming, 1000)
		for i := range list {
			list[i] = queue.Incoming{Queue: q, Message: queue.Message{Body: "a short body"}}
		}
		if _, _, err := r.SendAll(b.Context(), nil, list); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		r = r.reopen()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if c := r.counts(q); c.Visible != messages {
			b.Fatal(c)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.StartTimer()
	}
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/messages, "heap-B/message")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
}
