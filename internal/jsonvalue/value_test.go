package jsonvalue_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

func TestRoundTripKeepsOrderAndNumbers(t *testing.T) {
	for _, s := range []string{
		`{"b":1.0,"a":[1e3,-0,12345678901234567890,0.10],"c":{"z":null,"y":true}}`,
		`"é\n\"\\😀"`, `[]`, `{}`, `null`, `-1.5E-7`, `{"a":"\u0001"}`,
	} {
		v, err := jsonvalue.Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if got := jsonvalue.Marshal(v); got != s {
			t.Errorf("got %s, want %s", got, s)
		}
	}
}

func TestObject(t *testing.T) {
	o := jsonvalue.NewObject("a", "1", "b", "2")
	for i := range 40 {
		o.Set(fmt.Sprint("k", i), jsonvalue.Int(int64(i)))
	}
	o.Set("a", "3")
	o.Delete("b")
	c := o.Clone()
	c.Set("x", nil)
	if o.Has("x") || !c.Has("x") || o.Has("b") || o.Str("a") != "3" || o.Len() != 41 {
		t.Errorf("o = %s", jsonvalue.Marshal(o))
	}
	if o.Keys()[0] != "a" {
		t.Errorf("a key that is set again loses its place: %v", o.Keys()[:3])
	}
}

func TestEqual(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		x, _ := jsonvalue.Parse(a)
		y, _ := jsonvalue.Parse(b)
		if jsonvalue.Equal(x, y) != want {
			t.Errorf("Equal(%s, %s) != %v", a, b, want)
		}
	}
	f(`{"a":1,"b":[1.0]}`, `{"b":[1],"a":1}`, true)
	f(`1e2`, `100`, true)
	f(`9007199254740993`, `9007199254740992`, false)
	f(`"1"`, `1`, false)
	f(`[]`, `{}`, false)
	f(`{"a":1}`, `{"b":1}`, false)
}

func TestSyntaxErrors(t *testing.T) {
	f := func(s, want string, line, col int) {
		t.Helper()
		_, err := jsonvalue.Parse(s)
		e, ok := err.(*jsonvalue.SyntaxError)
		if !ok || e.Msg != want || e.Line != line || e.Col != col {
			t.Errorf("%q: %#v", s, err)
		}
	}
	f("not a definition", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", 1, 4)
	f("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 2)
	f("[1,\n01]", "Invalid numeric value: Leading zeroes not allowed", 2, 2)
	f(`{"a"`, "Unexpected end-of-input was expecting a colon to separate field name and value", 1, 5)
	if _, err := jsonvalue.Parse(strings.Repeat("[", 100000)); err == nil {
		t.Error("100,000 open brackets were accepted")
	}
}

func TestLocate(t *testing.T) {
	doc := "{\n \"A\": [1,\n   {\"b\" : true}]\n}"
	for _, c := range []struct {
		path      []string
		line, col int
	}{{nil, 1, 1}, {[]string{"A"}, 2, 2}, {[]string{"A", "0"}, 2, 8}, {[]string{"A", "1", "b"}, 3, 5}, {[]string{"A", "1", "x"}, 3, 4}} {
		if l, col := jsonvalue.Locate(doc, c.path...); l != c.line || col != c.col {
			t.Errorf("%v: %d:%d, want %d:%d", c.path, l, col, c.line, c.col)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\u00e9\ud83d\ude00"]}`, `[]`, `nul`, `"\ud800"`, `{"a":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := jsonvalue.Parse(s)
		var want any
		stdErr := json.Unmarshal([]byte(s), &want)
		if (err == nil) != (stdErr == nil) {
			if strings.Contains(fmt.Sprint(stdErr), "cannot unmarshal number") {
				return // beyond float64, which a Number holds
			}
			if strings.Count(s, "[")+strings.Count(s, "{") > 900 {
				return // the limits of depth differ
			}
			t.Fatalf("%q: Parse %v, encoding/json %v", s, err, stdErr)
		}
		if err != nil {
			return
		}
		var got any
		if err := json.Unmarshal([]byte(jsonvalue.Marshal(v)), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, encoding/json %v", s, got, want)
		}
	})
}
