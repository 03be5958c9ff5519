package jsonvalue

import "testing"

func TestLarger(t *testing.T) {
	for _, doc := range []string{`null`, `true`, `false`, `1.50`, `"text"`, `[]`, `{}`, `[1]`, `[[],{},null]`, `{"a":1}`, `{"a":[true,false,{"b":"c"}],"d":-1e5}`} {
		v, err := Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(doc); Larger(v, n) || !Larger(v, n-1) {
			t.Errorf("%s: more than %d: %t, more than %d: %t", doc, n, Larger(v, n), n-1, Larger(v, n-1))
		}
	}
	v := any("x")
	for range 60 { // 2^60 texts, in little memory
		v = []any{v, v}
	}
	if !Larger(v, 1<<20) {
		t.Error("a tree without end is small")
	}
}
