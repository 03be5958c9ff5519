package scalar

import "testing"

func TestJSONPath(t *testing.T) {
	const doc = `{"a":{"b":[1,2,{"c":"x"}]},"n":"12","e":1.5,"big":2147483647,"objs":[{"k":1},{"k":2}],"z":null}`
	for _, c := range []struct{ path, want string }{
		{`lax $.a.b[last].c`, `["x"]`},
		{`lax $.a.b[0 to 1]`, `[1,2]`},
		{`lax $.a.b[last - 1, 0]`, `[2,1]`},
		{`lax $.objs.k`, `[1,2]`},
		{`lax $..k`, `[1,2]`},
		{`lax $.objs[*] ? (@.k == 2 || !(@.k < 5))`, `[{"k":2}]`},
		{`lax $.objs[*] ? ((@.k * 2) > 2.5)`, `[{"k":2}]`},
		{`lax $.objs[*] ? ((@.k == "x") is unknown)`, `[{"k":1},{"k":2}]`},
		{`lax $.n.double() + 1`, `[13.0]`},
		{`lax -$.e * 2`, `[-3.0]`},
		{`lax 7 / 2 % 2`, `[1]`},
		{`lax $.z ? (@ == null)`, `[null]`},
		{`lax $.nope`, `[]`},
		{`strict $.nope`, "path evaluation failed: structural error: missing member 'nope' in JSON object"},
		{`lax $.big + 1`, "path evaluation failed: number out of range: 2147483647 + 1"},
		{`lax 1.5 + 1`, "arithmetic on decimals in a JSON path is not supported"},
		{`$.a`, "missing {'lax', 'strict'} at '$'"},
		{`lax $.a ? (@ like_regex "x")`, "like_regex predicate in JSON path is not yet supported"},
	} {
		if got := findText(doc, c.path); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
}

func findText(doc, path string) string {
	p, bad := ParseJSONPath(path)
	if bad != nil {
		return bad.Message
	}
	v, _ := parseJSON(doc, false)
	items, failure, refusal := p.run(v, nil)
	for _, err := range []error{failure, refusal} {
		if err != nil {
			e := err.(*Error)
			return e.Message
		}
	}
	if items == nil {
		items = []any{}
	}
	return printJSON(settle(items), false)
}

func FuzzJSONPath(f *testing.F) {
	for _, s := range []string{`lax $.a[0 to last] ? (@ > 1 && exists(@.b))`, `strict $..*`, `lax (($.a)) starts`, "lax \"\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { findText(`{"a":[1,"x",{"b":null}]}`, s) })
}
