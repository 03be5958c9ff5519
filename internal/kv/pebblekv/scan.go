package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tarn-data/tarn/internal/kv"
)

// Scan implements kv.Reader.
func (s *Store) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Item, error] {
	return func(yield func(kv.Item, error) bool) {
		if err := s.gate.enter(ctx); err != nil {
			yield(kv.Item{}, err)
			return
		}
		defer s.gate.leave()
		scan(ctx, s.db, r, yield)
	}
}

// checkEvery is after how many items a scan looks at its context.
const checkEvery = 64

func scan(ctx context.Context, db pebble.Reader, r kv.Range, yield func(kv.Item, error) bool) {
	if r.Hi != nil && bytes.Compare(r.Lo, r.Hi) >= 0 {
		return
	}
	it, err := db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: r.Lo, UpperBound: r.Hi})
	if err != nil {
		yield(kv.Item{}, mapError(err))
		return
	}
	defer it.Close()
	c := cursor{it: it, reverse: r.Reverse}
	ok := c.start()
	var resumed []byte // where the scan went on behind the last damage
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			yield(kv.Item{}, ctx.Err())
			return
		}
		if ok {
			v, err := it.ValueAndErr()
			if err = mapError(err); !yield(kv.Item{Key: it.Key(), Value: v}, err) || err != nil && !errors.Is(err, kv.ErrCorrupt) {
				return
			}
			ok = c.next()
			continue
		}
		err := mapError(it.Error())
		if err == nil {
			return
		}
		bad, good, known := c.damage(r)
		if !yield(kv.Item{Key: c.last}, err) || !errors.Is(err, kv.ErrCorrupt) || !known {
			return
		}
		if r.Reverse && !neighbours(ctx, db, kv.Range{Lo: good, Hi: bad}, yield) {
			return
		}
		if ok = c.note(c.seek(good)); !ok && (it.Error() == nil || bytes.Equal(good, resumed)) {
			return // nothing is left, or nothing readable
		}
		resumed = good
	}
}

// neighbours yields, from the highest key down, what is readable in r, which a damaged block is in. An iterator that
// moves down looks one key ahead and therefore misses the keys beside the block; one that moves up finds them.
func neighbours(ctx context.Context, db pebble.Reader, r kv.Range, yield func(kv.Item, error) bool) bool {
	var found []kv.Item
	scan(ctx, db, r, func(it kv.Item, err error) bool {
		if err == nil {
			found = append(found, kv.Item{Key: bytes.Clone(it.Key), Value: bytes.Clone(it.Value)})
		}
		return true
	})
	for _, it := range slices.Backward(found) {
		if !yield(it, nil) {
			return false
		}
	}
	return true
}

// cursor moves an iterator in the scan's direction and remembers where it was, because an iterator that fails has no
// position. Remembering costs a copy of the key; keys are short.
type cursor struct {
	it      *pebble.Iterator
	reverse bool
	last    []byte // newest key that was read, or nil
}

func (c *cursor) start() bool {
	if c.reverse {
		return c.note(c.it.Last())
	}
	return c.note(c.it.First())
}

func (c *cursor) next() bool {
	if c.reverse {
		return c.note(c.it.Prev())
	}
	return c.note(c.it.Next())
}

func (c *cursor) note(ok bool) bool {
	if ok {
		c.last = append(c.last[:0], c.it.Key()...)
	}
	return ok
}

// damage returns where reading fails (bad) and where it works again (good) in the direction of the scan. The bounds of
// the damaged block are not known, only those of its file; the place is found by bisection of the keys between.
func (c *cursor) damage(r kv.Range) (bad, good []byte, ok bool) {
	info := pebble.ExtractDataCorruptionInfo(c.it.Error())
	if info == nil {
		return nil, nil, false
	}
	first, behind := info.Bounds.Start, append(bytes.Clone(info.Bounds.End.Key), 0)
	if bytes.Compare(first, r.Lo) < 0 {
		first = r.Lo
	}
	if r.Hi != nil && bytes.Compare(behind, r.Hi) > 0 {
		behind = r.Hi
	}
	if c.reverse {
		bad, good = behind, first
		if c.last != nil {
			bad = c.last
		}
	} else {
		bad, good = first, behind
		if c.last != nil {
			bad = append(bytes.Clone(c.last), 0)
		}
	}
	from := bytes.Clone(bad)
	good = bytes.Clone(good)
	const steps = 256 // enough to tell keys of any usual length apart
	for range steps {
		mid := middle(bad, good)
		if mid == nil {
			break
		}
		if c.seek(mid); c.it.Error() != nil {
			bad = mid
		} else {
			good = mid
		}
	}
	return from, good, true
}

// seek moves to the first key of the scan's direction at or behind k.
func (c *cursor) seek(k []byte) bool {
	if c.reverse {
		return c.it.SeekLT(k)
	}
	return c.it.SeekGE(k)
}

// middle returns a key strictly between a and b, whichever is smaller, about halfway; or nil when it finds none of at
// most eight bytes more than the longer one.
func middle(a, b []byte) []byte {
	n := max(len(a), len(b)) + 8
	// a + b as big-endian fractions, halved. One extra leading digit holds the carry.
	sum := make([]byte, n+1)
	carry := 0
	for i := n - 1; i >= 0; i-- {
		d := carry
		if i < len(a) {
			d += int(a[i])
		}
		if i < len(b) {
			d += int(b[i])
		}
		sum[i+1] = byte(d)
		carry = d >> 8
	}
	sum[0] = byte(carry)
	rest := 0
	for i := range sum {
		d := rest<<8 | int(sum[i])
		sum[i] = byte(d / 2)
		rest = d % 2
	}
	mid := bytes.TrimRight(sum[1:], "\x00")
	lo, hi := a, b
	if bytes.Compare(lo, hi) > 0 {
		lo, hi = hi, lo
	}
	if bytes.Compare(mid, lo) <= 0 || bytes.Compare(mid, hi) >= 0 {
		return nil
	}
	return mid
}
