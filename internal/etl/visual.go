package etl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/etl/visual"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/tabular"
)

// LocalFile is an object whose bytes are in a file of this machine.
type LocalFile struct {
	Object
	Path string
}

// Lake is the object store as visual jobs use it, with the rights of a job's role.
type Lake interface {
	// Files returns the objects under a prefix, or the one that it names. Bodies that are in no file are written to dir.
	Files(ctx context.Context, scope ident.Scope, role, bucket, prefix, dir string) ([]LocalFile, error)
	// Put stores a file as an object.
	Put(ctx context.Context, scope ident.Scope, role, bucket, key, file string) error
}

// TableInfo is a table of the catalog as visual jobs read it.
type TableInfo struct {
	Columns, Keys []visual.Column
	Format        string // csv, json, parquet
	Header        bool
	Sep, Quote    string
	Location      string
	Partitions    []TablePartition // those that the predicate selects; one without values if the table has no keys
}

// TablePartition is a partition of a table and where its files are.
type TablePartition struct {
	Values   []string
	Location string
}

// TableChange is what a target has made of a table.
type TableChange struct {
	Database, Table, Location, Format string
	Columns, Keys                     []visual.Column
	AddColumns                        bool
	Partitions                        [][]string
}

// Tables is the catalog as visual jobs use it, with the rights of a job's role.
type Tables interface {
	Table(ctx context.Context, scope ident.Scope, role, database, table, predicate string) (TableInfo, error)
	// Keep makes the table or adds the columns that are new, and registers the partitions that are new.
	Keep(ctx context.Context, scope ident.Scope, role string, c TableChange) error
}

// SQL runs statements. It models duck.Pool.
type SQL interface {
	Run(ctx context.Context, job duck.Job) (*duck.Result, error)
}

// graph carries a visual job out: one statement of DuckDB per target.
func (e *execution) graph(ctx context.Context) error {
	e.run.Engine, e.run.EngineWhy = "duckdb", "a visual job"
	g, err := visual.Parse(e.job.Nodes)
	if err != nil {
		return err
	}
	dir := filepath.Join(e.svc.opts.VisualDir, e.run.ID)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "in"), 0o700)); err != nil {
		return fmt.Errorf("make run folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := e.begin(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.run.Timeout)
	defer cancel()
	names := map[string]string{}
	err = readable(e.nodes(ctx, g, dir, names), names)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.stop("timeout")
	}
	return err
}

// nodes runs the graph. names gets the objects by the paths of their files on this machine.
func (e *execution) nodes(ctx context.Context, g *visual.Graph, dir string, names map[string]string) error {
	inputs := map[string]visual.Input{}
	locations := map[string]string{}
	job := duck.Job{TempDir: filepath.Join(dir, "spill"), Group: e.scope.Account}
	for _, n := range slices.Concat(g.Sources(), g.Targets()) {
		in, err := e.input(ctx, n, filepath.Join(dir, "in"), &job, locations, names)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.ID, err)
		}
		inputs[n.ID] = in
	}
	probe := func(statements []string) ([][]any, error) {
		j := job
		j.Statements = statements
		res, err := e.svc.opts.SQL.Run(ctx, j)
		if err != nil {
			return nil, err
		}
		defer res.Close()
		return res.All()
	}
	run := func(views []string, x visual.Exchange) ([][]visual.File, error) {
		return e.pythonNode(ctx, views, x, &job, filepath.Join(dir, "node-"+strconv.Itoa(len(job.ReadPaths))+"-"+ident.Hex(4)))
	}
	plan, err := g.Compile(inputs, probe, run)
	if err != nil {
		return err
	}
	for _, t := range plan.Targets {
		location := t.Location
		if t.Node.FromCatalog() {
			location = locations[t.Node.ID]
		}
		if err := e.target(ctx, t, plan.Views, job, strings.TrimRight(location, "/")+"/", filepath.Join(dir, "out-"+t.Node.ID)); err != nil {
			return fmt.Errorf("node %s: %w", t.Node.ID, err)
		}
	}
	return nil
}

// input finds the files of a source, and the table of a source or target.
func (e *execution) input(ctx context.Context, n *visual.Node, dir string, job *duck.Job, locations, names map[string]string) (visual.Input, error) {
	var in visual.Input
	read := func(location string, skip func(rel string) bool) ([]visual.File, error) {
		bucket, prefix, err := splitURL(location)
		if err != nil {
			return nil, err
		}
		found, err := e.svc.opts.Lake.Files(ctx, e.scope, e.run.Role, bucket, prefix, dir)
		if err != nil {
			return nil, err
		}
		var files []visual.File
		for _, f := range found {
			rel := strings.TrimPrefix(strings.TrimPrefix(f.Key, prefix), "/")
			if f.Size == 0 || hidden(rel) || skip(rel) {
				continue
			}
			if err := intact(f.Path, f.Key); err != nil {
				return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, f.Key, err)
			}
			names[f.Path] = "s3://" + bucket + "/" + f.Key
			files = append(files, visual.File{Path: f.Path, Key: f.Key})
			job.ReadPaths = append(job.ReadPaths, f.Path)
			e.run.FilesRead++
			e.run.BytesRead += f.Size
			e.inputs = append(e.inputs, lineage.Object(bucket, f.Key, f.Version))
		}
		return files, nil
	}
	if !n.FromCatalog() {
		if n.IsTarget() {
			return in, nil
		}
		for _, path := range n.Paths() {
			files, err := read(path, n.Excludes)
			if err != nil {
				return in, err
			}
			in.Files = append(in.Files, files...)
		}
		return in, nil
	}
	database, table := n.Table()
	t, err := e.svc.opts.Tables.Table(ctx, e.scope, e.run.Role, database, table, n.Predicate())
	if err != nil {
		return in, err
	}
	in = visual.Input{Columns: t.Columns, Keys: t.Keys, Format: t.Format, Header: t.Header, Sep: t.Sep, Quote: t.Quote}
	locations[n.ID] = t.Location
	if n.IsTarget() {
		return in, nil
	}
	e.inputs = append(e.inputs, lineage.Table(e.scope.Region, database, table, ""))
	for _, p := range t.Partitions {
		files, err := read(strings.TrimRight(p.Location, "/")+"/", func(string) bool { return false })
		if err != nil {
			return in, err
		}
		in.Parts = append(in.Parts, visual.Part{Values: p.Values, Files: files})
	}
	return in, nil
}

// readable turns an error of DuckDB into one for the job's owner: with the names of objects, without the statement.
func readable(err error, names map[string]string) error {
	var failed *duck.Error
	if !errors.As(err, &failed) {
		return err
	}
	text, _, _ := strings.Cut(failed.Message, "\n\nLINE ")
	for path, name := range names {
		text = strings.ReplaceAll(text, path, name)
	}
	before, _, _ := strings.Cut(err.Error(), failed.Message) // which node
	return errors.New(before + text)
}

// intact reads a compressed file to its end: DuckDB would take one that is cut for a shorter one.
func intact(path, key string) error {
	compression := map[string]string{".gz": "gzip", ".zst": "zstd"}[filepath.Ext(key)]
	if compression == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	text, err := tabular.Decompress(file, compression)
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	_, err = io.Copy(io.Discard, text)
	return err
}

// hidden reports whether a file is no data: a part of its path begins with _ or a dot.
func hidden(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		if (strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".")) && !strings.Contains(part, "=") {
			return true
		}
	}
	return false
}

// target writes a target's files and publishes them as a script's write is published.
func (e *execution) target(ctx context.Context, t visual.Target, views []string, job duck.Job, location, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	job.WriteDirs = []string{dir}
	name := fmt.Sprintf("run-%s-part", strings.TrimPrefix(e.run.ID, "jr_")[:12])
	job.Statements = append(slices.Clone(views), t.Copy(dir, name))
	res, err := e.svc.opts.SQL.Run(ctx, job)
	if err != nil {
		return err
	}
	_, err = res.All()
	res.Close()
	if err != nil {
		return err
	}
	staging, _, err := e.stage(ctx, location, "append")
	if err != nil {
		return err
	}
	bucket, prefix, err := splitURL(staging)
	if err != nil {
		return err
	}
	partitions := map[string][]string{}
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if folder := filepath.Dir(rel); len(t.Keys) > 0 {
			var values []string
			for part := range strings.SplitSeq(folder, "/") {
				_, v, _ := strings.Cut(part, "=")
				if plain, err := url.PathUnescape(v); err == nil {
					v = plain
				}
				values = append(values, v)
			}
			partitions[folder] = values
		}
		return e.svc.opts.Lake.Put(ctx, e.scope, e.run.Role, bucket, prefix+rel, file)
	})
	if err != nil {
		return err
	}
	if _, err := e.publish(ctx, location, staging, "append"); err != nil {
		return err
	}
	database, table, add, ok := t.UpdatesCatalog()
	if !ok {
		return nil
	}
	c := TableChange{Database: database, Table: table, Location: location, Format: t.Format, AddColumns: add}
	c.Columns, c.Keys = t.TableColumns()
	for _, values := range partitions {
		c.Partitions = append(c.Partitions, values)
	}
	return e.svc.opts.Tables.Keep(ctx, e.scope, e.run.Role, c)
}
