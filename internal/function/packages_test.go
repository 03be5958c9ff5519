package function

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/lifecycle"
)

// An invocation waits for the SDKs before its own time is counted, as long as its caller does.
func TestPrepareWaitsForTheSDKs(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	g := lifecycle.New(t.Context(), quiet)
	r := newRuntimes(&Options{Dir: t.TempDir(), Progress: func(string) {}, Group: g}, quiet)
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

func TestAbandonedInstallationsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * abandonedAfter)
	for name, at := range map[string]time.Time{"python-1.part7": old, "python-1.part8": time.Now(), "python-1": old} {
		p := filepath.Join(dir, name)
		if err := os.Mkdir(p, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, at, at); err != nil {
			t.Fatal(err)
		}
	}
	removeAbandoned(dir)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left[0].Name() != "python-1" || left[1].Name() != "python-1.part8" {
		t.Errorf("left: %v", left)
	}
}

// The SDKs are installed when a function is made, and what the installer says can be seen.
func TestCreatingAFunctionInstallsItsSDKs(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	g := lifecycle.New(t.Context(), quiet)
	lines := make(chan string, 10)
	opts := &Options{Dir: t.TempDir(), Group: g, Packages: Packages{Python: []string{"no such/requirement"}}, Progress: func(s string) { lines <- s }}
	s := &Service{opts: *opts, log: quiet, runs: newRuntimes(opts, quiet)}
	s.prefetch("python3.12")
	if got := <-lines; !strings.HasPrefix(got, "installing the python SDKs (no such/requirement)") {
		t.Errorf("first line: %s", got)
	}
	if err := s.runs.prepare(t.Context(), "python3.12"); err == nil {
		t.Fatal("pip installed nonsense")
	}
	if got := strings.Join(s.Preparing(), "\n"); !strings.HasPrefix(got, "SDKs for python functions: failed: install the python SDKs: ") {
		t.Errorf("status: %s", got)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.runs.sdk(t.Context(), python, interpreter{}); !errors.Is(err, ErrTooManyRequests) {
		t.Errorf("after the end: %v", err)
	}
}
