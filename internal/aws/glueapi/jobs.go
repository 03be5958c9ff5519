package glueapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/etl"
)

func (a *api) jobOps() []protocol.Op {
	passRole := func(c *protocol.Call, role string) []protocol.Access {
		return []protocol.Access{protocol.PassRole(roleARN(c, role), "glue.amazonaws.com")}
	}
	return []protocol.Op{
		protocol.Also(protocol.Handle("CreateJob", on("job", func(r *CreateJobRequest) string { return r.Name }), a.createJob),
			func(c *protocol.Call, r *CreateJobRequest) []protocol.Access { return passRole(c, r.Role) }),
		protocol.Also(protocol.Handle("UpdateJob", on("job", func(r *UpdateJobRequest) string { return r.JobName }), a.updateJob),
			func(c *protocol.Call, r *UpdateJobRequest) []protocol.Access {
				if r.JobUpdate == nil || r.JobUpdate.Role == nil {
					return nil
				}
				return passRole(c, *r.JobUpdate.Role)
			}),
		protocol.Handle("GetJob", on("job", func(r *GetJobRequest) string { return r.JobName }), a.getJob),
		protocol.Handle("GetJobs", on("job", func(*GetJobsRequest) string { return "*" }), a.getJobs),
		protocol.Handle("ListJobs", on("job", func(*ListJobsRequest) string { return "*" }), a.listJobs),
		protocol.Handle("BatchGetJobs", each("job", func(r *BatchGetJobsRequest) []string { return r.JobNames }), a.batchGetJobs),
		protocol.Handle("DeleteJob", on("job", func(r *DeleteJobRequest) string { return r.JobName }), a.deleteJob),
		protocol.Handle("StartJobRun", on("job", func(r *StartJobRunRequest) string { return r.JobName }), a.startJobRun),
		protocol.Handle("GetJobRun", on("job", func(r *GetJobRunRequest) string { return r.JobName }), a.getJobRun),
		protocol.Handle("GetJobRuns", on("job", func(r *GetJobRunsRequest) string { return r.JobName }), a.getJobRuns),
		protocol.Handle("BatchStopJobRun", on("job", func(r *BatchStopJobRunRequest) string { return r.JobName }), a.batchStopJobRun),
		protocol.Handle("GetJobBookmark", on("job", func(r *GetJobBookmarkRequest) string { return r.JobName }), a.getBookmark),
		protocol.Handle("ResetJobBookmark", on("job", func(r *ResetJobBookmarkRequest) string { return r.JobName }), a.resetBookmark),
	}
}

// definition is what CreateJob and UpdateJob share.
func definition(c *protocol.Call, u *JobUpdate) etl.Job {
	j := etl.Job{
		Role: roleARN(c, protocol.Or(u.Role, "")), Description: protocol.Or(u.Description, ""), Arguments: u.DefaultArguments, Fixed: u.NonOverridableArguments,
		MaxRetries: int(protocol.Or(u.MaxRetries, 0)), Timeout: time.Duration(protocol.Or(u.Timeout, 0)) * time.Minute, GlueVersion: protocol.Or(u.GlueVersion, ""),
		WorkerType: string(protocol.Or(u.WorkerType, "")), Workers: int(protocol.Or(u.NumberOfWorkers, 0)), MaxCapacity: protocol.Or(u.MaxCapacity, 0),
		ExecutionClass: string(protocol.Or(u.ExecutionClass, "")), Mode: string(protocol.Or(u.JobMode, "")),
	}
	if u.Command != nil {
		j.Command = etl.Command{
			Name: protocol.Or(u.Command.Name, ""), Script: protocol.Or(u.Command.ScriptLocation, ""), Python: protocol.Or(u.Command.PythonVersion, ""), Runtime: protocol.Or(u.Command.Runtime, ""),
		}
	}
	j.Nodes = nodesIn(u.CodeGenConfigurationNodes)
	if u.Connections != nil {
		j.Connections = u.Connections.Connections
	}
	if u.ExecutionProperty != nil {
		j.MaxConcurrent = int(protocol.Or(u.ExecutionProperty.MaxConcurrentRuns, 0))
	}
	if u.NotificationProperty != nil {
		j.NotifyDelay = int(protocol.Or(u.NotificationProperty.NotifyDelayAfter, 0))
	}
	return j
}

// nodesIn keeps the graph of a visual job as the document that AWS names CodeGenConfigurationNodes.
func nodesIn(nodes map[string]CodeGenConfigurationNode) json.RawMessage {
	if len(nodes) == 0 {
		return nil
	}
	data, err := json.Marshal(nodes)
	if err != nil {
		panic("BUG: encode nodes: " + err.Error()) // plain structs, strings and numbers
	}
	return data
}

func (a *api) createJob(ctx context.Context, c *protocol.Call, in *CreateJobRequest) (*CreateJobResponse, error) {
	j := definition(c, &JobUpdate{
		CodeGenConfigurationNodes: in.CodeGenConfigurationNodes, Command: in.Command, Connections: in.Connections, DefaultArguments: in.DefaultArguments, Description: in.Description, ExecutionClass: in.ExecutionClass,
		ExecutionProperty: in.ExecutionProperty, GlueVersion: in.GlueVersion, JobMode: in.JobMode, MaxCapacity: in.MaxCapacity, MaxRetries: in.MaxRetries,
		NonOverridableArguments: in.NonOverridableArguments, NotificationProperty: in.NotificationProperty, NumberOfWorkers: in.NumberOfWorkers, Role: &in.Role,
		Timeout: in.Timeout, WorkerType: in.WorkerType,
	})
	j.Name, j.Tags = in.Name, in.Tags
	if err := a.Jobs.Create(ctx, c.Scope, j); err != nil {
		return nil, err
	}
	return &CreateJobResponse{Name: &in.Name}, nil
}

func (a *api) updateJob(ctx context.Context, c *protocol.Call, in *UpdateJobRequest) (*UpdateJobResponse, error) {
	if in.JobUpdate == nil {
		return nil, fmt.Errorf("%w: JobUpdate is required", etl.ErrBadInput)
	}
	err := a.Jobs.Update(ctx, c.Scope, in.JobName, func(j *etl.Job) {
		next := definition(c, in.JobUpdate) // what is left out goes back to its default, as on AWS
		if in.JobUpdate.Role == nil {
			next.Role = j.Role
		}
		if in.JobUpdate.Command == nil {
			next.Command = j.Command
		}
		next.Created, next.Tags = j.Created, j.Tags
		*j = next
	})
	return &UpdateJobResponse{JobName: &in.JobName}, err
}

func jobOut(j etl.Job) *Job {
	out := &Job{
		Name: &j.Name, Role: &j.Role, Description: protocol.Some(j.Description), CreatedOn: &j.Created, LastModifiedOn: &j.Modified,
		Command:          &JobCommand{Name: &j.Command.Name, ScriptLocation: protocol.Some(j.Command.Script), PythonVersion: protocol.Some(j.Command.Python), Runtime: protocol.Some(j.Command.Runtime)},
		DefaultArguments: j.Arguments, NonOverridableArguments: j.Fixed, MaxRetries: new(int32(j.MaxRetries)), Timeout: new(int32(2880)),
		ExecutionProperty: &ExecutionProperty{MaxConcurrentRuns: new(int32(max(j.MaxConcurrent, 1)))}, GlueVersion: protocol.Some(j.GlueVersion),
		WorkerType: protocol.Some(WorkerType(j.WorkerType)), ExecutionClass: protocol.Some(ExecutionClass(j.ExecutionClass)), JobMode: protocol.Some(JobMode(j.Mode)),
	}
	if j.Nodes != nil {
		// They were encoded by nodesIn.
		_ = json.Unmarshal(j.Nodes, &out.CodeGenConfigurationNodes)
	}
	if j.Timeout > 0 {
		out.Timeout = new(int32(j.Timeout / time.Minute))
	}
	if j.Workers > 0 {
		out.NumberOfWorkers = new(int32(j.Workers))
	}
	if j.MaxCapacity > 0 {
		out.MaxCapacity = &j.MaxCapacity
	}
	if len(j.Connections) > 0 {
		out.Connections = &ConnectionsList{Connections: j.Connections}
	}
	if j.NotifyDelay > 0 {
		out.NotificationProperty = &NotificationProperty{NotifyDelayAfter: new(int32(j.NotifyDelay))}
	}
	return out
}

func (a *api) getJob(ctx context.Context, c *protocol.Call, in *GetJobRequest) (*GetJobResponse, error) {
	j, err := a.Jobs.Job(ctx, c.Scope, in.JobName)
	if err != nil {
		return nil, err
	}
	return &GetJobResponse{Job: jobOut(j)}, nil
}

func (a *api) getJobs(ctx context.Context, c *protocol.Call, in *GetJobsRequest) (*GetJobsResponse, error) {
	list, more, err := a.Jobs.Jobs(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetJobsResponse{Jobs: []Job{}}
	for _, j := range list {
		out.Jobs = append(out.Jobs, *jobOut(j))
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) listJobs(ctx context.Context, c *protocol.Call, in *ListJobsRequest) (*ListJobsResponse, error) {
	list, more, err := a.Jobs.Jobs(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &ListJobsResponse{JobNames: []string{}}
	for _, j := range list {
		if tagged(j.Tags, in.Tags) {
			out.JobNames = append(out.JobNames, j.Name)
		}
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func tagged(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || v != "" && got != v {
			return false
		}
	}
	return true
}

func (a *api) batchGetJobs(ctx context.Context, c *protocol.Call, in *BatchGetJobsRequest) (*BatchGetJobsResponse, error) {
	out := &BatchGetJobsResponse{Jobs: []Job{}, JobsNotFound: []string{}}
	for _, name := range in.JobNames {
		j, err := a.Jobs.Job(ctx, c.Scope, name)
		switch {
		case errors.Is(err, etl.ErrNotFound):
			out.JobsNotFound = append(out.JobsNotFound, name)
		case err != nil:
			return nil, err
		default:
			out.Jobs = append(out.Jobs, *jobOut(j))
		}
	}
	return out, nil
}

func (a *api) deleteJob(ctx context.Context, c *protocol.Call, in *DeleteJobRequest) (*DeleteJobResponse, error) {
	return &DeleteJobResponse{JobName: &in.JobName}, a.Jobs.Delete(ctx, c.Scope, in.JobName)
}

func (a *api) startJobRun(ctx context.Context, c *protocol.Call, in *StartJobRunRequest) (*StartJobRunResponse, error) {
	id, err := a.Jobs.Start(ctx, c.Scope, etl.StartRequest{
		Token: c.Token, Job: in.JobName, RunID: protocol.Or(in.JobRunId, ""), Arguments: in.Arguments, Timeout: time.Duration(protocol.Or(in.Timeout, 0)) * time.Minute,
		Workers: int(protocol.Or(in.NumberOfWorkers, 0)), Worker: string(protocol.Or(in.WorkerType, "")), Capacity: protocol.Or(in.MaxCapacity, 0),
	})
	if err != nil {
		return nil, err
	}
	return &StartJobRunResponse{JobRunId: &id}, nil
}

func runOut(r etl.Run) *JobRun {
	out := &JobRun{
		Id: &r.ID, JobName: &r.Job, Attempt: new(int32(r.Attempt)), PreviousRunId: protocol.Some(r.Previous), TriggerName: protocol.Some(r.Trigger), Arguments: r.Arguments,
		JobRunState: new(JobRunState(r.State)), ErrorMessage: protocol.Some(r.Error), StartedOn: &r.Started, LastModifiedOn: &r.Modified, CompletedOn: when(r.Completed),
		ExecutionTime: new(int32(r.Execution.Round(time.Second) / time.Second)), Timeout: new(int32(r.Timeout / time.Minute)), LogGroupName: new("/aws-glue/jobs"),
		GlueVersion: protocol.Some(r.Glue), WorkerType: protocol.Some(WorkerType(r.WorkerType)), MaxCapacity: &r.Capacity, PredecessorRuns: []Predecessor{},
	}
	if r.Workers > 0 {
		out.NumberOfWorkers = new(int32(r.Workers))
	}
	if r.Engine != "" {
		out.StateDetail = new("engine " + r.Engine + ": " + r.EngineWhy)
	}
	if r.State.Ended() {
		out.DPUSeconds = new(r.Capacity * r.Execution.Seconds())
	}
	return out
}

func (a *api) getJobRun(ctx context.Context, c *protocol.Call, in *GetJobRunRequest) (*GetJobRunResponse, error) {
	r, err := a.Jobs.Run(ctx, c.Scope, in.JobName, in.RunId)
	if err != nil {
		return nil, err
	}
	return &GetJobRunResponse{JobRun: runOut(r)}, nil
}

func (a *api) getJobRuns(ctx context.Context, c *protocol.Call, in *GetJobRunsRequest) (*GetJobRunsResponse, error) {
	var before time.Time
	if in.NextToken != nil {
		n, err := strconv.ParseInt(*in.NextToken, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: the token is none of GetJobRuns", etl.ErrBadInput)
		}
		before = time.Unix(0, n)
	}
	list, more, err := a.Jobs.Runs(ctx, c.Scope, in.JobName, before, limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetJobRunsResponse{JobRuns: []JobRun{}}
	for _, r := range list {
		out.JobRuns = append(out.JobRuns, *runOut(r))
	}
	if more {
		out.NextToken = new(strconv.FormatInt(list[len(list)-1].Started.UnixNano(), 10))
	}
	return out, nil
}

func (a *api) batchStopJobRun(ctx context.Context, c *protocol.Call, in *BatchStopJobRunRequest) (*BatchStopJobRunResponse, error) {
	out := &BatchStopJobRunResponse{SuccessfulSubmissions: []BatchStopJobRunSuccessfulSubmission{}, Errors: []BatchStopJobRunError{}}
	for _, id := range in.JobRunIds {
		if err := a.Jobs.Stop(ctx, c.Scope, in.JobName, id); err != nil {
			out.Errors = append(out.Errors, BatchStopJobRunError{JobName: &in.JobName, JobRunId: &id, ErrorDetail: detail(err)})
			continue
		}
		out.SuccessfulSubmissions = append(out.SuccessfulSubmissions, BatchStopJobRunSuccessfulSubmission{JobName: &in.JobName, JobRunId: &id})
	}
	return out, nil
}

func (a *api) getBookmark(ctx context.Context, c *protocol.Call, in *GetJobBookmarkRequest) (*GetJobBookmarkResponse, error) {
	if _, err := a.Jobs.Job(ctx, c.Scope, in.JobName); err != nil {
		return nil, err
	}
	b, err := a.Jobs.Bookmark(ctx, c.Scope, in.JobName)
	if err != nil {
		return nil, err
	}
	if b.Job == "" {
		return nil, fmt.Errorf("%w: Continuation for job %s not found.", etl.ErrNotFound, in.JobName)
	}
	return &GetJobBookmarkResponse{JobBookmarkEntry: &JobBookmarkEntry{JobName: &b.Job, RunId: &b.Run, Version: new(int32(b.Version)), JobBookmark: new(string(b.State))}}, nil
}

func (a *api) resetBookmark(ctx context.Context, c *protocol.Call, in *ResetJobBookmarkRequest) (*ResetJobBookmarkResponse, error) {
	return &ResetJobBookmarkResponse{JobBookmarkEntry: &JobBookmarkEntry{JobName: &in.JobName, Version: new(int32(0)), JobBookmark: new("{}")}}, a.Jobs.ResetBookmark(ctx, c.Scope, in.JobName)
}
