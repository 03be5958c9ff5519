// Package lineage records what was made from what. Every run (a crawl, a job run, a query, an execution, an invocation)
// leaves one record with its inputs and outputs as they were: object versions, table versions. The record is written in
// the batch of the act itself, so that it is there exactly when the output is.
//
// Keys: (Lineage, account, "run", time, id) → Run; (Lineage, account, "made"|"read", asset, time, id) → nothing.
package lineage

import (
	"context"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Asset is a piece of data at one moment.
type Asset struct {
	// Name is s3://BUCKET/KEY for an object, s3://BUCKET/PREFIX/ for all objects under a prefix, and
	// table:REGION/DATABASE/TABLE for a table of the catalog.
	Name string
	// Version is the object's version or ETag or the table's version; "" where there is none.
	Version string `json:",omitempty"`
}

// Object names an object of the store.
func Object(bucket, key, version string) Asset {
	return Asset{Name: "s3://" + bucket + "/" + key, Version: version}
}

// Table names a table of the catalog.
func Table(region, database, table, version string) Asset {
	return Asset{Name: "table:" + region + "/" + database + "/" + table, Version: version}
}

// Run is something that read and wrote data.
type Run struct {
	ID       string    // unique in the account; the run's id in its own service
	Kind     string    // "crawl", "job", "query", "execution", "invocation"
	Subject  string    // ARN or name of what ran
	Parent   string    `json:",omitempty"` // id of the run that started this one
	At       time.Time // when it ended
	Inputs   []Asset   `json:",omitempty"`
	Outputs  []Asset   `json:",omitempty"`
	Rows     int64     `json:",omitempty"` // rows written, where known
	Detail   string    `json:",omitempty"` // engine, statement or other words for people
	Account  string
	Duration time.Duration
}

// Record adds r to b.
func Record(b *kv.Batch, r Run) {
	kv.Put(b, key.In(key.Lineage).Str(r.Account).Str("run").Time(r.At).Str(r.ID), r)
	for _, a := range r.Outputs {
		b.Set(edge(r.Account, "made", a.Name).Time(r.At).Str(r.ID), nil)
	}
	for _, a := range r.Inputs {
		b.Set(edge(r.Account, "read", a.Name).Time(r.At).Str(r.ID), nil)
	}
}

// Made returns the runs that wrote an asset whose name starts with prefix and ended at or before until (zero = ever), newest
// first, at most limit (0 = all).
func Made(ctx context.Context, r kv.Reader, account, prefix string, until time.Time, limit int) ([]Run, error) {
	return runs(ctx, r, account, "made", prefix, until, limit)
}

// Read returns the runs that read such an asset.
func Read(ctx context.Context, r kv.Reader, account, prefix string, until time.Time, limit int) ([]Run, error) {
	return runs(ctx, r, account, "read", prefix, until, limit)
}

func runs(ctx context.Context, r kv.Reader, account, side, prefix string, until time.Time, limit int) ([]Run, error) {
	type ref struct {
		at time.Time
		id string
	}
	seen := map[ref]bool{}
	var refs []ref
	for it, err := range r.Scan(ctx, kv.Prefix(key.In(key.Lineage).Str(account).Str(side).StrPrefix(prefix))) {
		if err != nil {
			return nil, fmt.Errorf("read lineage of %s: %w", prefix, err)
		}
		k := key.Read(it.Key, key.Lineage)
		_, _, _ = k.Str(), k.Str(), k.Str()
		f := ref{k.Time(), k.Str()}
		if k.Err() != nil {
			return nil, fmt.Errorf("read lineage of %s: %w", prefix, k.Err())
		}
		if !seen[f] && (until.IsZero() || !f.at.After(until)) {
			seen[f] = true
			refs = append(refs, f)
		}
	}
	sortNewest(refs, func(f ref) time.Time { return f.at })
	if limit > 0 && len(refs) > limit {
		refs = refs[:limit]
	}
	out := make([]Run, 0, len(refs))
	for _, f := range refs {
		run, err := kv.Load[Run](ctx, r, key.In(key.Lineage).Str(account).Str("run").Time(f.at).Str(f.id))
		if err != nil {
			return nil, fmt.Errorf("read run %s: %w", f.id, err)
		}
		out = append(out, run)
	}
	return out, nil
}

func edge(account, side, asset string) key.Key {
	return key.In(key.Lineage).Str(account).Str(side).Str(asset)
}
