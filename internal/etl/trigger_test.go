package etl

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

func TestTrigger_RefusesBadInput(t *testing.T) {
	act := []Action{{Job: "j"}}
	for name, tr := range map[string]Trigger{
		"no name":             {Type: OnDemand, Actions: act},
		"event":               {Name: "t", Type: "EVENT", Actions: act},
		"no action":           {Name: "t", Type: OnDemand},
		"no job":              {Name: "t", Type: OnDemand, Actions: []Action{{}}},
		"no schedule":         {Name: "t", Type: Scheduled, Actions: act},
		"schedule on demand":  {Name: "t", Type: OnDemand, Schedule: "cron(0 1 * * ? *)", Actions: act},
		"bad schedule":        {Name: "t", Type: Scheduled, Schedule: "cron(0 1 * *)", Actions: act},
		"no predicate":        {Name: "t", Type: Conditional, Actions: act},
		"state without end":   {Name: "t", Type: Conditional, Actions: act, Conditions: []Condition{{Job: "j", State: Running}}},
		"predicate on demand": {Name: "t", Type: OnDemand, Actions: act, Conditions: []Condition{{Job: "j", State: Succeeded}}},
	} {
		if err := tr.check(); !errors.Is(err, ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrigger_Conditions(t *testing.T) {
	f := open(t)
	for _, name := range []string{"a", "b", "both", "either"} {
		f.create(t, shellJob(name), "print('ran')\n")
	}
	conditions := []Condition{{Job: "a", State: Succeeded}, {Job: "b", State: Succeeded}}
	for _, tr := range []Trigger{
		{Name: "all", Type: Conditional, Conditions: conditions, Actions: []Action{{Job: "both", Arguments: map[string]string{"--x": "1"}}}},
		{Name: "any", Type: Conditional, Any: true, Conditions: conditions, Actions: []Action{{Job: "either"}}},
	} {
		if err := f.CreateTrigger(t.Context(), scope, tr, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	started := func(job string) Run {
		t.Helper()
		for {
			r := <-f.ended
			if r.Job == job {
				return r
			}
		}
	}
	f.run(t, StartRequest{Job: "a"})
	if r := started("either"); r.Trigger != "any" {
		t.Errorf("run %+v", r)
	}
	if runs, _, err := f.Runs(t.Context(), scope, "both", time.Time{}, 0); err != nil || len(runs) != 0 {
		t.Errorf("all conditions: %d runs after one was met, %v", len(runs), err)
	}
	if _, err := f.Start(t.Context(), scope, StartRequest{Job: "b"}); err != nil {
		t.Fatal(err)
	}
	if r := started("both"); r.Trigger != "all" || r.Arguments["--x"] != "1" {
		t.Errorf("run %+v", r)
	}
	if err := f.StopTrigger(t.Context(), scope, "all"); err != nil {
		t.Fatal(err)
	}
	if tr, err := f.Trigger(t.Context(), scope, "all"); err != nil || tr.State != TriggerDeactivated {
		t.Errorf("%+v %v", tr, err)
	}
}

func TestTrigger_Due(t *testing.T) {
	at := time.Date(2024, 3, 1, 0, 30, 0, 0, time.UTC)
	c := clock.NewFake(at)
	tr := Trigger{Name: "t", Type: Scheduled, Schedule: "cron(0 1 * * ? *)", Actions: []Action{{Job: "j"}}}
	if tr.due(at) {
		t.Error("a trigger that was not activated is due")
	}
	tr.activate(c.Now())
	if tr.due(c.Now()) || !tr.Next.Equal(at.Add(30*time.Minute)) {
		t.Errorf("next at %v", tr.Next)
	}
	c.Advance(31 * time.Minute)
	if !tr.due(c.Now()) || tr.due(c.Now()) || !tr.Next.Equal(at.Add(24*time.Hour+30*time.Minute)) {
		t.Errorf("after it was due, next at %v", tr.Next)
	}
}

func TestTrigger_OnDemand(t *testing.T) {
	f := open(t)
	f.create(t, shellJob("j"), "print('ran')\n")
	tr := Trigger{Name: "now", Type: OnDemand, Actions: []Action{{Job: "j"}}}
	if err := f.CreateTrigger(t.Context(), scope, tr, true); !errors.Is(err, ErrBadInput) {
		t.Errorf("started when created: %v", err)
	}
	if err := f.CreateTrigger(t.Context(), scope, tr, false); err != nil {
		t.Fatal(err)
	}
	if err := f.CreateTrigger(t.Context(), scope, tr, false); !errors.Is(err, ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	if err := f.StartTrigger(t.Context(), scope, "now"); err != nil {
		t.Fatal(err)
	}
	if r := <-f.ended; r.Trigger != "now" || r.State != Succeeded {
		t.Errorf("run %+v", r)
	}
	if err := f.StopTrigger(t.Context(), scope, "now"); !errors.Is(err, ErrBadInput) {
		t.Errorf("stop of a trigger on demand: %v", err)
	}
	if list, more, err := f.Triggers(t.Context(), scope, "j", "", 10); len(list) != 1 || more || err != nil {
		t.Errorf("triggers of j: %v %v %v", list, more, err)
	}
	if list, _, _ := f.Triggers(t.Context(), scope, "other", "", 10); len(list) != 0 {
		t.Errorf("triggers of another job: %v", list)
	}
	if err := f.DeleteTrigger(t.Context(), scope, "now"); err != nil {
		t.Fatal(err)
	}
	if err := f.StartTrigger(t.Context(), scope, "now"); !errors.Is(err, ErrNotFound) {
		t.Errorf("start of a trigger that is gone: %v", err)
	}
}
