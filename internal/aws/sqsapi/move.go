package sqsapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

func sourceOf(arn string) (queue.Ref, error) {
	if arn == "" {
		return queue.Ref{}, missing("SourceArn")
	}
	r, ok := queue.ParseARN(arn)
	if !ok {
		return r, badParameter("SourceArn", arn, "it is not the ARN of a queue.")
	}
	return r, nil
}

// gone says of a queue that is named by its ARN that it does not exist: these operations have an error of their own for that.
func gone(err error) error {
	if e := mapError(err); e != nil && e.Code == Code_QueueDoesNotExist {
		return &protocol.Error{Code: Code_ResourceNotFoundException, Status: http.StatusNotFound, Message: "The resource that you specified for the SourceArn parameter doesn't exist."}
	}
	return err
}

func (a *api) startMove(ctx context.Context, _ *protocol.Call, in *StartMessageMoveTaskRequest) (*StartMessageMoveTaskResult, error) {
	r, err := sourceOf(in.SourceArn)
	if err != nil {
		return nil, err
	}
	if in.MaxNumberOfMessagesPerSecond != nil && *in.MaxNumberOfMessagesPerSecond < 1 {
		return nil, badParameter("MaxNumberOfMessagesPerSecond", fmt.Sprint(*in.MaxNumberOfMessagesPerSecond), "Must be between 1 and 500, if provided.")
	}
	t, err := a.Queues.StartMove(ctx, r, protocol.Or(in.DestinationArn, ""), int(protocol.Or(in.MaxNumberOfMessagesPerSecond, 0)))
	if err != nil {
		return nil, gone(err)
	}
	h := t.Handle()
	return &StartMessageMoveTaskResult{TaskHandle: &h}, nil
}

func (a *api) listMoves(ctx context.Context, _ *protocol.Call, in *ListMessageMoveTasksRequest) (*ListMessageMoveTasksResult, error) {
	r, err := sourceOf(in.SourceArn)
	if err != nil {
		return nil, err
	}
	n := protocol.Or(in.MaxResults, 1)
	if n < 1 || n > 10 {
		return nil, badParameter("MaxResults", fmt.Sprint(n), "Must be between 1 and 10, if provided.")
	}
	list, err := a.Queues.Moves(ctx, r, int(n))
	if err != nil {
		return nil, gone(err)
	}
	out := &ListMessageMoveTasksResult{}
	for _, t := range list {
		moved, toMove, started, source := int64(t.Moved), int64(t.ToMove), t.Started.UnixMilli(), t.Source.ARN()
		if strings.HasPrefix(t.Reason, queue.ErrNoQueue.Error()) {
			t.Reason = "AWS.SimpleQueueService.NonExistentQueue"
		}
		e := ListMessageMoveTasksResultEntry{
			ApproximateNumberOfMessagesMoved: &moved, ApproximateNumberOfMessagesToMove: &toMove, DestinationArn: protocol.Some(t.Destination),
			FailureReason: protocol.Some(t.Reason), MaxNumberOfMessagesPerSecond: protocol.Some(int32(t.PerSecond)), SourceArn: &source, StartedTimestamp: &started, Status: &t.Status,
		}
		if t.Status == "RUNNING" {
			h := t.Handle()
			e.TaskHandle = &h
		}
		out.Results = append(out.Results, e)
	}
	return out, nil
}

func (a *api) cancelMove(ctx context.Context, _ *protocol.Call, in *CancelMessageMoveTaskRequest) (*CancelMessageMoveTaskResult, error) {
	if in.TaskHandle == "" {
		return nil, missing("TaskHandle")
	}
	n, err := a.Queues.CancelMove(ctx, in.TaskHandle)
	if err != nil {
		return nil, gone(err)
	}
	moved := int64(n)
	return &CancelMessageMoveTaskResult{ApproximateNumberOfMessagesMoved: &moved}, nil
}
