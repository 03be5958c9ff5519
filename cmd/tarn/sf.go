package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// sfCmd is about state machines.
type sfCmd struct {
	Start     sfStartCmd   `cmd:"" help:"Start an execution."`
	Watch     sfWatchCmd   `cmd:"" help:"Show the states of an execution as it goes on. Exit code 1 = it did not succeed."`
	History   sfHistoryCmd `cmd:"" help:"Print the events of an execution."`
	TestState sfTestCmd    `cmd:"" name:"test-state" help:"Run one state of a definition, without a state machine."`
	Lint      sfLintCmd    `cmd:"" help:"Check a definition: what is wrong, with line and column. Needs no server."`
	Graph     sfGraphCmd   `cmd:"" help:"Draw a definition as a Mermaid flowchart. Needs no server."`
}

func (c *client) states(ctx context.Context, op string, in, out any) error {
	return c.call(ctx, "states", "AWSStepFunctions."+op, in, out)
}

// arn completes the name of a resource of Step Functions: kind is "stateMachine" or "execution".
func (c *client) arn(kind, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return fmt.Sprintf("arn:aws:states:%s:%s:%s:%s", c.key.Region, c.key.Account, kind, name)
}

// textOf returns s, or the contents of FILE for @FILE, or the standard input for "-".
func textOf(s string) (string, error) {
	if s == "-" {
		b, err := io.ReadAll(os.Stdin)
		return string(b), err
	}
	if name, ok := strings.CutPrefix(s, "@"); ok {
		b, err := os.ReadFile(name)
		return string(b), err
	}
	return s, nil
}

type sfStartCmd struct {
	dataFlag `embed:""`
	Machine  string `arg:"" help:"Name or ARN of the state machine."`
	Input    string `help:"Input: JSON, @FILE, or - for the standard input." default:"{}" placeholder:"JSON"`
	Name     string `help:"Name of the execution." placeholder:"NAME"`
	Watch    bool   `short:"w" help:"Watch it until it ends."`
}

// Run starts the execution and prints its ARN.
func (s *sfStartCmd) Run(ctx context.Context, c *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	input, err := textOf(s.Input)
	if err != nil {
		return err
	}
	in := map[string]string{"stateMachineArn": cl.arn("stateMachine", s.Machine), "input": input}
	if s.Name != "" {
		in["name"] = s.Name
	}
	var out struct {
		ExecutionArn string `json:"executionArn"`
	}
	if err := cl.states(ctx, "StartExecution", in, &out); err != nil {
		return err
	}
	if !s.Watch {
		return printARN(c, out.ExecutionArn)
	}
	return watchExecution(ctx, c, cl, out.ExecutionArn)
}

func printARN(c *cli, arn string) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]string{"executionArn": arn})
	}
	_, err := fmt.Println(arn)
	return err
}

type sfWatchCmd struct {
	dataFlag  `embed:""`
	Execution string `arg:"" help:"ARN of the execution, or MACHINE:NAME."`
}

// Run shows the execution until it ends.
func (s *sfWatchCmd) Run(ctx context.Context, c *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	return watchExecution(ctx, c, cl, cl.arn("execution", s.Execution))
}

// watchExecution draws the tree of states anew on a terminal, and elsewhere prints a line when the status of a state
// changes; with --json, a line for every change of the whole.
func watchExecution(ctx context.Context, c *cli, cl *client, arn string) error {
	w := sfWatcher{out: os.Stdout, live: isTerminal(os.Stdout) && !c.JSON, json: c.JSON}
	for {
		var x app.Execution
		if err := cl.get(ctx, http.MethodGet, "/_tarn/execution", url.Values{"arn": {arn}}, &x); err != nil {
			return err
		}
		if err := w.show(&x, time.Now()); err != nil {
			return err
		}
		if x.Stop != nil {
			if x.Status != "SUCCEEDED" {
				return fmt.Errorf("the execution ended with %s: %s", x.Status, strings.TrimPrefix(x.Error+": "+x.Cause, ": "))
			}
			return nil
		}
		if clock.Sleep(ctx, clock.Real(), 200*time.Millisecond) != nil {
			return nil
		}
	}
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

type sfHistoryCmd struct {
	dataFlag  `embed:""`
	Execution string `arg:"" help:"ARN of the execution, or MACHINE:NAME."`
	Reverse   bool   `help:"The newest event first."`
}

// Run prints a line an event; with --json, the events as the API gives them.
func (s *sfHistoryCmd) Run(ctx context.Context, c *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	token := ""
	for {
		in := map[string]any{"executionArn": cl.arn("execution", s.Execution), "maxResults": 1000, "reverseOrder": s.Reverse}
		if token != "" {
			in["nextToken"] = token
		}
		var page struct {
			Events    []json.RawMessage `json:"events"`
			NextToken string            `json:"nextToken"`
		}
		if err := cl.states(ctx, "GetExecutionHistory", in, &page); err != nil {
			return err
		}
		for _, e := range page.Events {
			line := string(e)
			if !c.JSON {
				if line, err = eventLine(e); err != nil {
					return err
				}
			}
			if _, err := fmt.Println(line); err != nil {
				return err
			}
		}
		if token = page.NextToken; token == "" {
			return nil
		}
	}
}

// eventLine is an event for people: id, time, type and what its details say first.
func eventLine(raw json.RawMessage) (string, error) {
	var e struct {
		ID   int64   `json:"id"`
		Time float64 `json:"timestamp"`
		Type string  `json:"type"`
	}
	var members map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(raw, &e), json.Unmarshal(raw, &members)); err != nil {
		return "", fmt.Errorf("read event: %w", err)
	}
	line := fmt.Sprintf("%5d  %s  %s", e.ID, time.UnixMilli(int64(e.Time*1000)).Local().Format("15:04:05.000"), e.Type)
	for k, v := range members {
		var d struct {
			Name, Error, Cause, Resource, Output, Input string
			Index                                       *int
		}
		if !strings.HasSuffix(k, "Details") || json.Unmarshal(v, &d) != nil {
			continue
		}
		if d.Index != nil {
			line += fmt.Sprintf("  [%d]", *d.Index)
		}
		for _, part := range []string{d.Name, d.Resource, d.Error, d.Cause, d.Output} {
			if part != "" {
				line += "  " + cutText(part, 100)
			}
		}
	}
	return line, nil
}

func cutText(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > n {
		return string(r[:n]) + "…"
	}
	return string(r)
}

type sfTestCmd struct {
	dataFlag   `embed:""`
	Definition string `arg:"" help:"File with the definition of a state, or of a whole machine with --state."`
	State      string `help:"The state of a machine that is run." placeholder:"NAME"`
	Input      string `help:"Input: JSON, @FILE, or - for the standard input." default:"{}" placeholder:"JSON"`
	Role       string `help:"ARN of the role with which tasks run." placeholder:"ARN"`
	Level      string `help:"How much to tell: INFO, DEBUG or TRACE." default:"DEBUG" enum:"INFO,DEBUG,TRACE"`
}

// Run prints the answer of TestState. Exit code 1 = the state failed and catches nothing.
func (s *sfTestCmd) Run(ctx context.Context, _ *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	definition, err := os.ReadFile(s.Definition)
	if err != nil {
		return err
	}
	input, err := textOf(s.Input)
	if err != nil {
		return err
	}
	in := map[string]any{"definition": string(definition), "input": input, "inspectionLevel": s.Level}
	if s.Role != "" {
		in["roleArn"] = s.Role
	}
	if s.State != "" {
		in["stateName"] = s.State
	}
	var out map[string]any
	if err := cl.states(ctx, "TestState", in, &out); err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return err
	}
	if out["status"] == "FAILED" {
		return fmt.Errorf("the state failed: %v", out["error"])
	}
	return nil
}

type sfLintCmd struct {
	File    string `arg:"" help:"The definition; - for the standard input."`
	Express bool   `help:"It is to be an express machine."`
}

// Run prints FILE:LINE:COLUMN: SEVERITY CODE: MESSAGE for each finding. Exit code 1 = it cannot be created.
func (s *sfLintCmd) Run(_ context.Context, c *cli) error {
	m, found, err := parseFile(s.File, s.Express)
	if err != nil && found == nil {
		return err
	}
	if c.JSON {
		if found == nil {
			found = []asl.Diagnostic{}
		}
		if e := json.NewEncoder(os.Stdout).Encode(found); e != nil {
			return e
		}
	} else {
		for _, d := range found {
			fmt.Printf("%s:%d:%d: %s %s\n", s.File, d.Line, d.Column, strings.ToLower(d.Severity), strings.SplitN(d.String(), "\n", 2)[0])
		}
	}
	if err != nil {
		return fmt.Errorf("%s cannot be created: %d findings", s.File, len(found))
	}
	if !c.JSON {
		fmt.Printf("%s: %d states, no errors\n", s.File, len(m.States))
	}
	return nil
}

func parseFile(name string, express bool) (*asl.Machine, []asl.Diagnostic, error) {
	source := "@" + name
	if name == "-" {
		source = name
	}
	text, err := textOf(source)
	if err != nil {
		return nil, nil, err
	}
	m, found, err := asl.Parse(text, asl.Options{Express: express})
	var bad *asl.InvalidError
	if errors.As(err, &bad) {
		found = bad.Diagnostics
	}
	return m, found, err
}

type sfGraphCmd struct {
	File string `arg:"" help:"The definition; - for the standard input."`
}

// Run prints the flowchart; with --json, states and transitions.
func (s *sfGraphCmd) Run(_ context.Context, c *cli) error {
	m, _, err := parseFile(s.File, false)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(m.Graph())
	}
	_, err = fmt.Print(m.Graph().Mermaid(nil))
	return err
}
