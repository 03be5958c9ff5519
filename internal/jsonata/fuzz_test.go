package jsonata_test

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// corpus returns the expressions of the official suite and our own.
func corpus(t testing.TB) []string {
	_, cases := loadSuite(t)
	list := strings.Split(strings.TrimSpace(expressions), "\n")
	for _, c := range cases {
		if c.Timelimit == 0 && len(c.Expr) < 1000 && !strings.HasPrefix(c.ID, "performance/") {
			list = append(list, c.Expr)
		}
	}
	return list
}

var tokens = regexp.MustCompile("\\$?\\w+|\"[^\"]*\"|`[^`]*`|\\s+|~>|:=|\\.\\.|\\*\\*|.")

// mutate changes an expression by a few tokens, some of them taken from another one.
func mutate(r *rand.Rand, a, b string) string {
	x, y := tokens.FindAllString(a, -1), tokens.FindAllString(b, -1)
	for range 1 + r.IntN(3) {
		if len(x) == 0 || len(y) == 0 {
			break
		}
		i, j := r.IntN(len(x)), r.IntN(len(y))
		n := min(len(y)-j, 1+r.IntN(4))
		switch r.IntN(4) {
		case 0:
			x = append(x[:i:i], x[i+1:]...)
		case 1:
			x = append(append(x[:i:i], y[j:j+n]...), x[i:]...)
		case 2:
			x = append(append(x[:i:i], y[j:j+n]...), x[i+1:]...)
		case 3:
			k := r.IntN(len(x))
			x[i], x[k] = x[k], x[i]
		}
	}
	return strings.Join(x, "")
}

// unlike are the texts in expressions whose answers are not to be compared: they differ from one evaluation to the
// next, or on purpose.
var unlike = regexp.MustCompile(`now|millis|uuid|random|shuffle|hash|constructor|__|toString|valueOf|hasOwn|isProto|toLocale|propertyIs|\\[uU]|/[im]*\)?\s*[.*]|\(\?|1e[5-9]|\d{6}`)

// functionAsData are expressions that look for members of a function, or insert its text.
var functionAsData = regexp.MustCompile(`(\}|\||\$\w+|\))\.\*|\$replace\(.*function`)

func comparable(src string) bool {
	for _, r := range src {
		if r > 0xFFFF || r == utf8.RuneError {
			return false
		}
	}
	return len(src) < 1000 && !unlike.MatchString(src) && !functionAsData.MatchString(src)
}

// FuzzDifferential compares the evaluator with the JavaScript library.
func FuzzDifferential(f *testing.F) {
	for i, src := range corpus(f) {
		if i%40 == 0 { // the others are compared by the tests
			f.Add(src)
		}
	}
	doc, err := jsonvalue.Parse(richDocument)
	if err != nil {
		f.Fatal(err)
	}
	o, n := newOracle(f), 0
	f.Fuzz(func(t *testing.T, src string) {
		if !comparable(src) {
			return
		}
		if n++; n%500 == 0 {
			o = newOracle(t)
		}
		want, got := o.eval(src, doc, true), native(t, src, doc, true)
		if !got.agrees(want) {
			t.Errorf("%s\n\tgives %v\n\tlibrary %v", src, got, want)
		}
	})
}

// FuzzParse checks that any text is compiled or refused with an error that has its place in the text.
func FuzzParse(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := jsonata.Compile(src)
		if err == nil {
			e.Variables()
			return
		}
		var je *jsonata.Error
		if !errors.As(err, &je) {
			t.Fatalf("%q: %v", src, err)
		}
		if je.Message == "" || je.Position < 0 || je.Position > len(src)+8 {
			t.Errorf("%q: %+v", src, je)
		}
	})
}
