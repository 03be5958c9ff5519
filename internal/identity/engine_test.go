package identity_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/policy"
)

const acct = ident.DefaultAccount

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, s kv.Store, c clock.Clock) *identity.Engine {
	t.Helper()
	e, err := identity.Open(t.Context(), identity.Options{Store: s, Clock: c, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("err = %v, want %v", err, want)
	}
}

const (
	allowS3 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	denyS3  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000","Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

func allowed(p policy.Principal, action string) bool {
	return policy.Evaluate(&policy.Request{Principal: p, Action: action, Resource: "arn:aws:s3:::lake/a", Account: acct}).Allowed
}

func TestRootKeySurvivesReopen(t *testing.T) {
	store := kvtest.New(t)
	c := clock.NewFake(start)
	k := must[identity.AccessKey](t)(open(t, store, c).RootKey(acct))
	e := open(t, store, c)
	if again := must[identity.AccessKey](t)(e.RootKey(acct)); again != k {
		t.Errorf("root key changed: %+v, %+v", k, again)
	}
	cred := must[identity.Credential](t)(e.Resolve(t.Context(), k.ID, ""))
	if !cred.Principal.Root || cred.Secret != k.Secret {
		t.Errorf("credential = %+v", cred)
	}
	is(t, e.DeleteAccessKey(t.Context(), acct, "", k.ID), identity.ErrConflict)
}

func TestUserPolicies(t *testing.T) {
	ctx := t.Context()
	store := kvtest.New(t)
	e := open(t, store, clock.NewFake(start))
	must[*identity.Entity](t)(e.Create(ctx, identity.Entity{Account: acct, Kind: identity.User, Name: "Ann"}))
	must[*identity.Entity](t)(e.Create(ctx, identity.Entity{Account: acct, Kind: identity.Group, Name: "team"}))
	_, err := e.Create(ctx, identity.Entity{Account: acct, Kind: identity.User, Name: "ann"})
	is(t, err, identity.ErrExists)
	k := must[identity.AccessKey](t)(e.CreateAccessKey(ctx, acct, "Ann"))
	can := func(want bool, why string) {
		t.Helper()
		for _, e := range []*identity.Engine{e, open(t, store, clock.NewFake(start))} {
			cred := must[identity.Credential](t)(e.Resolve(ctx, k.ID, ""))
			if allowed(cred.Principal, "s3:GetObject") != want {
				t.Errorf("%s: allowed = %v", why, !want)
			}
		}
	}
	can(false, "no policy")
	ok(t, e.PutInline(ctx, acct, identity.Group, "team", "p", allowS3))
	ok(t, e.Join(ctx, acct, "Ann", "team", true))
	can(true, "policy of the group")
	ok(t, e.PutInline(ctx, acct, identity.User, "Ann", "d", denyS3))
	can(false, "denied inline")
	ok(t, e.DeleteInline(ctx, acct, identity.User, "Ann", "d"))
	p := must[*identity.Policy](t)(e.CreatePolicy(ctx, identity.Policy{Account: acct, Name: "bound"}, denyS3))
	ok(t, e.SetBoundary(ctx, acct, identity.User, "Ann", p.ARN()))
	can(false, "outside of the boundary")
	must[identity.Version](t)(e.AddVersion(ctx, acct, p.ARN(), allowS3, true))
	can(true, "boundary has a new version")
	is(t, e.DeletePolicy(ctx, acct, p.ARN()), identity.ErrConflict)
	ok(t, e.SetBoundary(ctx, acct, identity.User, "Ann", ""))
	ok(t, e.Rename(ctx, acct, identity.Group, "team", "crew", ""))
	can(true, "group renamed")
	ok(t, e.Rename(ctx, acct, identity.User, "Ann", "Bea", ""))
	can(true, "user renamed")
	ok(t, e.Join(ctx, acct, "Bea", "crew", false))
	can(false, "left the group")
	ok(t, e.Attach(ctx, acct, identity.User, "Bea", "arn:aws:iam::aws:policy/AmazonS3FullAccess", true))
	can(true, "policy of AWS")
	is(t, e.Delete(ctx, acct, identity.User, "Bea"), identity.ErrConflict)
	ok(t, e.Attach(ctx, acct, identity.User, "Bea", "arn:aws:iam::aws:policy/AmazonS3FullAccess", false))
	is(t, e.Delete(ctx, acct, identity.User, "Bea"), identity.ErrConflict) // has a key
	ok(t, e.SetAccessKey(ctx, acct, "Bea", k.ID, false))
	_, err = e.Resolve(ctx, k.ID, "")
	is(t, err, identity.ErrUnknownKey)
	ok(t, e.DeleteAccessKey(ctx, acct, "Bea", k.ID))
	ok(t, e.Delete(ctx, acct, identity.User, "Bea"))
	_, err = e.Get(acct, identity.User, "Bea")
	is(t, err, identity.ErrNoSuchEntity)
}

func TestSessions(t *testing.T) {
	ctx := t.Context()
	store := kvtest.New(t)
	c := clock.NewFake(start)
	e := open(t, store, c)
	role := must[*identity.Entity](t)(e.Create(ctx, identity.Entity{Account: acct, Kind: identity.Role, Name: "r", Path: "/svc/", Trust: trust}))
	ok(t, e.PutInline(ctx, acct, identity.Role, "r", "p", allowS3))
	cred := must[*identity.Credential](t)(e.AssumeForService(ctx, ident.Scope{Account: acct}, role.ARN(), "lambda.amazonaws.com", "fn", time.Hour))
	_, err := e.AssumeForService(ctx, ident.Scope{Account: acct}, role.ARN(), "glue.amazonaws.com", "fn", time.Hour)
	is(t, err, identity.ErrNotAuthorised)
	is(t, e.AssumableBy(ident.Scope{Account: acct}, role.ARN(), "glue.amazonaws.com"), identity.ErrNotAuthorised)
	ok(t, e.AssumableBy(ident.Scope{Account: acct}, role.ARN(), "lambda.amazonaws.com"))

	e = open(t, store, c) // sessions outlive the process
	got := must[identity.Credential](t)(e.Resolve(ctx, cred.AccessKeyID, cred.Token))
	if got.Secret != cred.Secret || got.Principal.ARN != "arn:aws:sts::000000000000:assumed-role/r/fn" || got.Principal.Role != role.ARN() || !allowed(got.Principal, "s3:GetObject") {
		t.Errorf("credential = %+v", got)
	}
	for name, token := range map[string]string{"no token": "", "damaged": cred.Token[:len(cred.Token)-5] + "AAAA=", "garbage": "x"} {
		want := identity.ErrInvalidToken
		if token == "" {
			want = identity.ErrUnknownKey
		}
		if _, err := e.Resolve(ctx, cred.AccessKeyID, token); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = e.Resolve(ctx, "ASIAAAAAAAAAAAAAAAAA", cred.Token)
	is(t, err, identity.ErrInvalidToken)

	root := policy.Root(acct)
	limited, _, err := e.Assume(ctx, identity.AssumeRole{Caller: root, RoleARN: role.ARN(), SessionName: "me", Policy: denyS3})
	ok(t, err)
	if allowed(limited.Principal, "s3:GetObject") {
		t.Error("the session policy did not limit the session")
	}
	_, _, err = e.Assume(ctx, identity.AssumeRole{Caller: root, RoleARN: role.ARN(), SessionName: "me", Duration: 2 * time.Hour})
	is(t, err, identity.ErrInvalid)
	_, _, err = e.Assume(ctx, identity.AssumeRole{Caller: root, RoleARN: "arn:aws:iam::000000000000:role/r", SessionName: "me"})
	is(t, err, identity.ErrNotAuthorised) // another path

	c.Advance(time.Hour)
	_, err = e.Resolve(ctx, cred.AccessKeyID, cred.Token)
	is(t, err, identity.ErrExpiredToken)

	cred = must[*identity.Credential](t)(e.AssumeForService(ctx, ident.Scope{Account: acct}, role.ARN(), "lambda.amazonaws.com", "fn", time.Hour))
	ok(t, e.DeleteInline(ctx, acct, identity.Role, "r", "p"))
	got = must[identity.Credential](t)(e.Resolve(ctx, cred.AccessKeyID, cred.Token))
	if allowed(got.Principal, "s3:GetObject") {
		t.Error("the session kept a policy that its role lost")
	}
	ok(t, e.Delete(ctx, acct, identity.Role, "r"))
	_, err = e.Resolve(ctx, cred.AccessKeyID, cred.Token)
	is(t, err, identity.ErrInvalidToken)

	user := identity.Entity{Account: acct, Kind: identity.User, Name: "u"}
	must[*identity.Entity](t)(e.Create(ctx, user))
	cred = must[*identity.Credential](t)(e.SessionToken(ctx, must[policy.Principal](t)(e.UserPrincipal(acct, "u")), time.Hour))
	must[identity.Credential](t)(e.Resolve(ctx, cred.AccessKeyID, cred.Token))
	ok(t, e.Delete(ctx, acct, identity.User, "u"))
	must[*identity.Entity](t)(e.Create(ctx, user))
	_, err = e.Resolve(ctx, cred.AccessKeyID, cred.Token)
	is(t, err, identity.ErrInvalidToken) // another user of the same name
}

func TestRootStandsForMissingRolesWhenTold(t *testing.T) {
	ctx, scope, none := t.Context(), ident.Scope{Account: acct}, "arn:aws:iam::000000000000:role/none"
	strict := open(t, kvtest.New(t), clock.NewFake(start))
	_, err := strict.AssumeForService(ctx, scope, none, "states.amazonaws.com", "exec", time.Hour)
	is(t, err, identity.ErrNotAuthorised)
	is(t, strict.AssumableBy(scope, none, "states.amazonaws.com"), identity.ErrNoSuchEntity)
	_, err = strict.RolePrincipal(acct, "none")
	is(t, err, identity.ErrNoSuchEntity)

	e := must[*identity.Engine](t)(identity.Open(ctx, identity.Options{Store: kvtest.New(t), Clock: clock.NewFake(start), AnyRole: true}))
	cred := must[*identity.Credential](t)(e.AssumeForService(ctx, scope, none, "states.amazonaws.com", "exec", time.Minute))
	if got := must[identity.Credential](t)(e.Resolve(ctx, cred.AccessKeyID, cred.Token)); !got.Principal.Root || got.Principal.Account != acct {
		t.Errorf("credential = %+v", got)
	}
	ok(t, e.AssumableBy(scope, none, "states.amazonaws.com"))
	if p := must[policy.Principal](t)(e.RolePrincipal(acct, "none")); !p.Root {
		t.Errorf("principal = %+v", p)
	}
	for _, foreign := range []string{"arn:aws:iam::111111111111:role/none", "arn:aws:iam::000000000000:user/none", "none"} {
		_, err := e.AssumeForService(ctx, scope, foreign, "states.amazonaws.com", "exec", time.Hour)
		is(t, err, identity.ErrNotAuthorised)
	}
	// A role that exists keeps its trust policy and its rights.
	role := must[*identity.Entity](t)(e.Create(ctx, identity.Entity{Account: acct, Kind: identity.Role, Name: "r", Path: "/", Trust: trust}))
	_, err = e.AssumeForService(ctx, scope, role.ARN(), "states.amazonaws.com", "exec", time.Hour)
	is(t, err, identity.ErrNotAuthorised)
}

func TestManagedPoliciesParse(t *testing.T) {
	e := open(t, kvtest.New(t), clock.NewFake(start))
	list := e.Policies(acct, false, true)
	if len(list) < 30 {
		t.Errorf("%d policies of AWS", len(list))
	}
	for _, p := range list {
		if _, err := policy.Parse(policy.Identity, p.Version("").Document); err != nil {
			t.Errorf("%s: %v", p.ARN(), err)
		}
	}
	err := e.UpdatePolicy(t.Context(), acct, "arn:aws:iam::aws:policy/AdministratorAccess", func(*identity.Policy) error { return nil })
	is(t, err, identity.ErrUnmodifiable)
}
