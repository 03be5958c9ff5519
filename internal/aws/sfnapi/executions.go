package sfnapi

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *api) startExecution(ctx context.Context, c *protocol.Call, in *StartExecutionInput) (*StartExecutionOutput, error) {
	start := a.engine.StartExecution
	if in.Name == nil && c.Token != "" {
		in.Name, start = &c.Token, a.engine.StartOnce
	}
	rec, err := start(ctx, in.StateMachineArn, protocol.Or(in.Name, ""), protocol.Or(in.Input, "{}"), protocol.Or(in.TraceHeader, ""))
	if err != nil {
		return nil, err
	}
	return &StartExecutionOutput{ExecutionArn: rec.ARN, StartDate: rec.Start}, nil
}

func (a *api) startSync(ctx context.Context, _ *protocol.Call, in *StartSyncExecutionInput) (*StartSyncExecutionOutput, error) {
	rec, err := a.engine.StartSync(ctx, in.StateMachineArn, protocol.Or(in.Name, ""), protocol.Or(in.Input, "{}"), protocol.Or(in.TraceHeader, ""))
	if err != nil {
		return nil, err
	}
	status := SyncExecutionStatus_FAILED
	switch rec.Status {
	case interp.Succeeded:
		status = SyncExecutionStatus_SUCCEEDED
	case interp.TimedOut:
		status = SyncExecutionStatus_TIMED_OUT
	}
	included := protocol.Or(in.IncludedData, IncludedData_ALL_DATA) == IncludedData_ALL_DATA
	// Billed in steps of 100 ms and 64 MB.
	millis, memory := (rec.Stop.Sub(rec.Start).Milliseconds()/100+1)*100, int64(64)
	out := &StartSyncExecutionOutput{
		BillingDetails: &BillingDetails{&millis, &memory}, Cause: rec.Cause, Error: rec.Error, ExecutionArn: rec.ARN, Name: &rec.Name,
		InputDetails: &CloudWatchEventsExecutionDataDetails{&included}, StartDate: rec.Start, StateMachineArn: &rec.MachineARN, Status: status, StopDate: rec.Stop, TraceHeader: protocol.Some(rec.Trace),
	}
	if included {
		out.Input, out.Output = &rec.Input, protocol.Some(rec.Output)
	}
	out.OutputDetails = &CloudWatchEventsExecutionDataDetails{&included}
	return out, nil
}

func (a *api) stopExecution(ctx context.Context, _ *protocol.Call, in *StopExecutionInput) (*StopExecutionOutput, error) {
	stop, err := a.engine.StopExecution(ctx, in.ExecutionArn, in.Error, in.Cause)
	if err != nil {
		return nil, err
	}
	return &StopExecutionOutput{StopDate: stop}, nil
}

func (a *api) redrive(ctx context.Context, _ *protocol.Call, in *RedriveExecutionInput) (*RedriveExecutionOutput, error) {
	at, err := a.engine.RedriveOnce(ctx, in.ExecutionArn, protocol.Or(in.ClientToken, ""))
	if err != nil {
		return nil, err
	}
	return &RedriveExecutionOutput{RedriveDate: at}, nil
}

func (a *api) describeExecution(ctx context.Context, _ *protocol.Call, in *DescribeExecutionInput) (*DescribeExecutionOutput, error) {
	rec, err := a.engine.Execution(ctx, in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	included := protocol.Or(in.IncludedData, IncludedData_ALL_DATA) == IncludedData_ALL_DATA
	redrives := int32(rec.Redrives)
	status, reason := a.engine.Redrivable(rec)
	redrivable := ExecutionRedriveStatus(status)
	out := &DescribeExecutionOutput{
		Cause: rec.Cause, Error: rec.Error, ExecutionArn: rec.ARN, InputDetails: &CloudWatchEventsExecutionDataDetails{&included}, MapRunArn: protocol.Some(rec.MapRun), Name: &rec.Name,
		RedriveCount: &redrives, RedriveDate: some(rec.Redriven), RedriveStatus: &redrivable, RedriveStatusReason: protocol.Some(reason), StartDate: rec.Start,
		StateMachineAliasArn: protocol.Some(rec.Alias), StateMachineArn: rec.MachineARN, StateMachineVersionArn: protocol.Some(rec.Version), Status: ExecutionStatus(rec.Status),
		StopDate: some(rec.Stop), TraceHeader: protocol.Some(rec.Trace),
	}
	if included {
		out.Input, out.Output = &rec.Input, protocol.Some(rec.Output)
	}
	if rec.Status == interp.Succeeded {
		out.OutputDetails = &CloudWatchEventsExecutionDataDetails{&included}
	}
	return out, nil
}

func (a *api) listExecutions(ctx context.Context, _ *protocol.Call, in *ListExecutionsInput) (*ListExecutionsOutput, error) {
	filter := workflow.Filter{Status: interp.Status(protocol.Or(in.StatusFilter, "")), Redrive: string(protocol.Or(in.RedriveFilter, ""))}
	limit, token := int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, "")
	var list []workflow.Listed
	var next string
	var err error
	switch {
	case (in.StateMachineArn == nil) == (in.MapRunArn == nil):
		return nil, &protocol.Error{Code: Code_ValidationException, Message: "Exactly one of stateMachineArn and mapRunArn must be specified"}
	case in.MapRunArn != nil:
		list, next, err = a.engine.MapRunExecutions(ctx, *in.MapRunArn, filter, limit, token)
	default:
		list, next, err = a.engine.Executions(ctx, *in.StateMachineArn, filter, limit, token)
	}
	if err != nil {
		return nil, err
	}
	out := &ListExecutionsOutput{NextToken: protocol.Some(next), Executions: []ExecutionListItem{}}
	for _, l := range list {
		x := ExecutionListItem{
			ExecutionArn: l.ARN, MapRunArn: protocol.Some(l.MapRun), Name: l.Name, RedriveCount: new(int32(l.Redrives)), RedriveDate: some(l.Redriven), StartDate: l.Start,
			StateMachineAliasArn: protocol.Some(l.Alias), StateMachineArn: l.MachineARN, StateMachineVersionArn: protocol.Some(l.Version), Status: ExecutionStatus(l.Status), StopDate: some(l.Stop),
		}
		if l.MapRun != "" {
			n := int32(l.Items)
			x.ItemCount = &n
		}
		out.Executions = append(out.Executions, x)
	}
	return out, nil
}

func (a *api) getHistory(ctx context.Context, _ *protocol.Call, in *GetExecutionHistoryInput) (*GetExecutionHistoryOutput, error) {
	list, next, err := a.engine.History(ctx, in.ExecutionArn, protocol.Or(in.ReverseOrder, false), int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &GetExecutionHistoryOutput{NextToken: protocol.Some(next), Events: make([]HistoryEvent, len(list))}
	data := protocol.Or(in.IncludeExecutionData, true)
	for i := range list {
		out.Events[i] = historyEvent(&list[i], data)
	}
	return out, nil
}
