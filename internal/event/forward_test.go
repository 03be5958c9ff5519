package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestForward: an event keeps its id on a bus of its region, and gets another one elsewhere.
func TestForward(t *testing.T) {
	store := kvtest.New(t)
	s := &sink{got: make(chan string, 8)}
	e, _ := open(t, store, clock.NewFake(time.Now()), s)
	put(t, e, event.Rule{Pattern: `{"source":["s"]}`}, event.Target{})
	for region, same := range map[string]bool{bus.Region: true, "eu-west-1": false} {
		text := `{"version":"0","id":"one","source":"s","region":"` + region + `","detail":{"id":"one","n":1.50}}`
		var b kv.Batch
		if err := e.Forward(&b, bus, []byte(text), 1); err != nil {
			t.Fatal(err)
		}
		if err := kv.Commit(t.Context(), store, &b); err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID     string
			Detail struct {
				ID string
				N  json.Number
			}
		}
		if err := json.Unmarshal([]byte(<-s.got), &got); err != nil {
			t.Fatal(err)
		}
		if (got.ID == "one") != same || got.Detail.ID != "one" || got.Detail.N != "1.50" {
			t.Errorf("from %s: %+v", region, got)
		}
	}
}
