package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
)

// Options configures a Store.
type Options struct {
	// Dir is the directory of the database. It is created if absent, and locked.
	Dir string
	// FS is the file system; nil = the machine's.
	FS vfs.FS
	// Logger receives damage, slow and failed work; nil = slog.Default().
	Logger *slog.Logger
	// Clock times the checks of free space; nil = the real one.
	Clock clock.Clock
	// CacheBytes bounds the memory for blocks read from disk; 0 = 128 MiB. It is filled as blocks are read.
	CacheBytes int64
	// MemTableBytes is the size of a write buffer, of which up to four exist under load; 0 = 16 MiB.
	MemTableBytes uint64
	// ReserveBytes of free disk are kept for deletions, compactions and repair: below it, writes that free no space are
	// refused; 0 = 64 MiB, negative = none.
	ReserveBytes int64
	// Fatal ends the process after a failed write that leaves the state on disk unknown. It must not return.
	// nil = log and exit with status 70.
	Fatal func(message string)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = o.Logger.With("component", "kv")
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 128 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 64 << 20
	}
	if o.Fatal == nil {
		o.Fatal = func(message string) {
			o.Logger.Error("state on disk is unknown after a failed write; stopping", "err", message)
			os.Exit(70)
		}
	}
	return o
}

// Store is a kv.Store in a directory. Make it with Open.
type Store struct {
	db    *pebble.DB
	opts  Options
	log   *slog.Logger
	space *diskSpace
	gate  gate
	acks  *acks
	watch watchers

	mu sync.Mutex // orders batches: preconditions and application are one step

	snapMu sync.Mutex // guards snaps
	snaps  map[*snapshot]struct{}
}

var _ kv.Store = (*Store)(nil)

// Open opens or creates the database in opts.Dir. It fails if another process has it open.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &Store{
		opts:  opts,
		log:   opts.Logger,
		space: newDiskSpace(opts),
		snaps: map[*snapshot]struct{}{},
	}
	db, err := pebble.Open(opts.Dir, s.pebbleOptions())
	if err != nil {
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("open store: %s is in use by another process: %w", opts.Dir, err)
		}
		return nil, fmt.Errorf("open store %s: %w", opts.Dir, mapError(err))
	}
	s.db = db
	s.acks = newAcks(&s.watch)
	return s, nil
}

func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          &patientFS{FS: s.opts.FS, space: s.space},
		FormatMajorVersion:          pebble.FormatValueSeparation,
		CacheSize:                   s.opts.CacheBytes,
		MemTableSize:                s.opts.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                1000,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		BytesPerSync:                1 << 20,
		Logger:                      &pebbleLogger{s.log, s.opts.Fatal},
		EventListener:               s.events(),
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
	}
	return o
}

// events tells the log what an operator should know. Pebble's own handler of corruption ends the process.
func (s *Store) events() *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.log.Error("stored block is corrupt", "file", info.Path, "keys", info.Bounds.String(), "err", info.Details)
		},
		BackgroundError: func(err error) {
			if isFull(err) {
				return // told once by diskSpace
			}
			s.log.Error("background work of the store failed", "err", err)
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			s.log.Warn("disk is slow", "file", info.Path, "operation", info.OpType.String(), "duration", info.Duration.Round(time.Millisecond))
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.log.Warn("writes wait for compaction", "reason", info.Reason)
		},
	}
}

// Get implements kv.Reader.
func (s *Store) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := s.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	return get(s.db, key)
}

func get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if err != nil {
		return nil, mapError(err)
	}
	out := append(make([]byte, 0, len(v)), v...)
	if err := closer.Close(); err != nil {
		return nil, mapError(err)
	}
	return out, nil
}

// Checkpoint writes a consistent copy of the store to dir, which must not exist, while the store is in use. Files that
// never change are hard links where dir is on the same file system. Everything that was applied before the call is in
// the copy. Open reads it as any store.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.gate.enter(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("checkpoint store to %s: %w", dir, mapError(err))
	}
	return nil
}

// Full reports whether writes that free no space are refused at the moment.
func (s *Store) Full() bool { return s.space.full.Load() }

// Close implements kv.Store. Calls that are running end first; open snapshots become unusable.
func (s *Store) Close() error {
	s.space.close()
	if !s.gate.close() {
		return nil
	}
	s.acks.close()
	s.snapMu.Lock()
	for sn := range s.snaps {
		sn.snap.Close()
	}
	s.snaps = nil
	s.snapMu.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store: %w", mapError(err))
	}
	return nil
}

// mapError turns Pebble's errors into those of kv.
func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return kv.ErrNotFound
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", kv.ErrCorrupt, err)
	case isFull(err):
		return fmt.Errorf("%w: %w", kv.ErrFull, err)
	case errors.Is(err, pebble.ErrClosed):
		return kv.ErrClosed
	}
	return err
}

// Flush writes the memory tables to disk. Nothing needs it for durability; it shortens the next start.
func (s *Store) Flush() error {
	if err := s.gate.enter(context.Background()); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("flush store: %w", mapError(err))
	}
	return nil
}
