package etl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/lineage"
)

// published is what one write of a run has made: the n-th, counted from the start of the script. A script that starts
// again, after a crash or as a retry, makes the same writes in the same order, and each replaces what the same write made
// before. It is stored in the batch that makes the objects visible.
type published struct {
	Bucket string
	Staged string   // prefix under which the write's files were staged last
	Keys   []string // objects that the write has made
}

// publishedKey is one for all attempts of a run.
func publishedKey(e *execution, n int) key.Key {
	return allPublished(e.scope, e.run).Uint(uint64(n))
}

func allPublished(scope ident.Scope, r Run) key.Key {
	return under(scope, "published").Str(r.Job).Str(firstAttempt(r.ID))
}

func splitURL(url string) (bucket, k string, err error) {
	rest, ok := strings.CutPrefix(url, "s3://")
	if !ok {
		return "", "", fmt.Errorf("%w: %q: want s3://BUCKET/KEY", ErrBadInput, url)
	}
	bucket, k, _ = strings.Cut(rest, "/")
	if bucket == "" {
		return "", "", fmt.Errorf("%w: %q names no bucket", ErrBadInput, url)
	}
	return bucket, k, nil
}

// stage returns where the next write puts its files: a hidden prefix of its own under the target. skip is true when the
// mode says that there is nothing to do.
func (e *execution) stage(ctx context.Context, path, mode string) (staging string, skip bool, err error) {
	bucket, prefix, err := splitURL(path)
	if err != nil {
		return "", false, err
	}
	before, err := e.earlier(ctx)
	if err != nil {
		return "", false, err
	}
	if mode == "error" || mode == "ignore" {
		have, err := e.svc.opts.Objects.List(ctx, e.scope, e.run.Role, bucket, prefix)
		if err != nil {
			return "", false, err
		}
		own := map[string]bool{}
		for _, k := range before.Keys {
			own[k] = true
		}
		for _, o := range have {
			if own[o.Key] || strings.Contains(o.Key[len(prefix):], stagingPart) {
				continue
			}
			if mode == "ignore" {
				return "", true, nil
			}
			return "", false, fmt.Errorf("[PATH_ALREADY_EXISTS] Path %s already exists. Set mode as \"overwrite\" to overwrite the existing path.", path)
		}
	}
	if before.Bucket != "" && before.Bucket != bucket {
		// The script writes elsewhere this time: what it made there goes before the place is forgotten.
		if err := e.svc.opts.Objects.Move(ctx, e.scope, e.run.Role, before.Bucket, nil, before.Keys, nil); err != nil {
			return "", false, err
		}
		before = published{}
	}
	e.writes++
	before.Bucket, before.Staged = bucket, e.stagingPrefix(prefix, e.writes)
	var b kv.Batch
	kv.Put(&b, publishedKey(e, e.writes), before)
	if err := kv.Commit(ctx, e.svc.opts.Store, &b); err != nil {
		return "", false, err
	}
	return "s3://" + bucket + "/" + before.Staged, false, nil
}

// stagingPart begins with an underscore: crawlers and queries pass such folders over.
const stagingPart = "_tarn_staging/"

func (e *execution) stagingPrefix(prefix string, n int) string {
	return fmt.Sprintf("%s%s%s-%d-%d/", prefix, stagingPart, e.run.ID, e.run.Starts, n)
}

// earlier returns what an earlier start of this run has published by the write that comes next.
func (e *execution) earlier(ctx context.Context) (published, error) {
	p, err := kv.Load[published](ctx, e.svc.opts.Store, publishedKey(e, e.writes+1))
	if errors.Is(err, kv.ErrNotFound) {
		return published{}, nil
	}
	return p, err
}

// publish moves the files of the write that was staged last to their place, removes what they replace and records what the write
// has made, in one batch.
func (e *execution) publish(ctx context.Context, path, staging, mode string) (files int, err error) {
	bucket, prefix, err := splitURL(path)
	if err != nil {
		return 0, err
	}
	_, from, err := splitURL(staging)
	if err != nil {
		return 0, err
	}
	if from != e.stagingPrefix(prefix, e.writes) {
		return 0, fmt.Errorf("%w: %s is not where this write was staged", ErrBadInput, staging)
	}
	objects := e.svc.opts.Objects
	made, err := objects.List(ctx, e.scope, e.run.Role, bucket, from)
	if err != nil {
		return 0, err
	}
	k := publishedKey(e, e.writes)
	before, err := kv.Load[published](ctx, e.svc.opts.Store, k)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return 0, err
	}
	p := published{Bucket: bucket, Staged: from}
	moves, remove := map[string]string{}, before.Keys
	if mode == "overwrite" {
		have, err := objects.List(ctx, e.scope, e.run.Role, bucket, prefix)
		if err != nil {
			return 0, err
		}
		for _, o := range have {
			if !strings.Contains(o.Key[len(prefix):], stagingPart) {
				remove = append(remove, o.Key)
			}
		}
	}
	for _, o := range made {
		rel := o.Key[len(from):]
		if strings.HasSuffix(rel, "_SUCCESS") || strings.HasSuffix(rel, "/") || rel == "" {
			remove = append(remove, o.Key) // markers of the engine are not data
			continue
		}
		target := prefix + rel
		moves[o.Key] = target
		p.Keys = append(p.Keys, target)
		e.run.FilesMade++
		e.run.BytesMade += o.Size
		e.outputs = append(e.outputs, lineage.Object(bucket, target, o.Version))
	}
	return len(p.Keys), objects.Move(ctx, e.scope, e.run.Role, bucket, moves, remove, func(b *kv.Batch) { kv.Put(b, k, p) })
}

// cleanUp removes what this run or an earlier start of it has staged and not published.
func (e *execution) cleanUp(ctx context.Context) {
	writes, _, err := kv.LoadAll[published](ctx, e.svc.opts.Store, kv.Prefix(allPublished(e.scope, e.run)), 0)
	if err != nil {
		e.svc.log.Warn("list staged files", "job", e.run.Job, "run", e.run.ID, "err", err)
		return
	}
	for _, p := range writes {
		// PREFIX_tarn_staging/RUN-START-WRITE/: those of all starts of this run.
		at := strings.LastIndex(p.Staged, stagingPart)
		if at < 0 {
			continue
		}
		if err := e.removeAll(ctx, p.Bucket, p.Staged[:at]+stagingPart+firstAttempt(e.run.ID)); err != nil {
			e.svc.log.Warn("remove staged files", "job", e.run.Job, "run", e.run.ID, "prefix", p.Staged, "err", err)
		}
	}
}

func (e *execution) removeAll(ctx context.Context, bucket, prefix string) error {
	left, err := e.svc.opts.Objects.List(ctx, e.scope, e.run.Role, bucket, prefix)
	if err != nil || len(left) == 0 {
		return err
	}
	keys := make([]string, len(left))
	for i, o := range left {
		keys[i] = o.Key
	}
	return e.svc.opts.Objects.Move(ctx, e.scope, e.run.Role, bucket, nil, keys, nil)
}
