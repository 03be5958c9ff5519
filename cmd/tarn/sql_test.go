package main

import (
	"strings"
	"testing"
)

func TestAnswersArePrinted(t *testing.T) {
	text := func(s string) *string { return &s }
	a := answer{columns: []string{"city", "total"}, rows: [][]*string{{text(`Bern, "old"`), text("10")}, {text("Basel"), nil}}}
	for format, want := range map[string]string{
		"table": "city         total\nBern, \"old\"  10\nBasel        NULL\n",
		"csv":   "city,total\n\"Bern, \"\"old\"\"\",10\nBasel,\n",
		"json":  "{\"city\":\"Bern, \\\"old\\\"\",\"total\":\"10\"}\n{\"city\":\"Basel\",\"total\":null}\n",
	} {
		var out strings.Builder
		if err := a.print(&out, format); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", format, err, out.String(), want)
		}
	}
}

func TestStatementEnd(t *testing.T) {
	for text, want := range map[string]int{
		"SELECT 1": -1, "SELECT 1;": 8, "SELECT ';'; x": 10, `SELECT ";`: -1, "-- a;\n;": 6, "/* ; */;": 7, "/*;": -1, "/*/;*/;": 6,
		"SELECT 'it''s;';": 15, ";": 0,
	} {
		if got := statementEnd(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
