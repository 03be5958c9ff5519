package pebblekv

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
)

// errLocked is what a locked directory answers.
var errLocked = syscall.EAGAIN

const (
	// retryEvery is how long a write that found the disk full waits before it tries again.
	retryEvery = 250 * time.Millisecond
	// measureEvery bounds the age of the measured free space while batches come in.
	measureEvery = time.Second
	// measureBytes of batches between two measurements.
	measureBytes = 4 << 20
	// probeName is the file that tells whether a full disk takes bytes again.
	probeName = "probe"
)

// diskSpace decides whether batches are admitted.
type diskSpace struct {
	fs      vfs.FS
	dir     string
	reserve int64
	clock   clock.Clock
	log     *slog.Logger
	closing chan struct{}
	once    sync.Once

	full    atomic.Bool
	pending atomic.Int64 // bytes admitted since the last measurement
	left    atomic.Int64 // bytes free at the last measurement; 0 = unknown, or none since
	waiting atomic.Int64 // writes that wait for space

	mu       sync.Mutex // guards measured; never waited for by admit
	measured time.Time
}

func newDiskSpace(o Options) *diskSpace {
	return &diskSpace{fs: o.FS, dir: o.Dir, reserve: o.ReserveBytes, clock: o.Clock, log: o.Logger, closing: make(chan struct{})}
}

// admit lets a batch of n bytes in, or returns kv.ErrFull. One that frees space may take from the reserve.
func (d *diskSpace) admit(n int, frees bool) error {
	due := d.pending.Add(int64(n)) > measureBytes || d.full.Load()
	if d.mu.TryLock() {
		now := d.clock.Now()
		age := now.Sub(d.measured)
		if due && age >= retryEvery || age >= measureEvery || due && !d.full.Load() {
			d.measured = now
			d.pending.Store(0)
			d.measure()
		}
		d.mu.Unlock()
	}
	if d.full.Load() && !(frees && d.reserveLasts()) {
		return fmt.Errorf("%w: less than %d MiB left in %s", kv.ErrFull, max(d.reserve, 0)>>20, d.dir)
	}
	return nil
}

// reserveLasts reports whether there is enough left for a batch that frees space. The last quarter of the reserve is for the tables that
// the store itself writes meanwhile.
func (d *diskSpace) reserveLasts() bool {
	return d.reserve > 0 && d.waiting.Load() == 0 && d.left.Load()-d.pending.Load() >= d.reserve/4
}

// measure looks at the disk. The caller holds mu.
func (d *diskSpace) measure() {
	if d.reserve > 0 {
		if u, err := d.fs.GetDiskUsage(d.dir); err == nil {
			d.left.Store(int64(min(u.AvailBytes, math.MaxInt64)))
			d.set(u.AvailBytes < uint64(d.reserve) || d.full.Load() && !d.probe())
			return
		}
	}
	if d.full.Load() {
		d.set(!d.probe())
	}
}

// probe reports whether the disk takes 64 KiB and no write is waiting for space.
func (d *diskSpace) probe() bool {
	if d.waiting.Load() > 0 {
		return false
	}
	name := d.fs.PathJoin(d.dir, probeName)
	f, err := d.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return false
	}
	_, err = f.Write(make([]byte, 64<<10))
	err = errors.Join(err, f.Sync(), f.Close(), d.fs.Remove(name))
	return err == nil
}

func (d *diskSpace) set(full bool) {
	if d.full.Swap(full) == full {
		return
	}
	if full {
		d.log.Error("disk is full: all but deletions is refused until space returns", "dir", d.dir)
	} else {
		d.log.Info("disk has space again: writes are accepted", "dir", d.dir)
	}
}

// stay runs a write until it does not find the disk full. patient says whether it may only return without success when
// the store closes; a write that is not patient fails after one wait, which keeps Pebble's own retries slow.
func (d *diskSpace) stay(patient bool, write func() error) error {
	err := write()
	if err == nil || !isFull(err) {
		return err
	}
	d.left.Store(0)
	d.set(true)
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	for {
		t := d.clock.NewTimer(retryEvery)
		select {
		case <-t.C():
		case <-d.closing:
			t.Stop()
			return err
		}
		if !patient {
			return err
		}
		if err = write(); err == nil || !isFull(err) {
			return err
		}
	}
}

func (d *diskSpace) close() { d.once.Do(func() { close(d.closing) }) }

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// patientFS makes writes wait for space. Names of tables (and value files) fail instead, because Pebble abandons and
// repeats the flush or compaction that writes them; everything else must not fail. A failed sync is never repeated: the
// kernel may have dropped what it could not write, and a second sync would report success.
type patientFS struct {
	vfs.FS
	space *diskSpace
}

func patient(name string) bool {
	return !strings.HasSuffix(name, ".sst") && !strings.HasSuffix(name, ".blob")
}

// Unwrap implements vfs.FS.
func (p *patientFS) Unwrap() vfs.FS { return p.FS }

func (p *patientFS) open(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	wait := patient(name)
	err := p.space.stay(wait, func() (err error) { f, err = open(); return err })
	if err != nil {
		return nil, err
	}
	return &patientFile{File: f, space: p.space, patient: wait}, nil
}

// Create implements vfs.FS.
func (p *patientFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(name, func() (vfs.File, error) { return p.FS.Create(name, c) })
}

// OpenReadWrite implements vfs.FS.
func (p *patientFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return p.open(name, func() (vfs.File, error) { return p.FS.OpenReadWrite(name, c, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (p *patientFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return p.open(name, func() (vfs.File, error) { return p.FS.ReuseForWrite(old, name, c) })
}

// Link implements vfs.FS.
func (p *patientFS) Link(old, name string) error {
	return p.space.stay(patient(name), func() error { return p.FS.Link(old, name) })
}

// Rename implements vfs.FS.
func (p *patientFS) Rename(old, name string) error {
	return p.space.stay(patient(name), func() error { return p.FS.Rename(old, name) })
}

type patientFile struct {
	vfs.File
	space   *diskSpace
	patient bool
}

// Write implements vfs.File. A retry goes on behind the bytes that were written.
func (f *patientFile) Write(b []byte) (int, error) {
	done := 0
	err := f.space.stay(f.patient, func() error {
		n, err := f.File.Write(b[done:])
		done += n
		return err
	})
	return done, err
}

// Preallocate implements vfs.File. It is an optimisation, so a full disk is not an error of it.
func (f *patientFile) Preallocate(offset, length int64) error {
	if err := f.File.Preallocate(offset, length); err != nil && !isFull(err) {
		return err
	}
	return nil
}
