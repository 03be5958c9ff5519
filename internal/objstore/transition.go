package objstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// Transition moves versions to another storage class, which changes what is shown of them and what they cost on AWS; here
// all classes that are read at once are kept alike.
type Transition struct {
	Days  int       `json:",omitempty"` // after so many days; for older versions, since they were replaced
	Date  time.Time `json:",omitzero"`  // from this day on, instead; not for older versions
	Keep  int       `json:",omitempty"` // pass over so many of the newest older versions
	Class string
}

// transitionClasses are the storage classes that rules move to, in the only direction in which they do.
var transitionClasses = []string{"STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR"}

// minTransitionBytes is what smaller objects are passed over for, unless the rule itself speaks of sizes.
const minTransitionBytes = 128 << 10

func (r *Rule) checkTransitions() error {
	for _, t := range append(slices.Clone(r.Transitions), r.Noncurrent...) {
		switch {
		case t.Class == "GLACIER", t.Class == "DEEP_ARCHIVE":
			return fmt.Errorf("%w: objects of the storage class %s cannot be read at once; Tarn has no such class to move to", ErrNotImplemented, t.Class)
		case !slices.Contains(transitionClasses, t.Class):
			return argument("StorageClass", t.Class, "the storage class is not one of %v", transitionClasses)
		case t.Date.IsZero() && t.Days < 30 && (t.Class == "STANDARD_IA" || t.Class == "ONEZONE_IA"):
			return fmt.Errorf("%w: 'Days' in Transition action must be greater than or equal to 30 for storageClass '%s'", ErrInvalidArgument, t.Class)
		case !t.Date.IsZero() && !t.Date.Equal(t.Date.UTC().Truncate(24*time.Hour)):
			return argument("Date", t.Date.UTC().Format("2006-01-02T15:04:05.000Z"), "'Date' must be at midnight GMT")
		}
	}
	for _, t := range r.Transitions {
		if r.Days > 0 && t.Days >= r.Days {
			return fmt.Errorf("%w: 'Days' in the Expiration action for filter '(prefix=%s)' must be greater than 'Days' in the Transition action", ErrInvalidArgument, r.Prefix)
		}
	}
	return nil
}

// class returns the storage class that o belongs into by the transitions that are due at now, or "" for the one that it has.
// since is when o was written or replaced, seen the number of newer ones among the older versions.
func (r *Rule) class(list []Transition, o *Object, since time.Time, seen int, now time.Time) string {
	if len(list) == 0 || !r.selects(o) || o.Size < minTransitionBytes && r.LargerThan == nil && r.LessThan == nil {
		return ""
	}
	best := slices.Index(transitionClasses, o.Metadata.StorageClass)
	found := ""
	for _, t := range list {
		due := t.Date
		if due.IsZero() {
			due = dueAfter(since, t.Days)
		}
		if rank := slices.Index(transitionClasses, t.Class); rank > best && seen >= t.Keep && !now.Before(due) {
			best, found = rank, t.Class
		}
	}
	return found
}

// reclass gives a version another storage class, if it is still the one that was seen. class "" changes nothing.
func (s *Store) reclass(ctx context.Context, seen *Object, class string) error {
	if class == "" {
		return nil
	}
	return s.change(ctx, seen.Bucket, seen.Key, func(_ *Bucket, b *kv.Batch) (*Write, error) {
		o, _, err := s.version(ctx, seen.Bucket, seen.Key, seen.Version)
		if err != nil || o.seq != seen.seq || o.DeleteMarker {
			return nil, nil // gone, or another one: the next round looks at it
		}
		o.Metadata.StorageClass = class
		s.rewrite(b, o)
		return &Write{Object: o, Event: "LifecycleTransition"}, nil
	})
}
