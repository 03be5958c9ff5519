// Package pebblekv is the kv.Store of one machine: an embedded Pebble database.
//
// How the invariants of kv are kept:
//
//	K1, K3  Every batch is one Pebble batch, applied under one mutex: the order of the mutex is that of the log.
//	K2      Preconditions are read under the same mutex. No other writer exists: the directory is locked.
//	K4      ApplyNoSyncWait puts the batch in the log's queue; one goroutine (acks.go) waits for the syncs in order and
//	        releases the callers, so that all batches queued meanwhile share one sync.
//	K5      A snapshot is Pebble's; a scan pins the newest point when it starts.
//	K6      Checksum errors become kv.ErrCorrupt. A scan finds the end of the damaged block by bisection and goes on.
//
// A full disk: writes are refused with kv.ErrFull as soon as less than Options.ReserveBytes is free, those that free space
// (kv.Batch.Frees) when less than a quarter of that is. Should the disk
// fill up all the same, the files that must not fail (log, manifest) wait inside the file system wrapper (diskspace.go)
// until space returns, instead of failing, because Pebble cannot go on after a failed write of its log. Reads go on.
//
// Any other failed write of the log or the manifest means that the disk lies about what it holds; the process ends
// (Options.Fatal), as its promises cannot be kept, and recovers what was synced at its next start.
package pebblekv
