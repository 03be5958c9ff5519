package kv

import (
	"context"
	"sync"
)

// ApplyLocked keeps what an engine has in memory equal to what it stores. Under mu, which guards the former, f looks at it
// and adds to a batch; the batch is applied, and done changes the memory to match. It does not wait for the disk: the
// result is nil when f left the batch empty, and then done is not called. Readers see a change before it is durable.
func ApplyLocked(mu sync.Locker, s Store, f func(b *Batch) (done func(), err error)) (Pending, error) {
	mu.Lock()
	defer mu.Unlock()
	var b Batch
	done, err := f(&b)
	if err != nil || b.Empty() {
		return nil, err
	}
	p, err := s.Apply(context.Background(), &b) // it does not wait for the disk
	if err != nil {
		return nil, err
	}
	done()
	return p, nil
}

// CommitLocked is ApplyLocked and waits, without mu, until the batch is durable.
func CommitLocked(ctx context.Context, mu sync.Locker, s Store, f func(b *Batch) (done func(), err error)) error {
	p, err := ApplyLocked(mu, s, f)
	if err != nil || p == nil {
		return err
	}
	return p.Wait(ctx)
}
