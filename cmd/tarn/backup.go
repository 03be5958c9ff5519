package main

import (
	"context"
	"encoding/json"
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
	var res app.BackupResult
	if err := cl.get(ctx, http.MethodPost, "/_tarn/backup", url.Values{"dir": {dir}}, &res); err != nil {
		return err
	}
	return report(c, res, "backup is in")
}

// restoreCmd makes a data directory from a backup.
type restoreCmd struct {
	Backup string `arg:"" help:"Directory of a backup."`
	Data   string `help:"Data directory to make; it must not exist." default:"./tarn-data" env:"TARN_DATA" placeholder:"DIR"`
}

// Run copies the backup. The server is started on the new directory as usual.
func (r *restoreCmd) Run(ctx context.Context, c *cli) error {
	res, err := app.Restore(ctx, r.Backup, r.Data)
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
