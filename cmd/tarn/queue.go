package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/clock"
)

// queueCmd is about queues.
type queueCmd struct {
	Ls      queueLsCmd      `cmd:"" help:"List queues with the number of their messages."`
	Peek    queuePeekCmd    `cmd:"" help:"Show messages. Nothing is received: counts and order stay."`
	Tail    queueTailCmd    `cmd:"" help:"Show messages as they come."`
	Redrive queueRedriveCmd `cmd:"" help:"Move the messages of a dead-letter queue back where they came from."`
	Purge   queuePurgeCmd   `cmd:"" help:"Delete all messages of a queue."`
}

func (c *client) sqs(ctx context.Context, op string, in, out any) error {
	return c.call(ctx, "sqs", "AmazonSQS."+op, in, out)
}

// attributes returns those of a queue, which is given by its URL or name.
func (c *client) attributes(ctx context.Context, queue string) (map[string]string, error) {
	var out struct{ Attributes map[string]string }
	err := c.sqs(ctx, "GetQueueAttributes", map[string]any{"QueueUrl": queue, "AttributeNames": []string{"All"}}, &out)
	return out.Attributes, err
}

type queueLsCmd struct {
	dataFlag `embed:""`
	Prefix   string `arg:"" optional:"" help:"Only queues whose names start so."`
}

// Run prints a line a queue.
func (q *queueLsCmd) Run(ctx context.Context, c *cli) error {
	cl, err := q.connect()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(w, "QUEUE\tVISIBLE\tIN FLIGHT\tDELAYED\tDEAD LETTERS TO")
	}
	token := ""
	for {
		in := map[string]any{"MaxResults": 1000}
		if q.Prefix != "" {
			in["QueueNamePrefix"] = q.Prefix
		}
		if token != "" {
			in["NextToken"] = token
		}
		var page struct {
			QueueUrls []string
			NextToken string
		}
		if err := cl.sqs(ctx, "ListQueues", in, &page); err != nil {
			return err
		}
		for _, u := range page.QueueUrls {
			a, err := cl.attributes(ctx, u)
			if err != nil {
				return err
			}
			if c.JSON {
				if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
					return err
				}
				continue
			}
			var dead struct {
				Target string `json:"deadLetterTargetArn"`
			}
			_ = json.Unmarshal([]byte(a["RedrivePolicy"]), &dead) // most queues have none
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u[strings.LastIndexByte(u, '/')+1:], a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"],
				a["ApproximateNumberOfMessagesDelayed"], dead.Target[strings.LastIndexByte(dead.Target, ':')+1:])
		}
		if token = page.NextToken; token == "" {
			return w.Flush()
		}
	}
}

func (c *client) peek(ctx context.Context, queue string, after uint64, limit int) (out app.Peeked, err error) {
	err = c.get(ctx, http.MethodGet, "/_tarn/queue/messages", url.Values{"queue": {queue}, "after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(limit)}}, &out)
	return out, err
}

func show(m app.PeekedMessage, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(m)
	}
	_, err := fmt.Printf("%s  %-8s  %d  %s\n", m.Sent.Local().Format("2006-01-02 15:04:05.000"), m.State, m.Receives, m.Body)
	return err
}

type queuePeekCmd struct {
	dataFlag `embed:""`
	Queue    string `arg:"" help:"Name of the queue."`
	Limit    int    `short:"n" help:"Messages at most." default:"10" placeholder:"N"`
}

// Run prints the first messages.
func (q *queuePeekCmd) Run(ctx context.Context, c *cli) error {
	cl, err := q.connect()
	if err != nil {
		return err
	}
	var after uint64
	for left := q.Limit; left > 0; {
		page, err := cl.peek(ctx, q.Queue, after, min(left, 1000))
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			if err := show(m, c.JSON); err != nil {
				return err
			}
		}
		left -= len(page.Messages)
		if after = page.Last; !page.More {
			return nil
		}
	}
	return nil
}

type queueTailCmd struct {
	dataFlag `embed:""`
	Queue    string `arg:"" help:"Name of the queue."`
}

// Run prints what is in the queue and then what is sent, until it is interrupted. A message that is deleted within half a
// second may not be seen.
func (q *queueTailCmd) Run(ctx context.Context, c *cli) error {
	cl, err := q.connect()
	if err != nil {
		return err
	}
	var after uint64
	for {
		page, err := cl.peek(ctx, q.Queue, after, 1000)
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			if err := show(m, c.JSON); err != nil {
				return err
			}
		}
		after = page.Last
		if !page.More && clock.Sleep(ctx, clock.Real(), 500*time.Millisecond) != nil {
			return nil
		}
	}
}

type queueRedriveCmd struct {
	dataFlag `embed:""`
	Queue    string `arg:"" help:"Name of the dead-letter queue."`
	To       string `help:"ARN of another queue to move the messages to." placeholder:"ARN"`
}

// Run moves the messages and tells how far it is until all are moved.
func (q *queueRedriveCmd) Run(ctx context.Context, c *cli) error {
	cl, err := q.connect()
	if err != nil {
		return err
	}
	a, err := cl.attributes(ctx, q.Queue)
	if err != nil {
		return err
	}
	in := map[string]any{"SourceArn": a["QueueArn"]}
	if q.To != "" {
		in["DestinationArn"] = q.To
	}
	if err := cl.sqs(ctx, "StartMessageMoveTask", in, nil); err != nil {
		return err
	}
	progress := newBar(c)
	for {
		var out struct {
			Results []struct {
				Status, FailureReason             string
				ApproximateNumberOfMessagesMoved  int
				ApproximateNumberOfMessagesToMove int
			}
		}
		if err := cl.sqs(ctx, "ListMessageMoveTasks", map[string]any{"SourceArn": a["QueueArn"]}, &out); err != nil {
			return err
		}
		if len(out.Results) == 0 {
			return fmt.Errorf("queue %s has gone, or was made anew, while its messages were moved", q.Queue)
		}
		t := out.Results[0]
		if t.Status != "RUNNING" && c.JSON {
			return json.NewEncoder(os.Stdout).Encode(t)
		}
		moved, of := t.ApproximateNumberOfMessagesMoved, t.ApproximateNumberOfMessagesToMove
		progress.show(moved, of, fmt.Sprintf("%d of %d messages", moved, of))
		if t.Status != "RUNNING" {
			progress.end()
		}
		if !c.JSON && (t.Status != "RUNNING" || progress.out == nil) {
			fmt.Printf("%s: %d of %d moved\n", strings.ToLower(t.Status), moved, of)
		}
		if t.Status == "FAILED" {
			return fmt.Errorf("the messages could not be moved: %s", t.FailureReason)
		}
		if t.Status != "RUNNING" {
			return nil
		}
		if err := clock.Sleep(ctx, clock.Real(), 500*time.Millisecond); err != nil {
			return err
		}
	}
}

type queuePurgeCmd struct {
	dataFlag `embed:""`
	Queue    string `arg:"" help:"Name of the queue."`
	Yes      bool   `help:"Do it: without it, the command tells what would be deleted."`
}

// Run deletes all messages.
func (q *queuePurgeCmd) Run(ctx context.Context, _ *cli) error {
	cl, err := q.connect()
	if err != nil {
		return err
	}
	a, err := cl.attributes(ctx, q.Queue)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s visible, %s in flight and %s delayed messages of %s", a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"],
		a["ApproximateNumberOfMessagesDelayed"], q.Queue)
	if !q.Yes {
		fmt.Printf("%s would be deleted: say --yes\n", what)
		return nil
	}
	if err := cl.sqs(ctx, "PurgeQueue", map[string]any{"QueueUrl": q.Queue}, nil); err != nil {
		return err
	}
	fmt.Println("deleted", what)
	return nil
}
