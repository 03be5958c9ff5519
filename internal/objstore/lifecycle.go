package objstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
)

// Rule is a rule of a bucket's lifecycle. Zero fields ask nothing.
type Rule struct {
	ID       string
	Disabled bool `json:",omitempty"`

	Prefix     string `json:",omitempty"`
	Tags       []Tag  `json:",omitempty"` // all of them
	LargerThan *int64 `json:",omitempty"` // bytes
	LessThan   *int64 `json:",omitempty"`
	// Form remembers how the filter was written, which is how it is shown: "" = the old Prefix element, "Filter", "And", "Empty".
	Form string `json:",omitempty"`

	Days           int       `json:",omitempty"` // expire the newest version after so many days
	Date           time.Time `json:",omitzero"`  // expire from this day on
	ExpireMarkers  bool      `json:",omitempty"` // remove delete markers that hide nothing
	NoncurrentDays int       `json:",omitempty"` // remove versions so many days after they were replaced
	KeepNoncurrent int       `json:",omitempty"` // but keep the newest of them
	AbortDays      int       `json:",omitempty"` // abort uploads so many days after they were begun

	Transitions []Transition `json:",omitempty"` // of the newest version
	Noncurrent  []Transition `json:",omitempty"` // of older ones
}

// CheckLifecycle applies S3's rules for lifecycle configurations.
func CheckLifecycle(rules []Rule) error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalidArgument, fmt.Sprintf(format, a...))
	}
	if len(rules) == 0 || len(rules) > 1000 {
		return bad("a lifecycle configuration has 1 to 1000 rules, not %d", len(rules))
	}
	ids := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		if len(r.ID) > 255 {
			return bad("ID length should not exceed allowed limit of 255")
		}
		if r.ID != "" && ids[r.ID] {
			return bad("rule ID must be unique. Found same ID for more than one rule: %s", r.ID)
		}
		ids[r.ID] = true
		if r.Days == 0 && r.Date.IsZero() && !r.ExpireMarkers && r.NoncurrentDays == 0 && r.AbortDays == 0 && len(r.Transitions) == 0 && len(r.Noncurrent) == 0 {
			return fmt.Errorf("%w: at least one action needs to be specified in a rule", ErrInvalidRequest)
		}
		if r.Days < 0 || r.NoncurrentDays < 0 || r.AbortDays < 0 {
			return bad("a number of days must be a positive integer")
		}
		if !r.Date.IsZero() && !r.Date.Equal(r.Date.UTC().Truncate(24*time.Hour)) {
			return argument("Date", r.Date.UTC().Format("2006-01-02T15:04:05.000Z"), "'Date' must be at midnight GMT")
		}
		if err := r.checkTransitions(); err != nil {
			return err
		}
		for j, t := range r.Tags {
			if slices.ContainsFunc(r.Tags[:j], func(u Tag) bool { return u.Key == t.Key }) {
				return fmt.Errorf("%w: duplicate Tag Keys are not allowed.", ErrInvalidRequest)
			}
		}
		if r.AbortDays > 0 && (len(r.Tags) > 0 || r.LargerThan != nil || r.LessThan != nil) {
			return fmt.Errorf("%w: AbortIncompleteMultipartUpload cannot be specified with tags or sizes", ErrInvalidRequest)
		}
	}
	return nil
}

func (r *Rule) selects(o *Object) bool {
	if !strings.HasPrefix(o.Key, r.Prefix) || r.LargerThan != nil && o.Size <= *r.LargerThan || r.LessThan != nil && o.Size >= *r.LessThan {
		return false
	}
	for _, want := range r.Tags {
		has := false
		for _, t := range o.Tags {
			has = has || t == want
		}
		if !has {
			return false
		}
	}
	return true
}

// dueAfter returns when something of that time is days old by S3's count: the next midnight UTC.
func dueAfter(t time.Time, days int) time.Time {
	due := t.UTC().AddDate(0, 0, days)
	if day := due.Truncate(24 * time.Hour); !day.Equal(due) {
		return day.Add(24 * time.Hour)
	}
	return due
}

// Expires returns when the newest version expires and by which rule; ok is false if no rule selects it.
func (b *Bucket) Expires(o *Object) (at time.Time, rule string, ok bool) {
	for i := range b.Lifecycle {
		r := &b.Lifecycle[i]
		if r.Disabled || o.DeleteMarker || !r.selects(o) {
			continue
		}
		due := r.Date
		if r.Days > 0 {
			due = dueAfter(o.ModTime, r.Days)
		}
		if !due.IsZero() && (!ok || due.Before(at)) {
			at, rule, ok = due, r.ID, true
		}
	}
	return at, rule, ok
}

// lifecycleEvery is how often the rules are carried out.
const lifecycleEvery = time.Hour

// Run carries out the lifecycle rules every hour until ctx ends.
func (s *Store) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.Expire(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("lifecycle rules were not carried out", "err", err)
		}
		_ = clock.Sleep(ctx, s.clock, lifecycleEvery) // ends with ctx, as the loop does
	}
}

// Expire carries out the lifecycle rules of all buckets once, and forgets uploads that were completed a day ago.
func (s *Store) Expire(ctx context.Context) error {
	s.mu.RLock()
	var todo []*Bucket
	for _, st := range s.buckets {
		st.mu.RLock()
		if st.bk != nil && len(st.bk.Lifecycle) > 0 {
			todo = append(todo, st.bk)
		}
		st.mu.RUnlock()
	}
	s.mu.RUnlock()
	var errs []error
	for _, bk := range todo {
		for i := range bk.Lifecycle {
			if r := &bk.Lifecycle[i]; !r.Disabled {
				if err := s.carryOut(ctx, bk, r); err != nil && !errors.Is(err, ErrNoSuchBucket) {
					errs = append(errs, fmt.Errorf("bucket %s, rule %q: %w", bk.Name, r.ID, err))
				}
			}
		}
	}
	return errors.Join(append(errs, s.forgetCompleted(ctx))...)
}

func (s *Store) carryOut(ctx context.Context, bk *Bucket, r *Rule) error {
	now := s.clock.Now()
	if r.AbortDays > 0 {
		if err := s.abortOld(ctx, bk, r, now); err != nil {
			return err
		}
	}
	req := &VersionsRequest{Bucket: bk.Name, Prefix: r.Prefix, Limit: 1000}
	var k keyState
	for {
		page, err := s.Versions(ctx, req)
		if err != nil {
			return err
		}
		for i, o := range page.Objects {
			if o.Key != k.name {
				k = keyState{name: o.Key}
			}
			alone := o.Latest && (i+1 < len(page.Objects) && page.Objects[i+1].Key != o.Key || i+1 == len(page.Objects) && !page.More)
			if err := s.expireVersion(ctx, r, o, &k, alone, now); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		req.After, req.AfterVersion = page.Next, page.NextVersion
	}
}

// keyState goes along the versions of a key, newest first.
type keyState struct {
	name  string
	newer time.Time // when the version after this one was written
	seen  int       // noncurrent versions so far
}

func (s *Store) expireVersion(ctx context.Context, r *Rule, o *Object, k *keyState, alone bool, now time.Time) error {
	replaced := k.newer
	k.newer = o.ModTime
	req := &DeleteRequest{Bucket: o.Bucket, Key: o.Key, Event: "LifecycleExpiration", only: o.seq}
	switch {
	case o.Latest && o.DeleteMarker:
		old := r.Days > 0 && !now.Before(dueAfter(o.ModTime, r.Days))
		if !alone || !r.ExpireMarkers && !old {
			return nil
		}
		req.Version = o.Version
	case o.Latest:
		due := r.Date
		if r.Days > 0 {
			due = dueAfter(o.ModTime, r.Days)
		}
		if due.IsZero() || now.Before(due) || !r.selects(o) {
			return s.reclass(ctx, o, r.class(r.Transitions, o, o.ModTime, 0, now))
		}
	default:
		k.seen++
		if r.NoncurrentDays == 0 || k.seen <= r.KeepNoncurrent || now.Before(dueAfter(replaced, r.NoncurrentDays)) || !r.selects(o) {
			if o.DeleteMarker {
				return nil
			}
			return s.reclass(ctx, o, r.class(r.Noncurrent, o, replaced, k.seen-1, now))
		}
		req.Version = o.Version
	}
	_, err := s.Delete(ctx, req)
	if errors.Is(err, ErrLocked) {
		return nil // it expires when its lock has
	}
	return err
}

func (s *Store) abortOld(ctx context.Context, bk *Bucket, r *Rule, now time.Time) error {
	req := &UploadsRequest{Bucket: bk.Name, Prefix: r.Prefix, Limit: 1000}
	for {
		page, err := s.Uploads(ctx, req)
		if err != nil {
			return err
		}
		for _, u := range page.Uploads {
			if !now.Before(dueAfter(u.Initiated, r.AbortDays)) {
				if err := s.AbortUpload(ctx, u.Bucket, u.Key, u.ID); err != nil && !errors.Is(err, ErrNoSuchUpload) {
					return err
				}
			}
		}
		if !page.More {
			return nil
		}
		req.After, req.AfterID = page.Next, page.NextID
	}
}

func (s *Store) forgetCompleted(ctx context.Context) error {
	var b kv.Batch
	for it, err := range s.kv.Scan(ctx, kv.Prefix(completedPrefix())) {
		if err != nil {
			return mapError(err)
		}
		done, err := kv.Load[completedUpload](ctx, s.kv, it.Key)
		if err != nil && !isNotFound(err) {
			return mapError(err)
		}
		if s.clock.Now().Sub(done.At) > 24*time.Hour {
			b.Delete(append([]byte(nil), it.Key...))
		}
		if len(b.Ops()) == 10_000 {
			break
		}
	}
	if b.Empty() {
		return nil
	}
	return mapError(kv.Commit(ctx, s.kv, &b))
}
