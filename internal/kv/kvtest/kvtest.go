// Package kvtest gives tests a store in memory and holds every backend of kv to the same suite.
package kvtest

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
)

// New returns an empty store in memory that is closed when the test ends.
func New(t testing.TB) kv.Store { return Open(t, vfs.NewMem()) }

// Open returns a store on fs, which may hold an earlier one: close the store and Open again to restart it. A crashable
// file system (vfs.NewCrashableMem) can be cloned as a power cut would leave it. The store is closed when the test ends.
func Open(t testing.TB, fs vfs.FS) *pebblekv.Store {
	t.Helper()
	return OpenDir(t, fs, "db")
}

// OpenDir is Open for another directory of fs, such as a checkpoint.
func OpenDir(t testing.TB, fs vfs.FS, dir string) *pebblekv.Store {
	t.Helper()
	s, err := pebblekv.Open(t.Context(), pebblekv.Options{
		Dir:           dir,
		FS:            fs,
		Logger:        slog.New(slog.DiscardHandler),
		MemTableBytes: 1 << 20,
		CacheBytes:    4 << 20,
		Fatal:         func(message string) { panic(message) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}
