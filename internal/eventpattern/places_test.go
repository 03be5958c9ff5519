package eventpattern

import (
	"strings"
	"testing"
)

// TestPlaces: where AWS says that a pattern went wrong; ^ in a pattern is the column of the refusal.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ marked, reason string }{
		{`{"n": 7^}`, `"n" must be an object or an array`},
		{`{"s": "^text"}`, `"s" must be an object or an array`},
		{`{"a": []^}`, "Empty arrays are not allowed"},
		{`{"a": {}^}`, "Empty objects are not allowed"},
		{`[^"a"]`, "Filter is not an object"},
		{`{"a": [{"EXISTS": true^}]}`, "Unrecognized match type EXISTS"},
		{`{"a": [{"LIKE": [^1]}]}`, "Unrecognized match type LIKE"},
		{`{"a": [{"prefix": 12^}]}`, "prefix match pattern must be a string"},
		{`{"a": [{"suffix": [^"x"]}]}`, "suffix match pattern must be a string"},
		{`{"a": [{"wildcard": "x**"^}]}`, "Consecutive wildcard characters at pos 2"},
		{`{"a": [{"numeric": 10^}]}`, "Value of numeric must be an array."},
		{`{"a": [{"numeric": [">", 0, ">"^, 0]}]}`, "Bad numeric range operator: >"},
		{`{"a": [{"numeric": [">", 0, "<"]^}]}`, "Value of < must be numeric"},
		{`{"a": [{"numeric": ["~"]^}]}`, "Unrecognized numeric range operator: ~"},
		{`{"a": [{"numeric": [">", 3, "<", 1]^}]}`, "Bottom must be less than top"},
		{`{"a": [{"anything-but": null^}]}`, badAnythingBut},
		{`{"a": [{"anything-but": true^}]}`, badAnythingBut},
		{`{"a": [{"anything-but": {"prefix": ""^}}]}`, "Null prefix/suffix not allowed"},
		{`{"a": [{"anything-but": {"suffix": {^"equals-ignore-case": "x"}}}]}`, badAnythingBut},
		{"{\"a\": [1],\n \"b\": 2^}", `"b" must be an object or an array`},
		{`{"ä𝄞": 2^}`, `"ä𝄞" must be an object or an array`},
		{`{"a": ["x", oops^]}`, "Unrecognized token 'oops': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"},
		{`{^'a': [1]}`, "Unexpected character (''' (code 39)): was expecting double-quote to start field name"},
	} {
		before, after, _ := strings.Cut(c.marked, "^")
		pattern := before + after
		line, column := strings.Count(before, "\n")+1, 1
		for _, r := range before[strings.LastIndexByte(before, '\n')+1:] {
			if column++; r > 0xFFFF { // Java counts two
				column++
			}
		}
		_, err := Compile([]byte(pattern))
		want := ErrInvalid.Error() + ". Reason: " + c.reason + "\n at " + place(pattern, line, column)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", c.marked, err, want)
		}
	}
}

// TestPlaces_Lists: in the lists of anything-but AWS tells the place twice.
func TestPlaces_Lists(t *testing.T) {
	pattern := `{"a": [{"anything-but": ["x", null]}]}`
	at := "\n at " + place(pattern, 1, strings.Index(pattern, "]}")+1)
	_, err := Compile([]byte(pattern))
	if err == nil || !strings.HasSuffix(err.Error(), "is not supported."+at+at) {
		t.Errorf("got %v", err)
	}
}

// TestPlaces_None: AWS tells no place of a bad address.
func TestPlaces_None(t *testing.T) {
	_, err := Compile([]byte(`{"a": [{"cidr": "10.0.0.x/8"}]}`))
	if err == nil || strings.Contains(err.Error(), "Source") {
		t.Errorf("got %v", err)
	}
}

// TestPlaces_Long: of a long pattern the beginning is shown.
func TestPlaces_Long(t *testing.T) {
	_, err := Compile([]byte(`{"a": ["` + strings.Repeat("x", 600) + `"], "b": 1}`))
	if err == nil || !strings.Contains(err.Error(), `xxx"[truncated 119 chars]; line: 1, column: 619]`) {
		t.Errorf("got %v", err)
	}
}
