package duck

import (
	"context"
	"fmt"
	"io"
)

// Result is the answer of a job. It is not safe for concurrent use.
type Result struct {
	// Columns are those of the last statement.
	Columns []Column

	pool    *Pool
	w       *worker
	release func()
	unwatch func() bool
	ctx     context.Context // of Run: what the rows are still bound to

	buf   []byte
	done  bool
	err   error
	stats Stats
}

// Next returns the next row in the Go form of package value, which the caller owns, or io.EOF after the last.
func (r *Result) Next() ([]any, error) {
	for len(r.buf) == 0 {
		if r.err != nil {
			return nil, r.err
		}
		if r.done {
			return nil, io.EOF
		}
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	row := make([]any, len(r.Columns))
	for i := range row {
		var err error
		if row[i], r.buf, err = readValue(r.buf); err != nil {
			r.err = err
			r.finish(false)
			return nil, err
		}
	}
	return row, nil
}

// All reads the remaining rows.
func (r *Result) All() ([][]any, error) {
	var rows [][]any
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// Stats are complete once Next returned io.EOF.
func (r *Result) Stats() Stats { return r.stats }

// Close gives up the rest of the rows. It may be called at any time and more than once.
func (r *Result) Close() {
	if !r.done {
		r.finish(false)
	}
}

// next reads one frame.
func (r *Result) next() error {
	kind, body, err := r.w.frame()
	if err != nil {
		r.err = r.failure(err)
		r.finish(false)
		return r.err
	}
	switch kind {
	case frameColumns:
		return decodeGob(body, &r.Columns)
	case frameRows:
		r.buf = body
		return nil
	case frameDone:
		queue := r.stats.QueueMicros
		if err := decodeGob(body, &r.stats); err != nil {
			return err
		}
		r.stats.QueueMicros = queue
		r.finish(true)
		return nil
	case frameFailed:
		var e Error
		if err := decodeGob(body, &e); err != nil {
			return err
		}
		r.err = &e
		r.finish(true)
		return r.err
	}
	r.err = fmt.Errorf("unexpected frame %q", kind)
	r.finish(false)
	return r.err
}

func (r *Result) failure(err error) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.w.lost(err)
}

// finish returns the slot at once and the worker when it is ready for another job.
func (r *Result) finish(reusable bool) {
	if r.done {
		return
	}
	r.done = true
	if !r.unwatch() {
		reusable = false
	}
	r.release()
	p, w := r.pool, r.w
	if !p.join() {
		w.stop()
		return
	}
	go func() {
		defer p.wg.Done()
		if reusable && w.ready() == nil {
			p.giveBack(w)
		} else {
			w.stop()
			p.refill(p.opts.Idle)
		}
	}()
}
