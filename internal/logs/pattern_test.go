package logs

import (
	"errors"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"ERROR", "an ERROR here", true},
		{"ERROR", "an error here", false},
		{"ERROR disk", "disk: ERROR", true},
		{"ERROR disk", "ERROR", false},
		{`"two words"`, "has two words in it", true},
		{`"two words"`, "two other words", false},
		{"?ERROR ?WARN", "WARN: low", true},
		{"?ERROR ?WARN", "INFO", false},
		{"ERROR -ignore", "ERROR ignore me", false},
		{"%4[0-9]{2}%", "status 404", true},
		{"%4[0-9]{2}%", "status 200", false},
		{"ERROR -%4[0-9]{2}%", "ERROR 404", false},
		{"ERROR -%4[0-9]{2}%", "ERROR 500", true},
		{"?WARN ?%4[0-9]{2}%", "status 404", true},
		{"?WARN ?%4[0-9]{2}%", "status 200", false},
		{`"%a%"`, "say %a%", true},
		{`"%a%"`, "say a", false},
		{`{ $.level = "error" }`, `{"level":"error"}`, true},
		{`{ $.level = %^err|warn$% }`, `{"level":"error"}`, true},
		{`{ $.level = %^err(or)?$% && $.n = 1 }`, `{"level":"warn","n":1}`, false},
		{`{ $.level != %^err% }`, `{"level":"error"}`, false},
		{`{ $.level = "err*" }`, `{"level":"error"}`, true},
		{`{ $.level != "error" }`, `{"level":"error"}`, false},
		{`{ $.a.b >= 3 && $.c IS NULL }`, `{"a":{"b":3},"c":null}`, true},
		{`{ ($.a = 1 || $.b = 2) && $.c = 3 }`, `{"b":2,"c":3}`, true},
		{`{ $.items[1].n = 7 }`, `{"items":[{"n":1},{"n":7}]}`, true},
		{`{ $.x NOT EXISTS }`, `{"y":1}`, true},
		{`{ $.x EXISTS }`, `{"y":1}`, false},
		{`{ $.ok IS TRUE }`, `prefix {"ok":true}`, true},
		{`{ $.level = "error" }`, `not json`, false},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match(c.message); got != c.want {
			t.Errorf("%s on %s = %v, want %v", c.pattern, c.message, got, c.want)
		}
	}
	for _, bad := range []string{"[a, b]", `"open`, "{ $.a }", "{ $.a = }", "{ $.a < x }", "{ $.a = 1", "%(%", "- x", "-%(%", `{ $.a = %( }`, `{ $.a = %(% }`, `{ $.a[ = 1 }`} {
		if _, err := ParsePattern(bad); !errors.Is(err, ErrBadPattern) {
			t.Errorf("ParsePattern(%q): err = %v, want ErrBadPattern", bad, err)
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"a -b ?c", `"x y"`, `{ $.a = 1 && ($.b < 2 || $.c EXISTS) }`, "%a%", "{ $.a[0] = \"x*\" }"} {
		f.Add(s, `{"a":1}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if p, err := ParsePattern(pattern); err == nil {
			p.Match(message)
		}
	})
}
