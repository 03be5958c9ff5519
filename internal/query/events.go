package query

import (
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Events is told when a query changes its state. What it adds to the batch becomes durable with the change. before is "" for a
// new one. It is implemented by bridge.
type Events interface {
	QueryChanged(b *kv.Batch, s ident.Scope, x *Execution, before State)
}

func (e *Engine) tell(b *kv.Batch, s ident.Scope, x *Execution, before State) {
	if e.opts.Events != nil {
		e.opts.Events.QueryChanged(b, s, x, before)
	}
}
