package event

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/outbox"
)

// Put takes events, durably. A nil id has its error in errs.
func (e *Engine) Put(ctx context.Context, list []Event, buses []BusRef) (ids []string, errs []error, err error) {
	var b kv.Batch
	ids, errs = make([]string, len(list)), make([]error, len(list))
	for i := range list {
		ids[i], errs[i] = e.Emit(&b, buses[i], list[i])
		if errs[i] == nil && e.opts.Meter != nil {
			units := (len(list[i].Detail) + len(list[i].Source) + len(list[i].DetailType) + 64<<10 - 1) / (64 << 10) // AWS bills 64 KiB each
			e.opts.Meter.Add(&b, e.opts.Clock.Now(), buses[i].Scope, meter.EventsPublished, buses[i].ARN(), float64(max(units, 1)))
		}
	}
	if b.Empty() {
		return ids, errs, nil
	}
	return ids, errs, kv.Commit(ctx, e.opts.Store, &b)
}

// Wanted reports whether a bus does anything with events: whoever makes many may ask before it makes one.
func (e *Engine) Wanted(bus BusRef) bool {
	if e.tails.Watched() {
		return true
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return len(e.rules[bus]) > 0 || len(e.archives[bus]) > 0
}

// envelope is an event as targets get it, with its members in AWS's order.
type envelope struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     any      `json:"detail"`
}

// Emit puts an event on a bus as a part of the caller's batch and returns its id.
func (e *Engine) Emit(b *kv.Batch, bus BusRef, ev Event) (string, error) {
	if _, err := e.Bus(bus); err != nil {
		return "", err
	}
	id, now := ident.UUID(), e.opts.Clock.Now().UTC()
	if ev.Time.IsZero() {
		ev.Time = now
	}
	if ev.Resources == nil {
		ev.Resources = []string{}
	}
	text, err := marshal(envelope{
		Version: "0", ID: id, DetailType: ev.DetailType, Source: ev.Source, Account: cmp.Or(ev.Account, bus.Account), Time: ev.Time.UTC().Format("2006-01-02T15:04:05Z"),
		Region: bus.Region, Resources: ev.Resources, Detail: ev.Detail,
	})
	if err != nil {
		return "", fmt.Errorf("%w: Detail is malformed: %w", ErrBadInput, err)
	}
	doc, err := eventpattern.Decode(text)
	if err != nil {
		return "", fmt.Errorf("%w: Detail is malformed: %w", ErrBadInput, err)
	}
	e.match(b, bus, arrived{id: id, text: text, doc: doc, at: now})
	return id, nil
}

// Forward puts an event of another bus on a bus, as it is but for its id, which changes with the region, as on AWS. An event is forwarded once at most, as AWS does it: what a bus got from
// another bus does not go to a third.
func (e *Engine) Forward(b *kv.Batch, bus BusRef, text []byte, hops int) error {
	if _, err := e.Bus(bus); err != nil {
		return err
	}
	doc, err := eventpattern.Decode(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	m, _ := doc.(map[string]any)
	id, _ := m["id"].(string)
	if m["region"] != bus.Region && id != "" {
		old := id
		id = ident.UUID()
		m["id"] = id
		text = bytes.Replace(text, []byte(`"id":"`+old+`"`), []byte(`"id":"`+id+`"`), 1)
	}
	e.match(b, bus, arrived{id: id, text: text, doc: doc, at: e.opts.Clock.Now().UTC(), hops: hops})
	return nil
}

// arrived is an event on a bus.
type arrived struct {
	id    string
	text  []byte
	doc   any
	at    time.Time
	hops  int
	again bool     // it is replayed
	only  []string // ARNs of the rules that a replay is for; nil = all
}

// match adds the deliveries and archive entries of an event to b.
func (e *Engine) match(b *kv.Batch, bus BusRef, a arrived) {
	e.tails.Send(bus, Seen{a.text, a.doc})
	e.mu.RLock()
	var rules []Rule
	for _, r := range e.rules[bus] {
		if !r.Disabled && r.pattern != nil {
			rules = append(rules, r)
		}
	}
	var archives []Archive
	for _, x := range e.archives[bus] {
		archives = append(archives, x)
	}
	e.mu.RUnlock()
	for _, r := range rules {
		if (a.only == nil || slices.Contains(a.only, r.ARN())) && r.pattern.Match(a.doc) {
			e.queue(b, r, a.text, a.doc, a.at, a.hops)
		}
	}
	for _, x := range archives {
		if !a.again && (x.Pattern == "" || x.pattern != nil && x.pattern.Match(a.doc)) {
			b.Set(archivedKey(x.Bus.Scope, x.Name).Time(a.at).Str(a.id), a.text)
		}
	}
}

// queue adds the deliveries of an event to a rule's targets.
func (e *Engine) queue(b *kv.Batch, r Rule, text []byte, doc any, now time.Time, hops int) {
	targets := r.Targets
	r.Targets = nil
	for _, t := range targets {
		payload := t.payload(r, text, doc, now)
		if payload == nil { // AWS does not deliver it either
			e.log.Warn("drop an event of which the template of a target gives no JSON", "rule", r.ARN(), "target", t.ARN)
			continue
		}
		t.HTTP = t.HTTP.of(doc)
		e.box.Put(b, Delivery{Rule: r, Target: t, Payload: payload, Hops: hops, At: now})
	}
}

// Run delivers events, runs schedules and replays, and empties archives, until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	done := make(chan struct{}, 3)
	for _, f := range []func(context.Context){func(ctx context.Context) { e.box.Run(ctx, e.deliver) }, e.runReplays, e.runRetention} {
		go func() { f(ctx); done <- struct{}{} }()
	}
	e.runSchedules(ctx)
	for range cap(done) {
		<-done
	}
}

// lane keeps the deliveries to one API destination together, so that one that hangs, or is called slowly, holds up nothing else.
func lane(body json.RawMessage) string {
	if !bytes.Contains(body, []byte(":api-destination/")) {
		return ""
	}
	var d struct{ Target struct{ ARN string } }
	if json.Unmarshal(body, &d) != nil || !strings.Contains(d.Target.ARN, ":api-destination/") {
		return ""
	}
	return d.Target.ARN
}

func (e *Engine) deliver(ctx context.Context, entry outbox.Entry, b *kv.Batch) error {
	var d Delivery
	if err := json.Unmarshal(entry.Body, &d); err != nil {
		e.log.Error("drop a malformed delivery", "id", entry.ID, "err", err)
		return nil
	}
	d.ID = entry.ID
	err := e.opts.Deliverer.Deliver(ctx, b, d)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if !errors.Is(err, ErrPermanent) && entry.Attempt < d.Target.Retries && e.box.Age(entry) < d.Target.MaxAge {
		return err
	}
	b.Reset()
	if d.Target.Dead == "" {
		e.log.Warn("drop an event that cannot be delivered", "rule", d.Rule.ARN(), "target", d.Target.ARN, "err", err)
		return nil
	}
	if dead := e.opts.Deliverer.Bury(ctx, b, d, entry.Attempt, err); dead != nil && ctx.Err() == nil {
		b.Reset()
		e.log.Warn("drop an event that neither its target nor its dead-letter queue takes", "rule", d.Rule.ARN(), "target", d.Target.ARN, "err", err, "reason", dead)
	}
	return ctx.Err()
}
