package queue

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// dedupHash stands for a deduplication id, with its group where ids count within one.
type dedupHash [16]byte

// dedupEntry is a message that a FIFO queue has taken.
type dedupEntry struct {
	id  [16]byte
	seq uint64
	at  int64 // ms
}

func contentID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func hashDedup(set *Settings, group, id string) dedupHash {
	scope := ""
	if set.DedupPerGroup {
		scope = group + "\x00"
	}
	sum := sha256.Sum256([]byte(scope + id))
	return dedupHash(sum[:16])
}

// known returns the message that was sent under the same id within the window.
func (s *shard) known(h dedupHash, now int64) (dedupEntry, bool) {
	d, ok := s.dedup[h]
	return d, ok && now-d.at < DedupWindow.Milliseconds()
}

// remember notes a message and lets go of some that are past the window.
func (s *shard) remember(b *kv.Batch, h dedupHash, d dedupEntry) {
	s.dedup[h] = d
	s.dedupAge = append(s.dedupAge, h)
	v := append(make([]byte, 0, 32), d.id[:]...)
	v = binary.BigEndian.AppendUint64(v, d.seq)
	v = binary.BigEndian.AppendUint64(v, uint64(d.at))
	b.Set(s.dedupKey(h), v)
	s.forgetSome(b, d.at, 2)
}

func (s *shard) dedupKey(h dedupHash) key.Key { return dedupPrefix(s.id).Str(string(h[:])) }

// forgetSome removes up to n entries that are past the window.
func (s *shard) forgetSome(b *kv.Batch, now int64, n int) {
	for ; n > 0 && len(s.dedupAge) > 0; n-- {
		h := s.dedupAge[0]
		d, ok := s.dedup[h]
		if ok && now-d.at < DedupWindow.Milliseconds() {
			return // this one, or a later one of the same id, is still needed; all after it are younger
		}
		s.dedupAge = s.dedupAge[1:]
		if ok {
			delete(s.dedup, h)
			b.Delete(s.dedupKey(h))
		}
	}
}

// forgetDedup removes all entries that are past the window.
func (s *shard) forgetDedup(ctx context.Context) error {
	var b kv.Batch
	s.forgetSome(&b, s.engine.now(), len(s.dedupAge))
	for id, a := range s.attempts {
		if s.engine.now()-a.at >= DedupWindow.Milliseconds() {
			delete(s.attempts, id)
		}
	}
	if b.Empty() {
		return nil
	}
	_, err := s.apply(ctx, &b)
	return err
}

func (s *shard) loadDedup(ctx context.Context) error {
	now := s.engine.now()
	s.dedup, s.dedupAge = map[dedupHash]dedupEntry{}, nil
	if !s.def.Settings.FIFO {
		return nil
	}
	for it, err := range s.engine.store.Scan(ctx, kv.Prefix(dedupPrefix(s.id))) {
		if err != nil {
			return err
		}
		r := key.Read(it.Key, key.Queue)
		_, _, h := r.Str(), r.Uint(), r.Str()
		if r.Err() != nil || len(h) != 16 || len(it.Value) != 32 {
			return fmt.Errorf("deduplication entry %q: %w", it.Key, errRecord)
		}
		v := it.Value
		d := dedupEntry{id: [16]byte(v[:16]), seq: binary.BigEndian.Uint64(v[16:]), at: int64(binary.BigEndian.Uint64(v[24:]))}
		if d.at > now {
			d.at = s.engine.start // the clock was set back while we were down
		}
		s.dedup[dedupHash([]byte(h))] = d
		s.dedupAge = append(s.dedupAge, dedupHash([]byte(h)))
	}
	slices.SortFunc(s.dedupAge, func(a, b dedupHash) int { return int(s.dedup[a].at - s.dedup[b].at) })
	return nil
}
