// Command tarn is a data lake with its pipelines in one binary: it serves the AWS protocols (tarn serve) and has what a
// user needs at the terminal.
//
// Exit codes: 0 = done; 1 = it failed, the reason is on stderr; 2 = the command line is wrong; 3 = no server runs for the
// data directory, and the command needs one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sandbox"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
)

// cli is the command line.
type cli struct {
	Config kong.ConfigFlag `help:"Read settings from a JSON file: {\"listen\": \"127.0.0.1:4566\", \"log-format\": \"json\"}." placeholder:"FILE" env:"TARN_CONFIG"`
	JSON   bool            `help:"Print JSON instead of text for people." name:"json"`

	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Env        envCmd        `cmd:"" help:"Print the variables that point AWS tools at Tarn: eval \"$(tarn env)\"."`
	Doctor     doctorCmd     `cmd:"" help:"Tell what this machine offers and what to install."`
	Status     statusCmd     `cmd:"" help:"Tell whether the server runs and what is in it."`
	Logs       logsCmd       `cmd:"" help:"Show and follow the logs of functions, jobs and crawlers."`
	Job        jobCmd        `cmd:"" help:"Check jobs: tarn job verify NAME."`
	Queue      queueCmd      `cmd:"" help:"List queues, look at their messages without receiving them, move dead letters back, purge."`
	SF         sfCmd         `cmd:"" name:"sf" help:"Start and watch executions of state machines, check and draw their definitions."`
	Topic      topicCmd      `cmd:"" help:"Watch topics: tarn topic tail NAME."`
	Events     eventsCmd     `cmd:"" help:"Watch event buses: tarn events tail."`
	SQL        sqlCmd        `cmd:"" name:"sql" help:"Run SQL as Athena does: one statement, or those of the standard input."`
	Lineage    lineageCmd    `cmd:"" help:"Trace data back to what it was made from: tarn lineage s3://bucket/key."`
	Cost       costCmd       `cmd:"" help:"Tell what the use so far would have cost on AWS."`
	ShowConfig configCmd     `cmd:"" name:"config" help:"Print the settings in force and where each comes from."`
	Backup     backupCmd     `cmd:"" help:"Copy all data into a directory, consistently, while the server runs."`
	Restore    restoreCmd    `cmd:"" help:"Make a data directory from a backup."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Completion completionCmd `cmd:"" help:"Print a completion script for bash, zsh or fish."`
}

// errNotRunning is the error of commands that need a server.
var errNotRunning = errors.New("no server runs for this data directory")

func main() {
	if len(os.Args) > 1 && os.Args[1] == duck.WorkerArg {
		os.Exit(duck.WorkerMain(scalar.Library{}))
	}
	sandbox.Main() // does not return when this process is a child's shim
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parser, err := kong.New(&c, kong.Name("tarn"), kong.UsageOnError(), kong.Configuration(readConfig, "/etc/tarn/tarn.json", "~/.config/tarn/tarn.json"),
		kong.Description("A data lake with its pipelines in one binary that speaks the AWS protocols."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&c))
	if err != nil {
		fmt.Fprintln(os.Stderr, "tarn:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tarn:", err)
		return 2
	}
	err = k.Run(k)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotRunning):
		fmt.Fprintln(os.Stderr, "tarn:", err)
		return 3
	}
	fmt.Fprintln(os.Stderr, "tarn:", err)
	return 1
}
