package jsonpath_test

import (
	"errors"
	"testing"

	"github.com/tarn-data/tarn/internal/jsonpath"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

const doc = `{"limit":2,"a":[{"x":1,"n":"foo","t":true},{"x":2,"n":"Bar"},{"x":3,"n":"baz","y":null}],` +
	`"o":{"b c":5,"d-e":6,"ünï":7,"k":{"x":9}},"nums":[1,2,3,4],"nul":null,"e":[],"$dollar":1,"@at":2,` +
	`"Arguments":{"--year":"2024"},"w":[{"Name":"Receipt"},{"Name":"x"}]}`

func mustParse(t testing.TB, s string) any {
	t.Helper()
	v, err := jsonvalue.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGet(t *testing.T) {
	root := mustParse(t, doc)
	f := func(path, want string) {
		t.Helper()
		p, err := jsonpath.Compile(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		v, err := p.Get(root)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		if got := jsonvalue.Marshal(v); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
	f(`$`, jsonvalue.Marshal(root))
	f(`$.limit`, `2`)
	f(`$.o['b c']`, `5`)
	f(`$['o']["k"].x`, `9`)
	f(`$.o.d-e`, `6`)
	f(`$.o.ünï`, `7`)
	f(`$.Arguments.--year`, `"2024"`)
	f(`$.[ 'limit' ]`, `2`)
	f(`$.a[0].x`, `1`)
	f(`$.a[-1].x`, `3`)
	f(`$.nums[0:2]`, `[1,2]`)
	f(`$.nums[-2:]`, `[3,4]`)
	f(`$.nums[:-1]`, `[1,2,3]`)
	f(`$.nums[2:1]`, `[]`)
	f(`$.nums[0,2,9]`, `[1,3]`)
	f(`$.a[*].x`, `[1,2,3]`)
	f(`$.a.*.x`, `[1,2,3]`)
	f(`$..x`, `[1,2,3,9]`)
	f(`$..[?(@.x==9)]`, `[{"x":9}]`)
	f(`$.a[0]['x','n']`, `{"x":1,"n":"foo"}`)
	f(`$.a[?(@.x > 1)].n`, `["Bar","baz"]`)
	f(`$.a[?(@.n == 'Bar')].x`, `[2]`)
	f(`$.a[?(@.n=="Bar")].x`, `[2]`)
	f(`$.a[?(@.t)].x`, `[1]`)
	f(`$.a[?(@.y)].x`, `[3]`)
	f(`$.a[?(@.y == null)].x`, `[3]`)
	f(`$.a[?(@.x >= $.limit)].x`, `[2,3]`)
	f(`$.a[?(@.x > 1 && @.n == 'baz')].x`, `[3]`)
	f(`$.a[?(@.x == 1 || @.x == 3)].n`, `["foo","baz"]`)
	f(`$.a[?(!(@.x == 1))].x`, `[2,3]`)
	f(`$.a[?(@.n =~ /ba.*/i)].x`, `[2,3]`)
	f(`$.a[?(@.n in ['foo','baz'])].x`, `[1,3]`)
	f(`$.a[?(@.n nin ['foo','baz'])].x`, `[2]`)
	f(`$.a[?(@.n contains 'o')].x`, `[1]`)
	f(`$.a[?(@.n size 3)].x`, `[1,2,3]`)
	f(`$.a[?(@.n empty true)].x`, `[]`)
	f(`$.w[?(@.Name==Receipt)].Name`, `["Receipt"]`)
	f(`$.nums.length()`, `4`)
	f(`$.nums.sum()`, `10.0`)
	f(`$.nums.max()`, `4.0`)
	f(`$.a.length()`, `3`)
	f(`$.nul`, `null`)
	f(`$.a[*].zzz`, `[]`)
	f(`$.missing[*].x`, `[]`)
	f(`$['$dollar']`, `1`)
	f(`$['@at']`, `2`)
	f(`$.a[?(@.x==1)][0]`, `[]`)
}

func TestNotFound(t *testing.T) {
	root := mustParse(t, doc)
	f := func(path, want string) {
		t.Helper()
		p, err := jsonpath.Compile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Get(root)
		if !errors.Is(err, jsonpath.ErrNotFound) || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	f(`$.missing`, `No results for path: $['missing']`)
	f(`$.o.missing.deep`, `Missing property in path $['o']['missing']`)
	f(`$.a[9]`, `No results for path: $['a'][9]`)
}

func TestSyntaxErrors(t *testing.T) {
	for _, path := range []string{``, `a`, `$.`, `$..`, `$a`, `$[`, `$['a`, `$[a]`, `$[?(@.x]`, `$.a b`, `$.a[?(@.x =~ x)]`, `$.a[1:2:3]`, `$.foo()`, `$[]`} {
		if p, err := jsonpath.Compile(path); err == nil {
			t.Errorf("%q was accepted as %s", path, p.Canonical())
		}
	}
}

func TestReference(t *testing.T) {
	f := func(path string, want bool) {
		t.Helper()
		p, err := jsonpath.Compile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Reference(); ok != want {
			t.Errorf("%s: %v", path, ok)
		}
	}
	f(`$`, true)
	f(`$.a['b'][0]`, true)
	f(`$.a[-1]`, false)
	f(`$.a[*]`, false)
	f(`$..a`, false)
	f(`$.a[?(@.b)]`, false)
}

func FuzzCompile(f *testing.F) {
	root := mustParse(f, doc)
	for _, s := range []string{`$.a[?(@.x > 1 && !(@.n in ['a',"b"]))]..x`, `$['a','b'][1:-2]`, `$.nums.concat('x', $.a[0])`, `$.a[?(@.n =~ /x\/y/i)]`, `$..[*]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := jsonpath.Compile(s)
		if err != nil {
			return
		}
		v, err := p.Get(root)
		if err == nil {
			jsonvalue.Marshal(v)
		}
		if _, err := jsonpath.Compile(p.Canonical()); err != nil && len(p.Canonical()) < 2 {
			t.Errorf("canonical form of %q: %v", s, err)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	root := mustParse(b, doc)
	p, _ := jsonpath.Compile(`$.a[0].x`)
	for b.Loop() {
		if _, err := p.Get(root); err != nil {
			b.Fatal(err)
		}
	}
}
