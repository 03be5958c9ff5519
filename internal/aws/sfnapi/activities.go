package sfnapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

func (a *api) createActivity(ctx context.Context, c *protocol.Call, in *CreateActivityInput) (*CreateActivityOutput, error) {
	if err := encryption(in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	act, err := a.engine.CreateActivity(ctx, c.Scope, in.Name, tagsIn(in.Tags))
	if err != nil {
		return nil, err
	}
	return &CreateActivityOutput{ActivityArn: act.ARN, CreationDate: act.Created}, nil
}

func (a *api) describeActivity(ctx context.Context, _ *protocol.Call, in *DescribeActivityInput) (*DescribeActivityOutput, error) {
	act, err := a.engine.Activity(ctx, in.ActivityArn)
	if err != nil {
		return nil, err
	}
	return &DescribeActivityOutput{ActivityArn: act.ARN, CreationDate: act.Created, Name: act.Name, EncryptionConfiguration: &EncryptionConfiguration{Type: EncryptionType_AWS_OWNED_KEY}}, nil
}

func (a *api) deleteActivity(ctx context.Context, _ *protocol.Call, in *DeleteActivityInput) (*DeleteActivityOutput, error) {
	return &DeleteActivityOutput{}, a.engine.DeleteActivity(ctx, in.ActivityArn)
}

func (a *api) listActivities(ctx context.Context, c *protocol.Call, in *ListActivitiesInput) (*ListActivitiesOutput, error) {
	list, next, err := a.engine.Activities(ctx, c.Scope, int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &ListActivitiesOutput{NextToken: protocol.Some(next), Activities: []ActivityListItem{}}
	for _, x := range list {
		out.Activities = append(out.Activities, ActivityListItem{ActivityArn: x.ARN, CreationDate: x.Created, Name: x.Name})
	}
	return out, nil
}

func (a *api) getActivityTask(ctx context.Context, _ *protocol.Call, in *GetActivityTaskInput) (*GetActivityTaskOutput, error) {
	token, input, err := a.engine.GetActivityTask(ctx, in.ActivityArn, protocol.Or(in.WorkerName, ""))
	if err != nil {
		return nil, err
	}
	return &GetActivityTaskOutput{Input: protocol.Some(input), TaskToken: protocol.Some(token)}, nil
}

func (a *api) sendTaskSuccess(ctx context.Context, _ *protocol.Call, in *SendTaskSuccessInput) (*SendTaskSuccessOutput, error) {
	return &SendTaskSuccessOutput{}, a.engine.TaskSuccess(ctx, in.TaskToken, in.Output)
}

func (a *api) sendTaskFailure(ctx context.Context, _ *protocol.Call, in *SendTaskFailureInput) (*SendTaskFailureOutput, error) {
	return &SendTaskFailureOutput{}, a.engine.TaskFailure(ctx, in.TaskToken, in.Error, in.Cause)
}

func (a *api) sendTaskHeartbeat(ctx context.Context, _ *protocol.Call, in *SendTaskHeartbeatInput) (*SendTaskHeartbeatOutput, error) {
	return &SendTaskHeartbeatOutput{}, a.engine.TaskHeartbeat(ctx, in.TaskToken)
}
