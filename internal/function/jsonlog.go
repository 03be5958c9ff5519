package function

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Logs in the format JSON: the platform's records are those of Lambda's telemetry, a record a line, and what the function writes as
// JSON objects is filtered by its level. Text that a function prints stays as it is. Which record has which level is Lambda's:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html

// levels orders the levels of logs, with the names that logging libraries give them.
var levels = map[string]int{"TRACE": 1, "DEBUG": 2, "INFO": 3, "WARN": 4, "WARNING": 4, "ERROR": 5, "FATAL": 6, "CRITICAL": 6}

const jsonFormat = "JSON"

// record is a record of the platform.
type record struct {
	level string
	at    time.Time
	kind  string // "start" of platform.start
	body  any
}

type recordMetrics struct {
	Duration  float64  `json:"durationMs"`
	Billed    int64    `json:"billedDurationMs,omitempty"`
	Memory    int      `json:"memorySizeMB,omitempty"`
	MaxMemory int64    `json:"maxMemoryUsedMB,omitempty"`
	Init      *float64 `json:"initDurationMs,omitempty"`
	Produced  *int     `json:"producedBytes,omitempty"`
}

// initRecord is about the start of an instance, callRecord about a request.
type initRecord struct {
	Type     string         `json:"initializationType"`
	Phase    string         `json:"phase"`
	Runtime  string         `json:"runtimeVersion,omitempty"`
	Function string         `json:"functionName,omitempty"`
	Version  string         `json:"functionVersion,omitempty"`
	Status   string         `json:"status,omitempty"`
	Metrics  *recordMetrics `json:"metrics,omitempty"`
}

type callRecord struct {
	RequestID string         `json:"requestId"`
	Version   string         `json:"version,omitempty"`
	Metrics   *recordMetrics `json:"metrics,omitempty"`
	Status    string         `json:"status,omitempty"`
	ErrorType string         `json:"errorType,omitempty"`
}

// usage is what a request took.
type usage struct {
	start, end time.Time
	took       time.Duration
	billed     time.Duration
	peak       int64         // bytes of memory
	init       time.Duration // of the instance that the request had to wait for; 0 = it was warm
}

// outcome is how a request ended, in the words of the platform's records.
func (res *Result) outcome() (status, errorType string) {
	if !res.Failed {
		return "success", ""
	}
	var e struct{ ErrorType string }
	_ = json.Unmarshal(res.Payload, &e) // an error document of a custom runtime may be anything
	switch {
	case e.ErrorType == "Sandbox.Timedout":
		return "timeout", ""
	case strings.HasPrefix(e.ErrorType, "Runtime.Exit"), e.ErrorType == "Runtime.OutOfMemory":
		return "failure", e.ErrorType
	}
	return "error", e.ErrorType
}

// jsonLines puts the platform's records around what the function wrote.
func (in *instance) jsonLines(res *Result, u usage, written []LogLine) []LogLine {
	c := in.version.Config
	status, errorType := res.outcome()
	// worse is the level of a record that tells of success at the level good.
	worse := func(good string) string {
		if status != "success" {
			return "WARN"
		}
		return good
	}
	var before []record
	var initFor *float64
	if u.init > 0 {
		initFor = new(millis(u.init))
		begun := initRecord{Type: "on-demand", Phase: "init"}
		start, done, report := begun, begun, begun
		start.Runtime, start.Function, start.Version = runtimeVersion(c.Runtime), in.version.Name, in.version.Number
		done.Status = "success"
		report.Status, report.Metrics = "success", &recordMetrics{Duration: *initFor}
		ready := in.started.Add(u.init)
		before = append(before, record{"INFO", in.started, "initStart", start}, record{"DEBUG", ready, "initRuntimeDone", done}, record{"DEBUG", ready, "initReport", report})
	}
	before = append(before, record{"INFO", u.start, "start", callRecord{RequestID: res.RequestID, Version: in.version.Number}})
	after := []record{
		{worse("DEBUG"), u.end, "runtimeDone", callRecord{RequestID: res.RequestID, Status: status, ErrorType: errorType,
			Metrics: &recordMetrics{Duration: millis(u.took), Produced: new(len(res.Payload))}}},
		{worse("INFO"), u.end, "report", callRecord{RequestID: res.RequestID, Status: status, ErrorType: errorType,
			Metrics: &recordMetrics{Duration: millis(u.took), Billed: u.billed.Milliseconds(), Memory: c.MemoryMB, MaxMemory: u.peak >> 20, Init: initFor}}},
	}
	lines := make([]LogLine, 0, len(before)+len(written)+len(after))
	lines = in.system(lines, before)
	if len(lines) > 0 {
		for i := range lines { // what the function wrote while it was loading comes after START in the text format, too
			lines[i].Time = in.firstLine(lines[i].Time, written)
		}
	}
	return in.system(append(lines, written...), after)
}

// system adds the records that the function's system level lets through.
func (in *instance) system(lines []LogLine, list []record) []LogLine {
	for _, r := range list {
		if levels[r.level] < levels[in.version.Config.SystemLevel] {
			continue
		}
		text, err := json.Marshal(struct {
			Time   string `json:"time"`
			Type   string `json:"type"`
			Record any    `json:"record"`
		}{r.at.UTC().Format("2006-01-02T15:04:05.000Z"), "platform." + r.kind, r.body})
		if err != nil {
			panic("BUG: encode record of the platform: " + err.Error())
		}
		lines = append(lines, LogLine{r.at, string(text)})
	}
	return lines
}

// textLines puts START, END and REPORT around what the function wrote.
func (in *instance) textLines(res *Result, u usage, written []LogLine) []LogLine {
	lines := make([]LogLine, 0, len(written)+3)
	lines = append(lines, LogLine{in.firstLine(u.start, written), "START RequestId: " + res.RequestID + " Version: " + in.version.Number})
	lines = append(lines, written...)
	lines = append(lines, LogLine{u.end, "END RequestId: " + res.RequestID})
	text := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		res.RequestID, millis(u.took), u.billed.Milliseconds(), in.version.Config.MemoryMB, u.peak>>20)
	if u.init > 0 {
		text += fmt.Sprintf("Init Duration: %.2f ms\t", millis(u.init))
	}
	switch status, errorType := res.outcome(); status {
	case "timeout":
		text += "Status: timeout"
	case "failure":
		text += "Status: error\tError Type: " + errorType
	}
	return append(lines, LogLine{u.end, text})
}

// take returns what the function has written since the last time, without what its level keeps out.
func (in *instance) take(rest bool) []LogLine {
	lines := in.out.take(rest)
	c := in.version.Config
	if c.LogFormat != jsonFormat || c.AppLogLevel == "TRACE" {
		return lines
	}
	kept := lines[:0]
	for _, l := range lines {
		if c.wants(l.Message) {
			kept = append(kept, l)
		}
	}
	return kept
}

// wants reports whether the application level lets a line through. A JSON object without a known level is of the level INFO; other
// text has none and is kept.
func (c Config) wants(line string) bool {
	var object struct{ Level any }
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &object) != nil {
		return true
	}
	name, _ := object.Level.(string)
	level := levels[strings.ToUpper(name)]
	if level == 0 {
		level = levels["INFO"]
	}
	return level >= levels[c.AppLogLevel]
}

func millis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond).Microseconds()) / 1000
}

// runtimeVersion names a runtime as the platform's records do: python:3.12.
func runtimeVersion(runtime string) string {
	if i := strings.IndexAny(runtime, "0123456789"); i > 0 && !strings.HasPrefix(runtime, "provided") {
		return runtime[:i] + ":" + strings.TrimSuffix(runtime[i:], ".x")
	}
	return runtime
}
