package etl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/etl/visual"
)

// pythonNode runs a node of a visual job by a script engine: its inputs are written to Parquet files, the script runs, and the
// files of its results are read by what follows. dir is a folder of the node.
func (e *execution) pythonNode(ctx context.Context, views []string, x visual.Exchange, job *duck.Job, dir string) ([][]visual.File, error) {
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.MkdirAll(in, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for i, query := range x.Copies {
		file := filepath.Join(in, strconv.Itoa(i)+".parquet")
		j := *job
		j.WriteDirs = []string{in}
		j.Statements = append(slices.Clone(views), "COPY ("+query+") TO "+value.Literal(file)+" (FORMAT parquet)")
		res, err := e.svc.opts.SQL.Run(ctx, j)
		if err != nil {
			return nil, err
		}
		_, err = res.All()
		res.Close()
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	var code []byte
	if path := x.Node.CodePath(); path != "" {
		var err error
		if code, err = e.svc.opts.Objects.Read(ctx, e.scope, e.run.Role, path, maxScriptBytes); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	text, before := x.Node.Script(files, out, string(code))
	err := e.runScript(ctx, program{
		name: "node.py", text: []byte(text), command: "glueetl", share: dir, fresh: func() error { return errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)) },
	})
	e.run.Engine, e.run.EngineWhy = "duckdb", "a visual job; "+x.Node.Kind+" on "+e.run.Engine
	if e.failure.Message != "" {
		if e.failure.Line -= before; e.failure.Line < 0 || x.Node.Kind == "SparkSQL" {
			e.failure.Line = 0
		}
		e.failure.Message = "node " + x.Node.ID + ": " + e.failure.Message
	}
	if err != nil {
		return nil, err
	}
	return framesUnder(out, job)
}

// framesUnder lists the files of the frames 0, 1 … and lets what follows read them.
func framesUnder(out string, job *duck.Job) (frames [][]visual.File, err error) {
	for n := 0; ; n++ {
		var files []visual.File
		err := filepath.WalkDir(filepath.Join(out, strconv.Itoa(n)), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".parquet") {
				files = append(files, visual.File{Path: path, Key: path})
				job.ReadPaths = append(job.ReadPaths, path)
			}
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, files)
	}
}
