package fileblob

import (
	"sync"
	"sync/atomic"

	"github.com/tarn-data/tarn/internal/blob"
)

// maxVerified bounds how many blobs are remembered as whole. About 100 bytes each.
const maxVerified = 100_000

// verified remembers which blocks were found whole. When it is full it starts anew: what is forgotten is checked again.
type verified struct {
	mu   sync.Mutex // guards the field below
	byID map[blob.ID]*blocks
}

// blocks is a set of blocks of one blob, as its inode was at version.
type blocks struct {
	version uint64
	bits    []atomic.Uint64
}

func (v *verified) of(id blob.ID, version uint64, n int) *blocks {
	v.mu.Lock()
	defer v.mu.Unlock()
	if b := v.byID[id]; b != nil && b.version == version {
		return b
	}
	if v.byID == nil || len(v.byID) >= maxVerified {
		v.byID = map[blob.ID]*blocks{}
	}
	b := &blocks{version: version, bits: make([]atomic.Uint64, (max(n, 1)+63)/64)}
	v.byID[id] = b
	return b
}

func (v *verified) forget(id blob.ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byID, id)
}

func (b *blocks) has(i int) bool { return b.bits[i/64].Load()>>(i%64)&1 == 1 }
func (b *blocks) set(i int)      { b.bits[i/64].Or(1 << (i % 64)) }
