package objstore

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestTransitions(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	rules := []Rule{{ID: "r", Transitions: []Transition{{Days: 30, Class: "STANDARD_IA"}, {Days: 60, Class: "GLACIER_IR"}}, Noncurrent: []Transition{{Days: 30, Keep: 1, Class: "ONEZONE_IA"}}}}
	if err := CheckLifecycle(rules); err != nil {
		t.Fatal(err)
	}
	if err := e.Update(t.Context(), "bkt", func(bk *Bucket) error {
		bk.Versioning, bk.Lifecycle = Enabled, rules
		bk.Notification = &Notification{Queues: []Notify{{ID: "q", ARN: "q", Events: []string{"s3:LifecycleTransition"}}}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), minTransitionBytes)
	oldest := e.put("bkt", "big", big)
	older := e.put("bkt", "big", big)
	e.put("bkt", "big", big)
	e.put("bkt", "small", []byte("x"))
	check := func(days int, big, small, olderClass, oldestClass string) {
		t.Helper()
		e.clock.Advance(time.Duration(days) * 24 * time.Hour)
		if err := e.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct{ key, version, want string }{{"big", "", big}, {"small", "", small}, {"big", older.Version, olderClass}, {"big", oldest.Version, oldestClass}} {
			o, err := e.Head(t.Context(), "bkt", x.key, x.version)
			if err != nil {
				t.Fatal(err)
			}
			if o.Metadata.StorageClass != x.want {
				t.Errorf("%s %s: %q, want %q", x.key, x.version, o.Metadata.StorageClass, x.want)
			}
		}
	}
	check(0, "", "", "", "")
	check(31, "STANDARD_IA", "", "", "ONEZONE_IA")
	check(31, "GLACIER_IR", "", "", "ONEZONE_IA")
	check(31, "GLACIER_IR", "", "", "ONEZONE_IA")
	if n := len(e.events); n != 3 || e.events[n-1].Class != "GLACIER_IR" || e.events[n-1].Size != int64(len(big)) {
		t.Errorf("events: %+v", e.events)
	}
	for want, r := range map[error]Rule{
		ErrNotImplemented:  {Transitions: []Transition{{Days: 90, Class: "GLACIER"}}},
		ErrInvalidArgument: {Transitions: []Transition{{Days: 29, Class: "STANDARD_IA"}}},
	} {
		if err := CheckLifecycle([]Rule{r}); !errors.Is(err, want) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := CheckLifecycle([]Rule{{Days: 40, Transitions: []Transition{{Days: 40, Class: "STANDARD_IA"}}}}); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("expiration before the transition: %v", err)
	}
}
