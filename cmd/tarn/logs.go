package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

// logsCmd shows a log group.
type logsCmd struct {
	dataFlag `embed:""`
	Group    string        `arg:"" optional:"" help:"Log group, or the name of a function. Without it: the list of groups."`
	Follow   bool          `short:"f" help:"Go on as lines come."`
	Since    time.Duration `help:"How far back." default:"1h" placeholder:"TIME"`
	Filter   string        `help:"CloudWatch Logs filter pattern." placeholder:"PATTERN"`
}

type logEvent struct {
	EventID       string `json:"eventId"`
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
}

// Run prints events in the order of their time.
func (l *logsCmd) Run(ctx context.Context, c *cli) error {
	cl, err := l.connect()
	if err != nil {
		return err
	}
	if l.Group == "" {
		return l.groups(ctx, c, cl)
	}
	if !strings.HasPrefix(l.Group, "/") {
		l.Group = "/aws/lambda/" + l.Group
	}
	start := time.Now().Add(-l.Since).UnixMilli()
	seen := map[string]int64{} // the time of each event that was printed and may come again
	for {
		newest, err := l.page(ctx, cl, c.JSON, start, seen)
		var refused *serviceError
		waiting := l.Follow && errors.As(err, &refused) && refused.code == "ResourceNotFoundException" // the group comes with its first line
		if l.Follow && ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		if err != nil && !waiting {
			return err
		}
		if !l.Follow {
			return nil
		}
		// Events may arrive late: look back a little, and print none twice.
		start = max(start, newest-10_000)
		maps.DeleteFunc(seen, func(_ string, at int64) bool { return at < start })
		if clock.Sleep(ctx, clock.Real(), 500*time.Millisecond) != nil {
			return nil
		}
	}
}

func (l *logsCmd) page(ctx context.Context, cl *client, asJSON bool, start int64, seen map[string]int64) (newest int64, err error) {
	token := ""
	for {
		in := map[string]any{"logGroupName": l.Group, "startTime": start}
		if l.Filter != "" {
			in["filterPattern"] = l.Filter
		}
		if token != "" {
			in["nextToken"] = token
		}
		var out struct {
			Events    []logEvent `json:"events"`
			NextToken string     `json:"nextToken"`
		}
		if err := cl.call(ctx, "logs", "Logs_20140328.FilterLogEvents", in, &out); err != nil {
			return newest, err
		}
		for _, e := range out.Events {
			newest = max(newest, e.Timestamp)
			if _, ok := seen[e.EventID]; ok {
				continue
			}
			seen[e.EventID] = e.Timestamp
			if asJSON {
				if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
					return newest, err
				}
				continue
			}
			fmt.Printf("%s  %s\n", time.UnixMilli(e.Timestamp).Format("2006-01-02 15:04:05.000"), strings.TrimRight(e.Message, "\n"))
		}
		if token = out.NextToken; token == "" {
			return newest, nil
		}
	}
}

func (l *logsCmd) groups(ctx context.Context, c *cli, cl *client) error {
	token := ""
	for {
		in := map[string]any{}
		if token != "" {
			in["nextToken"] = token
		}
		var out struct {
			LogGroups []struct {
				LogGroupName string `json:"logGroupName"`
			} `json:"logGroups"`
			NextToken string `json:"nextToken"`
		}
		if err := cl.call(ctx, "logs", "Logs_20140328.DescribeLogGroups", in, &out); err != nil {
			return err
		}
		for _, g := range out.LogGroups {
			if !c.JSON {
				fmt.Println(g.LogGroupName)
			} else if err := json.NewEncoder(os.Stdout).Encode(g); err != nil {
				return err
			}
		}
		if token = out.NextToken; token == "" {
			return nil
		}
	}
}
