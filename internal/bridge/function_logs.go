package bridge

import (
	"context"

	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/logs"
)

// FunctionLogs keeps what functions write in the log store.
type FunctionLogs struct{ Logs *logs.Store }

var _ function.LogSink = FunctionLogs{}

// AppendLines implements function.LogSink.
func (l FunctionLogs) AppendLines(ctx context.Context, scope ident.Scope, group, stream string, lines []function.LogLine) error {
	events := make([]logs.Event, len(lines))
	for i, line := range lines {
		events[i] = logs.Event{Time: line.Time, Message: line.Message}
	}
	return l.Logs.Append(ctx, scope, group, stream, events)
}
