package eventsapi

import "testing"

func TestToken(t *testing.T) {
	if token("") != nil || after(nil) != "" {
		t.Error("a list that ends has no token")
	}
	for _, name := range []string{"a", "default", "ünï/x", "AWFh"} {
		tok := token(name)
		if *tok == name || after(tok) != name {
			t.Errorf("%s: token %s, after %s", name, *tok, after(tok))
		}
	}
	if s := "rule-1"; after(&s) != s {
		t.Error("a name stands for itself")
	}
}
