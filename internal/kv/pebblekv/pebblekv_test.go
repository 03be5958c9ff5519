package pebblekv_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/kv/pebblekv"
)

func TestConformance(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) func(*testing.T) kv.Store {
		fs := vfs.NewMem()
		return func(t *testing.T) kv.Store { return kvtest.Open(t, fs) }
	})
}

func TestConformanceOnDisk(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) func(*testing.T) kv.Store {
		dir := t.TempDir()
		return func(t *testing.T) kv.Store {
			s, err := pebblekv.Open(t.Context(), pebblekv.Options{Dir: dir, ReserveBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
	})
}
