package workflow

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkBigMap runs a distributed Map with many children; "heap-MB" is the most that lived meanwhile.
func BenchmarkBigMap(b *testing.B) {
	const children = 100_000
	items := "[" + strings.TrimSuffix(strings.Repeat("1,", children), ",") + "]"
	for b.Loop() {
		e := newEngine(b, newFakeTasks(echo))
		m := create(b, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}},"End":true}}}`, Standard)
		rec, err := e.StartExecution(b.Context(), m.ARN, "x", items, "")
		if err != nil {
			b.Fatal(err)
		}
		end, err := e.Await(b.Context(), rec.ARN)
		if err != nil || end.Output != items {
			b.Fatal(fmt.Sprintf("%v %.200s", err, end.Output))
		}
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		b.ReportMetric(float64(ms.HeapSys)/1e6, "heap-MB")
	}
}
