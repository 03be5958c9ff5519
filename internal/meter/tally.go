package meter

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// tallyEvery is how long sums stay in memory.
const tallyEvery = 2 * time.Second

// Tally counts acts that have no batch of their own, or are so many that a row each would cost more than they do: requests of
// queues. Sums are written every two seconds and when Run ends; a crash loses what was counted since. All methods are safe for
// concurrent use.
type Tally struct {
	meter *Meter

	mu   sync.Mutex // guards sums
	sums map[tallied]float64
}

type tallied struct {
	scope    ident.Scope
	unit     Unit
	resource string
}

// NewTally returns a tally whose rows m writes.
func NewTally(m *Meter) *Tally { return &Tally{meter: m, sums: map[tallied]float64{}} }

// Add counts.
func (t *Tally) Add(scope ident.Scope, unit Unit, resource string, quantity float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sums[tallied{scope, unit, resource}] += quantity
}

// Run writes the sums now and then until ctx ends, and then once more.
func (t *Tally) Run(ctx context.Context, store kv.Store, c clock.Clock, log *slog.Logger) {
	for {
		err := clock.Sleep(ctx, c, tallyEvery)
		if e := t.flush(context.WithoutCancel(ctx), store, c.Now()); e != nil {
			log.Error("write usage", "err", e)
		}
		if err != nil {
			return
		}
	}
}

// flush writes the sums. Those that could not be written are kept.
func (t *Tally) flush(ctx context.Context, store kv.Store, now time.Time) error {
	t.mu.Lock()
	sums := t.sums
	t.sums = map[tallied]float64{}
	t.mu.Unlock()
	var b kv.Batch
	for k, q := range sums {
		t.meter.Add(&b, now, k.scope, k.unit, k.resource, q)
	}
	if b.Empty() {
		return nil
	}
	err := kv.Commit(ctx, store, &b)
	if err != nil {
		for k, q := range sums {
			t.Add(k.scope, k.unit, k.resource, q)
		}
	}
	return err
}
