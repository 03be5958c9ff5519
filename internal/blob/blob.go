// Package blob is the store of immutable bytes: object bodies over 32 KiB, extracts, code packages. A blob is written
// once, read often and removed when nothing refers to it any more.
//
// References are rows in kv, one per blob and owner, so that they change in the batch of the act that causes them:
//
//	(Blob, "ref", id, owner) → nothing
//	(Blob, "old", id)        → nothing    a blob that lost a reference and may be garbage
//
// Whoever stores a blob adds a reference in the batch that makes the owner visible (Ref). Whoever copies adds one under
// the precondition that the reference of the source still stands (RefFrom): a blob that has no reference can therefore
// never gain one, and the collector may remove its file. A file that never got a reference, because the process
// was killed before the batch, is found at start and removed.
package blob

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Errors of every backend; compare with errors.Is.
var (
	// ErrNotFound reports an id that has no blob.
	ErrNotFound = errors.New("blob not found")
	// ErrCorrupt reports a blob whose bytes differ from those that were written.
	ErrCorrupt = errors.New("blob is corrupt")
	// ErrFull reports a write refused because the disk is full.
	ErrFull = errors.New("disk is full")
)

// ID names a blob. It is a random lower-case word, safe as a file name. The zero value names none.
type ID string

// Store keeps blobs. All methods are safe for concurrent use.
type Store interface {
	// Create starts a new blob. The writer must be committed or aborted.
	Create(ctx context.Context) (Writer, error)
	// Open returns a reader over the whole blob. The blob stays readable until the reader is closed, even if it is
	// removed meanwhile.
	Open(ctx context.Context, id ID) (Reader, error)
	// Path returns a file that holds exactly the blob's bytes and may be read while the blob has a reference. Backends
	// without files of their own fetch one into a cache.
	Path(ctx context.Context, id ID) (string, error)
	// Remove deletes the blob's bytes. Only the collector calls it. A blob that is absent is no error.
	Remove(ctx context.Context, id ID) error
	// List yields the ids of all committed blobs, in no particular order.
	List(ctx context.Context) iter.Seq2[ID, error]
	// Close releases the store; readers that are open stay usable.
	Close() error
}

// Writer receives the bytes of a new blob.
type Writer interface {
	io.Writer
	// Commit makes the blob durable and readable and returns its id. After it the writer is finished.
	Commit(ctx context.Context) (ID, error)
	// Abort discards the blob. After Commit it does nothing, so that it can be deferred.
	Abort()
}

// Reader reads a blob. Reads fail with ErrCorrupt where the bytes are not those that were written.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	// Size returns the length of the blob in bytes.
	Size() int64
	// File returns the open file behind the reader, for sendfile, after checking that the n bytes from off are whole; or
	// nil where the backend has no file. The reader keeps owning the file and shares its offset: whoever sends from it
	// seeks first and does not use Read meanwhile.
	File(off, n int64) (*os.File, error)
}

// Ref adds to b the reference of owner to id. The owner is any key of the caller's that says who refers.
func Ref(b *kv.Batch, id ID, owner []byte) { b.Set(refKey(id, owner), nil) }

// RefFrom adds to b the reference of owner to id, under the precondition that source still refers to it.
func RefFrom(b *kv.Batch, id ID, source, owner []byte) {
	b.IfPresent(refKey(id, source))
	b.Set(refKey(id, owner), nil)
}

// Unref removes from b's store the reference of owner to id and queues the blob for the collector.
func Unref(b *kv.Batch, id ID, owner []byte) {
	b.Delete(refKey(id, owner))
	b.Set(oldKey(id), nil)
}

func refKey(id ID, owner []byte) key.Key {
	return key.In(key.Blob).Str("ref").Str(string(id)).Str(string(owner))
}
