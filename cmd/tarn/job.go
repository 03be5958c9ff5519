package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/ident"
)

// jobCmd holds the commands about jobs.
type jobCmd struct {
	Verify jobVerifyCmd `cmd:"" help:"Run a script job on Sail and on Spark into scratch folders and compare what they wrote."`
}

// jobVerifyCmd runs a job twice; nothing but the scratch folders changes, as far as the script writes with Spark or awsglue.
type jobVerifyCmd struct {
	dataFlag
	Name string            `arg:"" help:"The job."`
	Arg  map[string]string `help:"An argument of the run: --arg day=01. May be repeated." placeholder:"NAME=VALUE"`
}

var errDiffers = errors.New("the engines differ: run the job with --tarn-engine spark, and keep the script as a case")

// Run implements the command.
func (v jobVerifyCmd) Run(ctx context.Context, c *cli) error {
	cl, err := v.connect()
	if err != nil {
		return err
	}
	var job struct {
		Job struct {
			Command struct{ ScriptLocation string }
		}
	}
	if err := cl.call(ctx, "glue", "AWSGlue.GetJob", map[string]string{"JobName": v.Name}, &job); err != nil {
		return err
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(job.Job.Command.ScriptLocation, "s3://"), "/")
	if bucket == "" {
		return fmt.Errorf("job %s has no script: visual jobs run on one engine", v.Name)
	}
	base := "_tarn_verify/" + ident.Hex(8) + "/"
	took := map[string]time.Duration{}
	for _, engine := range []string{"sail", "spark"} {
		if took[engine], err = v.run(ctx, cl, engine, "s3://"+bucket+"/"+base+engine+"/"); err != nil {
			return fmt.Errorf("run on %s: %w", engine, err)
		}
		if !c.JSON {
			fmt.Fprintf(os.Stderr, "%-6s %.1f s\n", engine, took[engine].Seconds())
		}
	}
	var writes []app.Compared
	q := url.Values{"bucket": {bucket}, "left": {base + "sail/"}, "right": {base + "spark/"}}
	if err := cl.get(ctx, http.MethodPost, "/_tarn/compare", q, &writes); err != nil {
		return err
	}
	same := true
	for _, w := range writes {
		same = same && w.Same()
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"Same": same, "Writes": writes}); err != nil {
			return err
		}
	} else {
		for _, w := range writes {
			switch {
			case w.Error != "":
				fmt.Printf("write %s: %s\n", w.Write, w.Error)
			case w.Same():
				fmt.Printf("write %s: %d rows, equal\n", w.Write, w.Left)
			default:
				fmt.Printf("write %s: %d rows on sail, %d on spark; %d are on sail only, %d on spark only\n", w.Write, w.Left, w.Right, w.OnlyLeft, w.OnlyRight)
			}
		}
		if len(writes) == 0 {
			fmt.Println("the script has written nothing that could be compared")
		}
	}
	if !same {
		return errDiffers
	}
	return nil
}

// run carries the job out on one engine and waits for its end.
func (v jobVerifyCmd) run(ctx context.Context, cl *client, engine, scratch string) (time.Duration, error) {
	args := map[string]string{"--tarn-engine": engine, "--tarn-scratch": scratch}
	for k, value := range v.Arg {
		args["--"+strings.TrimPrefix(k, "--")] = value
	}
	var started struct{ JobRunId string }
	if err := cl.call(ctx, "glue", "AWSGlue.StartJobRun", map[string]any{"JobName": v.Name, "Arguments": args}, &started); err != nil {
		return 0, err
	}
	begin := time.Now()
	for {
		var got struct {
			JobRun struct{ JobRunState, ErrorMessage string }
		}
		if err := cl.call(ctx, "glue", "AWSGlue.GetJobRun", map[string]string{"JobName": v.Name, "RunId": started.JobRunId}, &got); err != nil {
			return 0, err
		}
		switch got.JobRun.JobRunState {
		case "SUCCEEDED":
			return time.Since(begin), nil
		case "FAILED", "TIMEOUT", "STOPPED", "ERROR":
			return 0, fmt.Errorf("run %s is %s: %s", started.JobRunId, got.JobRun.JobRunState, got.JobRun.ErrorMessage)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
