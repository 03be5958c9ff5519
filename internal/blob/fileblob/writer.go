package fileblob

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/blob/blobfs"
	"github.com/tarn-data/tarn/internal/ident"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFinished = errors.New("blob writer is finished")

// writer writes one blob into tmp/. It is not safe for concurrent use.
type writer struct {
	s     *Store
	f     blobfs.File
	tmp   string
	sums  []byte // CRC32C of each finished block
	crc   uint32 // of the block that is being written
	fill  int    // bytes in that block
	err   error  // first failure
	ended bool
}

// Create implements blob.Store.
func (s *Store) Create(ctx context.Context) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &writer{s: s, tmp: filepath.Join(s.dir, tmpDir, ident.Hex(8))}
	f, err := s.fs.Create(w.tmp)
	if err != nil {
		return nil, fmt.Errorf("create blob: %w", mapError(err))
	}
	w.f = f
	return w, nil
}

// Write implements io.Writer. After an error the blob can only be aborted.
func (w *writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, errFinished
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.f.Write(p)
	if err != nil {
		w.err = fmt.Errorf("write blob: %w", mapError(err))
		return n, w.err
	}
	for b := p; len(b) > 0; {
		k := min(len(b), blockSize-w.fill)
		w.crc = crc32.Update(w.crc, castagnoli, b[:k])
		w.fill += k
		b = b[k:]
		if w.fill == blockSize {
			w.endBlock()
		}
	}
	return n, nil
}

func (w *writer) endBlock() {
	w.sums = binary.BigEndian.AppendUint32(w.sums, w.crc)
	w.crc, w.fill = 0, 0
}

// Commit implements blob.Writer: sync the bytes, name the checksums, name the blob, sync the directory.
func (w *writer) Commit(ctx context.Context) (blob.ID, error) {
	if w.ended {
		return "", errFinished
	}
	if w.err == nil {
		w.err = ctx.Err()
	}
	if w.err != nil {
		w.Abort()
		return "", w.err
	}
	if w.fill > 0 || len(w.sums) == 0 {
		w.endBlock()
	}
	id := blob.ID(ident.Hex(8) + fmt.Sprintf("%08x", crc32.Checksum(w.sums, castagnoli)))
	if err := w.publish(id); err != nil {
		w.Abort()
		return "", fmt.Errorf("commit blob: %w", mapError(err))
	}
	w.ended = true
	return id, nil
}

func (w *writer) publish(id blob.ID) error {
	fs := w.s.fs
	path, err := w.s.path(id)
	if err != nil {
		return err
	}
	if err := w.f.SyncData(); err != nil {
		return err
	}
	if len(w.sums) > 4 {
		if err := w.writeSums(path + sumSuffix); err != nil {
			return err
		}
	}
	if err := w.f.Close(); err != nil {
		return err
	}
	w.f = nil
	if err := fs.Rename(w.tmp, path); err != nil {
		return err
	}
	if err := fs.SyncDir(filepath.Dir(path)); err != nil {
		_ = w.s.Remove(context.Background(), id) // best effort: nobody knows the id, the collector finds it
		return err
	}
	return nil
}

func (w *writer) writeSums(name string) error {
	tmp := w.tmp + sumSuffix
	f, err := w.s.fs.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(w.sums)
	if err == nil {
		err = f.SyncData()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = w.s.fs.Rename(tmp, name)
	}
	if err == nil {
		// A power cut may keep one of two new names of a directory: the list must be there before the blob.
		err = w.s.fs.SyncDir(filepath.Dir(name))
	}
	if err != nil {
		_ = w.s.fs.Remove(tmp) // best effort: removed at the next start
	}
	return err
}

// Abort implements blob.Writer.
func (w *writer) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	if w.f != nil {
		_ = w.f.Close()
	}
	_ = w.s.fs.Remove(w.tmp) // best effort: removed at the next start
}
