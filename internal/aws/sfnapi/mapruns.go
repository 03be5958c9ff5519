package sfnapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/workflow"
)

func (a *api) describeMapRun(ctx context.Context, _ *protocol.Call, in *DescribeMapRunInput) (*DescribeMapRunOutput, error) {
	r, err := a.engine.MapRun(ctx, in.MapRunArn)
	if err != nil {
		return nil, err
	}
	n := r.Counts
	i := r.Items
	zero := int64(0)
	redrives := int32(r.Redrives)
	return &DescribeMapRunOutput{
		ExecutionArn: r.Execution, MapRunArn: r.ARN, MaxConcurrency: int32(r.Concurrency), RedriveCount: &redrives, RedriveDate: some(r.Redriven), StartDate: r.Start, Status: MapRunStatus(r.Status), StopDate: some(r.Stop),
		ToleratedFailureCount: r.TolerateCount, ToleratedFailurePercentage: r.TolerateShare,
		ExecutionCounts: &MapRunExecutionCounts{Aborted: n.Aborted, Failed: n.Failed, FailuresNotRedrivable: &zero, Pending: n.Pending, PendingRedrive: &n.PendingRedrive, ResultsWritten: n.Written, Running: n.Running, Succeeded: n.Succeeded, TimedOut: n.TimedOut, Total: n.Total},
		ItemCounts:      &MapRunItemCounts{Aborted: i.Aborted, Failed: i.Failed, FailuresNotRedrivable: &zero, Pending: i.Pending, PendingRedrive: &i.PendingRedrive, ResultsWritten: i.Written, Running: i.Running, Succeeded: i.Succeeded, TimedOut: i.TimedOut, Total: i.Total},
	}, nil
}

func (a *api) listMapRuns(ctx context.Context, _ *protocol.Call, in *ListMapRunsInput) (*ListMapRunsOutput, error) {
	list, next, err := a.engine.MapRuns(ctx, in.ExecutionArn, int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &ListMapRunsOutput{NextToken: protocol.Some(next), MapRuns: []MapRunListItem{}}
	for _, r := range list {
		out.MapRuns = append(out.MapRuns, MapRunListItem{ExecutionArn: r.Execution, MapRunArn: r.ARN, StartDate: r.Start, StateMachineArn: r.Machine, StopDate: some(r.Stop)})
	}
	return out, nil
}

func (a *api) updateMapRun(ctx context.Context, _ *protocol.Call, in *UpdateMapRunInput) (*UpdateMapRunOutput, error) {
	change := workflow.UpdateMapRun{TolerateCount: in.ToleratedFailureCount, TolerateShare: in.ToleratedFailurePercentage}
	if in.MaxConcurrency != nil {
		n := int64(*in.MaxConcurrency)
		change.Concurrency = &n
	}
	return &UpdateMapRunOutput{}, a.engine.ChangeMapRun(ctx, in.MapRunArn, change)
}
