package sfnapi

import (
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/workflow"
)

// Options of the service.
type Options struct {
	Engine *workflow.Engine
	// Registry knows the models of other services, which TestState checks mocks against; nil checks none.
	Registry *protocol.Registry
}

type api struct {
	engine   *workflow.Engine
	registry *protocol.Registry
}

// one gives the resource of an operation on a single ARN.
func one[In any](arn func(*In) string) func(*protocol.Call, *In) []string {
	return func(_ *protocol.Call, in *In) []string { return []string{arn(in)} }
}

// named gives the resource of an operation that makes something with a name.
func named[In any](kind string, name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		return []string{c.ARN("states", kind+":"+name(in))}
	}
}

// New returns the operation table of AWS Step Functions.
func New(o Options) *protocol.Service {
	a := &api{engine: o.Engine, registry: o.Registry}
	s := &protocol.Service{Name: "states", SDKName: "sfn", Model: Model, MapError: mapError, ValidationCode: Code_ValidationException}
	s.Ops = []protocol.Op{
		protocol.Also(protocol.Handle("CreateStateMachine", named("stateMachine", func(r *CreateStateMachineInput) string { return r.Name }), a.createStateMachine),
			func(_ *protocol.Call, r *CreateStateMachineInput) []protocol.Access {
				return []protocol.Access{protocol.PassRole(r.RoleArn, "states.amazonaws.com")}
			}),
		protocol.Also(protocol.Handle("UpdateStateMachine", one(func(r *UpdateStateMachineInput) string { return r.StateMachineArn }), a.updateStateMachine),
			func(_ *protocol.Call, r *UpdateStateMachineInput) []protocol.Access {
				if r.RoleArn == nil {
					return nil
				}
				return []protocol.Access{protocol.PassRole(*r.RoleArn, "states.amazonaws.com")}
			}),
		protocol.Handle("DescribeStateMachine", one(func(r *DescribeStateMachineInput) string { return r.StateMachineArn }), a.describeStateMachine),
		protocol.Handle("DescribeStateMachineForExecution", one(func(r *DescribeStateMachineForExecutionInput) string { return r.ExecutionArn }), a.describeForExecution),
		protocol.Handle("DeleteStateMachine", one(func(r *DeleteStateMachineInput) string { return r.StateMachineArn }), a.deleteStateMachine),
		protocol.Handle("ListStateMachines", nil, a.listStateMachines),
		protocol.Handle("ValidateStateMachineDefinition", nil, a.validate),

		protocol.Handle("PublishStateMachineVersion", one(func(r *PublishStateMachineVersionInput) string { return r.StateMachineArn }), a.publishVersion),
		protocol.Handle("ListStateMachineVersions", one(func(r *ListStateMachineVersionsInput) string { return r.StateMachineArn }), a.listVersions),
		protocol.Handle("DeleteStateMachineVersion", one(func(r *DeleteStateMachineVersionInput) string { return r.StateMachineVersionArn }), a.deleteVersion),
		protocol.Handle("CreateStateMachineAlias", func(_ *protocol.Call, r *CreateStateMachineAliasInput) []string {
			return routed(r.RoutingConfiguration)
		}, a.createAlias),
		protocol.Handle("DescribeStateMachineAlias", one(func(r *DescribeStateMachineAliasInput) string { return r.StateMachineAliasArn }), a.describeAlias),
		protocol.Handle("UpdateStateMachineAlias", one(func(r *UpdateStateMachineAliasInput) string { return r.StateMachineAliasArn }), a.updateAlias),
		protocol.Handle("DeleteStateMachineAlias", one(func(r *DeleteStateMachineAliasInput) string { return r.StateMachineAliasArn }), a.deleteAlias),
		protocol.Handle("ListStateMachineAliases", one(func(r *ListStateMachineAliasesInput) string { return r.StateMachineArn }), a.listAliases),

		protocol.Handle("StartExecution", one(func(r *StartExecutionInput) string { return r.StateMachineArn }), a.startExecution),
		protocol.Handle("StartSyncExecution", one(func(r *StartSyncExecutionInput) string { return r.StateMachineArn }), a.startSync),
		protocol.Handle("StopExecution", one(func(r *StopExecutionInput) string { return r.ExecutionArn }), a.stopExecution),
		protocol.Handle("DescribeExecution", one(func(r *DescribeExecutionInput) string { return r.ExecutionArn }), a.describeExecution),
		protocol.Handle("ListExecutions", func(_ *protocol.Call, r *ListExecutionsInput) []string {
			return []string{protocol.Or(r.StateMachineArn, protocol.Or(r.MapRunArn, "*"))}
		}, a.listExecutions),
		protocol.Handle("GetExecutionHistory", one(func(r *GetExecutionHistoryInput) string { return r.ExecutionArn }), a.getHistory),
		protocol.Handle("RedriveExecution", one(func(r *RedriveExecutionInput) string { return r.ExecutionArn }), a.redrive),
		protocol.Also(protocol.Handle("TestState", nil, a.testState), func(_ *protocol.Call, r *TestStateInput) (more []protocol.Access) {
			if r.RoleArn != nil {
				more = append(more, protocol.PassRole(*r.RoleArn, "states.amazonaws.com"))
			}
			if protocol.Or(r.RevealSecrets, false) {
				more = append(more, protocol.Access{Action: "states:RevealSecrets", Resource: "*"})
			}
			return more
		}),

		protocol.Handle("DescribeMapRun", one(func(r *DescribeMapRunInput) string { return r.MapRunArn }), a.describeMapRun),
		protocol.Handle("ListMapRuns", one(func(r *ListMapRunsInput) string { return r.ExecutionArn }), a.listMapRuns),
		protocol.Handle("UpdateMapRun", one(func(r *UpdateMapRunInput) string { return r.MapRunArn }), a.updateMapRun),

		protocol.Handle("CreateActivity", named("activity", func(r *CreateActivityInput) string { return r.Name }), a.createActivity),
		protocol.Handle("DescribeActivity", one(func(r *DescribeActivityInput) string { return r.ActivityArn }), a.describeActivity),
		protocol.Handle("DeleteActivity", one(func(r *DeleteActivityInput) string { return r.ActivityArn }), a.deleteActivity),
		protocol.Handle("ListActivities", nil, a.listActivities),
		protocol.Handle("GetActivityTask", one(func(r *GetActivityTaskInput) string { return r.ActivityArn }), a.getActivityTask),
		protocol.Handle("SendTaskSuccess", nil, a.sendTaskSuccess),
		protocol.Handle("SendTaskFailure", nil, a.sendTaskFailure),
		protocol.Handle("SendTaskHeartbeat", nil, a.sendTaskHeartbeat),

		protocol.Handle("TagResource", one(func(r *TagResourceInput) string { return r.ResourceArn }), a.tagResource),
		protocol.Handle("UntagResource", one(func(r *UntagResourceInput) string { return r.ResourceArn }), a.untagResource),
		protocol.Handle("ListTagsForResource", one(func(r *ListTagsForResourceInput) string { return r.ResourceArn }), a.listTags),
	}
	return s
}

func routed(list []RoutingConfigurationListItem) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.StateMachineVersionArn)
	}
	return out
}
