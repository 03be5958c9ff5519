package workflow

import (
	"fmt"
	"sync"
	"testing"
)

// BenchmarkExecution runs machines of five states, a thousand at a time. A machine makes 12 events.
func BenchmarkExecution(b *testing.B) {
	const five = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Task","Resource":"` + lambda + `echo","Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericLessThan":5,"Next":"D"}],"Default":"D"},"D":{"Type":"Task","Resource":"` + lambda + `echo","ResultPath":"$.r","Next":"E"},"E":{"Type":"Succeed"}}}`
	for _, at := range []int{1, 1000} {
		b.Run(fmt.Sprint(at), func(b *testing.B) {
			e := newEngine(b, newFakeTasks(echo))
			m := create(b, e, "m", five, Standard)
			slots := make(chan struct{}, at)
			var wg sync.WaitGroup
			for b.Loop() {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					rec, err := e.StartExecution(b.Context(), m.ARN, "", `{"n":1}`, "")
					if err == nil {
						_, err = e.Await(b.Context(), rec.ARN)
					}
					if err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}
