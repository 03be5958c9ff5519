package workflow

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// logEvents sends events to the state machine's log group, as its log configuration says.
func (e *Engine) logEvents(x *exec, events []interp.Event) {
	x.mu.Lock()
	rec := x.rec
	x.mu.Unlock()
	l := rec.Logging
	if l.Level == "" || l.Level == "OFF" || len(l.Groups) == 0 {
		return
	}
	for i := range events {
		ev := &events[i]
		if !logged(l.Level, ev.Type) {
			continue
		}
		e.logs.Log(e.group.Context(), LogEntry{
			Scope: rec.Scope, Group: strings.TrimSuffix(l.Groups[0], ":*"), Execution: rec.ARN, Machine: rec.Machine, Time: ev.Time,
			Message: logMessage(rec, ev, l.IncludeData),
		})
	}
}

func logged(level string, t interp.EventType) bool {
	fatal := t == interp.ExecutionFailed || t == interp.ExecutionAborted || t == interp.ExecutionTimedOut
	switch level {
	case "ALL":
		return true
	case "FATAL":
		return fatal
	}
	return fatal || t.Failed()
}

// logMessage is the form that AWS writes to CloudWatch Logs.
func logMessage(rec *Record, ev *interp.Event, data bool) string {
	d := jsonvalue.NewObject()
	put := func(k, v string) {
		if v != "" {
			d.Set(k, v)
		}
	}
	put("name", ev.Name)
	if data {
		for _, x := range []struct{ name, text string }{{"input", ev.Input}, {"output", ev.Output}} {
			if x.text != "" {
				d.Set(x.name, x.text)
				d.Set(x.name+"Details", jsonvalue.NewObject("truncated", false))
			}
		}
		put("parameters", ev.Parameters)
	}
	if ev.Cause != nil {
		d.Set("cause", *ev.Cause)
	}
	if ev.Error != nil {
		d.Set("error", *ev.Error)
	}
	put("resource", ev.Resource)
	put("resourceType", ev.ResourceType)
	put("region", ev.Region)
	put("roleArn", ev.Role)
	put("mapRunArn", ev.MapRun)
	o := jsonvalue.NewObject("id", strconv.FormatInt(ev.ID, 10), "type", ev.Type.String(), "details", d, "previous_event_id", strconv.FormatInt(ev.Prev, 10),
		"event_timestamp", strconv.FormatInt(ev.Time.UnixMilli(), 10), "execution_arn", rec.ARN, "redrive_count", strconv.Itoa(rec.Redrives))
	return jsonvalue.Marshal(o)
}
