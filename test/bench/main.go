// Command bench measures a built Tarn over HTTP: what its processes cost per unit of work, beside the limit of the machine and
// beside peers, all in one run.
//
// Every workload runs some repetitions, in each of them once at every contestant, one after the other, so that a
// disturbance of the machine meets all of them. The figure to trust is the processor time per unit, user and system time
// of a server's whole process tree; a closed loop on a shared machine says little about rates. Every answer is checked.
//
// The limit of HTTP workloads is package floor, the least that an honest server does; of state machines it is as many
// synced batches in a plain store; of queries and visual jobs the same statement in DuckDB; of cold functions the start
// of the interpreter. Peers are built into .cache when a Go proxy can be reached.
//
//	go run ./test/bench -tarn ./tarn [-only s3,sqs] [-time 2s] [-reps 3] [-peers=false]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/test/bench/floor"
)

const (
	tarn   = "tarn"
	limits = "floor"
)

// workload is one row of the table.
type workload struct {
	name, unit string
	aim        string // what it should reach, for people
	run        func(s *server, rep int, d time.Duration) (sample, error)
	floor      bool                                                       // the floor can run it
	limit      func(dir string, rep int, d time.Duration) (sample, error) // what takes the floor's place; nil = none
}

func workloads() []workload {
	return []workload{
		{name: "s3-put-4k", unit: "object", aim: "1.4 × limit", run: s3Put(4<<10, 16), floor: true},
		{name: "s3-get-4k", unit: "object", aim: "1.5 × limit", run: s3Get, floor: true},
		{name: "s3-put-1m", unit: "object", aim: "2.6 ms", run: s3Put(1<<20, 4), floor: true},
		{name: "s3-get-64m", unit: "object", aim: "9 ms", run: s3GetBig, floor: true},
		{name: "s3-list", unit: "key", aim: "10 µs", run: s3List, floor: true},
		{name: "s3-copy", unit: "object", aim: "70 µs", run: s3Copy, floor: true},
		{name: "sqs-cycle", unit: "message", aim: "200 µs", run: sqsCycle(1, false), floor: true},
		{name: "sqs-tens", unit: "message", aim: "35 µs", run: sqsCycle(10, false), floor: true},
		{name: "sqs-fifo-tens", unit: "message", aim: "1.5 × sqs-tens", run: sqsCycle(10, true)},
		{name: "sns-fan", unit: "delivery", aim: "40 µs", run: snsFan},
		{name: "sfn-many", unit: "transition", aim: "40 µs", run: sfnMany, limit: batches},
		{name: "sfn-one", unit: "execution", aim: "p50 5 ms", run: sfnOne},
		{name: "sfn-wide", unit: "item", aim: "200 µs", run: sfnWide},
		{name: "lambda-warm", unit: "call", aim: "p50 3 ms", run: lambdaWarm},
		{name: "lambda-cold", unit: "call", aim: "250 ms", run: lambdaCold, limit: pythons},
		{name: "athena-csv", unit: "query", aim: "p50 25 ms", run: athenaCSV, limit: duckQuery},
		{name: "glue-visual", unit: "MiB", aim: "1.3 × limit", run: visualJob, limit: duckJob},
	}
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == limits {
		f, err := floor.New(os.Args[3], peerKeys.Secret)
		if err == nil {
			err = http.ListenAndServe(os.Args[2], f)
		}
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
	var b bench
	flag.StringVar(&b.binary, "tarn", "tarn", "the binary")
	flag.StringVar(&b.cache, "cache", ".cache/bench", "where peers are built")
	flag.StringVar(&b.only, "only", "", "starts of the names of workloads, with commas; empty = all")
	flag.DurationVar(&b.time, "time", 2*time.Second, "length of a repetition")
	flag.IntVar(&b.reps, "reps", 3, "repetitions")
	flag.BoolVar(&b.peers, "peers", true, "measure peers too")
	flag.Parse()
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	binary, cache, only string
	time                time.Duration
	reps                int
	peers               bool

	dir     string // scratch, removed in the end
	servers []*server
	tars    *server
	floors  *server
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "tarn-bench-"); err != nil {
		return err
	}
	defer func() {
		for _, s := range b.servers {
			s.stop()
		}
		err = errors.Join(err, os.RemoveAll(b.dir))
	}()
	if err := b.startAll(ctx); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "workload\tunit\ttarn\tp50\tper second\taim\tlimit\ttarn/limit\tpeer\t\t")
	for _, w := range workloads() {
		if !chosen(w.name, b.only) {
			continue
		}
		line, err := b.measure(w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintln(out, line)
	}
	fmt.Printf("Processor time per unit, medians of %d repetitions of %v.\n\n", b.reps, b.time)
	if err := out.Flush(); err != nil || !chosen("sqs-polls", b.only) {
		return err
	}
	line, err := polls(b.tars)
	if err != nil {
		return fmt.Errorf("sqs-polls: %w", err)
	}
	fmt.Printf("\nsqs-polls: %s; the aim is 200 MB and none.\n", line)
	return nil
}

func chosen(name, only string) bool {
	for _, o := range strings.Split(only, ",") {
		if strings.HasPrefix(name, o) {
			return true
		}
	}
	return false
}

// startAll starts Tarn, the floor and the peers.
func (b *bench) startAll(ctx context.Context) error {
	binary, err := filepath.Abs(b.binary)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	data := filepath.Join(b.dir, "data")
	if b.tars, err = start(tarn, b.dir, addr, "/_tarn/health", sigv4.Credential{}, binary, "serve", "--data", data, "--listen", addr, "--no-function-sdks"); err != nil {
		return err
	}
	b.servers = append(b.servers, b.tars)
	if b.tars.cred, err = environment(binary, data); err != nil {
		return err
	}
	if b.tars.role, err = makeRole(b.tars); err != nil {
		return err
	}
	if addr, err = freeAddr(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.floors, err = start(limits, b.dir, addr, "/health", peerKeys, self, limits, addr, filepath.Join(b.dir, "floor")); err != nil {
		return err
	}
	b.servers = append(b.servers, b.floors)
	if b.peers {
		if err := b.startPeers(ctx); err != nil {
			return err
		}
	}
	for _, s := range b.servers {
		if s.services == "" || strings.Contains(s.services, "s3") {
			if err := makeBucket(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// startPeers starts the peers that can be built, and says which cannot.
func (b *bench) startPeers(ctx context.Context) error {
	cache, err := filepath.Abs(b.cache)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	for _, p := range peers {
		bin, err := p.install(ctx, cache)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: without a peer:", err)
			continue
		}
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		argv, err := p.command(bin, b.dir, addr)
		if err != nil {
			return err
		}
		s, err := start(p.name, b.dir, addr, p.health, peerKeys, argv...)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: without a peer:", err)
			continue
		}
		s.services = p.services
		b.servers = append(b.servers, s)
	}
	return nil
}

// measure runs one workload at all that can run it and returns its line.
func (b *bench) measure(w workload) (string, error) {
	service, _, _ := strings.Cut(w.name, "-")
	all := map[string][]sample{}
	var peer string
	for rep := range b.reps {
		for _, s := range b.servers {
			isPeer := s.services != ""
			if isPeer && !strings.Contains(s.services, service) || s.name == limits && !w.floor {
				continue
			}
			got, err := w.run(s, rep, b.time)
			switch {
			case err != nil && isPeer:
				fmt.Fprintf(os.Stderr, "bench: %s cannot do %s: %.200v\n", s.name, w.name, err)
				s.services = strings.ReplaceAll(s.services, service, "")
				continue
			case err != nil:
				return "", fmt.Errorf("%s: %w", s.name, err)
			}
			if isPeer {
				peer = s.name
			}
			all[s.name] = append(all[s.name], got)
		}
		if w.limit != nil {
			got, err := w.limit(b.dir, rep, b.time)
			if err != nil {
				return "", fmt.Errorf("limit: %w", err)
			}
			all[limits] = append(all[limits], got)
		}
		fmt.Fprintf(os.Stderr, "%s %d/%d\n", w.name, rep+1, b.reps)
	}
	ours := middle(all[tarn])
	line := fmt.Sprintf("%s\t%s\t%s\t%s\t%.0f\t%s\t", w.name, w.unit, show(ours.perUnit()), show(ours.at(.5)), ours.rate(), w.aim)
	if l := all[limits]; len(l) > 0 {
		limit := middle(l)
		line += fmt.Sprintf("%s\t%.1f\t", show(limit.perUnit()), float64(ours.perUnit())/float64(limit.perUnit()))
	} else {
		line += "–\t–\t"
	}
	if p := all[peer]; len(p) > 0 {
		line += fmt.Sprintf("%s\t%s\t", show(middle(p).perUnit()), peer)
	} else {
		line += "–\t\t"
	}
	return line, nil
}

// show prints a duration with three digits in its best unit.
func show(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.3g ms", float64(d)/1e6)
}
