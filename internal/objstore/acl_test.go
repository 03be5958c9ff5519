package objstore

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A list goes with its version: it survives a restart and a later version, is not copied, and is moved.
func TestACL(t *testing.T) {
	e := newEnv(t)
	e.bucket("bkt")
	if err := e.Update(t.Context(), "bkt", func(bk *Bucket) error { bk.Ownership, bk.Versioning = ObjectWriter, Enabled; return nil }); err != nil {
		t.Fatal(err)
	}
	first := e.put("bkt", "k", []byte("1"))
	want := &ACL{Grants: []Grant{{User: "u", Permission: "FULL_CONTROL"}, {Group: "g", Permission: "READ"}}}
	if _, err := e.SetACL(t.Context(), "bkt", "k", "", want, Actor{}); err != nil {
		t.Fatal(err)
	}
	e.put("bkt", "k", []byte("2"))
	e.restart()
	check := func(key, version string, want *ACL) {
		t.Helper()
		o, err := e.Head(t.Context(), "bkt", key, version)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, o.ACL); diff != "" {
			t.Errorf("%s %s: %s", key, version, diff)
		}
	}
	check("k", first.Version, want)
	check("k", "", nil)
	if _, err := e.SetACL(t.Context(), "bkt", "k", first.Version, &ACL{}, Actor{}); err != nil {
		t.Fatal(err)
	}
	check("k", first.Version, &ACL{})
	if _, err := e.SetACL(t.Context(), "bkt", "k", first.Version, want, Actor{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Copy(t.Context(), &CopyRequest{SourceBucket: "bkt", SourceKey: "k", SourceVersion: first.Version, Bucket: "bkt", Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	check("copy", "", nil)
	if _, err := e.Delete(t.Context(), &DeleteRequest{Bucket: "bkt", Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.SetACL(t.Context(), "bkt", "copy", "", want, Actor{}); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("a delete marker: %v", err)
	}
	if _, err := e.SetACL(t.Context(), "bkt", "none", "", want, Actor{}); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("nothing: %v", err)
	}
}
