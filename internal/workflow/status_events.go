package workflow

import "github.com/tarn-data/tarn/internal/kv"

// Events is told when executions of standard state machines start, are redriven and end. What it adds to the batch becomes durable
// with the change. It is implemented by bridge.
type Events interface {
	ExecutionChanged(b *kv.Batch, r *Record)
}

// tell adds the event of a change to b. Children of map runs have none, as on AWS.
func (e *Engine) tell(b *kv.Batch, r *Record) {
	if e.events != nil && r.MapRun == "" && !r.Express {
		e.events.ExecutionChanged(b, r)
	}
}
