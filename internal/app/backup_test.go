package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tree makes files with their contents under a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRestoreCopiesWhatChangesAndLinksWhatDoesNot(t *testing.T) {
	backup := tree(t, map[string]string{"complete": "now\n", "kv/000004.log": "log", "kv/000005.sst": "table", "kv/MANIFEST-000001": "manifest", "blobs/aa/b1": "blob", "blobs/bb/b2.x": "blob 2"})
	data := filepath.Join(t.TempDir(), "data")
	var last BackupProgress
	res, err := Restore(t.Context(), backup, data, func(p BackupProgress) { last = p })
	if err != nil || res.Blobs != 5 || res.Bytes != int64(len("log"+"table"+"manifest"+"blob"+"blob 2")) {
		t.Fatalf("%+v, %v", res, err)
	}
	if last.Files == 0 || last.Of < last.Files {
		t.Errorf("progress %+v", last)
	}
	for name, linked := range map[string]bool{"kv/000004.log": false, "kv/000005.sst": true, "kv/MANIFEST-000001": false, "blobs/aa/b1": true, "blobs/bb/b2.x": true} {
		a, err := os.Stat(filepath.Join(backup, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if os.SameFile(a, b) != linked {
			t.Errorf("%s: the same file is %v, want %v", name, !linked, linked)
		}
	}
	if _, err := Restore(t.Context(), backup, data, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("restored over what is there: %v", err)
	}
	if err := os.Remove(filepath.Join(backup, "complete")); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), backup, data+"2", nil); err == nil {
		t.Error("a backup that is not whole was restored")
	}
}

func TestCopyStopsWithItsContext(t *testing.T) {
	from := tree(t, map[string]string{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&copier{}).tree(ctx, filepath.Join(t.TempDir(), "to"), from, allFixed); !errors.Is(err, context.Canceled) {
		t.Errorf("copied after the end: %v", err)
	}
}

func TestACopyIsNotMadeWithinWhatIsCopied(t *testing.T) {
	backup := tree(t, map[string]string{"kv/a.sst": "x", "blobs/b": "y", "complete": ""})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(backup, "blobs"), link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a copy of itself has no end
	defer cancel()
	for _, data := range []string{backup + "/data", backup + "/blobs/data", link + "/data", backup + "/kv/../blobs/data"} {
		if _, err := Restore(ctx, backup, data, nil); err == nil || ctx.Err() != nil {
			t.Errorf("%s: err = %v", data, err)
		}
		if _, err := os.Stat(data); err == nil {
			t.Errorf("%s was made", data)
		}
	}
	if _, err := Restore(ctx, backup, filepath.Clean(backup)+"-data", nil); err != nil {
		t.Error(err)
	}
}
