package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/sandbox"
)

// Grade says how well something is.
type Grade string

// The grades.
const (
	Good    Grade = "good"
	Partly  Grade = "partly"  // something is less or cannot be used
	Missing Grade = "missing" // Tarn does not work without it
)

// Finding is something that was looked at.
type Finding struct {
	Name   string
	Grade  Grade
	Detail string
	Advice string `json:",omitempty"` // what to do about it
}

// Diagnose looks at what Tarn uses of a machine: interpreters, isolation, the disk under the data directory.
func Diagnose(ctx context.Context, data string) []Finding {
	var list []Finding
	for _, p := range []struct{ name, program, flag, advice string }{
		{"python", "python3", "--version", "install python3 (3.9 or newer) for Python functions and Glue scripts"},
		{"pip", "python3", "-m pip --version", "install python3-pip: boto3 and the job engine come with it"},
		{"node", "node", "--version", "install nodejs for Node functions"},
		{"npm", "npm", "--version", "install npm: the AWS SDKs for JavaScript come with it"},
		{"java", "java", "-version", "install Java 17 or newer for Java functions and jobs on Spark"},
	} {
		out, err := exec.CommandContext(ctx, p.program, strings.Fields(p.flag)...).CombinedOutput()
		if err != nil {
			list = append(list, Finding{p.name, Partly, "not found", p.advice})
			continue
		}
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		list = append(list, Finding{p.name, Good, first, ""})
	}
	layers := sandbox.Probe(ctx)
	for i, text := range layers.Detail {
		name, detail, _ := strings.Cut(text, ": ")
		f := Finding{"isolation: " + name, Good, detail, ""}
		if i == 0 && !layers.Restrict || i == 1 && !layers.Namespaces {
			f.Grade = Partly
		}
		list = append(list, f)
	}
	workers := Finding{"query workers", Good, "sandboxed: no network, of the data directory only bodies of objects (to read) and their own folder", ""}
	if !layers.Restrict {
		workers.Grade, workers.Detail = Partly, "not sandboxed here: only DuckDB's own lock keeps a query from other files and the network"
		workers.Advice = "run on Linux 5.13 or newer with Landlock enabled"
	}
	return append(list, workers, disk(data))
}

// disk measures how long a small durable write takes where the data is.
func disk(data string) Finding {
	f := Finding{Name: "disk sync", Grade: Missing}
	dir := data
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			break
		}
		if parent := filepath.Dir(dir); parent == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	file, err := os.CreateTemp(dir, ".tarn-sync-*")
	if err != nil {
		f.Detail, f.Advice = err.Error(), "choose a data directory that can be written: --data DIR"
		return f
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer file.Close()
	var took []time.Duration
	block := make([]byte, 4096)
	for range 20 {
		start := time.Now()
		if _, err := file.Write(block); err != nil {
			f.Detail = err.Error()
			return f
		}
		if err := file.Sync(); err != nil {
			f.Detail, f.Advice = err.Error(), "the file system cannot sync: what Tarn acknowledges would not survive a power cut"
			return f
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	f.Grade, f.Detail = Good, fmt.Sprintf("%v for a synced write (median of 20) in %s", took[10].Round(10*time.Microsecond), dir)
	if took[10] > 20*time.Millisecond {
		f.Grade, f.Advice = Partly, "this disk is slow to sync: single writes will take that long, many at a time share it"
	}
	return f
}
