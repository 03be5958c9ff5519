package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tarn-data/tarn/internal/app"
)

// bar shows on a terminal how far long work is, over itself; elsewhere, and with --json, it shows nothing.
type bar struct {
	out  io.Writer // nil = no terminal
	used bool
}

// newBar returns a bar on the error output, which leaves the output to the result.
func newBar(c *cli) *bar {
	if c.JSON || !isTerminal(os.Stderr) {
		return &bar{}
	}
	return &bar{out: os.Stderr}
}

const barWidth = 30

// show draws done of total with what is said beside it. A total of 0 is one that is not known yet.
func (b *bar) show(done, total int, beside string) {
	if b.out == nil {
		return
	}
	b.used = true
	full := 0
	share := "  ?"
	if total > 0 {
		full = min(done*barWidth/total, barWidth)
		share = fmt.Sprintf("%3d", min(done*100/total, 100))
	}
	_, _ = fmt.Fprintf(b.out, "\r\x1b[2K[%s%s] %s %%  %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), share, beside)
}

// copied shows the progress of a backup or its restoring.
func (b *bar) copied(p app.BackupProgress) {
	b.show(p.Files, p.Of, fmt.Sprintf("%d of %d files, %.1f MB", p.Files, p.Of, float64(p.Bytes)/1e6))
}

// end takes the bar away.
func (b *bar) end() {
	if b.used {
		_, _ = fmt.Fprint(b.out, "\r\x1b[2K")
	}
}
