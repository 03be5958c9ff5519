package query

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/sqlfront"
)

// writeRows writes the rows of a query as Athena's CSV: every value in quotes, NULL as nothing.
func (r *running) writeRows(ctx context.Context, res *duck.Result) error {
	f, err := os.Create(filepath.Join(r.dir, "result.csv"))
	if err != nil {
		return fmt.Errorf("make result file: %w", err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<16)
	names := make([]*string, len(r.x.Columns))
	for i := range names {
		names[i] = &r.x.Columns[i].Name
	}
	line := appendCSV(nil, names)
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	cells := make([]*string, len(r.x.Columns))
	for {
		row, err := res.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return sqlfront.RuntimeError(err)
		}
		for i, c := range r.x.Columns {
			cells[i] = nil
			if s, ok := Text(row[i], c.Type); ok {
				cells[i] = &s
			}
		}
		line = appendCSV(line[:0], cells)
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		r.x.Rows++
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return r.putResult(ctx, f)
}

// appendCSV appends one line.
func appendCSV(b []byte, cells []*string) []byte {
	for i, c := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		if c == nil {
			continue
		}
		b = append(b, '"')
		b = append(b, strings.ReplaceAll(*c, `"`, `""`)...)
		b = append(b, '"')
	}
	return append(b, '\n')
}

// putResult stores a result file and its metadata where the execution says.
func (r *running) putResult(ctx context.Context, f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("measure result: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	r.x.OutputBytes = size
	kind := "application/octet-stream"
	if strings.HasSuffix(r.x.OutputLocation, ".txt") {
		kind = "text/plain"
	}
	if err := r.put(ctx, r.x.OutputLocation, f, size, kind); err != nil {
		return err
	}
	return r.putMetadata(ctx)
}

// putMetadata writes the columns of the result beside it.
func (r *running) putMetadata(ctx context.Context) error {
	type column struct {
		Name      string `json:"name"`
		Type      string `json:"type"`
		Precision int    `json:"precision"`
		Scale     int    `json:"scale"`
	}
	meta := struct {
		Columns []column `json:"columns"`
	}{Columns: []column{}}
	for _, c := range r.x.Columns {
		name, p, s := TypeName(c.Type)
		meta.Columns = append(meta.Columns, column{c.Name, name, p, s})
	}
	data, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	return r.put(ctx, r.x.OutputLocation+".metadata", strings.NewReader(string(data)), int64(len(data)), "application/octet-stream")
}

// put stores an object of this execution.
func (r *running) put(ctx context.Context, location string, body io.Reader, size int64, contentType string) error {
	bucket, name, err := splitLocation(location)
	if err != nil {
		return err
	}
	if err := r.mayWrite(ctx, location); err != nil {
		return err
	}
	o, err := r.e.opts.Objects.Put(ctx, &objstore.PutRequest{Bucket: bucket, Key: name, Content: objstore.Content{Body: body, Size: size},
		Metadata: objstore.Metadata{ContentType: contentType}, By: objstore.Actor{PrincipalID: r.x.Principal}})
	switch {
	case errors.Is(err, objstore.ErrNoSuchBucket):
		return fmt.Errorf("%w: Unable to verify/create output bucket %s", ErrInvalid, bucket)
	case err != nil:
		return fmt.Errorf("write %s: %w", location, err)
	}
	r.outputs = append(r.outputs, lineage.Object(bucket, name, o.Version))
	return nil
}

// lines finishes a statement with rows of text: one line a row, columns by tabs.
func (r *running) lines(ctx context.Context, columns []Column, rows [][]string) error {
	r.x.Columns, r.x.Header, r.x.Rows = columns, false, int64(len(rows))
	f, err := os.Create(filepath.Join(r.dir, "result.txt"))
	if err != nil {
		return fmt.Errorf("make result file: %w", err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, row := range rows {
		if _, err := w.WriteString(strings.Join(row, "\t") + "\n"); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return r.putResult(ctx, f)
}

// ddlDone finishes a statement without rows.
func (r *running) ddlDone(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.lines(ctx, nil, nil)
}

// Results is a page of an execution's rows. A nil cell is NULL.
type Results struct {
	Columns     []Column
	Rows        [][]*string
	UpdateCount int64
	Next        string
}

// Results reads a page of the result object. The first page of a query begins with the names of its columns.
// Errors: ErrNotFound, ErrInvalid if the execution did not succeed.
func (e *Engine) Results(ctx context.Context, x *Execution, token string, limit int) (*Results, error) {
	switch {
	case x.State == Failed || x.State == Cancelled:
		return nil, fmt.Errorf("%w: Query did not finish successfully. Final query state: %s", ErrInvalid, x.State)
	case x.State != Succeeded:
		return nil, fmt.Errorf("%w: Query has not yet finished. Current state: %s", ErrInvalid, x.State)
	}
	out := &Results{Columns: x.Columns, UpdateCount: x.UpdateCount}
	if !strings.HasSuffix(x.OutputLocation, ".csv") && !strings.HasSuffix(x.OutputLocation, ".txt") || len(x.Columns) == 0 {
		return out, nil
	}
	offset := int64(0)
	if token != "" {
		var err error
		if offset, err = strconv.ParseInt(token, 10, 64); err != nil || offset < 0 {
			return nil, fmt.Errorf("%w: Invalid NextToken value: %s", ErrInvalid, token)
		}
	}
	bucket, name, err := splitLocation(x.OutputLocation)
	if err != nil {
		return nil, err
	}
	o, body, err := e.opts.Objects.Open(ctx, bucket, name, "", objstore.Conditions{})
	if err != nil {
		return nil, fmt.Errorf("%w: Could not find results: %s", ErrInvalid, err.Error())
	}
	defer body.Close()
	if offset > o.Size {
		return nil, fmt.Errorf("%w: Invalid NextToken value: %s", ErrInvalid, token)
	}
	pr, pw := io.Pipe()
	defer pr.Close()
	go func() { pw.CloseWithError(body.Send(pw, offset, o.Size-offset)) }()
	in := bufio.NewReaderSize(pr, 1<<16)
	csv := strings.HasSuffix(x.OutputLocation, ".csv")
	for len(out.Rows) < limit {
		row, n, err := readLine(in, csv)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read result of %s: %w", x.ID, err)
		}
		offset += n
		if !csv {
			for len(row) < len(x.Columns) {
				row = append(row, nil)
			}
		}
		out.Rows = append(out.Rows, row)
	}
	if offset < o.Size {
		out.Next = strconv.FormatInt(offset, 10)
	}
	return out, nil
}

// readLine reads a row of a result object and how many bytes it has. A value without quotes is NULL in CSV.
func readLine(in *bufio.Reader, csv bool) (row []*string, n int64, err error) {
	if !csv {
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return nil, 0, err
		}
		n = int64(len(line))
		for _, c := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			row = append(row, &c)
		}
		return row, n, nil
	}
	var cell []byte
	quoted, open := false, false
	end := func() {
		if quoted {
			s := string(cell)
			row = append(row, &s)
		} else {
			row = append(row, nil)
		}
		cell, quoted = cell[:0], false
	}
	for {
		c, err := in.ReadByte()
		if err != nil {
			if err == io.EOF && n > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, n, err
		}
		n++
		switch {
		case c == '"' && !open:
			if quoted { // the second of a doubled quote
				cell = append(cell, '"')
			}
			open, quoted = true, true
		case c == '"':
			open = false
		case open:
			cell = append(cell, c)
		case c == ',':
			end()
		case c == '\n':
			end()
			return row, n, nil
		}
	}
}

// reuse answers with the result of an equal query of the last minutes.
func (r *running) reuse(ctx context.Context) (bool, error) {
	if r.x.ReuseMinutes <= 0 {
		return false, nil
	}
	token := ""
	for {
		ids, next, err := r.e.Executions(ctx, r.s, r.x.Workgroup, token, 50)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			old, err := r.e.Execution(ctx, r.s, id)
			if err != nil {
				return false, err
			}
			if r.x.Submitted.Sub(old.Submitted).Minutes() > float64(r.x.ReuseMinutes) {
				return false, nil
			}
			if id == r.x.ID || old.State != Succeeded || old.Text != r.x.Text || old.Database != r.x.Database || old.Reused ||
				strings.Join(old.Parameters, "\x00") != strings.Join(r.x.Parameters, "\x00") {
				continue
			}
			bucket, key, err := splitLocation(old.OutputLocation)
			if err != nil {
				return false, err
			}
			if r.mayRead(ctx, bucket, key) != nil {
				continue // another's result
			}
			switch err := r.copyResult(ctx, old); {
			case err == nil:
				return true, nil
			case errors.Is(err, objstore.ErrNoSuchKey) || errors.Is(err, objstore.ErrNoSuchBucket):
				return false, nil // somebody removed the result: the query runs
			default:
				return false, err
			}
		}
		if token = next; token == "" {
			return false, nil
		}
	}
}

func (r *running) copyResult(ctx context.Context, old *Execution) error {
	for _, suffix := range []string{"", ".metadata"} {
		sb, sk, err := splitLocation(old.OutputLocation + suffix)
		if err != nil {
			return err
		}
		db, dk, err := splitLocation(r.x.OutputLocation + suffix)
		if err != nil {
			return err
		}
		if _, _, err := r.e.opts.Objects.Copy(ctx, &objstore.CopyRequest{SourceBucket: sb, SourceKey: sk, Bucket: db, Key: dk}); err != nil {
			return fmt.Errorf("reuse result of %s: %w", old.ID, err)
		}
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.x.Columns, r.x.Header, r.x.Rows, r.x.OutputBytes, r.x.Reused = old.Columns, old.Header, old.Rows, old.OutputBytes, true
	return nil
}
