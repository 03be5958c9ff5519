package pebblekv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestPowerCut cuts the power while writers are busy, keeping what was synced and a random part of what was not, and
// compares with what had been acknowledged: nothing is lost, no batch is there in part, and no later batch survives
// without the earlier ones of its writer.
func TestPowerCut(t *testing.T) {
	for _, unsynced := range []int{0, 0, 30, 70} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("unsynced=%d,seed=%d", unsynced, seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			fs := vfs.NewCrashableMem()
			s := kvtest.Open(t, fs)
			const writers, cutAt = 8, 400
			var (
				mu    sync.Mutex
				acked [writers]int // batches acknowledged, per writer
				total int
				clone *vfs.MemFS
				wg    sync.WaitGroup
			)
			for w := range writers {
				wg.Go(func() {
					for i := 0; ; i++ {
						mu.Lock()
						if clone != nil {
							mu.Unlock()
							return
						}
						mu.Unlock()
						var b kv.Batch
						for part := range 3 {
							b.Set(fmt.Appendf(nil, "%d/%06d/%d", w, i, part), bytes.Repeat([]byte{byte(i)}, 100*w))
						}
						if err := kv.Commit(t.Context(), s, &b); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if clone == nil {
							acked[w] = i + 1
							if total++; total == cutAt {
								clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng})
							}
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			after := kvtest.Open(t, clone)
			for w := range writers {
				gone := false
				for i := range acked[w] + 2 {
					n := 0
					for part := range 3 {
						v, err := after.Get(t.Context(), fmt.Appendf(nil, "%d/%06d/%d", w, i, part))
						switch {
						case err == nil && bytes.Equal(v, bytes.Repeat([]byte{byte(i)}, 100*w)):
							n++
						case !errors.Is(err, kv.ErrNotFound):
							t.Errorf("writer %d batch %d: value of %d bytes, %v", w, i, len(v), err)
						}
					}
					switch {
					case i < acked[w] && n != 3:
						t.Errorf("writer %d: acknowledged batch %d of %d: %d of 3 keys left", w, i, acked[w], n)
					case n != 0 && n != 3:
						t.Errorf("writer %d: batch %d is there in part: %d of 3 keys", w, i, n)
					case n == 3 && gone:
						t.Errorf("writer %d: batch %d survived without an earlier one", w, i)
					}
					gone = gone || n == 0
				}
			}
		})
	}
}

// TestCheckpoint opens a copy that was made while the store was written.
func TestCheckpoint(t *testing.T) {
	fs := vfs.NewMem()
	s := kvtest.Open(t, fs)
	var b kv.Batch
	for i := range 1000 {
		b.Reset()
		b.Set(fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte("x"), 3000))
		p, err := s.Apply(t.Context(), &b)
		if err != nil {
			t.Fatal(err)
		}
		if i == 999 {
			if err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Checkpoint(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	b.DeleteRange([]byte("0"), []byte("9"))
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Fatal(err)
	}
	c := kvtest.OpenDir(t, fs, "copy")
	n := 0
	for _, err := range c.Scan(t.Context(), kv.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1000 {
		t.Errorf("the copy holds %d keys, want 1000", n)
	}
	if err := s.Checkpoint(t.Context(), "copy"); err == nil {
		t.Error("a checkpoint into a directory that exists was not refused")
	}
}
