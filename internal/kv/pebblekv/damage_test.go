package pebblekv_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestDamagedBlock flips a bit in a table and expects errors for the keys of that block, and no more.
func TestDamagedBlock(t *testing.T) {
	fs := vfs.NewMem()
	s := kvtest.Open(t, fs)
	const keys = 2000
	var b kv.Batch
	for i := range keys {
		b.Set(fmt.Appendf(nil, "key/%06d", i), fmt.Appendf(nil, "%0200d", i*i))
	}
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flipBit(t, fs, 0.5)

	s = kvtest.Open(t, fs)
	var whole, broken []string
	for i := range keys {
		k := fmt.Sprintf("key/%06d", i)
		switch v, err := s.Get(t.Context(), []byte(k)); {
		case err == nil && string(v) == fmt.Sprintf("%0200d", i*i):
			whole = append(whole, k)
		case errors.Is(err, kv.ErrCorrupt):
			broken = append(broken, k)
		default:
			t.Fatalf("get %s = %q, %v", k, v, err)
		}
	}
	if len(broken) == 0 || len(broken) > 400 {
		t.Fatalf("%d keys are damaged, want those of one block", len(broken))
	}
	for _, r := range []kv.Range{{}, {Reverse: true}, {Lo: []byte(broken[1])}, {Hi: []byte(broken[len(broken)/2]), Reverse: true}} {
		want := map[string]bool{}
		for _, k := range whole {
			if k >= string(r.Lo) && (r.Hi == nil || k < string(r.Hi)) {
				want[k] = true
			}
		}
		got := map[string]bool{}
		damage := 0
		for it, err := range s.Scan(t.Context(), r) {
			switch {
			case errors.Is(err, kv.ErrCorrupt):
				damage++
			case err != nil:
				t.Fatal(err)
			default:
				got[string(it.Key)] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || damage == 0 {
			t.Errorf("scan of %+v: %d errors, keys (-want +got):\n%s", r, damage, diff)
		}
	}
	b.Reset()
	b.Set([]byte("key/new"), nil)
	if err := kv.Commit(t.Context(), s, &b); err != nil {
		t.Errorf("write beside the damage: %v", err)
	}
}

// flipBit changes a bit of the largest table, at a fraction of its length.
func flipBit(t *testing.T, fs *vfs.MemFS, at float64) {
	t.Helper()
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var size int64
	for _, n := range names {
		if st, err := fs.Stat("db/" + n); err == nil && strings.HasSuffix(n, ".sst") && st.Size() > size {
			name, size = "db/"+n, st.Size()
		}
	}
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var c [1]byte
	off := int64(at * float64(size))
	if _, err := f.ReadAt(c[:], off); err != nil {
		t.Fatal(err)
	}
	c[0] ^= 0x10
	if _, err := f.WriteAt(c[:], off); err != nil {
		t.Fatal(err)
	}
}
