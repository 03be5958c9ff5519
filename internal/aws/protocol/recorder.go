package protocol

import (
	"io"
	"net/http"
)

// Recorder is a ResponseWriter that remembers what was sent, for access logs and for knowing whether an error can still
// be answered. It keeps the way open for sendfile.
type Recorder struct {
	http.ResponseWriter
	Status int   // 0 = nothing was sent
	Bytes  int64 // of the body
}

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
