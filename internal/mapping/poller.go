package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/eventpattern"
)

// poller runs one mapping: one goroutine polls, and each batch is processed in one of its own, up to the limit.
type poller struct {
	engine  *Engine
	m       Mapping
	filters []*eventpattern.Pattern
	log     *slog.Logger

	wg sync.WaitGroup
}

const pollWait = 20 * time.Second

// run polls until ctx ends, and waits for the batches under way. Those go on, until the process stops, when only the
// mapping is changed: group is the context of the process.
func (p *poller) run(ctx, group context.Context) {
	defer p.wg.Wait()
	limit := p.m.MaxConcurrency
	if limit == 0 {
		limit = DefaultConcurrency
	}
	slots := make(chan struct{}, limit)
	p.loop(ctx, group, slots)
}

// loop takes batches and hands them out.
func (p *poller) loop(ctx, group context.Context, slots chan struct{}) {
	for failures := 0; ; {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		b, err := p.gather(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			<-slots
			return
		case err != nil:
			<-slots
			failures++
			p.log.Warn("poll source", "err", err)
			if clock.Sleep(ctx, p.engine.opts.Clock, min(time.Second<<min(failures, 6), time.Minute)) != nil {
				return
			}
			continue
		case b == nil:
			<-slots
			continue
		}
		failures = 0
		p.wg.Add(1)
		go func() {
			defer p.wg.Done()
			defer func() { <-slots }()
			defer func() {
				if v := recover(); v != nil { // its records come back when their time is up
					p.log.Error("batch panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				}
			}()
			p.process(group, b)
		}()
	}
}

// gather polls until the batch is full, too large, or has waited for the window.
func (p *poller) gather(ctx context.Context) (Batch, error) {
	src, c := p.engine.opts.Sources, p.engine.opts.Clock
	b, err := src.Poll(ctx, p.m, p.m.BatchSize, pollWait)
	if err != nil || b == nil || p.m.Window == 0 {
		return b, err
	}
	until := c.Now().Add(p.m.Window)
	for len(b.Records()) < p.m.BatchSize && size(b.Records()) < maxPayload-1<<20 {
		left := until.Sub(c.Now())
		if left <= 0 {
			break
		}
		more, err := src.Poll(ctx, p.m, p.m.BatchSize-len(b.Records()), min(left, pollWait))
		if err != nil {
			break // what there is goes on; the next poll tells
		}
		if more != nil {
			b = src.Join(b, more)
		}
	}
	return b, nil
}

func size(list []Record) (n int) {
	for _, r := range list {
		n += r.Size + 2
	}
	return n
}

// process filters a batch, invokes the function and tells the source what is done.
func (p *poller) process(ctx context.Context, b Batch) {
	stop := p.keep(ctx, b)
	defer stop()
	list := b.Records()
	var take, done []int
	for i := range list {
		if p.wanted(list[i].Filter) {
			take = append(take, i)
		} else {
			done = append(done, i) // filtered records are deleted
		}
	}
	// A payload that is too large goes in parts, one after the other so that order is kept.
	for len(take) > 0 {
		n, bytes := 0, 0
		for n < len(take) && (n == 0 || bytes+list[take[n]].Size < maxPayload) {
			bytes += list[take[n]].Size + 2
			n++
		}
		part := take[:n]
		take = take[n:]
		ok := p.invoke(ctx, list, part)
		done = append(done, ok...)
		if len(ok) < len(part) {
			break // what follows stays too: a FIFO queue would lose its order
		}
	}
	if len(done) == 0 {
		return
	}
	if err := b.Done(ctx, done); err != nil && ctx.Err() == nil {
		p.log.Error("remove processed records", "records", len(done), "err", err)
	}
}

func (p *poller) wanted(doc any) bool {
	if len(p.filters) == 0 {
		return true
	}
	return slices.ContainsFunc(p.filters, func(f *eventpattern.Pattern) bool { return f.Match(doc) })
}

// keep hides the batch until the function has answered.
func (p *poller) keep(ctx context.Context, b Batch) (stop func()) {
	every := b.KeepEvery()
	if every <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for clock.Sleep(ctx, p.engine.opts.Clock, every) == nil {
			if err := b.Keep(ctx); err != nil && ctx.Err() == nil {
				p.log.Warn("keep records hidden", "err", err)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// invoke calls the function with some of the records and returns those that are done.
func (p *poller) invoke(ctx context.Context, list []Record, which []int) []int {
	records := make([]Record, len(which))
	for i, w := range which {
		records[i] = list[w]
	}
	body, err := payload(records)
	if err != nil {
		p.log.Error("encode records", "err", err)
		return nil
	}
	for tries := 0; ; tries++ {
		answer, failed, throttled, err := p.engine.opts.Sources.Invoke(ctx, p.m, body)
		switch {
		case throttled && ctx.Err() == nil:
			if clock.Sleep(ctx, p.engine.opts.Clock, min(100*time.Millisecond<<min(tries, 8), 10*time.Second)) != nil {
				return nil
			}
			continue
		case err != nil:
			if ctx.Err() == nil {
				p.log.Warn("invoke function", "function", p.m.FunctionARN, "err", err)
			}
			return nil
		case failed:
			return nil // the records come back when their time is up
		case !p.m.PartialFailures:
			return which
		}
		return succeeded(answer, records, which)
	}
}

// succeeded reads a report of partial failures. One that cannot be read, or names a record that was not given, fails all.
//
// Source: "Implementing partial batch responses" in the AWS Lambda developer guide.
func succeeded(answer []byte, records []Record, which []int) []int {
	var report *struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 || string(answer) == `""` {
		return which
	}
	if json.Unmarshal(answer, &report) != nil {
		return nil
	}
	if report == nil {
		return which
	}
	bad := map[string]bool{}
	for _, f := range report.Failures {
		if f.ID == nil || *f.ID == "" || !slices.ContainsFunc(records, func(r Record) bool { return r.ID == *f.ID }) {
			return nil
		}
		bad[*f.ID] = true
	}
	var ok []int
	for i, r := range records {
		if !bad[r.ID] {
			ok = append(ok, which[i])
		}
	}
	return ok
}
