package bridge

import (
	"context"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/logs"
	"github.com/tarn-data/tarn/internal/workflow"
)

// WorkflowLogs keeps the events of executions in the log groups that their state machines name.
type WorkflowLogs struct{ Logs *logs.Store }

var _ workflow.LogSink = WorkflowLogs{}

// groupOf returns the name in the ARN of a log group.
func groupOf(a ident.ARN) string {
	return strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
}

// Exists implements workflow.LogSink.
func (l WorkflowLogs) Exists(ctx context.Context, group string) bool {
	a, err := ident.ParseARN(group)
	if err != nil {
		return false
	}
	_, err = l.Logs.Group(ctx, a.Scope(), groupOf(a))
	return err == nil
}

// Log implements workflow.LogSink.
func (l WorkflowLogs) Log(ctx context.Context, e workflow.LogEntry) {
	arn, err := ident.ParseARN(e.Group)
	if err != nil {
		return
	}
	group := groupOf(arn)
	stream := "states/" + e.Machine + "/" + e.Time.UTC().Format("2006-01-02-15")
	// An execution does not wait for its log, nor fail with it; the store has logged why.
	_ = l.Logs.Append(ctx, e.Scope, group, stream, []logs.Event{{Time: e.Time, Message: e.Message}})
}
