package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/tarn-data/tarn/internal/app"
)

// backupCmd copies all data while the server runs.
type backupCmd struct {
	dataFlag `embed:""`
	Dir      string `arg:"" help:"Directory to make; it must not exist."`
}

// Run asks the server for the copy, which shows one moment.
func (b *backupCmd) Run(ctx context.Context, c *cli) error {
	cl, err := b.connect()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(b.Dir)
	if err != nil {
		return err
	}
	bar := newBar(c)
	var last app.BackupLine
	err = cl.tail(ctx, http.MethodPost, "/_tarn/backup", url.Values{"dir": {dir}}, func(line []byte) error {
		last = app.BackupLine{}
		if err := json.Unmarshal(line, &last); err != nil {
			return fmt.Errorf("read progress: %w", err)
		}
		if last.Progress != nil {
			bar.copied(*last.Progress)
		}
		return nil
	})
	bar.end()
	switch {
	case err != nil:
		return err
	case last.Error != "":
		return errors.New(last.Error)
	case last.Result == nil:
		return errors.New("the backup is not whole: the server or the command was stopped")
	}
	return report(c, *last.Result, "backup is in")
}

// restoreCmd makes a data directory from a backup.
type restoreCmd struct {
	Backup string `arg:"" help:"Directory of a backup."`
	Data   string `help:"Data directory to make; it must not exist." default:"./tarn-data" env:"TARN_DATA" placeholder:"DIR"`
}

// Run copies the backup. The server is started on the new directory as usual.
func (r *restoreCmd) Run(ctx context.Context, c *cli) error {
	bar := newBar(c)
	res, err := app.Restore(ctx, r.Backup, r.Data, bar.copied)
	bar.end()
	if err != nil {
		return err
	}
	return report(c, res, "data is restored in")
}

func report(c *cli, res app.BackupResult, what string) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	fmt.Printf("%s %s: %d files, %d bytes\n", what, res.Dir, res.Blobs, res.Bytes)
	return nil
}
