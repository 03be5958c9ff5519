package duck

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/tarn-data/tarn/internal/duck/value"
)

// WorkerArg as the first argument of the binary makes it a worker: main calls WorkerMain and exits with its result.
const WorkerArg = "__duck-worker"

// WorkerMain serves jobs that come over stdin until it is closed. It returns the exit code. lib makes the functions that
// jobs name; nil = none.
func WorkerMain(lib Library) int {
	if err := serveJobs(os.Stdin, os.Stdout, lib); err != nil {
		fmt.Fprintln(os.Stderr, "sql worker:", err)
		return 1
	}
	return 0
}

func serveJobs(in io.Reader, out io.Writer, lib Library) error {
	r, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriterSize(out, 1<<16)
	for {
		db, err := openInstance()
		if err != nil {
			return err
		}
		if err := writeFrame(w, frameReady, nil); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		kind, body, err := readFrame(r)
		if err == io.EOF {
			return db.Close()
		}
		if err != nil {
			return err
		}
		if kind != frameJob {
			return fmt.Errorf("unexpected frame %q", kind)
		}
		var job Job
		if err := decodeGob(body, &job); err != nil {
			return fmt.Errorf("decode job: %w", err)
		}
		start := time.Now()
		rows, failure := runJob(db, &job, lib, w)
		end, kind := any(Stats{Rows: rows, RunMicros: time.Since(start).Microseconds()}), byte(frameDone)
		if failure != nil {
			end, kind = failure, frameFailed
		}
		if body, err = encodeGob(end); err != nil {
			return err
		}
		if err := writeFrame(w, kind, body); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		// The next job's instance is opened before it is asked for.
		if err := db.Close(); err != nil {
			return fmt.Errorf("close instance: %w", err)
		}
	}
}

func openInstance() (*sql.DB, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open instance: %w", err)
	}
	db := sql.OpenDB(connector)
	if err := db.Ping(); err != nil {
		return nil, fmt.Errorf("open instance: %w", err)
	}
	return db, nil
}

// lockDown gives the instance the job's limits and files and forbids everything else.
func lockDown(ctx context.Context, c *sql.Conn, job *Job) error {
	list := func(paths []string) string {
		quoted := make([]string, len(paths))
		for i, p := range paths {
			quoted[i] = value.Literal(p)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	set := []string{
		fmt.Sprintf("SET memory_limit='%dMiB'", max(job.MemoryBytes>>20, 32)),
		fmt.Sprintf("SET threads=%d", max(job.Threads, 1)),
		"SET temp_directory=" + value.Literal(job.TempDir),
		"SET TimeZone='UTC'",
		"SET integer_division=false",
		"SET default_null_order='nulls_last'",
		"SET autoinstall_known_extensions=false", "SET autoload_known_extensions=false",
		"SET allow_community_extensions=false",
	}
	// A partitioned COPY looks at the directory itself, which is not "in" the directory.
	if paths := append(append([]string{}, job.ReadPaths...), job.WriteDirs...); len(paths) > 0 {
		set = append(set, "SET allowed_paths="+list(paths))
	}
	if len(job.WriteDirs) > 0 {
		set = append(set, "SET allowed_directories="+list(job.WriteDirs))
	}
	set = append(set, "SET enable_external_access=false", "SET lock_configuration=true")
	_, err := c.ExecContext(ctx, strings.Join(set, ";"))
	return err
}

func runJob(db *sql.DB, job *Job, lib Library, w *bufio.Writer) (rows int64, failure *Error) {
	at := -1
	defer func() {
		if p := recover(); p != nil {
			failure = &Error{Statement: at, Message: fmt.Sprintf("panic: %v", p)}
		}
	}()
	fail := func(err error) *Error { return &Error{Statement: at, Message: err.Error()} }
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return 0, fail(err)
	}
	defer c.Close()
	if err := lockDown(ctx, c, job); err != nil {
		return 0, fail(err)
	}
	for _, f := range job.Functions {
		if lib == nil {
			return 0, fail(fmt.Errorf("no library for function %s", f))
		}
		if err := register(c, lib, f); err != nil {
			return 0, fail(err)
		}
	}
	for i, text := range job.Statements {
		at = i
		if i < len(job.Statements)-1 {
			if _, err := c.ExecContext(ctx, text); err != nil {
				return 0, fail(err)
			}
			continue
		}
		err := c.Raw(func(conn any) error {
			rows, err = stream(ctx, conn.(*duckdb.Conn), text, w)
			return err
		})
		if err != nil {
			return 0, fail(err)
		}
	}
	return rows, nil
}

// stream runs the last statement and sends its columns and rows.
func stream(ctx context.Context, conn *duckdb.Conn, text string, w *bufio.Writer) (int64, error) {
	prepared, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return 0, err
	}
	defer prepared.Close()
	stmt := prepared.(*duckdb.Stmt)
	n, err := stmt.ColumnCount()
	if err != nil {
		return 0, err
	}
	columns := make([]Column, n)
	for i := range columns {
		name, err := stmt.ColumnName(i)
		if err != nil {
			return 0, err
		}
		info, err := stmt.ColumnTypeInfo(i)
		if err != nil {
			return 0, err
		}
		columns[i].Name = name
		if columns[i].Type, err = typeFrom(info); err != nil {
			return 0, fmt.Errorf("column %q: %w", name, err)
		}
	}
	rows, err := stmt.QueryContext(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	body, err := encodeGob(columns)
	if err != nil {
		return 0, err
	}
	if err := writeFrame(w, frameColumns, body); err != nil {
		return 0, err
	}
	const batch = 1 << 16
	var buf []byte
	var count int64
	dst := make([]driver.Value, n)
	for {
		if err := rows.Next(dst); err == io.EOF {
			break
		} else if err != nil {
			return count, err
		}
		for i := range dst {
			v, err := fromDriver(dst[i], columns[i].Type)
			if err != nil {
				return count, fmt.Errorf("column %q: %w", columns[i].Name, err)
			}
			if buf, err = appendValue(buf, v); err != nil {
				return count, fmt.Errorf("column %q: %w", columns[i].Name, err)
			}
		}
		count++
		if len(buf) >= batch {
			if err := writeFrame(w, frameRows, buf); err != nil {
				return count, err
			}
			buf = buf[:0]
		}
	}
	if len(buf) > 0 {
		return count, writeFrame(w, frameRows, buf)
	}
	return count, nil
}
