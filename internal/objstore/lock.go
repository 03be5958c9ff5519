package objstore

import (
	"context"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// Retention says how strictly a version is kept until its time.
type Retention string

// The modes.
const (
	Governance Retention = "GOVERNANCE" // who may bypass it can remove the version or shorten the time
	Compliance Retention = "COMPLIANCE" // nobody can
)

// Lock keeps a version from being removed. The zero value keeps nothing.
type Lock struct {
	Mode  Retention // "" = no retention
	Until time.Time // of the retention
	Hold  LegalHold
}

// LegalHold keeps a version until it is taken back; "" = never set.
type LegalHold string

// The states of a legal hold.
const (
	HoldOn  LegalHold = "ON"
	HoldOff LegalHold = "OFF"
)

// ObjectLock is a bucket's setting: versions may be locked, and new ones are locked by the default, if there is one. It is
// never taken back, and neither is the bucket's versioning.
type ObjectLock struct {
	Mode  Retention `json:",omitempty"` // "" = new versions are not locked by default
	Days  int       `json:",omitempty"` // one of Days and Years
	Years int       `json:",omitempty"`
}

// keeps reports whether the lock keeps a version at the time now from one who may bypass governance or not.
func (l *Lock) keeps(now time.Time, bypass bool) bool {
	return l.Hold == HoldOn || l.Mode != "" && now.Before(l.Until) && (l.Mode == Compliance || !bypass)
}

// locked is the error for a version that is kept.
func locked(o *Object) error { return fmt.Errorf("%w: %s of %s", ErrLocked, o.Version, o.Key) }

// newLock returns the lock of a new version: what its writer asks for, else the bucket's default.
func (b *Bucket) newLock(want Lock, now time.Time) Lock {
	if d := b.ObjectLock; want.Mode == "" && d != nil && d.Mode != "" {
		want.Mode, want.Until = d.Mode, now.AddDate(d.Years, 0, d.Days).UTC().Truncate(time.Millisecond)
	}
	return want
}

// checkLock checks the lock that the writer of a new version asks for.
func (s *Store) checkLock(bk *Bucket, l *Lock) error {
	if *l == (Lock{}) {
		return nil
	}
	if bk.ObjectLock == nil {
		return fmt.Errorf("%w: bucket is missing Object Lock Configuration", ErrInvalidRequest)
	}
	return s.checkRetention(l)
}

func (s *Store) checkRetention(l *Lock) error {
	if l.Mode != "" && !l.Until.After(s.clock.Now()) {
		return argument("RetainUntilDate", l.Until.UTC().Format(time.RFC3339), "the retain until date must be in the future!")
	}
	return nil
}

// SetObjectLock turns on the locking of versions in a bucket, whose versioning must be enabled, and sets its default.
func (s *Store) SetObjectLock(ctx context.Context, bucket string, l ObjectLock) error {
	return s.Update(ctx, bucket, func(bk *Bucket) error {
		if bk.Versioning != Enabled {
			return fmt.Errorf("%w: versioning must be 'Enabled' on the bucket to apply a Object Lock configuration", ErrBucketState)
		}
		bk.ObjectLock = &l
		return nil
	})
}

// SetVersioning sets the state of a bucket's versioning; where versions may be locked, it stays enabled.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v Versioning) error {
	return s.Update(ctx, bucket, func(bk *Bucket) error {
		if bk.ObjectLock != nil && v != Enabled {
			return fmt.Errorf("%w: an Object Lock configuration is present on this bucket, so the versioning state cannot be changed.", ErrBucketState)
		}
		bk.Versioning = v
		return nil
	})
}

// SetRetention sets how long a version ("" = the newest) is kept; mode "" takes the retention away. A retention in force
// may be made longer and stricter; anything else needs bypass, and compliance yields to nothing (ErrLocked).
func (s *Store) SetRetention(ctx context.Context, bucket, name, version string, mode Retention, until time.Time, bypass bool) error {
	want := Lock{Mode: mode, Until: until.UTC().Truncate(time.Millisecond)}
	return s.relock(ctx, bucket, name, version, func(o *Object) error {
		if err := s.checkRetention(&want); err != nil {
			return err
		}
		have := o.Lock
		have.Hold = ""
		weaker := want.Mode == "" || want.Until.Before(have.Until) || have.Mode == Compliance && want.Mode != Compliance
		if weaker && have.keeps(s.clock.Now(), bypass) {
			return locked(o)
		}
		if o.Lock.Mode, o.Lock.Until = want.Mode, want.Until; mode == "" {
			o.Lock.Until = time.Time{}
		}
		return nil
	})
}

// SetLegalHold sets or takes back the legal hold of a version ("" = the newest).
func (s *Store) SetLegalHold(ctx context.Context, bucket, name, version string, hold LegalHold) error {
	return s.relock(ctx, bucket, name, version, func(o *Object) error {
		o.Lock.Hold = hold
		return nil
	})
}

// relock changes the lock of a version.
func (s *Store) relock(ctx context.Context, bucket, name, version string, set func(*Object) error) error {
	return s.change(ctx, bucket, name, func(bk *Bucket, b *kv.Batch) (*Write, error) {
		o, err := s.Head(ctx, bucket, name, version)
		if o != nil && o.DeleteMarker {
			return nil, detail(fmt.Errorf("%w: %s", ErrDeleteMarker, name), "ResourceType", "DeleteMarker")
		}
		if err != nil {
			return nil, err
		}
		if bk.ObjectLock == nil {
			return nil, fmt.Errorf("%w: bucket is missing Object Lock Configuration", ErrInvalidRequest)
		}
		if err := set(o); err != nil {
			return nil, err
		}
		s.rewrite(b, o)
		return nil, nil
	})
}
