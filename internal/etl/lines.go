package etl

import (
	"bytes"
	"context"
	"sync"
)

// lineWriter cuts what a process writes into lines and hands them to the log, some at a time.
type lineWriter struct {
	e     *execution
	group string

	mu      sync.Mutex
	partial []byte
	held    []string
}

const (
	maxLine  = 256 << 10
	heldMost = 100
)

func (e *execution) lines(group string) *lineWriter { return &lineWriter{e: e, group: group} }

// Write implements io.Writer. It never fails: a log that cannot be written does not end a job.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.partial = append(w.partial, p[:i]...)
		w.emit()
		p = p[i+1:]
	}
	if w.partial = append(w.partial, p...); len(w.partial) >= maxLine {
		w.emit()
	}
	w.send()
	return n, nil
}

func (w *lineWriter) emit() {
	if len(w.partial) > 0 {
		w.held = append(w.held, string(w.partial))
		w.partial = w.partial[:0]
	}
	if len(w.held) >= heldMost {
		w.send()
	}
}

func (w *lineWriter) send() {
	if len(w.held) > 0 {
		w.e.say(w.group, w.held...)
		w.held = nil
	}
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emit()
	w.send()
}

// say writes lines of the run's log.
func (e *execution) say(group string, lines ...string) {
	if e.svc.opts.Logs != nil {
		e.svc.opts.Logs.Append(context.Background(), e.scope, group, e.run.ID, e.svc.opts.Clock.Now(), lines)
	}
}
