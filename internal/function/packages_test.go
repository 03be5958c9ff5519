package function

import (
	"context"
	"errors"
	"log/slog"
	"testing"
)

// An invocation waits for the SDKs before its own time is counted, as long as its caller does.
func TestPrepareWaitsForTheSDKs(t *testing.T) {
	r := newRuntimes(t.TempDir(), Packages{}, func(string) {}, slog.New(slog.DiscardHandler))
	installing := &preparing{done: make(chan struct{}), err: errors.New("no such registry")}
	r.sdks[python] = installing
	if _, err := r.find(t.Context(), "python3.12"); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.prepare(gone, "python3.12"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone waits on: %v", err)
	}
	close(installing.done)
	if err := r.prepare(t.Context(), "python3.12"); !errors.Is(err, installing.err) {
		t.Errorf("got %v, want the error of the installation", err)
	}
	if err := r.prepare(t.Context(), "provided.al2023"); err != nil {
		t.Errorf("a runtime without SDKs: %v", err)
	}
}
