package bridge

import (
	"log/slog"
	"time"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// WorkflowEvents puts the changes of executions on the default bus, in the batch of the change.
//
// Source: "Automating Step Functions event delivery with EventBridge" in the AWS Step Functions developer guide.
type WorkflowEvents struct {
	Events *event.Engine
	Logger *slog.Logger
}

var _ workflow.Events = WorkflowEvents{}

// maxEventText is how long input and output together may be to stand in the event.
const maxEventText = 248 << 10

// ExecutionChanged implements workflow.Events.
func (w WorkflowEvents) ExecutionChanged(b *kv.Batch, r *workflow.Record) {
	bus := event.BusRef{Scope: r.Scope, Name: event.DefaultBus}
	if !w.Events.Wanted(bus) {
		return
	}
	d := map[string]any{
		"executionArn": r.ARN, "stateMachineArn": r.MachineARN, "name": r.Name, "status": string(r.Status), "startDate": r.Start.UnixMilli(), "stopDate": millis(r.Stop),
		"input": nil, "output": nil, "inputDetails": map[string]bool{"included": false}, "outputDetails": nil, "error": r.Error, "cause": r.Cause,
		"stateMachineVersionArn": optional(r.Version), "stateMachineAliasArn": optional(r.Alias), "redriveCount": r.Redrives, "redriveDate": millis(r.Redriven),
	}
	d["redriveStatus"], d["redriveStatusReason"] = r.Redrivable(r.Stop)
	if len(r.Input) <= maxEventText {
		d["input"], d["inputDetails"] = r.Input, map[string]bool{"included": true}
	}
	if r.Status == interp.Succeeded {
		d["outputDetails"] = map[string]bool{"included": false}
		if len(r.Input)+len(r.Output) <= maxEventText {
			d["output"], d["outputDetails"] = r.Output, map[string]bool{"included": true}
		}
	}
	emit(w.Events, w.Logger, b, bus, event.Event{Source: "aws.states", DetailType: "Step Functions Execution Status Change", Resources: []string{r.ARN}}, d)
}

func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}
