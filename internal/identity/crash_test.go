package identity_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// TestPowerCut cuts the power while several callers make users: what was answered is there afterwards.
func TestPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	e := open(t, kvtest.Open(t, fs), clock.NewFake(start))
	var mu sync.Mutex // guards answered
	answered := map[string]identity.AccessKey{}
	var clone *vfs.MemFS
	var before []string
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				name := fmt.Sprintf("u%d-%d", w, i)
				_, err := e.Create(t.Context(), identity.Entity{Account: acct, Kind: identity.User, Name: name})
				if err != nil {
					t.Error(err)
					return
				}
				k, err := e.CreateAccessKey(t.Context(), acct, name)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				answered[name] = k
				if len(answered) == 50 {
					for n := range answered {
						before = append(before, n)
					}
					clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, 2))})
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	again := open(t, kvtest.Open(t, clone), clock.NewFake(start))
	for _, n := range before {
		c, err := again.Resolve(t.Context(), answered[n].ID, "")
		if err != nil || c.Secret != answered[n].Secret || c.Principal.Name != n {
			t.Errorf("%s was lost: %v", n, err)
		}
	}
	if len(before) != 50 {
		t.Errorf("%d users before the cut", len(before))
	}
}

// TestRandomChangesSurviveReopen compares the engine with a map after random changes and restarts.
func TestRandomChangesSurviveReopen(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	store, c := kvtest.New(t), clock.NewFake(start)
	e := open(t, store, c)
	ctx := t.Context()
	users, groups := map[string][]string{}, map[string]bool{} // user → groups
	name := func() string { return string(rune('a' + rng.IntN(6))) }
	for range 600 {
		u, g := "u"+name(), "g"+name()
		_, hasUser := users[u]
		in := slices.Contains(users[u], g)
		used := false
		for _, gs := range users {
			used = used || slices.Contains(gs, g)
		}
		var err error
		want := true
		switch rng.IntN(8) {
		case 0, 1:
			_, err = e.Create(ctx, identity.Entity{Account: acct, Kind: identity.User, Name: u})
			if want = !hasUser; want {
				users[u] = nil
			}
		case 2:
			_, err = e.Create(ctx, identity.Entity{Account: acct, Kind: identity.Group, Name: g})
			want = !groups[g]
			groups[g] = true
		case 3, 4:
			err = e.Join(ctx, acct, u, g, true)
			if want = hasUser && groups[g]; want && !in {
				users[u] = append(users[u], g)
			}
		case 5:
			err = e.Join(ctx, acct, u, g, false)
			if want = hasUser && groups[g] && in; want {
				users[u] = slices.DeleteFunc(users[u], func(x string) bool { return x == g })
			}
		case 6:
			err = e.Delete(ctx, acct, identity.User, u)
			if want = hasUser && len(users[u]) == 0; want {
				delete(users, u)
			}
		case 7:
			if rng.IntN(4) == 0 {
				e = open(t, store, c)
				continue
			}
			err = e.Delete(ctx, acct, identity.Group, g)
			if want = groups[g] && !used; want {
				delete(groups, g)
			}
		}
		if (err == nil) != want {
			t.Fatalf("%s %s: %v, want success %v", u, g, err, want)
		}
	}
	e = open(t, store, c)
	if got := e.List(acct, identity.User, "/"); len(got) != len(users) {
		t.Errorf("%d users, want %d", len(got), len(users))
	}
	for _, u := range e.List(acct, identity.User, "/") {
		want := slices.Sorted(slices.Values(users[u.Name]))
		if got := slices.Sorted(slices.Values(u.Groups)); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", u.Name, got, want)
		}
	}
	for _, g := range e.List(acct, identity.Group, "/") {
		if !groups[g.Name] {
			t.Errorf("group %s should be gone", g.Name)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	e := open(t, kvtest.New(t), clock.NewFake(start))
	ctx := t.Context()
	must[*identity.Entity](t)(e.Create(ctx, identity.Entity{Account: acct, Kind: identity.User, Name: "u"}))
	k := must[identity.AccessKey](t)(e.CreateAccessKey(ctx, acct, "u"))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 20 {
				if err := e.PutInline(ctx, acct, identity.User, "u", fmt.Sprintf("p%d", i), allowS3); err != nil {
					t.Error(err)
				}
				c, err := e.Resolve(ctx, k.ID, "")
				if err != nil || !allowed(c.Principal, "s3:GetObject") {
					t.Errorf("a policy that was put does not count: %v", err)
				}
				e.Used(k.ID, "s3", fmt.Sprint(j))
			}
		})
	}
	wg.Wait()
}
