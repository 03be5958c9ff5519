package etl

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// memCrawlers ends every crawl at once, in the state that end names.
type memCrawlers struct {
	store kv.Store

	mu      sync.Mutex
	end     map[string]State // by crawler; "" = it stays under way
	started []string
	seen    map[string]bool
}

func (c *memCrawlers) StartRun(ctx context.Context, scope ident.Scope, crawler, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[id] {
		return nil
	}
	state, ok := c.end[crawler]
	if !ok {
		return errors.New("no crawler " + crawler)
	}
	c.seen[id] = true
	c.started = append(c.started, crawler)
	if state == "" {
		return nil
	}
	var b kv.Batch
	NoteCrawl(&b, scope, CrawlEnd{Crawler: crawler, ID: id, State: state, At: time.Now()})
	return kv.Commit(ctx, c.store, &b)
}

func (c *memCrawlers) StopRun(ctx context.Context, scope ident.Scope, crawler, id string) error {
	var b kv.Batch
	NoteCrawl(&b, scope, CrawlEnd{Crawler: crawler, ID: id, State: Cancelled, At: time.Now()})
	return kv.Commit(ctx, c.store, &b)
}

func withCrawlers(f *fixture, end map[string]State) *memCrawlers {
	c := &memCrawlers{store: f.opts.Store, end: end, seen: map[string]bool{}}
	f.opts.Crawls = c
	return c
}

// flow makes a workflow: start → crawler raw → job clean → crawler refined, and job alarm if clean fails.
func (f *fixture) flow(t *testing.T, clean string) {
	t.Helper()
	f.create(t, shellJob("clean"), clean)
	f.create(t, shellJob("alarm"), "print('alarm')\n")
	if err := f.CreateWorkflow(t.Context(), scope, Workflow{Name: "daily", Properties: map[string]string{"day": "1", "kind": "full"}, MaxConcurrent: 1}); err != nil {
		t.Fatal(err)
	}
	for _, tr := range []Trigger{
		{Name: "start", Type: OnDemand, Actions: []Action{{Crawler: "raw"}}},
		{Name: "then", Type: Conditional, Conditions: []Condition{{Crawler: "raw", State: Succeeded}}, Actions: []Action{{Job: "clean"}}},
		{Name: "last", Type: Conditional, Conditions: []Condition{{Job: "clean", State: Succeeded}}, Actions: []Action{{Crawler: "refined"}}},
		{Name: "bad", Type: Conditional, Conditions: []Condition{{Job: "clean", State: Failed}}, Actions: []Action{{Job: "alarm"}}},
	} {
		tr.Workflow = "daily"
		if err := f.CreateTrigger(t.Context(), scope, tr, tr.Type == Conditional); err != nil {
			t.Fatal(err)
		}
	}
}

// finished waits for the end of a workflow run.
func (f *fixture) finished(t *testing.T, id string) WorkflowRun {
	t.Helper()
	w := f.opts.Store.Watch(workflowRuns("flowrun", scope, "daily"))
	defer w.Close()
	for {
		r, err := f.WorkflowRun(t.Context(), scope, "daily", id)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Completed.IsZero() {
			return r
		}
		select {
		case <-w.C():
		case <-t.Context().Done():
			t.Fatal("the workflow run does not end")
		}
	}
}

func steps(r WorkflowRun) (list []string) {
	for _, a := range r.Actions {
		list = append(list, a.Trigger+" "+a.Job+a.Crawler+" "+string(a.State))
	}
	return list
}

func TestWorkflow_RunsItsGraph(t *testing.T) {
	f := open(t)
	crawlers := withCrawlers(f, map[string]State{"raw": Succeeded, "refined": Succeeded})
	f.flow(t, "import sys\nprint('args', sys.argv)\n")
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := f.StartWorkflow(t.Context(), scope, "daily", map[string]string{"day": "2"})
	if err != nil {
		t.Fatal(err)
	}
	r := f.finished(t, id)
	want := []string{"start raw SUCCEEDED", "then clean SUCCEEDED", "last refined SUCCEEDED"}
	if diff := cmp.Diff(want, steps(r)); diff != "" || r.Status != FlowCompleted {
		t.Errorf("%s: %s", r.Status, diff)
	}
	if diff := cmp.Diff(map[string]string{"day": "2", "kind": "full"}, r.Properties); diff != "" {
		t.Error(diff)
	}
	if text := f.logs.text(); !strings.Contains(text, "'--WORKFLOW_NAME', 'daily', '--WORKFLOW_RUN_ID', '"+id+"'") {
		t.Errorf("the job was not told its workflow: %s", text)
	}
	if err := f.SetWorkflowProperties(t.Context(), scope, "daily", id, map[string]string{"rows": "9"}); err != nil {
		t.Fatal(err)
	}
	if r, _ = f.WorkflowRun(t.Context(), scope, "daily", id); len(r.Properties) != 3 {
		t.Errorf("properties %v", r.Properties)
	}
	if diff := cmp.Diff([]string{"raw", "refined"}, crawlers.started); diff != "" {
		t.Error(diff)
	}
	// A run of the job outside the workflow fires none of its triggers.
	f.run(t, StartRequest{Job: "clean"})
	if list, _, err := f.WorkflowRuns(t.Context(), scope, "daily", time.Time{}, 0); err != nil || len(list) != 1 {
		t.Errorf("%d runs, %v", len(list), err)
	}
	if len(crawlers.started) != 2 {
		t.Errorf("crawls %v", crawlers.started)
	}
}

func TestWorkflow_FailsAndResumes(t *testing.T) {
	f := open(t)
	crawlers := withCrawlers(f, map[string]State{"raw": Succeeded, "refined": Succeeded})
	f.flow(t, "raise ValueError('no rows')\n")
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := f.StartWorkflow(t.Context(), scope, "daily", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := f.finished(t, id)
	want := []string{"start raw SUCCEEDED", "then clean FAILED", "bad alarm SUCCEEDED"}
	if diff := cmp.Diff(want, steps(r)); diff != "" || r.Status != FlowCompleted {
		t.Fatalf("%s: %s", r.Status, diff)
	}
	f.objects.put("code/clean.py", "print('mended')\n")
	next, err := f.ResumeWorkflow(t.Context(), scope, "daily", id, func(a Action) bool { return a.Job == "clean" })
	if err != nil {
		t.Fatal(err)
	}
	r = f.finished(t, next)
	want = []string{"start raw SUCCEEDED", "then clean SUCCEEDED", "last refined SUCCEEDED"}
	if diff := cmp.Diff(want, steps(r)); diff != "" || r.Previous != id {
		t.Errorf("resumed %q: %s", r.Previous, diff)
	}
	if diff := cmp.Diff([]string{"raw", "refined"}, crawlers.started); diff != "" {
		t.Errorf("what had succeeded ran again: %s", diff)
	}
}

func TestWorkflow_LimitStopAndRestart(t *testing.T) {
	f := open(t)
	withCrawlers(f, map[string]State{"raw": ""})
	f.flow(t, "")
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := f.StartWorkflow(t.Context(), scope, "daily", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.StartWorkflow(t.Context(), scope, "daily", nil); !errors.Is(err, ErrConcurrent) {
		t.Errorf("a second run: %v", err)
	}
	if _, err := f.ResumeWorkflow(t.Context(), scope, "daily", id, func(Action) bool { return true }); !errors.Is(err, ErrState) {
		t.Errorf("resume of a run under way: %v", err)
	}
	if err := f.StopWorkflow(t.Context(), scope, "daily", id); err != nil {
		t.Fatal(err)
	}
	if r := f.finished(t, id); r.Status != FlowStopped || r.Actions[0].State != Cancelled {
		t.Errorf("%s %v", r.Status, steps(r))
	}
	if err := f.StopWorkflow(t.Context(), scope, "daily", id); !errors.Is(err, ErrState) {
		t.Errorf("stop of a run that has ended: %v", err)
	}
	if err := f.DeleteWorkflow(t.Context(), scope, "daily"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Trigger(t.Context(), scope, "start"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a trigger of a workflow that is gone: %v", err)
	}
}

func TestWorkflow_ActionsThatCannotStart(t *testing.T) {
	f := open(t)
	withCrawlers(f, map[string]State{})
	if err := f.CreateWorkflow(t.Context(), scope, Workflow{Name: "daily"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.StartWorkflow(t.Context(), scope, "daily", nil); !errors.Is(err, ErrBadInput) {
		t.Errorf("without a starting trigger: %v", err)
	}
	start := Trigger{Name: "start", Workflow: "daily", Type: OnDemand, Actions: []Action{{Crawler: "none"}, {Job: "none"}}}
	if err := f.CreateTrigger(t.Context(), scope, start, false); err != nil {
		t.Fatal(err)
	}
	start.Name = "again"
	if err := f.CreateTrigger(t.Context(), scope, start, false); !errors.Is(err, ErrBadInput) {
		t.Errorf("a second starting trigger: %v", err)
	}
	start.Workflow = "none"
	if err := f.CreateTrigger(t.Context(), scope, start, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("a trigger of no workflow: %v", err)
	}
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.StartTrigger(t.Context(), scope, "start"); err != nil {
		t.Fatal(err)
	}
	list, _, err := f.WorkflowRuns(t.Context(), scope, "daily", time.Time{}, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d runs, %v", len(list), err)
	}
	r := f.finished(t, list[0].ID)
	if diff := cmp.Diff([]string{"start none ERROR", "start none ERROR"}, steps(r)); diff != "" || r.Status != FlowCompleted {
		t.Errorf("%s: %s", r.Status, diff)
	}
}
