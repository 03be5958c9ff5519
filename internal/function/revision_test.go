package function_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
)

// TestRevisions: what a change answers is under way and has a revision that is gone when it is done; policies, tags and
// publishing change the revision but not what a version is of.
func TestRevisions(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	created, err := f.Create(ctx, scope, function.CreateRequest{Name: "f", Config: config("python3.12"), Code: function.Code{Zip: packaged(t, map[string]string{"app.py": ""})}})
	if err != nil || created.Under != function.Creating {
		t.Fatalf("created %v, %v", created.Under, err)
	}
	r := function.Ref{Scope: scope, Name: "f"}
	seen := map[string]string{created.Revision: "create"}
	step := func(what string, do func(revision string) error) {
		t.Helper()
		before, err := f.Get(ctx, r)
		if err != nil || before.Under != function.Settled {
			t.Fatalf("%s: before it: %v, %v", what, before.Under, err)
		}
		if err := do(before.Revision); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		after, err := f.Get(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := seen[after.Revision]; ok {
			t.Errorf("%s left the revision of %s", what, old)
		}
		seen[after.Revision] = what
	}
	step("update", func(rev string) error {
		v, err := f.UpdateConfig(ctx, r, rev, func(c *function.Config) { c.Description = "d" })
		seen[v.Revision] = "the update under way"
		return err
	})
	publish := func(string) error {
		v, err := f.Publish(ctx, r, "", "", "")
		if err == nil && v.Number != "1" {
			t.Errorf("published %s, nothing has changed since 1", v.Number)
		}
		return err
	}
	step("publish", publish)
	permission := function.Permission{ID: "s", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com"}
	step("add permission", func(rev string) error { return f.AddPermission(ctx, r, permission, rev) })
	step("tag", func(string) error { return f.Tag(ctx, r, map[string]string{"a": "b"}, nil) })
	if err := publish(""); err != nil {
		t.Fatal(err)
	}
	if err := f.RemovePermission(ctx, r, "s", "stale"); !errors.Is(err, function.ErrRevision) {
		t.Errorf("remove by a stale revision: %v", err)
	}
	_, policy, err := f.Permissions(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	step("remove permission", func(string) error { return f.RemovePermission(ctx, r, "s", policy) })
}

func TestLayerPolicy(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	owner := ident.Scope{Account: "111111111111", Region: scope.Region}
	l, err := f.PublishLayer(ctx, owner, function.Layer{Name: "l"}, packaged(t, map[string]string{"python/x.py": ""}))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config("python3.12")
	cfg.Layers = []string{function.LayerARN(owner, "l", l.Number)}
	create := func() error {
		_, err := f.Create(ctx, scope, function.CreateRequest{Name: "f", Config: cfg, Code: function.Code{Zip: packaged(t, map[string]string{"app.py": ""})}})
		return err
	}
	if err := create(); !errors.Is(err, function.ErrDenied) {
		t.Errorf("a layer that is not shared: %v", err)
	}
	for i, p := range []function.LayerPermission{{ID: "org", Principal: "*", Org: "o-1"}, {ID: "other", Principal: "222222222222"}} {
		if _, err := f.AddLayerPermission(ctx, owner, "l", 1, p, ""); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := create(); !errors.Is(err, function.ErrDenied) {
		t.Errorf("a layer that is shared with others: %v", err)
	}
	p, err := f.AddLayerPermission(ctx, owner, "l", 1, function.LayerPermission{ID: "all", Principal: "*"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddLayerPermission(ctx, owner, "l", 1, function.LayerPermission{ID: "all", Principal: "*"}, ""); !errors.Is(err, function.ErrStatementExists) {
		t.Errorf("the same statement again: %v", err)
	}
	if err := f.RemoveLayerPermission(ctx, owner, "l", 1, "org", "stale"); !errors.Is(err, function.ErrRevision) {
		t.Errorf("a stale revision: %v", err)
	}
	if err := f.RemoveLayerPermission(ctx, owner, "l", 1, "org", p.Revision); err != nil {
		t.Error(err)
	}
	if err := create(); err != nil {
		t.Errorf("a layer that is shared with all: %v", err)
	}
	if err := f.DeleteLayer(ctx, owner, "l", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.LayerPolicy(ctx, owner, "l", 1); !errors.Is(err, function.ErrNoPolicy) {
		t.Errorf("after the layer is deleted: %v", err)
	}
}

func TestParseRef(t *testing.T) {
	const base = "arn:aws:lambda:us-west-2:000000000000:function"
	for _, c := range []struct{ name, qualifier, want string }{
		{"f", "", base + ":f"},
		{"f:live", "", base + ":f:live"},
		{"f", "$LATEST", base + ":f:$LATEST"},
		{"function:f", "", base + ":f"},
		{"000000000000:function:f:1", "1", base + ":f:1"},
		{base + ":f", "", base + ":f"},
		{base, "", base + ":function"},
		{"f:1", "2", "The derived qualifier from the function name does not match"},
		{"arn:aws:lambda:eu-west-1:000000000000:function:f", "", "Functions from 'eu-west-1' are not reachable in this region ('us-west-2')"},
		{"arn:aws:sqs:us-west-2:000000000000:q", "", "want NAME"},
		{"a:b:c:d", "", "want NAME"},
	} {
		r, err := function.ParseRef(scope, c.name, c.qualifier)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s, %s: %v, want %s", c.name, c.qualifier, err, c.want)
		case err == nil && r.ARN() != c.want:
			t.Errorf("%s, %s: %s, want %s", c.name, c.qualifier, r.ARN(), c.want)
		}
	}
}

// TestReserved_Sum: reservations of all functions together leave what is kept for the others.
func TestReserved_Sum(t *testing.T) {
	f := open(t, nil)
	ctx := t.Context()
	n := func(i int) *int { return &i }
	a, b := f.python(t, ""), f.make(t, "g", config("python3.12"), map[string]string{"app.py": ""})
	if err := f.SetReserved(ctx, a, n(600)); err != nil {
		t.Fatal(err)
	}
	if err := f.SetReserved(ctx, b, n(301)); !errors.Is(err, function.ErrBadParameter) {
		t.Errorf("901 reserved: %v", err)
	}
	for _, ok := range []struct {
		r function.Ref
		n int
	}{{b, 300}, {a, 600}, {a, 100}, {b, 800}} {
		if err := f.SetReserved(ctx, ok.r, n(ok.n)); err != nil {
			t.Errorf("%s %d: %v", ok.r.Name, ok.n, err)
		}
	}
	use, err := f.Use(ctx, scope)
	if err != nil || use.Reserved != 900 || use.Functions != 2 || use.CodeBytes == 0 {
		t.Errorf("use %+v, %v", use, err)
	}
}
