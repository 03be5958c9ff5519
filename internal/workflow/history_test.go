package workflow

import (
	"slices"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// A machine that goes in circles ends when its history is full.
func TestHistoryLimit(t *testing.T) {
	e := newEngine(t, nil)
	m := create(t, e, "m", `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"Z"}],"Default":"A"},"Z":{"Type":"Succeed"}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
	if rec.Status != interp.Failed || rec.Cause == nil || !strings.Contains(*rec.Cause, "25000") {
		t.Errorf("%+v", rec)
	}
	newest, _, err := e.History(t.Context(), rec.ARN, true, 1, "")
	if err != nil || len(newest) != 1 || newest[0].ID != interp.HistoryLimit || newest[0].Type != interp.ExecutionFailed {
		t.Errorf("newest event %+v %v", newest, err)
	}
}

// Pages of any size give the whole history, in both directions.
func TestHistoryPages(t *testing.T) {
	e := newEngine(t, newFakeTasks(echo))
	m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"`+lambda+`echo","End":true}}},"End":true}}}`, Standard)
	rec := await(t, e, start(t, e, m.ARN, "x", `[1,2,3]`).ARN)
	all, _, err := e.History(t.Context(), rec.ARN, false, 1000, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, reverse := range []bool{false, true} {
		for _, size := range []int{1, 3, 7, len(all), len(all) + 1} {
			var got []interp.Event
			for token := ""; ; {
				page, next, err := e.History(t.Context(), rec.ARN, reverse, size, token)
				if err != nil || len(page) > size {
					t.Fatalf("%d events of %d: %v", len(page), size, err)
				}
				got = append(got, page...)
				if token = next; token == "" {
					break
				}
			}
			if reverse {
				slices.Reverse(got)
			}
			if story(got) != story(all) {
				t.Errorf("pages of %d, reverse %t: %d events of %d", size, reverse, len(got), len(all))
			}
		}
	}
	if _, _, err := e.History(t.Context(), rec.ARN, false, 5, "nonsense"); err == nil {
		t.Error("a token that was never given is taken")
	}
}

func TestStatuses(t *testing.T) {
	e := newEngine(t, newFakeTasks(outcomes))
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+lambda+`bad","Catch":[{"ErrorEquals":["Boom"],"Next":"W"}],"End":true},"W":{"Type":"Wait","Seconds":99999999,"End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `{}`)
	for {
		s, err := e.Statuses(t.Context(), rec.ARN)
		if err != nil {
			t.Fatal(err)
		}
		if w := s["W"]; w != nil && w.Active == 1 {
			if got := s["T"]; got.Entered != 1 || got.Exited != 1 || got.Failed != 1 || got.Active != 0 {
				t.Errorf("T: %+v", got)
			}
			break
		}
	}
	if o, err := e.Overview(t.Context(), rec.ARN); err != nil || len(o.Graph.Nodes) != 2 || o.States["T"].Attempts != 1 || o.States["T"].First.IsZero() || o.States["T"].Last.Before(o.States["T"].First) {
		t.Errorf("overview: %+v, %v", o, err)
	}
	if _, err := e.StopExecution(t.Context(), rec.ARN, nil, nil); err != nil {
		t.Fatal(err)
	}
	await(t, e, rec.ARN)
	if s, err := e.Statuses(t.Context(), rec.ARN); err != nil || s["W"].Active != 0 {
		t.Errorf("after the end: %+v %v", s["W"], err)
	}
}
