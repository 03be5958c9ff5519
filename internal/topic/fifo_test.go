package topic_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/topic"
)

func TestFIFODeduplicationAcrossRestarts(t *testing.T) {
	store, c := kvtest.New(t), clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := &sink{store: store}
	open := func() *topic.Engine {
		e, err := topic.Open(t.Context(), topic.Options{Store: store, Deliverer: s, Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open()
	r := topic.Ref{Scope: scope, Name: "t.fifo"}
	_, err := e.Create(t.Context(), r, map[string]string{"FifoTopic": "true", "ContentBasedDeduplication": "true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "sqs", Endpoint: "q"}, nil); err != nil {
		t.Fatal(err)
	}
	publish := func(body, group, id string) topic.Published {
		t.Helper()
		out, errs, err := e.Publish(t.Context(), r, []topic.Message{{Body: body, Group: group, DedupID: id}})
		if err = errors.Join(err, errs[0]); err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	first := publish("a", "g", "")
	e = open()
	c.Advance(topic.DedupWindow - time.Second)
	if again := publish("a", "h", ""); again.ID != first.ID || again.Sequence != first.Sequence || !again.Duplicate {
		t.Errorf("the same text: %+v, first %+v", again, first)
	}
	second := publish("a", "g", "id")
	if second.Duplicate || second.Sequence <= first.Sequence {
		t.Errorf("another id: %+v", second)
	}
	if got := s.take(); got != "q:a q:a" {
		t.Errorf("delivered %s", got)
	}
	c.Advance(time.Second) // the first is forgotten, the second is not
	if third := publish("a", "g", ""); third.Duplicate || third.Sequence <= second.Sequence || !publish("a", "g", "id").Duplicate {
		t.Errorf("after the window: %+v", third)
	}
	err = e.Update(t.Context(), r, func(attrs, _ map[string]string) error {
		attrs["FifoThroughputScope"] = "MessageGroup"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if publish("b", "g", "x").Duplicate || publish("b", "h", "x").Duplicate || !publish("b", "h", "x").Duplicate {
		t.Error("deduplication by group")
	}
}
