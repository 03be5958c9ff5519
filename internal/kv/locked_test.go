package kv_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func TestCommitLocked_MemoryFollowsTheStore(t *testing.T) {
	store, refused := kvtest.New(t), errors.New("refused")
	var mu sync.Mutex
	memory := ""
	set := func(v string, add func(b *kv.Batch) error) error {
		return kv.CommitLocked(t.Context(), &mu, store, func(b *kv.Batch) (func(), error) {
			if mu.TryLock() {
				t.Error("the mutex is not held")
			}
			return func() { memory = v }, add(b)
		})
	}
	put := func(b *kv.Batch) error { b.Set([]byte("k"), []byte("v")); return nil }
	for _, c := range []struct {
		value, want string
		add         func(b *kv.Batch) error
		err         error
	}{
		{"stored", "stored", put, nil},
		{"nothing to store", "stored", func(*kv.Batch) error { return nil }, nil},
		{"refused", "stored", func(*kv.Batch) error { return refused }, refused},
		{"conflict", "stored", func(b *kv.Batch) error { b.IfAbsent([]byte("k")); return put(b) }, kv.ErrConflict},
	} {
		if err := set(c.value, c.add); !errors.Is(err, c.err) || memory != c.want {
			t.Errorf("%s: memory has %q, err %v; want %q, %v", c.value, memory, err, c.want, c.err)
		}
	}
}
