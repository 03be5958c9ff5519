package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
)

// Invocation is a request to run a function and wait for its answer.
type Invocation struct {
	Ref           Ref
	Payload       []byte // JSON; empty = {}
	RequestID     string // "" = a new one
	ClientContext string // JSON, given to the function as it is
}

// Result is what an invocation gave.
type Result struct {
	RequestID string
	Payload   []byte // the answer, or the error document when Failed
	Failed    bool   // the function failed, was killed or could not start
	Version   string // the number of the version that ran
	LogTail   []byte // the last 4 KiB of the log
	Duration  time.Duration
}

// Invoke runs a function and returns its answer. A function that fails is a Result with Failed, not an error. Errors:
// ErrNotFound, ErrBadPayload, ErrTooLarge, ErrTooManyRequests, ErrRuntime.
func (s *Service) Invoke(ctx context.Context, inv Invocation) (Result, error) {
	if len(inv.Payload) > MaxSyncPayload {
		return Result{}, fmt.Errorf("%w than %d bytes for the InvokeFunction operation: it has %d", ErrTooLarge, MaxSyncPayload, len(inv.Payload))
	}
	if len(inv.Payload) == 0 {
		inv.Payload = []byte("{}")
	}
	if !json.Valid(inv.Payload) {
		return Result{}, fmt.Errorf("%w: %s", ErrBadPayload, invalidJSON(inv.Payload))
	}
	if inv.RequestID == "" {
		inv.RequestID = ident.UUID()
	}
	v, err := s.find(ctx, inv.Ref, true)
	if err != nil {
		return Result{}, err
	}
	release, err := s.admit(ctx, inv.Ref)
	if err != nil {
		return Result{}, err
	}
	defer release()
	return s.run(ctx, inv, v)
}

// Check is a dry run: it fails as Invoke would before the function starts.
func (s *Service) Check(ctx context.Context, r Ref) error {
	_, err := s.Get(ctx, r)
	return err
}

// admit counts a request against the function's reservation.
func (s *Service) admit(ctx context.Context, r Ref) (release func(), err error) {
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return nil, err
	}
	key := r.Scope.String() + "/" + r.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy == nil {
		s.busy = map[string]int{}
	}
	if m.Reserved != nil && s.busy[key] >= *m.Reserved {
		return nil, fmt.Errorf("%w: %d", ErrReserved, *m.Reserved)
	}
	if s.total >= AccountConcurrency {
		return nil, fmt.Errorf("%w: %d requests are under way", ErrTooManyRequests, s.total)
	}
	s.busy[key]++
	s.total++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.busy[key]--; s.busy[key] == 0 {
			delete(s.busy, key)
		}
	}, nil
}

// initTimeout is how long a runtime may take to load the function before its time-out starts to count.
const initTimeout = 10 * time.Second

func (s *Service) run(ctx context.Context, inv Invocation, v Version) (Result, error) {
	res := Result{RequestID: inv.RequestID, Version: v.Number}
	if err := s.runs.prepare(ctx, v.Config.Runtime); err != nil {
		return Result{}, err
	}
	in, cold, err := s.pool.acquire(ctx, inv.Ref.Scope, v)
	if err != nil {
		return Result{}, err
	}
	if cold {
		if failure, err := s.ready(ctx, in); err != nil || failure != nil {
			if err != nil {
				return Result{}, err
			}
			res.Payload, res.Failed = withRequestID(failure, inv.RequestID), true
			s.report(ctx, in, &res, 0, false)
			return res, nil
		}
	}
	started := s.opts.Clock.Now()
	arn := inv.Ref.ARN()
	req := &request{
		id: inv.RequestID, arn: arn, trace: "Root=1-" + fmt.Sprintf("%08x", started.Unix()) + "-" + ident.Hex(12),
		payload: inv.Payload, clientContext: inv.ClientContext, deadline: started.Add(v.Config.Timeout), done: make(chan answer, 1),
	}
	in.mu.Lock()
	in.current = req
	in.mu.Unlock()
	timer := s.opts.Clock.NewTimer(v.Config.Timeout)
	defer timer.Stop()
	reuse := false
	select {
	case in.next <- req:
		select {
		case a := <-req.done:
			res.Payload, res.Failed = a.payload, a.failed
			reuse = true
		case <-in.exited:
			s.ended(in, req, &res)
		case <-timer.C():
			in.kill("timeout")
			res.Failed = true
			res.Payload = errorPayload("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", req.id, v.Config.Timeout.Seconds()), "")
		case <-ctx.Done():
			in.kill("cancelled")
			return Result{}, ctx.Err()
		}
	case <-in.exited:
		s.ended(in, req, &res)
	case <-timer.C():
		in.kill("timeout")
		res.Failed = true
		res.Payload = errorPayload("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", req.id, v.Config.Timeout.Seconds()), "")
	case <-ctx.Done():
		in.kill("cancelled")
		return Result{}, ctx.Err()
	}
	res.Duration = s.opts.Clock.Now().Sub(started)
	s.report(ctx, in, &res, res.Duration, reuse)
	if reuse {
		s.pool.put(in)
	}
	return res, nil
}

// ready waits until a new instance asks for work. A failure is the payload of its error.
func (s *Service) ready(ctx context.Context, in *instance) (failure []byte, err error) {
	limit := initTimeout + in.version.Config.Timeout
	initCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	failure, err = in.await(initCtx)
	in.initFor = s.opts.Clock.Now().Sub(in.started)
	switch {
	case failure != nil:
		<-in.exited // a runtime that reported an error ends by itself
		return failure, nil
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		in.kill("cancelled")
		return nil, ctx.Err()
	}
	in.kill("timeout")
	return errorPayload("Sandbox.Timedout", fmt.Sprintf("Error: Task timed out after %.2f seconds", limit.Seconds()), ""), nil
}

// ended fills in the answer of a request whose process ended.
func (s *Service) ended(in *instance, req *request, res *Result) {
	select {
	case a := <-req.done: // it answered, then ended
		res.Payload, res.Failed = a.payload, a.failed
		return
	default:
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	res.Failed = true
	kind := "Runtime.ExitError"
	if in.killed == "memory" {
		kind = "Runtime.OutOfMemory"
	}
	why := in.exitReason
	if in.killed == "storage" {
		why += fmt.Sprintf(": /tmp holds more than %d MB, the function's ephemeral storage", in.version.Config.StorageMB)
	}
	res.Payload = errorPayload(kind, fmt.Sprintf("RequestId: %s Error: Runtime exited %s", req.id, why), "")
}

// report writes the platform's lines around what the function wrote, keeps the tail and counts the use.
func (s *Service) report(ctx context.Context, in *instance, res *Result, took time.Duration, alive bool) {
	if alive {
		in.out.drain()
	} else {
		<-in.exited
		in.out.drain()
	}
	in.mu.Lock()
	peak := in.maxMemory
	in.mu.Unlock()
	if peak == 0 {
		peak = residentNow(in)
	}
	c := in.version.Config
	billed := time.Duration(math.Ceil(float64(took)/float64(time.Millisecond))) * time.Millisecond
	now := s.opts.Clock.Now()
	u := usage{start: now.Add(-took), end: now, took: took, billed: billed, peak: peak, init: in.initFor}
	in.initFor = 0
	layOut := in.textLines
	if c.LogFormat == jsonFormat {
		layOut = in.jsonLines
	}
	lines := layOut(res, u, in.take(true))
	s.writeLog(in, lines)
	res.LogTail = tail(lines)
	var b kv.Batch
	arn := in.scope.ARN("lambda", "function:"+in.version.Name)
	s.opts.Meter.Add(&b, now, in.scope, meter.LambdaRequests, arn, 1)
	s.opts.Meter.Add(&b, now, in.scope, meter.LambdaGBSeconds, arn, float64(c.MemoryMB)/1024*billed.Seconds())
	if _, err := s.opts.Store.Apply(ctx, &b); err != nil && ctx.Err() == nil {
		s.log.Warn("count invocation", "err", err)
	}
}

// firstLine keeps START before the function's first line, which may have been written while it was loading.
func (in *instance) firstLine(start time.Time, written []LogLine) time.Time {
	if len(written) > 0 && written[0].Time.Before(start) {
		return written[0].Time
	}
	return start
}

func tail(lines []LogLine) []byte {
	var all []byte
	for _, l := range lines {
		all = append(append(all, l.Message...), '\n')
	}
	if len(all) > logTailBytes {
		all = all[len(all)-logTailBytes:]
	}
	return all
}

func errorPayload(kind, message, requestID string) []byte {
	doc := map[string]any{"errorType": kind, "errorMessage": message}
	if requestID != "" {
		doc["requestId"] = requestID
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic("BUG: encode error document: " + err.Error())
	}
	return data
}

// withRequestID adds the request to the platform's message about a start that failed, as Lambda does.
func withRequestID(payload []byte, id string) []byte {
	var doc map[string]any
	if json.Unmarshal(payload, &doc) != nil {
		return payload
	}
	text, _ := doc["errorMessage"].(string)
	kind, _ := doc["errorType"].(string)
	if !strings.HasPrefix(text, "Error: ") || !strings.HasPrefix(kind, "Runtime.Exit") && kind != "Sandbox.Timedout" {
		return payload
	}
	return errorPayload(kind, "RequestId: "+id+" "+text, "")
}

// invalidJSON describes where a document stops being JSON.
func invalidJSON(b []byte) string {
	var v any
	err := json.Unmarshal(b, &v)
	var at *json.SyntaxError
	if errors.As(err, &at) {
		return fmt.Sprintf("%v at byte %d", err, at.Offset)
	}
	return fmt.Sprint(err)
}
