package main

import (
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/app"
)

func TestBar(t *testing.T) {
	var out strings.Builder
	b := bar{out: &out}
	b.copied(app.BackupProgress{Files: 1, Of: 4, Bytes: 2_500_000})
	b.show(5, 4, "more")
	b.show(1, 0, "unknown")
	b.end()
	want := "\r\x1b[2K[#######-----------------------]  25 %  1 of 4 files, 2.5 MB" + "\r\x1b[2K[##############################] 100 %  more" +
		"\r\x1b[2K[------------------------------]   ? %  unknown" + "\r\x1b[2K"
	if out.String() != want {
		t.Errorf("drew %q, want %q", out.String(), want)
	}
	(&bar{}).show(1, 2, "nobody sees it")
}
