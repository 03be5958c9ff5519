package workflow

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// History returns a page of an execution's events, oldest first or newest first. The token names the next
// event and the direction, so that it stays valid while the history grows.
func (e *Engine) History(ctx context.Context, arn string, reverse bool, limit int, token string) ([]interp.Event, string, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return nil, "", err
	}
	if limit <= 0 || limit > 1000 {
		limit = defaultPage
	}
	next := int64(1)
	if reverse {
		if next, err = e.lastEvent(ctx, rec.Key); err != nil {
			return nil, "", err
		}
	}
	way := "up"
	if reverse {
		way = "down"
	}
	if token != "" {
		text, _ := base64.URLEncoding.DecodeString(token)
		number, ok := strings.CutPrefix(string(text), way)
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || n < 1 {
			return nil, "", fail(ErrInvalidPageToken, "Invalid Token: 'Invalid token'")
		}
		next = n
	}
	var list []interp.Event
	err = e.eventsFrom(ctx, rec.Key, next, reverse, func(ev *interp.Event) bool {
		list = append(list, *ev)
		return len(list) <= limit
	})
	if err != nil {
		return nil, "", err
	}
	if len(list) > limit {
		return list[:limit], base64.URLEncoding.EncodeToString([]byte(way + strconv.FormatInt(list[limit].ID, 10))), nil
	}
	return list, "", nil
}

// eventsFrom yields the events from one on, up or down.
func (e *Engine) eventsFrom(ctx context.Context, k uint64, from int64, reverse bool, yield func(*interp.Event) bool) error {
	prefix := byKey("h", k)
	rng := kv.Range{Lo: prefix, Hi: prefix.End(), Reverse: reverse}
	if reverse {
		rng.Hi = historyKey(k, from+1)
	} else if lo, err := e.batchOf(ctx, k, from); err != nil {
		return err
	} else if lo != nil {
		rng.Lo = lo
	}
	for it, err := range e.store.Scan(ctx, rng) {
		if err != nil {
			return fmt.Errorf("scan history: %w", err)
		}
		var events []*interp.Event
		if err := interp.ReadEvents(it.Value, func(ev *interp.Event) bool { events = append(events, ev); return true }); err != nil {
			return fmt.Errorf("history of execution %x: %w", k, err)
		}
		for i := range events {
			ev := events[i]
			if reverse {
				ev = events[len(events)-1-i]
			}
			if reverse && ev.ID > from || !reverse && ev.ID < from {
				continue
			}
			if !yield(ev) {
				return nil
			}
		}
	}
	return nil
}

// batchOf returns the key of the batch that holds an event.
func (e *Engine) batchOf(ctx context.Context, k uint64, id int64) ([]byte, error) {
	prefix := byKey("h", k)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: historyKey(k, id+1), Reverse: true}) {
		if err != nil {
			return nil, fmt.Errorf("scan history: %w", err)
		}
		return append([]byte(nil), it.Key...), nil
	}
	return nil, nil
}

// lastEvent returns the id of the newest event.
func (e *Engine) lastEvent(ctx context.Context, k uint64) (int64, error) {
	prefix := byKey("h", k)
	for it, err := range e.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End(), Reverse: true}) {
		if err != nil {
			return 0, fmt.Errorf("scan history: %w", err)
		}
		last := int64(0)
		if err := interp.ReadEvents(it.Value, func(ev *interp.Event) bool { last = ev.ID; return true }); err != nil {
			return 0, fmt.Errorf("history of execution %x: %w", k, err)
		}
		return last, nil
	}
	return 0, nil
}

// StateStatus is what an execution has made of a state so far.
type StateStatus struct {
	Name     string
	Entered  int // how often
	Exited   int
	Failed   int
	Attempts int       // tasks that were scheduled, first attempts and retries
	Active   int       // threads that are in the state
	First    time.Time // when it was entered first
	Last     time.Time // when the newest of its events happened
}

// Overview is an execution as a picture of it needs it: the graph of its definition and what has become of each state.
type Overview struct {
	Record *Record
	Graph  asl.Graph
	States map[string]*StateStatus // by name; those that were reached
}

// Overview returns the picture of an execution at this moment.
func (e *Engine) Overview(ctx context.Context, arn string) (*Overview, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return nil, err
	}
	m, err := e.machineOf(ctx, rec)
	if err != nil {
		return nil, err
	}
	states, err := e.statuses(ctx, rec)
	if err != nil {
		return nil, err
	}
	return &Overview{Record: rec, Graph: m.Graph(), States: states}, nil
}

// Statuses returns the live status of the states that the execution has reached, by name.
func (e *Engine) Statuses(ctx context.Context, arn string) (map[string]*StateStatus, error) {
	rec, err := e.Execution(ctx, arn)
	if err != nil {
		return nil, err
	}
	return e.statuses(ctx, rec)
}

func (e *Engine) statuses(ctx context.Context, rec *Record) (map[string]*StateStatus, error) {
	out := map[string]*StateStatus{}
	at := map[int64]string{} // the state that an event belongs to
	get := func(name string) *StateStatus {
		if out[name] == nil {
			out[name] = &StateStatus{Name: name}
		}
		return out[name]
	}
	// What is active is looked at first: its events are in the history by then.
	x, err := e.awake(ctx, rec.Key)
	if err != nil {
		return nil, err
	}
	if x != nil {
		x.mu.Lock()
		for _, t := range x.state.Threads {
			if t.Phase != interp.Ready && x.state.Status == interp.Running {
				get(t.State).Active++
			}
		}
		x.mu.Unlock()
	}
	err = e.eventsFrom(ctx, rec.Key, 1, false, func(ev *interp.Event) bool {
		name := ev.Name
		if name == "" {
			name = at[ev.Prev]
		}
		at[ev.ID] = name
		if name != "" {
			st := get(name)
			if st.First.IsZero() {
				st.First = ev.Time
			}
			st.Last = ev.Time
		}
		switch {
		case ev.Type.Entered():
			get(ev.Name).Entered++
		case ev.Type.Scheduled():
			get(name).Attempts++
		case ev.Type.Exited():
			get(ev.Name).Exited++
		case ev.Type.Failed() && name != "":
			get(name).Failed++
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
