package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// sfWatcher shows the newest state of an execution.
type sfWatcher struct {
	out   io.Writer
	live  bool // a terminal: the tree is drawn over the last one
	json  bool
	lines int               // of the last tree
	said  map[string]string // what was printed last of each state, and of the whole under ""
}

// stateMark tells in a word what has become of a state.
func stateMark(s app.ExecutionState) string {
	switch {
	case s.Entered == 0:
		return "waiting"
	case s.Active > 0 && s.Failed > 0:
		return "retrying"
	case s.Active > 0 || s.Entered > s.Exited+s.Failed:
		return "running"
	case s.Failed > 0 && s.Exited < s.Entered:
		return "failed"
	case s.Failed > 0:
		return "done after failures"
	}
	return "done"
}

var sfSigns = map[string]string{"waiting": "·", "running": "▶", "retrying": "↻", "failed": "✗", "done": "✓", "done after failures": "✓"}

// stateLine is a state with its status, how often it ran and how long.
func stateLine(n asl.Node, s app.ExecutionState, now time.Time) string {
	mark := stateMark(s)
	line := fmt.Sprintf("%s %s (%s) %s", sfSigns[mark], n.Name, n.Kind, mark)
	if s.Entered == 0 {
		return line
	}
	if s.Entered > 1 {
		line += fmt.Sprintf(", %d times", s.Entered)
	}
	if s.Attempts > s.Entered {
		line += fmt.Sprintf(", %d attempts", s.Attempts)
	}
	end := s.Last
	if mark == "running" || mark == "retrying" {
		end = now
	}
	return line + ", " + max(end.Sub(s.First), 0).Round(time.Millisecond).String()
}

func (w *sfWatcher) show(x *app.Execution, now time.Time) error {
	switch {
	case w.json:
		b, err := json.Marshal(x)
		if err != nil || w.changed("", string(b)) == "" {
			return err
		}
		_, err = fmt.Fprintln(w.out, string(b))
		return err
	case w.live:
		return w.draw(x, now)
	}
	return w.report(x, x.Graph)
}

// changed keeps what is said of a state and returns it if it is new.
func (w *sfWatcher) changed(state, text string) string {
	if w.said == nil {
		w.said = map[string]string{}
	}
	if w.said[state] == text {
		return ""
	}
	w.said[state] = text
	return text
}

// report prints a line for each state whose status has changed, then one for the execution.
func (w *sfWatcher) report(x *app.Execution, g asl.Graph) error {
	if err := w.states(x, g); err != nil {
		return err
	}
	if w.changed("", x.Status) == "" || x.Stop == nil {
		return nil
	}
	_, err := fmt.Fprintf(w.out, "%s %s after %v\n", x.Stop.Local().Format("15:04:05.000"), x.Status, x.Stop.Sub(x.Start).Round(time.Millisecond))
	return err
}

func (w *sfWatcher) states(x *app.Execution, g asl.Graph) error {
	for _, n := range g.Nodes {
		s := x.States[n.Name]
		mark := stateMark(s)
		if s.Entered > 0 && w.changed(n.Name, fmt.Sprint(mark, s.Entered, s.Attempts)) != "" {
			if _, err := fmt.Fprintf(w.out, "%s %s\n", s.Last.Local().Format("15:04:05.000"), stateLine(n, s, s.Last)); err != nil {
				return err
			}
		}
		for _, b := range n.Branches {
			if err := w.states(x, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// draw writes the tree over the one before.
func (w *sfWatcher) draw(x *app.Execution, now time.Time) error {
	end := now
	if x.Stop != nil {
		end = *x.Stop
	}
	lines := []string{fmt.Sprintf("%s %s %v", x.ARN[strings.LastIndexByte(x.ARN, ':')+1:], x.Status, end.Sub(x.Start).Round(100*time.Millisecond))}
	var tree func(g asl.Graph, indent string)
	tree = func(g asl.Graph, indent string) {
		for _, n := range g.Nodes {
			lines = append(lines, indent+stateLine(n, x.States[n.Name], now))
			for _, b := range n.Branches {
				tree(b, indent+"  ")
			}
		}
	}
	tree(x.Graph, "  ")
	var b strings.Builder
	if w.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", w.lines)
	}
	for _, l := range lines {
		b.WriteString("\x1b[2K" + l + "\n")
	}
	w.lines = len(lines)
	_, err := io.WriteString(w.out, b.String())
	return err
}
