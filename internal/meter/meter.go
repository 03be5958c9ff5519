// Package meter counts what AWS would bill: requests, bytes scanned, state transitions, GB-seconds. An act is
// counted in the batch that makes it durable, so that the sum is neither more nor less than what was done.
//
// Keys: (Meter, account, hour, region, unit, resource, writer, n) → quantity. Every act has a row of its own, which needs
// no reading; Compact folds the rows of past hours into the first of them, some thousands at a time.
package meter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Meter adds usage to batches. Make it with New.
type Meter struct {
	writer string // tells the rows of one process from another's
	n      atomic.Uint64
}

// New returns a meter for this process.
func New() *Meter { return &Meter{writer: ident.Hex(6)} }

// Add records in b that quantity of unit was used by resource at that time. A quantity of zero adds nothing.
func (m *Meter) Add(b *kv.Batch, at time.Time, scope ident.Scope, unit Unit, resource string, quantity float64) {
	if quantity == 0 {
		return
	}
	k := rowKey(scope.Account, at.UTC().Truncate(time.Hour), scope.Region, unit, resource, m.writer, m.n.Add(1))
	b.Set(k, binary.BigEndian.AppendUint64(nil, math.Float64bits(quantity)))
}

// Usage is a sum over acts.
type Usage struct {
	Hour     time.Time // start of the hour, UTC
	Region   string
	Unit     Unit
	Resource string
	Quantity float64
}

// Sum returns the usage of an account from since on, one row for each hour, unit and resource, in that order.
func Sum(ctx context.Context, r kv.Reader, account string, since time.Time) ([]Usage, error) {
	from := key.In(key.Meter).Str(account)
	rng := kv.Range{Lo: from.Clone().Time(since.UTC().Truncate(time.Hour)), Hi: from.End()}
	var sums []Usage
	for it, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, fmt.Errorf("read usage: %w", err)
		}
		row, _, quantity, err := decode(it)
		if err != nil {
			return nil, err
		}
		if n := len(sums); n > 0 && sameRow(sums[n-1], row) {
			sums[n-1].Quantity += quantity
			continue
		}
		row.Quantity = quantity
		sums = append(sums, row)
	}
	return sums, nil
}

// Compact folds the rows of hours that ended before now into one per hour, unit and resource. It may run at any time,
// and be interrupted at any time.
func Compact(ctx context.Context, store kv.Store, now time.Time) error {
	hour := now.UTC().Truncate(time.Hour)
	var fold folder
	flush := func() error {
		b := fold.batch()
		if b == nil {
			return nil
		}
		if err := kv.Commit(ctx, store, b); err != nil && !errors.Is(err, kv.ErrConflict) {
			return fmt.Errorf("fold usage: %w", err)
		}
		return nil
	}
	for it, err := range store.Scan(ctx, kv.Prefix(key.In(key.Meter))) {
		if err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
		row, account, quantity, err := decode(it)
		if err != nil {
			return err
		}
		if !row.Hour.Before(hour) {
			continue
		}
		if account != fold.account || !sameRow(fold.row, row) || len(fold.keys) >= maxFold {
			if err := flush(); err != nil {
				return err
			}
			fold = folder{account: account, row: row}
		}
		fold.keys = append(fold.keys, append([]byte(nil), it.Key...))
		fold.sum += quantity
	}
	return flush()
}

// maxFold is how many rows one batch folds.
const maxFold = 10_000

type folder struct {
	account string
	row     Usage
	keys    [][]byte
	sum     float64
}

func (f *folder) batch() *kv.Batch {
	if len(f.keys) < 2 {
		return nil
	}
	b := new(kv.Batch)
	for _, k := range f.keys {
		b.IfPresent(k)
		b.Delete(k)
	}
	// The key is one of the fold's own: another fold of the same resource does not overwrite it.
	b.Set(f.keys[0], binary.BigEndian.AppendUint64(nil, math.Float64bits(f.sum)))
	return b
}

func rowKey(account string, hour time.Time, region string, unit Unit, resource, writer string, n uint64) key.Key {
	return key.In(key.Meter).Str(account).Time(hour).Str(region).Str(string(unit)).Str(resource).Str(writer).Uint(n)
}

func decode(it kv.Item) (row Usage, account string, quantity float64, err error) {
	r := key.Read(it.Key, key.Meter)
	account = r.Str()
	row = Usage{Hour: r.Time(), Region: r.Str(), Unit: Unit(r.Str()), Resource: r.Str()}
	if r.Err() != nil || len(it.Value) != 8 {
		return Usage{}, "", 0, fmt.Errorf("usage row %q is malformed", it.Key)
	}
	return row, account, math.Float64frombits(binary.BigEndian.Uint64(it.Value)), nil
}

func sameRow(a, b Usage) bool {
	return a.Hour.Equal(b.Hour) && a.Region == b.Region && a.Unit == b.Unit && a.Resource == b.Resource
}
