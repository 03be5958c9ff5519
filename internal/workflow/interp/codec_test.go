package interp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sampleEvents() []Event {
	name, cause, empty := "Boom", "it broke", ""
	at := time.UnixMilli(1700000000123).UTC()
	return []Event{
		{ID: 1, Time: at, Type: ExecutionStarted, Detail: Detail{Input: `{"a":1.50}`, Role: "arn:aws:iam::1:role/r"}},
		{ID: 2, Time: at.Add(time.Millisecond), Type: TaskStateEntered, Detail: Detail{Name: "Zustand ä", Input: "[]"}},
		{ID: 3, Prev: 2, Time: at, Type: TaskScheduled, Detail: Detail{Resource: "startJobRun.sync", ResourceType: "glue", Region: "eu-west-1", Parameters: "{}"}},
		{ID: 4, Prev: 3, Time: at, Type: TaskFailed, Detail: Detail{Resource: "startJobRun.sync", ResourceType: "glue", Error: &name, Cause: &cause}},
		{ID: 1 << 40, Prev: 1 << 39, Time: at, Type: ExecutionFailed, Detail: Detail{Error: &empty}},
	}
}

func encode(events []Event) []byte {
	var b []byte
	for i := range events {
		b = AppendEvent(b, &events[i])
	}
	return b
}

func TestEventsReadBack(t *testing.T) {
	var got []Event
	if err := ReadEvents(encode(sampleEvents()), func(e *Event) bool { got = append(got, *e); return true }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sampleEvents(), got, cmpopts.EquateApproxTime(0)); d != "" {
		t.Error(d)
	}
}

func TestThreadsReadBack(t *testing.T) {
	at := time.UnixMilli(1700000000123).UTC()
	want := &Thread{
		ID: 7, Parent: 3, Index: 12, State: "S", Phase: Tasking, Prev: 99, Before: 97, Entered: 98, EnteredAt: at, Vars: map[string]string{"x": "1", "y": `{"z":[]}`},
		Tries: []int{0, 2}, Retries: 2, Due: at.Add(time.Hour), Attempt: 3, Token: "secret", Started: true, Submitted: true, Handle: "jr_1", Deadline: at.Add(time.Minute),
		Heartbeat: time.Second, BeatBy: at, Total: 5, Next: 4, Active: 2, Done: 2, Limit: 40, MapRun: "arn", in: fromText(`{"a":1}`),
	}
	got, err := ReadThread(AppendThread(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Thread{}, payload{}), cmpopts.EquateApproxTime(0)); d != "" {
		t.Error(d)
	}
}

// Whatever bytes are read, what is read writes the same again.
func FuzzEvents(f *testing.F) {
	f.Add(encode(sampleEvents()))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first []Event
		if ReadEvents(b, func(e *Event) bool { first = append(first, *e); return true }) != nil {
			return
		}
		var again []Event
		if err := ReadEvents(encode(first), func(e *Event) bool { again = append(again, *e); return true }); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first, again); d != "" {
			t.Error(d)
		}
	})
}

func FuzzThread(f *testing.F) {
	f.Add(AppendThread(nil, &Thread{ID: 1, State: "A", Vars: map[string]string{"v": "1"}, in: fromText("{}")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ReadThread(b)
		if err != nil {
			return
		}
		y, err := ReadThread(AppendThread(nil, x))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(x, y, cmp.AllowUnexported(Thread{}, payload{})); d != "" {
			t.Error(d)
		}
	})
}

func TestTokens(t *testing.T) {
	want := Token{Key: 1 << 60, Thread: 7, Attempt: 2, Secret: "0123456789abcdef"}
	got, ok := DecodeToken(EncodeToken(want))
	if !ok || got != want {
		t.Errorf("%+v %t", got, ok)
	}
	for _, s := range []string{"", "x", "AAAA", "!!!!"} {
		if k, ok := DecodeToken(s); ok {
			t.Errorf("%q: %+v", s, k)
		}
	}
}
