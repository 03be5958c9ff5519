package bridge

import (
	"encoding/json"
	"log/slog"

	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// JobEvents puts the ends of job runs on the default bus, in the batch of the end.
//
// Source: "AWS Glue events" in the Amazon EventBridge event reference.
type JobEvents struct {
	Events *event.Engine
	Logger *slog.Logger
}

var _ etl.Events = JobEvents{}

// RunChanged implements etl.Events.
func (j JobEvents) RunChanged(b *kv.Batch, scope ident.Scope, r etl.Run) {
	if !r.State.Ended() {
		return
	}
	severity, message := "INFO", "Job run succeeded"
	switch r.State {
	case etl.Failed, etl.Errored:
		severity, message = "ERROR", r.Error
	case etl.TimedOut:
		severity, message = "WARN", "Job run timed out"
	case etl.Stopped:
		message = "Job run stopped"
	}
	detail, err := json.Marshal(map[string]string{"jobName": r.Job, "severity": severity, "state": string(r.State), "jobRunId": r.ID, "message": message})
	if err != nil {
		panic("BUG: encode event: " + err.Error())
	}
	bus := event.BusRef{Scope: scope, Name: "default"}
	if _, err := j.Events.Emit(b, bus, event.Event{Source: "aws.glue", DetailType: "Glue Job State Change", Detail: detail}); err != nil {
		j.Logger.Error("put the end of a job run on the bus", "job", r.Job, "run", r.ID, "err", err)
	}
}
