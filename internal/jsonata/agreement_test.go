package jsonata_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

//go:embed testdata/expressions.txt
var expressions string

// onPurpose are the expressions for which the evaluator is meant to differ from the library (docs/jsonata.md).
var onPurpose = map[string]string{
	`$match("😀", /./)`:                        "regular expressions work on characters",
	`$replace("aab", "a", function($m){"x"})`: "the library inserts the JavaScript text of the function",
}

// TestAgreesWithTheLibrary compares value, code, text, place and token of the answers for expressions written for the
// corners of the language.
func TestAgreesWithTheLibrary(t *testing.T) {
	doc, err := jsonvalue.Parse(richDocument)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(t)
	for _, src := range strings.Split(strings.TrimSpace(expressions), "\n") {
		if onPurpose[src] != "" {
			continue
		}
		want, got := o.eval(src, doc, false), native(t, src, doc, false)
		if !got.agrees(want) || got.gaveUp && !want.gaveUp {
			t.Errorf("%s\n\tgives %v\n\tlibrary %v", src, got, want)
		} else if want.code != "" && want != got {
			t.Errorf("%s\n\t%q at %d, %q\n\tlibrary %q at %d, %q", src, got.message, got.position, got.token, want.message, want.position, want.token)
		}
	}
}
