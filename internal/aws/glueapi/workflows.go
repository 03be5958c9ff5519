package glueapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/ident"
)

func (a *api) workflowOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateWorkflow", on("workflow", func(r *CreateWorkflowRequest) string { return r.Name }), a.createWorkflow),
		protocol.Handle("UpdateWorkflow", on("workflow", func(r *UpdateWorkflowRequest) string { return r.Name }), a.updateWorkflow),
		protocol.Handle("DeleteWorkflow", on("workflow", func(r *DeleteWorkflowRequest) string { return r.Name }), a.deleteWorkflow),
		protocol.Handle("GetWorkflow", on("workflow", func(r *GetWorkflowRequest) string { return r.Name }), a.getWorkflow),
		protocol.Handle("ListWorkflows", on("workflow", func(*ListWorkflowsRequest) string { return "*" }), a.listWorkflows),
		protocol.Handle("BatchGetWorkflows", each("workflow", func(r *BatchGetWorkflowsRequest) []string { return r.Names }), a.batchGetWorkflows),
		protocol.Handle("StartWorkflowRun", on("workflow", func(r *StartWorkflowRunRequest) string { return r.Name }), a.startWorkflowRun),
		protocol.Handle("StopWorkflowRun", on("workflow", func(r *StopWorkflowRunRequest) string { return r.Name }), a.stopWorkflowRun),
		protocol.Handle("ResumeWorkflowRun", on("workflow", func(r *ResumeWorkflowRunRequest) string { return r.Name }), a.resumeWorkflowRun),
		protocol.Handle("GetWorkflowRun", on("workflow", func(r *GetWorkflowRunRequest) string { return r.Name }), a.getWorkflowRun),
		protocol.Handle("GetWorkflowRuns", on("workflow", func(r *GetWorkflowRunsRequest) string { return r.Name }), a.getWorkflowRuns),
		protocol.Handle("GetWorkflowRunProperties", on("workflow", func(r *GetWorkflowRunPropertiesRequest) string { return r.Name }), a.getRunProperties),
		protocol.Handle("PutWorkflowRunProperties", on("workflow", func(r *PutWorkflowRunPropertiesRequest) string { return r.Name }), a.putRunProperties),
	}
}

func (a *api) createWorkflow(ctx context.Context, c *protocol.Call, in *CreateWorkflowRequest) (*CreateWorkflowResponse, error) {
	w := etl.Workflow{
		Name: in.Name, Description: protocol.Or(in.Description, ""), Properties: in.DefaultRunProperties, MaxConcurrent: int(protocol.Or(in.MaxConcurrentRuns, 0)), Tags: in.Tags,
	}
	return &CreateWorkflowResponse{Name: &in.Name}, a.Jobs.CreateWorkflow(ctx, c.Scope, w)
}

func (a *api) updateWorkflow(ctx context.Context, c *protocol.Call, in *UpdateWorkflowRequest) (*UpdateWorkflowResponse, error) {
	return &UpdateWorkflowResponse{Name: &in.Name}, a.Jobs.UpdateWorkflow(ctx, c.Scope, in.Name, func(w *etl.Workflow) {
		if in.Description != nil {
			w.Description = *in.Description
		}
		if in.DefaultRunProperties != nil {
			w.Properties = in.DefaultRunProperties
		}
		if in.MaxConcurrentRuns != nil {
			w.MaxConcurrent = int(*in.MaxConcurrentRuns)
		}
	})
}

func (a *api) deleteWorkflow(ctx context.Context, c *protocol.Call, in *DeleteWorkflowRequest) (*DeleteWorkflowResponse, error) {
	return &DeleteWorkflowResponse{Name: &in.Name}, a.Jobs.DeleteWorkflow(ctx, c.Scope, in.Name)
}

// workflowOut describes a workflow with its last run, and with graph what its runs are made of.
func (a *api) workflowOut(ctx context.Context, scope ident.Scope, name string, graph bool) (*Workflow, error) {
	w, err := a.Jobs.Workflow(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	out := &Workflow{Name: &w.Name, Description: protocol.Some(w.Description), DefaultRunProperties: w.Properties, CreatedOn: &w.Created, LastModifiedOn: &w.Modified}
	if w.MaxConcurrent > 0 {
		out.MaxConcurrentRuns = new(int32(w.MaxConcurrent))
	}
	last, _, err := a.Jobs.WorkflowRuns(ctx, scope, name, time.Time{}, 1)
	if err != nil {
		return nil, err
	}
	if len(last) > 0 {
		if out.LastRun, err = a.workflowRunOut(ctx, scope, last[0], graph); err != nil {
			return nil, err
		}
	}
	if graph {
		triggers, err := a.Jobs.FlowGraph(ctx, scope, name)
		if err != nil {
			return nil, err
		}
		out.Graph = graphOf(name, triggers).out
	}
	return out, nil
}

func (a *api) getWorkflow(ctx context.Context, c *protocol.Call, in *GetWorkflowRequest) (*GetWorkflowResponse, error) {
	w, err := a.workflowOut(ctx, c.Scope, in.Name, protocol.Or(in.IncludeGraph, false))
	return &GetWorkflowResponse{Workflow: w}, err
}

func (a *api) batchGetWorkflows(ctx context.Context, c *protocol.Call, in *BatchGetWorkflowsRequest) (*BatchGetWorkflowsResponse, error) {
	out := &BatchGetWorkflowsResponse{Workflows: []Workflow{}, MissingWorkflows: []string{}}
	for _, name := range in.Names {
		w, err := a.workflowOut(ctx, c.Scope, name, protocol.Or(in.IncludeGraph, false))
		switch {
		case errors.Is(err, etl.ErrNotFound):
			out.MissingWorkflows = append(out.MissingWorkflows, name)
		case err != nil:
			return nil, err
		default:
			out.Workflows = append(out.Workflows, *w)
		}
	}
	return out, nil
}

func (a *api) listWorkflows(ctx context.Context, c *protocol.Call, in *ListWorkflowsRequest) (*ListWorkflowsResponse, error) {
	list, more, err := a.Jobs.Workflows(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 25))
	if err != nil {
		return nil, err
	}
	out := &ListWorkflowsResponse{Workflows: []string{}}
	for _, w := range list {
		out.Workflows = append(out.Workflows, w.Name)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) startWorkflowRun(ctx context.Context, c *protocol.Call, in *StartWorkflowRunRequest) (*StartWorkflowRunResponse, error) {
	id, err := a.Jobs.StartWorkflow(ctx, c.Scope, in.Name, in.RunProperties)
	return &StartWorkflowRunResponse{RunId: &id}, err
}

func (a *api) stopWorkflowRun(ctx context.Context, c *protocol.Call, in *StopWorkflowRunRequest) (*StopWorkflowRunResponse, error) {
	return &StopWorkflowRunResponse{}, a.Jobs.StopWorkflow(ctx, c.Scope, in.Name, in.RunId)
}

func (a *api) resumeWorkflowRun(ctx context.Context, c *protocol.Call, in *ResumeWorkflowRunRequest) (*ResumeWorkflowRunResponse, error) {
	r, err := a.Jobs.WorkflowRun(ctx, c.Scope, in.Name, in.RunId)
	if err != nil {
		return nil, err
	}
	if len(in.NodeIds) == 0 {
		return nil, fmt.Errorf("%w: NodeIds names no node", etl.ErrBadInput)
	}
	ran := map[string]bool{}
	for _, action := range r.Actions {
		ran[actionID(in.Name, action.Action)] = true
	}
	chosen := map[string]bool{}
	for _, id := range in.NodeIds {
		if !ran[id] {
			return nil, fmt.Errorf("%w: node %s was not run by run %s", etl.ErrBadInput, id, in.RunId)
		}
		chosen[id] = true
	}
	next, err := a.Jobs.ResumeWorkflow(ctx, c.Scope, in.Name, in.RunId, func(action etl.Action) bool { return chosen[actionID(in.Name, action)] })
	return &ResumeWorkflowRunResponse{RunId: &next, NodeIds: in.NodeIds}, err
}

// workflowRunOut describes a run; with graph, with what each job and crawler did in it.
func (a *api) workflowRunOut(ctx context.Context, scope ident.Scope, r etl.WorkflowRun, graph bool) (*WorkflowRun, error) {
	out := &WorkflowRun{
		Name: &r.Workflow, WorkflowRunId: &r.ID, PreviousRunId: protocol.Some(r.Previous), Status: new(WorkflowRunStatus(r.Status)), ErrorMessage: protocol.Some(r.Error),
		StartedOn: &r.Started, CompletedOn: when(r.Completed), WorkflowRunProperties: r.Properties,
	}
	g := graphOf(r.Workflow, r.Triggers)
	out.Statistics = statistics(g, r)
	if !graph {
		return out, nil
	}
	for _, action := range r.Actions {
		node := g.node(actionID(r.Workflow, action.Action))
		if node == nil {
			continue
		}
		if action.Crawler != "" {
			node.CrawlerDetails.Crawls = append(node.CrawlerDetails.Crawls, crawlOut(action))
			continue
		}
		runs, err := a.Jobs.JobRuns(ctx, scope, action.Job, action.ID)
		if err != nil {
			return nil, err
		}
		if action.ID == "" { // it could not start
			runs = []etl.Run{{Job: action.Job, Trigger: action.Trigger, State: action.State, Error: action.Error, Started: action.Started, Modified: action.Ended, Completed: action.Ended}}
		}
		for _, run := range runs {
			node.JobDetails.JobRuns = append(node.JobDetails.JobRuns, *runOut(run))
		}
	}
	out.Graph = g.out
	return out, nil
}

func crawlOut(a etl.FlowAction) Crawl {
	return Crawl{
		State: new(CrawlState(a.State)), StartedOn: &a.Started, CompletedOn: when(a.Ended), ErrorMessage: protocol.Some(a.Error),
		LogGroup: new("/aws-glue/crawlers"), LogStream: &a.Crawler,
	}
}

// statistics counts the jobs and crawlers of a run by the state of their newest start.
func statistics(g *graph, r etl.WorkflowRun) *WorkflowRunStatistics {
	newest := map[string]etl.State{}
	for _, a := range r.Actions {
		newest[actionID(r.Workflow, a.Action)] = a.State
	}
	count := func(states ...etl.State) *int32 {
		n := int32(0)
		for _, have := range newest {
			for _, s := range states {
				if s == have {
					n++
				}
			}
		}
		return &n
	}
	return &WorkflowRunStatistics{
		TotalActions: new(int32(g.actions())), TimeoutActions: count(etl.TimedOut), FailedActions: count(etl.Failed), StoppedActions: count(etl.Stopped, etl.Cancelled),
		SucceededActions: count(etl.Succeeded), RunningActions: count(etl.Running), ErroredActions: count(etl.Errored), WaitingActions: count(etl.Waiting),
	}
}

func (a *api) getWorkflowRun(ctx context.Context, c *protocol.Call, in *GetWorkflowRunRequest) (*GetWorkflowRunResponse, error) {
	r, err := a.Jobs.WorkflowRun(ctx, c.Scope, in.Name, in.RunId)
	if err != nil {
		return nil, err
	}
	out, err := a.workflowRunOut(ctx, c.Scope, r, protocol.Or(in.IncludeGraph, false))
	return &GetWorkflowRunResponse{Run: out}, err
}

func (a *api) getWorkflowRuns(ctx context.Context, c *protocol.Call, in *GetWorkflowRunsRequest) (*GetWorkflowRunsResponse, error) {
	var before time.Time
	if in.NextToken != nil {
		n, err := strconv.ParseInt(*in.NextToken, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: the token is none of GetWorkflowRuns", etl.ErrBadInput)
		}
		before = time.Unix(0, n)
	}
	list, more, err := a.Jobs.WorkflowRuns(ctx, c.Scope, in.Name, before, limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetWorkflowRunsResponse{Runs: []WorkflowRun{}}
	for _, r := range list {
		run, err := a.workflowRunOut(ctx, c.Scope, r, protocol.Or(in.IncludeGraph, false))
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, *run)
	}
	if more {
		out.NextToken = new(strconv.FormatInt(list[len(list)-1].Started.UnixNano(), 10))
	}
	return out, nil
}

func (a *api) getRunProperties(ctx context.Context, c *protocol.Call, in *GetWorkflowRunPropertiesRequest) (*GetWorkflowRunPropertiesResponse, error) {
	r, err := a.Jobs.WorkflowRun(ctx, c.Scope, in.Name, in.RunId)
	properties := maps.Clone(r.Properties)
	if properties == nil {
		properties = map[string]string{}
	}
	return &GetWorkflowRunPropertiesResponse{RunProperties: properties}, err
}

func (a *api) putRunProperties(ctx context.Context, c *protocol.Call, in *PutWorkflowRunPropertiesRequest) (*PutWorkflowRunPropertiesResponse, error) {
	return &PutWorkflowRunPropertiesResponse{}, a.Jobs.SetWorkflowProperties(ctx, c.Scope, in.Name, in.RunId, in.RunProperties)
}
