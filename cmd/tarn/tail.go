package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/app"
)

// topicCmd is about topics.
type topicCmd struct {
	Tail topicTailCmd `cmd:"" help:"Show messages as they are published, until Ctrl-C."`
}

// eventsCmd is about event buses.
type eventsCmd struct {
	Tail eventsTailCmd `cmd:"" help:"Show events as they come, until Ctrl-C."`
}

// tail asks for lines and hands each to show until ctx ends or the server stops.
func (c *client) tail(ctx context.Context, method, path string, query url.Values, show func([]byte) error) error {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.admin)
	resp, err := direct.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("%w: %s does not answer", errNotRunning, c.endpoint)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	if resp.StatusCode != http.StatusOK {
		lines.Scan()
		return answerError(resp.StatusCode, lines.Bytes())
	}
	for lines.Scan() {
		if err := show(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // Ctrl-C is how it ends
		return nil
	}
	return lines.Err()
}

type topicTailCmd struct {
	dataFlag `embed:""`
	Topic    string `arg:"" help:"Name of the topic."`
}

// Run prints a line a message.
func (t *topicTailCmd) Run(ctx context.Context, c *cli) error {
	cl, err := t.connect()
	if err != nil {
		return err
	}
	return cl.tail(ctx, http.MethodGet, "/_tarn/topic/tail", url.Values{"topic": {t.Topic}}, func(line []byte) error {
		if c.JSON {
			fmt.Println(string(line))
			return nil
		}
		var m app.TailedMessage
		if err := json.Unmarshal(line, &m); err != nil {
			return err
		}
		subject := ""
		if m.Subject != "" {
			subject = m.Subject + ": "
		}
		fmt.Printf("%s  %s  %s%s\n", m.Time.Local().Format("2006-01-02 15:04:05.000"), m.ID, subject, m.Message)
		return nil
	})
}

type eventsTailCmd struct {
	dataFlag `embed:""`
	Pattern  string `help:"Only events that match an event pattern: JSON, or a file with it." placeholder:"FILE|JSON"`
	Bus      string `help:"Name of the bus." default:"default" placeholder:"NAME"`
}

// Run prints a line an event.
func (t *eventsTailCmd) Run(ctx context.Context, c *cli) error {
	pattern := t.Pattern
	if pattern != "" && !strings.HasPrefix(strings.TrimSpace(pattern), "{") {
		text, err := os.ReadFile(pattern)
		if err != nil {
			return fmt.Errorf("read pattern: %w", err)
		}
		pattern = string(text)
	}
	cl, err := t.connect()
	if err != nil {
		return err
	}
	return cl.tail(ctx, http.MethodGet, "/_tarn/events/tail", url.Values{"bus": {t.Bus}, "pattern": {pattern}}, func(line []byte) error {
		if c.JSON {
			fmt.Println(string(line))
			return nil
		}
		var e struct {
			Time       time.Time
			Source     string
			DetailType string `json:"detail-type"`
			Detail     json.RawMessage
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		fmt.Printf("%s  %s  %s  %s\n", e.Time.Local().Format("2006-01-02 15:04:05"), e.Source, e.DetailType, e.Detail)
		return nil
	})
}
