package fileblob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobfs"
)

// Options configures a Store.
type Options struct {
	// Dir is the directory of the blobs. It is created if absent. Only one process may use it.
	Dir string
	// Logger receives damage; nil = slog.Default().
	Logger *slog.Logger
	// FS is where Dir lies; nil = the machine's.
	FS blobfs.FS
}

// Store is a blob.Store in a directory. Make it with Open.
type Store struct {
	dir      string
	fs       blobfs.FS
	log      *slog.Logger
	verified verified
}

var _ blob.Store = (*Store)(nil)

const (
	blockSize = 4 << 20
	idLen     = 24
	tmpDir    = "tmp"
	sumSuffix = ".sum"
)

// Open opens or creates the store in opts.Dir and removes what a crash left half written.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s := &Store{dir: opts.Dir, fs: opts.FS, log: opts.Logger}
	if s.fs == nil {
		s.fs = osFS{}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("component", "blob")
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open blobs in %s: %w", s.dir, mapError(err))
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.fs.MkdirAll(filepath.Join(s.dir, tmpDir)); err != nil {
		return err
	}
	names, err := s.fs.List(s.dir)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	made := false
	for i := range 256 {
		if name := hex.EncodeToString([]byte{byte(i)}); !have[name] {
			if err := s.fs.MkdirAll(filepath.Join(s.dir, name)); err != nil {
				return err
			}
			made = true
		}
	}
	if made {
		if err := errors.Join(s.fs.SyncDir(s.dir), s.fs.SyncDir(filepath.Dir(filepath.Clean(s.dir)))); err != nil {
			return err
		}
	}
	garbage, err := s.fs.List(filepath.Join(s.dir, tmpDir))
	if err != nil {
		return err
	}
	for _, n := range garbage {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.fs.Remove(filepath.Join(s.dir, tmpDir, n)); err != nil {
			return err
		}
	}
	if len(garbage) > 0 {
		s.log.Info("removed blobs that were half written", "count", len(garbage))
	}
	return nil
}

// path returns the file of id, or blob.ErrNotFound for a word that cannot be an id.
func (s *Store) path(id blob.ID) (string, error) {
	if len(id) != idLen {
		return "", fmt.Errorf("%w: %q", blob.ErrNotFound, id)
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", fmt.Errorf("%w: %q", blob.ErrNotFound, id)
		}
	}
	return filepath.Join(s.dir, string(id[:2]), string(id)), nil
}

// Path implements blob.Store. The whole blob is checked first, once per process.
func (s *Store) Path(ctx context.Context, id blob.ID) (string, error) {
	r, err := s.open(ctx, id)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := r.check(0, r.size); err != nil {
		return "", err
	}
	return s.path(id)
}

// Remove implements blob.Store.
func (s *Store) Remove(ctx context.Context, id blob.ID) error {
	p, err := s.path(id)
	if err != nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.verified.forget(id)
	// The bytes go first: a list of checksums without its blob is found by List and harmless, a blob without it is not.
	for _, name := range []string{p, p + sumSuffix} {
		if err := s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove blob %s: %w", id, err)
		}
	}
	return nil
}

// List implements blob.Store. It holds the names of one of the 256 directories in memory.
func (s *Store) List(ctx context.Context) iter.Seq2[blob.ID, error] {
	return func(yield func(blob.ID, error) bool) {
		for i := range 256 {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			sub := hex.EncodeToString([]byte{byte(i)})
			names, err := s.fs.List(filepath.Join(s.dir, sub))
			if err != nil {
				yield("", fmt.Errorf("list blobs: %w", err))
				return
			}
			seen := map[string]bool{}
			for _, n := range names {
				n = strings.TrimSuffix(n, sumSuffix)
				if _, err := s.path(blob.ID(n)); err != nil || !strings.HasPrefix(n, sub) || seen[n] {
					continue
				}
				seen[n] = true
				if !yield(blob.ID(n), nil) {
					return
				}
			}
		}
	}
}

// Close implements blob.Store.
func (s *Store) Close() error { return nil }

func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	}
	return err
}
