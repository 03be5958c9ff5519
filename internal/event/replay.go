package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// ReplayState is where a replay is.
type ReplayState string

// The states of replays.
const (
	Starting   ReplayState = "STARTING"
	Running    ReplayState = "RUNNING"
	Cancelling ReplayState = "CANCELLING"
	Completed  ReplayState = "COMPLETED"
	Cancelled  ReplayState = "CANCELLED"
	Failed     ReplayState = "FAILED"
)

// Ended reports whether the state is a last one.
func (s ReplayState) Ended() bool { return s == Completed || s == Cancelled || s == Failed }

// Replay puts events of an archive on their bus again, with the replay's name in them.
type Replay struct {
	ident.Scope
	Name        string
	Description string   `json:",omitempty"`
	Archive     string   // name
	Bus         BusRef   // where the events go: the bus of the archive
	Rules       []string `json:",omitempty"` // ARNs; none = all rules of the bus
	From, To    time.Time
	State       ReplayState
	Reason      string    `json:",omitempty"`
	Started     time.Time // when it was asked for
	Ended       time.Time
	LastEvent   time.Time // when the newest event that was replayed had arrived
	Cursor      []byte    `json:",omitempty"` // key after which it goes on
}

// ARN returns arn:aws:events:REGION:ACCOUNT:replay/NAME.
func (r Replay) ARN() string { return r.Scope.ARN("events", "replay/"+r.Name) }

func replayKey(s ident.Scope, name string) key.Key { return under(s, "replay").Str(name) }

// replayLife is how long AWS shows replays that ended.
const replayLife = 90 * 24 * time.Hour

// StartReplay begins a replay.
func (e *Engine) StartReplay(ctx context.Context, r Replay) (Replay, error) {
	if !r.To.After(r.From) {
		return r, fmt.Errorf("%w: Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.", ErrBadInput)
	}
	a, err := e.Archive(r.Scope, r.Archive)
	if err != nil {
		return r, err
	}
	if r.Bus != a.Bus {
		return r, fmt.Errorf("%w: Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.", ErrBadInput)
	}
	for _, arn := range r.Rules {
		if !e.ruleExists(r.Bus, arn) {
			return r, fmt.Errorf("%w: Rule %s does not exist.", ErrNotFound, arn)
		}
	}
	list, _, err := kv.LoadAll[Replay](ctx, e.opts.Store, kv.Prefix(under(r.Scope, "replay")), 0)
	if err != nil {
		return r, err
	}
	active := 0
	for _, o := range list {
		if !o.State.Ended() {
			active++
		}
	}
	if active >= MaxReplays {
		return r, fmt.Errorf("%w: %d replays run at a time", ErrLimit, MaxReplays)
	}
	r.State, r.Started = Starting, e.opts.Clock.Now().UTC()
	var b kv.Batch
	b.IfAbsent(replayKey(r.Scope, r.Name))
	kv.Put(&b, replayKey(r.Scope, r.Name), r)
	if err := kv.Commit(ctx, e.opts.Store, &b); errors.Is(err, kv.ErrConflict) {
		return r, fmt.Errorf("%w: Replay %s already exists.", ErrExists, r.Name)
	} else if err != nil {
		return r, err
	}
	e.wakeReplays()
	return r, nil
}

func (e *Engine) wakeReplays() {
	select {
	case e.replays <- struct{}{}:
	default:
	}
}

func (e *Engine) ruleExists(bus BusRef, arn string) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, r := range e.rules[bus] {
		if r.ARN() == arn {
			return true
		}
	}
	return false
}

// Replay returns one.
func (e *Engine) Replay(ctx context.Context, s ident.Scope, name string) (Replay, error) {
	r, err := kv.Load[Replay](ctx, e.opts.Store, replayKey(s, name))
	if errors.Is(err, kv.ErrNotFound) {
		return r, fmt.Errorf("%w: Replay %s does not exist.", ErrNotFound, name)
	}
	return r, err
}

// Replays returns the replays of a scope in the order of their names.
func (e *Engine) Replays(ctx context.Context, s ident.Scope, match func(Replay) bool, after string, limit int) (list []Replay, next string, err error) {
	all, _, err := kv.LoadAll[Replay](ctx, e.opts.Store, kv.Prefix(under(s, "replay")), 0)
	if err != nil {
		return nil, "", err
	}
	for _, r := range all {
		if r.Name <= after || !match(r) {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Name, nil
		}
		list = append(list, r)
	}
	return list, "", nil
}

// editReplay changes a replay unless it changed meanwhile; then f sees the newer one.
func (e *Engine) editReplay(ctx context.Context, s ident.Scope, name string, f func(*Replay, *kv.Batch) error) (Replay, error) {
	for {
		k := replayKey(s, name)
		old, err := e.opts.Store.Get(ctx, k)
		if errors.Is(err, kv.ErrNotFound) {
			err = fmt.Errorf("%w: Replay %s does not exist.", ErrNotFound, name)
		}
		var r Replay
		if err == nil {
			err = json.Unmarshal(old, &r)
		}
		if err != nil {
			return r, err
		}
		var b kv.Batch
		if err := f(&r, &b); err != nil {
			return r, err
		}
		b.IfEqual(k, old)
		kv.Put(&b, k, r)
		if err := kv.Commit(ctx, e.opts.Store, &b); !errors.Is(err, kv.ErrConflict) {
			return r, err
		}
	}
}

// CancelReplay stops a replay.
func (e *Engine) CancelReplay(ctx context.Context, s ident.Scope, name string) (Replay, error) {
	r, err := e.editReplay(ctx, s, name, func(r *Replay, _ *kv.Batch) error {
		if r.State != Starting && r.State != Running {
			return fmt.Errorf("%w: Replay %s is not in a valid state for this operation.", ErrStatus, name)
		}
		r.State = Cancelling
		return nil
	})
	e.wakeReplays()
	return r, err
}

// runReplays carries out replays, those that a restart interrupted too.
func (e *Engine) runReplays(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := e.stepReplays(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			e.log.Error("replay events", "err", err)
			_ = clock.Sleep(ctx, e.opts.Clock, time.Second)
		case !more:
			select {
			case <-ctx.Done():
			case <-e.replays:
			}
		}
	}
}

// stepReplays takes each replay a little further; more is set when one has not ended.
func (e *Engine) stepReplays(ctx context.Context) (more bool, err error) {
	scopes, err := e.scopes(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range scopes {
		list, _, err := kv.LoadAll[Replay](ctx, e.opts.Store, kv.Prefix(under(s, "replay")), 0)
		if err != nil {
			return false, err
		}
		for _, r := range list {
			if r.State.Ended() {
				continue
			}
			r, err := e.editReplay(ctx, s, r.Name, func(r *Replay, b *kv.Batch) error { return e.stepReplay(ctx, r, b) })
			if err != nil {
				return false, err
			}
			more = more || !r.State.Ended()
		}
	}
	return more, nil
}

// replayStep is how many events a replay takes in one batch.
const replayStep = 100

func (e *Engine) stepReplay(ctx context.Context, r *Replay, b *kv.Batch) error {
	now := e.opts.Clock.Now().UTC()
	if r.State == Cancelling {
		r.State, r.Ended = Cancelled, now
		return nil
	}
	if _, err := e.Archive(r.Scope, r.Archive); err != nil {
		return r.fail(now, "The archive does not exist any more.")
	}
	r.State = Running
	base := archivedKey(r.Scope, r.Archive)
	rng := kv.Range{Lo: base.Clone().Time(r.From), Hi: base.Clone().Time(r.To)}
	if r.Cursor != nil {
		rng.Lo = key.Key(r.Cursor).End()
	}
	only := r.Rules
	if len(only) == 0 {
		only = nil
	}
	n := 0
	for it, err := range e.opts.Store.Scan(ctx, rng) {
		if errors.Is(err, kv.ErrCorrupt) {
			return r.fail(now, "An archived event is damaged on disk.")
		}
		if err != nil {
			return fmt.Errorf("read archive %s: %w", r.Archive, err)
		}
		if n++; n > replayStep {
			return nil
		}
		k := key.Read(it.Key, key.Event)
		for range 4 {
			k.Str()
		}
		r.LastEvent = k.Time()
		a := arrived{id: k.Str(), at: now, again: true, only: only}
		if a.text, a.doc, err = named(it.Value, r.Name); err != nil {
			return r.fail(now, "An archived event cannot be read: "+err.Error())
		}
		r.Cursor = bytes.Clone(it.Key)
		e.match(b, r.Bus, a)
	}
	r.State, r.Ended = Completed, now
	return nil
}

func (r *Replay) fail(now time.Time, why string) error {
	r.State, r.Reason, r.Ended = Failed, why, now
	return nil
}

// named returns an event with the name of a replay in it.
func named(text []byte, replay string) (out []byte, doc any, err error) {
	if doc, err = eventpattern.Decode(text); err != nil {
		return nil, nil, err
	}
	m, ok := doc.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: it is no object", ErrBadInput)
	}
	m["replay-name"] = replay
	out, err = marshal(m)
	return out, doc, err
}

// forgetReplays removes replays that ended long ago.
func (e *Engine) forgetReplays(ctx context.Context, b *kv.Batch, now time.Time) error {
	scopes, err := e.scopes(ctx)
	if err != nil {
		return err
	}
	for _, s := range scopes {
		list, _, err := kv.LoadAll[Replay](ctx, e.opts.Store, kv.Prefix(under(s, "replay")), 0)
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.State.Ended() && now.Sub(r.Ended) > replayLife {
				b.Delete(replayKey(s, r.Name))
			}
		}
	}
	return nil
}
