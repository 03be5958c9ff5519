package integration

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

func httpDate() string { return time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// sorted returns the object with its members in the order of their names.
func sorted(o *jsonvalue.Object) *jsonvalue.Object {
	keys := append([]string(nil), o.Keys()...)
	sort.Strings(keys)
	out := jsonvalue.NewObject()
	for _, k := range keys {
		v, _ := o.Get(k)
		out.Set(k, v)
	}
	return out
}

// job is an operation that starts something that .sync waits for.
type job struct {
	id     string // the member of the start's answer that identifies the job
	status string // operation that tells about the job
	// query makes the input of status.
	query func(params *jsonvalue.Object, id string) *jsonvalue.Object
	// state finds the job's status, and the value that is the task's output.
	state func(answer *jsonvalue.Object, pattern asl.Pattern) (status string, output any)
	stop  string // operation that stops the job
	halt  func(params *jsonvalue.Object, id string) *jsonvalue.Object
}

var jobs = map[string]job{
	"states:startExecution": {
		id: "ExecutionArn", status: "DescribeExecution", stop: "StopExecution",
		query: func(_ *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("ExecutionArn", id)
		},
		state: func(a *jsonvalue.Object, p asl.Pattern) (string, any) {
			o := millis(a, "StartDate", "StopDate", "RedriveDate")
			if p == asl.Sync2 {
				for _, k := range []string{"Input", "Output"} {
					if v, err := jsonvalue.Parse(o.Str(k)); err == nil {
						o.Set(k, v)
					}
				}
			}
			return a.Str("Status"), sorted(o)
		},
		halt: func(_ *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("ExecutionArn", id)
		},
	},
	"glue:startJobRun": {
		id: "JobRunId", status: "GetJobRun", stop: "BatchStopJobRun",
		query: func(p *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("JobName", p.Str("JobName"), "RunId", id)
		},
		state: func(a *jsonvalue.Object, _ asl.Pattern) (string, any) {
			v, _ := a.Get("JobRun")
			o, ok := v.(*jsonvalue.Object)
			if !ok {
				return "", nil
			}
			return o.Str("JobRunState"), sorted(millis(o, "StartedOn", "CompletedOn", "LastModifiedOn"))
		},
		halt: func(p *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("JobName", p.Str("JobName"), "JobRunIds", []any{id})
		},
	},
	"athena:startQueryExecution": {
		id: "QueryExecutionId", status: "GetQueryExecution", stop: "StopQueryExecution",
		query: func(_ *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("QueryExecutionId", id)
		},
		state: func(a *jsonvalue.Object, _ asl.Pattern) (string, any) {
			v, _ := a.Get("QueryExecution")
			o, ok := v.(*jsonvalue.Object)
			if !ok {
				return "", nil
			}
			s, _ := o.Get("Status")
			status, ok := s.(*jsonvalue.Object)
			if !ok {
				return "", nil
			}
			o = o.Clone()
			o.Set("Status", sorted(millis(status, "SubmissionDateTime", "CompletionDateTime")))
			return status.Str("State"), jsonvalue.NewObject("QueryExecution", sorted(o))
		},
		halt: func(_ *jsonvalue.Object, id string) *jsonvalue.Object {
			return jsonvalue.NewObject("QueryExecutionId", id)
		},
	},
}

// millis returns a copy of the object in which the timestamps are numbers of milliseconds, as .sync gives them.
func millis(o *jsonvalue.Object, members ...string) *jsonvalue.Object {
	o = o.Clone()
	for _, m := range members {
		if t, err := time.Parse(time.RFC3339Nano, o.Str(m)); err == nil {
			o.Set(m, jsonvalue.Int(t.UnixMilli()))
		}
	}
	return o
}

// job starts a job unless the call brings the handle of one, and waits for its end.
func (r *run) job(j job, params *jsonvalue.Object) (string, *workflow.TaskError) {
	res := r.call.Resource
	id := r.call.Handle
	if id == "" {
		out, fail := r.Invoke(r.ctx, res.Service, res.Action, jsonvalue.Marshal(serialise(params)))
		if fail != nil {
			return "", r.failed(fail)
		}
		v, _ := jsonvalue.Parse(out)
		o, ok := v.(*jsonvalue.Object)
		if !ok || o.Str(j.id) == "" {
			return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: "The answer of " + res.Action + " has no " + j.id}
		}
		id = o.Str(j.id)
		if err := r.submitted(id, jsonvalue.Marshal(withMetadata(o, wireSize(o, out), headers(jsonType(res.Service))))); err != nil {
			return "", &workflow.TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
		}
	}
	return r.await(j, params, id)
}

// await polls a job until it has ended. When the task is no longer wanted the job is stopped, unless Tarn itself stops.
func (r *run) await(j job, params *jsonvalue.Object, id string) (string, *workflow.TaskError) {
	res := r.call.Resource
	c := r.Clock
	if c == nil {
		c = clock.Real()
	}
	first := r.Poll
	if first <= 0 {
		first = 200 * time.Millisecond
	}
	for wait := first / 4; ; wait = min(wait*3/2, 10*first) {
		out, fail := r.Invoke(r.ctx, res.Service, j.status, jsonvalue.Marshal(j.query(params, id)))
		if fail != nil && r.ctx.Err() == nil {
			if fail.Status < 500 && !strings.Contains(fail.Code, "Throttl") {
				return "", r.failed(fail)
			}
		} else if fail == nil {
			v, _ := jsonvalue.Parse(out)
			if o, ok := v.(*jsonvalue.Object); ok {
				status, output := j.state(o, res.Pattern)
				switch status {
				case "SUCCEEDED":
					return jsonvalue.Marshal(output), nil
				case "FAILED", "ERROR", "TIMEOUT", "TIMED_OUT", "STOPPED", "ABORTED", "CANCELLED", "EXPIRED":
					return "", &workflow.TaskError{Error: asl.ErrTaskFailed, Cause: jsonvalue.Marshal(output)}
				}
			}
		}
		if clock.Sleep(r.ctx, c, wait) != nil {
			if workflow.Unwanted(r.ctx) {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 10*time.Second)
				defer cancel()
				_, _ = r.Invoke(ctx, res.Service, j.stop, jsonvalue.Marshal(j.halt(params, id))) // the job may have ended by itself
			}
			return "", &workflow.TaskError{Error: asl.ErrTaskFailed, Cause: "The task was cancelled"}
		}
	}
}
