package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// drowsy makes every execution that can sleep do so at once. A second of the fast clock is a millisecond.
var drowsy = sleepTimes{every: time.Second, rest: 1, least: time.Second, ahead: time.Second}

func openDrowsy(t testing.TB, s kv.Store, tasks Tasks) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Store: s, Tasks: tasks, Clock: newFastClock(), Logger: slog.New(slog.DiscardHandler), sleep: drowsy})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *Engine) awakeCount() (n int) {
	e.live.Range(func(any, any) bool { n++; return true })
	return n
}

// asleep returns when all executions sleep.
func asleep(t testing.TB, e *Engine) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); e.awakeCount() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d executions stay in memory", e.awakeCount())
		}
		if err := e.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// sleepy are executions that wait in every way.
var sleepy = []struct{ name, definition, input string }{
	{"timer", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":300,"Next":"P"},"P":{"Type":"Pass","Parameters":{"got.$":"$.k"},"End":true}}}`, `{"k":1}`},
	{"token", `{"StartAt":"T","States":{"T":` + tokenTask + `"HeartbeatSeconds":90000000,"End":true}}}`, `{"k":1}`},
	{"retry", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `third","Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":50}],"ResultPath":"$.out","End":true}}}`, `{"k":1}`},
	{"branches", `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"T","States":{"T":` + tokenTask + `"End":true}}},
	  {"StartAt":"V","States":{"V":{"Type":"Pass","Assign":{"v":7},"Next":"W"},"W":{"Type":"Wait","Seconds":100,"Next":"R"},"R":{"Type":"Pass","Parameters":{"v.$":"$v"},"End":true}}},
	  {"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.list","MaxConcurrency":1,"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Wait","Seconds":30,"End":true}}},"End":true}}}],"End":true}}}`, `{"k":1,"list":["a","b","c"]}`},
	{"time limit", `{"TimeoutSeconds":90000,"StartAt":"T","States":{"T":` + tokenTask + `"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"P"}],"TimeoutSeconds":3000,"Next":"P"},"P":{"Type":"Pass","End":true}}}`, `{"k":1}`},
}

// sleeperTasks answers tasks and tells the tokens that it saw.
func sleeperTasks(tokens chan<- string) *fakeTasks {
	return newFakeTasks(func(_ context.Context, name string, _ int, call *TaskCall) (string, *TaskError) {
		switch {
		case call.Token != "" && tokens != nil && !strings.Contains(call.Execution, "limit"):
			tokens <- call.Token
		case name == "third" && call.Attempt < 3:
			return "", &TaskError{Error: "Boom", Cause: "not yet"}
		}
		return call.Input, nil
	})
}

// answer brings the outcome of a token as soon as it is out.
func answer(ctx context.Context, e *Engine, token string) error {
	k, _ := interp.DecodeToken(token)
	for {
		x, err := e.awake(ctx, k.Key)
		if err != nil {
			return err
		}
		if x == nil {
			return fmt.Errorf("no execution has the token %s", token)
		}
		x.mu.Lock()
		t := x.state.Threads[k.Thread]
		out := t != nil && t.Submitted
		x.mu.Unlock()
		if out {
			return e.TaskSuccess(ctx, token, `"thanks"`)
		}
	}
}

// Executions that sleep and wake all the time, while tokens, timers and looks come in between, end with the histories of
// those that never sleep.
func TestSleepersEndAsOthers(t *testing.T) {
	t.Parallel()
	run := func(open func(testing.TB, kv.Store, Tasks) *Engine, copies int, disturb func(*Engine, string)) map[string]string {
		tokens := make(chan string, 1000)
		e := open(t, kvtest.New(t), sleeperTasks(tokens))
		ctx, stop := context.WithCancel(t.Context())
		defer func() {
			stop()
			if err := e.Close(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		}()
		var wg sync.WaitGroup
		go func() {
			for {
				select {
				case token := <-tokens:
					go func() {
						if err := answer(ctx, e, token); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
					}()
				case <-ctx.Done():
					return
				}
			}
		}()
		var mu sync.Mutex
		out := map[string]string{}
		for _, c := range sleepy {
			m := create(t, e, strings.ReplaceAll(c.name, " ", "-"), c.definition, Standard)
			for i := range copies {
				wg.Go(func() {
					rec, err := e.StartExecution(ctx, m.ARN, fmt.Sprint(strings.ReplaceAll(c.name, " ", "-"), i), c.input, "")
					if err != nil {
						t.Error(err)
						return
					}
					if disturb != nil {
						go disturb(e, rec.ARN)
					}
					for rec.Status == interp.Running { // not Await, which keeps it awake
						if err := e.clockSleep(ctx); err != nil {
							return
						}
						if rec, err = e.Execution(ctx, rec.ARN); err != nil {
							t.Error(err)
							return
						}
					}
					told := fmt.Sprintf("%s %s\n%s", rec.Status, rec.Output, unordered(history(t, e, rec.ARN)))
					mu.Lock()
					defer mu.Unlock()
					if old := out[c.name]; old != "" && old != told {
						t.Errorf("%s ends in two ways:\n%s", c.name, cmp.Diff(old, told))
					}
					out[c.name] = told
				})
			}
		}
		wg.Wait()
		return out
	}
	want := run(open, 1, nil)
	got := run(openDrowsy, 8, func(e *Engine, arn string) {
		for range 20 {
			_ = e.sweep(e.group.Context())
			if rand.IntN(2) == 0 {
				if _, err := e.Statuses(e.group.Context(), arn); err != nil && e.group.Context().Err() == nil {
					t.Error(err)
				}
			}
		}
	})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-awake +sleepy):\n%s", d)
	}
}

// clockSleep waits a second of the engine's clock.
func (e *Engine) clockSleep(ctx context.Context) error {
	timer := e.clock.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unordered sorts the events of a history without their numbers: branches may come in any order.
func unordered(h string) string {
	lines := strings.Split(h, "\n")
	for i, l := range lines {
		_, l, _ = strings.Cut(l, " ")
		lines[i] = l
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Sleepers are not read at a start, keep their timers and tokens over it, and can be stopped, redriven and looked at.
func TestSleepersOverARestart(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 10)
	store := kvtest.New(t)
	e := openDrowsy(t, store, sleeperTasks(tokens))
	timer := create(t, e, "timer", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":2000,"End":true}}}`, Standard)
	token := create(t, e, "token", sleepy[1].definition, Standard)
	byTimer, byToken, stopped := start(t, e, timer.ARN, "a", `{}`), start(t, e, token.ARN, "b", `{"k":1}`), start(t, e, timer.ARN, "c", `{}`)
	tok := <-tokens
	asleep(t, e)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	e = openDrowsy(t, store, sleeperTasks(tokens))
	defer func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if n := e.awakeCount(); n != 0 {
		t.Errorf("%d executions were read at the start", n)
	}
	if s, err := e.Statuses(t.Context(), stopped.ARN); err != nil || s["W"].Active != 1 {
		t.Errorf("%+v %v", s, err)
	}
	asleep(t, e)
	if _, err := e.StopExecution(t.Context(), stopped.ARN, nil, nil); err != nil {
		t.Error(err)
	}
	if rec := await(t, e, stopped.ARN); rec.Status != interp.Aborted {
		t.Error(rec.Status)
	}
	if err := e.TaskHeartbeat(t.Context(), tok); err != nil {
		t.Error(err)
	}
	asleep(t, e)
	if err := e.TaskSuccess(t.Context(), tok, `"thanks"`); err != nil {
		t.Error(err)
	}
	if err := e.TaskSuccess(t.Context(), tok, `"thanks"`); !errors.Is(err, ErrTaskTimedOut) {
		t.Errorf("a token that was used: %v", err)
	}
	if rec := await(t, e, byToken.ARN); rec.Status != interp.Succeeded {
		t.Error(rec.Status)
	}
	if rec := await(t, e, byTimer.ARN); rec.Status != interp.Succeeded {
		t.Error(rec.Status)
	}
	for _, rec := range []*Record{byTimer, byToken, stopped} {
		if left := leftovers(t, e, rec.Key); left != "" && rec != stopped {
			t.Errorf("%s: still stored: %s", rec.Name, left)
		}
	}
	for it, err := range store.Scan(t.Context(), kv.Prefix(wakeKey(time.Time{}, 0)[:len(wakeKey(time.Time{}, 0))-18])) {
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("a timer is left: %x", it.Key)
	}
}

// A state machine is not removed while one of its executions sleeps.
func TestDeletionWaitsForSleepers(t *testing.T) {
	e := openDrowsy(t, kvtest.New(t), nil)
	defer func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	m := create(t, e, "m", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":90000000,"End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `{}`)
	asleep(t, e)
	if err := e.Delete(t.Context(), m.ARN); err != nil {
		t.Fatal(err)
	}
	if rec, err := e.Execution(t.Context(), rec.ARN); err != nil || rec.Status != interp.Running {
		t.Fatalf("%+v %v", rec, err)
	}
	if _, err := e.StopExecution(t.Context(), rec.ARN, nil, nil); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := e.Describe(t.Context(), m.ARN); errors.Is(err, ErrMachineNotFound) {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("the state machine stays")
		}
	}
}

// A task of an activity that nobody has taken is offered again after a restart.
func TestActivityTaskOverARestart(t *testing.T) {
	store := kvtest.New(t)
	e := open(t, store, nil)
	a, err := e.CreateActivity(t.Context(), scope, "work", nil)
	if err != nil {
		t.Fatal(err)
	}
	m := create(t, e, "m", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+a.ARN+`","End":true}}}`, Standard)
	rec := start(t, e, m.ARN, "x", `{"k":1}`)
	for range 2 {
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		e = openDrowsy(t, store, nil)
	}
	defer func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	token, input, err := e.GetActivityTask(t.Context(), a.ARN, "w")
	if err != nil || token == "" || input != `{"k":1}` {
		t.Fatalf("%q %q %v", token, input, err)
	}
	asleep(t, e)
	if err := e.TaskSuccess(t.Context(), token, `2`); err != nil {
		t.Fatal(err)
	}
	if rec = await(t, e, rec.ARN); rec.Output != `2` {
		t.Error(rec.Output)
	}
}
