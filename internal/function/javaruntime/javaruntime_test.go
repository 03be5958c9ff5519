package javaruntime

import (
	"os"
	"testing"
)

// The jar that is embedded is that of the sources beside it: after a change, run make generate.
func TestJarIsOfTheseSources(t *testing.T) {
	want, err := SourceHash(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	jar, err := os.ReadFile("../bootstrap/runtime.jar")
	if err != nil {
		t.Fatal(err)
	}
	if got := Manifest(jar)["Source-SHA256"]; got != want {
		t.Errorf("runtime.jar is of sources %s, these are %s: run make generate", got, want)
	}
}
