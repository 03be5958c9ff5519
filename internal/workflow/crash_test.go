package workflow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

var errDead = errors.New("the machine is dead")

// mortal is a store that dies after some batches: before the next one, or with the last one durable and nobody told.
type mortal struct {
	kv.Store
	left   atomic.Int64
	untold bool
	dead   chan struct{}
	once   sync.Once
}

func newMortal(s kv.Store, batches int, untold bool) *mortal {
	m := &mortal{Store: s, untold: untold, dead: make(chan struct{})}
	m.left.Store(int64(batches))
	return m
}

type untoldPending struct{}

func (untoldPending) Wait(context.Context) error { return errDead }

func (m *mortal) Apply(ctx context.Context, b *kv.Batch) (kv.Pending, error) {
	n := m.left.Add(-1)
	if n < 0 {
		m.once.Do(func() { close(m.dead) })
		return nil, errDead
	}
	p, err := m.Store.Apply(ctx, b)
	if n == 0 && m.untold && err == nil {
		m.once.Do(func() { close(m.dead) })
		return untoldPending{}, nil
	}
	return p, err
}

const tokenTask = `{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody":{"token.$":"$$.Task.Token"}},"ResultPath":"$.answer",`

type crashing struct{ name, definition, input string }

var crashes = []crashing{
	{"waits", `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"v.$":"$.n"},"Next":"W"},"W":{"Type":"Wait","Seconds":2,"Next":"P"},"P":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":20,"Next":"C"},"C":{"Type":"Pass","Parameters":{"v.$":"$v"},"End":true}}},{"StartAt":"D","States":{"D":{"Type":"Wait","Seconds":100,"End":true}}}],"End":true}}}`, `{"n":5}`},
	{"retries and jobs", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + lambda + `third","Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":3}],"ResultPath":"$.out","Next":"J"},"J":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName.$":"$.k"},"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],"Next":"F"},"F":{"Type":"Task","Resource":"` + lambda + `bad","Catch":[{"ErrorEquals":["Boom"],"Next":"Z"}],"End":true},"Z":{"Type":"Pass","End":true}}}`, `{"k":"j"}`},
	{"maps", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + lambda + `echo","Next":"W"},"W":{"Type":"Wait","Seconds":1,"End":true}}},"Next":"N"},"N":{"Type":"Map","MaxConcurrency":2,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"B","States":{"B":{"Type":"Task","Resource":"` + lambda + `echo","End":true}}},"End":true}}}`, `[1,"b",{"c":3}]`},
	{"tokens", `{"StartAt":"T","States":{"T":` + tokenTask + `"Next":"U"},"U":` + tokenTask + `"HeartbeatSeconds":1000000,"End":true}}}`, `{"k":1}`},
}

// worker answers the tokens that tasks carry, to whatever engine lives, until it succeeds.
type worker struct {
	mu     sync.Mutex
	engine *Engine
	tokens map[string]bool
}

func (w *worker) use(e *Engine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.engine = e
}

func (w *worker) run(ctx context.Context) {
	again := time.NewTicker(200 * time.Microsecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		if w.engine != nil {
			for token := range w.tokens {
				if !w.waits(ctx) {
					continue
				}
				if err := w.engine.TaskSuccess(ctx, token, `"thanks"`); err == nil {
					delete(w.tokens, token)
				}
			}
		}
		w.mu.Unlock()
	}
}

// waits reports whether the newest event says that the token is out: an answer that comes sooner makes another history.
func (w *worker) waits(ctx context.Context) bool {
	last, _, err := w.engine.History(ctx, scope.ARN("states", "execution:m:x"), true, 1, "")
	return err == nil && len(last) == 1 && last[0].Type == interp.TaskSubmitted
}

func (w *worker) answer(_ context.Context, name string, _ int, call *TaskCall) (string, *TaskError) {
	switch name {
	case "third":
		if call.Attempt < 3 {
			return "", &TaskError{Error: "Boom", Cause: "not yet"}
		}
	case "bad":
		return "", &TaskError{Error: "Boom", Cause: "it broke"}
	case "sendMessage.waitForTaskToken":
		w.mu.Lock()
		w.tokens[call.Token] = true
		w.mu.Unlock()
		return `{"MessageId":"m"}`, nil
	}
	return call.Input, nil
}

// diesBeforeTheEnd waits for the end of an execution or of its machine.
func diesBeforeTheEnd(t *testing.T, e *Engine, weak *mortal, arn string) bool {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = e.Await(t.Context(), arn)
	}()
	select {
	case <-weak.dead:
		return true
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("neither dead nor ended")
	}
	return false
}

// live runs an execution to its end, on a machine that dies once after some batches, and tells whether it died.
func live(t *testing.T, open func(testing.TB, kv.Store, Tasks) *Engine, definition, input string, batches int, untold bool) (told string, died bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store := kvtest.New(t)
	w := &worker{tokens: map[string]bool{}}
	go w.run(ctx)
	tasks := newFakeTasks(w.answer)

	first := open(t, store, tasks)
	machine := create(t, first, "m", definition, Standard)
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}

	weak := newMortal(store, batches, untold)
	e := open(t, weak, tasks)
	w.use(e)
	rec, err := e.StartExecution(ctx, machine.ARN, "x", input, "")
	if err == nil {
		died = diesBeforeTheEnd(t, e, weak, rec.ARN)
	} else {
		died = true
	}
	w.use(nil)
	_ = e.Close(ctx)

	e = open(t, store, tasks)
	w.use(e)
	defer func() {
		w.use(nil)
		if err := e.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	arn := scope.ARN("states", "execution:m:x")
	if _, err := e.Execution(ctx, arn); errors.Is(err, ErrExecutionNotFound) {
		if _, err := e.StartExecution(ctx, machine.ARN, "x", input, ""); err != nil {
			t.Fatal(err)
		}
	}
	end := await(t, e, arn)
	for job, n := range tasks.jobs {
		if n > 2 {
			t.Errorf("%s was started %d times", job, n)
		}
	}
	return fmt.Sprintf("%s %s\n%s", end.Status, end.Output, history(t, e, arn)), died
}

// An execution whose machine dies at any batch goes on to the end and the history that it would have had.
func TestCrash(t *testing.T) { crash(t, open, crashes) }

// So does one that sleeps whenever it can.
func TestCrashOfSleepers(t *testing.T) { crash(t, openDrowsy, []crashing{crashes[0], crashes[3]}) }

func crash(t *testing.T, begin func(testing.TB, kv.Store, Tasks) *Engine, list []crashing) {
	for _, c := range list {
		for _, untold := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, untold %t", c.name, untold), func(t *testing.T) {
				t.Parallel()
				want, died := live(t, open, c.definition, c.input, 1<<40, untold)
				if died {
					t.Fatal("died without cause")
				}
				batches := 0
				for died = true; died; batches++ {
					if batches > 500 {
						t.Fatal("the execution does not end")
					}
					var got string
					got, died = live(t, begin, c.definition, c.input, batches, untold && batches > 0)
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("after %d batches (-want +got):\n%s", batches, d)
					}
				}
				t.Logf("%d batches", batches-1)
			})
		}
	}
}
