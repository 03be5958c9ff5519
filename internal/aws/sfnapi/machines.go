package sfnapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

func encryption(in *EncryptionConfiguration) error {
	if in != nil && in.Type != EncryptionType_AWS_OWNED_KEY {
		return &protocol.Error{Code: Code_InvalidEncryptionConfiguration, Message: "Customer managed keys are not supported by Tarn"}
	}
	return nil
}

func logging(in *LoggingConfiguration) *workflow.Logging {
	if in == nil {
		return nil
	}
	out := &workflow.Logging{Level: string(protocol.Or(in.Level, "")), IncludeData: protocol.Or(in.IncludeExecutionData, false)}
	if in.Destinations != nil {
		out.Groups = []string{}
	}
	for _, d := range in.Destinations {
		if d.CloudWatchLogsLogGroup != nil {
			out.Groups = append(out.Groups, protocol.Or(d.CloudWatchLogsLogGroup.LogGroupArn, ""))
		}
	}
	return out
}

func loggingOut(l workflow.Logging) *LoggingConfiguration {
	level := LogLevel(l.Level)
	out := &LoggingConfiguration{IncludeExecutionData: &l.IncludeData, Level: &level}
	if l.Groups != nil {
		out.Destinations = []LogDestination{}
	}
	for _, g := range l.Groups {
		out.Destinations = append(out.Destinations, LogDestination{&CloudWatchLogsLogGroup{&g}})
	}
	return out
}

func tagsIn(in []Tag) []workflow.Tag {
	var out []workflow.Tag
	for _, t := range in {
		out = append(out, workflow.Tag{Key: protocol.Or(t.Key, ""), Value: protocol.Or(t.Value, "")})
	}
	return out
}

func tagsOut(in []workflow.Tag) []Tag {
	out := []Tag{}
	for _, t := range in {
		out = append(out, Tag{&t.Key, &t.Value})
	}
	return out
}

func (a *api) createStateMachine(ctx context.Context, c *protocol.Call, in *CreateStateMachineInput) (*CreateStateMachineOutput, error) {
	if err := encryption(in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	m, v, err := a.engine.Create(ctx, c.Scope, workflow.CreateMachine{
		Name: in.Name, Definition: in.Definition, RoleARN: in.RoleArn, Kind: workflow.Kind(protocol.Or(in.Type, "")), Logging: logging(in.LoggingConfiguration),
		Tracing: in.TracingConfiguration != nil && protocol.Or(in.TracingConfiguration.Enabled, false), Tags: tagsIn(in.Tags),
		Publish: protocol.Or(in.Publish, false), VersionDescription: protocol.Or(in.VersionDescription, ""),
	})
	if err != nil {
		return nil, err
	}
	out := &CreateStateMachineOutput{CreationDate: m.Created, StateMachineArn: m.ARN}
	if v != nil {
		out.StateMachineVersionArn = &v.ARN
	}
	return out, nil
}

func (a *api) updateStateMachine(ctx context.Context, _ *protocol.Call, in *UpdateStateMachineInput) (*UpdateStateMachineOutput, error) {
	if err := encryption(in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	change := workflow.UpdateMachine{Definition: in.Definition, RoleARN: in.RoleArn, Logging: logging(in.LoggingConfiguration), Publish: protocol.Or(in.Publish, false), VersionDescription: protocol.Or(in.VersionDescription, "")}
	if in.TracingConfiguration != nil {
		on := protocol.Or(in.TracingConfiguration.Enabled, false)
		change.Tracing = &on
	}
	updated, revision, v, err := a.engine.Update(ctx, in.StateMachineArn, change)
	if err != nil {
		return nil, err
	}
	out := &UpdateStateMachineOutput{UpdateDate: updated, RevisionId: protocol.Some(revision)}
	if v != nil {
		out.StateMachineVersionArn = &v.ARN
	}
	return out, nil
}

// references returns the variables that a definition's states refer to; nil where there are none.
func references(definition string) map[string][]string {
	m, _, err := asl.Parse(definition, asl.Options{})
	if err != nil {
		return nil
	}
	if refs := m.VariableReferences(); len(refs) > 0 {
		return refs
	}
	return nil
}

func (a *api) describeStateMachine(ctx context.Context, _ *protocol.Call, in *DescribeStateMachineInput) (*DescribeStateMachineOutput, error) {
	m, err := a.engine.Describe(ctx, in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	status := StateMachineStatus_ACTIVE
	if m.Deleting {
		status = StateMachineStatus_DELETING
	}
	return &DescribeStateMachineOutput{
		CreationDate: m.Created, Definition: m.Definition, Description: protocol.Some(m.Description), LoggingConfiguration: loggingOut(m.Logging),
		Name: m.Name, RevisionId: protocol.Some(m.Revision), RoleArn: m.RoleARN, StateMachineArn: m.ARN, Status: &status,
		TracingConfiguration: &TracingConfiguration{&m.Tracing}, Type: StateMachineType(m.Kind), VariableReferences: references(m.Definition),
	}, nil
}

func (a *api) describeForExecution(ctx context.Context, _ *protocol.Call, in *DescribeStateMachineForExecutionInput) (*DescribeStateMachineForExecutionOutput, error) {
	rec, definition, err := a.engine.MachineOfExecution(ctx, in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	name, label, _ := cut(rec.Machine)
	return &DescribeStateMachineForExecutionOutput{
		Definition: definition, Label: protocol.Some(label), LoggingConfiguration: loggingOut(rec.Logging), MapRunArn: protocol.Some(rec.MapRun),
		Name: name, RevisionId: protocol.Some(rec.Revision), RoleArn: rec.RoleARN, StateMachineArn: rec.MachineARN, TracingConfiguration: &TracingConfiguration{&rec.Tracing},
		UpdateDate: rec.Updated, VariableReferences: references(definition),
	}, nil
}

func (a *api) deleteStateMachine(ctx context.Context, _ *protocol.Call, in *DeleteStateMachineInput) (*DeleteStateMachineOutput, error) {
	return &DeleteStateMachineOutput{}, a.engine.Delete(ctx, in.StateMachineArn)
}

func (a *api) listStateMachines(ctx context.Context, c *protocol.Call, in *ListStateMachinesInput) (*ListStateMachinesOutput, error) {
	list, next, err := a.engine.List(ctx, c.Scope, int(protocol.Or(in.MaxResults, 0)), protocol.Or(in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	out := &ListStateMachinesOutput{NextToken: protocol.Some(next), StateMachines: []StateMachineListItem{}}
	for _, m := range list {
		out.StateMachines = append(out.StateMachines, StateMachineListItem{CreationDate: m.Created, Name: m.Name, StateMachineArn: m.ARN, Type: StateMachineType(m.Kind)})
	}
	return out, nil
}

func (a *api) validate(_ context.Context, _ *protocol.Call, in *ValidateStateMachineDefinitionInput) (*ValidateStateMachineDefinitionOutput, error) {
	limit := int(protocol.Or(in.MaxResults, 0))
	if limit == 0 {
		limit = 100
	}
	warnings := protocol.Or(in.Severity, ValidateStateMachineDefinitionSeverity_ERROR) == ValidateStateMachineDefinitionSeverity_WARNING
	out := &ValidateStateMachineDefinitionOutput{Diagnostics: []ValidateStateMachineDefinitionDiagnostic{}, Result: ValidateStateMachineDefinitionResultCode_OK}
	truncated := false
	for _, d := range a.engine.Validate(in.Definition, workflow.Kind(protocol.Or(in.Type, StateMachineType_STANDARD))) {
		if d.Severity == asl.SeverityError {
			out.Result = ValidateStateMachineDefinitionResultCode_FAIL
		} else if !warnings {
			continue
		}
		if len(out.Diagnostics) == limit {
			truncated = true
			break
		}
		out.Diagnostics = append(out.Diagnostics, ValidateStateMachineDefinitionDiagnostic{
			Code: d.Code, Location: protocol.Some(d.Location), Message: d.Message, Severity: ValidateStateMachineDefinitionSeverity(d.Severity),
		})
	}
	out.Truncated = &truncated
	return out, nil
}

func (a *api) tagResource(ctx context.Context, _ *protocol.Call, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, a.engine.AddTags(ctx, in.ResourceArn, tagsIn(in.Tags))
}

func (a *api) untagResource(ctx context.Context, _ *protocol.Call, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, a.engine.RemoveTags(ctx, in.ResourceArn, in.TagKeys)
}

func (a *api) listTags(ctx context.Context, _ *protocol.Call, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	tags, err := a.engine.Tags(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: tagsOut(tags)}, nil
}
