// Package objstore is the store of objects: buckets, objects and their versions, multipart uploads, expiration and the
// events of writes.
//
// Metadata and bodies of at most Options.InlineBytes are rows of kv; larger bodies are blobs. A body is immutable: an
// overwrite is a new body and a new row, a copy is a new row that refers to the same blobs.
//
// Invariants:
//
//	O1  What a caller was told is durable. Row, references to blobs, event and meter of a write are one batch.
//	O2  A key that has versions has exactly one current row, that of its newest version, which may be a delete marker.
//	    Older versions have rows of their own, newest first.
//	O3  Versions of a key are ordered by their sequence numbers, which grow even if the clock goes back.
//	O4  A blob is referred to by every version and every part that uses it (package blob), so that it outlives any of them.
//	O5  A reader keeps what it opened, whatever happens to the object meanwhile.
//	O6  A list is one ordered scan; it holds one page in memory, however large the bucket.
//
// Keys and values are described in docs/formats/objstore.md.
//
// Writers of one key take turns by a striped lock, which is held while the batch is applied and not while it is synced;
// preconditions of the batch protect against other processes. The lock of a bucket is held for reading by writers of
// objects, and for writing where the bucket is deleted or its settings change. Lock order: key, then bucket.
package objstore
