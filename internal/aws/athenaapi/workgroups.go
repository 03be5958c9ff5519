package athenaapi

import (
	"context"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/query"
)

func (a *api) workgroupOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateWorkGroup", onWorkgroup(func(in *CreateWorkGroupInput) string { return in.Name }), a.createWorkgroup),
		protocol.Handle("GetWorkGroup", onWorkgroup(func(in *GetWorkGroupInput) string { return in.WorkGroup }), a.getWorkgroup),
		protocol.Handle("ListWorkGroups", nil, a.listWorkgroups),
		protocol.Handle("UpdateWorkGroup", onWorkgroup(func(in *UpdateWorkGroupInput) string { return in.WorkGroup }), a.updateWorkgroup),
		protocol.Handle("DeleteWorkGroup", onWorkgroup(func(in *DeleteWorkGroupInput) string { return in.WorkGroup }), a.deleteWorkgroup),
		protocol.Handle("ListEngineVersions", nil, a.listEngineVersions),
	}
}

const engineVersion = "Athena engine version 3"

func checkVersion(v *EngineVersion) (string, error) {
	if v == nil {
		return "", nil
	}
	switch s := protocol.Or(v.SelectedEngineVersion, "AUTO"); s {
	case "AUTO", engineVersion:
		return s, nil
	default:
		return "", fmt.Errorf("%w: EngineVersion %q: use AUTO or %q", query.ErrInvalid, s, engineVersion)
	}
}

func (a *api) createWorkgroup(ctx context.Context, c *protocol.Call, in *CreateWorkGroupInput) (*CreateWorkGroupOutput, error) {
	w := query.Workgroup{Name: in.Name, Description: protocol.Or(in.Description, ""), Enforce: true, PublishMetrics: true, Tags: map[string]string{}}
	for _, t := range in.Tags {
		w.Tags[protocol.Or(t.Key, "")] = protocol.Or(t.Value, "")
	}
	if x := in.Configuration; x != nil {
		switch {
		case x.AdditionalConfiguration != nil:
			return nil, notServed("AdditionalConfiguration")
		case x.CustomerContentEncryptionConfiguration != nil:
			return nil, notServed("CustomerContentEncryptionConfiguration")
		case x.EngineConfiguration != nil:
			return nil, notServed("EngineConfiguration")
		case x.ExecutionRole != nil:
			return nil, notServed("ExecutionRole")
		case x.IdentityCenterConfiguration != nil:
			return nil, notServed("IdentityCenterConfiguration")
		case x.ManagedQueryResultsConfiguration != nil && x.ManagedQueryResultsConfiguration.Enabled:
			return nil, notServed("ManagedQueryResultsConfiguration")
		case x.MonitoringConfiguration != nil:
			return nil, notServed("MonitoringConfiguration")
		case x.QueryResultsS3AccessGrantsConfiguration != nil:
			return nil, notServed("QueryResultsS3AccessGrantsConfiguration")
		}
		var err error
		if w.EngineVersion, err = checkVersion(x.EngineVersion); err != nil {
			return nil, err
		}
		w.Enforce, w.CutoffBytes = protocol.Or(x.EnforceWorkGroupConfiguration, true), protocol.Or(x.BytesScannedCutoffPerQuery, 0)
		w.PublishMetrics, w.RequesterPays = protocol.Or(x.PublishCloudWatchMetricsEnabled, true), protocol.Or(x.RequesterPaysEnabled, false)
		if r := x.ResultConfiguration; r != nil {
			w.OutputLocation, w.BucketOwner = protocol.Or(r.OutputLocation, ""), protocol.Or(r.ExpectedBucketOwner, "")
			if r.EncryptionConfiguration != nil {
				w.Encryption, w.KmsKey = string(r.EncryptionConfiguration.EncryptionOption), protocol.Or(r.EncryptionConfiguration.KmsKey, "")
			}
		}
	}
	return &CreateWorkGroupOutput{}, a.Engine.CreateWorkgroup(ctx, c.Scope, w)
}

func stateOf(w query.Workgroup) *WorkGroupState {
	s := WorkGroupState_ENABLED
	if w.Disabled {
		s = WorkGroupState_DISABLED
	}
	return &s
}

func versionOf(w query.Workgroup) *EngineVersion {
	selected, effective := w.EngineVersion, engineVersion
	if selected == "" {
		selected = "AUTO"
	}
	return &EngineVersion{SelectedEngineVersion: &selected, EffectiveEngineVersion: &effective}
}

func (a *api) getWorkgroup(ctx context.Context, c *protocol.Call, in *GetWorkGroupInput) (*GetWorkGroupOutput, error) {
	w, err := a.Engine.Workgroup(ctx, c.Scope, in.WorkGroup)
	if err != nil {
		return nil, fmt.Errorf("%w: WorkGroup is not found.", query.ErrInvalid)
	}
	out := &WorkGroup{Name: w.Name, Description: protocol.Some(w.Description), State: stateOf(w), Configuration: &WorkGroupConfiguration{
		EnforceWorkGroupConfiguration: &w.Enforce, PublishCloudWatchMetricsEnabled: &w.PublishMetrics, RequesterPaysEnabled: &w.RequesterPays,
		BytesScannedCutoffPerQuery: protocol.Some(w.CutoffBytes), EngineVersion: versionOf(w),
		ResultConfiguration: &ResultConfiguration{OutputLocation: protocol.Some(w.OutputLocation), ExpectedBucketOwner: protocol.Some(w.BucketOwner)},
	}}
	if !w.Created.IsZero() {
		out.CreationTime = &w.Created
	}
	if w.Encryption != "" {
		out.Configuration.ResultConfiguration.EncryptionConfiguration = &EncryptionConfiguration{EncryptionOption: EncryptionOption(w.Encryption), KmsKey: protocol.Some(w.KmsKey)}
	}
	return &GetWorkGroupOutput{WorkGroup: out}, nil
}

func (a *api) listWorkgroups(ctx context.Context, c *protocol.Call, in *ListWorkGroupsInput) (*ListWorkGroupsOutput, error) {
	list, next, err := a.Engine.Workgroups(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	out := &ListWorkGroupsOutput{WorkGroups: []WorkGroupSummary{}, NextToken: protocol.Some(next)}
	for _, w := range list {
		s := WorkGroupSummary{Name: &w.Name, Description: protocol.Some(w.Description), State: stateOf(w), EngineVersion: versionOf(w)}
		if !w.Created.IsZero() {
			s.CreationTime = &w.Created
		}
		out.WorkGroups = append(out.WorkGroups, s)
	}
	return out, nil
}

func (a *api) updateWorkgroup(ctx context.Context, c *protocol.Call, in *UpdateWorkGroupInput) (*UpdateWorkGroupOutput, error) {
	if x := in.ConfigurationUpdates; x != nil {
		switch {
		case x.AdditionalConfiguration != nil:
			return nil, notServed("AdditionalConfiguration")
		case x.CustomerContentEncryptionConfiguration != nil:
			return nil, notServed("CustomerContentEncryptionConfiguration")
		case x.EngineConfiguration != nil:
			return nil, notServed("EngineConfiguration")
		case x.ExecutionRole != nil:
			return nil, notServed("ExecutionRole")
		case x.ManagedQueryResultsConfigurationUpdates != nil:
			return nil, notServed("ManagedQueryResultsConfigurationUpdates")
		case x.MonitoringConfiguration != nil:
			return nil, notServed("MonitoringConfiguration")
		case x.QueryResultsS3AccessGrantsConfiguration != nil:
			return nil, notServed("QueryResultsS3AccessGrantsConfiguration")
		}
	}
	return &UpdateWorkGroupOutput{}, a.Engine.UpdateWorkgroup(ctx, c.Scope, in.WorkGroup, func(w *query.Workgroup) error {
		if in.Description != nil {
			w.Description = *in.Description
		}
		if in.State != nil {
			w.Disabled = *in.State == WorkGroupState_DISABLED
		}
		x := in.ConfigurationUpdates
		if x == nil {
			return nil
		}
		if v, err := checkVersion(x.EngineVersion); err != nil {
			return err
		} else if v != "" {
			w.EngineVersion = v
		}
		w.Enforce = protocol.Or(x.EnforceWorkGroupConfiguration, w.Enforce)
		w.PublishMetrics = protocol.Or(x.PublishCloudWatchMetricsEnabled, w.PublishMetrics)
		w.RequesterPays = protocol.Or(x.RequesterPaysEnabled, w.RequesterPays)
		w.CutoffBytes = protocol.Or(x.BytesScannedCutoffPerQuery, w.CutoffBytes)
		if protocol.Or(x.RemoveBytesScannedCutoffPerQuery, false) {
			w.CutoffBytes = 0
		}
		return updateResults(w, x.ResultConfigurationUpdates)
	})
}

func updateResults(w *query.Workgroup, r *ResultConfigurationUpdates) error {
	if r == nil {
		return nil
	}
	w.OutputLocation = protocol.Or(r.OutputLocation, w.OutputLocation)
	if protocol.Or(r.RemoveOutputLocation, false) {
		w.OutputLocation = ""
	}
	w.BucketOwner = protocol.Or(r.ExpectedBucketOwner, w.BucketOwner)
	if protocol.Or(r.RemoveExpectedBucketOwner, false) {
		w.BucketOwner = ""
	}
	if e := r.EncryptionConfiguration; e != nil {
		w.Encryption, w.KmsKey = string(e.EncryptionOption), protocol.Or(e.KmsKey, "")
	}
	if protocol.Or(r.RemoveEncryptionConfiguration, false) {
		w.Encryption, w.KmsKey = "", ""
	}
	return nil
}

func (a *api) deleteWorkgroup(ctx context.Context, c *protocol.Call, in *DeleteWorkGroupInput) (*DeleteWorkGroupOutput, error) {
	return &DeleteWorkGroupOutput{}, a.Engine.DeleteWorkgroup(ctx, c.Scope, in.WorkGroup, protocol.Or(in.RecursiveDeleteOption, false))
}

func (a *api) listEngineVersions(context.Context, *protocol.Call, *ListEngineVersionsInput) (*ListEngineVersionsOutput, error) {
	auto, effective := "AUTO", engineVersion
	return &ListEngineVersionsOutput{EngineVersions: []EngineVersion{{SelectedEngineVersion: &auto, EffectiveEngineVersion: &effective}, {SelectedEngineVersion: &effective, EffectiveEngineVersion: &effective}}}, nil
}
