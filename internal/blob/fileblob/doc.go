// Package fileblob keeps blobs as files in one directory of one machine.
//
// Layout, under Options.Dir:
//
//	tmp/NAME     blobs that are being written; whatever is there at start is garbage of a crash and removed
//	xx/ID        the bytes of a blob and nothing else, in one of 256 directories named by the id's first two digits
//	xx/ID.sum    for blobs of more than one block: the CRC32C of each block, 4 bytes each, big endian
//
// An id is 24 hexadecimal digits: 16 at random, then the CRC32C of the list of the blocks' CRC32Cs. It therefore
// vouches for the list, and the list for each block of 4 MiB. Small blobs need no second file.
//
// Invariants:
//
//	F1  A file under xx/ is whole and durable: its bytes are synced before it gets its name, the list of its checksums
//	    has its name before, and Commit returns after the directory is synced.
//	F2  A file never changes. Removal unlinks it; who has it open reads on.
//	F3  A byte is returned only after its block was found whole since the process started, or since the file's inode
//	    changed. The result is remembered per block, so that a file that is served often is checked once.
package fileblob
