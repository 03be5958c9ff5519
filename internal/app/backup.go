package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// BackupResult tells what a backup holds.
type BackupResult struct {
	Dir   string
	Blobs int // files, those of the state too when it is restored
	Bytes int64
}

// BackupProgress is how far a backup or its restoring is. Of is 0 until the files are counted.
type BackupProgress struct {
	Files int   `json:"files"`
	Of    int   `json:"of"`
	Bytes int64 `json:"bytes"`
}

// BackupLine is a line of the answer to POST /_tarn/backup: progress now and then, at last the result or an error.
type BackupLine struct {
	Progress *BackupProgress `json:"progress,omitempty"`
	Result   *BackupResult   `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// tellEvery is how often progress is told at most.
const tellEvery = 200 * time.Millisecond

// serveBackup answers POST /_tarn/backup?dir=DIR. When the client goes, the backup is given up.
func (a *App) serveBackup(w http.ResponseWriter, r *http.Request) {
	if !a.isAdmin(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	say := func(l BackupLine) {
		_ = json.NewEncoder(w).Encode(l) // the client may be gone: then the context ends
		_ = flush.Flush()
	}
	res, err := a.backup(r.Context(), r.URL.Query().Get("dir"), func(p BackupProgress) { say(BackupLine{Progress: &p}) })
	if err != nil {
		say(BackupLine{Error: err.Error()})
		return
	}
	say(BackupLine{Result: &res})
}

// backup writes a copy of everything into dir, which must not exist: the state as it is at one moment, and all blobs that
// it refers to. Blobs are immutable, so that they are linked where both are on one file system. A backup is whole when its
// file "complete" is there, which is written last.
func (a *App) backup(ctx context.Context, dir string, tell func(BackupProgress)) (BackupResult, error) {
	if !filepath.IsAbs(dir) {
		return BackupResult{}, fmt.Errorf("directory %q: want an absolute path", dir)
	}
	if err := apart(dir, a.cfg.Data); err != nil {
		return BackupResult{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return BackupResult{}, err
	}
	if err := a.Store.Checkpoint(ctx, filepath.Join(dir, "kv")); err != nil {
		return BackupResult{}, fmt.Errorf("copy state: %w", err)
	}
	c := copier{tell: tell}
	if err := c.tree(ctx, filepath.Join(dir, "blobs"), filepath.Join(a.cfg.Data, "blobs"), allFixed); err != nil {
		return BackupResult{}, fmt.Errorf("copy blobs: %w", err)
	}
	res := BackupResult{Dir: dir, Blobs: c.progress.Files, Bytes: c.progress.Bytes}
	return res, writeComplete(dir)
}

// apart refuses a directory that is to be made within the one that is copied: the copy would be copied as well, without end.
func apart(dir, from string) error {
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err == nil {
		parent, err = filepath.Abs(parent)
	}
	if err != nil {
		return err
	}
	within, err := filepath.EvalSymlinks(from)
	if err == nil {
		within, err = filepath.Abs(within)
	}
	if err != nil {
		return err
	}
	if parent == within || strings.HasPrefix(parent, within+string(filepath.Separator)) {
		return fmt.Errorf("directory %q is in %s, which is copied: choose one elsewhere", dir, from)
	}
	return nil
}

// writeComplete marks a backup as whole.
func writeComplete(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "complete"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, time.Now().UTC().Format(time.RFC3339))
	return errors.Join(err, f.Sync(), f.Close(), syncDir(dir))
}

// Restore makes a data directory, which must not exist, from a backup. tell, if not nil, is told how far it is.
func Restore(ctx context.Context, backup, data string, tell func(BackupProgress)) (BackupResult, error) {
	if _, err := os.Stat(filepath.Join(backup, "complete")); err != nil {
		return BackupResult{}, fmt.Errorf("%s is no complete backup: %w", backup, err)
	}
	if err := apart(data, backup); err != nil {
		return BackupResult{}, err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return BackupResult{}, err
	}
	c := copier{tell: tell}
	if err := c.tree(ctx, filepath.Join(data, "kv"), filepath.Join(backup, "kv"), tablesFixed); err != nil {
		return BackupResult{}, fmt.Errorf("restore state: %w", err)
	}
	if err := c.tree(ctx, filepath.Join(data, "blobs"), filepath.Join(backup, "blobs"), allFixed); err != nil {
		return BackupResult{}, fmt.Errorf("restore blobs: %w", err)
	}
	return BackupResult{Dir: data, Blobs: c.progress.Files, Bytes: c.progress.Bytes}, nil
}

// allFixed says that no file ever changes: blobs. tablesFixed says so of the store's tables alone: the server that opens its
// logs and manifests writes on in them.
func allFixed(string) bool { return true }

func tablesFixed(name string) bool { return filepath.Ext(name) == ".sst" }

// copier copies trees of files and tells how far it is.
type copier struct {
	tell     func(BackupProgress) // nil = nobody listens
	progress BackupProgress
	told     time.Time
}

// tree copies the files under from. Files that vanish while it runs lost their last reference after the state was copied more
// than the collector's grace ago, or were never referred to. What is fixed is linked where it can be. All is on the disk when
// it returns.
func (c *copier) tree(ctx context.Context, to, from string, fixed func(name string) bool) error {
	if err := walk(ctx, from, func(string, fs.DirEntry) error { c.progress.Of++; return nil }, nil); err != nil {
		return err
	}
	var dirs []string
	err := walk(ctx, from, func(rel string, d fs.DirEntry) error {
		if err := linkOrCopy(filepath.Join(to, rel), filepath.Join(from, rel), fixed(rel)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		c.progress.Files++
		if info, err := d.Info(); err == nil {
			c.progress.Bytes += info.Size()
		}
		if now := time.Now(); c.tell != nil && now.Sub(c.told) > tellEvery {
			c.told = now
			c.tell(c.progress)
		}
		return nil
	}, func(rel string) error {
		dirs = append(dirs, filepath.Join(to, rel))
		return os.MkdirAll(filepath.Join(to, rel), 0o700)
	})
	for _, d := range dirs {
		if err == nil {
			err = syncDir(d)
		}
	}
	return err
}

// walk calls file for each file under root with its path below it, and dir, if not nil, for each directory before its files.
func walk(ctx context.Context, root string, file func(rel string, d fs.DirEntry) error, dir func(rel string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return file(rel, d)
		}
		if dir == nil {
			return nil
		}
		return dir(rel)
	})
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func linkOrCopy(to, from string, link bool) error {
	if link {
		if err := os.Link(from, to); err == nil || errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Sync(), out.Close())
}
