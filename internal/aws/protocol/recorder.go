package protocol

import (
	"context"
	"io"
	"net/http"
)

// Recorder is a ResponseWriter that remembers what was sent, for access logs and for knowing whether an error can still
// be answered. It keeps the way open for sendfile.
type Recorder struct {
	http.ResponseWriter
	Status int   // 0 = nothing was sent
	Bytes  int64 // of the body

	// Park gives up the request and has rest write the answer later, under a context that ends when the client goes away. It
	// reports false where it cannot; then the answer is written as any other. nil = it never can.
	Park func(rest func(ctx context.Context, w *Recorder)) bool
}

// Later is returned, as an error, by a handler that has nothing to answer yet and whose call may wait long. Then does the
// waiting and the rest. It must not hold on to the Call, its
// request or the input, so that a call costs little while it waits.
type Later struct {
	Then func(ctx context.Context) (any, error)
}

// Error implements error.
func (*Later) Error() string { return "the call waits" }

// WriteHeader implements http.ResponseWriter.
func (w *Recorder) WriteHeader(status int) {
	if w.Status == 0 && status >= 200 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *Recorder) Write(b []byte) (int, error) {
	w.sent()
	n, err := w.ResponseWriter.Write(b)
	w.Bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *Recorder) ReadFrom(r io.Reader) (int64, error) {
	w.sent()
	n, err := io.Copy(w.ResponseWriter, r)
	w.Bytes += n
	return n, err
}

func (w *Recorder) sent() {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
}

// Unwrap serves http.ResponseController.
func (w *Recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *Recorder) Flush() {
	w.sent()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}
