package workflow

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
)

// BenchmarkWaiting starts executions that wait for a day, lets them go to sleep and opens the engine again.
// WAITING_EXECUTIONS of them, by default 20,000.
func BenchmarkWaiting(b *testing.B) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("WAITING_EXECUTIONS"), "20000"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		store, err := pebblekv.Open(b.Context(), pebblekv.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		opts := Options{Store: store, Tasks: newFakeTasks(echo), Clock: clock.Real(), sleep: sleepTimes{every: time.Second, rest: time.Second, least: time.Minute, ahead: 45 * time.Second}}
		e, err := Open(b.Context(), opts)
		if err != nil {
			b.Fatal(err)
		}
		m := create(b, e, "m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}`, Standard)
		before := heapBytes()
		slots := make(chan struct{}, 500)
		var wg sync.WaitGroup
		at := time.Now()
		for i := range n {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				if _, err := e.StartExecution(b.Context(), m.ARN, fmt.Sprint(i), `{"order":12345,"customer":"c-1"}`, ""); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(time.Since(at).Microseconds())/float64(n), "µs/start")
		for end := time.Now().Add(5 * time.Second); e.awakeCount() > 0 && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		b.ReportMetric(float64(heapBytes()-before)/float64(n), "B/waiting")
		b.ReportMetric(float64(e.awakeCount()), "awake")
		if err := e.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		at = time.Now()
		if e, err = Open(b.Context(), opts); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(at).Microseconds())/1000, "ms/open")
		if err := e.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return int64(ms.HeapAlloc)
}
