package objstore

import (
	"errors"
	"testing"
	"time"
)

// lockable makes a bucket whose versions may be locked.
func (e *env) lockable(name string) {
	e.t.Helper()
	_, err := e.CreateBucketWith(e.t.Context(), scope, name, func(b *Bucket) { b.Versioning, b.ObjectLock = Enabled, &ObjectLock{} })
	if err != nil {
		e.t.Fatal(err)
	}
}

func TestLocks(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.lockable("bkt")
	remove := func(version string, bypass bool) error {
		_, err := e.Delete(ctx, &DeleteRequest{Bucket: "bkt", Key: "k", Version: version, Bypass: bypass})
		return err
	}
	day := func(n int) time.Time { return e.clock.Now().AddDate(0, 0, n) }
	expect := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	for _, c := range []struct {
		name           string
		mode           Retention
		hold           LegalHold
		plain, bypass  error // of a delete
		shorter, force error // of a shorter retention, without and with bypass
	}{
		{"governance", Governance, "", ErrLocked, nil, ErrLocked, nil},
		{"compliance", Compliance, "", ErrLocked, ErrLocked, ErrLocked, ErrLocked},
		{"hold", "", HoldOn, ErrLocked, ErrLocked, nil, nil},
		{"hold taken back", "", HoldOff, nil, nil, nil, nil},
		{"none", "", "", nil, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Lock{Mode: c.mode, Hold: c.hold}
			if l.Mode != "" {
				l.Until = day(10)
			}
			put := func() string {
				o, err := e.Put(ctx, &PutRequest{Bucket: "bkt", Key: "k", Content: Content{Size: 0}, Lock: l})
				if err != nil {
					t.Fatal(err)
				}
				return o.Version
			}
			v := put()
			e.restart() // locks are on disk
			if o, err := e.Head(ctx, "bkt", "k", v); err != nil || o.Lock.Mode != l.Mode || o.Lock.Hold != l.Hold || !o.Lock.Until.Equal(l.Until) {
				t.Fatalf("lock after restart: %+v, %v", o, err)
			}
			expect("delete", remove(v, false), c.plain)
			v = put()
			expect("delete with bypass", remove(v, true), c.bypass)
			v = put()
			expect("shorter", e.SetRetention(ctx, "bkt", "k", v, Governance, day(5), false), c.shorter)
			expect("shorter with bypass", e.SetRetention(ctx, "bkt", "k", v, Governance, day(4), true), c.force)
			if c.mode == Compliance {
				expect("longer", e.SetRetention(ctx, "bkt", "k", v, Compliance, day(20), false), nil)
				expect("laxer", e.SetRetention(ctx, "bkt", "k", v, Governance, day(30), true), ErrLocked)
				expect("taken away", e.SetRetention(ctx, "bkt", "k", v, "", time.Time{}, true), ErrLocked)
			}
			expect("retention in the past", e.SetRetention(ctx, "bkt", "k", v, Compliance, day(-1), true), ErrInvalidArgument)
			expect("hold", e.SetLegalHold(ctx, "bkt", "k", v, HoldOn), nil)
			expect("delete of a held version", remove(v, true), ErrLocked)
			expect("delete marker", remove("", false), nil)
		})
	}
	e.clock.Advance(100 * 24 * time.Hour)
	page, err := e.Versions(ctx, &VersionsRequest{Bucket: "bkt", Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page.Objects {
		want := error(nil)
		if o.Lock.Hold == HoldOn {
			want = ErrLocked
		}
		expect("delete after the retention of "+string(o.Lock.Mode), remove(o.Version, false), want)
	}
}

func TestLockOfBuckets(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	o := e.put("bkt", "k", nil)
	if err := e.SetRetention(ctx, "bkt", "k", "", Governance, o.ModTime.AddDate(1, 0, 0), false); !errors.Is(err, ErrInvalidRequest) {
		t.Errorf("retention in a bucket without object lock: %v", err)
	}
	if err := e.SetObjectLock(ctx, "bkt", ObjectLock{}); !errors.Is(err, ErrBucketState) {
		t.Errorf("object lock without versioning: %v", err)
	}
	e.versioning("bkt", Enabled)
	if err := e.SetObjectLock(ctx, "bkt", ObjectLock{Mode: Compliance, Days: 3}); err != nil {
		t.Fatal(err)
	}
	if err := e.SetVersioning(ctx, "bkt", Suspended); !errors.Is(err, ErrBucketState) {
		t.Errorf("suspend versioning: %v", err)
	}
	if o = e.put("bkt", "k", nil); o.Lock.Mode != Compliance || !o.Lock.Until.Equal(o.ModTime.AddDate(0, 0, 3)) {
		t.Errorf("default retention: %+v", o.Lock)
	}
	c, _, err := e.Copy(ctx, &CopyRequest{SourceBucket: "bkt", SourceKey: "k", Bucket: "bkt", Key: "copy", Lock: Lock{Mode: Governance, Until: o.ModTime.AddDate(0, 0, 1)}})
	if err != nil || c.Lock.Mode != Governance {
		t.Errorf("copy: %+v, %v", c, err)
	}
}

// TestLifecycleLeavesLocked expects rules to pass over versions that are kept, and to remove the others.
func TestLifecycleLeavesLocked(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.lockable("bkt")
	if _, err := e.Put(ctx, &PutRequest{Bucket: "bkt", Key: "a", Lock: Lock{Hold: HoldOn}}); err != nil {
		t.Fatal(err)
	}
	e.put("bkt", "a", nil)
	e.put("bkt", "b", nil)
	e.put("bkt", "b", nil)
	if err := e.Update(ctx, "bkt", func(b *Bucket) error { b.Lifecycle = []Rule{{ID: "r", NoncurrentDays: 1}}; return nil }); err != nil {
		t.Fatal(err)
	}
	e.clock.Advance(5 * 24 * time.Hour)
	if err := e.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	page, err := e.Versions(ctx, &VersionsRequest{Bucket: "bkt", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, o := range page.Objects {
		n[o.Key]++
	}
	if n["a"] != 2 || n["b"] != 1 {
		t.Errorf("versions left: %v", n)
	}
}
