package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/outbox"
)

// queued is an asynchronous invocation that waits.
type queued struct {
	Ref           Ref
	Payload       []byte
	RequestID     string
	ClientContext string    `json:",omitempty"`
	Received      time.Time // the age counts from here
	Failures      int       // of the function itself; throttles do not count
}

// InvokeAsync accepts an invocation that is carried out later: it is durable when this returns. It returns the id of the
// request.
func (s *Service) InvokeAsync(ctx context.Context, inv Invocation) (string, error) {
	var b kv.Batch
	id, err := s.QueueInvocation(ctx, &b, inv)
	if err != nil {
		return "", err
	}
	return id, kv.Commit(ctx, s.opts.Store, &b)
}

// QueueInvocation is InvokeAsync as a part of the caller's batch: whoever causes an invocation by a change of its own
// commits both at once.
func (s *Service) QueueInvocation(ctx context.Context, b *kv.Batch, inv Invocation) (string, error) {
	if len(inv.Payload) > MaxAsyncPayload {
		return "", fmt.Errorf("%w than %d bytes for the InvokeFunction operation: it has %d", ErrTooLarge, MaxAsyncPayload, len(inv.Payload))
	}
	if len(inv.Payload) == 0 {
		inv.Payload = []byte("{}")
	}
	if !json.Valid(inv.Payload) {
		return "", fmt.Errorf("%w: %s", ErrBadPayload, invalidJSON(inv.Payload))
	}
	if _, err := s.Get(ctx, inv.Ref); err != nil {
		return "", err
	}
	if inv.RequestID == "" {
		inv.RequestID = ident.UUID()
	}
	s.async.Put(b, queued{
		Ref: inv.Ref, Payload: inv.Payload, RequestID: inv.RequestID, ClientContext: inv.ClientContext, Received: s.opts.Clock.Now(),
	})
	return inv.RequestID, nil
}

// runAsync carries out one queued invocation. Function errors are tried again after one and two minutes, throttling and
// errors of the system with a back-off up to five minutes, both until the event is too old.
func (s *Service) runAsync(ctx context.Context, e outbox.Entry, b *kv.Batch) error {
	var q queued
	if err := json.Unmarshal(e.Body, &q); err != nil {
		s.log.Error("drop a malformed invocation", "id", e.ID, "err", err)
		return nil
	}
	cfg, err := s.eventConfig(ctx, q.Ref)
	if err != nil {
		return err
	}
	age := s.opts.Clock.Now().Sub(q.Received)
	if age > cfg.MaxAge {
		return s.finish(ctx, b, q, cfg, Result{RequestID: q.RequestID}, "EventAgeExceeded")
	}
	if m, err := s.meta(ctx, q.Ref.Scope, q.Ref.Name); err == nil && m.Reserved != nil && *m.Reserved == 0 {
		return s.finish(ctx, b, q, cfg, Result{RequestID: q.RequestID}, "ZeroReservedConcurrency") // it can never run
	}
	res, err := s.Invoke(ctx, Invocation{Ref: q.Ref, Payload: q.Payload, RequestID: q.RequestID, ClientContext: q.ClientContext})
	switch {
	case errors.Is(err, ErrNotFound):
		s.log.Warn("drop an invocation of a function that is gone", "function", q.Ref.ARN(), "request", q.RequestID)
		return nil
	case err != nil:
		return err
	case !res.Failed:
		return s.finish(ctx, b, q, cfg, res, "Success")
	}
	if q.Failures++; q.Failures > *cfg.Retries {
		return s.finish(ctx, b, q, cfg, res, "RetriesExhausted")
	}
	// The count of failures is kept in the entry's body, so it is put anew.
	s.async.PutAfter(b, time.Duration(q.Failures)*time.Minute, q)
	return nil
}

// eventConfig returns the settings for a reference, filled with the defaults.
func (s *Service) eventConfig(ctx context.Context, r Ref) (EventConfig, error) {
	c, err := s.EventConfig(ctx, r)
	if err != nil && !errors.Is(err, ErrNoEventConfig) {
		return EventConfig{}, err
	}
	if c.MaxAge == 0 {
		c.MaxAge = 6 * time.Hour
	}
	if c.Retries == nil {
		two := 2
		c.Retries = &two
	}
	return c, nil
}

// finish queues what follows an invocation: the destination's record, or the event for the dead-letter target.
func (s *Service) finish(ctx context.Context, b *kv.Batch, q queued, cfg EventConfig, res Result, condition string) error {
	target := cfg.OnSuccess
	if condition != "Success" {
		target = cfg.OnFailure
	}
	if target != "" {
		record, err := s.record(q, res, condition)
		if err != nil {
			return err
		}
		return s.send(ctx, b, q, target, Outcome{Body: record, Function: q.ran(res), Failed: condition != "Success"})
	}
	if condition == "Success" {
		return nil
	}
	v, err := s.Get(ctx, q.Ref)
	if err != nil || v.Config.DeadLetter == "" {
		s.log.Warn("give up an asynchronous invocation", "function", q.Ref.ARN(), "request", q.RequestID, "condition", condition)
		return nil
	}
	return s.send(ctx, b, q, v.Config.DeadLetter, Outcome{Body: q.Payload, Function: q.ran(res), Failed: true, Letter: letter(q, res)})
}

// send gives an outcome to a destination. One that does not take it, as a queue that is gone, is no reason to run the function
// again: it is logged, as AWS counts it.
func (s *Service) send(ctx context.Context, b *kv.Batch, q queued, target string, o Outcome) error {
	err := s.opts.Dest.Send(ctx, b, q.Ref.Scope, target, o)
	if err != nil && ctx.Err() == nil {
		b.Reset()
		s.log.Warn("drop the outcome of an invocation that its destination does not take", "function", q.Ref.ARN(), "request", q.RequestID, "destination", target, "err", err)
		return nil
	}
	return err
}

// ran is the ARN of the function with the version that ran or was to run.
func (q queued) ran(res Result) string {
	ref := q.Ref
	switch {
	case res.Version != "":
		ref.Qualifier = res.Version
	case ref.Qualifier == "":
		ref.Qualifier = Latest
	}
	return ref.ARN()
}

// maxLetterText is how much of an error's message Lambda puts into an attribute.
const maxLetterText = 1024

func letter(q queued, res Result) *Letter {
	l := &Letter{RequestID: q.RequestID, ErrorCode: 200}
	if res.Version == "" && q.Failures == 0 { // there was never room for it
		l.ErrorCode, l.ErrorMessage = 429, "Rate Exceeded."
	}
	var failure struct{ ErrorMessage string }
	if json.Unmarshal(res.Payload, &failure) == nil {
		l.ErrorMessage = failure.ErrorMessage
	}
	if len(l.ErrorMessage) > maxLetterText {
		l.ErrorMessage = strings.ToValidUTF8(l.ErrorMessage[:maxLetterText], "")
	}
	return l
}

// record is the document that destinations get.
func (s *Service) record(q queued, res Result, condition string) ([]byte, error) {
	response := map[string]any{"statusCode": 200, "executedVersion": res.Version}
	doc := map[string]any{
		"version":   "1.0",
		"timestamp": s.opts.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": q.RequestID, "functionArn": q.ran(res), "condition": condition, "approximateInvokeCount": q.Failures + btoi(condition == "Success"),
		},
		"requestPayload": json.RawMessage(q.Payload),
	}
	if res.Version != "" {
		if res.Failed {
			response["functionError"] = "Unhandled"
		}
		doc["responseContext"] = response
		if json.Valid(res.Payload) {
			doc["responsePayload"] = json.RawMessage(res.Payload)
		} else {
			doc["responsePayload"] = base64.StdEncoding.EncodeToString(res.Payload)
		}
	}
	return json.Marshal(doc)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
