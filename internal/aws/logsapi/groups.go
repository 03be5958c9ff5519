package logsapi

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/logs"
)

// retentions are the numbers of days that CloudWatch Logs accepts.
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (a *api) createGroup(ctx context.Context, c *protocol.Call, in *CreateLogGroupRequest) (*CreateLogGroupOutput, error) {
	return &CreateLogGroupOutput{}, a.logs.CreateGroup(ctx, c.Scope, logs.Group{Name: in.LogGroupName, Tags: in.Tags})
}

func (a *api) deleteGroup(ctx context.Context, c *protocol.Call, in *DeleteLogGroupRequest) (*DeleteLogGroupOutput, error) {
	return &DeleteLogGroupOutput{}, a.logs.DeleteGroup(ctx, c.Scope, in.LogGroupName)
}

func (a *api) describeGroups(ctx context.Context, c *protocol.Call, in *DescribeLogGroupsRequest) (*DescribeLogGroupsResponse, error) {
	if in.LogGroupNamePattern != nil && in.LogGroupNamePrefix != nil {
		return nil, fmt.Errorf("%w: LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters", logs.ErrBadInput)
	}
	list, more, err := a.logs.Groups(ctx, c.Scope, protocol.Or(in.LogGroupNamePrefix, ""), protocol.Or(in.LogGroupNamePattern, ""),
		protocol.Or(in.NextToken, ""), int(protocol.Or(in.Limit, 50)))
	if err != nil {
		return nil, err
	}
	out := &DescribeLogGroupsResponse{LogGroups: []LogGroup{}}
	for _, g := range list {
		arn := groupARN(c.Scope, g.Name)
		row := LogGroup{
			LogGroupName: &g.Name, Arn: new(arn + ":*"), LogGroupArn: &arn, CreationTime: new(g.Created.UnixMilli()), MetricFilterCount: new(int32(0)),
			LogGroupClass: new(LogGroupClass_STANDARD), StoredBytes: new(int64(0)), DeletionProtectionEnabled: new(false),
		}
		if g.RetentionDays > 0 {
			row.RetentionInDays = new(int32(g.RetentionDays))
		}
		out.LogGroups = append(out.LogGroups, row)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) putRetention(ctx context.Context, c *protocol.Call, in *PutRetentionPolicyRequest) (*PutRetentionPolicyOutput, error) {
	if !slices.Contains(retentions, in.RetentionInDays) {
		return nil, fmt.Errorf("%w: retention of %d days: want one of %v", logs.ErrBadInput, in.RetentionInDays, retentions)
	}
	return &PutRetentionPolicyOutput{}, a.logs.UpdateGroup(ctx, c.Scope, in.LogGroupName, func(g *logs.Group) { g.RetentionDays = int(in.RetentionInDays) })
}

func (a *api) deleteRetention(ctx context.Context, c *protocol.Call, in *DeleteRetentionPolicyRequest) (*DeleteRetentionPolicyOutput, error) {
	return &DeleteRetentionPolicyOutput{}, a.logs.UpdateGroup(ctx, c.Scope, in.LogGroupName, func(g *logs.Group) { g.RetentionDays = 0 })
}

func (a *api) tagsOf(ctx context.Context, c *protocol.Call, name string) (map[string]string, error) {
	scope, n := groupOf(c.Scope, name)
	g, err := a.logs.Group(ctx, scope, n)
	return g.Tags, err
}

func (a *api) setTags(ctx context.Context, c *protocol.Call, name string, add map[string]string, drop []string) error {
	scope, n := groupOf(c.Scope, name)
	return a.logs.UpdateGroup(ctx, scope, n, func(g *logs.Group) {
		tags := maps.Clone(g.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, add)
		for _, k := range drop {
			delete(tags, k)
		}
		g.Tags = tags
	})
}

func (a *api) listTagsGroup(ctx context.Context, c *protocol.Call, in *ListTagsLogGroupRequest) (*ListTagsLogGroupResponse, error) {
	tags, err := a.tagsOf(ctx, c, in.LogGroupName)
	return &ListTagsLogGroupResponse{Tags: tags}, err
}

func (a *api) tagGroup(ctx context.Context, c *protocol.Call, in *TagLogGroupRequest) (*TagLogGroupOutput, error) {
	return &TagLogGroupOutput{}, a.setTags(ctx, c, in.LogGroupName, in.Tags, nil)
}

func (a *api) untagGroup(ctx context.Context, c *protocol.Call, in *UntagLogGroupRequest) (*UntagLogGroupOutput, error) {
	return &UntagLogGroupOutput{}, a.setTags(ctx, c, in.LogGroupName, nil, in.Tags)
}

func (a *api) listTags(ctx context.Context, c *protocol.Call, in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	tags, err := a.tagsOf(ctx, c, in.ResourceArn)
	return &ListTagsForResourceResponse{Tags: tags}, err
}

func (a *api) tag(ctx context.Context, c *protocol.Call, in *TagResourceRequest) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, a.setTags(ctx, c, in.ResourceArn, in.Tags, nil)
}

func (a *api) untag(ctx context.Context, c *protocol.Call, in *UntagResourceRequest) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, a.setTags(ctx, c, in.ResourceArn, nil, in.TagKeys)
}
