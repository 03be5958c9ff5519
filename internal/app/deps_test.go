package app_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tarn-data/tarn/"

// foundations import nothing of ours but one another.
var foundations = []string{
	"blob", "clock", "eventpattern", "ident", "jsonata", "jsonpath", "jsonvalue", "kv", "kv/key", "lifecycle", "lineage", "mail", "meter", "outbox", "policy", "sandbox",
	"schedule", "sqlfront", "tail", "tabular", "duck",
}

// engineEdges are the engines that an engine may read from, each with the reason. All else between engines is pushed
// through interfaces that internal/bridge connects.
var engineEdges = map[string]map[string]string{
	"crawl": {"catalog": "a crawl compares what it finds with the catalog and changes both in one batch"},
	"query": {
		"catalog":  "statements resolve their tables in the catalog and DDL changes it",
		"objstore": "a query reads lists of files and stores its results as objects",
	},
}

// engines are packages with state of their own that know nothing of AWS's wire.
var engines = []string{"catalog", "connection", "crawl", "etl", "event", "function", "identity", "logs", "mapping", "objstore", "query", "queue", "scheduler", "topic", "workflow"}

type pkg struct {
	path    string // below internal/
	imports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		p := pkg{path: strings.TrimPrefix(f[0], module+"internal/")}
		for _, i := range f[1:] {
			if rest, ok := strings.CutPrefix(i, module); ok {
				p.imports = append(p.imports, strings.TrimPrefix(rest, "internal/"))
			} else {
				p.imports = append(p.imports, i)
			}
		}
		list = append(list, p)
	}
	return list
}

// under reports whether a package is one of the list or below it.
func under(path string, list []string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return path == e || strings.HasPrefix(path, e+"/") })
}

func root(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		test := strings.HasSuffix(root(p.path), "test") || strings.HasSuffix(p.path, "test")
		for _, i := range p.imports {
			switch {
			case root(i) == "app" && root(p.path) != "app":
				t.Errorf("%s imports %s: app is the only package that sees everything, and nobody sees it", p.path, i)
			case root(i) == "aws" && root(p.path) != "aws" && root(p.path) != "app" && root(p.path) != "bridge":
				t.Errorf("%s imports %s: engines and foundations know nothing of AWS's wire", p.path, i)
			case root(i) == "bridge" && root(p.path) != "app":
				t.Errorf("%s imports %s: only app uses bridge", p.path, i)
			case under(p.path, foundations) && under(i, engines):
				t.Errorf("%s imports %s: foundations do not know engines", p.path, i)
			case under(p.path, engines) && under(i, engines) && root(i) != root(p.path) && engineEdges[root(p.path)][root(i)] == "":
				t.Errorf("%s imports %s: an engine declares what it needs and bridge connects it, unless engineEdges gives a reason", p.path, i)
			case strings.HasPrefix(i, "github.com/duckdb/") && root(p.path) != "duck":
				t.Errorf("%s imports %s: duck is the only package with cgo", p.path, i)
			case strings.HasPrefix(i, "github.com/cockroachdb/pebble") && root(p.path) != "kv" && !test:
				t.Errorf("%s imports %s: state goes through kv", p.path, i)
			case under(p.path, engines) && (i == "net/http" || i == "encoding/xml") && p.path != "function":
				// function serves the Lambda Runtime API to its own processes: that is not AWS's wire.
				t.Errorf("%s imports %s: engines do not speak HTTP or XML", p.path, i)
			}
		}
	}
}
