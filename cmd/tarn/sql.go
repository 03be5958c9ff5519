package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// sqlCmd runs SQL as Athena does.
type sqlCmd struct {
	dataFlag  `embed:""`
	Statement string `arg:"" optional:"" help:"One statement. Without it, statements that end in ; are read from the standard input."`
	Database  string `help:"Database of tables named without one." default:"default" placeholder:"NAME"`
	Workgroup string `help:"Athena work group." default:"primary" placeholder:"NAME"`
	Output    string `help:"Where results are kept; the work group's place or the account's results bucket by default." placeholder:"s3://BUCKET/PREFIX/"`
	Format    string `help:"table, csv or json (an object a line)." default:"table" enum:"table,csv,json"`
}

// answer is the rows of a statement. A nil cell is NULL.
type answer struct {
	columns []string
	rows    [][]*string
}

// Run runs the statement, or all statements of the standard input until one fails.
func (q *sqlCmd) Run(ctx context.Context, c *cli) error {
	if c.JSON {
		q.Format = "json"
	}
	cl, err := q.connect()
	if err != nil {
		return err
	}
	if q.Output == "" {
		var place struct{ Location string }
		if err := cl.get(ctx, http.MethodPost, "/_tarn/results", nil, &place); err != nil {
			return err
		}
		q.Output = place.Location
	}
	if q.Statement != "" {
		return q.one(ctx, cl, q.Statement)
	}
	terminal := false
	if info, err := os.Stdin.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	return q.session(ctx, cl, os.Stdin, terminal)
}

// session reads statements up to the end of in. At a terminal an error ends the statement only.
func (q *sqlCmd) session(ctx context.Context, cl *client, in io.Reader, terminal bool) error {
	prompt := func(p string) {
		if terminal {
			fmt.Fprint(os.Stderr, p)
		}
	}
	text := ""
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	prompt("tarn> ")
	for lines.Scan() {
		text += lines.Text() + "\n"
		for {
			end := statementEnd(text)
			if end < 0 {
				break
			}
			statement := text[:end]
			text = text[end+1:]
			if err := q.one(ctx, cl, statement); err != nil {
				if !terminal || ctx.Err() != nil {
					return err
				}
				fmt.Fprintln(os.Stderr, err)
			}
		}
		if strings.TrimSpace(text) == "" {
			text = ""
			prompt("tarn> ")
		} else {
			prompt("   -> ")
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	if last := strings.TrimSpace(text); last != "" {
		return q.one(ctx, cl, last)
	}
	return nil
}

// statementEnd returns where the ; is that ends the first statement, or -1. Those within quotes and comments end nothing.
func statementEnd(text string) int {
	for i := 0; i < len(text); i++ {
		closing := ""
		switch rest := text[i:]; {
		case rest[0] == ';':
			return i
		case rest[0] == '\'', rest[0] == '"', rest[0] == '`':
			closing = rest[:1]
		case strings.HasPrefix(rest, "--"):
			closing = "\n"
		case strings.HasPrefix(rest, "/*"):
			closing, i = "*/", i+1
		default:
			continue
		}
		n := strings.Index(text[i+1:], closing)
		if n < 0 {
			return -1
		}
		i += n + len(closing)
	}
	return -1
}

func (q *sqlCmd) one(ctx context.Context, cl *client, statement string) error {
	var started struct{ QueryExecutionId string }
	err := cl.call(ctx, "athena", "AmazonAthena.StartQueryExecution", map[string]any{
		"QueryString": statement, "WorkGroup": q.Workgroup, "QueryExecutionContext": map[string]any{"Database": q.Database},
		"ResultConfiguration": map[string]any{"OutputLocation": q.Output},
	}, &started)
	if err != nil {
		return err
	}
	id := map[string]any{"QueryExecutionId": started.QueryExecutionId}
	kind, err := await(ctx, cl, id)
	if err != nil {
		return err
	}
	a, err := fetch(ctx, cl, started.QueryExecutionId, kind == "DML")
	if err != nil {
		return err
	}
	return a.print(os.Stdout, q.Format)
}

// await waits for the end of a query and returns its statement type. An interrupt stops the query.
func await(ctx context.Context, cl *client, id map[string]any) (kind string, err error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		var doc struct {
			QueryExecution struct {
				StatementType string
				Status        struct{ State, StateChangeReason string }
			}
		}
		if err := cl.call(ctx, "athena", "AmazonAthena.GetQueryExecution", id, &doc); err != nil {
			return "", err
		}
		switch s := doc.QueryExecution.Status; s.State {
		case "SUCCEEDED":
			return doc.QueryExecution.StatementType, nil
		case "FAILED", "CANCELLED":
			return "", fmt.Errorf("%s: %s", strings.ToLower(s.State), s.StateChangeReason)
		}
		select {
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = cl.call(stop, "athena", "AmazonAthena.StopQueryExecution", id, nil) // the interrupt is the error
			return "", ctx.Err()
		case <-time.After(pause):
		}
	}
}

// fetch reads all pages of a result. Results of queries begin with the columns' names, which are left out.
func fetch(ctx context.Context, cl *client, id string, header bool) (answer, error) {
	var a answer
	for token := ""; ; header = false {
		in := map[string]any{"QueryExecutionId": id, "MaxResults": 1000}
		if token != "" {
			in["NextToken"] = token
		}
		var page struct {
			NextToken string
			ResultSet struct {
				Rows []struct {
					Data []struct{ VarCharValue *string }
				}
				ResultSetMetadata struct{ ColumnInfo []struct{ Name string } }
			}
		}
		if err := cl.call(ctx, "athena", "AmazonAthena.GetQueryResults", in, &page); err != nil {
			return a, err
		}
		if token == "" {
			for _, col := range page.ResultSet.ResultSetMetadata.ColumnInfo {
				a.columns = append(a.columns, col.Name)
			}
		}
		rows := page.ResultSet.Rows
		if header && len(rows) > 0 {
			rows = rows[1:]
		}
		for _, r := range rows {
			cells := make([]*string, len(r.Data))
			for i, d := range r.Data {
				cells[i] = d.VarCharValue
			}
			a.rows = append(a.rows, cells)
		}
		if token = page.NextToken; token == "" {
			return a, nil
		}
	}
}

// print writes the rows. NULL is the word in tables, an empty field in CSV and null in JSON.
func (a answer) print(w io.Writer, format string) error {
	switch format {
	case "json":
		return a.printJSON(w)
	case "csv":
		out := csv.NewWriter(w)
		if len(a.columns) > 0 {
			_ = out.Write(a.columns) // Error tells at the end
		}
		for _, r := range a.rows {
			_ = out.Write(texts(r, ""))
		}
		out.Flush()
		return out.Error()
	}
	if len(a.columns) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, strings.Join(a.columns, "\t"))
	for _, r := range a.rows {
		fmt.Fprintln(out, strings.Join(texts(r, "NULL"), "\t"))
	}
	return out.Flush()
}

// printJSON writes an object a row, with the columns in their order.
func (a answer) printJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, r := range a.rows {
		for i, cell := range r {
			sep := ","
			if i == 0 {
				sep = "{"
			}
			name := ""
			if i < len(a.columns) {
				name = a.columns[i]
			}
			k, err := json.Marshal(name)
			if err != nil {
				return err
			}
			v, err := json.Marshal(cell)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s%s:%s", sep, k, v)
		}
		fmt.Fprintln(out, "}")
	}
	return out.Flush()
}

func texts(row []*string, null string) []string {
	out := make([]string, len(row))
	for i, c := range row {
		out[i] = null
		if c != nil {
			out[i] = *c
		}
	}
	return out
}
